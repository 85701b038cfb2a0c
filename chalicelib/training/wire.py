"""The JSON of trainings: what partners and participants send and are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from ..clock import iso
from .rules import Completion

# `(?!\n)$`: Python's `$` alone would also match before a line feed at the end.
Card = Annotated[str, Meta(pattern=r"^[0-9]{16}(?!\n)$", description="The number on the beneficiary's card.")]
Course = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?!\n)$", description="The course's code.")]
Certificate = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}(?!\n)$",
        description="The partner's number of the certificate; one certificate is one completion.",
    ),
]
Instant = Annotated[datetime, Meta(tz=True)]
Rating = Annotated[int, Meta(ge=0, le=10)]
Text = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]


class CompletionForm(Struct, frozen=True, forbid_unknown_fields=True):
    """What a partner reports. `completed_at` carries its offset from UTC."""

    card_number: Card
    course: Course
    certificate_number: Certificate
    completed_at: Instant


class ReviewForm(Struct, frozen=True, forbid_unknown_fields=True):
    """What a participant says of a training: 0 is worst, 10 is best, and up to 2000 characters, not all blank."""

    rating: Rating
    text: Text


class ReviewView(Struct, frozen=True):
    """A review as its author sees it; `reviewed_at` as `2026-11-24T03:00:00Z`."""

    rating: int
    text: str
    reviewed_at: str


class TrainingView(Struct, frozen=True):
    """A completed training; times as `2026-11-24T03:00:00Z`. A partner is never shown the review."""

    training_id: str
    partner: str
    course: str
    certificate_number: str
    completed_at: str
    reported_at: str
    review: ReviewView | None


class TrainingList(Struct, frozen=True):
    """A person's trainings, oldest report first."""

    trainings: list[TrainingView]


def own_view(training: Completion) -> TrainingView:
    """What the participant sees."""
    review = training.review
    said = ReviewView(review.rating, review.text, iso(review.reviewed_at)) if review else None
    return _view(training, said)


def partner_view(training: Completion) -> TrainingView:
    """What the partner sees: the same before and after the participant's review."""
    return _view(training, None)


def _view(training: Completion, review: ReviewView | None) -> TrainingView:
    return TrainingView(
        training_id=training.training_id,
        partner=training.partner_name,
        course=training.course,
        certificate_number=training.certificate_number,
        completed_at=iso(training.completed_at),
        reported_at=iso(training.reported_at),
        review=review,
    )
