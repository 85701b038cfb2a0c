"""Quotas, the time of the freeze, states and standings, and the due steps of a wave (with production's figures)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from admin.commands.draws.verify import program
from chalicelib.clock import iso
from chalicelib.config import load_programme
from chalicelib.draw import note
from chalicelib.draw.leaves import leaf
from chalicelib.draw.note import Note, beacon_round, round_time
from chalicelib.draw.selection import DrawResult, open_value, rank
from chalicelib.waves.calendar import Calendar, CalendarException, Changes, PlannedWave
from chalicelib.waves.errors import BeneficiaryRevoked, PurchaseDeadlinePassed
from chalicelib.waves.places.place_rules import check_in_time, check_kept
from chalicelib.waves.plan_rules import closing_soon, due, owed, planned, plans, seats_for
from chalicelib.waves.rules import (
    NEXT,
    NEXT_BENEFICIARY,
    Beneficiary,
    BeneficiaryState,
    Entry,
    EntryOutcome,
    EntryStanding,
    Wave,
    WaveState,
    buy_by,
    chain_of,
    closing_day,
    freeze_due,
    frozen_at,
    sources,
    standing,
    state_at,
)
from chalicelib.waves.wire import entry_view

RESULTS = "https://results.example"
OPENS = datetime(2023, 6, 2, 5, tzinfo=UTC)
CLOSES = datetime(2023, 6, 5, 17, tzinfo=UTC)
PLAN = PlannedWave(54, OPENS, CLOSES)
QUICKNET = load_programme("production").draw.pinned
MS = timedelta(milliseconds=1)
ENTRY = Entry(54, "siti", 31, bytes(32), OPENS, "kk")


def with_quota(quota: int | None) -> PlannedWave:
    return PlannedWave(54, OPENS, CLOSES, quota)


def recorded(state: WaveState) -> Wave:
    return Wave(54, state, OPENS, CLOSES, 5, 0, {})


def beneficiary(wave: int, state: BeneficiaryState) -> Beneficiary:
    return Beneficiary("siti", wave, "0" * 16, "2023", "open", state, CLOSES, 31, CLOSES)


def test_a_wave_without_a_quota_takes_its_share_of_what_the_year_has_left():
    assert seats_for(with_quota(None), 1_000_000, 16) == 62_500
    assert seats_for(with_quota(None), 100, 3) == 33
    assert seats_for(with_quota(None), 0, 3) == 0


def test_an_admins_quota_is_cut_to_what_the_year_has_left():
    assert seats_for(with_quota(40), 100, 3) == 40
    assert seats_for(with_quota(40), 39, 3) == 39
    assert seats_for(with_quota(40), -1, 3) == 0, "the target was lowered under what is allotted"


@given(st.integers(0, 10**6), st.lists(st.none() | st.integers(0, 10**6), min_size=1, max_size=26))
def test_a_years_quotas_never_exceed_its_target_and_use_it_up_if_nobody_sets_them(target, asked):
    left = target
    for n, quota in enumerate(asked):
        seats = seats_for(with_quota(quota), left, len(asked) - n)
        assert seats >= 0
        left -= seats
    assert left >= 0
    if asked[-1] is None:
        assert left == 0


def test_the_age_counts_on_the_monday_of_the_last_accepted_instant():
    assert closing_day(CLOSES) == date(2023, 6, 5), "CLOSES itself is Tuesday in WIB"
    assert closing_day(CLOSES + MS) == date(2023, 6, 6)


def test_a_freeze_is_due_after_the_delay_in_whole_seconds():
    assert freeze_due(CLOSES, 900) == datetime(2023, 6, 5, 17, 15, tzinfo=UTC)
    assert freeze_due(CLOSES + MS, 900) == datetime(2023, 6, 5, 17, 15, 1, tzinfo=UTC)


DUE = datetime(2026, 6, 5, 17, 15, tzinfo=UTC)


def test_a_freeze_declares_its_nominal_instant_while_half_of_the_delay_is_left():
    assert frozen_at(DUE, 1800, DUE) == DUE
    assert frozen_at(DUE, 1800, DUE + timedelta(minutes=15)) == DUE
    late = DUE + timedelta(minutes=15) + MS
    assert frozen_at(DUE, 1800, late) == DUE + timedelta(minutes=15, seconds=1)


@given(st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_note_published_now_never_names_a_round_that_could_exist_soon(late):
    now = DUE + late
    frozen = frozen_at(DUE, QUICKNET.delay_s, now)
    round_at = note.round_time(QUICKNET, note.beacon_round(QUICKNET, frozen))
    assert round_at - now >= timedelta(seconds=QUICKNET.delay_s / 2)
    assert frozen >= DUE


def test_every_state_but_the_last_has_one_that_follows():
    assert list(NEXT) == list(WaveState)[:-1]
    assert list(NEXT.values()) == list(WaveState)[1:]


@pytest.mark.parametrize("record", [None, recorded(WaveState.OPEN), recorded(WaveState.CLOSED)])
def test_until_the_freeze_the_clock_decides_the_state_of_a_wave(record):
    instants = [OPENS - MS, OPENS, CLOSES - MS, CLOSES, CLOSES + timedelta(days=9)]
    expected = [WaveState.SCHEDULED, WaveState.OPEN, WaveState.OPEN, WaveState.CLOSED, WaveState.CLOSED]
    assert [state_at(record, PLAN, now) for now in instants] == expected


@pytest.mark.parametrize("state", [WaveState.FROZEN, WaveState.DRAWN, WaveState.SETTLED])
def test_from_the_freeze_on_the_record_decides_the_state(state):
    assert state_at(recorded(state), PLAN, CLOSES + timedelta(hours=1)) is state


@pytest.mark.parametrize(
    ("outcome", "state", "expected"),
    [
        (None, WaveState.OPEN, (EntryStanding.WAITING_FOR_CLOSING, None)),
        (None, WaveState.CLOSED, (EntryStanding.IN_SELECTION, None)),
        (None, WaveState.FROZEN, (EntryStanding.IN_SELECTION, None)),
        (None, WaveState.DRAWN, (EntryStanding.IN_SELECTION, None)),
        (None, WaveState.SETTLED, (EntryStanding.NOT_CHOSEN, "not_drawn")),
        (EntryOutcome.CHOSEN, WaveState.DRAWN, (EntryStanding.CHOSEN, None)),
        (EntryOutcome.CHOSEN, WaveState.SETTLED, (EntryStanding.CHOSEN, None)),
        (EntryOutcome.FAMILY_CARD, WaveState.DRAWN, (EntryStanding.NOT_CHOSEN, "family_card")),
        (EntryOutcome.ALREADY_BENEFICIARY, WaveState.SETTLED, (EntryStanding.NOT_CHOSEN, "already_beneficiary")),
        (EntryOutcome.INELIGIBLE, WaveState.SETTLED, (EntryStanding.NOT_CHOSEN, "ineligible")),
    ],
)
def test_each_outcome_has_its_standing(outcome, state, expected):
    entry = Entry(54, "siti", 31, bytes(32), OPENS, "kk", outcome)
    assert standing(entry, state, beneficiary(54, BeneficiaryState.POTENTIAL)) == expected


def test_only_the_wave_that_chose_a_person_shows_the_revocation():
    chosen = Entry(54, "siti", 31, bytes(32), OPENS, "kk", EntryOutcome.CHOSEN, "open")
    assert standing(chosen, WaveState.SETTLED, beneficiary(54, BeneficiaryState.REVOKED))[0] is EntryStanding.REVOKED
    assert standing(chosen, WaveState.SETTLED, beneficiary(53, BeneficiaryState.REVOKED))[0] is EntryStanding.CHOSEN


PRODUCTION, LOCAL = (load_programme(stage).training for stage in ("production", "local"))


@pytest.mark.parametrize(
    "awarded_at",
    [
        datetime(2023, 6, 5, 17, 0, tzinfo=UTC),  # 00:00 WIB of 6 June, the first instant of day 1
        datetime(2023, 6, 5, 17, 45, 3, 5000, tzinfo=UTC),
        datetime(2023, 6, 6, 16, 59, 59, 999_999, tzinfo=UTC),  # the last instant of day 1
    ],
)
def test_a_training_must_be_bought_by_the_end_of_the_fifteenth_day_in_wib_counting_that_of_the_award(awarded_at):
    assert buy_by(awarded_at, PRODUCTION) == datetime(2023, 6, 20, 17, 0, tzinfo=UTC)  # 20 June is over in WIB
    assert buy_by(datetime(2023, 6, 5, 16, 59, 59, tzinfo=UTC), PRODUCTION) == datetime(2023, 6, 19, 17, tzinfo=UTC)


def test_a_stage_may_count_seconds_and_a_deadline_is_always_a_whole_one():
    assert buy_by(OPENS, LOCAL) == OPENS + timedelta(hours=3)
    assert buy_by(OPENS + MS, LOCAL) == OPENS + timedelta(hours=3, seconds=1)


def test_the_deadline_limits_only_the_first_purchase():
    by = CLOSES  # of `beneficiary`
    check_in_time(beneficiary(54, BeneficiaryState.POTENTIAL), by - MS)
    with pytest.raises(PurchaseDeadlinePassed) as late:
        check_in_time(beneficiary(54, BeneficiaryState.POTENTIAL), by)
    assert late.value.facts == {"buy_by": "2023-06-05T17:00:00Z"}
    for state in (BeneficiaryState.ACTIVE, BeneficiaryState.GRADUATED):
        check_in_time(beneficiary(54, state), by + timedelta(days=99))
    with pytest.raises(BeneficiaryRevoked):
        check_kept(beneficiary(54, BeneficiaryState.REVOKED))


def test_revoked_and_graduated_are_final_and_only_potential_beneficiaries_are_revoked():
    assert set(NEXT_BENEFICIARY) == set(BeneficiaryState)
    assert NEXT_BENEFICIARY[BeneficiaryState.REVOKED] == NEXT_BENEFICIARY[BeneficiaryState.GRADUATED] == frozenset()
    assert sources(BeneficiaryState.REVOKED) == [BeneficiaryState.POTENTIAL.value]


def test_the_values_of_an_entry_that_was_not_drawn_can_be_recomputed():
    draw = DrawResult(b"s" * 32, {31: b"\x00" * 32}, b"\x01" * 32)
    view = entry_view(ENTRY, WaveState.SETTLED, None, draw, RESULTS)
    own = leaf(54, 31, bytes(32))
    assert view.drawn is not None
    assert view.drawn.open == open_value(draw.seed, own).hex()
    assert view.drawn.rank == rank(draw.seed, own).hex()
    assert (view.drawn.open_cutoff, view.drawn.rank_cutoff) == ("01" * 32, "00" * 32)


def test_an_entry_whose_place_was_revoked_says_when_and_why():
    at = datetime(2026, 12, 9, 17, 10, tzinfo=UTC)
    revoked = replace(beneficiary(54, BeneficiaryState.REVOKED), revoked_at=at)
    view = entry_view(replace(ENTRY, outcome=EntryOutcome.CHOSEN), WaveState.SETTLED, revoked, None, RESULTS)
    assert (view.standing, view.revoked_at, view.revoked_because) == ("revoked", iso(at), "no_first_purchase")
    passed = replace(revoked, state=BeneficiaryState.PASSED)
    view = entry_view(replace(ENTRY, outcome=EntryOutcome.CHOSEN), WaveState.SETTLED, passed, None, RESULTS)
    assert (view.standing, view.revoked_at, view.revoked_because) == ("revoked", iso(at), "nik_passed")
    passed = replace(passed, revoked_at=None)  # by an earlier release
    view = entry_view(replace(ENTRY, outcome=EntryOutcome.CHOSEN), WaveState.SETTLED, passed, None, RESULTS)
    assert (view.revoked_at, view.revoked_because) == (None, "nik_passed")
    lost = entry_view(ENTRY, WaveState.SETTLED, revoked, None, RESULTS)
    assert (lost.revoked_at, lost.revoked_because) == (None, None)


def test_without_seats_reserved_for_the_region_there_is_no_rank():
    view = entry_view(ENTRY, WaveState.SETTLED, None, DrawResult(b"s" * 32, {32: None}, None), RESULTS)
    assert view.drawn is not None
    assert (view.drawn.rank, view.drawn.rank_cutoff, view.drawn.open_cutoff) == (None, None, None)


def test_a_receipt_is_kept_as_a_file_that_a_verifier_reads(tmp_path):
    file = entry_view(ENTRY, WaveState.OPEN, None, None, RESULTS).receipt_file
    assert file.name == "gelombang-54-receipt.json"
    assert file.content == (
        f'{{"format":"gelombang/receipt/1","wave":54,"region":31,"ticket":"{"00" * 32}",'
        f'"leaf":"{leaf(54, 31, bytes(32)).hex()}","joined_at":"{iso(ENTRY.joined_at)}",'
        '"results_url":"https://results.example/draws/54/"}\n'
    )
    (tmp_path / file.name).write_text(file.content)
    assert program().read_ticket(str(tmp_path / file.name), None) == (bytes(32), 31, 54)


def test_a_note_of_a_chain_that_the_stage_no_longer_uses_is_still_read():
    production = load_programme("production").draw
    development = production.chains["development"]
    assert chain_of(production, development.hash) is development


PROD = load_programme("prod")
OPENS_145 = datetime(2026, 11, 27, 5, tzinfo=UTC)
CLOSES_145 = datetime(2026, 11, 30, 17, tzinfo=UTC)
SOON = CLOSES_145 - timedelta(hours=12)
FREEZES_145 = CLOSES_145 + timedelta(minutes=15)
CHAIN = PROD.draw.chains["quicknet"]
NOTE = Note(145, 9, 10, 0, bytes(32), FREEZES_145, CHAIN.hash, beacon_round(CHAIN, FREEZES_145))
ROUND = round_time(CHAIN, NOTE.round)
LATE = NOTE.frozen + timedelta(minutes=40)
"""A list that was frozen too late for the regular round."""


def wave(name: str, **changes: Any) -> Wave:
    state = WaveState(name)
    note = NOTE.encode().decode() if state in (WaveState.FROZEN, WaveState.DRAWN, WaveState.SETTLED) else None
    return replace(Wave(145, state, OPENS_145, CLOSES_145, 10, 0, {}, note, announced=state), **changes)


@pytest.mark.parametrize(
    ("record", "now", "debt"),
    [
        pytest.param(None, OPENS_145, ("OPEN", OPENS_145), id="not opened"),
        pytest.param(wave("OPEN", announced=None), OPENS_145, ("OPEN", OPENS_145), id="opened, not announced"),
        pytest.param(wave("OPEN"), OPENS_145, ("OPEN", SOON), id="not told that it closes soon"),
        pytest.param(wave("OPEN", closing_told=True), OPENS_145, ("CLOSED", CLOSES_145), id="not closed"),
        pytest.param(wave("OPEN"), CLOSES_145, ("CLOSED", CLOSES_145), id="too late to tell, and not closed"),
        pytest.param(wave("CLOSED", announced=WaveState.OPEN), CLOSES_145, ("CLOSED", CLOSES_145), id="close not told"),
        pytest.param(wave("CLOSED"), CLOSES_145, ("FROZEN", FREEZES_145), id="not frozen"),
        pytest.param(wave("FROZEN", announced=WaveState.CLOSED), ROUND, ("FROZEN", FREEZES_145), id="note not told"),
        pytest.param(wave("FROZEN"), ROUND, ("DRAWN", ROUND), id="not drawn"),
        pytest.param(wave("DRAWN", announced=WaveState.FROZEN), ROUND, ("DRAWN", ROUND), id="draw not told"),
        pytest.param(wave("DRAWN"), ROUND, ("SETTLED", ROUND), id="seats not given"),
        pytest.param(wave("SETTLED", announced=WaveState.DRAWN), ROUND, ("SETTLED", ROUND), id="end not told"),
        pytest.param(wave("SETTLED"), ROUND, None, id="settled and told"),
    ],
)
def test_each_state_of_a_wave_has_its_due_steps(record, now, debt):
    plan = planned(wave("OPEN"))
    assert owed(plan, record, PROD, now) == debt


def test_a_draw_is_due_when_the_round_of_its_own_note_is():
    committed = replace(NOTE, frozen=LATE, round=beacon_round(CHAIN, LATE))
    frozen = wave("FROZEN", note=committed.encode().decode())
    assert owed(planned(frozen), frozen, PROD, LATE) == (WaveState.DRAWN, round_time(CHAIN, committed.round))


@pytest.mark.parametrize(
    ("told", "again", "owes"),
    [
        pytest.param(1, False, "OPEN", id="not told that it closes soon, which an extension by an hour makes due"),
        pytest.param(0, True, "OPEN", id="not told of the extension"),
        pytest.param(1, True, None, id="not closed by the new close"),
    ],
)
def test_an_extension_makes_nothing_late_that_was_not_due_before_it(told, again, owes):
    extended_at = CLOSES_145 - timedelta(minutes=5)
    closes_at = CLOSES_145 + timedelta(hours=1)
    record = wave(
        "OPEN", closes_at=closes_at, extended=1, extended_at=extended_at, extension_told=told, closing_told=again
    )
    assert closing_soon(record, PROD.calendar) < extended_at
    debt = ("OPEN", extended_at) if owes else ("CLOSED", closes_at)
    assert owed(planned(record), record, PROD, extended_at) == debt


def test_a_short_waves_coming_close_is_announced_from_its_opening_on():
    short = wave("OPEN", opens_at=CLOSES_145 - timedelta(hours=1))
    assert owed(planned(short), short, PROD, CLOSES_145 - timedelta(minutes=1)) == (WaveState.OPEN, short.opens_at)


def test_a_step_that_made_its_plan_before_an_extension_goes_by_the_new_close():
    extended = wave("OPEN", closes_at=CLOSES_145 + timedelta(days=2))
    plan = planned(wave("OPEN"))
    assert due(plan, extended, WaveState.OPEN, PROD.draw) == extended.closes_at
    assert due(plan, extended, WaveState.CLOSED, PROD.draw) == freeze_due(extended.closes_at, 900)


def test_the_due_steps_of_a_wave_follow_from_its_record_not_the_calendar():
    moved = CalendarException(145, opens_at=OPENS_145 + timedelta(days=2), closes_at=CLOSES_145 + timedelta(days=2))
    calendar, began = Calendar(PROD.calendar, Changes((moved,))), OPENS_145 - timedelta(days=3)
    assert plans(calendar, {}, began, OPENS_145) == []
    assert [plan.opens_at for plan in plans(calendar, {145: wave("OPEN")}, began, OPENS_145)] == [OPENS_145]


def test_a_skipped_wave_or_one_before_this_system_has_no_due_step():
    skipped = Calendar(PROD.calendar, Changes((CalendarException(145, skipped=True),)))
    assert plans(skipped, {}, OPENS_145, CLOSES_145) == []
    assert plans(Calendar(PROD.calendar), {}, CLOSES_145, CLOSES_145 + timedelta(days=1)) == []
