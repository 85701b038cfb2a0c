"""Partners, completions and reviews, and what may be recorded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..clock import iso
from ..ids import derived_id
from .errors import AlreadyReviewed, CertificateAlreadyUsed, CompletedBeforeAward, CompletedInFuture


@dataclass(frozen=True)
class Partner:
    """A training partner. `sealed_key` is its signing key, encrypted; `revoked_at` is set once and stays."""

    id: str
    name: str
    sealed_key: bytes
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class Review:
    """What a participant said of a training: a rating from 0 to 10 and a text. Written once."""

    rating: int
    text: str
    reviewed_at: datetime


@dataclass(frozen=True)
class Completion:
    """A training that a partner attests a beneficiary has completed. Times are UTC, to the millisecond."""

    registrant_id: str
    training_id: str
    partner_id: str
    partner_name: str
    card_number: str
    course: str
    certificate_number: str
    completed_at: datetime
    reported_at: datetime
    review: Review | None = None


def training_id(partner_id: str, certificate_number: str) -> str:
    """The id of a completion: derived, so that a report that comes twice meets itself."""
    return derived_id("training/v1", partner_id, certificate_number)


def to_milliseconds(instant: datetime) -> datetime:
    """The instant as it is stored. Its offset is kept: the first and last years have no UTC form."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def check_completed_at(completed_at: datetime, awarded_at: datetime, now: datetime) -> None:
    """Raises `CompletedInFuture`, then `CompletedBeforeAward`; both ends are allowed."""
    if completed_at > now:
        raise CompletedInFuture()
    if completed_at < to_milliseconds(awarded_at):
        raise CompletedBeforeAward(awarded_at=iso(awarded_at))


def check_same_facts(recorded: Completion, card_number: str, course: str, completed_at: datetime) -> None:
    """A certificate reported again must say the same. Raises `CertificateAlreadyUsed`."""
    told = (card_number, course, to_milliseconds(completed_at))
    if (recorded.card_number, recorded.course, recorded.completed_at) != told:
        raise CertificateAlreadyUsed()


def check_same_review(recorded: Review, rating: int, text: str) -> None:
    """A review sent again must say the same. Raises `AlreadyReviewed`."""
    if (recorded.rating, recorded.text) != (rating, text):
        raise AlreadyReviewed()
