"""The use cases of registration: register, change, set where to be paid, and what other domains ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

import msgspec

from .. import clock
from ..at_once import at_once
from ..config import Programme
from ..errors import DomainError, Unavailable
from ..notices.service import NoticeService
from ..structs import fill
from ..vault import PersonKey, Vault
from . import change_notices, fitness, identity, rules, wire
from .errors import (
    AccountAlreadyUsed,
    Excluded,
    FixedAfterAward,
    NikAlreadyRegistered,
    NikCannotChange,
    NotRegistered,
    PhoneAlreadyUsed,
    TooManyRefusals,
    UnknownPayoutCode,
)
from .items import TRIES
from .rules import (
    AddressCheck,
    Applicant,
    Contact,
    FinancialAddress,
    Payee,
    PersonalData,
    Registrant,
    Standing,
    Verification,
)
from .store import AddressRecord, Legs, Record, RegistrationOvertaken, RegistrationStore, UnpayableHolder

MakeLegs = Callable[[], Legs]


class WaitingAddress(NamedTuple):
    """The version of an address (0: none), when its wait ends, whether it waits for an administrator because the mail
    about it reached nobody, and whether nobody may shorten the wait.
    """

    version: int = 0
    pay_from: datetime | None = None
    untold: bool = False
    full: bool = False


_TELLING = (PhoneAlreadyUsed, Excluded, NikAlreadyRegistered)
"""Refusals that tell something about a number that may belong to somebody else."""


class Registrations:
    """Registrations at any time, independent of waves. `now` is aware; ids are those of accounts."""

    def __init__(
        self,
        store: RegistrationStore,
        vault: Vault,
        programme: Programme,
        notices: NoticeService,
    ) -> None:
        self._store = store
        self._vault = vault
        self._eligibility = programme.eligibility
        self._payout_codes = programme.payouts.kinds
        self._address_wait = timedelta(seconds=programme.payouts.address_wait_s)
        self._notices = notices

    def register(
        self, registrant_id: str, form: wire.RegistrationForm, now: datetime, unless_joined: MakeLegs | None = None
    ) -> tuple[Registrant, bool]:
        """Register or change a registration; True if it is new. The same form again changes nothing.

        The NIK never changes. The `frozen_part` does not change once a person was chosen or revoked; before it changes,
        `unless_joined` is asked and gives legs named `store.OVERTAKEN_LEG`. Only a plain registrant is tested for
        eligibility. Raises the first that holds of: `MalformedNik`, `MalformedKk`, `MalformedPhone`, `MalformedName`,
        `UnknownRegion`, `NikCannotChange`, `FixedAfterAward`, `FrozenUntilSettled`, `InFormalEducation`,
        `ExcludedOccupation`, `UnderAge`, `OverAge`, `ConsentMissing`, `TooManyRefusals`, `PhoneAlreadyUsed`,
        `Excluded`, `NikAlreadyRegistered`. The last three tell of others and are counted, by account and WIB day.

        A new registration costs one read, four KMS calls at once and one transaction, and a write if it tells of
        others; the same form again one read and one KMS call.
        """
        person = wire.personal_data(form)
        region = identity.parse_region(form.province, form.regency)
        day = clock.wib_date(now)
        for _ in range(TRIES):
            record, refusals = self._store.record_and_refusals(registrant_id, day)
            few = refusals < self._eligibility.refusals_max
            try:
                if record is None:
                    return self._create(registrant_id, form, person, region, now, few), True
                return self._change(record, form, person, region, now, few, unless_joined), False
            except RegistrationOvertaken:
                continue
            except _TELLING as refusal:
                raise self._counted(registrant_id, refusal, now) from None
        raise Unavailable()

    def count_refusal(self, registrant_id: str, now: datetime) -> bool:
        """Count a refusal that tells about somebody else's number; False if the WIB day's refusals are used up.

        One write, before the refusal is told, so that requests at once are not told more than may be.
        """
        return self._store.count_refusal(registrant_id, clock.wib_date(now), self._eligibility.refusals_max)

    def registrant(self, registrant_id: str) -> Registrant:
        """One consistent read, nothing unsealed. Raises `NotRegistered`."""
        registrant = self._store.registrant(registrant_id)
        if registrant is None:
            raise NotRegistered()
        return registrant

    def find(self, nik: str) -> str | None:
        """Who registered with a NIK, for the help desk. One KMS call and one read. Raises `MalformedNik`."""
        return self._store.holder("nik", self._vault.mac("nik", identity.parse_nik(nik)))

    def is_person(self, registrant_id: str, nik: str, birth_date: date) -> bool:
        """Whether somebody registered with this NIK and birth date. One read and one KMS call. Raises `MalformedNik`.

        An account that is not registered has neither.
        """
        nik_mac = self._vault.mac("nik", identity.parse_nik(nik))
        registrant = self._store.registrant(registrant_id)
        return registrant is not None and (registrant.nik_mac, registrant.birth_date) == (nik_mac, birth_date)

    def applicant(self, registrant_id: str) -> Applicant:
        """What a join needs of a registrant; one consistent read. Raises `NotRegistered`."""
        applicant = self._store.applicant(registrant_id)
        if applicant is None:
            raise NotRegistered()
        return applicant

    def standings(self, registrant_ids: Sequence[str]) -> dict[str, Standing]:
        """The standing of each of at most 100 people who is registered. One batch get."""
        return self._store.standings(registrant_ids)

    def me(self, registrant_id: str) -> wire.MeView:
        """What is kept about a person, masked: one read and one KMS call, or one read if there is nothing."""
        record, kept = self._store.record_and_address(registrant_id)
        if record is None:
            return wire.MeView(registration=None, financial_address=None)
        key = self._vault.open_key(registrant_id, record.wrapped_key)
        address = wire.financial_address_view(_address(key, record, kept)) if kept else None
        registration = wire.registration_view(record.registrant, person_of(key, record))
        return wire.MeView(registration=registration, financial_address=address)

    def check_still_eligible(self, registrant: Registrant, day: date) -> None:
        """Test a person again who is about to be chosen, for the WIB day the wave closes. One read.

        Raises what `rules.check_eligible` raises, then `Excluded`.
        """
        rules.check_eligible(registrant.employment, registrant.birth_date, day, self._eligibility)
        self.check_not_excluded(registrant)

    def unfit(self, registrant_ids: Sequence[str], day: date) -> dict[str, fitness.Unfit]:
        """Which of at most 100 people may not take part on `day`, and why: see `fitness.unfit`. Two batch gets."""
        return fitness.unfit(registrant_ids, day, self._eligibility)

    def check_not_excluded(self, registrant: Registrant) -> None:
        """Test a person again who is about to be paid; age no longer counts. One read. Raises `Excluded`."""
        if self._store.excluded(registrant.nik_mac):
            raise Excluded()

    def is_excluded(self, registrant_id: str) -> bool:
        """Whether a person has become excluded, and may spend nothing. Two reads; one if they are not registered."""
        registrant = self._store.registrant(registrant_id)
        return registrant is not None and self._store.excluded(registrant.nik_mac)

    def set_standing(self, registrant_id: str, standing: Standing, wave: int | None = None) -> None:
        """Change a standing as `rules.NEXT` allows; any other change, and a repeat, does nothing.

        The standing BENEFICIARY is kept here too, so that a join needs no other read; waves have the award itself. One
        write. Raises `NotRegistered`.
        """
        if not self._store.move(registrant_id, standing, wave):
            self.registrant(registrant_id)

    def set_financial_address(
        self,
        registrant_id: str,
        form: wire.FinancialAddressForm,
        now: datetime,
        unless_paying: Legs | None = None,
        owed: Callable[[], bool] = lambda: False,
        *,
        young: bool = False,
    ) -> FinancialAddress:
        """Set where a person is paid, and tell them. An account pays one person. The same again changes nothing.

        An account whose holder cannot be paid to it (another name, unknown to the bank) may be taken by somebody else.
        `unless_paying` adds legs named `store.PAYING_LEG` to the transaction of a change. A changed address, and a
        first one while money is `owed`, is not paid to until `address_wait_s` after the person was told, unless they
        confirm it. Whatever a `young` session gives waits so long, and so does a wallet, whose owner nobody names:
        these nobody confirms, as whoever took over a contact reads its mail, too. A new account is unchecked.

        Raises the first that holds of `UnknownPayoutCode`, `MalformedAccountNumber`, `MalformedName`, `NotRegistered`,
        `TooManyRefusals`, `PaymentUnderWay`, `AccountAlreadyUsed`. The last tells of another person, so it is counted
        with the refusals of `register`.
        """
        kind = self._payout_codes.get(form.code)
        if kind is None:
            raise UnknownPayoutCode()
        address = wire.financial_address(form, kind)
        for _ in range(TRIES):
            try:
                return self._write_address(registrant_id, address, now, unless_paying, owed, young)
            except RegistrationOvertaken:
                continue
            except AccountAlreadyUsed as refusal:
                raise self._counted(registrant_id, refusal, now) from None
        raise Unavailable()

    def keep_check(self, registrant_id: str, version: int, check: AddressCheck, *, again: bool) -> bool:
        """Keep the result of a check of one version of an address. One write; False if the address was changed
        meanwhile.

        `again`: before, the account could not be paid to. If now it can, but is another person's by now,
        `AccountAlreadyUsed` is raised and counted.
        """
        if again and check.verdict in rules.PAYABLE:
            try:
                return self._store.save_second_check(registrant_id, version, check)
            except AccountAlreadyUsed as refusal:
                raise self._counted(registrant_id, refusal, check.checked_at) from None
        return self._store.save_check(registrant_id, version, check)

    def payee(self, registrant_id: str) -> Payee | None:
        """All that one payment needs of a person, in clear; None without a registration or a financial address.

        One read and one KMS call, and two more reads if the address has to wait.
        """
        found = self._store.payee(registrant_id)
        if found is None:
            return None
        record, address, disputed = found
        pay_from, untold = self._wait(registrant_id, address)
        key = self._vault.open_key(registrant_id, record.wrapped_key)
        paid_to = replace(_address(key, record, address), pay_from=pay_from, untold=untold)
        return Payee(record.registrant, paid_to, partial(key.seal, "payment/1"), disputed)

    def waiting_address(self, registrant_id: str) -> WaitingAddress:
        """How a person's address waits. One read, or three."""
        address = self._store.address(registrant_id)
        if address is None:
            return WaitingAddress()
        return WaitingAddress(address.version, *self._wait(registrant_id, address), full=bool(address.full_wait))

    def contact(self, registrant_id: str) -> Contact | None:
        """Name and phone in clear, for a partner with whom the person agreed to share them; None without a
        registration.

        One read, one KMS call.
        """
        record = self._store.record(registrant_id)
        if record is None:
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
        rules.check_eligible(form.employment, form.birth_date, clock.wib_date(now), self._eligibility)
        consent = rules.check_consent(form.consent_version, self._eligibility)
        if not few:
            raise self._too_many()
        nik_mac, kk_mac, phone_mac, key = at_once(
            partial(self._vault.mac, "nik", person.nik),
            partial(self._vault.mac, "kk", person.kk),
            partial(self._vault.mac, "phone", person.phone),
            partial(self._vault.new_key, registrant_id),
        )
        registrant = fill(
            Registrant,
            form,
            id=registrant_id,
            region=region[0],
            regency=region[1],
            consent_version=consent,
            nik_mac=nik_mac,
            kk_mac=kk_mac,
            phone_mac=phone_mac,
            standing=Standing.REGISTERED,
            beneficiary_wave=None,
            verification=Verification.PENDING,
            warnings=identity.warnings(person.nik, person.kk, form.birth_date, clock.wib_date(now)),
            registered_at=now,
            updated_at=now,
        )
        record = Record(registrant, key.seal("person/1", msgspec.json.encode(person)), key.wrapped, version=1)
        self._store.save(record, None, unless_excluded=True)
        return registrant

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
        if person.nik != known.nik:
            raise NikCannotChange()
        changed = replace(
            old,
            region=region[0],
            regency=region[1],
            birth_date=form.birth_date,
            education=form.education,
            employment=form.employment,
            consent_version=form.consent_version or "",
            kk_mac=old.kk_mac if person.kk == known.kk else self._vault.mac("kk", person.kk),
            phone_mac=old.phone_mac if person.phone == known.phone else self._vault.mac("phone", person.phone),
            warnings=identity.warnings(person.nik, person.kk, form.birth_date, clock.wib_date(now)),
        )
        if changed == old and person == known:
            return old
        plain_registrant = old.standing is Standing.REGISTERED
        others = None
        if frozen_part(changed, person) != frozen_part(old, known):
            if not plain_registrant:
                raise FixedAfterAward()
            others = unless_joined() if unless_joined else None
        if plain_registrant:
            rules.check_eligible(form.employment, form.birth_date, clock.wib_date(now), self._eligibility)
        rules.check_consent(form.consent_version, self._eligibility)
        if not few:
            raise self._too_many()
        # The registry has not seen this form yet, whatever it said about the last one.
        changed = replace(changed, verification=Verification.PENDING, updated_at=now)
        sealed = key.seal("person/1", msgspec.json.encode(person))
        released = old.phone_mac if changed.phone_mac != old.phone_mac else None
        new_record = Record(changed, sealed, record.wrapped_key, record.version + 1)
        told = change_notices.of_details(known, person, new_record.version)
        with change_notices.telling(self._notices, old.id, told, others) as legs:
            self._store.save(new_record, released, unless_excluded=plain_registrant, others=legs)
        return changed

    def _counted(self, registrant_id: str, refusal: DomainError, now: datetime) -> DomainError:
        return refusal if self.count_refusal(registrant_id, now) else self._too_many()

    def _too_many(self) -> TooManyRefusals:
        return TooManyRefusals(refusals_max=self._eligibility.refusals_max)

    def _wait(self, registrant_id: str, address: AddressRecord) -> tuple[datetime | None, bool]:
        """When an address may be paid to, counted from when its person was told; and whether telling them failed."""
        if address.pay_from is None:
            return None, False
        told_at = self._notices.told(registrant_id, change_notices.address_changed(address.version))
        return max(address.pay_from, told_at + self._address_wait) if told_at else address.pay_from, told_at is None

    def _write_address(
        self,
        registrant_id: str,
        address: FinancialAddress,
        now: datetime,
        unless_paying: Legs | None,
        owed: Callable[[], bool],
        young: bool,
    ) -> FinancialAddress:
        record, refusals = self._store.record_and_refusals(registrant_id, clock.wib_date(now))
        if record is None:
            raise NotRegistered()
        key = self._vault.open_key(registrant_id, record.wrapped_key)
        old = self._store.address(registrant_id)
        known = _address(key, record, old) if old else None
        address = replace(address, owner_name=person_of(key, record).name)
        if known and replace(known, version=address.version, check=None, pay_from=None) == address:
            return known
        if refusals >= self._eligibility.refusals_max:
            raise self._too_many()
        # The owner of a wallet is its phone number, whichever the wallet, so one SIM pays one person.
        wallet = self._payout_codes[address.code] == "wallet"
        owner = "wallet" if wallet else address.code
        full_wait = young or wallet
        account = {name: getattr(address, name) for name in ("code", "account_number", "holder_name")}
        new = AddressRecord(
            sealed=key.seal("address/1", msgspec.json.encode(account)),
            account_mac=self._vault.mac("account", f"{owner}\0{address.account_number}"),
            version=old.version + 1 if old else 1,
            updated_at=now,
            pay_from=now + self._address_wait if full_wait or old or owed() else None,
            full_wait=True if full_wait else None,
        )
        released = old.account_mac if old and old.account_mac != new.account_mac else None
        if old and old.check and old.check.verdict not in rules.PAYABLE:
            # The account could not be paid to, so it may be another person's by now: then its guard is not released.
            own = self._store.unpayable_holder(old.account_mac) == UnpayableHolder(registrant_id, old.version)
            released = released if own else None
        told = change_notices.of_address(new.version, new.pay_from, full_wait=full_wait)
        paying = unless_paying if old else None
        with change_notices.telling(self._notices, registrant_id, told, paying) as legs:
            try:
                self._store.save_address(registrant_id, new, released, record.wrapped_key, legs)
            except AccountAlreadyUsed:
                taken_from = self._store.unpayable_holder(new.account_mac)
                if taken_from is None:
                    raise
                self._store.save_address(registrant_id, new, released, record.wrapped_key, legs, taken_from)
        return replace(address, version=new.version, pay_from=new.pay_from)


def frozen_part(registrant: Registrant, person: PersonalData) -> dict[str, str]:
    """The values that may not change from a join until the wave is settled, nor ever after an award.

    Address, education, phone and consent may change: a draw uses the region of the entry.
    """
    birth_date, employment = registrant.birth_date.isoformat(), registrant.employment.value
    return {"name": person.name, "birth_date": birth_date, "employment": employment, "kk": person.kk}


def person_of(key: PersonKey, record: Record) -> PersonalData:
    """The sealed part of a registration, opened."""
    return msgspec.json.decode(key.unseal("person/1", record.sealed), type=PersonalData)


def _address(key: PersonKey, record: Record, kept: AddressRecord) -> FinancialAddress:
    address = msgspec.json.decode(key.unseal("address/1", kept.sealed), type=FinancialAddress)
    return replace(
        address, version=kept.version, check=kept.check, pay_from=kept.pay_from, owner_name=person_of(key, record).name
    )
