"""People for waves, in memory: their registrations and notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from chalicelib.aws.dynamodb import LegsFailed, Transaction
from chalicelib.config import Programme
from chalicelib.errors import DomainError
from chalicelib.notices.rules import Facts, Kind
from chalicelib.notices.rules import check as check_notice
from chalicelib.registration.errors import Excluded, NikAlreadyRegistered, NotRegistered
from chalicelib.registration.fitness import Unfit
from chalicelib.registration.rules import (
    DIFFERING,
    Applicant,
    Education,
    Employment,
    Place,
    Registrant,
    Standing,
    Verification,
    check_eligible,
)
from chalicelib.registration.rules import NEXT as NEXT_STANDING
from chalicelib.registration.wire import Kept
from chalicelib.structs import fill
from chalicelib.waves.errors import AlreadyBeneficiary, Barred
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, check_may_join
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


def schooled(programme: Programme) -> Programme:
    """The programme, but for people who have completed no school."""
    levels = tuple(level.value for level in Education if level is not Education.NONE)
    return replace(programme, eligibility=replace(programme.eligibility, education=levels))


def chosen_in(wave: int, on: date = date(2026, 1, 31), scheme: str = "2023") -> Place:
    """What a wave gave that closed on a day and paid once."""
    return Place(wave, scheme, on, on + timedelta(days=1))


class People:
    """Registrations as waves see them, in memory."""

    def __init__(self, programme: Programme) -> None:
        self._eligibility = programme.eligibility
        self.by_id: dict[str, Registrant] = {}
        self.excluded: set[str] = set()
        self.has_registry = False
        self.asked_about: dict[str, datetime] = {}

    def add(self, *people: Registrant) -> None:
        self.by_id |= {person.id: person for person in people}

    def registrant(self, registrant_id: str) -> Registrant:
        if registrant_id not in self.by_id:
            raise NotRegistered()
        return self.by_id[registrant_id]

    def applicant(self, registrant_id: str) -> Applicant:
        return fill(Applicant, self.registrant(registrant_id))

    def waves_of(self, registrant_ids: Sequence[str]) -> dict[str, int | None]:
        assert len(registrant_ids) <= 100
        return {who: self.by_id[who].beneficiary_wave for who in registrant_ids if who in self.by_id}

    def unfit(
        self, registrant_ids: Sequence[str], day: date, scheme: str, told_by: datetime | None = None
    ) -> dict[str, Unfit]:
        assert len(registrant_ids) <= 100
        found: dict[str, Unfit] = {}
        for who in registrant_ids:
            try:
                person = self.registrant(who)
                check_may_join(person, scheme, day, self._eligibility)
                self.check_still_eligible(person, day)
            except (AlreadyBeneficiary, Barred):
                found[who] = person.standing
            except DomainError as error:
                found[who] = type(error)
            else:
                if told_by and person.verification in DIFFERING and person.verified_at <= told_by:
                    found[who] = person.verification
        return found

    def check_still_eligible(self, registrant: Registrant, day: date) -> None:
        if registrant.claimed_at is not None:
            raise NikAlreadyRegistered()
        check_eligible(registrant.employment, registrant.education, registrant.birth_date, day, self._eligibility)
        self.check_not_excluded(registrant)

    def check_not_excluded(self, registrant: Registrant) -> None:
        if registrant.id in self.excluded:
            raise Excluded()

    def is_confirmed(self, registrant: Registrant) -> bool:
        verified = not self.has_registry or registrant.verification is Verification.VERIFIED
        return verified and not registrant.contested

    def confirmed(self, people: Sequence[str]) -> dict[str, Registrant]:
        return {one: self.by_id[one] for one in people if one in self.by_id and self.is_confirmed(self.by_id[one])}

    def have_asked_about(self, registrant_id: str, now: datetime) -> None:
        if self.has_registry:
            self.asked_about.setdefault(registrant_id, now)

    def add_place(self, _tx: Transaction, leg: str, registrant_id: str, place: Place) -> None:
        if not self.is_confirmed(self.registrant(registrant_id)):
            raise LegsFailed({leg: None})
        self.set_standing(registrant_id, Standing.BENEFICIARY, place)

    def take_back(self, registrant_id: str, wave: int, scheme: str, before: Place | None) -> None:
        person = self.by_id.get(registrant_id)
        if person is None or person.beneficiary_wave != wave or person.standing is not Standing.BENEFICIARY:
            return
        given: dict[str, Any] = {"standing": Standing.REGISTERED, "schemes": frozenset()}
        given |= dict.fromkeys(("beneficiary_wave", "chosen_on", "ended_on"))
        if before is not None:
            given = {"beneficiary_wave": before.wave, "chosen_on": before.on, "ended_on": before.until}
            given["schemes"] = person.schemes - {scheme} | {before.scheme}
        self.by_id[registrant_id] = replace(person, **given)

    def me(self, registrant_id: str) -> Kept:
        return Kept(None, None, None)

    def set_standing(self, registrant_id: str, standing: Standing, place: Place | None = None) -> None:
        before = self.registrant(registrant_id)
        later = place is not None and before.chosen_on is not None and before.chosen_on < place.on
        if standing in NEXT_STANDING[before.standing] or (later and standing is before.standing):
            given: dict[str, Any] = {}
            if place is not None:
                given = {"beneficiary_wave": place.wave, "chosen_on": place.on, "ended_on": place.until}
                given["schemes"] = before.schemes | {place.scheme}
            self.by_id[registrant_id] = replace(before, standing=standing, **given)


class Mailbox:
    """What people were told, in memory: (person, event) to the facts, the first time counts."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, str], dict[str, str | int]] = {}
        self._kept: dict[tuple[str, str], dict[str, str | int]] = {}

    def tell(self, registrant_id: str, kind: Kind, event: str, facts: Facts) -> None:
        check_notice(kind, facts)
        self.told.setdefault((registrant_id, event), dict(facts))

    def keep(
        self, _tx: Transaction, registrant_id: str, kind: Kind, event: str, facts: Facts, *, anew: bool = False
    ) -> None:
        check_notice(kind, facts)
        self._kept[registrant_id, event] = dict(facts)

    def enqueue(self, kept: Sequence[tuple[str, str]]) -> None:
        self.told |= {one: self._kept[one] for one in kept}
