"""Deadlines in working days against the holidays of 2026, the states of a grievance, and its number.

docs/helpdesk.md: its code gives the values of the evidence, its words are those of the application.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.clock import WIB
from chalicelib.draw.selection import DrawResult
from chalicelib.figures.people import HelpdeskRules
from chalicelib.helpdesk import errors, rules
from chalicelib.helpdesk.evidence import of_selection
from chalicelib.helpdesk.rules import (
    UNANSWERED,
    AboutDisbursement,
    AboutRegistration,
    AboutSelection,
    Category,
    Grievance,
    GrievanceState,
    SelectionEvidence,
    is_holiday,
)
from chalicelib.helpdesk.wire import GrievanceForm
from chalicelib.waves.rules import NOT_DRAWN, DrawnEntry, Entry, EntryOutcome, EntryStanding
from tests.conftest import ROOT, T0

NATIONAL_2026 = {
    "01-01", "01-16", "02-17", "03-19", "03-21", "03-22", "04-03", "04-05", "05-01", "05-14", "05-27", "05-31",
    "06-01", "06-16", "08-17", "08-25", "12-25",
}  # fmt: skip
JOINT_LEAVE_2026 = {"02-16", "03-18", "03-20", "03-23", "03-24", "05-15", "05-28", "12-24"}
"""By the joint decree of the three ministers for 2026."""


def wib(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WIB).astimezone(UTC)


def test_the_holidays_of_2026_are_those_of_the_ministers_joint_decree():
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert {f"{day:%m-%d}" for day in days if is_holiday(day)} == NATIONAL_2026 | JOINT_LEAVE_2026


@pytest.mark.parametrize(
    ("filed", "late_from"),
    [
        # No holiday near: ten working days are two weeks.
        ("2026-11-24 10:00", "2026-12-09 00:00"),
        ("2026-11-24 00:00", "2026-12-09 00:00"),
        ("2026-11-24 23:59:59", "2026-12-09 00:00"),
        ("2026-11-25 00:00", "2026-12-10 00:00"),
        # A weekend is as good as the Friday before it.
        ("2026-11-27 12:00", "2026-12-12 00:00"),
        ("2026-11-28 12:00", "2026-12-12 00:00"),
        ("2026-11-29 23:00", "2026-12-12 00:00"),
        # Idul Fitri: Nyepi, both days and the joint leave around them, Wednesday 18 to Tuesday 24 March; Good Friday.
        ("2026-03-13 09:00", "2026-04-07 00:00"),
        ("2026-03-17 23:59", "2026-04-09 00:00"),
        ("2026-03-20 09:00", "2026-04-09 00:00"),
        ("2026-03-24 09:00", "2026-04-09 00:00"),
        # Christmas, its joint leave, New Year, and Isra Mi'raj of 2027.
        ("2026-12-23 09:00", "2027-01-13 00:00"),
    ],
)
def test_ten_working_days_leave_out_the_day_of_filing_weekends_and_holidays(filed, late_from):
    assert rules.deadline(wib(filed), 10, is_holiday) == wib(late_from)


def test_what_is_about_personal_data_is_due_by_the_clock_also_over_a_weekend():
    figures = HelpdeskRules(personal_data_hours=72, working_days=10, open_max=5)
    friday = wib("2026-11-27 12:00")
    assert rules.due(Category.PERSONAL_DATA, friday, figures, is_holiday) == wib("2026-11-30 12:00")
    assert rules.due(Category.OTHER, friday, figures, is_holiday) == wib("2026-12-12 00:00")


def test_the_day_of_filing_is_the_one_in_wib():
    # 17:00 UTC is midnight in WIB.
    monday, tuesday = datetime(2026, 11, 23, 16, 59, tzinfo=UTC), datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert rules.deadline(tuesday, 1, is_holiday) - rules.deadline(monday, 1, is_holiday) == timedelta(days=1)


def test_a_deadline_is_a_working_day_and_never_earlier_for_a_later_filing():
    filed = [wib("2026-01-01 12:00") + timedelta(days=n) for n in range(365)]
    deadlines = [rules.deadline(one, 10, is_holiday) for one in filed]
    assert deadlines == sorted(deadlines)
    for one in deadlines:
        last = (one - timedelta(seconds=1)).astimezone(WIB).date()
        assert last.weekday() < 5
        assert not is_holiday(last)


def test_an_answer_is_final_and_everything_else_can_be_answered():
    assert {GrievanceState.ESCALATED: {GrievanceState.OPEN}, GrievanceState.ANSWERED: UNANSWERED} == rules.BEFORE
    assert {GrievanceState.OPEN, GrievanceState.ESCALATED} == UNANSWERED


@pytest.mark.parametrize("state", GrievanceState)
@pytest.mark.parametrize("late", [False, True])
def test_a_grievance_is_overdue_from_its_deadline_on_unless_it_was_answered(state, late):
    grievance = Grievance("n", "p", AboutRegistration(), Category.OTHER, state, T0, T0 + timedelta(days=1), b"")
    now = grievance.deadline_at - timedelta(0 if late else 1)
    assert grievance.overdue(now) == (late and state is not GrievanceState.ANSWERED)


def test_a_number_follows_from_person_subject_and_words():
    said = [
        ("siti", AboutRegistration(), Category.OTHER, "Halo."),
        ("budi", AboutRegistration(), Category.OTHER, "Halo."),
        ("siti", AboutSelection(54), Category.OTHER, "Halo."),
        ("siti", AboutSelection(55), Category.OTHER, "Halo."),
        ("siti", AboutDisbursement("a" * 26), Category.OTHER, "Halo."),
        ("siti", AboutRegistration(), Category.FRAUD, "Halo."),
        ("siti", AboutRegistration(), Category.OTHER, "Halo!"),
    ]
    numbers, again = [rules.number(*one) for one in said], {rules.number(*one) for one in said}
    assert (set(numbers), len(again)) == (again, len(said))
    assert all(len(one) == 19 and [len(part) for part in one.split("-")] == [4] * 4 for one in numbers)


PAGE = (ROOT / "docs/helpdesk.md").read_text()


def block(language: str) -> str:
    return re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[1]


def evidence(draw: DrawResult, **entry: Any) -> SelectionEvidence:
    drawn = DrawnEntry(Entry(145, "siti", 31, b"t" * 32, T0, "kk", **entry), draw, EntryStanding.NOT_CHOSEN, NOT_DRAWN)
    return of_selection(drawn, 123_456, 949_210, "https://results.example")


def test_the_code_in_the_docs_computes_the_values_of_the_evidence():
    names: dict[str, Any] = {}
    exec(block("python"), names)
    given = evidence(DrawResult(b"s" * 32, {31: b"\x00" * 32}, b"\x00" * 32))
    told = names["check"](145, 31, (b"t" * 32).hex(), given.seed)
    assert told == {"leaf": given.leaf, "rank": given.rank, "open": given.open}


def test_a_value_counts_up_to_its_cut_off_and_the_reserved_seats_come_first():
    low, high = b"\x00" * 32, b"\xff" * 32
    one = evidence(DrawResult(b"s" * 32, {31: low}, low))
    rank, opened = bytes.fromhex(one.rank or ""), bytes.fromhex(one.open)
    below = (int.from_bytes(opened, "big") - 1).to_bytes(32, "big")
    for reserved, cutoff, within in (
        ({31: low}, low, None),
        ({31: rank}, high, "reserved"),
        ({31: low}, opened, "open"),
        ({31: low}, below, None),
        ({31: None}, None, None),
        ({32: high}, opened, "open"),
        ({}, None, None),
    ):
        assert evidence(DrawResult(b"s" * 32, reserved, cutoff)).within == within
    assert evidence(DrawResult(b"s" * 32, {32: high}, low)).rank is None
    assert evidence(DrawResult(b"s" * 32, {31: None}, low)).rank_cutoff is None


def test_the_page_names_every_field_category_state_reason_and_refusal():
    msgspec.json.decode(block("json"), type=GrievanceForm)
    words = [*SelectionEvidence.__struct_fields__, *Category, *GrievanceState, NOT_DRAWN, *EntryOutcome]
    known = {"wave", "region", EntryOutcome.CHOSEN}  # what was asked about
    assert [word for word in words if word not in known and f"`{word}`" not in PAGE] == []
    for error in errors.FILING:
        assert f"| `{error.code}` | {error.status} |" in PAGE
