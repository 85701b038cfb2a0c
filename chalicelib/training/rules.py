"""Partners, courses, trainings and accounts: what they are, and what may be done with them when. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from ..clock import iso, wib_date
from ..figures.benefits import TrainingRules, UnusualRules
from ..figures.schemes import Scheme
from ..ids import derived_id
from ..values import Value
from ..waves.rules import LOST, Beneficiary
from . import errors

CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?!\n)$"
"""The form of a course's code."""


PartnerKind = Literal["training", "office"]
"""What a partner may do: teach and post vacancies; or read the cards of people who stand before it."""


class Partner(Value, frozen=True):
    """A partner. `sealed_key` is its signing key, encrypted; `revoked_at` is set once and stays.

    `maker`: who added it, and `note` why, if a person did. An office is believed from `approved_at` on, when another
    person approved it: what it reports may move a NIK.
    """

    id: str
    name: str
    sealed_key: bytes
    created_at: datetime
    revoked_at: datetime | None = None
    kind: PartnerKind = "training"
    maker: str = ""
    note: str = ""
    approved_at: datetime | None = None

    def may(self, kind: PartnerKind) -> bool:
        """Whether it may make a request of this kind."""
        return self.kind == kind and (kind == "training" or self.approved_at is not None)


class PartnerDay(Value, frozen=True):
    """What a partner attested on one WIB day: completions, the hours of their courses, how many were quick."""

    completions: int
    hours: int
    quick: int


class Mode(StrEnum):
    """Where a course is held."""

    ONLINE = "online"
    OFFLINE = "offline"


class Course(Value, frozen=True):
    """A course of the catalogue. `region` is its province, None if it is online.

    `hours`: how long it takes at least. It is 0 in courses from before hours were asked for; these are not offered.
    What a partner may leave out: a description, the days (WIB) from which and until which it is held, and where its
    code is redeemed (an address, or words).
    """

    id: str
    partner_id: str
    code: str
    title: str
    price_idr: int
    hours: int
    mode: Mode
    region: int | None
    skills: frozenset[str]
    offered: bool
    description: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    redeem_at: str = ""


class TrainingState(StrEnum):
    """How far a training has come."""

    PURCHASED = "PURCHASED"
    CANCELLED = "CANCELLED"
    REDEEMED = "REDEEMED"
    ATTENDED = "ATTENDED"
    COMPLETED = "COMPLETED"


NEXT: dict[TrainingState, frozenset[TrainingState]] = {
    TrainingState.PURCHASED: frozenset({TrainingState.CANCELLED, TrainingState.REDEEMED}),
    TrainingState.CANCELLED: frozenset(),
    TrainingState.REDEEMED: frozenset({TrainingState.ATTENDED}),
    TrainingState.ATTENDED: frozenset({TrainingState.COMPLETED}),
    TrainingState.COMPLETED: frozenset(),
}
"""Each step is written on the condition that the training is in the state before it."""

BEFORE: dict[TrainingState, TrainingState] = {after: before for before, afters in NEXT.items() for after in afters}
"""The one state before each state."""


class Review(Value, frozen=True):
    """What a participant said of a training: a rating from 0 to 10 and a text. Written once."""

    rating: int
    text: str
    reviewed_at: datetime


class Training(Value, frozen=True):
    """A course that a beneficiary bought by the place of `wave`, with the price, hours and skills it had then.

    Times are to the millisecond.

    `attended_at` and `completed_at` are the partner's; the other times are those of the requests.
    """

    registrant_id: str
    wave: int
    id: str
    course_id: str
    partner_id: str
    partner_name: str
    code: str
    title: str
    skills: frozenset[str]
    price_idr: int
    hours: int
    redeem_code: str
    state: TrainingState
    purchased_at: datetime
    cancelled_at: datetime | None = None
    redeemed_at: datetime | None = None
    attended_at: datetime | None = None
    completed_at: datetime | None = None
    certificate_number: str | None = None
    review: Review | None = None
    months: int = 0
    """How many months of attendance were reported of it."""


class AttendedMonth(Value, frozen=True):
    """A calendar month in WIB, such as `2026-03`, on `days` days of which a participant was at a training.

    It is the `number`th that was reported of the person's place, and is paid as that instalment.
    """

    month: str
    training_id: str
    days: int
    number: int
    reported_at: datetime


class TrainingAccount(Value, frozen=True):
    """What is left of a beneficiary's training balance, and what became of the rest.

    `purchases` counts those that were not cancelled, `completed` the completed ones. `first_completed_at` is when the
    training was completed whose review made the incentive due; None until then.
    """

    balance_idr: int
    purchases: int = 0
    completed: int = 0
    first_completed_at: datetime | None = None


class Certificate(Value, frozen=True):
    """What a graduate can show: a completed training."""

    title: str
    provider_name: str
    certificate_number: str
    completed_at: datetime


def course_id(partner_id: str, code: str) -> str:
    """The id of a course, derived from its key, so that an import that comes twice writes the same items."""
    return derived_id("course/v1", partner_id, code)


def training_id(registrant_id: str, wave: int, course: str, n: int) -> str:
    """The id of the `n`th purchase of this course by a wave's place, derived, so that a double click writes the same
    item.
    """
    return derived_id("training/v3", wave, registrant_id, course, n)


