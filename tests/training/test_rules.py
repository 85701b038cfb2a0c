"""The rules of trainings: which step is allowed when, the balance, and the JSON forms."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.clock import iso
from chalicelib.config import load_programme
from chalicelib.errors import Malformed
from chalicelib.training import errors, rules, wire
from chalicelib.training.rules import TrainingState
from tests.builders.training import PERSON

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)
DAY = timedelta(days=1)
RULES = load_programme("prod").training
HOUR = timedelta(hours=1)
TRAINING = rules.Training(
    registrant_id=PERSON.registrant_id,
    wave=54,
    id="training",
    course_id="course",
    partner_id="partner",
    partner_name="Pelatihan Jaya",
    code="PY-101",
    title="Dasar Pemrograman",
    skills=frozenset({"programming"}),
    price_idr=1_000_000,
    hours=15,
    redeem_code="A" * 16,
    state=TrainingState.PURCHASED,
    purchased_at=NOW,
)
REVIEW = {"rating": 7, "text": "a"}
CARD = {"redeem_code": "A" * 16, "card_number": "1" * 16}
FORM = {"redeem_code": "A" * 16, "certificate_number": "C/2026/0001", "completed_at": "2026-11-23T10:00:00+07:00"}


def refused_unless(fine: bool, error: Any) -> AbstractContextManager[Any]:
    return nullcontext() if fine else pytest.raises(error)


def in_state(state: TrainingState) -> rules.Training:
    return replace(TRAINING, state=state)


def test_a_training_goes_one_way_and_every_state_but_the_first_is_reached_from_one():
    assert set(rules.NEXT) == set(TrainingState)
    assert rules.BEFORE == {
        TrainingState.CANCELLED: TrainingState.PURCHASED,
        TrainingState.REDEEMED: TrainingState.PURCHASED,
        TrainingState.ATTENDED: TrainingState.REDEEMED,
        TrainingState.COMPLETED: TrainingState.ATTENDED,
    }
    assert sum(len(after) for after in rules.NEXT.values()) == len(rules.BEFORE)


@pytest.mark.parametrize("state", TrainingState)
def test_each_step_needs_the_one_before_it(state):
    training = in_state(state)
    for step in (TrainingState.REDEEMED, TrainingState.ATTENDED, TrainingState.COMPLETED):
        with refused_unless(rules.BEFORE[step] is state, errors.WrongTrainingState) as refused:
            rules.check_next(training, step)
        if refused:
            assert refused.value.facts == {"state": state.value, "needs": rules.BEFORE[step].value}
    with refused_unless(state is TrainingState.COMPLETED, errors.NotCompleted):
        rules.check_reviewable(training)
    with refused_unless(state is not TrainingState.CANCELLED, errors.TrainingCancelled):
        rules.check_redeemable(training)


@pytest.mark.parametrize(
    ("place_until", "until"),
    [
        (None, NOW + 3 * DAY),
        (NOW + DAY, NOW + DAY - MS),  # the only one: another first one must still be able to follow
        (NOW + 9 * DAY, NOW + 3 * DAY),
    ],
)
def test_a_purchase_is_cancelled_for_three_days_or_until_the_place_would_be_lost(place_until, until):
    assert rules.cancellable_until(TRAINING, place_until, RULES) == until
    rules.check_cancellable(TRAINING, place_until, RULES, until)
    with pytest.raises(errors.CancellationTooLate) as refused:
        rules.check_cancellable(TRAINING, place_until, RULES, until + MS)
    assert refused.value.facts == {"until": iso(until)}


@pytest.mark.parametrize("state", [state for state in TrainingState if state is not TrainingState.PURCHASED])
def test_a_training_past_purchase_cannot_be_cancelled(state):
    assert rules.cancellable_until(in_state(state), None, RULES) is None
    with pytest.raises(errors.TrainingAlreadyRedeemed):
        rules.check_cancellable(in_state(state), None, RULES, NOW)


def test_a_reported_time_lies_between_the_previous_step_and_now():
    for reported in (NOW - DAY, NOW):
        rules.check_reported_at(reported, NOW - DAY, NOW)
    with pytest.raises(errors.ReportedInFuture):
        rules.check_reported_at(NOW + MS, NOW - DAY, NOW)
    with pytest.raises(errors.ReportedTooEarly) as refused:
        rules.check_reported_at(NOW - DAY - MS, NOW - DAY, NOW)
    assert refused.value.facts == {"earliest": "2026-11-23T03:00:00Z"}


@pytest.mark.parametrize(
    ("text", "error"),
    [("0001-01-01T00:00:00+14:00", errors.ReportedTooEarly), ("9999-12-31T23:59:59-12:00", errors.ReportedInFuture)],
)
def test_the_ends_of_the_calendar_are_refused_and_not_a_crash(text, error):
    reported = rules.to_milliseconds(datetime.fromisoformat(text))
    with pytest.raises(error):
        rules.check_reported_at(reported, NOW - DAY, NOW)
    with pytest.raises(errors.ReportedOtherwise):
        rules.check_same_report(NOW, reported)


def test_a_training_is_completed_when_the_hours_of_its_course_can_have_passed():
    """Fifteen hours since the code was taken in, by our clock, and since attendance, by the partner's."""
    ahead = timedelta(minutes=5)  # attended by a clock that is ahead of ours
    attended = replace(in_state(TrainingState.ATTENDED), redeemed_at=NOW, attended_at=NOW + ahead)
    lasts = 15 * HOUR
    rules.check_hours(attended, NOW + lasts + ahead, RULES, NOW + lasts)
    for completed_at, now in (
        (NOW + lasts + ahead - MS, NOW + 2 * lasts),
        (NOW + lasts + ahead, NOW + lasts - MS),
        (NOW + ahead, NOW + MS),
    ):
        with pytest.raises(errors.CompletedTooSoon) as refused:
            rules.check_hours(attended, completed_at, RULES, now)
        assert refused.value.facts == {"hours": 15, "earliest": "2026-11-24T18:05:00Z"}
    # Attendance that is dated back to the purchase does not make the hours pass.
    dated_back = replace(attended, attended_at=NOW - DAY)
    with pytest.raises(errors.CompletedTooSoon):
        rules.check_hours(dated_back, NOW, RULES, NOW + HOUR)
    # What was bought before courses had hours stays as it was bought.
    rules.check_hours(replace(attended, hours=0), NOW + ahead, RULES, NOW)


