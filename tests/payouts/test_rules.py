from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.config import Programme, load_programme
from chalicelib.money import Rupiah
from chalicelib.payouts import rules, steps
from chalicelib.payouts.alarm_words import SENDING_LONG_S
from chalicelib.payouts.errors import NotInScheme
from chalicelib.payouts.ledger import records
from chalicelib.payouts.plans import plan_rules
from chalicelib.payouts.rules import (
    ALIVE,
    FOR_A_PERSON,
    NEXT,
    WAITING,
    Answer,
    Entitlement,
    Hold,
    Kind,
    Outcome,
    State,
)
from chalicelib.payouts.steps import Step
from infrastructure.functions import FUNCTIONS
from tests.conftest import T0

ID = rules.entitlement_id(54, "ani", Kind.INCENTIVE)
AMOUNT = Rupiah(600_000)


def an_entitlement(state: State = State.SENDING, *, n: int = 1, hold: Hold | None = None) -> Entitlement:
    return Entitlement(ID, "ani", 54, Kind.INCENTIVE, AMOUNT, state, n, 2, hold, T0, T0)


def test_no_worker_comes_back_to_a_state_except_through_a_hold_or_a_new_attempt():
    over = {State.CANCELLED, State.REVERSED}
    by_workers = {state: after - {State.DUE} if state in over else after for state, after in NEXT.items()}

    def reachable(start: State) -> set[State]:
        seen: set[State] = set()
        todo = [start]
        while todo:
            for after in by_workers[todo.pop()] - seen - {State.HELD}:
                seen.add(after)
                todo.append(after)
        return seen

    for state in State:
        assert state not in reachable(state) or state in {State.SENDING, State.FAILED}
    assert State.SENDING not in NEXT[State.SENDING]
    assert by_workers[State.PAID] == {State.REVERSED}
    assert not by_workers[State.CANCELLED] | by_workers[State.REVERSED], "what is over, only people open again"
    assert set(NEXT) == set(State)


def test_an_id_is_derived_from_wave_person_and_kind():
    ids = {rules.entitlement_id(wave, who, kind) for wave in (54, 55) for who in ("ani", "budi") for kind in Kind}
    assert len(ids) == 2 * 2 * len(Kind)
    assert rules.entitlement_id(54, "ani", Kind.INCENTIVE) == ID


def test_amounts_follow_the_scheme_of_the_persons_wave(programme: Programme):
    assert [plan_rules.amount(kind, programme.scheme(53), 31) for kind in plan_rules.kinds(programme.scheme(53))] == (
        [600_000] * 4 + [50_000] * 3
    )
    assert plan_rules.kinds(programme.scheme(54)) == (Kind.INCENTIVE, Kind.SURVEY_1, Kind.SURVEY_2)
    for kind in set(Kind) - set(plan_rules.kinds(programme.scheme(54))):
        with pytest.raises(NotInScheme) as refused:
            plan_rules.amount(kind, programme.scheme(54), 31)
        assert refused.value.facts == {"scheme": "2023", "kind": kind.value}


@pytest.mark.parametrize(("entitlement", "n"), [("", 1), (ID, 0), (ID, -1)])
def test_a_blank_key_cannot_be_made(entitlement, n):
    with pytest.raises(ValueError, match=r"^a key needs an entitlement and an attempt$"):
        rules.reference(entitlement, n)


@given(st.integers(1, 9999))
def test_a_reference_leads_back_to_its_entitlement(n):
    assert rules.entitlement_of(rules.reference(ID, n)) == ID


@given(st.text())
def test_any_other_text_is_no_reference(text):
    found = rules.entitlement_of(text)
    assert found is None or text.startswith(found)
    assert rules.entitlement_of(f"{ID}-0") is None
    assert rules.entitlement_of(f"{ID}-1\n") is None


