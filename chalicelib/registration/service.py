"""The use cases of registration: register, change, and what other domains ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict, replace

from .. import clock
from ..at_once import at_once
from ..errors import Unavailable, all_of
from ..figures.waves import EligibilityRules
from ..structs import fill
from ..vault import PersonKey, Vault
from . import change_notices, fitness, identity, rules, wire
from .addresses.records import address_of
from .addresses.service import FinancialAddresses
from .addresses.store import renaming
from .claims.presence import forgetting
from .errors import (
    ConsentWithdrawn,
    Excluded,
    FixedAfterAward,
    NikAlreadyRegistered,
    NikCannotChange,
    NotConfirmed,
    NotRegistered,
    PhoneAlreadyUsed,
    TooManyClaims,
)
from .items import TRIES
from .phones import Phones
from .records import LATER, Record, asked_part, frozen_part, mac_of_change, name_mac, person_of, released, with_nik
from .refusals import Refusals
from .rules import DIFFERING, Applicant, Contact, PersonalData, Place, Registrant, Standing, Verification, unverified
from .store import Legs, RegistrationOvertaken, RegistrationStore
from .verifications import Verifications

if TYPE_CHECKING:
    from ..aws.dynamodb import Transaction
    from ..notices.service import NoticeService

MakeLegs = Callable[[Registrant], Legs]

_TELLING = (PhoneAlreadyUsed, Excluded, NikAlreadyRegistered, TooManyClaims)
"""Refusals that tell something about a number that may belong to somebody else."""


class Registrations:
    """Registrations at any time, independent of waves. `now` is aware; ids are those of accounts.

    `notices` is called at the first need, which a join never has.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - built in one place, of what a registration touches
        self,
        store: RegistrationStore,
        vault: Vault,
        eligibility: EligibilityRules,
        notices: Callable[[], NoticeService],
        refusals: Refusals,
        addresses: FinancialAddresses,
        verifications: Verifications,
        phones: Phones,
    ) -> None:
        self._store = store
        self._vault = vault
        self._eligibility = eligibility
        self._notices = notices
        self._refusals = refusals
        self._verifications = verifications
        self._phones = phones
        self.addresses = addresses

    def register(
        self, registrant_id: str, form: wire.RegistrationForm, now: datetime, unless_joined: MakeLegs | None = None
    ) -> tuple[Registrant, bool]:
        """Register or change a registration; True if it is new. The same form again changes nothing, unless the person
        had taken their consent back: then it gives it again. They may leave the consent out and only correct.

        If another person holds the NIK and the form has `claim_nik`, the registration is kept with a claim to it. The
        NIK changes only while the civil registry does not confirm it, or it is claimed. The `frozen_part` does not
        change once a person was chosen or revoked, except `LATER` of one who may be chosen again. Before it changes,
        `unless_joined` is asked, and refuses or gives legs named `store.OVERTAKEN_LEG`. Only who may be chosen is
        tested for eligibility. Raises the first that holds of:
        `MalformedNik`, `MalformedKk`, `MalformedPhone`, `MalformedName`, `UnknownRegion`, `NikCannotChange`,
        `FixedAfterAward`, `FrozenUntilSettled`, `InFormalEducation`, `ExcludedOccupation`, `EducationNotAccepted`,
        `UnderAge`, `OverAge`, `ConsentMissing`, `TooManyRefusals`, `TooManyCorrections`, `PhoneAlreadyUsed`,
        `Excluded`, `NikAlreadyRegistered`, `TooManyClaims`. The last four tell of others, and are counted by
        account and WIB day. A phone number that the account has proven by a code is taken from another registration.

        A new registration costs one read, five KMS calls at once and one transaction, and a write if it tells of
        others; the same form again one read and one KMS call.
        """
        person, region = all_of(
            partial(wire.personal_data, form), partial(identity.parse_region, form.province, form.regency)
        )
        day = clock.wib_date(now)
        for _ in range(TRIES):
            record, refusals = self._store.record_and_refusals(registrant_id, day)
            few = refusals < self._refusals.most
            try:
                if record is None:
                    return self._create(registrant_id, form, person, region, now, few), True
                return self._change(record, form, person, region, now, few, unless_joined), False
            except RegistrationOvertaken:
                continue
            except _TELLING as refusal:
                if isinstance(refusal, PhoneAlreadyUsed) and self._phones.free(registrant_id, person.phone, now):
                    continue
                raise self._refusals.counted(registrant_id, refusal, now) from None
        raise Unavailable()

    def with_changes(self, registrant_id: str, form: wire.OwnCorrectionForm) -> wire.RegistrationForm:
        """The form that registers a person as they are but for these changes; a read and a KMS call.

        Raises `NotRegistered`.
        """
        record = self._store.record(registrant_id)
        if record is None:
            raise NotRegistered()
        person = person_of(self._vault.open_key(registrant_id, record.wrapped_key), record)
        given = {name: value for name, value in msgspec.structs.asdict(form).items() if value is not None}
        known: dict[str, Any] = {"province": str(record.registrant.region), "claim_nik": False, **asdict(person)}
        if record.registrant.consent_withdrawn_at is not None:
            known["consent_version"] = None
        return fill(wire.RegistrationForm, record.registrant, **known | given)

    def registrant(self, registrant_id: str) -> Registrant:
        """One consistent read, nothing unsealed. Raises `NotRegistered`."""
        registrant = self._store.registrant(registrant_id)
        if registrant is None:
            raise NotRegistered()
        return registrant

    def applicant(self, registrant_id: str) -> Applicant:
        """What a join needs of a registrant; one consistent read. Raises `NotRegistered`."""
        applicant = self._store.applicant(registrant_id)
        if applicant is None:
            raise NotRegistered()
        return applicant

    def waves_of(self, registrant_ids: Sequence[str]) -> dict[str, int | None]:
        """The latest wave that chose each of at most 100 people who is registered. One batch get."""
        return self._store.waves_of(registrant_ids)

    def me(self, registrant_id: str) -> wire.Kept:
        """What is kept about a person, masked: one read and one KMS call, or one read if there is nothing."""
        record, kept = self.addresses.with_owner(registrant_id)
        if record is None:
            return wire.Kept(None, None, None)
        key = self._vault.open_key(registrant_id, record.wrapped_key)
        address = wire.financial_address_view(address_of(key, record, kept)) if kept else None
        registration = wire.registration_view(record.registrant, person_of(key, record))
        return wire.Kept(record.registrant, registration, address)

    def check_still_eligible(self, registrant: Registrant, day: date) -> None:
        """Test a person again who is about to be chosen, for the WIB day the wave closes. One read.

        Raises `NikAlreadyRegistered` if they only claim their NIK, `ConsentWithdrawn`, then what
        `rules.check_eligible` raises, then `Excluded`.
        """
        if registrant.claimed_at is not None:
            raise NikAlreadyRegistered()
        if registrant.consent_withdrawn_at is not None:
            raise ConsentWithdrawn()
        rules.check_eligible(registrant.employment, registrant.education, registrant.birth_date, day, self._eligibility)
        self.check_not_excluded(registrant)

    def unfit(
        self, registrant_ids: Sequence[str], day: date, scheme: str, told_by: datetime | None = None
    ) -> dict[str, fitness.Unfit]:
        """Which of at most 100 people may not take part on `day`, and why: see `fitness.unfit`. Two batch gets."""
        return fitness.unfit(registrant_ids, day, scheme, self._eligibility, told_by)

    @property
    def has_registry(self) -> bool:
        """Whether there is a civil registry, which confirms people."""
        return self._verifications.has_registry

    def is_confirmed(self, registrant: Registrant) -> bool:
        """Whether a place may be given and money be spent for a person: the civil registry, if there is one, confirms
        them, and nobody else may be the owner of their NIK.
        """
        return self._verifications.confirms(registrant) and not registrant.contested

    def confirmed(self, registrant_ids: Sequence[str]) -> dict[str, Registrant]:
        """Those of at most 100 people who are registered and may spend: see `is_confirmed`. One batch get."""
        return {one.id: one for one in self._store.registrants(registrant_ids) if self.is_confirmed(one)}

    def check_not_excluded(self, registrant: Registrant) -> None:
        """Test a person again who is about to be paid; age no longer counts. One read. Raises `Excluded`."""
        if self._store.excluded(registrant.nik_mac):
            raise Excluded()

    def is_excluded(self, registrant_id: str) -> bool:
        """Whether a person has become excluded, and may spend nothing. Two reads; one if they are not registered."""
        registrant = self._store.registrant(registrant_id)
        return registrant is not None and self._store.excluded(registrant.nik_mac)

    def check_may_spend(self, registrant_id: str, *, given: bool = True) -> Registrant | None:
        """Test a beneficiary who is about to buy, and whether their place was `given` to them; None: not registered.

        Two reads; one if they are not registered, or not confirmed. Raises `NotConfirmed`, `Excluded`.
        """
        registrant = self._store.registrant(registrant_id)
        if not given or (registrant is not None and not self.is_confirmed(registrant)):
            raise NotConfirmed(rules.unconfirmed_because(registrant))
        if registrant is not None:
            self.check_not_excluded(registrant)
        return registrant

    def have_asked_about(self, registrant_id: str, now: datetime) -> None:
        """Have the civil registry asked about a person for whom a place waits, if it never was. One write at most."""
        if self.has_registry:
            self._verifications.enlist_one(registrant_id, now)

    def add_place(self, tx: Transaction, leg: str, registrant_id: str, place: Place) -> None:
        """Add the leg that gives a place to a person while they are confirmed; it fails for anybody else."""
        self._verifications.add_place(tx, leg, registrant_id, place)

    def set_standing(self, registrant_id: str, standing: Standing, place: Place | None = None) -> None:
        """Change a standing as `rules.NEXT` allows, or a beneficiary's place to a later one; any other change, and a
        repeat, does nothing.

        The standing BENEFICIARY is kept here too, so that a join needs no other read; waves have the award itself. One
        write. Raises `NotRegistered`.
        """
        if not self._store.move(registrant_id, standing, place):
            self.registrant(registrant_id)

    def take_back(self, registrant_id: str, wave: int, scheme: str, before: Place | None) -> None:
        """Forget the place that a wave gave, if it is the latest: it lapsed. `before` is the one that it followed.

        A repeat, and anybody else, changes nothing. One write.
        """
        self._store.take_back(registrant_id, wave, scheme, before)

    def contact(self, registrant_id: str) -> Contact | None:
        """Name and phone in clear, for a partner with whom the person agreed to share them; None without a
        registration, while it is restricted, or if the phone is another's by now.

        One read, one KMS call.
        """
        record = self._store.record(registrant_id)
        if record is None or record.registrant.restricted_at or record.registrant.phone_lost_at:
            return None
        return fill(Contact, person_of(self._vault.open_key(registrant_id, record.wrapped_key), record))

    def key(self, registrant_id: str) -> PersonKey:
        """A person's own data key, open, for one request: one read, one KMS call. Raises `NotRegistered`."""
        record = self._store.record(registrant_id)
        if record is None:
            raise NotRegistered()
        return self._vault.open_key(registrant_id, record.wrapped_key)

    def seal(self, registrant_id: str, plain: bytes) -> bytes:
        """As `Payee.seal`, for later facts about a payment. One read, one KMS call. Raises `NotRegistered`."""
        return self.key(registrant_id).seal("payment/1", plain)

    def unseal(self, registrant_id: str, sealed: bytes) -> bytes:
        """The inverse of `Payee.seal`. One read, one KMS call. Raises `NotRegistered`."""
        return self.key(registrant_id).unseal("payment/1", sealed)

    def _create(
        self,
        registrant_id: str,
        form: wire.RegistrationForm,
        person: PersonalData,
        region: tuple[int, str],
        now: datetime,
        few: bool,
    ) -> Registrant:
        rules.check_eligible(form.employment, form.education, form.birth_date, clock.wib_date(now), self._eligibility)
        consent = rules.check_consent(form.consent_version, self._eligibility)
        if not few:
            raise self._refusals.too_many()
        nik_mac, kk_mac, phone_mac, named, key = at_once(
            partial(self._vault.mac, "nik", person.nik),
            partial(self._vault.mac, "kk", person.kk),
            partial(self._vault.mac, "phone", person.phone),
            partial(name_mac, self._vault.mac, person.name, form.birth_date),
            partial(self._vault.new_key, registrant_id),
        )
        registrant = Registrant(
            id=registrant_id,
            region=region[0],
            regency=region[1],
            birth_date=form.birth_date,
            education=form.education,
            employment=form.employment,
            consent_version=consent,
            nik_mac=nik_mac,
            kk_mac=kk_mac,
            phone_mac=phone_mac,
            name_mac=named,
            standing=Standing.REGISTERED,
            beneficiary_wave=None,
            verification=Verification.PENDING,
            warnings=identity.warnings(person.nik, person.kk, form.birth_date, clock.wib_date(now)),
            registered_at=now,
            updated_at=now,
        )
        sealed = key.seal("person/1", msgspec.json.encode(person))
        record = Record(registrant, sealed, key.wrapped, 1, self._verifications.ask_from(registrant, now))
        return self._save(record, None, form, unless_excluded=True)

    def _change(
        self,
        record: Record,
        form: wire.RegistrationForm,
        person: PersonalData,
        region: tuple[int, str],
        now: datetime,
        few: bool,
        unless_joined: MakeLegs | None,
    ) -> Registrant:
        old = record.registrant
        key = self._vault.open_key(old.id, record.wrapped_key)
        known = person_of(key, record)
        may_differ = old.verification in DIFFERING or old.claimed_at is not None
        if person.nik != known.nik and not (may_differ and old.standing is Standing.REGISTERED):
            raise NikCannotChange()
        without_consent = old.consent_withdrawn_at is not None and form.consent_version is None
        changed = replace(
            old if person.nik == known.nik else with_nik(old, self._vault.mac("nik", person.nik)),
            region=region[0],
            regency=region[1],
            birth_date=form.birth_date,
            education=form.education,
            employment=form.employment,
            consent_version=old.consent_version if without_consent else form.consent_version or "",
            kk_mac=old.kk_mac if person.kk == known.kk else self._vault.mac("kk", person.kk),
            phone_mac=old.phone_mac if person.phone == known.phone else self._vault.mac("phone", person.phone),
            name_mac=mac_of_change(self._vault.mac, old, known.name, person.name, form.birth_date),
            phone_lost_at=self._phones.lost_at(old, known.phone, now) if person.phone == known.phone else None,
            warnings=identity.warnings(person.nik, person.kk, form.birth_date, clock.wib_date(now)),
        )
        if not without_consent and (old.consent_withdrawn_at or changed.consent_version != old.consent_version):
            changed = replace(changed, consented_at=now, consent_withdrawn_at=None)
        if changed == old and person == known:
            return old
        may_be_chosen, others = old.standing is Standing.REGISTERED, None
        before, after = frozen_part(old, known), frozen_part(changed, person)
        if differs := {name for name in before if before[name] != after[name]}:
            if not (may_be_chosen or (unless_joined and differs <= LATER)):
                raise FixedAfterAward()
            others, may_be_chosen = unless_joined(old) if unless_joined else None, True
        if may_be_chosen:
            today = clock.wib_date(now)
            rules.check_eligible(form.employment, form.education, form.birth_date, today, self._eligibility)
        if not without_consent:
            rules.check_consent(form.consent_version, self._eligibility)
        if not few:
            raise self._refusals.too_many()
        changed = replace(changed, updated_at=now)
        counting = None
        if asks_anew := asked_part(changed, person) != asked_part(old, known):
            # The registry has not seen this form yet, whatever it said about the last one.
            counting = self._verifications.counting(old, changed, now, claims=form.claim_nik)
            changed = unverified(changed)
        sealed = key.seal("person/1", msgspec.json.encode(person))
        ask_from = self._verifications.ask_from(changed, now)
        new_record = record.changed(changed, ask_from, sealed, asks_anew=asks_anew)
        told = change_notices.of_details(known, person, now)
        renamed = renaming(old.id) if person.name != known.name else None
        forgets = forgetting(old, changed)
        with change_notices.telling(self._notices(), old.id, told, others, counting, renamed, forgets) as legs:
            return self._save(new_record, old, form, unless_excluded=may_be_chosen, others=legs)

    def _save(
        self,
        record: Record,
        old: Registrant | None,
        form: wire.RegistrationForm,
        *,
        unless_excluded: bool,
        others: Legs | None = None,
    ) -> Registrant:
        """Save a registration; where another holds its NIK and the form says so, with a claim to it.

        The registry is asked about it, either way.
        """
        try:
            who = record.registrant
            self._store.save(record, released(old, who) if old else [], unless_excluded=unless_excluded, others=others)
        except NikAlreadyRegistered:
            if not form.claim_nik:
                raise
            if who.claims >= self._eligibility.nik_claims_max:
                raise TooManyClaims(claims_max=self._eligibility.nik_claims_max) from None
            who = replace(who, claimed_at=who.updated_at, claims=who.claims + 1)
            record = replace(record, registrant=who)
            self._store.save(record, released(old, who) if old else [], unless_excluded=unless_excluded, others=others)
        self._verifications.ask_about(record)
        return who