def test_only_a_completed_training_has_a_certificate():
    with pytest.raises(ValueError, match="not completed"):
        rules.certificate(TRAINING)


def test_an_id_follows_only_from_place_course_and_number():
    bought = ("p", 1, "c", 1), ("p", 1, "1c", 1), ("p", 1, "c", 2), ("q", 1, "c", 1), ("p", 2, "c", 1), ("p", 1, "c", 1)
    assert len({rules.training_id(*parts) for parts in bought}) == 5
    assert len({rules.course_id(*parts) for parts in (("p", "PY-1"), ("pP", "Y-1"), ("p", "PY-2"))}) == 3


# JSON


def decode(form: type[Any], **sent: object) -> Any:
    return msgspec.json.decode(
        json.dumps({name: value for name, value in sent.items() if value is not None}), type=form
    )


def test_a_completion_is_read_as_people_type_it():
    typed = FORM | {"redeem_code": "aaaa-aaaa aaaa-aaaa\n", "certificate_number": "C-1\n"}
    assert decode(wire.CompletionForm, **typed) == wire.CompletionForm(
        "A" * 16, "C-1", datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    )


@pytest.mark.parametrize(("rating", "text"), [(0, "a"), (10, "é" * 2000), (5, "dua\nbaris")])
def test_a_review_has_a_rating_from_0_to_10_and_up_to_2000_characters(rating, text):
    assert decode(wire.ReviewForm, rating=rating, text=text) == wire.ReviewForm(rating, text)


@pytest.mark.parametrize(
    ("form", "right", "field", "value"),
    [
        *((wire.CompletionForm, FORM, "redeem_code", value) for value in ("", "A" * 15, "A" * 15 + "1")),
        *((wire.CompletionForm, FORM, "certificate_number", value) for value in ("", "C#1", "C" * 65, 1)),
        *(
            (wire.CompletionForm, FORM, "completed_at", value)
            for value in ("2026-11-23T10:00:00", "2026-11-23", 1795489200, None)
        ),
        (wire.CompletionForm, FORM, "rating", 10),
        *((wire.RedemptionForm, CARD, "card_number", value) for value in ("", "1" * 15, "1" * 17, "1" * 15 + "O")),
        *((wire.ReviewForm, REVIEW, "rating", value) for value in (-1, 11, 7.5, "7", True, None)),
        *((wire.ReviewForm, REVIEW, "text", value) for value in ("", " \n\t", "a" * 2001, None)),
        (wire.ReviewForm, REVIEW, "name", "b"),
    ],
)
def test_a_malformed_form_is_refused(form, right, field, value):
    decode(form, **right)
    with pytest.raises((msgspec.ValidationError, Malformed)):
        decode(form, **right | {field: value})