@pytest.mark.parametrize(
    ("state", "hold", "step"),
    [
        (State.DUE, None, Step.CLAIM),
        (State.SENDING, None, Step.ASK),
        (State.PAID, None, Step.ASK),
        (State.CANCELLED, None, Step.WAIT),
        (State.REVERSED, None, Step.WAIT),
        (State.HELD, Hold.NO_ADDRESS, Step.CLAIM),
        (State.HELD, Hold.EXCLUDED, Step.CLAIM),
        (State.HELD, Hold.UNCONFIRMED, Step.CLAIM),
        (State.HELD, Hold.UNVERIFIED, Step.CLAIM),
        (State.HELD, Hold.ADMIN, Step.WAIT),
        (State.HELD, Hold.KEY_EXPIRED, Step.ASK),
        (State.HELD, Hold.REFUSED, Step.ASK),
        (State.HELD, Hold.DUPLICATE, Step.WAIT),
        (State.HELD, Hold.AMOUNT_DIFFERS, Step.WAIT),
    ],
)
def test_a_worker_has_one_step_for_each_state(programme, state, hold, step):
    assert steps.next_step(an_entitlement(state, hold=hold), T0, programme.payouts) is step


def test_every_hold_is_retested_asked_about_or_left_to_a_person():
    assert {Hold.KEY_EXPIRED, Hold.REFUSED} | WAITING | FOR_A_PERSON == set(Hold)
    assert not WAITING & FOR_A_PERSON
    assert WAITING | {Hold.ADMIN, Hold.WRITTEN_OFF} | ALIVE == set(Hold)
    assert not ALIVE & (WAITING | {Hold.ADMIN})


def test_a_failed_attempt_rests_before_the_next_and_the_last_one_is_cancelled(programme):
    figures = programme.payouts
    failed = an_entitlement(State.FAILED, n=figures.attempts_max - 1)
    rested = T0 + timedelta(seconds=figures.failed_rest_s[-1])
    assert steps.next_step(failed, rested - timedelta(milliseconds=1), figures) is Step.WAIT
    assert steps.next_step(failed, rested, figures) is Step.CLAIM
    last = replace(failed, n=figures.attempts_max)
    assert steps.next_step(last, T0, figures) is Step.CANCEL


def test_the_same_bytes_are_sent_again_only_while_the_key_surely_lives(programme):
    figures = programme.payouts
    end = T0 + timedelta(seconds=figures.key_lifetime_s * figures.resend_before_percent // 100)
    assert steps.may_resend(T0, end - timedelta(milliseconds=1), figures)
    assert not steps.may_resend(T0, end, figures)
    assert steps.after_not_found(T0, T0, figures) is None
    held = steps.after_not_found(T0, end, figures)
    assert (held.state, held.hold) == (State.HELD, Hold.KEY_EXPIRED)


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.SUCCEEDED, Outcome.FAILED, Outcome.REVERSED])
def test_an_answer_to_a_sending_neither_settles_nor_fails_an_attempt(outcome):
    for first in (True, False):
        assert rules.after_send(Answer(outcome, "WORD", AMOUNT), first=first) is None


