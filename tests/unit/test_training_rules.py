"""What may be recorded of a training, and which JSON says it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from chalicelib.errors import DomainError
from chalicelib.training import errors, rules, wire
from chalicelib.training.errors import AlreadyReviewed, CertificateAlreadyUsed, CompletedBeforeAward, CompletedInFuture

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
AWARDED = NOW - timedelta(days=10)
MS = timedelta(milliseconds=1)

COMPLETION = rules.Completion(
    registrant_id="person",
    training_id=rules.training_id("partner", "C-1"),
    partner_id="partner",
    partner_name="Pelatihan Jaya",
    card_number="1",
    course="PY-101",
    certificate_number="C-1",
    completed_at=NOW - timedelta(days=1),
    reported_at=NOW,
)
FORM = {
    "card_number": "1234567890123456",
    "course": "PY-101",
    "certificate_number": "C/2026/0001",
    "completed_at": "2026-11-23T10:00:00+07:00",
}


@pytest.mark.parametrize("completed_at", [AWARDED, AWARDED + MS, NOW - MS, NOW])
def test_a_training_is_completed_between_the_award_and_now(completed_at: datetime) -> None:
    rules.check_completed_at(completed_at, AWARDED, NOW)


def test_a_training_completed_in_a_millisecond_is_refused() -> None:
    with pytest.raises(CompletedInFuture):
        rules.check_completed_at(NOW + MS, AWARDED, NOW)


def test_a_training_completed_before_the_award_is_refused() -> None:
    with pytest.raises(CompletedBeforeAward) as refused:
        rules.check_completed_at(AWARDED - MS, AWARDED, NOW)
    assert refused.value.facts == {"awarded_at": "2026-11-14T03:00:00Z"}


@pytest.mark.parametrize(
    ("text", "error"),
    [("0001-01-01T00:00:00+14:00", CompletedBeforeAward), ("9999-12-31T23:59:59-12:00", CompletedInFuture)],
)
def test_the_ends_of_the_calendar_are_refused_and_not_a_crash(text: str, error: type[DomainError]) -> None:
    completed_at = datetime.fromisoformat(text)
    with pytest.raises(error):
        rules.check_completed_at(completed_at, AWARDED, NOW)
    with pytest.raises(CertificateAlreadyUsed):
        rules.check_same_facts(COMPLETION, "1", "PY-101", completed_at)


def test_the_same_facts_in_another_time_zone_are_the_same_facts() -> None:
    wib = COMPLETION.completed_at.astimezone(timezone(timedelta(hours=7)))
    rules.check_same_facts(COMPLETION, "1", "PY-101", wib)
    rules.check_same_facts(COMPLETION, "1", "PY-101", wib + timedelta(microseconds=999))


@pytest.mark.parametrize(
    ("card", "course", "later"), [("2", "PY-101", 0 * MS), ("1", "PY-102", 0 * MS), ("1", "PY-101", MS)]
)
def test_a_certificate_with_other_facts_is_refused(card: str, course: str, later: timedelta) -> None:
    with pytest.raises(CertificateAlreadyUsed):
        rules.check_same_facts(COMPLETION, card, course, COMPLETION.completed_at + later)


def test_a_review_sent_again_must_say_the_same() -> None:
    review = rules.Review(9, "Bagus", NOW)
    rules.check_same_review(review, 9, "Bagus")
    for rating, text in ((8, "Bagus"), (9, "bagus")):
        with pytest.raises(AlreadyReviewed):
            rules.check_same_review(review, rating, text)


def test_an_id_follows_from_partner_and_certificate_and_from_nothing_else() -> None:
    assert rules.training_id("p", "C-1") == rules.training_id("p", "C-1")
    assert len({rules.training_id(*parts) for parts in (("p", "C-1"), ("pC", "-1"), ("p", "C-2"), ("q", "C-1"))}) == 4


def decode(**changes: object) -> wire.CompletionForm:
    raw = {name: value for name, value in (FORM | changes).items() if value is not None}
    return msgspec.json.decode(json.dumps(raw), type=wire.CompletionForm)


def test_a_completion_is_read_from_json() -> None:
    assert decode().completed_at == datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"card_number": ""},
        {"card_number": "1" * 15},
        {"card_number": "1" * 17},
        {"card_number": "1" * 16 + "\n"},
        {"card_number": "١" * 16},
        {"course": ""},
        {"course": "PY 101"},
        {"course": "P" * 65},
        {"course": "PY-101\n"},
        {"certificate_number": ""},
        {"certificate_number": "C#1"},
        {"certificate_number": "C" * 65},
        {"certificate_number": "C-1\n"},
        {"certificate_number": 1},
        {"completed_at": "2026-11-23T10:00:00"},
        {"completed_at": "2026-11-23"},
        {"completed_at": 1795489200},
        {"completed_at": None},
        {"rating": 10},
    ],
)
def test_a_malformed_completion_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(**changes)


@pytest.mark.parametrize(("rating", "text"), [(0, "a"), (10, "é" * 2000), (5, "dua\nbaris")])
def test_a_review_has_a_rating_from_0_to_10_and_up_to_2000_characters(rating: int, text: str) -> None:
    form = msgspec.json.decode(json.dumps({"rating": rating, "text": text}), type=wire.ReviewForm)
    assert (form.rating, form.text) == (rating, text)


@pytest.mark.parametrize(
    "form",
    [
        {"rating": -1, "text": "a"},
        {"rating": 11, "text": "a"},
        {"rating": 7.5, "text": "a"},
        {"rating": "7", "text": "a"},
        {"rating": True, "text": "a"},
        {"rating": 7, "text": ""},
        {"rating": 7, "text": " \n\t"},
        {"rating": 7, "text": "a" * 2001},
        {"rating": 7},
        {"text": "a"},
        {"rating": 7, "text": "a", "name": "b"},
    ],
)
def test_a_malformed_review_is_refused(form: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(form), type=wire.ReviewForm)


def test_every_refusal_has_its_status_and_both_texts() -> None:
    refusals = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, DomainError) and kind is not DomainError
    }
    assert set(errors.PROBLEMS) == refusals
    facts = {"header": "H", "clock_skew_s": 300, "awarded_at": "T"}
    for status, indonesian, english in errors.PROBLEMS.values():
        assert 400 <= status < 500
        assert "{" not in indonesian.format(**facts) + english.format(**facts)
