"""A person with every kind of row: they, partners and administrators have done all that can be done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import boto3
import msgspec
from msgspec.structs import replace

from chalicelib.accounts.items import RecoveryItem, account_pk
from chalicelib.accounts.rules import RecoveryState
from chalicelib.clock import wib_date
from chalicelib.config import Settings
from chalicelib.outcomes.store import SurveyStore
from chalicelib.payouts.bank_files.store import _NoteItem, _RejectionItem
from chalicelib.payouts.ledger.items import PlanItem, ProposalItem
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.reconciliation.nightly import DayStore
from chalicelib.payouts.rules import Move, State, reference
from chalicelib.registration.items import CLAIMS, ClaimItem, Corrected, PresenceItem, nik_pk, person_pk
from chalicelib.registration.rules import Employment, Registrant
from chalicelib.registration.wire import CorrectionForm
from chalicelib.training.store import MonthItem
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.places.revocation import RevokedItem
from infrastructure.data_stack import TABLES
from tests.builders.registration import other_form
from tests.builders.surveys import ANSWERS, survey_of
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway
from tests.e2e.refusals import passkeys
from tests.e2e.refusals.citizens import complaining
from tests.e2e.refusals.partners import applying
from tests.e2e.refusals.signing_in import entering

MAKER, CHECKER = "arn:aws:iam::123456789012:user/ani", "arn:aws:iam::123456789012:user/budi"
FORM = other_form(77)
SEALED = {
    "NIK": FORM.nik,
    "family card": FORM.kk,
    "contact": "siti.aminah@example.org",
    "account": "0123776655",
    "review": "Sangat membantu.",
    "certificate": "CERT-",
    "attempt": "an instruction to pay",
    "narrative": "as the bank wrote it",
    "correction": Employment.LAID_OFF.value,
    "note": "asked the registry",
    "answer": "We have looked into it.",
}
"""What is kept sealed only."""


def table_names() -> list[str]:
    """Of the data stack, without the stage's beginning."""
    names = (of["Properties"]["TableName"]["Fn::Sub"] for of in TABLES.values())
    return [name.rpartition("${Stage}-")[2] for name in names]


def rows(cloud: Settings) -> list[tuple[str, dict[str, Any]]]:
    """Every row of every table."""
    client = boto3.client("dynamodb", cloud.region)
    return [(name, row) for name in table_names() for row in client.scan(TableName=cloud.table(name))["Items"]]


def put_back(cloud: Settings, world: list[tuple[str, dict[str, Any]]]) -> None:
    """Every table as it was when `rows` read this world."""
    client = boto3.client("dynamodb", cloud.region)
    for name, row in rows(cloud):
        if (name, row) not in world:
            client.delete_item(TableName=cloud.table(name), Key={key: row[key] for key in ("pk", "sk")})
    for name, row in world:
        client.put_item(TableName=cloud.table(name), Item=row)


def live(gateway: Gateway) -> str:
    """Everything. Whoever is to be somebody new in `gateway` is this person."""
    person = _sign_up(gateway)
    vars(gateway)["stranger"] = lambda: person
    vars(gateway)["form"] = lambda **_: msgspec.to_builtins(FORM)
    _complain(gateway, person)
    bought = gateway.graduated()
    gateway.ok(Call(routes.ADDRESS, gateway.address(account_number=SEALED["account"]), person=person))
    gateway.ok(applying(gateway.vacancy(), person))
    gateway.ok(passkeys.adding(gateway, person=person))
    gateway.ok(Call(routes.REMINDERS, {"survey_open": False}, person=person))
    _pay(gateway, person)
    _answer_survey(gateway, person)
    _administer(gateway, person)
    now = gateway.now
    nik = nik_pk(gateway.services.registrations.registrant(person).nik_mac)
    for pk in (person_pk(person), nik):
        Corrected(pk, "CORRECTIONS", times=(now,), expires_at=now + timedelta(days=30)).save()
    _claim(gateway.services.registrations.registrant(person), now)
    MonthItem(f"M#{person}", "000053#2026-10", training_id=bought.training_id, days=3, number=1, reported_at=now).save()
    _lose_the_place(gateway, person)
    stays = gateway.services.nik_stays(person, gateway.now)
    gateway.services.deletions.ask(gateway.session(person), gateway.now, stays)
    return person


def _claim(who: Registrant, now: datetime) -> None:
    ClaimItem(CLAIMS, f"{who.nik_mac}#{who.id}", registrant=who.id, made_at=now).save()
    PresenceItem(person_pk(who.id), "PRESENCE", code="0" * 64, made_at=now).save()


