"""The items of financial addresses in the registrations table, each with the guard of its account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pynamodb.expressions.update import Action

from ...aws import dynamodb
from ...aws.attributes import item_of
from ...structs import fill
from ..errors import AccountAlreadyUsed, PaymentUnderWay
from ..items import AddressItem, Dispute, Guard, OfPerson, Profile, person_pk
from ..records import Record
from ..rules import PAYABLE, AddressCheck, Verdict
from ..store import OVERTAKEN_LEG, Legs, claim, follows, held_by, ranked, record_of, unique_pk
from .records import AddressRecord, UnpayableHolder

PAYING_LEG = "paying"
"""The name of the legs by which others say that nothing is being paid to a person just now."""

_UNPAYABLE = [verdict for verdict in Verdict if verdict not in PAYABLE]


class AddressStore:
    """Reads are consistent; each write is one conditional call."""

    def __init__(self, region: str) -> None:
        self._region = region

    def with_owner(self, registrant_id: str) -> tuple[Record | None, AddressRecord | None]:
        """A registration and its financial address, sealed. One batch get; they are not of one instant."""
        keys = [(person_pk(registrant_id), kind) for kind in ("PROFILE", "ADDRESS")]
        found: dict[str, Any] = {item.sk: item for item in dynamodb.get_batch(OfPerson, keys)}
        record = record_of(registrant_id, found["PROFILE"]) if "PROFILE" in found else None
        return record, _address_record(found["ADDRESS"]) if "ADDRESS" in found else None

    def address(self, registrant_id: str) -> AddressRecord | None:
        """A financial address, sealed. One read."""
        item = dynamodb.find(AddressItem, person_pk(registrant_id), "ADDRESS")
        return _address_record(item) if item else None

    def payee(self, registrant_id: str) -> tuple[Record, AddressRecord, bool] | None:
        """A registration, its financial address, and whether the person disputes a change; None unless there are both
        of the first. One batch get; the three may be of different instants.
        """
        keys = [(person_pk(registrant_id), kind) for kind in ("PROFILE", "ADDRESS", "DISPUTE")]
        found: dict[str, Any] = {item.sk: item for item in dynamodb.get_batch(OfPerson, keys)}
        if "PROFILE" not in found or "ADDRESS" not in found:
            return None
        return record_of(registrant_id, found["PROFILE"]), _address_record(found["ADDRESS"]), "DISPUTE" in found

    def dispute(self, registrant_id: str, now: datetime) -> None:
        """Pay nothing to a person who says that a change was not theirs, whatever their address is or becomes.

        A repeat changes nothing.
        """
        first = Dispute.since.set(Dispute.since | now)
        Dispute(person_pk(registrant_id), "DISPUTE").update([first])

    def disputed(self, registrant_id: str) -> datetime | None:
        """Since when a person disputes a change of their data. One read."""
        item = dynamodb.find(Dispute, person_pk(registrant_id), "DISPUTE")
        return item.since if item else None

    def confirm(self, registrant_id: str, version: int, *, settle: bool) -> bool:
        """End the wait of one version of an address: its person confirmed it at the mailbox of the account.

        With `settle` a dispute ends too, and any wait: an administrator found the address to be the person's own. A
        repeat changes nothing; False if the address was changed since, or nobody may shorten its wait. One transaction.
        Version 0: there is no address, only the dispute ends.
        """
        address, as_shown = AddressItem(person_pk(registrant_id), "ADDRESS"), AddressItem.version == version
        if not settle:
            as_shown &= AddressItem.full_wait.does_not_exist()
        try:
            with dynamodb.Transaction(self._region) as tx:
                if version:
                    tx.update("address", address, [AddressItem.pay_from.remove()], as_shown)
                if settle:
                    tx.delete("dispute", Dispute(person_pk(registrant_id), "DISPUTE"))
        except dynamodb.LegsFailed:
            return False
        return True

    def unpayable_holder(self, account_mac: str) -> UnpayableHolder | None:
        """The person who has an account that cannot be paid to, so that another may take it. Two reads.

        None if nobody has it, if it can be paid to, or if the provider has not been asked about it.
        """
        guard = dynamodb.find(Guard, unique_pk("account", account_mac), "UNIQUE")
        item = dynamodb.find(AddressItem, person_pk(guard.registrant), "ADDRESS") if guard else None
        if guard is None or item is None or item.account_mac != account_mac or item.verdict not in _UNPAYABLE:
            return None
        return UnpayableHolder(guard.registrant, item.version)

    def save(
        self,
        registrant_id: str,
        address: AddressRecord,
        released_account_mac: str | None,
        owner: Record,
        others: Legs | None = None,
        taken_from: UnpayableHolder | None = None,
    ) -> None:
        """Write a financial address with its guard, if its owner, with their key and name, is still as read.

        The address is unchecked then. `others` adds legs, some of them named `PAYING_LEG`. With `taken_from` the
        account may be that person's, while they still cannot be paid to it. Raises `RegistrationOvertaken`, else
        `PaymentUnderWay`, else `AccountAlreadyUsed`.
        """
        item = item_of(AddressItem, person_pk(registrant_id), "ADDRESS", address)
        try:
            with dynamodb.Transaction(self._region) as tx:
                same_key = (Profile.wrapped_key == owner.wrapped_key) & (Profile.sealed == owner.sealed)
                tx.check("profile", Profile, (person_pk(registrant_id), "PROFILE"), same_key)
                if released_account_mac:
                    guard = Guard(unique_pk("account", released_account_mac), "UNIQUE")
                    tx.delete("released", guard, held_by(registrant_id))
                if taken_from is not None:
                    still = (AddressItem.version == taken_from.version) & AddressItem.verdict.is_in(*_UNPAYABLE)
                    tx.check("taken", AddressItem, (person_pk(taken_from.registrant_id), "ADDRESS"), still)
                tx.put("address", item, follows(AddressItem.pk, AddressItem.version, address.version))
                before = taken_from.registrant_id if taken_from else None
                claim(tx, "account", address.account_mac, registrant_id, before)
                if others is not None:
                    others(tx)
        except dynamodb.LegsFailed as failure:
            refusals = [(PAYING_LEG, PaymentUnderWay), ("account", AccountAlreadyUsed)]
            raise ranked(failure, refusals) from failure

    def save_check(self, registrant_id: str, version: int, check: AddressCheck, named: int | None) -> bool:
        """Keep the result of an inquiry about one version of an address. One write; False if it was changed since.

        False too if it can be paid to now and could not before: see `save_second_check`.
        """
        as_asked = AddressItem.as_asked(version, named)
        if check.verdict in PAYABLE:
            as_asked &= AddressItem.verdict.does_not_exist() | ~AddressItem.verdict.is_in(*_UNPAYABLE)
        return dynamodb.update_if(AddressItem(person_pk(registrant_id), "ADDRESS"), _verdict(check), as_asked)

    def save_second_check(self, registrant_id: str, version: int, check: AddressCheck, named: int | None) -> bool:
        """The same for an account that the person could not be paid to, and now can: it may be another's since.

        One read, one transaction. Raises `AccountAlreadyUsed`.
        """
        address = self.address(registrant_id)
        if address is None or address.version != version:
            return False
        try:
            with dynamodb.Transaction(self._region) as tx:
                item = AddressItem(person_pk(registrant_id), "ADDRESS")
                tx.update("address", item, _verdict(check), AddressItem.as_asked(version, named))
                claim(tx, "account", address.account_mac, registrant_id)
        except dynamodb.LegsFailed as failure:
            if "address" in failure.legs:
                return False
            raise AccountAlreadyUsed() from failure
        return True


def renaming(registrant_id: str) -> Legs:
    """The legs with which a person's name changes: what the bank said was about the old one, and it is asked again.

    A finding that nothing can be paid stays until the person gives the address again, as the account may be another's
    by then. One read.
    """
    item = dynamodb.find(AddressItem, person_pk(registrant_id), "ADDRESS")
    kept = _address_record(item) if item else None

    def legs(tx: dynamodb.Transaction) -> None:
        item = AddressItem(person_pk(registrant_id), "ADDRESS")
        if kept is None:
            tx.check(OVERTAKEN_LEG, AddressItem, (item.pk, item.sk), AddressItem.pk.does_not_exist())
            return
        actions: list[Action] = [AddressItem.named.add(1)]
        as_read = AddressItem.as_asked(kept.version, kept.named)
        if kept.check is None:
            as_read &= AddressItem.verdict.does_not_exist()
        else:
            as_read &= AddressItem.verdict == kept.check.verdict
            if kept.check.verdict in PAYABLE:
                actions += [AddressItem.verdict.remove(), AddressItem.score.remove(), AddressItem.checked_at.remove()]
        tx.update(OVERTAKEN_LEG, item, actions, as_read)

    return legs


def _verdict(check: AddressCheck) -> list[Action]:
    score = AddressItem.score.remove() if check.score is None else AddressItem.score.set(check.score)
    return [AddressItem.verdict.set(check.verdict), AddressItem.checked_at.set(check.checked_at), score]


def _address_record(item: AddressItem) -> AddressRecord:
    return fill(AddressRecord, item, check=None if item.verdict is None else fill(AddressCheck, item))
