"""The JSON of courses and trainings: what partners and participants send and are shown.

Times as `2026-11-24T03:00:00Z`, null for what has not happened; amounts in whole rupiah.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from .. import typed_text
from ..clock import iso
from ..structs import fill
from .rules import AttendedMonth, Course, Mode, Training, TrainingState

# `(?!\n)$`: Python's `$` alone would also match before a line feed at the end.
Id = Annotated[str, Meta(pattern=r"^[a-z2-7]{26}(?!\n)$")]
CARD = typed_text.field(typed_text.compact, "[0-9]{16}", ("16 angka", "16 digits"))
REDEEM_CODE = typed_text.SHOWN_CODE
CERTIFICATE = typed_text.OWN_NUMBER
Card = Annotated[str, Meta(description=f"The number on the beneficiary's card: {CARD.right[1]}.")]
RedeemCode = Annotated[
    str,
    Meta(description=f"What the participant was given: {REDEEM_CODE.right[1]}, in any letter case, grouped or not."),
]
Certificate = Annotated[
    str,
    Meta(description=f"The partner's number, one for each completion: {CERTIFICATE.right[1]}."),
]
Instant = Annotated[datetime, Meta(tz=True)]
Rating = Annotated[int, Meta(ge=0, le=10)]
Text = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]
Province = Annotated[str, Meta(pattern=r"^[1-9][0-9](?!\n)$", description="Kemendagri code", examples=["31"])]
Words = Annotated[str, Meta(min_length=1, max_length=100, description="Words in the title, in any letter case.")]


class CourseQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`GET /courses?...`: all that is given must match. `cursor` is the `next_cursor` of the page before."""

    skill: Annotated[str, Meta(max_length=32)] | None = None
    province: Province | None = None
    mode: Mode | None = None
    provider: Id | None = None
    q: Words | None = None
    cursor: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class CourseView(Struct, frozen=True):
    """A course of at least `hours`. `provider` is the partner's id; `province` is null for one that is online.

    `description` and `redeem_at` are empty, and the days null, where the partner did not say.
    """

    course_id: str
    code: str
    title: str
    provider: str
    provider_name: str
    price_idr: int
    hours: int
    mode: Literal["online", "offline"]
    province: str | None
    skills: list[str]
    offered: bool
    description: str
    starts_on: date | None
    ends_on: date | None
    redeem_at: str


class CourseList(Struct, frozen=True):
    """A page of courses; `next_cursor` is null at the last one."""

    courses: list[CourseView]
    next_cursor: str | None


class PurchaseForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Which course is bought."""

    course_id: Id


class RedemptionForm(typed_text.Typed, frozen=True, forbid_unknown_fields=True):
    """What a participant shows to a partner."""

    redeem_code: RedeemCode
    card_number: Card

    checks: ClassVar = {"redeem_code": REDEEM_CODE, "card_number": CARD}


class AttendanceForm(typed_text.Typed, frozen=True, forbid_unknown_fields=True):
    """What a partner reports. `attended_at` carries its offset from UTC."""

    redeem_code: RedeemCode
    attended_at: Instant

    checks: ClassVar = {"redeem_code": REDEEM_CODE}


class AttendedMonthForm(typed_text.Typed, frozen=True, forbid_unknown_fields=True):
    """On how many days of a month the participant was there, as the partner reports it."""

    redeem_code: RedeemCode
    month: Annotated[str, Meta(pattern=r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])(?!\n)$")]
    days: Annotated[int, Meta(ge=1, le=31)]

    checks: ClassVar = {"redeem_code": REDEEM_CODE}


class CompletionForm(typed_text.Typed, frozen=True, forbid_unknown_fields=True):
    """What a partner reports. `completed_at` carries its offset from UTC."""

    redeem_code: RedeemCode
    certificate_number: Certificate
    completed_at: Instant

    checks: ClassVar = {"redeem_code": REDEEM_CODE, "certificate_number": CERTIFICATE}


class ReviewForm(Struct, frozen=True, forbid_unknown_fields=True):
    """What a participant says of a training: 0 is worst, 10 is best, and up to 2000 characters, not all blank."""

    rating: Rating
    text: Text


class ReviewView(Struct, frozen=True):
    """A review as its author sees it."""

    rating: int
    text: str
    reviewed_at: str


class TrainingView(Struct, frozen=True, kw_only=True):
    """A training as its participant sees it. `cancellable_until` is null once it cannot be cancelled at any time."""

    training_id: str
    course_id: str
    course: str
    title: str
    provider_name: str
    price_idr: int
    state: TrainingState
    redeem_code: str
    purchased_at: str
    cancellable_until: str | None
    cancelled_at: str | None
    redeemed_at: str | None
    attended_at: str | None
    completed_at: str | None
    certificate_number: str | None
    review: ReviewView | None


class TrainingList(Struct, frozen=True):
    """A person's trainings, oldest purchase first, and what is left to spend: null for who was never chosen."""

    balance_idr: int | None
    trainings: list[TrainingView]


class RedemptionView(Struct, frozen=True, kw_only=True):
    """A training as its partner sees it, as it stands now: neither its participant nor their review."""

    redeem_code: str
    course: str
    title: str
    state: TrainingState
    redeemed_at: str | None
    attended_at: str | None
    completed_at: str | None
    certificate_number: str | None


class AttendedMonthView(Struct, frozen=True):
    """A month as its partner reported it. `number`: which month of the participant's it is, as they are paid."""

    redeem_code: str
    month: str
    days: int
    number: int
    reported_at: str


def course_view(course: Course, partner_name: str) -> CourseView:
    return fill(
        CourseView,
        course,
        course_id=course.id,
        provider=course.partner_id,
        provider_name=partner_name,
        province=None if course.region is None else str(course.region),
        skills=sorted(course.skills),
    )


def training_view(training: Training, cancellable_until: datetime | None) -> TrainingView:
    return fill(
        TrainingView,
        training,
        training_id=training.id,
        course=training.code,
        provider_name=training.partner_name,
        cancellable_until=iso(cancellable_until) if cancellable_until else None,
        review=fill(ReviewView, training.review) if training.review else None,
    )


def redemption_view(training: Training) -> RedemptionView:
    return fill(RedemptionView, training, course=training.code)


def month_view(redeem_code: str, month: AttendedMonth) -> AttendedMonthView:
    return fill(AttendedMonthView, month, redeem_code=redeem_code)
