"""What the public is told of what is late."""

from __future__ import annotations

from datetime import timedelta

from chalicelib import status
from chalicelib.aws.job_progress import Look
from chalicelib.clock import iso
from chalicelib.watch import PROMISED
from tests.conftest import T0

from .conftest import LOOK, MINUTE


def test_the_public_is_told_what_is_late_and_since_when_once_it_is_late(on_duty):
    runs, promised = on_duty.services.runs, on_duty.promised("sweep_payouts")
    runs.whole("sweep_payouts", T0)
    due = T0 + MINUTE
    for ago, condition, since in ((MINUTE, "well", None), (timedelta(0), "late", due)):
        now = due + promised - ago
        on_duty.fire("watch", now)
        told = {one.part: one for one in status.of(runs.last_look(), now).parts}
        assert (told["payments"].condition, told["payments"].late_since) == (condition, since and iso(since))
        assert told["draws"].condition == "well"


def test_an_older_look_that_ends_later_tells_nothing(on_duty):
    runs = on_duty.services.runs
    for ago in (timedelta(0), LOOK):
        on_duty.fire("watch", T0 + LOOK - ago)
        assert runs.last_look().looked_at == T0 + LOOK


def test_nothing_is_known_when_the_watch_has_not_looked_in_its_time():
    look = Look(T0, dict.fromkeys(PROMISED) | {"award": T0 - MINUTE})
    for later, condition in ((3 * LOOK, "late"), (3 * LOOK + MINUTE, "unknown")):
        told = status.of(look, T0 + later)
        assert (told.condition, told.looked_at) == (condition, iso(T0))
        assert (told.parts[0].condition, told.parts[1].condition == "unknown") == (condition, condition == "unknown")
    never = status.of(None, T0)
    assert (never.condition, never.looked_at, {one.condition for one in never.parts}) == ("unknown", None, {"unknown"})


def test_the_worst_part_is_said_of_the_whole_and_each_promise_has_its_part():
    assert status.of(Look(T0, dict.fromkeys(PROMISED)), T0).condition == "well"
    assert status.of(Look(T0, dict.fromkeys(PROMISED.keys() - {"award"})), T0).condition == "unknown"
    assert status.of(Look(T0, {"award": None, "results": T0}), T0).condition == "late"
    assert sorted(job for jobs in status.JOBS.values() for job in jobs) == sorted(PROMISED)