PERSON, PASSING, FINAL = (State.HELD, Hold.ACCOUNT_REFUSED), (State.FAILED, None), (State.HELD, Hold.ADMIN)
OURS, REQUEST = (State.HELD, Hold.OUR_SIDE), (State.HELD, Hold.REFUSED)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("RECIPIENT_ACCOUNT_NUMBER_ERROR", PERSON),
        ("RECIPIENT_ACCOUNT_NAME_ERROR", PERSON),
        ("INVALID_ACCOUNT_NUMBER", PERSON),
        ("INVALID_DESTINATION", PERSON),
        ("DESTINATION_MAXIMUM_LIMIT", PERSON),
        ("BANK_CODE_NOT_SUPPORTED_ERROR", PERSON),
        ("CHANNEL_CODE_NOT_SUPPORTED_ERROR", PERSON),
        ("INSUFFICIENT_BALANCE", OURS),
        ("NOT_ENOUGH_BALANCE", OURS),
        # The request, or its amount, is ours.
        ("API_VALIDATION_ERROR", REQUEST),
        ("INVALID_JSON_FORMAT", REQUEST),
        ("INVALID_API_KEY", REQUEST),
        ("REQUEST_FORBIDDEN_ERROR", REQUEST),
        ("RECIPIENT_AMOUNT_ERROR", REQUEST),
        ("MAXIMUM_TRANSFER_LIMIT_ERROR", REQUEST),
        # Nobody knows what it says of the person.
        ("A_CODE_THAT_IS_NEW", REQUEST),
        ("TEMPORARY_TRANSFER_ERROR", REQUEST),
        ("COMPLIANCE_REJECTED", REQUEST),
        ("unreadable", REQUEST),
    ],
)
def test_a_refused_first_request_is_held_and_a_refused_repetition_stays_alive(word, expected):
    def held(*, first: bool) -> tuple[State, Hold | None]:
        move = rules.after_send(Answer(Outcome.REFUSED, word), first=first)
        assert move.reason == word
        return move.state, move.hold

    assert held(first=True) == expected
    assert held(first=False) == REQUEST


def moves(entitlement: Entitlement, answer: Answer) -> list[tuple[State, Hold | None]]:
    return [(move.state, move.hold) for move in rules.after_status(entitlement, answer)]


@pytest.mark.parametrize(
    ("state", "outcome", "expected"),
    [
        (State.SENDING, Outcome.SUCCEEDED, [State.PAID]),
        (State.SENDING, Outcome.FAILED, [State.HELD]),
        (State.SENDING, Outcome.REVERSED, [State.PAID, State.REVERSED]),
        (State.SENDING, Outcome.PENDING, []),
        (State.SENDING, Outcome.UNKNOWN, []),
        (State.SENDING, Outcome.NOT_FOUND, []),
        (State.PAID, Outcome.SUCCEEDED, []),
        (State.PAID, Outcome.REVERSED, [State.REVERSED]),
        (State.PAID, Outcome.FAILED, []),
        (State.PAID, Outcome.NOT_FOUND, []),
        (State.PAID, Outcome.DUPLICATE, []),
    ],
)
def test_each_status_has_its_effect(state, outcome, expected):
    assert [after for after, _ in moves(an_entitlement(state), Answer(outcome, "WORD", AMOUNT))] == expected


OPEN = [
    an_entitlement(),
    an_entitlement(State.HELD, hold=Hold.KEY_EXPIRED),
    an_entitlement(State.HELD, hold=Hold.REFUSED),
]


@pytest.mark.parametrize("entitlement", OPEN)
@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.REVERSED])
@pytest.mark.parametrize("amount", [None, Rupiah(1), Rupiah(600_001)])
def test_another_amount_settles_nothing_and_raises_an_alarm(entitlement, outcome, amount):
    assert moves(entitlement, Answer(outcome, "WORD", amount)) == [(State.HELD, Hold.AMOUNT_DIFFERS)]


@pytest.mark.parametrize("entitlement", OPEN)
def test_two_payouts_under_one_reference_raise_an_alarm(entitlement):
    assert moves(entitlement, Answer(Outcome.DUPLICATE, "twice")) == [(State.HELD, Hold.DUPLICATE)]


@pytest.mark.parametrize("hold", [None, Hold.ACCOUNT_REFUSED, Hold.OUR_SIDE])
def test_an_attempt_paid_after_it_failed_is_held_for_good(hold):
    failed = an_entitlement(State.HELD if hold else State.FAILED, hold=hold)
    held = {each for each in Outcome if moves(failed, Answer(each, "WORD", AMOUNT)) == [(State.HELD, Hold.DUPLICATE)]}
    assert held == {Outcome.SUCCEEDED, Outcome.DUPLICATE}
    assert not [each for each in set(Outcome) - held if moves(failed, Answer(each, "WORD", AMOUNT))]


