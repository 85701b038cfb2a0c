"""Asking the civil registry about registrations: over a queue, once kept for each version, until there is an answer."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import datetime, timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import boto3
import msgspec
import pytest
from msgspec.structs import replace

from admin.deployment import stages
from chalicelib.aws import dynamodb
from chalicelib.civil_registry import service
from chalicelib.civil_registry.errors import NoAnswer
from chalicelib.civil_registry.registry import CivilRecord
from chalicelib.civil_registry.service import IN_A_ROW, Refusals, consume
from chalicelib.clock import iso
from chalicelib.notices.rules import Kind
from chalicelib.registration.change_notices import event
from chalicelib.registration.items import Profile, person_pk
from chalicelib.registration.rules import Verification
from chalicelib.registration.verifications import Waiting
from chalicelib.wiring import Services
from local.sandbox import registry as sandbox
from local.sandbox.registry import Person
from tests.builders.commands import Terminal
from tests.builders.registration import SITI, form, other_form
from tests.civil_registry.asking import AGAIN, KNOWN, OTHER, WHO, Stage, refusing
from tests.conftest import T0


def test_a_new_registration_is_asked_about_by_its_id_and_version_only(stage, caplog):
    caplog.set_level(logging.DEBUG)
    stage.register()
    assert (stage.shown(), stage.state()) == ("PENDING", Verification.PENDING)
    [body] = stage.queued()
    assert json.loads(body) == {"v": 1, "registrant_id": WHO, "version": 1}

    stage.now += timedelta(minutes=1)
    stage.deliver([body])
    person = stage.services.registrations.registrant(WHO)
    assert (person.verification, person.verified_at, person.verification_source) == (
        Verification.VERIFIED, stage.now, "dci",
    )  # fmt: skip
    assert (stage.shown(), stage.told(), stage.registry.asked) == ("VERIFIED", [], {SITI.nik: 1})
    for secret in (SITI.nik, SITI.kk, SITI.name):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"name": "Budi Santoso"}, Verification.MISMATCH),
        ({"province": "32", "regency": "3273"}, Verification.MISMATCH),
        ({"nik": "3174095708950009"}, Verification.UNKNOWN_NIK),
    ],
)
def test_a_person_is_told_only_that_something_differs(stage, given: dict[str, str], state: Verification):
    assert stage.asked(form(**given)) is state
    assert (stage.shown(), stage.told()) == ("DIFFERS", ["data_differs"])
    view = msgspec.json.encode(stage.services.registrations.me(WHO).registration).decode()
    assert "MISMATCH" not in view
    assert "UNKNOWN" not in view


def test_an_answer_is_kept_once_for_a_version_however_often_its_message_comes(stage):
    stage.registry.people = {}
    stage.register()
    [body] = stage.queued()
    record = stage.services.registration_store.record(WHO)
    stage.deliver([body, body])
    stage.registry.add([KNOWN])
    stage.deliver([body])
    # One that asked at the same time comes second.
    assert not stage.services.verifications.keep(record, Verification.VERIFIED, "late", stage.now)
    assert (stage.state(), stage.told(), stage.registry.asked) == (
        Verification.UNKNOWN_NIK, ["data_differs"], {SITI.nik: 1},
    )  # fmt: skip


def test_an_answer_to_a_version_that_was_corrected_meanwhile_is_dropped(stage):
    stage.register(form(name="Budi Santoso"))
    record = stage.services.registration_store.record(WHO)
    stage.register()
    assert not stage.services.verifications.keep(record, Verification.MISMATCH, "dci", stage.now)
    first, second = stage.queued()
    stage.deliver([second, first])
    assert (stage.state(), stage.registry.asked) == (Verification.VERIFIED, {SITI.nik: 1})


@pytest.mark.parametrize(("state", "kept"), [(Verification.VERIFIED, True), (Verification.MISMATCH, False)])
def test_who_came_to_claim_the_nik_meanwhile_is_not_told_that_something_differs(stage, state, kept):
    stage.register()
    record = stage.services.registration_store.record(WHO)
    Profile(person_pk(WHO), "PROFILE").update([Profile.claimed_at.set(T0), Profile.version.add(1)])
    assert stage.services.verifications.keep(record, state, "dci", stage.now) is kept
    assert (stage.state(), stage.told()) == (state if kept else Verification.PENDING, [])


def test_while_the_registry_is_silent_nobody_is_judged_and_the_sweep_asks_until_it_answers(stage):
    stage.registry.configure(down=True)
    assert stage.asked() is Verification.PENDING  # no message fails: `deliver` asserts it
    sweep = stage.services.registry_sweep
    stage.now += AGAIN
    assert sweep.run(stage.now) == 0
    for hours in (1, 30):
        stage.now = T0 + timedelta(hours=hours)
        assert (sweep.run(stage.now), sweep.run(stage.now)) == (1, 0)
        assert sweep.waiting_since(stage.now) == T0
        stage.deliver(stage.queued())
        assert (stage.shown(), stage.told()) == ("PENDING", [])

    stage.registry.configure(down=False)
    stage.now += timedelta(hours=1)
    sweep.run(stage.now)
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED
    assert (sweep.run(stage.now + 2 * AGAIN), sweep.waiting_since(stage.now)) == (0, None)


def test_an_answer_that_comes_once_we_gave_up_is_silence_and_asked_for_anew(stage, monkeypatch):
    gave_up, answered, answer = Event(), Event(), stage.registry.answer
    monkeypatch.setattr(sandbox, "time", SimpleNamespace(sleep=gave_up.wait, monotonic_ns=lambda: 0))
    monkeypatch.setattr(stage.registry, "answer", lambda asked: (answer(asked), answered.set())[0])
    stage.registry.configure(slow_s=60)
    patient = stage.services
    figures = replace(patient.programme.registry, timeout_s=0.1)
    stage.services = Services(stage.settings, replace(patient.programme, registry=figures), lambda: stage.now)
    assert stage.asked() is Verification.PENDING
    assert not answered.is_set()
    gave_up.set()
    assert answered.wait(60)
    assert (stage.shown(), stage.told()) == ("PENDING", []), "nobody is refused for it"

    stage.services = patient
    stage.now += timedelta(hours=1)
    assert patient.registry_sweep.run(stage.now) == 1
    stage.deliver(stage.queued())
    assert (stage.state(), stage.registry.asked[SITI.nik]) == (Verification.VERIFIED, 2)


def test_a_record_that_lacks_what_is_compared_needs_a_person_and_judges_nobody(stage, caplog):
    stage.registry.people = {KNOWN.nik: Person(nik=SITI.nik, name=SITI.name, birth_date="", kk=SITI.kk, province="")}
    assert stage.asked() is Verification.PENDING
    [line] = [record for record in caplog.records if record.message == "registry_silent"]
    assert (line.levelname, line.__dict__["fact"]) == ("WARNING", "without_birth_date_province")


def test_an_answer_that_decides_nothing_is_counted_apart_from_silence_and_asked_about_daily(
    stage, monkeypatch: pytest.MonkeyPatch
):
    lacking = {KNOWN.nik: Person(nik=SITI.nik, name=SITI.name, birth_date="1995-08-17", kk="", province="31")}
    stage.registry.people, sweep, day = lacking, stage.services.registry_sweep, timedelta(days=1)
    assert stage.asked() is Verification.PENDING
    assert (stage.shown(), stage.told(), sweep.waiting_since(stage.now)) == ("UNDECIDED", [], None)
    terminal = Terminal("registration")
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=stage.services, settings=stage.settings))
    [row] = terminal.found("undecided")
    assert (row["registrant"], row["undecided"], row["undecided_at"]) == (WHO, "without_kk", iso(T0))
    [look] = [line for line in stage.services.journal.of_person(WHO) if line.person != "registry"]
    assert (look.route, look.outcome) == ("registration undecided", "done")
    assert sweep.run(T0 + 3 * AGAIN) == 0, "not at the pace of a silent registry"
    stage.now = T0 + day + timedelta(seconds=1)
    assert sweep.run(stage.now) == 1
    stage.deliver(stage.queued())
    person = stage.services.registrations.registrant(WHO)
    assert (person.undecided, person.undecided_at) == ("without_kk", T0), "since the first time"
    assert sweep.run(stage.now + 3 * AGAIN) == 0

    stage.register(form(name="Siti Aminah Binti Ahmad"))
    person = stage.services.registrations.registrant(WHO)
    assert (person.undecided, person.undecided_at, sweep.waiting_since(stage.now)) == (None, None, stage.now)
    stage.deliver(stage.queued())
    stage.registry.people = {KNOWN.nik: KNOWN}
    stage.register()
    stage.deliver(stage.queued())
    assert (stage.state(), terminal.found("undecided")) == (Verification.VERIFIED, [])


def test_the_record_of_somebody_who_has_died_confirms_nobody_though_it_lacks_what_is_compared(stage, monkeypatch):
    dead = CivilRecord(None, None, None, None, dead=True)
    monkeypatch.setattr(stage.services.registry_verifier._registry, "find", lambda niks: [dead] * len(niks))
    assert stage.asked() is Verification.MISMATCH
    assert stage.shown() == "DIFFERS"


def test_a_sweep_that_is_cut_off_has_queued_what_it_put_off_before(stage, monkeypatch):
    stage.register()
    stage.register(other_form(5), OTHER)
    stage.queued()
    verifications, put_off = stage.services.verifications, stage.services.verifications.put_off
    monkeypatch.setattr(service, "PAGE", 1)
    monkeypatch.setattr(verifications, "waiting", lambda shard, *_: iter(both if shard == "00" else ()))
    both = [Waiting(who, 1, T0, T0 + AGAIN) for who in (WHO, OTHER)]

    def cut_off(row: Waiting, now: datetime) -> bool:
        if row.registrant_id == OTHER:
            raise TimeoutError
        return put_off(row, now)

    monkeypatch.setattr(verifications, "put_off", cut_off)
    with pytest.raises(TimeoutError):
        stage.services.registry_sweep.run(T0 + AGAIN)
    assert [json.loads(body)["registrant_id"] for body in stage.queued()] == [WHO]


def test_who_waits_since_before_december_2026_is_put_off_once_like_the_others(stage):
    stage.register()
    stage.queued()
    key, old = {"pk": {"S": person_pk(WHO)}, "sk": {"S": "PROFILE"}}, f"{T0:%Y-%m-%dT%H:%M:%S.%f%z}"
    boto3.client("dynamodb", stage.settings.region).update_item(
        TableName=stage.settings.table("registrations"), Key=key,
        UpdateExpression="SET ask_from = :old", ExpressionAttributeValues={":old": {"S": old}},
    )  # fmt: skip
    sweep, first, second = stage.services.registry_sweep, T0 + AGAIN, T0 + AGAIN + timedelta(minutes=5)
    assert (sweep.run(first), sweep.run(second)) == (1, 0)
    [body] = stage.queued()
    assert json.loads(body)["registrant_id"] == WHO


OLD = timedelta(days=90)


def asks_again(stage: Stage, who: str = WHO) -> None:
    """Have the registry asked about a registration as it is now."""
    record = stage.services.registration_store.record(who)
    stage.services.verifications.ask([(who, record.version)])
    stage.deliver(stage.queued())


def test_an_old_answer_is_asked_for_anew_and_counts_until_there_is_another(stage):
    stage.asked()
    stage.now += OLD - timedelta(seconds=1)
    asks_again(stage)
    assert stage.registry.asked[SITI.nik] == 1, "the answer is not old"
    stage.now += timedelta(seconds=1)
    stage.registry.configure(down=True)
    asks_again(stage)
    assert stage.state() is Verification.VERIFIED
    stage.registry.configure(down=False)
    asks_again(stage)
    person = stage.services.registrations.registrant(WHO)
    assert (person.verification, person.verified_at) == (Verification.VERIFIED, stage.now)
    assert person.confirmed_at == T0, "they were confirmed all the while"
    stage.now += OLD
    stage.registry.people = {}
    asks_again(stage)
    assert (stage.state(), len(stage.told())) == (Verification.UNKNOWN_NIK, 1)


def test_who_was_told_is_not_told_again_and_counts_as_told_since_then(stage):
    assert stage.asked(form(name="Budi Santoso")) is Verification.MISMATCH
    stage.now += OLD
    stage.registry.people = {}
    asks_again(stage)
    person = stage.services.registrations.registrant(WHO)
    assert (person.verification, person.verified_at, len(stage.told())) == (Verification.MISMATCH, T0, 1)
    stage.registry.people = {KNOWN.nik: replace(KNOWN, name="Budi Santoso")}
    asks_again(stage)
    assert stage.state() is Verification.VERIFIED, "the registry was corrected"


def test_people_of_one_message_are_asked_about_in_one_question_and_one_that_fails_holds_up_no_other(stage, monkeypatch):
    verifications, judge = stage.services.verifications, stage.services.registry_judge
    monkeypatch.setattr(verifications, "together", 100)
    people = ["a", WHO, "z"]
    for number, who in enumerate(people, 5):
        stage.register(SITI if who == WHO else other_form(number), who)
    stage.queued()
    verifications.ask([(who, 1) for who in people])
    [body] = stage.queued()
    monkeypatch.setattr(stage.registry, "asked", Counter[str]())
    fails = judge._vault.open_key
    broken = {"a"}

    def open_key(who: str, wrapped: bytes) -> Any:
        if who in broken:
            raise RuntimeError
        return fails(who, wrapped)

    monkeypatch.setattr(judge._vault, "open_key", open_key)
    found = consume([{"messageId": "1", "body": body}], stage.services.registry_verifier)
    assert found == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    states = [Verification.PENDING, Verification.VERIFIED, Verification.UNKNOWN_NIK]
    assert [stage.state(who) for who in people] == states
    broken.clear()
    stage.deliver([body])
    assert stage.state("a") is Verification.UNKNOWN_NIK
    assert set(stage.registry.asked.values()) == {1}


def test_whom_the_registry_refuses_to_be_asked_about_silences_nobody_else(stage, monkeypatch):
    monkeypatch.setattr(stage.services.verifications, "together", 100)
    people = [WHO, *"abcde"]
    for number, who in enumerate(people, 4):
        stage.register(SITI if who == WHO else other_form(number), who)
    stage.queued()
    refusing(stage.registry, other_form(8).nik, monkeypatch)
    stage.services.verifications.ask([(who, 1) for who in people])
    [question] = stage.queued()
    stage.registry.configure(down=True)
    stage.deliver([question])
    assert stage.queued() == [], "an outage is no refusal"
    stage.registry.configure(down=False)
    stage.deliver([question])
    messages = 1
    while bodies := stage.queued():
        messages += len(bodies)
        stage.deliver(bodies)
    known = [Verification.VERIFIED, *[Verification.UNKNOWN_NIK] * 5]
    known[4] = Verification.PENDING
    assert ([stage.state(who) for who in people], messages) == (known, 7), "6 in halves: 3 and 3, 1 and 2, 1 and 1"
    assert stage.services.verifications.undecided(9) == ["d"], "asked about again less often"


REFUSAL, FAILURE = NoAnswer("http_400", refused=True), NoAnswer("http_500", refused=True, passes=True)


@pytest.mark.parametrize(
    ("silence", "cause", "messages", "alone"),
    [
        (REFUSAL, {57}, 16, {57}),
        (REFUSAL, {3, 57, 99}, 36, {3, 57, 99}),
        (REFUSAL, set(range(100)), 30, set[int]()),
        (FAILURE, {57}, 16, set[int]()),
        (FAILURE, set(range(100)), 3 + 2 * IN_A_ROW, set[int]()),
    ],
)
def test_a_register_that_refuses_everything_is_asked_little_more_and_of_nobody_it_is_said_that_they_are_the_cause(
    silence, cause, messages, alone
):
    refusals = Refusals(judge := Mock())
    left: set[int] = set()
    judge.left_alone = lambda one, _: left.add(one)
    questions = [[*range(100)], [*range(100, 200)]] if len(cause) < 100 else [[*range(100)]] * 3
    judge.queue = questions.append
    for asked in questions:
        if cause & set(asked):
            refusals.divide(asked, silence)
        else:
            refusals.end()
    assert (len(questions), left) == (messages, alone)


def test_a_sweep_adds_nothing_to_a_queue_that_is_full(stage, monkeypatch: pytest.MonkeyPatch):
    stage.register()
    stage.queued()
    stage.now += 2 * AGAIN
    monkeypatch.setattr(stage.services.verifications, "backlog", lambda: 10**9)
    assert stage.services.registry_sweep.run(stage.now) is None
    assert stage.queued() == []


def test_what_the_registry_is_not_asked_about_keeps_the_state_and_what_it_is_asked_about_does_not(stage):
    stage.asked()
    stage.register(form(phone="0812-3456-7891"))
    assert (stage.state(), stage.queued()) == (Verification.VERIFIED, [])
    stage.register(form(phone="0812-3456-7891", name="Siti Aminah Binti Ahmad"))
    assert (stage.state(), len(stage.queued())) == (Verification.PENDING, 1)
    stage.register(form(phone="0812-3456-7891", name="Siti Aminah"))
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED


def test_an_answer_is_kept_though_its_notice_was_told_before_the_table_was_restored(stage):
    stage.registry.people = {}
    stage.register()
    [body] = stage.queued()
    with dynamodb.Transaction(stage.settings.region) as tx:
        facts = {"tries": 3, "days": 30, "removed_days": 7}
        stage.services.notices.keep(tx, WHO, Kind.DATA_DIFFERS, event(Kind.DATA_DIFFERS, stage.now), facts)
    stage.deliver([body])
    assert (stage.state(), stage.told()) == (Verification.UNKNOWN_NIK, ["data_differs"])


def test_a_sweep_without_time_stops_before_a_page_and_the_next_goes_on(stage):
    stage.register()
    stage.queued()
    later = T0 + 2 * AGAIN
    assert stage.services.registry_sweep.run(later, service.PAGE_S - 1) is None
    assert stage.queued() == []
    assert stage.services.registry_sweep.run(later, service.PAGE_S + 1) == 1
    assert len(stage.queued()) == 1
