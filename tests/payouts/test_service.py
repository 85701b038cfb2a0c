"""The use cases of payouts over stores in memory: entitling, sweep, hints, what a person sees, the consumer."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.config import Programme
from chalicelib.payouts import alarm_words, rules, service, wire
from chalicelib.payouts.errors import InvalidCallback, NotInScheme, OutcomeNotKnown, UnknownEntitlement
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.rules import Entitlement, Hold, Kind, Move, State
from chalicelib.payouts.service import BACKLOG_MAX, SWEEP_LIMIT, consume
from tests.builders.payouts.memory import Memory, logged
from tests.builders.payouts.states import PLACES, Place, placed, refused
from tests.builders.payouts.world import beneficiary
from tests.conftest import T0
from tests.simulation.store import MemoryTransaction

ANI = beneficiary("ani")


class Rig(Memory):
    def entitle(self, who: str = "ani", kind: Kind = Kind.INCENTIVE) -> Entitlement:
        return self.store.get(super().entitle(beneficiary(who), kind))

    def sending(self, who: str, rail: str = "rail") -> Entitlement:
        due = self.entitle(who)
        return self.store.claim(due, StoredAttempt(1, f"{due.id}-1", b"", T0, rail), T0)

    def swept(self, after: timedelta) -> list[str]:
        self.queued.clear()
        assert self.payouts.sweep(T0 + after) == len(self.queued)
        return sorted(self.queued)


@pytest.fixture
def rig(programme: Programme, caplog: pytest.LogCaptureFixture) -> Rig:
    caplog.set_level(logging.INFO)
    return Rig(programme)


def test_an_entitlement_begins_due_with_the_amount_of_the_persons_scheme(rig):
    due = rig.entitle(kind=Kind.SURVEY_1)
    assert due == Entitlement(
        id=rules.entitlement_id(ANI.wave, "ani", Kind.SURVEY_1),
        registrant_id="ani",
        wave=ANI.wave,
        kind=Kind.SURVEY_1,
        amount_idr=50_000,
        state=State.DUE,
        n=0,
        seq=1,
        hold=None,
        created_at=T0,
        changed_at=T0,
        queued_at=T0,
    )
    assert [each.reason for each in rig.store.events(due.id)] == ["entitled"]


def test_a_scheme_without_the_kind_entitles_to_nothing(rig):
    refused(lambda: rig.entitle("ani", Kind.INCENTIVE_2), NotInScheme)
    assert rig.table.heads == {}


def test_while_a_payment_may_be_under_way_a_write_that_depends_on_it_fails(rig):
    def check(who: Any) -> None:
        with MemoryTransaction(rig.table, rig.nature) as tx:
            rig.payouts.check_nothing_alive(tx, "paying", who)

    check(None)
    check(ANI)
    rig.entitle()
    check(ANI)
    rig.sending("budi")
    check(ANI)
    with pytest.raises(LegsFailed) as failed:
        check(beneficiary("budi"))
    assert set(failed.value.legs) == {"paying"}


def test_where_the_latest_attempt_went_is_shown_if_it_is_where_the_person_is_paid_now(rig):
    asked = []

    def addresses() -> dict[int, wire.Destination]:
        asked.append("once")
        return {2: wire.Destination(False, "BNI", "********9999")}

    def shown() -> list[wire.Destination | None]:
        return [view.destination for view in rig.payouts.of(ANI, addresses)]

    due = rig.entitle()
    assert (shown(), asked) == ([None], []), "no attempt, so nothing to read"
    earlier = replace(rig.entitle(kind=Kind.SURVEY_1), address_version=1)
    rig.store.claim(earlier, StoredAttempt(1, f"{earlier.id}-1", b"", T0, "rail"), T0)
    assert shown() == [None, wire.EARLIER]
    rig.store.claim(replace(due, address_version=2), StoredAttempt(1, f"{due.id}-1", b"", T0, "rail"), T0)
    assert shown() == [wire.Destination(False, "BNI", "********9999"), wire.EARLIER]
    assert asked == ["once", "once"], "once for all of them"


def test_the_sweep_queues_rested_payouts_and_held_ones_less_often(rig, caplog):
    due = rig.entitle("due")
    held = rig.store.move(rig.entitle("held"), Move(State.HELD, "none", Hold.NO_ADDRESS), T0)
    by_file = rig.sending("by file", "bank-file")
    rest = timedelta(seconds=rig.rules.requeue_after_s)
    seldom = rest * rig.rules.held_look_factor
    moment = timedelta(seconds=1)
    assert rig.swept(rest) == []
    assert logged(caplog) == []
    assert rig.swept(rest + moment) == [due.id]
    assert logged(caplog) == [("INFO", "payouts_swept", 1)]
    assert rig.swept(rest + moment) == []
    assert {held.id, by_file.id}.isdisjoint(rig.swept(seldom))
    assert {held.id, by_file.id} <= set(rig.swept(seldom + moment))
    assert due.id in rig.swept(seldom + rest + 2 * moment), "its message may have been lost"


def test_a_sweep_takes_a_limited_number_of_a_partition(rig, monkeypatch):
    monkeypatch.setattr("chalicelib.payouts.ledger.records.SHARDS", 1)
    monkeypatch.setattr(service, "SWEEP_LIMIT", 3)
    ids = {rig.entitle(f"person {number}").id for number in range(5)}
    later = timedelta(days=1)
    first, second = rig.swept(later), rig.swept(later)
    assert (len(first), len(second)) == (3, 2)
    assert set(first) | set(second) == ids
    assert SWEEP_LIMIT == 50


def test_a_sweep_does_not_add_to_a_backlog(rig, caplog):
    rig.entitle()
    rig.waiting = BACKLOG_MAX + 1
    assert rig.payouts.sweep(T0 + timedelta(days=1)) is None
    assert rig.queued == []
    assert logged(caplog) == [("WARNING", "payouts_not_swept", BACKLOG_MAX + 1)]
    rig.waiting = BACKLOG_MAX
    assert len(rig.swept(timedelta(days=1))) == 1


def test_long_running_payouts_are_counted_and_those_by_file_separately(rig, caplog):
    for who in ("ani", "budi"):
        rig.sending(who)
    rig.sending("by file", "bank-file")
    due = rig.entitle("due")
    rig.swept(timedelta(hours=1) - timedelta(seconds=1))
    assert logged(caplog) == [("INFO", "payouts_swept", 4)]
    attempt = StoredAttempt(1, f"{due.id}-1", b"", T0, "rail")
    rig.store.claim(rig.store.get(due.id), attempt, T0 + timedelta(hours=23.5))
    for days, by_file in ((1, []), (4, [("WARNING", alarm_words.BY_FILE_LONG, 1)])):
        caplog.clear()
        rig.swept(timedelta(days=days))
        long = 2 if days == 1 else 3  # a new attempt is young however long its entitlement has been open
        assert logged(caplog) == [("INFO", "payouts_swept", 4), ("WARNING", alarm_words.SENDING_LONG, long), *by_file]


def test_a_payout_taken_by_another_sweep_is_not_queued_again(rig, monkeypatch):
    rig.entitle()
    monkeypatch.setattr(rig.store, "mark_queued", lambda *_: None)
    assert rig.swept(timedelta(days=1)) == []


def test_the_waiting_time_of_a_payment_begins_when_it_may_continue(programme):
    figures = programme.payouts
    look_s = figures.requeue_after_s * figures.held_look_factor
    waits_s = {
        Place(State.DUE): 0,
        Place(State.SENDING): 0,
        Place(State.FAILED): figures.failed_rest_s[0],
        Place(State.HELD, Hold.ACCOUNT_REFUSED): figures.retry_after_s[-1] + look_s,
        Place(State.HELD, Hold.OUR_SIDE): figures.our_retry_after_s[-1] + look_s,
        Place(State.HELD, Hold.ADDRESS_CHANGED): figures.address_wait_s + look_s,
    }
    moment = timedelta(seconds=1)
    for place in PLACES:
        world = Memory(programme)
        placed(world, "ani", place)
        world.later(days=365)
        later = world.store.get(world.entitle(beneficiary("a later one")))
        since = T0 + timedelta(seconds=waits_s[place]) if place in waits_s else None
        assert world.payouts.waiting_since(world.now + moment) == (since or world.now), place
        attempt = StoredAttempt(1, f"{later.id}-1", b"", world.now, "bank-file")
        world.store.claim(later, attempt, world.now)
        assert world.payouts.waiting_since(world.now + moment) == since, "a bank file takes days"
        if since:
            assert world.payouts.waiting_since(since - moment) is None, place
            assert world.payouts.waiting_since(since + moment) == since, place


def test_setting_an_account_while_a_worker_moves_the_payment_succeeds(programme, monkeypatch):
    world = Memory(programme)
    held = placed(world, "ani", Place(State.HELD, Hold.ACCOUNT_REFUSED))
    world.store.move(held, Move(State.DUE, "obstacle_gone"), world.now)
    monkeypatch.setattr(world.store, "batch", lambda _: [held])
    world.payouts.look_again(ANI, T0 + timedelta(days=1))
    assert (world.state(held.id), world.queued) == (State.DUE, [held.id])


def test_a_hint_with_the_right_token_queues_the_entitlement_of_its_reference(rig, caplog):
    due = rig.entitle()
    rig.payouts.hint("token", f"{due.id}-1")
    assert rig.queued == [due.id]
    rig.payouts.hint("token", "another system's")
    assert rig.queued == [due.id]
    assert logged(caplog) == [("INFO", "fsp_hint_ignored")]


@pytest.mark.parametrize(("token", "said"), [("token", "Token"), ("token", ""), ("", ""), ("", "token"), ("é", "e")])
def test_a_hint_with_another_token_or_while_none_is_set_is_refused(rig, token, said):
    rig.token = token
    refused(lambda: rig.payouts.hint(said, f"{'a' * 26}-1"), InvalidCallback)
    assert rig.queued == []


def test_people_see_their_own_payouts_by_kind(rig):
    kinds = [Kind.SURVEY_2, Kind.INCENTIVE, Kind.SURVEY_1]
    own = {kind: rig.entitle("ani", kind) for kind in kinds}
    rig.entitle("budi")
    order = [own[kind] for kind in (Kind.INCENTIVE, Kind.SURVEY_1, Kind.SURVEY_2)]
    assert {wire.view(replace(order[0], state=State.HELD, hold=hold)).held_because for hold in Hold} == {
        *get_args(wire.HeldBecause)
    }
    assert wire.view(replace(order[0], state=State.PAID, hold=None)).held_because is None
    assert rig.payouts.of(ANI) == [wire.view(each) for each in order]
    assert rig.payouts.of(None) == []
    many = rig.payouts.of_many(iter([ANI, beneficiary("budi"), beneficiary("candra")]))
    assert many["ani"] == order
    assert [each.registrant_id for each in many["budi"]] == ["budi"]
    assert many["candra"] == []
    assert set(many) == {"ani", "budi", "candra"}


class Scripted:
    """Processes ids as told: an exception to raise, or nothing."""

    def __init__(self, script: dict[str, Exception]) -> None:
        self.script = script
        self.seen: list[str] = []

    def process(self, entitlement_id: str, now: datetime) -> State:
        assert now == T0
        self.seen.append(entitlement_id)
        if entitlement_id in self.script:
            raise self.script[entitlement_id]
        return State.PAID


def records(*bodies: str) -> list[dict[str, str]]:
    return [{"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]


def failed(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_each_message_fails_on_its_own_and_an_operator_finds_it_and_why_but_not_its_contents(caplog):
    payouts = Scripted(
        {
            "b": OutcomeNotKnown(entitlement_id="b", reason="http_503"),
            "c": RuntimeError("with a secret"),
            "foreign": UnknownEntitlement(entitlement_id="foreign"),
        }
    )
    ids = ["a", "b", "c", "foreign", "e"]
    answer = consume(records("not json", *map(wire.encode_message, ids)), payouts, T0)
    assert (failed(answer), payouts.seen) == (["m0", "m2", "m3"], ids)
    known = ("message_id", "code", "reason", "error")
    assert [
        (each.levelname, each.message, *(getattr(each, name) for name in known if hasattr(each, name)))
        for each in caplog.records
    ] == [
        ("ERROR", "message_malformed", "m0"),
        ("WARNING", "message_comes_again", "m2", "payout_outcome_pending", "http_503"),
        ("ERROR", "message_failed", "m3", "RuntimeError"),
        ("WARNING", "message_ignored", "m4"),
    ]
    assert {each.queue for each in caplog.records} == {"payouts"}
    assert "foreign" not in str([vars(record) for record in caplog.records])


def test_a_repeated_message_is_logged_with_its_count(caplog):
    caplog.set_level(logging.INFO)
    body = wire.encode_message("a")
    again = [
        {"messageId": f"m{times}", "body": body, "attributes": {"ApproximateReceiveCount": times}} for times in "123"
    ]
    consume(again, Scripted({}), T0)
    assert [(each.message, each.message_id, each.received) for each in caplog.records] == [
        ("message_again", "m2", 2),
        ("message_again", "m3", 3),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json 3174012345678901",
        "[]",
        "{}",
        json.dumps({"v": 2, "entitlement_id": "a"}),
        json.dumps({"v": "1", "entitlement_id": "a"}),
        json.dumps({"v": 1, "entitlement_id": 7}),
        json.dumps({"v": 1, "entitlement_id": "a", "account": "3174012345678901"}),
    ],
)
def test_a_malformed_message_or_another_version_goes_back_and_its_contents_are_not_logged(body, caplog):
    payouts = Scripted({})
    with caplog.at_level(logging.DEBUG):
        assert failed(consume(records(body), payouts, T0)) == ["m0"]
    assert payouts.seen == []
    assert [record.message for record in caplog.records] == ["message_malformed"]
    assert "3174012345678901" not in str([vars(record) for record in caplog.records])


def test_a_message_has_its_version_and_the_id_only():
    assert json.loads(wire.encode_message("abc")) == {"v": 1, "entitlement_id": "abc"}
    assert wire.decode_message(wire.encode_message("abc")).entitlement_id == "abc"


@pytest.mark.parametrize(
    ("hint", "reference"),
    [
        ({"reference_id": "r-1"}, "r-1"),
        ({"event": "payout.succeeded", "data": {"reference_id": "r-2", "status": "SUCCEEDED"}}, "r-2"),
        ({"event": "payout.succeeded"}, ""),
    ],
)
def test_a_hint_is_read_in_both_forms_and_for_its_reference_only(hint, reference):
    assert msgspec.json.decode(json.dumps(hint), type=wire.FspHint).reference == reference
