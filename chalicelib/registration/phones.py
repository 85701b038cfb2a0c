"""How a phone number comes back to whoever has it now: by the code that was sent to it.

Whoever registers a number only types it. A number may be mistyped, another's, or sold to somebody else since.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from ..aws import dynamodb
from ..notices.rules import Kind
from ..vault import Vault
from .change_notices import ChangeNotice, event, telling
from .items import Guard, Profile, person_pk
from .rules import Registrant
from .store import RegistrationStore, unique_pk

if TYPE_CHECKING:
    from ..notices.service import NoticeService


class Phones:
    """`proven` says whether a number (E.164) is a contact of an account, which was proven by a code of late."""

    def __init__(
        self,
        store: RegistrationStore,
        vault: Vault,
        transaction: Callable[[], dynamodb.Transaction],
        notices: Callable[[], NoticeService],
        proven: Callable[[str, str, datetime], bool],
    ) -> None:
        self._store = store
        self._vault = vault
        self._transaction = transaction
        self._notices = notices
        self._proven = proven

    def free(self, registrant_id: str, phone: str, now: datetime) -> bool:
        """Free a number that another registration has, if this account has proven it; that person is told at once.

        True if it is worth trying again to register it. Their account and all else of their registration stays.
        """
        if not self._proven(registrant_id, phone, now):
            return False
        mac = self._vault.mac("phone", phone)
        holder = self._store.holder("phone", mac)
        record = self._store.record(holder) if holder else None
        if record is None or record.registrant.id == registrant_id:
            return holder is None
        who = record.registrant.id
        told: list[ChangeNotice] = [(event(Kind.PHONE_LOST, now), Kind.PHONE_LOST, {})]
        with telling(self._notices(), who, told) as legs:
            try:
                with self._transaction() as tx:
                    tx.delete("phone", Guard(unique_pk("phone", mac), "UNIQUE"), Guard.registrant == who)
                    as_read = (Profile.version == record.version) & (Profile.phone_mac == mac)
                    lost = [Profile.phone_lost_at.set(now), Profile.version.add(1)]
                    tx.update("profile", Profile(person_pk(who), "PROFILE"), lost, as_read)
                    legs(tx)
            except dynamodb.LegsFailed:
                told.clear()  # somebody changed one of them meanwhile
        return True

    def lost_at(self, old: Registrant, phone: str, now: datetime) -> datetime | None:
        """Since when a number that stays as it was is another's; None if they hold it, have proven it again, or nobody
        has it: the registration for which it was freed was refused.
        """
        if old.phone_lost_at is None or self._store.holder("phone", old.phone_mac) is None:
            return None
        return None if self._proven(old.id, phone, now) else old.phone_lost_at
