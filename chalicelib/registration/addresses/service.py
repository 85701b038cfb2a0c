"""Where people are paid: set it, tell its owner, let it wait, and keep what the provider says of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from ... import clock, typed_text
from ...errors import Unavailable
from ...figures.benefits import PayoutRules
from ...vault import Vault
from .. import change_notices, rules, wire
from ..errors import AccountAlreadyUsed, NotRegistered, UnknownPayoutCode
from ..items import TRIES
from ..records import Record, person_of
from ..refusals import Refusals
from ..rules import AddressCheck, FinancialAddress, Payee
from ..store import Legs, RegistrationOvertaken, RegistrationStore
from .records import AddressRecord, UnpayableHolder, address_of
from .store import AddressStore

if TYPE_CHECKING:
    from ...notices.service import NoticeService


class WaitingAddress(NamedTuple):
    """The version of an address (0: none), when its wait ends, whether it waits for an administrator because the mail
    about it reached nobody, and whether nobody may shorten the wait.
    """

    version: int = 0
    pay_from: datetime | None = None
    untold: bool = False
    full: bool = False


class FinancialAddresses:
    """One financial address a person. `now` is aware; ids are those of accounts."""

    def __init__(
        self,
        people: RegistrationStore,
        store: AddressStore,
        vault: Vault,
        payouts: PayoutRules,
        notices: Callable[[], NoticeService],
        refusals: Refusals,
    ) -> None:
        self._people = people
        self._store = store
        self._vault = vault
        self._payout_codes = payouts.kinds
        self._wait_time = timedelta(seconds=payouts.address_wait_s)
        self._notices = notices
        self.refusals = refusals

    def set(
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
        with the refusals of `Registrations.register`.
        """
        form = msgspec.structs.replace(form, code=typed_text.compact(form.code))
        kind = self._payout_codes.get(form.code)
        if kind is None:
            raise UnknownPayoutCode(allowed=list(self._payout_codes))
        address = wire.financial_address(form, kind)
        for _ in range(TRIES):
            try:
                return self._write(registrant_id, address, now, unless_paying, owed, young)
            except RegistrationOvertaken:
                continue
            except AccountAlreadyUsed as refusal:
                raise self.refusals.counted(registrant_id, refusal, now) from None
        raise Unavailable()

    def keep_check(
        self, registrant_id: str, version: int, check: AddressCheck, *, again: bool, named: int | None = None
    ) -> bool:
        """Keep the result of a check of one version of an address. One write; False if the address, or the name of its
        owner (`named`), was changed meanwhile.

        `again`: before, the account could not be paid to. If now it can, but is another person's by now,
        `AccountAlreadyUsed` is raised and counted.
        """
        if again and check.verdict in rules.PAYABLE:
            try:
                return self._store.save_second_check(registrant_id, version, check, named)
            except AccountAlreadyUsed as refusal:
                raise self.refusals.counted(registrant_id, refusal, check.checked_at) from None
        return self._store.save_check(registrant_id, version, check, named)

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
        paid_to = replace(address_of(key, record, address), pay_from=pay_from, untold=untold)
        return Payee(record.registrant, paid_to, partial(key.seal, "payment/1"), disputed, record.registrant.contested)

    def with_owner(self, registrant_id: str) -> tuple[Record | None, AddressRecord | None]:
        """A registration and its financial address, sealed. One batch get; they are not of one instant."""
        return self._store.with_owner(registrant_id)

    def shown(self, registrant_id: str) -> tuple[int, wire.FinancialAddressView] | None:
        """The version of a person's address, and the address masked. One read, and one KMS call if there is one."""
        record, address = self._store.with_owner(registrant_id)
        if record is None or address is None:
            return None
        key = self._vault.open_key(registrant_id, record.wrapped_key)
        return address.version, wire.financial_address_view(address_of(key, record, address))

    def waiting(self, registrant_id: str) -> WaitingAddress:
        """How a person's address waits. One read, or three."""
        address = self._store.address(registrant_id)
        if address is None:
            return WaitingAddress()
        return WaitingAddress(address.version, *self._wait(registrant_id, address), full=bool(address.full_wait))

    def _wait(self, registrant_id: str, address: AddressRecord) -> tuple[datetime | None, bool]:
        """When an address may be paid to, counted from when its person was told; and whether telling them failed."""
        if address.pay_from is None:
            return None, False
        told_at = self._notices().told(registrant_id, change_notices.address_changed(address.version))
        return max(address.pay_from, told_at + self._wait_time) if told_at else address.pay_from, told_at is None

    def _write(
        self,
        registrant_id: str,
        address: FinancialAddress,
        now: datetime,
        unless_paying: Legs | None,
        owed: Callable[[], bool],
        young: bool,
    ) -> FinancialAddress:
        record, refusals = self._people.record_and_refusals(registrant_id, clock.wib_date(now))
        if record is None:
            raise NotRegistered()
        key = self._vault.open_key(registrant_id, record.wrapped_key)
        old = self._store.address(registrant_id)
        known = address_of(key, record, old) if old else None
        address = replace(address, owner_name=person_of(key, record).name)
        if known and replace(known, version=address.version, check=None, pay_from=None, named=None) == address:
            return known
        if refusals >= self.refusals.most:
            raise self.refusals.too_many()
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
            pay_from=now + self._wait_time if full_wait or old or owed() else None,
            full_wait=True if full_wait else None,
        )
        released = old.account_mac if old and old.account_mac != new.account_mac else None
        if old and old.check and old.check.verdict not in rules.PAYABLE:
            # The account could not be paid to, so it may be another person's by now: then its guard is not released.
            own = self._store.unpayable_holder(old.account_mac) == UnpayableHolder(registrant_id, old.version)
            released = released if own else None
        told = change_notices.of_address(new.version, new.pay_from, full_wait=full_wait)
        paying = unless_paying if old else None
        with change_notices.telling(self._notices(), registrant_id, told, paying) as legs:
            try:
                self._store.save(registrant_id, new, released, record, legs)
            except AccountAlreadyUsed:
                taken_from = self._store.unpayable_holder(new.account_mac)
                if taken_from is None:
                    raise
                self._store.save(registrant_id, new, released, record, legs, taken_from)
        return replace(address, version=new.version, pay_from=new.pay_from)
