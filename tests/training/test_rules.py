"""What may be done with a training and when, what is left of a balance, and which JSON says it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from chalicelib.config import Programme, load_programme
from chalicelib.errors import DomainError, Malformed
from chalicelib.training import rules, wire
from chalicelib.training.errors import (
    AlreadyReviewed,
    BalanceTooLow,
    CancellationTooLate,
    CompletedTooSoon,
    NotCompleted,
    ReportedInFuture,
    ReportedOtherwise,
    ReportedTooEarly,
    TrainingAlreadyRedeemed,
    TrainingCancelled,
    WrongTrainingState,
)
from chalicelib.training.rules import Account, Course, Mode, State
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.training import PERSON

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)
DAY = timedelta(days=1)
RULES = load_programme("prod").training
HOUR = timedelta(hours=1)
COURSE = Course(
    id=rules.course_id("partner", "PY-101"),
    partner_id="partner",
    code="PY-101",
    title="Dasar Pemrograman",
    price_idr=1_000_000,
    hours=15,
    mode=Mode.ONLINE,
    region=None,
    skills=frozenset({"programming"}),
    offered=True,
)
TRAINING = rules.Training(
    registrant_id=PERSON.registrant_id,
    id=rules.training_id(PERSON.registrant_id, COURSE.id, 1),
    course_id=COURSE.id,
    partner_id="partner",
    partner_name="Pelatihan Jaya",
    code=COURSE.code,
    title=COURSE.title,
    skills=COURSE.skills,
    price_idr=COURSE.price_idr,
    hours=COURSE.hours,
    redeem_code="A" * 16,
    state=State.PURCHASED,
    purchased_at=NOW,
)
BOUGHT = Account(2_500_000, purchases=1)
FORM = {"redeem_code": "A" * 16, "certificate_number": "C/2026/0001", "completed_at": "2026-11-23T10:00:00+07:00"}


def in_state(state: State) -> rules.Training:
    return replace(TRAINING, state=state)


def test_a_training_goes_one_way_and_every_state_but_the_first_is_reached_from_one() -> None:
    assert set(rules.NEXT) == set(State)
    assert rules.BEFORE == {
        State.CANCELLED: State.PURCHASED,
        State.REDEEMED: State.PURCHASED,
        State.ATTENDED: State.REDEEMED,
        State.COMPLETED: State.ATTENDED,
    }
    assert sum(len(after) for after in rules.NEXT.values()) == len(rules.BEFORE)


@pytest.mark.parametrize("state", State)
def test_each_step_needs_the_one_before_it(state: State) -> None:
    training = in_state(state)
    for step in (State.REDEEMED, State.ATTENDED, State.COMPLETED):
        if rules.BEFORE[step] is state:
            rules.check_next(training, step)
        else:
            with pytest.raises(WrongTrainingState) as refused:
                rules.check_next(training, step)
            assert refused.value.facts == {"state": state.value, "needs": rules.BEFORE[step].value}
    if state is State.COMPLETED:
        rules.check_reviewable(training)
    else:
        with pytest.raises(NotCompleted):
            rules.check_reviewable(training)
    if state is State.CANCELLED:
        with pytest.raises(TrainingCancelled):
            rules.check_redeemable(training)
    else:
        rules.check_redeemable(training)


def test_a_balance_is_spent_to_the_last_rupiah() -> None:
    rules.check_balance(Account(1_000_000), COURSE)
    with pytest.raises(BalanceTooLow) as refused:
        rules.check_balance(Account(999_999), COURSE)
    assert refused.value.facts == {"balance_idr": 999_999, "price_idr": 1_000_000}


@pytest.mark.parametrize("state", BeneficiaryState)
def test_the_balance_of_a_revoked_place_is_void(state: BeneficiaryState) -> None:
    left = rules.balance(replace(PERSON, state=state), BOUGHT)
    assert left == (0 if state is BeneficiaryState.REVOKED else 2_500_000)


def test_each_scheme_opens_with_its_own_balance() -> None:
    programme: Programme = load_programme("prod")
    opened = {wave: rules.opening_account(programme.scheme(wave)) for wave in (1, 53, 54)}
    assert opened == {1: Account(1_000_000), 53: Account(1_000_000), 54: Account(3_500_000)}


def test_there_is_at_most_one_purchase_of_a_course_that_stands() -> None:
    assert rules.live([], COURSE.id) is None
    assert rules.live([in_state(State.CANCELLED)], COURSE.id) is None
    again = replace(TRAINING, id=rules.training_id(PERSON.registrant_id, COURSE.id, 2))
    assert rules.live([in_state(State.CANCELLED), again], COURSE.id) is again
    assert rules.live([again], "another") is None


def test_a_purchase_is_cancelled_for_three_days_to_the_millisecond() -> None:
    several = replace(BOUGHT, purchases=2)
    until = NOW + 3 * DAY
    assert rules.cancellable_until(TRAINING, several, PERSON, RULES) == until
    rules.check_cancellable(TRAINING, several, PERSON, RULES, until)
    with pytest.raises(CancellationTooLate) as refused:
        rules.check_cancellable(TRAINING, several, PERSON, RULES, until + MS)
    assert refused.value.facts == {"until": "2026-11-27T03:00:00Z"}


def test_the_only_purchase_is_cancelled_only_while_another_first_one_may_follow() -> None:
    deadline = NOW + DAY
    person = replace(PERSON, buy_by=deadline)
    assert rules.cancellable_until(TRAINING, BOUGHT, person, RULES) == deadline - MS
    with pytest.raises(CancellationTooLate):
        rules.check_cancellable(TRAINING, BOUGHT, person, RULES, deadline)
    assert rules.cancellable_until(TRAINING, replace(BOUGHT, purchases=2), person, RULES) == NOW + 3 * DAY
    far = replace(PERSON, buy_by=NOW + 9 * DAY)
    assert rules.cancellable_until(TRAINING, BOUGHT, far, RULES) == NOW + 3 * DAY


@pytest.mark.parametrize("state", [state for state in State if state is not State.PURCHASED])
def test_what_went_on_is_not_cancelled(state: State) -> None:
    assert rules.cancellable_until(in_state(state), BOUGHT, PERSON, RULES) is None
    with pytest.raises(TrainingAlreadyRedeemed):
        rules.check_cancellable(in_state(state), BOUGHT, PERSON, RULES, NOW)


def test_what_is_reported_lies_between_what_came_before_and_now() -> None:
    for reported in (NOW - DAY, NOW - DAY + MS, NOW):
        rules.check_reported_at(reported, NOW - DAY, NOW)
    with pytest.raises(ReportedInFuture):
        rules.check_reported_at(NOW + MS, NOW - DAY, NOW)
    with pytest.raises(ReportedTooEarly) as refused:
        rules.check_reported_at(NOW - DAY - MS, NOW - DAY, NOW)
    assert refused.value.facts == {"earliest": "2026-11-23T03:00:00Z"}


@pytest.mark.parametrize(
    ("text", "error"),
    [("0001-01-01T00:00:00+14:00", ReportedTooEarly), ("9999-12-31T23:59:59-12:00", ReportedInFuture)],
)
def test_the_ends_of_the_calendar_are_refused_and_not_a_crash(text: str, error: type[DomainError]) -> None:
    reported = rules.to_milliseconds(datetime.fromisoformat(text))
    with pytest.raises(error):
        rules.check_reported_at(reported, NOW - DAY, NOW)
    with pytest.raises(ReportedOtherwise):
        rules.check_same_report(NOW, reported)


def test_a_training_is_completed_when_the_hours_of_its_course_can_have_passed() -> None:
    """Fifteen hours since the code was taken in, by our clock, and since attendance, by the partner's."""
    ahead = timedelta(minutes=5)  # attended by a clock that is ahead of ours
    attended = replace(in_state(State.ATTENDED), redeemed_at=NOW, attended_at=NOW + ahead)
    lasts = 15 * HOUR
    rules.check_hours(attended, NOW + lasts + ahead, RULES, NOW + lasts)
    for completed_at, now in (
        (NOW + lasts + ahead - MS, NOW + 2 * lasts),
        (NOW + lasts + ahead, NOW + lasts - MS),
        (NOW + ahead, NOW + MS),
    ):
        with pytest.raises(CompletedTooSoon) as refused:
            rules.check_hours(attended, completed_at, RULES, now)
        assert refused.value.facts == {"hours": 15, "earliest": "2026-11-24T18:05:00Z"}
    # Attendance that is dated back to the purchase does not make the hours pass.
    dated_back = replace(attended, attended_at=NOW - DAY)
    with pytest.raises(CompletedTooSoon):
        rules.check_hours(dated_back, NOW, RULES, NOW + HOUR)
    # What was bought before courses had hours stays as it was bought.
    rules.check_hours(replace(attended, hours=0), NOW + ahead, RULES, NOW)


