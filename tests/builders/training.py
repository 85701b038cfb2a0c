"""The training service with the real ledger and queue, on moto; the waves domain is played by a dict of people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import msgspec

from chalicelib import dynamo
from chalicelib.config import Programme, Settings
from chalicelib.ids import system_randomness
from chalicelib.payouts.fsp import Fsp
from chalicelib.payouts.queue import PayoutQueue
from chalicelib.payouts.service import Payouts, Ports
from chalicelib.payouts.store import PayoutsTable, PayoutStore
from chalicelib.training import signatures
from chalicelib.training.partners import PartnerKeys
from chalicelib.training.rules import Partner
from chalicelib.training.service import Training
from chalicelib.training.store import TrainingStore, TrainingTable
from chalicelib.training.wire import CompletionForm, ReviewForm
from chalicelib.waves.errors import UnknownCard
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from tests.conftest import T0

PATH = "/partners/training-completions"
AWARDED_AT = T0 - timedelta(days=10)
PERSON = Beneficiary(
    registrant_id="person-1",
    wave=54,
    card_number="2026000000000017",
    scheme="2023",
    seat="open",
    state=BeneficiaryState.ACTIVE,
    awarded_at=AWARDED_AT,
    region=31,
    buy_by=AWARDED_AT + timedelta(days=15),
)
OTHER = replace(PERSON, registrant_id="person-2", card_number="2026000000000025")


class People:
    """Beneficiaries by card number; `revoke` changes one as an administrator would."""

    def __init__(self, *people: Beneficiary) -> None:
        self._people = {person.card_number: person for person in people}

    def beneficiary(self, registrant_id: str) -> Beneficiary | None:
        return next((person for person in self._people.values() if person.registrant_id == registrant_id), None)

    def beneficiary_by_card(self, card_number: str) -> Beneficiary:
        if card_number not in self._people:
            raise UnknownCard()
        return self._people[card_number]

    def revoke(self, card_number: str) -> None:
        self._people[card_number] = replace(self._people[card_number], state=BeneficiaryState.REVOKED)


class NeverPays:
    """Stands where the payment provider is: nothing here may reach it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the provider was asked to {name}")


@dataclass
class Scene:
    """The service and what surrounds it, all of one test."""

    training: Training
    store: TrainingStore
    payouts: Payouts
    people: People
    kms: Any
    settings: Settings

    def queued(self) -> list[str]:
        """Take every message from the payouts queue; their entitlement ids."""
        sqs = boto3.client("sqs", self.settings.region)
        ids: list[str] = []
        while batch := sqs.receive_message(QueueUrl=self.settings.payouts_queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                ids.append(json.loads(message["Body"])["entitlement_id"])
                sqs.delete_message(QueueUrl=self.settings.payouts_queue_url, ReceiptHandle=message["ReceiptHandle"])
        return ids

    def items(self, prefix: str, table: str = "training") -> list[dict[str, Any]]:
        """The raw items of a table whose partition key starts with `prefix`."""
        rows: list[dict[str, Any]] = (
            boto3.resource("dynamodb", self.settings.region).Table(self.settings.table(table)).scan()["Items"]
        )
        return [row for row in rows if row["pk"].startswith(prefix)]

    def just_before_the_next_commit(self, happens: Callable[[], object]) -> None:
        """Let something happen once, after the next use case has read what it decides on and before it writes."""
        make = self.store.transaction

        def interleaved() -> dynamo.Transaction:
            self.store.transaction = make
            happens()
            return make()

        self.store.transaction = interleaved

    def partner(self, name: str = "Pelatihan Jaya") -> Partner:
        return self.training.add_partner(name, T0)[0]


def scene(settings: Settings, programme: Programme) -> Scene:
    """Two beneficiaries, no partner yet."""
    dynamo.bind(TrainingTable, settings.table("training"), settings.region)
    dynamo.bind(PayoutsTable, settings.table("payouts"), settings.region)
    kms = Counted(boto3.client("kms", settings.region))
    people = People(PERSON, OTHER)
    nobody: Any = NeverPays()
    fsp: Fsp = nobody
    ports = Ports(nobody, nobody, fsp, PayoutQueue(settings.payouts_queue_url, settings.region), lambda: "token")
    payouts = Payouts(PayoutStore(settings.region), ports, programme)
    store = TrainingStore(lambda: dynamo.Transaction(settings.region, sleep=lambda _: None))
    training = Training(
        store,
        PartnerKeys(kms, settings.data_key),
        people,
        payouts,
        programme.partners.clock_skew_s,
        system_randomness,
    )
    return Scene(training, store, payouts, people, kms, settings)


class Counted:
    """A client that counts its calls by name."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(self._client, name)

        def counted(**arguments: Any) -> Any:
            self.calls.append(name)
            return call(**arguments)

        return counted


def completion(**changes: Any) -> CompletionForm:
    """A valid report about PERSON."""
    form = CompletionForm(
        card_number=PERSON.card_number,
        course="PY-101",
        certificate_number="C-1",
        completed_at=T0 - timedelta(days=1),
    )
    return msgspec.structs.replace(form, **changes)


def review(rating: int = 9, text: str = "Sangat membantu.") -> ReviewForm:
    return ReviewForm(rating, text)


def signed(partner_id: str, key_hex: str, body: bytes, now: datetime = T0) -> dict[str, str]:
    """The headers of a report, signed as a partner signs."""
    return signatures.sign(partner_id, key_hex, "POST", PATH, body, now)
