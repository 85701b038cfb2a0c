"""The helpdesk with the waves of a test: real store, lists and evidence; keys without KMS, payouts from a dict."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.aws import dynamodb
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from chalicelib.helpdesk.rules import About, AboutRegistration, Category, GrievanceState
from chalicelib.helpdesk.store import GrievanceItem, HelpdeskTable
from chalicelib.helpdesk.wire import GrievanceForm, GrievanceView
from chalicelib.ids import system_randomness
from chalicelib.notices.service import decode_message
from chalicelib.payouts.wire import PayoutView
from chalicelib.vault import PersonKey
from chalicelib.waves.rules import Beneficiary, DrawnEntry, shard_of
from chalicelib.wiring import Services
from tests.builders.aws.calls import drained
from tests.builders.waves import FREEZES, OPENS, ROUND, WavesWorld, joined
from tests.conftest import T0

TEXT = "Saya tidak terpilih, padahal nomor HP saya 0812-3456-7890 sudah benar."
ADMIN = "arn:aws:iam::123456789012:user/dewi"


class Keys:
    """Every account's data key."""

    def __init__(self) -> None:
        self.opened = 0

    def key(self, registrant_id: str) -> PersonKey:
        self.opened += 1
        return PersonKey(b"", registrant_id, AESGCM(b"k" * 32), system_randomness)


class Payouts:
    """Who is paid what."""

    def __init__(self) -> None:
        self.by_person: dict[str, list[PayoutView]] = {}

    def of(self, beneficiary: Beneficiary | None) -> list[PayoutView]:
        return self.by_person.get(beneficiary.registrant_id, []) if beneficiary else []


class NoWaves:
    """Nobody joined anything."""

    def drawn_entry(self, registrant_id: str, number: int, now: datetime) -> DrawnEntry:
        raise NotFound()

    @property
    def beneficiaries(self) -> NoWaves:
        return self

    def of(self, registrant_id: str) -> Beneficiary | None:
        return None


class Desk:
    """The service and what surrounds it, all of one test."""

    def __init__(self, settings: Settings, programme: Programme, waves: Any = None) -> None:
        self.figures = programme.helpdesk
        self.keys = Keys()
        self.payouts = Payouts()
        self._dynamodb = boto3.client("dynamodb", settings.region)
        self.s3 = boto3.client("s3", settings.region)
        self.now = T0
        self._mails = settings.mails_queue_url
        services = Services(settings, programme, lambda: self.now)
        vars(services).update(
            account_keys=self.keys,
            payouts=self.payouts,
            waves=waves or NoWaves(),
            transaction=lambda: dynamodb.Transaction(settings.region, sleep=lambda _: None),
            _client={"s3": self.s3}.__getitem__,
        )
        self.notices, self.told, self.helpdesk = services.notices, services.mailboxes, services.helpdesk
        self.store, self.lists = self.helpdesk._store, self.helpdesk._lists

    def file(
        self,
        person: str,
        about: About | None = None,
        text: str = TEXT,
        now: datetime = T0,
        category: Category = Category.OTHER,
    ) -> GrievanceView:
        """File a grievance that must be new."""
        view, new = self.helpdesk.file(person, GrievanceForm(about or AboutRegistration(), category, text), now)
        assert new
        return view

    def put(self, person: str, number: str, deadline: datetime, state: GrievanceState = GrievanceState.OPEN) -> None:
        """Store a grievance that waits for an answer, without the service: for crowds of them."""
        GrievanceItem(
            f"H#{person}",
            f"G#{iso(T0)}#{number}",
            about=AboutRegistration(),
            category=Category.OTHER,
            state=state,
            filed_at=T0,
            deadline_at=deadline,
            open_shard=shard_of(person),
            sealed_text=b"sealed",
        ).save()

    def queued(self) -> list[tuple[str, str]]:
        """Take the (registrant, event) of every mail that waits off the queue."""
        bodies = [decode_message(message["Body"]) for message in drained(self._mails)]
        return [(body.registrant_id, body.event) for body in bodies]

    def items(self) -> list[dict[str, Any]]:
        """All that is stored, as DynamoDB has it."""
        return list(self._dynamodb.scan(TableName=HelpdeskTable.Meta.table_name)["Items"])


def settled(world: WavesWorld) -> datetime:
    """Six people join, four seats are drawn and settled; returns an instant after that."""
    joined(world)
    world.at(OPENS, FREEZES, ROUND)
    return world.clock.now