def test_a_review_sent_again_must_say_the_same() -> None:
    review = rules.Review(9, "Bagus", NOW)
    rules.check_same_review(review, 9, "Bagus")
    for rating, text in ((8, "Bagus"), (9, "bagus")):
        with pytest.raises(AlreadyReviewed):
            rules.check_same_review(review, rating, text)


def test_only_a_completed_training_has_a_certificate() -> None:
    with pytest.raises(ValueError, match="not completed"):
        rules.certificate(TRAINING)


def test_an_id_follows_from_person_course_and_number_and_from_nothing_else() -> None:
    assert rules.training_id("p", "c", 1) == rules.training_id("p", "c", 1)
    assert (
        len({rules.training_id(*parts) for parts in (("p", "c", 1), ("pc", "", 1), ("p", "c", 2), ("q", "c", 1))}) == 4
    )
    assert len({rules.course_id(*parts) for parts in (("p", "PY-1"), ("pP", "Y-1"), ("p", "PY-2"))}) == 3


# JSON


def decode(**changes: object) -> wire.CompletionForm:
    raw = {name: value for name, value in (FORM | changes).items() if value is not None}
    return msgspec.json.decode(json.dumps(raw), type=wire.CompletionForm)


def test_a_completion_is_read_from_json() -> None:
    assert decode().completed_at == datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"redeem_code": ""},
        {"redeem_code": "A" * 15},
        {"redeem_code": "A" * 15 + "1"},
        {"certificate_number": ""},
        {"certificate_number": "C#1"},
        {"certificate_number": "C" * 65},
        {"certificate_number": 1},
        {"completed_at": "2026-11-23T10:00:00"},
        {"completed_at": "2026-11-23"},
        {"completed_at": 1795489200},
        {"completed_at": None},
        {"rating": 10},
    ],
)
def test_a_malformed_completion_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises((msgspec.ValidationError, Malformed)):
        decode(**changes)


def test_a_completion_is_taken_as_it_is_typed() -> None:
    form = decode(redeem_code="aaaa-aaaa aaaa-aaaa\n", certificate_number="C-1\n")
    assert (form.redeem_code, form.certificate_number) == ("A" * 16, "C-1")


@pytest.mark.parametrize("card", ["", "1" * 15, "1" * 17, "1" * 15 + "O"])
def test_a_malformed_card_number_is_refused(card: str) -> None:
    with pytest.raises(Malformed):
        msgspec.json.decode(json.dumps({"redeem_code": "A" * 16, "card_number": card}), type=wire.RedemptionForm)


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