def to_milliseconds(instant: datetime) -> datetime:
    """The instant as it is stored. Its offset is kept: the first and last years have no UTC form."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def opening_account(scheme: Scheme) -> TrainingAccount:
    """The account of a person who has bought nothing yet, under the scheme of their wave."""
    return TrainingAccount(scheme.training_idr)


def balance(beneficiary: Beneficiary, account: TrainingAccount) -> int:
    """What the person may still spend: nothing once the place is revoked."""
    return 0 if beneficiary.state in LOST else account.balance_idr


def certificate(training: Training) -> Certificate:
    """The certificate of a completed training; ValueError if it is not completed."""
    if training.completed_at is None or training.certificate_number is None:
        raise ValueError("not completed")
    return Certificate(training.title, training.partner_name, training.certificate_number, training.completed_at)


def cancellable_until(training: Training, place_until: datetime | None, rules: TrainingRules) -> datetime | None:
    """The last instant at which a purchase may be cancelled, inclusive; None if it can never be cancelled any more.

    `place_until`: the deadline of a place that only this purchase keeps; after it the place would be lost. None: it is
    kept without this purchase.
    """
    if training.state is not TrainingState.PURCHASED:
        return None
    until = training.purchased_at + timedelta(seconds=rules.cancel_within_s)
    # The deadline is exclusive, instants are whole milliseconds.
    return min(until, place_until - timedelta(milliseconds=1)) if place_until is not None else until


def check_cancellable(training: Training, place_until: datetime | None, rules: TrainingRules, now: datetime) -> None:
    """Raises `TrainingAlreadyRedeemed`, then `CancellationTooLate`."""
    until = cancellable_until(training, place_until, rules)
    if until is None:
        raise errors.TrainingAlreadyRedeemed()
    if now > until:
        raise errors.CancellationTooLate(until=iso(until))


def check_redeemable(training: Training) -> None:
    """Raises `TrainingCancelled`."""
    if training.state is TrainingState.CANCELLED:
        raise errors.TrainingCancelled()


def check_next(training: Training, state: TrainingState) -> None:
    """Raises `WrongTrainingState` unless the training is in the state before `state`."""
    if state not in NEXT[training.state]:
        raise errors.WrongTrainingState(state=training.state.value, needs=BEFORE[state].value)


def check_reported_at(reported: datetime, earliest: datetime, latest: datetime) -> None:
    """Raises `ReportedInFuture`, then `ReportedTooEarly`; both ends are allowed.

    A partner's clock may be as wrong as its signature's time, so a bound by our clock is moved by the allowed skew. The
    reported time is stored unchanged, so that the same report again is the same.
    """
    if reported > latest:
        raise errors.ReportedInFuture()
    if reported < earliest:
        raise errors.ReportedTooEarly(earliest=iso(earliest))


def check_month(training: Training, month: str, days: int, now: datetime) -> None:
    """Whether a participant can have been there on so many days of a month that is over, all days being in WIB.

    They count from the day the code was taken in. A completion ends them, and the month need not be over then.
    Raises `WrongTrainingState`, `ReportedInFuture`, `ReportedTooEarly`, `TooManyDays`, in this order.
    """
    if training.redeemed_at is None:
        raise errors.WrongTrainingState(state=training.state.value, needs=TrainingState.REDEEMED.value)
    first = _first(month)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    today = wib_date(now)
    if today < first or (today <= last and training.completed_at is None):
        raise errors.ReportedInFuture()
    begun = wib_date(training.redeemed_at)
    if last < begun:
        raise errors.ReportedTooEarly(earliest=iso(training.redeemed_at))
    ended = wib_date(training.completed_at) if training.completed_at else last
    most = _days(first, begun, min(ended, today))
    if days > most:
        raise errors.TooManyDays(most=most)


def check_months(training: Training, months: Iterable[AttendedMonth], completed_at: datetime) -> None:
    """Raises `AttendedLater` if more days of a month were reported than a completion at that time leaves of it."""
    begun, ended = wib_date(training.redeemed_at or training.purchased_at), wib_date(completed_at)
    for month in months:
        if month.training_id == training.id and month.days > _days(_first(month.month), begun, ended):
            raise errors.AttendedLater(month=month.month, days=month.days)


def _first(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _days(first: date, begun: date, ended: date) -> int:
    """How many days of the month that begins `first` are from `begun` to `ended`, both included."""
    last = first.replace(day=monthrange(first.year, first.month)[1])
    return max((min(last, ended) - max(first, begun)).days + 1, 0)


def check_hours(training: Training, completed_at: datetime, rules: TrainingRules, now: datetime) -> None:
    """Raises `CompletedTooSoon` unless the hours of the course can have passed.

    They are counted by our clock since the code was taken in, and by the partner's since attendance. So no clock is
    compared with another.
    """
    lasts = timedelta(seconds=training.hours * rules.hour_s)
    redeemed_at = training.redeemed_at or training.purchased_at
    attended_at = training.attended_at or redeemed_at
    if now < redeemed_at + lasts or completed_at < attended_at + lasts:
        raise errors.CompletedTooSoon(hours=training.hours, earliest=iso(max(redeemed_at, attended_at) + lasts))


def is_quick(training: Training, rules: TrainingRules, unusual: UnusualRules, now: datetime) -> bool:
    """Whether a training that is completed now took hardly more than the hours of its course, by our clock."""
    lasts_s = training.hours * rules.hour_s
    took = now - (training.redeemed_at or training.purchased_at)
    return took * 100 < timedelta(seconds=lasts_s * unusual.quick_within_percent)


def is_unusual(day: PartnerDay, unusual: UnusualRules) -> bool:
    """Whether a person must look at what a partner has attested on one day."""
    quick = day.quick >= unusual.quick_min and day.quick * 100 >= day.completions * unusual.quick_percent
    return quick or day.hours > unusual.hours


def check_same_report(recorded: object, told: object) -> None:
    """Raises `ReportedOtherwise` if a repeated report says something else."""
    if recorded != told:
        raise errors.ReportedOtherwise()


def check_reviewable(training: Training) -> None:
    """Raises `NotCompleted`."""
    if training.state is not TrainingState.COMPLETED:
        raise errors.NotCompleted(state=training.state.value)
