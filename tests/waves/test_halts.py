"""A wave that is extended while it is open, pauses, and the end of the programme: for people and the public."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from admin.deployment import deploy
from admin.deployment.stacks import DeployFailed
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.figures.waves import PlannedPause
from chalicelib.waves.calendar import Changes
from chalicelib.waves.errors import (
    ChangeTooLate,
    CloseTooNear,
    NoneComing,
    UnknownWave,
    WaveClosed,
    WaveNotOpen,
    WavesOverlap,
)
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveStore
from tests.builders.waves import CLOSES, FREEZES, OPENS, PEOPLE, ROUND, WAVE, WavesWorld, joined
from tests.conftest import T0

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
MARGIN = 7 * SECOND
"""Twice the second for which this stage believes what it has read, and five more."""

ANI = Signed("ani", "a trial")


def check_calendar(settings: Settings, programme: Programme, now: datetime) -> None:
    """As a deployment does whose schemes are all served, and which finds no other calendar at work."""
    deploy.check_calendar(settings, programme, now, {one.version for one in programme.schemes})


def names(world: WavesWorld) -> list[str]:
    return [event["event"] for event in world.heard()]


def test_an_open_wave_is_extended_and_everything_follows_the_new_close(world: WavesWorld, tmp_path: Any) -> None:
    joined(world)
    world.at(OPENS, CLOSES - 4 * MARGIN)
    other = world.wired().waves
    assert other.current(world.clock.now).closes_at == iso(CLOSES)
    later = CLOSES + 2 * DAY
    world.waves.extend(WAVE, later, world.clock.now, ANI)
    world.clock.now = CLOSES + SECOND
    world.join("a-late-one")
    assert other.current(world.clock.now).closes_at == iso(later), "another function has read it too"
    assert world.at(CLOSES + SECOND, FREEZES, ROUND) == []
    moved = later - CLOSES
    world.at(later, FREEZES + moved)
    assert world.at(ROUND + moved)[-1].state is WaveState.SETTLED
    assert world.wired().waves.get(WAVE, world.clock.now).entries == 7
    assert world.failed_checks(WAVE, tmp_path) == []
    assert next(act.about for act in world.waves.acts()) == f"wave {WAVE} opens {iso(OPENS)} closes {iso(later)} " + (
        "quota 4 reserved 2 weights {31: 1, 32: 1}"
    )


def test_what_was_announced_of_a_close_is_announced_anew(world: WavesWorld) -> None:
    joined(world)
    world.at(OPENS)
    soon = MARGIN + SECOND  # the stage tells of the close five seconds before it, too late for an extension
    for n in (1, 2):
        closes_at = CLOSES + n * DAY
        world.at(closes_at - DAY - soon)
        names(world)
        world.waves.extend(WAVE, closes_at, world.clock.now)
        world.step()
        [event] = world.heard()
        assert (event["event"], event["closes_at"]) == ("wave_extended", iso(closes_at))
        world.step()
        assert names(world) == []
    world.at(CLOSES + 2 * DAY - 4 * SECOND, CLOSES + 2 * DAY)
    assert names(world) == ["wave_closing_soon", "wave_closed"]


def test_a_close_that_was_told_to_be_near_is_told_again(world: WavesWorld) -> None:
    world.programme = programme_telling_early(world)
    world.restart()
    joined(world)
    world.at(OPENS, CLOSES - DAY)
    assert names(world) == ["wave_open", "wave_closing_soon"]
    world.waves.extend(WAVE, CLOSES + 3 * DAY, world.clock.now)
    world.at(CLOSES - DAY + SECOND, CLOSES + 2 * DAY)
    told = world.heard()
    assert [(event["event"], event["closes_at"]) for event in told] == [
        ("wave_extended", iso(CLOSES + 3 * DAY)),
        ("wave_closing_soon", iso(CLOSES + 3 * DAY)),
    ]
    feed = world.services._events.latest(10)
    assert [event.event for event in feed].count("wave_closing_soon") == 2


def programme_telling_early(world: WavesWorld) -> Any:
    from msgspec.structs import replace

    calendar = replace(world.programme.calendar, closing_soon_s=86_400)
    return replace(world.programme, calendar=calendar)


def test_only_a_wave_that_is_recorded_as_open_is_extended_and_in_time(world: WavesWorld) -> None:
    joined(world)
    with pytest.raises(WaveNotOpen):
        world.waves.extend(WAVE, CLOSES + DAY, OPENS)  # no step has recorded it yet
    world.at(OPENS)
    with pytest.raises(CloseTooNear):
        world.waves.extend(WAVE, CLOSES + DAY, CLOSES - MARGIN + SECOND)
    world.waves.extend(WAVE, CLOSES + DAY, CLOSES - MARGIN)
    world.at(CLOSES + DAY)
    with pytest.raises(WaveNotOpen):
        world.waves.extend(WAVE, CLOSES + 2 * DAY, world.clock.now)


def test_a_step_that_read_the_old_close_does_not_close_the_wave(world: WavesWorld) -> None:
    joined(world)
    world.at(OPENS)
    stale = world.store.wave(WAVE)
    assert stale is not None
    world.waves.extend(WAVE, CLOSES + DAY, OPENS)
    assert world.store.step(stale, WaveState.CLOSED) is False
    world.store.closing_told(stale)
    record = world.store.wave(WAVE)
    assert record is not None
    assert (record.state, record.closes_at, record.closing_told) == (WaveState.OPEN, CLOSES + DAY, False)


def test_a_calendar_that_moves_an_open_wave_is_not_deployed(world: WavesWorld) -> None:
    """People would join by the one, and the list be frozen by the other."""
    world.at(OPENS)
    settings, rules = world.settings, world.programme.calendar
    for now in (OPENS, CLOSES + SECOND):
        check_calendar(settings, world.programme, now)
    fine = OPENS + timedelta(days=4, microseconds=1)
    added = world.waves.add(fine, fine + timedelta(hours=1), 3, OPENS)
    world.at(fine + SECOND)
    assert world.waves.current(fine + SECOND).number == added
    check_calendar(settings, world.programme, fine + SECOND)
    later = replace(rules, open_hours=rules.open_hours + 1)
    ended = replace(rules, ends_on=OPENS.date() - DAY)
    assert rules.first_opens_at
    opening_later = replace(rules, first_opens_at=rules.first_opens_at + DAY, open_hours=rules.open_hours - 24)
    for changed, now, why in [
        (later, OPENS, "is open at other times"),
        (ended, OPENS, "is open at other times"),
        (opening_later, OPENS, "is open at other times"),
        (later, CLOSES + SECOND, "has taken place"),
    ]:
        with pytest.raises(DeployFailed, match=f"wave {WAVE} {why}"):
            check_calendar(settings, replace(world.programme, calendar=changed), now)


def test_a_calendar_that_opens_waves_of_the_past_or_a_wave_again_is_not_deployed(world: WavesWorld) -> None:
    """As a file that puts off an end that came, or changes the rhythm, would."""
    joined(world)
    world.at(OPENS, FREEZES, ROUND)
    rules, ended = world.programme.calendar, OPENS.date() + 2 * DAY
    now = OPENS + 30 * DAY
    world.waves.resize(WAVE + 3, 4, 0, {}, ROUND)

    def check(**changes: Any) -> None:
        check_calendar(world.settings, replace(world.programme, calendar=replace(rules, **changes)), now)

    check(ends_on=ended)
    with pytest.raises(DeployFailed, match=f"wave {WAVE + 1} did not open at {iso(OPENS + 14 * DAY)}"):
        check()
    gap = PlannedPause(since=OPENS + DAY, until=now, why_id="Belum ada aturan", why_en="There was no decree")
    check(pauses=(gap,))
    assert rules.first_opens_at
    with pytest.raises(DeployFailed, match=f"wave {WAVE} has taken place"):
        check(ends_on=date(2999, 1, 1), first_opens_at=rules.first_opens_at + 700 * DAY)


@pytest.mark.parametrize(
    ("first_wave", "served", "refused"), [(WAVE, set(), True), (WAVE, {"2031"}, False), (WAVE + 1, set(), False)]
)
def test_a_new_scheme_of_waves_that_have_opened_is_not_deployed(
    world: WavesWorld, first_wave: int, served: set[str], refused: bool
) -> None:
    """People would join by it, and be chosen by the scheme with which their wave opened."""
    world.at(OPENS)
    schemes = world.programme.schemes
    newer = replace(schemes[-1], version="2031", first_wave=first_wave)
    changed = replace(world.programme, schemes=(*schemes, newer))
    expected = pytest.raises(DeployFailed, match="the scheme 2031 is new") if refused else nullcontext()
    with expected:
        deploy.check_calendar(world.settings, changed, OPENS, {*served, *(one.version for one in schemes)})


def test_a_wave_that_may_open_during_a_deployment_has_one_time(world: WavesWorld) -> None:
    """The old functions would open it at the one, and the new ones refuse its joins until the other."""
    world.step()
    rules, known = world.programme.calendar, {one.version for one in world.programme.schemes}
    assert rules.first_opens_at
    sooner, later = (replace(rules, first_opens_at=rules.first_opens_at + n * DAY) for n in (-1, 1))
    just_before = OPENS - timedelta(minutes=3)
    for calendar, now, refused in [
        (rules, just_before, False),
        (later, just_before - timedelta(hours=1), False),
        (later, just_before, True),
        (sooner, just_before - DAY, True),
    ]:
        changed = replace(world.programme, calendar=calendar)
        expected = pytest.raises(DeployFailed, match=f"wave {WAVE} opens at") if refused else nullcontext()
        with expected:
            deploy.check_calendar(world.settings, changed, now, known, rules)


def test_a_calendar_whose_waves_meet_one_that_was_added_is_not_deployed(world: WavesWorld) -> None:
    between = OPENS + 7 * DAY
    added = world.waves.add(between, between + DAY, 3, T0)
    calendar, weekly = world.programme.calendar, OPENS - 7 * DAY * (WAVE - world.programme.calendar.first_wave)
    check_calendar(world.settings, world.programme, T0)
    twice_as_often = replace(world.programme, calendar=replace(calendar, every_days=7, first_opens_at=weekly))
    with pytest.raises(WavesOverlap) as caught:
        check_calendar(world.settings, twice_as_often, T0)
    assert caught.value.facts == {"wave": added, "other": WAVE + 1}
    check_calendar(world.settings, twice_as_often, between + DAY)


def test_a_wave_that_has_opened_is_not_moved_whatever_the_calendar_says(world: WavesWorld) -> None:
    """A file may say that the programme paused when it opened."""
    world.at(OPENS, CLOSES)
    gap = PlannedPause(since=OPENS - DAY, until=CLOSES, why_id="Jeda", why_en="A pause")
    calendar = replace(world.programme.calendar, pauses=(gap,))
    world.restart(programme=replace(world.programme, calendar=calendar))
    assert world.waves._calendar(CLOSES).wave(WAVE) is None
    with pytest.raises(ChangeTooLate):
        world.waves.move(WAVE, CLOSES + DAY, CLOSES + 2 * DAY, CLOSES)


def test_an_extension_whose_wave_closes_meanwhile_changes_nothing(world: WavesWorld, monkeypatch: Any) -> None:
    joined(world)
    world.at(OPENS)
    before, replace_changes = world.store.changes(), WaveStore.replace_changes

    def overtaken(store: WaveStore, *arguments: Any) -> bool:
        wave = store.wave(WAVE)
        if wave is not None and wave.state is WaveState.OPEN:
            store.step(wave, WaveState.CLOSED)
        return replace_changes(store, *arguments)

    monkeypatch.setattr(WaveStore, "replace_changes", overtaken)
    with pytest.raises(WaveNotOpen):
        world.waves.extend(WAVE, CLOSES + DAY, OPENS)
    assert world.store.changes() == before


def test_while_none_is_coming_every_answer_says_so(world: WavesWorld) -> None:
    joined(world)
    world.waves.pause(CLOSES, None, T0, ANI)
    world.at(OPENS, FREEZES, ROUND)
    now = ROUND + DAY
    waves = world.wired().waves
    assert (waves.next_opening(now), waves.next_close(now)) == (None, (None, ""))
    assert waves.listed(now).none_coming
    assert waves.current(now).state is WaveState.SETTLED, "the last one"
    assert waves.join(PEOPLE[0], now)[0].wave == WAVE, "a receipt is given again"
    with pytest.raises(NoneComing):
        waves.join("nobody", now)
    agenda = waves.agenda(now)
    assert [plan.number for plan in agenda.waves] == [WAVE]
    assert [plan.number for plan in agenda.skipped] == list(range(WAVE + 1, WAVE + 14))
    waves.resume(OPENS + 28 * DAY, now, ANI)
    assert world.wired().waves.next_opening(now) == OPENS + 28 * DAY
    with pytest.raises(WaveClosed):
        world.wired().waves.join("nobody", now)
    assert [act.about for act in waves.acts()][:2] == [
        f"paused from {iso(CLOSES)} until {iso(OPENS + 28 * DAY)} not paused from {iso(CLOSES)} until it is resumed",
        f"paused from {iso(CLOSES)} until it is resumed",
    ]


def test_a_system_without_any_wave_has_no_current_one(world: WavesWorld) -> None:
    world.step()
    world.waves.end(date(2026, 11, 20), T0, ANI)
    with pytest.raises(NoneComing):
        world.wired().waves.current(T0)
    with pytest.raises(UnknownWave):
        world.wired().waves.get(WAVE, T0)


def test_a_pause_and_the_end_are_announced_once_and_anew_when_they_change(world: WavesWorld) -> None:
    world.step()
    world.waves.pause(OPENS - DAY, OPENS + 20 * DAY, T0, ANI)
    world.waves.end(date(2027, 12, 31), T0, ANI)
    world.at(T0 + SECOND, T0 + 2 * SECOND)
    told = world.heard()
    assert [(one["event"], one["no_wave_from_at"], one["no_wave_until_at"]) for one in told] == [
        ("programme_paused", iso(OPENS - DAY), iso(OPENS + 20 * DAY)),
        ("programme_ends", "2027-12-31T17:00:00Z", None),
    ]
    world.waves.resume(OPENS, T0 + 3 * SECOND, ANI)
    world.at(T0 + 4 * SECOND)
    assert [(one["event"], one["no_wave_until_at"]) for one in world.heard()] == [("programme_paused", iso(OPENS))]
    world.at(OPENS, OPENS + SECOND)
    assert names(world) == ["wave_open"], "what is over is not told again"


def test_of_pauses_that_begin_together_the_longest_that_is_left_is_told(world: WavesWorld) -> None:
    world.step()
    since = OPENS + 30 * DAY
    ends = {days: since + days * DAY for days in (20, 40, 60)}
    changes: list[tuple[Any, datetime | None]] = [
        (lambda: world.waves.pause(since, ends[40], T0, ANI), ends[40]),
        (lambda: world.waves.pause(since, ends[20], T0, ANI), None),
        (lambda: world.waves.pause(since, ends[60], T0, ANI), ends[60]),
        (lambda: world.waves.resume(ends[40], T0, ANI), ends[40]),
        (lambda: world.waves.resume(ends[20], T0, ANI), ends[20]),
    ]
    for change, until in changes:
        change()
        world.step()
        told = [(one["event"], one["no_wave_until_at"]) for one in world.heard()]
        assert told == ([("programme_paused", iso(until))] if until else [])


def test_each_change_is_told_once_however_late_or_often_a_step_comes(
    world: WavesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined(world)
    world.step()
    since, until = OPENS + 30 * DAY, OPENS + 50 * DAY

    def told() -> list[tuple[str, str | None]]:
        events = [one for one in world.heard() if one["event"].startswith("programme")]
        return [(one["event"], one.get("no_wave_until_at") or one.get("was_from_at")) for one in events]

    world.waves.pause(since, until, T0, ANI)
    world.step()
    assert told() == [("programme_paused", iso(until))]
    world.waves.skip(WAVE + 1, T0)  # the last wave that closes before it
    world.waves.pause(since, until, T0, ANI)
    world.step()
    assert told() == [], "nothing has changed of it"
    # No step comes for a while.
    world.waves.resume(until - DAY, T0, ANI)
    world.waves.resume(since, T0, ANI)
    world.waves.pause(since, until, T0, ANI)
    for on in (date(2027, 1, 31), date(2027, 3, 31), None, date(2027, 1, 31)):
        world.waves.end(on, T0, ANI)
    with monkeypatch.context() as patch, pytest.raises(ExceptionGroup):
        patch.setattr(WaveStore, "halt_told", _dies)  # after the first was announced
        world.at(until + DAY)  # and that pause is over
    ends = iso(datetime(2027, 1, 31, 17, tzinfo=UTC)), iso(datetime(2027, 3, 31, 17, tzinfo=UTC))
    expected = [
        ("programme_paused", iso(until - DAY)),
        ("programme_pause_withdrawn", iso(since)),
        ("programme_paused", iso(until)),
        ("programme_ends", None),
        ("programme_ends", None),
        ("programme_end_withdrawn", ends[1]),
        ("programme_ends", None),
    ]
    assert told() == expected[:1]
    world.step()
    assert told() == expected[1:]
    world.at(until + 2 * DAY)
    assert told() == []
    acts = {act.about for act in world.waves.acts()}
    assert {f"no wave opens from {ends[0]}", f"withdrawn: no wave opens from {ends[1]}"} < acts


def _dies(*_: Any) -> None:
    raise RuntimeError("killed")


def test_a_stage_that_never_paused_has_no_changes(world: WavesWorld) -> None:
    assert world.store.changes() == (0, Changes())
