"""Trainings on the test's cloud, with the real ledger, queue and beneficiaries; and people who were chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from itertools import count
from typing import Any

import boto3
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.figures.schemes import Payment, Scheme
from chalicelib.training import rules, signatures
from chalicelib.training.partners import PartnerKeys, Partners
from chalicelib.training.rules import Partner
from chalicelib.training.store import TrainingStore
from chalicelib.training.wire import (
    AttendanceForm,
    CompletionForm,
    RedemptionForm,
    RedemptionView,
    ReviewForm,
    TrainingList,
    TrainingView,
)
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, Entry, EntryOutcome
from tests.builders.aws.calls import drained
from tests.builders.people import beneficiary, card
from tests.conftest import T0

PATH = "/partners/training-completions"
AWARDED_AT = T0 - timedelta(days=10)
PERSON = beneficiary(
    "person-1",
    wave=54,
    card_number="2026000000000017",
    awarded_at=AWARDED_AT,
    buy_by=AWARDED_AT + timedelta(days=15),
)
OTHER = replace(PERSON, registrant_id="person-2", card_number="2026000000000025")
SECOND = timedelta(seconds=1)
PLACED = Scheme(
    version="placed",
    first_wave=99_999,
    training_idr=3_500_000,
    payments=(Payment(kind="INCENTIVE", trigger="attendance", day_idr=20_000, times=3),),
)
"""Three months of attendance are paid, by the day."""
ANI, BUDI = (f"arn:aws:iam::123456789012:user/{name}" for name in ("ani", "budi"))


@dataclass
class Scene:
    """The services and what surrounds them, all of one test. `store` is the one that all of them write by."""

    services: wiring.Services
    kms: Counted
    _numbers: Any

    @cached_property
    def partner(self) -> Partner:
        return self.new_partner("Pelatihan Jaya")

    @property
    def store(self) -> TrainingStore:
        return self.services._training_store

    @property
    def settings(self) -> Settings:
        return self.services.settings

    # Who and what there is

    def new_partner(self, name: str = "Kursus Maju") -> Partner:
        return self.services.partners.add(name, T0)[0]

    def course(self, **changes: str) -> str:
        """The id of a course that has come into the catalogue; `changes` to its columns."""
        row = course_row(self.partner.id, **{"code": f"PY-{next(self._numbers)}"} | changes)
        import_courses(self.services, [",".join(row), ",".join(row.values())])
        return rules.course_id(row["provider"], row["code"])

    def choose(self, *people: Beneficiary) -> None:
        """Give each a seat, as the award does."""
        for person in people:
            kk_mac = card(person.registrant_id)
            entry = Entry(person.wave, person.registrant_id, person.region, bytes(32), AWARDED_AT, kk_mac)
            self.services._entries.join(entry)
            outcome = self.services._beneficiaries.award(person, kk_mac)
            assert outcome is EntryOutcome.CHOSEN

    def revoke(self, person: Beneficiary = PERSON, now: datetime = PERSON.buy_by) -> None:
        """Revoke the place of a person who bought nothing in time; `LegsFailed` if a purchase stands."""
        with self.services.transaction() as tx:
            current = self.services.waves.beneficiaries.of(person.registrant_id) or person
            self.services._beneficiaries.revoke(tx, current, 1, now)

    def state(self, person: Beneficiary = PERSON) -> BeneficiaryState:
        found = self.services.waves.beneficiaries.of(person.registrant_id)
        assert found
        return found.state

    def account(self, person: Beneficiary = PERSON) -> rules.TrainingAccount | None:
        return self.services._training_store.account(person.registrant_id, person.wave)

    def trainings(self, person: Beneficiary = PERSON) -> TrainingList:
        return self.services.training.of(person.registrant_id)

    # A training, as far as it has come

    def buy(self, course: str = "", person: Beneficiary = PERSON, now: datetime = T0) -> TrainingView:
        view, new = self.services.training.buy(person.registrant_id, course or self.course(), now)
        assert new
        return view

    def redeemed(self, person: Beneficiary = PERSON) -> TrainingView:
        bought = self.buy(person=person)
        assert self.redeem(bought, person)[1]
        return bought

    def attended(self, person: Beneficiary = PERSON) -> TrainingView:
        bought = self.redeemed(person)
        assert self.attend(bought)[1]
        return bought

    def completed(self, certificate: str = "C-1", person: Beneficiary = PERSON) -> TrainingView:
        bought = self.attended(person)
        assert self.complete(bought, certificate)[1]
        return bought

    # What is reported and said; each a little later than what comes before it

    def redeem(
        self, bought: TrainingView, person: Beneficiary = PERSON, now: datetime = T0 + SECOND
    ) -> tuple[RedemptionView, bool]:
        form = RedemptionForm(bought.redeem_code, person.card_number)
        return self.services.reports.redeem(self.partner, form, now)

    def attend(self, bought: TrainingView, at: datetime = T0 + 2 * SECOND) -> tuple[RedemptionView, bool]:
        form = AttendanceForm(bought.redeem_code, at)
        return self.services.reports.attend(self.partner, form, max(at, T0) + SECOND)

    def complete(
        self, bought: TrainingView, certificate: str = "C-1", at: datetime = T0 + 3 * SECOND
    ) -> tuple[RedemptionView, bool]:
        form = CompletionForm(bought.redeem_code, certificate, at)
        return self.services.reports.complete(self.partner, form, max(at, T0) + SECOND)

    def review(
        self,
        bought: TrainingView,
        rating: int = 9,
        text: str = "Sangat membantu.",
        now: datetime = T0 + timedelta(hours=1),
    ) -> tuple[TrainingView, bool]:
        form = ReviewForm(rating, text)
        return self.services.training.review(PERSON.registrant_id, bought.training_id, form, now)

    # What became of it

    def queued(self) -> list[str]:
        """Take every message from the payouts queue; their entitlement ids."""
        return [json.loads(message["Body"])["entitlement_id"] for message in drained(self.settings.payouts_queue_url)]

    def items(self, prefix: str, table: str = "training") -> list[dict[str, Any]]:
        """The raw items of a table whose partition key starts with `prefix`."""
        rows: list[dict[str, Any]] = (
            boto3.resource("dynamodb", self.settings.region).Table(self.settings.table(table)).scan()["Items"]
        )
        return [row for row in rows if row["pk"].startswith(prefix)]

    def just_before_the_next_commit(self, happens: Callable[[], object]) -> None:
        """Let something happen once, between the reads of the next use case and its writes."""
        make = self.store.transaction

        def interleaved() -> dynamodb.Transaction:
            self.store.transaction = make  # type: ignore[method-assign]
            happens()
            return make()

        self.store.transaction = interleaved  # type: ignore[method-assign]


def scene(settings: Settings, programme: Programme, clock: Callable[[], datetime] = lambda: T0) -> Scene:
    """Two people with a seat; no partner and no course yet."""
    services = wiring.Services(settings, programme, clock)
    kms = Counted(boto3.client("kms", settings.region))
    services.partners = Partners(
        services._partner_store,
        PartnerKeys(kms, settings.data_key),
        programme.partners.clock_skew_s,
        services._randomness,
    )
    # Nobody here is registered, but each person has a key.
    services.registrations.key = cache(services.vault.new_key)  # type: ignore[method-assign]
    built = Scene(services, kms, count(1))
    built.choose(PERSON, OTHER)
    return built


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


def paying_months(programme: Programme, *schemes: Scheme) -> Programme:
    """The programme, with `PLACED` and other schemes."""
    return replace(programme, schemes=(*programme.schemes, PLACED, *schemes))


def import_courses(services: wiring.Services, lines: list[str], now: datetime = T0) -> int:
    """Ani proposes a catalogue and Budi approves it; the number of courses."""
    services.courses.propose(lines, ANI, "katalog baru", now)
    return services.courses.approve(lines, BUDI, now)


def course_row(partner_id: str, **changes: str) -> dict[str, str]:
    """A line of a catalogue, by column."""
    return {
        "code": "PY-101",
        "title": "Dasar Pemrograman Python",
        "provider": partner_id,
        "price_idr": "1000000",
        "hours": "1",
        "mode": "online",
        "province": "",
        "skills": "programming;data_analysis",
        "offered": "yes",
    } | changes


def signed(partner_id: str, key_hex: str, body: bytes, now: datetime = T0) -> dict[str, str]:
    """The headers of a report, signed as a partner signs."""
    return signatures.sign(partner_id, key_hex, "POST", PATH, body, now)
