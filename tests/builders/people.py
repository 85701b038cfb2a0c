"""People for waves, in memory: their registrations and notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from chalicelib.config import Programme
from chalicelib.errors import DomainError
from chalicelib.notices.rules import Facts, Kind
from chalicelib.notices.rules import check as check_notice
from chalicelib.registration.errors import Excluded, NotRegistered
from chalicelib.registration.rules import NEXT as NEXT_STANDING
from chalicelib.registration.rules import (
    Applicant,
    Education,
    Employment,
    Registrant,
    Standing,
    Verification,
    check_eligible,
)
from chalicelib.registration.wire import MeView
from chalicelib.structs import fill
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from tests.conftest import T0


def card(name: str) -> str:
    """The keyed hash of a family card."""
    return sha256(name.encode()).hexdigest()


def beneficiary(registrant_id: str, **changes: Any) -> Beneficiary:
    """Somebody who was given a seat at `T0`."""
    person = Beneficiary(
        registrant_id=registrant_id,
        wave=143,
        card_number="0000000000000000",
        scheme="2023",
        seat="open",
        state=BeneficiaryState.POTENTIAL,
        awarded_at=T0,
        region=31,
        buy_by=T0 + timedelta(days=15),
    )
    return replace(person, **changes)


def registrant(name: str, **changes: Any) -> Registrant:
    """A person who may join and be chosen; each on a family card of their own."""
    person = Registrant(
        id=name,
        region=31,
        regency="3174",
        birth_date=date(1995, 8, 17),
        education=Education.SENIOR_HIGH,
        employment=Employment.JOBSEEKER,
        consent_version="2026-01",
        nik_mac=f"nik-{name}",
        kk_mac=card(name),
        phone_mac=f"phone-{name}",
        standing=Standing.REGISTERED,
        beneficiary_wave=None,
        verification=Verification.PENDING,
        warnings=(),
        registered_at=datetime(2026, 1, 5, tzinfo=UTC),
        updated_at=datetime(2026, 1, 5, tzinfo=UTC),
    )
    return replace(person, **changes)


class People:
    """Registrations as waves see them, in memory."""

    def __init__(self, programme: Programme) -> None:
        self._eligibility = programme.eligibility
        self.by_id: dict[str, Registrant] = {}
        self.excluded: set[str] = set()

    def add(self, *people: Registrant) -> None:
        self.by_id |= {person.id: person for person in people}

    def registrant(self, registrant_id: str) -> Registrant:
        if registrant_id not in self.by_id:
            raise NotRegistered()
        return self.by_id[registrant_id]

    def applicant(self, registrant_id: str) -> Applicant:
        return fill(Applicant, self.registrant(registrant_id))

    def standings(self, registrant_ids: Sequence[str]) -> dict[str, Standing]:
        assert len(registrant_ids) <= 100
        return {who: self.by_id[who].standing for who in registrant_ids if who in self.by_id}

    def unfit(self, registrant_ids: Sequence[str], day: date) -> dict[str, type[DomainError] | Standing]:
        assert len(registrant_ids) <= 100
        found: dict[str, type[DomainError] | Standing] = {}
        for who in registrant_ids:
            try:
                person = self.registrant(who)
                if person.standing is not Standing.REGISTERED:
                    found[who] = person.standing
                else:
                    self.check_still_eligible(person, day)
            except DomainError as error:
                found[who] = type(error)
        return found

    def check_still_eligible(self, registrant: Registrant, day: date) -> None:
        check_eligible(registrant.employment, registrant.birth_date, day, self._eligibility)
        self.check_not_excluded(registrant)

    def check_not_excluded(self, registrant: Registrant) -> None:
        if registrant.id in self.excluded:
            raise Excluded()

    def me(self, registrant_id: str) -> MeView:
        return MeView(registration=None, financial_address=None)

    def set_standing(self, registrant_id: str, standing: Standing, wave: int | None = None) -> None:
        before = self.registrant(registrant_id)
        if standing in NEXT_STANDING[before.standing]:
            self.by_id[registrant_id] = replace(
                before, standing=standing, beneficiary_wave=wave or before.beneficiary_wave
            )


class Mailbox:
    """What people were told, in memory: (person, event) to the facts, the first time counts."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, str], dict[str, str | int]] = {}

    def tell(self, registrant_id: str, kind: Kind, event: str, facts: Facts) -> None:
        check_notice(kind, facts)
        self.told.setdefault((registrant_id, event), dict(facts))