@pytest.mark.parametrize("amount", [AMOUNT, None, Rupiah(1), Rupiah(600_001)])
def test_a_reversal_of_another_amount_is_not_lost_and_says_so_in_the_history(amount):
    [move] = rules.after_status(an_entitlement(State.PAID), Answer(Outcome.REVERSED, "REVERSED", amount))
    reason = "REVERSED" if amount == AMOUNT else "reversed_amount_differs"
    assert (move.state, move.reason) == (State.REVERSED, reason)


@pytest.mark.parametrize(
    ("answer", "contradicts"),
    [
        (Answer(Outcome.SUCCEEDED, "SUCCEEDED", AMOUNT), False),
        (Answer(Outcome.SUCCEEDED, "SUCCEEDED", Rupiah(1)), True),
        (Answer(Outcome.SUCCEEDED, "SUCCEEDED", None), True),
        (Answer(Outcome.FAILED, "FAILED", AMOUNT), True),
        (Answer(Outcome.DUPLICATE, "reference_known_twice"), True),
        (Answer(Outcome.REVERSED, "REVERSED", Rupiah(1)), False),
        (Answer(Outcome.NOT_FOUND, "not_found"), False),
        (Answer(Outcome.UNKNOWN, "http_503"), False),
    ],
)
def test_a_denied_payment_is_a_contradiction_but_a_lagging_answer_is_not(answer, contradicts):
    assert rules.contradicts(an_entitlement(State.PAID), answer) is contradicts
    assert not rules.contradicts(an_entitlement(State.SENDING), answer)


@given(st.sampled_from(Outcome), st.sampled_from(State), st.sampled_from([None, AMOUNT, Rupiah(7)]))
def test_every_decision_is_a_transition_of_the_table(outcome, state, amount):
    hold = Hold.KEY_EXPIRED if state is State.HELD else None
    if state not in {State.SENDING, State.HELD, State.PAID, State.FAILED}:
        return  # never asked about
    for move in rules.after_status(an_entitlement(state, hold=hold), Answer(outcome, "WORD", amount)):
        assert move.state in NEXT[state]
        state = move.state


def test_the_sweep_returns_to_every_unfinished_payout():
    looked_at = {state for state in State if rules.needs_another_look(state, None)}
    assert looked_at == {State.DUE, State.SENDING, State.FAILED, State.HELD}
    assert not any(rules.needs_another_look(State.HELD, alarm) for alarm in FOR_A_PERSON)


def test_only_an_attempt_counts_as_long_after_an_hour():
    hour = timedelta(hours=1)
    assert SENDING_LONG_S == 3600
    assert steps.takes_long(an_entitlement(State.SENDING), T0 + hour, SENDING_LONG_S)
    assert not steps.takes_long(an_entitlement(State.SENDING), T0 + hour - timedelta(microseconds=1), SENDING_LONG_S)
    for state in set(State) - {State.SENDING}:
        assert not steps.takes_long(an_entitlement(state), T0 + hour * 100, SENDING_LONG_S)


def test_attempts_before_a_reopening_do_not_count(programme):
    most = programme.payouts.attempts_max
    opened = replace(an_entitlement(State.DUE, n=most), n_before=most)
    assert steps.next_step(opened, T0, programme.payouts) is Step.CLAIM
    assert steps.next_step(replace(opened, n=2 * most - 1), T0, programme.payouts) is Step.CLAIM
    assert steps.next_step(replace(opened, n=2 * most), T0, programme.payouts) is Step.CANCEL
    failed = replace(opened, state=State.FAILED, n=most + 1)
    assert steps.ours_from(failed, programme.payouts) == T0 + timedelta(seconds=programme.payouts.failed_rest_s[0])


def test_news_are_final_states_and_obstacles_that_the_person_can_remove():
    ends = {state for state in State if records.is_news(state, None)}
    assert ends == {State.PAID, State.CANCELLED, State.REVERSED}
    assert {hold for hold in Hold if records.is_news(State.HELD, hold)} == {
        Hold.NO_ADDRESS,
        Hold.UNVERIFIED,
        Hold.ACCOUNT_REFUSED,
    }


