"""One wave over HTTP, from the first account to the last payment: the demo's own people and player, on moto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

import app as application
from chalicelib.clock import wib_date
from chalicelib.config import Programme, Settings, load_programme
from local.demo.api import Api
from local.demo.checks import differences
from local.demo.crowd import Crowd
from local.demo.people import Part, people
from local.demo.play import play
from local.demo.results import Played
from local.demo.scene import Scene
from local.sandbox.beacon import WITNESS
from local.sandbox.provider_books import Faults

from .mistakes import MISTAKES, copy_of
from .world import World, world_on

COUNT = 60

PHASES = [
    "registration", "calendar", "opening", "close", "catalogue", "commitment", "beacon", "witness", "draw", "award",
    "training", "payout", "revocation", "jobs", "surveys", "helpdesk", "mail", "feed", "statistics", "comparison",
]  # fmt: skip


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_on(cloud, programme, monkeypatch) as world:
        yield world


def play_on(
    world: World, programme: Programme, folder: Path, disagreements: list[str], told: list[str], *, seed: int
) -> Played:
    invented = people(seed, COUNT, wib_date(world.now()), programme, Faults().fail_suffix)
    world._fsp.books.open_accounts(person.address for person in invented)
    crowd = Crowd(Api(world.url, world.keys_url, 1), invented, world.clock, lambda *_: None, disagreements, workers=1)
    return play(Scene(crowd, world, world, programme, folder, Faults().fail_suffix, told.append))


def test_a_whole_wave_agrees_though_the_provider_misbehaves_and_each_planted_mistake_is_named(
    world: World, programme: Programme, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    world._fsp.books.configure(
        {"error_after_rate": 0.1, "error_before_rate": 0.1, "timeout_after_rate": 0.1, "fail_rate": 0.1}
    )
    disagreements: list[str] = []
    told: list[str] = []
    played = play_on(world, programme, tmp_path, disagreements, told, seed=33)
    assert disagreements == []
    check_that_everything_was_played(played)
    check_that_the_queue_was_ahead(world, played)
    phases = [line.partition(":")[0] for line in told]
    assert [phase for phase in dict.fromkeys(phases) if phase in PHASES] == PHASES  # it also tells what it waits for
    assert (
        (tmp_path / str(played.wave["number"]) / "cosignatures.txt").read_text().startswith(f"\u2014 {WITNESS.name} ")
    )
    for name, (mistake, named) in MISTAKES.items():
        with subtests.test(name):
            wrong = copy_of(played)
            mistake(wrong)
            assert [found for found in differences(wrong) if named in found]


def test_a_whole_wave_agrees_on_a_machine_that_takes_seconds_for_each_request(
    world: World, programme: Programme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request takes eight seconds: all of it takes longer than a token, or any deadline of a hurry, lasts."""

    def slow() -> datetime:
        World.instant += timedelta(seconds=8)
        return World.instant

    monkeypatch.setattr(application.app, "clock", slow)
    local = load_programme("local")
    patient = replace(programme, training=local.training, surveys=local.surveys)
    monkeypatch.setattr(world.services, "programme", patient)
    began = world.now()
    disagreements: list[str] = []
    counts = play_on(world, patient, tmp_path, disagreements, [], seed=54).counts
    assert disagreements == []
    assert world.now() - began > timedelta(hours=1)
    assert min(counts[name] for name in ("joined", "chosen", "paid", "revoked", "substituted", "surveys")) > 0


def check_that_the_queue_was_ahead(world: World, played: Played) -> None:
    number = played.wave["number"]
    record, marks = world.services._wave_store.wave(number), world.services._wave_store.awarded(number)
    assert record.award_sends == 1
    assert sorted(marks) == list(range(1, record.award_batches + 1))
    assert sum(mark.decided for mark in marks.values()) == played.wave["quota"]


def check_that_everything_was_played(played: Played) -> None:
    counts = played.counts
    assert counts["registered"] + counts["refused"] == COUNT
    assert counts["chosen"] < counts["joined"] < counts["registered"]
    assert min(counts[name] for name in ("paid", "failed", "revoked", "substituted", "surveys")) > 0
    # Whether the provider then pays follows from its faults, which follow from how often a busy machine asks it.
    reminded = {payout["state"] for diary in played.diaries if diary.reminded for payout in diary.payouts}
    assert reminded
    assert "needs_financial_address" not in reminded
    trained = [diary.person for diary in played.diaries if diary.completed]
    for habit in ("buys_two", "changes_mind", "overspends", "applies", "withdraws"):
        assert [person for person in trained if getattr(person, habit)], habit
    assert {Part.DOUBLE_CLICKS, Part.TWO_DEVICES, Part.EARLY} <= {person.part for person in trained}
    assert {one["reason"] for one in played.results.substitutions} >= {"family_card", "revoked"}
    assert {bool(survey["amount_idr"]) for diary in played.diaries if diary.answers for survey in diary.surveys} == {
        True,
        False,
    }
    assert {len(diary.grievances) for diary in played.diaries} == {0, 1}
