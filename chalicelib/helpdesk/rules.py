"""Grievances: what one is about, its states, its number and its deadline. Pure: no AWS, no present time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from ..clock import WIB, wib_date
from ..figures.people import HelpdeskRules
from ..ids import derived_id
from ..values import Value

_SATURDAY = 5

PayoutId = Annotated[str, Meta(pattern=r"^[a-z2-7]{26}(?!\n)$", description="As `GET /me/payouts` shows it.")]
WaveNumber = Annotated[int, Meta(ge=1, le=999_999)]


class AboutRegistration(Struct, frozen=True, forbid_unknown_fields=True, tag="registration", tag_field="kind"):
    """The person's own registration."""


class AboutSelection(Struct, frozen=True, forbid_unknown_fields=True, tag="selection", tag_field="kind"):
    """What the draw of a wave that the person joined came to: an appeal, answered with the evidence."""

    wave: WaveNumber


class AboutDisbursement(Struct, frozen=True, forbid_unknown_fields=True, tag="disbursement", tag_field="kind"):
    """One payout of the person's own."""

    payout_id: PayoutId


About = AboutRegistration | AboutSelection | AboutDisbursement


class SelectionEvidence(Struct, frozen=True):
    """An entry in its draw, as it was when the appeal was filed; hashes in hex, a lower value is better.

    `position` is the leaf's place (from 1) among the `entries` of `list_url`, null if it is missing there, as it must
    be if `reason` is why the entry was removed before the draw. `rank` counts for seats reserved for the region, null
    where it had none; a cut-off is the value of the last one chosen, null where none was. `within` says which cut-off
    the entry is within by its values alone; `verdict` (chosen, not_chosen, revoked) and `reason` say what came of it
    after removals, family cards, eligibility and substitutions. `family_card_holders`: how many beneficiaries hold the
    family card of the join, where that is the reason.
    """

    wave: int
    region: int
    leaf: str
    list_url: str
    position: int | None
    entries: int
    seed: str
    rank: str | None
    rank_cutoff: str | None
    open: str
    open_cutoff: str | None
    within: Literal["reserved", "open"] | None
    verdict: str
    reason: str | None
    seat: str | None
    results_url: str
    family_card_holders: int | None = None


class Category(StrEnum):
    """What kind of complaint it is, in the person's own judgement."""

    ELIGIBILITY = "eligibility"
    PERSONAL_DATA = "personal_data"
    SELECTION_RESULT = "selection_result"
    PLACE_REVOKED = "place_revoked"
    PAYMENT_LATE = "payment_late"
    PAYMENT_WRONG = "payment_wrong"
    FRAUD = "fraud"
    OTHER = "other"


class GrievanceState(StrEnum):
    """How far a grievance has come."""

    OPEN = "OPEN"
    ESCALATED = "ESCALATED"
    """Passed to somebody who may decide more; the deadline stays."""
    ANSWERED = "ANSWERED"


BEFORE: Mapping[GrievanceState, frozenset[GrievanceState]] = MappingProxyType(
    {
        GrievanceState.ESCALATED: frozenset({GrievanceState.OPEN}),
        GrievanceState.ANSWERED: frozenset({GrievanceState.OPEN, GrievanceState.ESCALATED}),
    }
)
"""Every transition: the states from which each state can be reached."""

UNANSWERED = BEFORE[GrievanceState.ANSWERED]
"""States that still wait for an answer, and are counted against the deadline."""


class GrievanceAct(Value, frozen=True):
    """What an administrator did: when, who (their ARN at AWS), and the words, sealed for the person."""

    at: datetime
    by: str
    sealed: bytes


class Grievance(Value, frozen=True):
    """One complaint or appeal; its text, note and answer are sealed with the person's own key.

    `deadline_at` is exclusive: the first instant at which an answer is late. `evidence` is set for a selection.
    """

    number: str
    registrant_id: str
    about: About
    category: Category
    state: GrievanceState
    filed_at: datetime
    deadline_at: datetime
    sealed_text: bytes
    evidence: SelectionEvidence | None = None
    escalation: GrievanceAct | None = None
    answer: GrievanceAct | None = None

    def overdue(self, now: datetime) -> bool:
        """Whether its deadline passed without an answer."""
        return self.state in UNANSWERED and self.deadline_at <= now


def number(registrant_id: str, about: About, category: Category, text: str) -> str:
    """A grievance's public number, such as `k7qx-2m4a-abcd-23yz` (80 bits).

    Derived from all that was said, so that a second click gives the same number; it reveals nothing of that.
    """
    subject = msgspec.json.encode(about).decode()
    letters = derived_id("grievance/v1", registrant_id, subject, category.value, text)[:16]
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def due(category: Category, filed_at: datetime, figures: HelpdeskRules, is_holiday: Callable[[date], bool]) -> datetime:
    """The first instant at which an answer is late: by the clock if it is about personal data, else as `deadline`."""
    if category is Category.PERSONAL_DATA:
        return filed_at + timedelta(hours=figures.personal_data_hours)
    return deadline(filed_at, figures.working_days, is_holiday)


def deadline(filed_at: datetime, working_days: int, is_holiday: Callable[[date], bool]) -> datetime:
    """The first instant at which an answer is late: midnight WIB at the end of the last working day, in UTC.

    The day of filing does not count; Saturdays, Sundays and holidays are no working days.
    """
    day = wib_date(filed_at)
    left = working_days
    while left:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY and not is_holiday(day):
            left -= 1
    return datetime.combine(day + timedelta(days=1), time(), WIB).astimezone(UTC)


def is_holiday(day: date) -> bool:
    """Whether a day is a national holiday or one of the government's joint leave days (cuti bersama).

    Days that follow the moon are estimates until the ministers' joint decree for the year is out and in the library. So
    a deadline is computed once, at filing, and then kept.
    """
    return day in _days(day.year)


@cache
def _days(year: int) -> frozenset[date]:
    # Imported here: 50 ms (four times that where all countries are installed) that only filing pays.
    from holidays.constants import GOVERNMENT, PUBLIC
    from holidays.countries.indonesia import Indonesia

    return frozenset(Indonesia(years=year, categories=(GOVERNMENT, PUBLIC)))