def _sign_up(gateway: Gateway) -> str:
    """By another issuer, days ago; then with a contact."""
    opened = gateway.ok(passkeys.exchanging(gateway).but(device=gateway.device))
    [account] = {row["pk"]["S"] for _, row in rows(gateway.services.settings) if row["sk"]["S"] == "ACCOUNT"}
    person = account.removeprefix("A#")
    store = gateway.services.account_store
    session = store.begun(person, opened["session_id"])
    assert session is not None
    older = replace(session, id="a" * 26, started_at=gateway.now - timedelta(days=4))
    assert store.add_session(older)
    gateway._sessions[person] = older
    gateway.ok(Call(routes.ADD_CONTACT, entering(gateway, SEALED["contact"]).body, person=person))
    return person


def _complain(gateway: Gateway, person: str) -> None:
    """Before registering, so under a key of its own."""
    helpdesk = gateway.services.helpdesk
    number = gateway.ok(complaining({"kind": "registration"}, lambda _: person)(gateway))["number"]
    helpdesk.escalate(number, SEALED["note"], MAKER, gateway.now)
    helpdesk.answer(number, SEALED["answer"], CHECKER, gateway.now)


def _pay(gateway: Gateway, person: str) -> None:
    """The incentive was sent, also by a bank's file, and an administrator proposed something."""
    services, now = gateway.services, gateway.now
    [payout] = gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"]
    entitlement = replace(services.payout_store.get(payout["payout_id"]), address_version=1)
    body = services.registrations.seal(person, SEALED["attempt"].encode())
    attempt = StoredAttempt(1, reference(entitlement.id, 1), body, now, "xendit-v2")
    services.payout_store.claim(entitlement, attempt, now)
    pk, said = f"P#{entitlement.id}", services.registrations.seal(person, SEALED["narrative"].encode())
    _NoteItem(pk, "BANK#0001", narrative=said, imported_by=MAKER).save()
    _RejectionItem(pk, "BANKSAID#0001#file#word", imported_by=MAKER, imported_at=now, said_in="report").save()
    ProposalItem(pk, "PROPOSAL", decision="REVERSED", seq=1, maker=MAKER, note="letter 7", made_at=now).save()
    PlanItem(f"PLAN#{person}", "000053", region=31, scheme="stipend", first_at=now, number=1).save()


def _answer_survey(gateway: Gateway, person: str) -> None:
    services = gateway.services
    place = services.waves.beneficiaries.of(person)
    assert place is not None
    survey = survey_of(place, services.programme, gateway.now)
    assert services.surveys
    SurveyStore(services.transaction).open(survey)
    gateway.ok(Call(routes.RESPOND, {"answers": ANSWERS}, person=person).at(survey.id))


def _administer(gateway: Gateway, person: str) -> None:
    services, now = gateway.services, gateway.now
    corrections = services.corrections
    corrections.propose(person, CorrectionForm(name="Siti Aminah Putri"), MAKER, "court decision", now)
    corrections.approve(person, CHECKER, now)
    corrections.propose(person, CorrectionForm(employment=Employment.LAID_OFF), MAKER, "asked for", now)
    gateway.exclude(person)
    services.address_store.dispute(person, now)
    services.registration_store.count_refusal(person, now.date(), 5)
    services.mailboxes.close(person, "a" * 26, "bounce", now)
    services.mailboxes.give_token(person, "a-token-of-a-link")
    RecoveryItem(
        account_pk(person),
        "RECOVERY",
        id="b" * 26,
        state=RecoveryState.DONE,
        new_account_id="somebody-else",
        contact_mac="0" * 64,
        maker=MAKER,
        note="lost the phone",
        made_at=now,
    ).save()


def _lose_the_place(gateway: Gateway, person: str) -> None:
    item = BeneficiaryItem(f"B#{person}", "BENEFICIARY")
    item.update([BeneficiaryItem.revoked_seq.set(1)])
    place = gateway.services.waves.beneficiaries.of(person)
    assert place is not None
    RevokedItem(f"WAVE#{place.wave}", "REVOKED#00000001", registrant_id=person).save()


def young(gateway: Gateway) -> timedelta:
    """For how long a deletion waits: 72 hours, less in a test's stage."""
    return timedelta(seconds=gateway.services.programme.accounts.young_session_s)


def settled(gateway: Gateway, person: str) -> None:
    """Everything of the person comes to its end: what was sent is paid, and the day is compared."""
    services = gateway.services
    place = services.waves.beneficiaries.of(person)
    assert place is not None
    for one in services.payouts.of_many([place])[person]:
        if one.state in (State.DUE, State.HELD):
            services.payout_store.move(one, Move(State.CANCELLED, "given up"), gateway.now)
        elif one.state is State.SENDING:
            services.payout_store.move(one, Move(State.PAID, "succeeded"), gateway.now)
    compared(gateway)


def compared(gateway: Gateway) -> None:
    DayStore(None, "").mark_done(wib_date(gateway.now))