OUR_CODES = {
    *("FF01", "DS02", "DS04", "DS0H", "AC02", "AC05", "AG03", "BE08", "CH03", "TA01", "CURR", "AC10"),
    *("AC13", "AG02", "AG08", "AM03", "AM10", "AM18", "BE05", "BE07", "CH16", "DT04", "RC07", "RR10"),
}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # Xendit's
        ("INVALID_DESTINATION", PERSON),
        ("DESTINATION_MAXIMUM_LIMIT", PERSON),
        ("ACCOUNT_NAME_MISMATCH", PERSON),
        ("REJECTED_BY_CHANNEL", PERSON),
        ("TRANSFER_ERROR", PERSON),
        ("INSUFFICIENT_BALANCE", OURS),
        ("TEMPORARY_TRANSFER_ERROR", PASSING),
        ("UNKNOWN_BANK_NETWORK_ERROR", PASSING),
        ("FAILED", PASSING),
        ("EXPIRED", PASSING),
        ("SLS_RECIPIENT", FINAL),
        ("COMPLIANCE_REJECTED", FINAL),
        # A bank's
        ("RJCT_AC01", PERSON),  # no such number
        ("RJCT_AC04", PERSON),  # closed
        ("RJCT_AC06", PERSON),  # blocked
        ("RJCT_AC07", PERSON),
        ("RJCT_AM02", PERSON),  # over what the account may take
        ("RJCT_AM14", PERSON),
        ("RJCT_BE01", PERSON),  # another name
        ("RJCT_AM04", OURS),  # our own account is short
        ("RJCT_AB08", PASSING),
        ("RJCT", PASSING),
        ("RJCT_MD07", FINAL),
        ("RJCT_LEGL", FINAL),
        ("RJCT_RR04", FINAL),
        # Our file, our order, or our own account at the bank
        *((f"RJCT_{code}", OURS) for code in sorted(OUR_CODES)),
        *((f"RJCT_{code}", PASSING) for code in ("AB01", "AB02", "AB03", "AB04", "ED06", "FF10", "FF11", "DT05")),
        ("RJCT_AM07", FINAL),  # blocked by an authority
        # What is said of a whole file is nobody's account
        ("RJCT_FILE_AC04", OURS),
        ("RJCT_FILE_BE01", OURS),
        # In words that are new to us
        ("WALLET_HAS_MOVED_AWAY", PERSON),
        ("RJCT_XX99", PERSON),
        ("unreadable", PERSON),
    ],
)
def test_only_a_passing_failure_uses_up_an_attempt_and_others_are_held(word, expected):
    assert moves(an_entitlement(), Answer(Outcome.FAILED, word, AMOUNT)) == [expected]


def test_an_outage_of_half_a_day_ends_no_payment():
    """By the figures of production, however often workers look."""
    figures = load_programme("prod").payouts
    failed, now = an_entitlement(State.FAILED, n=1), T0
    while (step := steps.next_step(failed, now, figures)) is not Step.CANCEL:
        now += timedelta(minutes=1)
        if step is Step.CLAIM:
            failed = replace(failed, n=failed.n + 1, changed_at=now)
    assert now - T0 >= timedelta(hours=12)
    assert failed.n == figures.attempts_max
    waits = [steps.retries_at(an_entitlement(State.HELD, n=n, hold=Hold.OUR_SIDE), figures) - T0 for n in range(1, 6)]
    assert waits == [timedelta(hours=hours) for hours in (1, 4, 12, 24, 24)]


def test_a_worker_ends_before_another_can_send_its_attempt(programme):
    [pay] = [function.timeout_s for function in FUNCTIONS if function.name == "pay"]
    figures = load_programme("prod").payouts
    assert figures.requeue_after_s > 2 * pay
    gone = T0 + timedelta(seconds=figures.requeue_after_s)
    assert steps.sender_is_gone(T0, gone, figures)
    assert not steps.sender_is_gone(T0, gone - timedelta(milliseconds=1), figures)
