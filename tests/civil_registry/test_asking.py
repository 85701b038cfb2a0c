"""Asking the civil registry about registrations: over a queue, once kept for each version, until there is an answer."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import msgspec
import pytest
from msgspec.structs import replace

from admin.deployment import stages
from chalicelib.aws import dynamodb
from chalicelib.civil_registry import service
from chalicelib.civil_registry.registry import CivilRecord
from chalicelib.civil_registry.service import consume
from chalicelib.clock import iso, utc_now
from chalicelib.config import Settings
from chalicelib.ids import shard
from chalicelib.notices.rules import Kind
from chalicelib.payouts.errors import AddressUnchecked
from chalicelib.payouts.rules import Hold
from chalicelib.payouts.wire import PayoutView
from chalicelib.registration import verifications
from chalicelib.registration.errors import (
    Excluded,
    NikAlreadyRegistered,
    NikCannotChange,
    NotConfirmed,
    TooManyCorrections,
)
from chalicelib.registration.exclusions.rows import exclude
from chalicelib.registration.items import Profile, person_pk
from chalicelib.registration.rules import AddressCheck, Payee, Place, Standing, Verdict, Verification
from chalicelib.registration.store import SHARDS
from chalicelib.registration.verifications import Waiting
from chalicelib.registration.wire import CorrectionForm
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from chalicelib.wiring import Services
from local.sandbox.registry import Person, Registry
from tests.builders.aws.calls import drained
from tests.builders.commands import Terminal
from tests.builders.registration import ACCOUNT, SITI, form, other_form, rows
from tests.civil_registry.asking import KNOWN, WHO, Stage, refusing, stage_of
from tests.conftest import T0

OTHER = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a12"
AGAIN = timedelta(seconds=1_800)


@pytest.fixture(scope="module")
def running() -> Iterator[Registry]:
    with Registry("asking") as registry:
        yield registry


@pytest.fixture
def stage(cloud: Settings, programme: Any, running: Registry) -> Stage:
    return stage_of(cloud, programme, running)


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
    assert (stage.shown(), stage.told()) == ("DIFFERS", ["data_differs/1"])
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
        Verification.UNKNOWN_NIK, ["data_differs/1"], {SITI.nik: 1},
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


def test_after_enlisting_people_wait_since_then(stage, cloud: Settings, programme: Any):
    Services(cloud, programme, lambda: T0).registrations.register(WHO, SITI, T0)
    enlisted = T0 + timedelta(days=400)
    assert sum(stage.services.verifications.enlist(number, "", enlisted)[0] for number in range(SHARDS)) == 1
    assert stage.services.registry_sweep.waiting_since(enlisted) == enlisted


def test_somebody_for_whom_a_place_waits_is_asked_about_though_they_never_were(stage, cloud: Settings, programme: Any):
    Services(cloud, programme, lambda: T0).registrations.register(WHO, SITI, T0)
    assert stage.services.registry_sweep.run(T0 + AGAIN) == 0
    for later in (AGAIN, 2 * AGAIN):
        stage.services.registrations.have_asked_about(WHO, T0 + later)
    assert stage.services.registry_sweep.waiting_since(T0 + AGAIN) == T0 + AGAIN
    assert stage.services.registry_sweep.run(T0 + 2 * AGAIN) == 1
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED


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


def test_who_registered_before_there_was_a_registry_is_enlisted_once(
    stage, cloud: Settings, programme: Any, monkeypatch: pytest.MonkeyPatch
):
    before = Services(cloud, programme, lambda: T0).registrations
    before.register(WHO, SITI, T0)
    before.register("ani", other_form(5), T0)
    beside = next(one for one in map(str, range(5000)) if shard(one, SHARDS) == shard(WHO, SHARDS))
    before.register(beside, other_form(6), T0)
    monkeypatch.setattr(verifications, "ENLISTED", 1)
    terminal, settings = Terminal("registration"), cloud
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=stage.services, settings=settings))
    assert "no civil registry" in terminal.refused("enlist")
    settings = stage.settings
    assert [terminal.found("enlist")["to_be_asked_about"] for _ in range(2)] == [3, 0]
    stage.now = utc_now() + timedelta(minutes=5)
    assert stage.services.registry_sweep.run(stage.now) == 3
    stage.deliver(stage.queued())
    found = [stage.state(), stage.state("ani"), stage.state(beside)]
    assert found == [Verification.VERIFIED, Verification.UNKNOWN_NIK, Verification.UNKNOWN_NIK]
    assert terminal.found("enlist") == {"to_be_asked_about": 0}


def test_a_place_whose_consent_is_taken_back_is_still_asked_about(stage):
    from_consents = stage.services.consents
    stage.register()
    stage.register(other_form(5), OTHER)
    stage.services.registrations.set_standing(WHO, Standing.BENEFICIARY, Place(1, "2023", T0.date(), T0.date()))
    for who in (WHO, OTHER):
        from_consents.withdraw(who, "registration", stage.now)
    stage.deliver(stage.queued())
    assert (stage.state(), stage.state(OTHER)) == (Verification.VERIFIED, Verification.PENDING)
    stage.now += 2 * AGAIN
    assert stage.services.registry_sweep.run(stage.now) == 0, "who has no place is not asked about"
    stage.register(other_form(5), OTHER)
    stage.deliver(stage.queued())
    assert stage.state(OTHER) is Verification.UNKNOWN_NIK


def test_who_has_a_place_and_took_the_consent_back_is_enlisted(stage, cloud: Settings, programme: Any):
    before = Services(cloud, programme, lambda: T0)
    for who, given in ((WHO, SITI), (OTHER, other_form(5))):
        before.registrations.register(who, given, T0)
        before.consents.withdraw(who, "registration", T0)
    before.registrations.set_standing(WHO, Standing.BENEFICIARY, Place(1, "2023", T0.date(), T0.date()))
    assert sum(stage.services.verifications.enlist(number, "", T0)[0] for number in range(SHARDS)) == 1
    stage.services.registry_sweep.run(T0 + AGAIN)
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED


def test_an_answer_is_kept_though_its_notice_was_told_before_the_table_was_restored(stage):
    stage.registry.people = {}
    stage.register()
    [body] = stage.queued()
    with dynamodb.Transaction(stage.settings.region) as tx:
        facts = {"tries": 3, "days": 30, "removed_days": 7}
        stage.services.notices.keep(tx, WHO, Kind.DATA_DIFFERS, "data_differs/1", facts)
    stage.deliver([body])
    assert (stage.state(), stage.told()) == (Verification.UNKNOWN_NIK, ["data_differs/1"])


def test_a_mistyped_nik_of_somebody_with_a_place_is_corrected_by_two_administrators(stage):
    corrections, right = stage.services.corrections, CorrectionForm(nik=SITI.nik)
    stage.register(form(nik="3174095708950009"))
    old = stage.services.registrations.registrant(WHO).nik_mac
    with pytest.raises(NikCannotChange):
        corrections.propose(WHO, right, "maker", "the KTP was shown", stage.now)
    stage.deliver(stage.queued())
    stage.services.registrations.set_standing(WHO, Standing.BENEFICIARY, Place(1, "2023", T0.date(), T0.date()))
    corrections.propose(WHO, right, "maker", "the KTP was shown", stage.now)
    corrections.approve(WHO, "checker", stage.now)
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED
    assert stage.services.registration_store.holder("nik", old) is None
    assert stage.services.finding.by_nik(SITI.nik) == WHO
    assert "nik_changed/4" in {one.event for one in stage.services.mailboxes.notices(WHO)}
    with pytest.raises(NikCannotChange):
        corrections.propose(WHO, CorrectionForm(nik="3174095708950009"), "maker", "why", stage.now)


def test_a_corrected_nik_is_not_taken_from_its_owner(stage):
    stage.register(form(nik="3174095708950009"))
    stage.deliver(stage.queued())
    stage.register(form(phone="0812-9999-0000"), OTHER)
    stage.services.corrections.propose(WHO, CorrectionForm(nik=SITI.nik), "maker", "the KTP was shown", stage.now)
    with pytest.raises(NikAlreadyRegistered):
        stage.services.corrections.approve(WHO, "checker", stage.now)
    assert stage.services.finding.by_nik(SITI.nik) == OTHER


WRONG = ["Budi", "Budi Santoso", "Santoso Budi", "Siti Rahmah"]


def test_what_differs_is_corrected_three_times_in_thirty_days(stage):
    for name in WRONG:
        assert stage.asked(form(name=name)) is Verification.MISMATCH
    with pytest.raises(TooManyCorrections) as refused:
        stage.register()
    assert refused.value.facts == {"again_from": iso(T0 + timedelta(days=30))}
    stage.register(form(name=WRONG[-1], phone="0812-3456-7891"))  # what the registry is not asked about
    stage.now += timedelta(days=30)
    assert stage.asked() is Verification.VERIFIED
    assert len(stage.told()) == len(WRONG)


def test_corrections_are_counted_by_nik_too_whoever_makes_them(stage):
    other = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a12"
    for name in WRONG:
        stage.asked(form(name=name))
    stage.now += timedelta(days=1)
    # As for another account that takes the NIK.
    dynamodb = boto3.client("dynamodb", stage.settings.region)
    dynamodb.delete_item(
        TableName=stage.settings.table("registrations"), Key={"pk": {"S": f"R#{WHO}"}, "sk": {"S": "CORRECTIONS"}}
    )
    with pytest.raises(TooManyCorrections):
        stage.register()
    stage.register(other_form(7), other)
    stage.deliver(stage.queued())
    assert stage.state(other) is Verification.UNKNOWN_NIK


def test_a_nik_is_corrected_only_while_it_is_not_confirmed_and_is_free_again(stage):
    mistyped = form(nik="3174095708950009")
    stage.register(mistyped)
    with pytest.raises(NikCannotChange):
        stage.register()
    stage.deliver(stage.queued())
    assert stage.asked() is Verification.VERIFIED
    with pytest.raises(NikCannotChange):
        stage.register(mistyped)
    held = {row["pk"]["S"] for row in rows(stage.settings, "U#nik#")}
    assert held == {f"U#nik#{stage.services.registrations.registrant(WHO).nik_mac}"}
    stage.register(form(nik=mistyped.nik, phone="0812-9999-0000"), "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a12")


def test_nobody_is_paid_whom_the_registry_has_not_confirmed(stage, cloud: Settings, programme: Any):
    def payee(services: Services) -> Payee | Hold:
        return services.address_book.payee(WHO, stage.now)

    stage.register(form(name="Budi Santoso"))
    addresses = stage.services.registrations.addresses
    address = addresses.set(WHO, ACCOUNT, stage.now, lambda _: None, lambda: False, young=False)
    matched = AddressCheck(Verdict.MATCHED, 100, stage.now)
    addresses.keep_check(WHO, address.version, matched, again=False)
    assert payee(stage.services) is Hold.UNCONFIRMED
    stage.deliver(stage.queued())
    assert (stage.state(), payee(stage.services)) == (Verification.MISMATCH, Hold.UNCONFIRMED)
    assert isinstance(payee(Services(cloud, programme)), Payee)  # where the stage has no registry
    assert stage.asked() is Verification.VERIFIED
    with pytest.raises(AddressUnchecked):  # the bank was asked about another name
        payee(stage.services)
    addresses.keep_check(WHO, address.version, matched, again=False, named=1)
    assert isinstance(payee(stage.services), Payee)


def test_who_must_be_corrected_asks_the_help_desk_about_the_money(stage, monkeypatch: pytest.MonkeyPatch):
    held = PayoutView("p", "INCENTIVE", 600_000, "under_review", T0, held_because="person_not_confirmed")
    monkeypatch.setattr(stage.services.payouts, "of", lambda *_: [held])
    place = Beneficiary(WHO, 1, "1" * 16, "2023", "open", BeneficiaryState.POTENTIAL, T0, 31, T0)
    monkeypatch.setattr(stage.services.waves.beneficiaries, "places", lambda _: [place])

    def to_do() -> list[str]:
        return [one.to_do for one in stage.services.payouts_of(WHO).payouts]

    stage.register(form(name="Budi Santoso"))
    assert to_do() == ["wait"]
    stage.deliver(stage.queued())
    assert to_do() == ["ask_helpdesk"]


def test_where_there_is_no_registry_nothing_is_asked_or_kept_for_it(cloud: Settings, programme: Any):
    services = Services(cloud, programme, lambda: T0)
    services.registrations.register(WHO, SITI, T0)
    services.registrations.register(WHO, form(name="Budi Santoso"), T0)
    [profile] = [row for row in rows(cloud, f"R#{WHO}") if row["sk"]["S"] == "PROFILE"]
    assert profile["verification"]["S"] == "PENDING"
    assert not {"ask_from", "unverified_shard", "verified_at"} & profile.keys()
    assert drained(cloud.registry_queue_url) == []
    assert (services.registry_sweep.run(T0 + 9 * AGAIN), services.registry_sweep.waiting_since(T0)) == (0, None)


def test_nobody_buys_or_gets_a_waiting_place_before_the_registry_confirms_them(stage, programme):
    people = stage.services.registrations
    given = Place(145, "2023", T0.date(), T0.date())

    def gets_the_place() -> bool:
        try:
            with dynamodb.Transaction(stage.settings.region) as tx:
                people.add_place(tx, "registration", WHO, given)
        except dynamodb.LegsFailed:
            return False
        return True

    def may_spend(*, given: bool = True) -> object:
        try:
            people.check_may_spend(WHO, given=given)
        except NotConfirmed as refusal:
            return refusal.facts["because"]
        return None

    assert (may_spend(), may_spend(given=False)) == (None, "pending")
    stage.register()
    differs = dict.fromkeys((Verification.MISMATCH, Verification.UNKNOWN_NIK), "differs")
    because = {Verification.PENDING: "pending", Verification.VERIFIED: None, **differs}
    for state in Verification:
        Profile(person_pk(WHO), "PROFILE").update([Profile.verification.set(state)])
        assert may_spend() == because[state]
        assert gets_the_place() is (state is Verification.VERIFIED)
    assert (people.registrant(WHO).standing, people.registrant(WHO).beneficiary_wave) == (Standing.BENEFICIARY, 145)
    Profile(person_pk(WHO), "PROFILE").update([Profile.verification.set(Verification.VERIFIED)])
    Profile(person_pk(WHO), "PROFILE").update([Profile.contested_at.set(T0)])
    assert not gets_the_place()
    assert may_spend() == "nik_contested"
    elsewhere = Services(replace(stage.settings, registry_url="none"), programme, lambda: T0).registrations
    Profile(person_pk(WHO), "PROFILE").update([Profile.contested_at.remove()])
    undecided = [Profile.verification.set(Verification.PENDING), Profile.undecided.set("without_kk")]
    Profile(person_pk(WHO), "PROFILE").update(undecided)
    assert (may_spend(), people.me(WHO).registration.verification) == ("undecided", "UNDECIDED")
    elsewhere.check_may_spend(WHO)
    exclude(people.registrant(WHO).nik_mac, "police/2026-11/2026-11-01")
    with pytest.raises(Excluded):
        elsewhere.check_may_spend(WHO)


def test_a_sweep_without_time_stops_before_a_page_and_the_next_goes_on(stage):
    stage.register()
    stage.queued()
    later = T0 + 2 * AGAIN
    assert stage.services.registry_sweep.run(later, service.PAGE_S - 1) is None
    assert stage.queued() == []
    assert stage.services.registry_sweep.run(later, service.PAGE_S + 1) == 1
    assert len(stage.queued()) == 1


@pytest.mark.parametrize(("url", "asks"), [("none", False), ("files", True), ("http://registry.invalid", True)])
def test_people_are_confirmed_wherever_a_registry_is_asked_by_files_too(cloud, programme, url: str, asks: bool):
    people = Services(replace(cloud, registry_url=url), programme, lambda: T0).registrations
    assert people.has_registry is asks
