"""What a worker does step by step, over stores in memory: the calls in their order, the history, and what is logged."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.config import Programme
from chalicelib.figures.benefits import CeilingRules
from chalicelib.payouts import alarm_words
from chalicelib.payouts.controls.limits import Allowance, Pause
from chalicelib.payouts.errors import OutcomeNotKnown, Superseded
from chalicelib.payouts.ledger.records import Event, StoredAttempt
from chalicelib.payouts.providers.provider import Providers
from chalicelib.payouts.rules import Answer, Entitlement, Hold, Move, Outcome, State
from chalicelib.payouts.worker import Ports, Worker
from chalicelib.registration.rules import FinancialAddress, Payee
from tests.builders.payouts.memory import Memory, logged
from tests.builders.payouts.states import refused
from tests.builders.payouts.world import beneficiary, incentive_id
from tests.conftest import T0

ID = incentive_id("ani")
AMOUNT = 600_000
PENDING, PAID = Answer(Outcome.PENDING, "ACCEPTED"), Answer(Outcome.SUCCEEDED, "SUCCEEDED", AMOUNT)
FAILED, NOT_FOUND = Answer(Outcome.FAILED, "FAILED", AMOUNT), Answer(Outcome.NOT_FOUND, "not_found")
NO_ANSWER = Answer(Outcome.UNKNOWN, "http_503")


@dataclass
class Scripted:
    """A provider that answers as it is told, and everybody else a worker asks; `calls` is what they were asked."""

    rail: str
    calls: list[tuple]
    sent: Answer = PENDING
    said: Answer = PAID
    place: FinancialAddress | Hold = field(default_factory=lambda: FinancialAddress("BNI", "123", "Ani"))

    def render(self, reference: str, entitlement: Entitlement, address: FinancialAddress) -> bytes:
        return f"{reference} {entitlement.amount_idr} {address.account_number}".encode()

    def send(self, key: str, body: bytes) -> Answer:
        self.calls.append(("send", self.rail, key, body))
        return self.sent

    def status(self, reference: str) -> Answer:
        self.calls.append(("status", self.rail, reference))
        return self.said

    def payee(self, registrant_id: str, now: datetime) -> Payee | Hold:
        self.calls.append(("payee", registrant_id, now))
        if isinstance(self.place, Hold):
            return self.place
        return Payee(registrant_id, self.place, self.seal)

    def seal(self, plain: bytes) -> bytes:
        self.calls.append(("seal",))
        return b"sealed:" + plain

    def unseal(self, registrant_id: str, sealed: bytes) -> bytes:
        assert sealed.startswith(b"sealed:")
        self.calls.append(("unseal", registrant_id))
        return sealed.removeprefix(b"sealed:")


class Rig(Memory):
    """One worker. BNI is paid by `new` now; `old` is where an attempt may have gone before."""

    def __init__(self, programme: Programme) -> None:
        super().__init__(programme)
        self.calls: list[tuple] = []
        self.new, self.old = Scripted("new", self.calls), Scripted("old", self.calls)
        self.limit(CeilingRules(day_idr=10**9, envelope_idr=10**9, block=3))
        self.entitle(beneficiary("ani"))

    def limit(self, ceilings: CeilingRules) -> None:
        code = msgspec.structs.replace(self.rules.codes["BNI"], rail="new")
        providers = Providers({"new": self.new, "old": self.old, "bank-file": self.old}, {"BNI": code})
        self.allowance = Allowance(self.ceilings, ceilings)
        self.worker = Worker(self.store, Ports(self.new, self.new, providers, self.allowance), self.rules)

    def process(self) -> State:
        self.calls.clear()
        return self.worker.process(ID, self.now)

    def rested(self) -> None:
        self.later(seconds=max(self.rules.failed_rest_s))

    def head(self) -> Entitlement:
        return self.store.get(ID)

    def history(self) -> list[tuple[State, Hold | None, int, str, datetime]]:
        events: list[Event] = self.store.events(ID)
        return [(each.state, each.hold, each.n, each.reason, each.at) for each in events[1:]]


@pytest.fixture
def rig(programme: Programme, caplog: pytest.LogCaptureFixture) -> Rig:
    caplog.set_level(logging.INFO)
    return Rig(programme)


def test_a_claim_tests_everything_stores_the_attempt_sends_and_asks(rig, caplog):
    rig.later(hours=1)
    assert rig.process() is State.PAID
    body = f"{ID}-1 600000 123".encode()
    assert rig.calls == [
        ("payee", "ani", rig.now),
        ("seal",),
        ("send", "new", f"{ID}-1", body),
        ("status", "new", f"{ID}-1"),
    ]
    [attempt] = rig.store.attempts(ID)
    assert (attempt.n, attempt.key, attempt.sealed_body) == (1, f"{ID}-1", b"sealed:" + body)
    assert (attempt.first_sent_at, attempt.rail) == (rig.now, "new")
    assert rig.history() == [
        (State.SENDING, None, 1, "claimed", rig.now),
        (State.PAID, None, 1, "SUCCEEDED", rig.now),
    ]
    assert logged(caplog) == [("INFO", alarm_words.MOVED, ID, "PAID", 1, "SUCCEEDED")]


@pytest.mark.parametrize(
    ("hold", "reason"),
    [
        (Hold.NO_ADDRESS, "no_financial_address"),
        (Hold.UNVERIFIED, "account_not_verified"),
        (Hold.EXCLUDED, "on_exclusion_list"),
        (Hold.UNCONFIRMED, "not_confirmed_by_the_registry"),
        (Hold.CONTESTED, "nik_contested"),
    ],
)
def test_an_obstacle_holds_a_payout_and_a_retest_adds_no_event(rig, caplog, hold, reason):
    rig.new.place = hold
    assert rig.process() is rig.process() is State.HELD
    assert rig.history() == [(State.HELD, hold, 0, reason, T0)]
    assert logged(caplog) == [("INFO", alarm_words.MOVED, ID, "HELD", 0, reason)]
    assert rig.calls == [("payee", "ani", T0)]


def test_a_new_obstacle_and_its_end_are_in_the_history(rig):
    rig.new.place = Hold.NO_ADDRESS
    rig.process()
    rig.new.place = Hold.EXCLUDED
    assert rig.process() is State.HELD
    rig.new.place = FinancialAddress("BNI", "123", "Ani")
    rig.later(hours=1)
    assert rig.process() is State.PAID
    assert rig.history()[1:3] == [
        (State.HELD, Hold.EXCLUDED, 0, "on_exclusion_list", T0),
        (State.DUE, None, 0, "obstacle_gone", rig.now),
    ]


@pytest.mark.parametrize(
    ("ceilings", "name"),
    [
        (CeilingRules(day_idr=AMOUNT - 1, envelope_idr=10**9, block=3), "DAY#2026-11-24"),
        (CeilingRules(day_idr=10**9, envelope_idr=AMOUNT - 1, block=3), "WAVE#143#INCENTIVE"),
    ],
)
def test_at_a_ceiling_nothing_is_stored_or_sent_and_the_log_names_it(rig, caplog, ceilings, name):
    rig.limit(ceilings)
    assert rig.process() is State.DUE
    assert rig.history() == []
    assert [call[0] for call in rig.calls] == ["payee"]
    assert logged(caplog) == [("WARNING", alarm_words.CEILING_REACHED, ID, name)]


def test_an_amount_of_a_lost_claim_is_available_to_the_next(rig, monkeypatch):
    claim = rig.store.claim

    def overtaken(*arguments):
        rig.store.move(rig.head(), Move(State.HELD, "held", Hold.ADMIN), T0)
        return claim(*arguments)

    monkeypatch.setattr(rig.store, "claim", overtaken)
    rig.limit(CeilingRules(day_idr=AMOUNT, envelope_idr=AMOUNT, block=1))
    refused(rig.process, Superseded)
    assert [call[0] for call in rig.calls] == ["payee", "seal"], "nothing was sent"
    assert rig.allowance.spend(rig.head(), T0) is None
    assert rig.allowance.spend(rig.head(), T0) == "DAY#2026-11-24"


def test_while_payouts_are_paused_nothing_is_claimed_and_the_log_says_why(rig, caplog):
    rig.table.pause = Pause("arn:ani", T0, "looking into it")
    assert rig.process() is State.DUE
    assert (rig.calls, rig.history()) == ([], [])
    assert logged(caplog) == [("WARNING", alarm_words.PAUSED, ID)]


def test_without_an_answer_to_a_sending_the_message_is_retried_with_the_same_attempt(rig):
    rig.new.sent = NO_ANSWER
    assert refused(rig.process, OutcomeNotKnown) == {"entitlement_id": ID, "reason": "http_503"}
    assert rig.head().state is State.SENDING
    assert [call[0] for call in rig.calls] == ["payee", "seal", "send"]


def sending(rig: Rig, rail: str = "new") -> None:
    """One attempt has been sent, of which nothing is known yet."""
    rig.new.said = PENDING
    assert rig.process() is State.SENDING
    rig.new.said = PAID
    if rail == "old":
        lines = rig.table.lines[ID]
        attempt = replace(lines[2].attempt, rail="old")
        lines[2] = dataclasses.replace(lines[2], attempt=attempt)


def test_an_attempt_keeps_its_provider_and_bytes(rig):
    sending(rig, "old")
    rig.new.place = FinancialAddress("BNI", "999", "Ani")
    rig.old.said = NOT_FOUND
    rig.later(minutes=5)
    assert refused(rig.process, OutcomeNotKnown) == {"entitlement_id": ID, "reason": "not_found"}
    assert rig.calls == [
        ("status", "old", f"{ID}-1"),
        ("unseal", "ani"),
        ("send", "old", f"{ID}-1", f"{ID}-1 600000 123".encode()),
        ("status", "old", f"{ID}-1"),
    ]
    rig.old.said = PAID
    assert rig.process() is State.PAID


def test_a_later_status_of_the_bank_stops_the_next_attempt(rig):
    sent = rig.store.claim(rig.head(), StoredAttempt(1, f"{ID}-1", b"", T0, "bank-file"), T0)
    rig.store.move(sent, Move(State.FAILED, "RJCT_AB08"), T0)
    rig.rested()
    assert rig.process() is State.HELD
    assert rig.calls == [("status", "old", f"{ID}-1")]
    assert rig.history()[-1] == (State.HELD, Hold.DUPLICATE, 1, "SUCCEEDED", rig.now)


def test_during_a_pause_an_attempt_is_asked_about_but_not_sent_again(rig, caplog):
    sending(rig)
    rig.table.pause = Pause("arn:ani", T0, "looking into it")
    rig.new.said = NOT_FOUND
    assert rig.process() is State.SENDING
    assert rig.calls == [("status", "new", f"{ID}-1")]
    assert logged(caplog) == [("WARNING", alarm_words.PAUSED, ID)]
    rig.new.said = PAID
    assert rig.process() is State.PAID
    rig.new.said = Answer(Outcome.REVERSED, "REVERSED", AMOUNT)
    assert rig.process() is State.REVERSED, "also that money came back"


def test_an_attempt_unknown_after_its_keys_life_is_held_for_good(rig, caplog):
    sending(rig)
    rig.new.said = NOT_FOUND
    rig.later(seconds=rig.rules.key_lifetime_s)
    assert rig.process() is State.HELD
    held = (State.HELD, Hold.KEY_EXPIRED, 1, "not_found_after_key_life", rig.now)
    assert rig.history()[-1] == held
    assert logged(caplog) == [("ERROR", alarm_words.MOVED, ID, "HELD", 1, "not_found_after_key_life")]
    assert rig.process() is State.HELD, "asked about, and still not known"
    assert rig.calls == [("status", "new", f"{ID}-1")]
    assert rig.history()[-1] == held


@pytest.mark.parametrize(
    ("answer", "hold"),
    [
        (Answer(Outcome.REFUSED, "API_VALIDATION_ERROR"), Hold.REFUSED),
        (Answer(Outcome.DUPLICATE, "DUPLICATE_ERROR"), Hold.DUPLICATE),
    ],
)
def test_a_refused_sending_is_held_with_the_providers_code(rig, answer, hold):
    rig.new.sent = answer
    assert rig.process() is State.HELD
    assert rig.history()[-1] == (State.HELD, hold, 1, answer.fact, T0)
    assert rig.calls[-1][0] == "send"


def test_a_failed_attempt_rests_and_the_next_has_a_key_of_its_own_until_all_are_used_up(rig, caplog):
    rig.new.said = FAILED
    for n in range(1, rig.rules.attempts_max):
        assert rig.process() is State.FAILED
        assert rig.process() is State.FAILED, "it rests"
        assert rig.calls == []
        assert rig.head().n == n
        rig.rested()
    assert rig.process() is State.CANCELLED
    assert [each.key for each in rig.store.attempts(ID)] == [f"{ID}-{n + 1}" for n in range(rig.rules.attempts_max)]
    last = rig.rules.attempts_max
    assert rig.history()[-2:] == [
        (State.FAILED, None, last, "FAILED", rig.now),
        (State.CANCELLED, None, last, "attempts_used_up", rig.now),
    ]
    assert logged(caplog)[-1] == ("ERROR", alarm_words.MOVED, ID, "CANCELLED", last, "attempts_used_up")
    assert rig.process() is State.CANCELLED
    assert rig.calls == []


def test_the_next_worker_cancels_if_one_died_after_the_last_failure(rig):
    rig.new.said = FAILED
    for _ in range(rig.rules.attempts_max - 1):
        rig.process()
        rig.rested()
    sending(rig)
    rig.store.move(rig.head(), Move(State.FAILED, "FAILED"), rig.now)
    rig.later(hours=1)
    assert rig.process() is State.CANCELLED
    assert rig.history()[-1] == (State.CANCELLED, None, rig.rules.attempts_max, "attempts_used_up", rig.now)
    assert rig.calls == []


def test_without_a_status_a_sending_payout_is_retried_but_a_paid_one_is_not(rig):
    sending(rig)
    rig.new.said = NO_ANSWER
    assert refused(rig.process, OutcomeNotKnown) == {"entitlement_id": ID, "reason": "http_503"}
    rig.new.said = PAID
    rig.process()
    rig.new.said = NO_ANSWER
    assert rig.process() is State.PAID


def test_a_provider_that_denies_a_payment_is_logged_and_changes_nothing(rig, caplog):
    rig.process()
    before = rig.history()
    caplog.clear()
    rig.new.said = FAILED
    assert rig.process() is State.PAID
    assert rig.history() == before
    assert logged(caplog) == [("ERROR", alarm_words.CONTRADICTED, ID, "FAILED")]


def test_money_that_came_back_is_recorded_as_paid_and_then_as_reversed(rig, caplog):
    rig.new.said = Answer(Outcome.REVERSED, "REVERSED", AMOUNT)
    assert rig.process() is State.REVERSED
    assert rig.history()[1:] == [
        (State.PAID, None, 1, "REVERSED", T0),
        (State.REVERSED, None, 1, "REVERSED", T0),
    ]
    assert [(line[0], *line[2:4]) for line in logged(caplog)] == [("INFO", ID, "PAID"), ("ERROR", ID, "REVERSED")]


@pytest.mark.parametrize(
    ("answer", "hold"),
    [
        (Answer(Outcome.SUCCEEDED, "SUCCEEDED", AMOUNT - 1), Hold.AMOUNT_DIFFERS),
        (Answer(Outcome.DUPLICATE, "reference_known_twice"), Hold.DUPLICATE),
    ],
)
def test_a_hold_that_only_a_person_can_end_is_an_error_in_the_log(rig, caplog, answer, hold):
    rig.new.said = answer
    assert rig.process() is State.HELD
    assert rig.head().hold is hold
    assert logged(caplog) == [("ERROR", alarm_words.MOVED, ID, "HELD", 1, answer.fact)]
