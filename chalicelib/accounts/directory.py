"""How a person is reached: the contacts of an account, in the clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..vault import Vault
from .account_store import AccountStore
from .contact import Contact


@dataclass(frozen=True, slots=True)
class Reach:
    """Every contact of a person by its id, the first one first, and the language to write in."""

    contacts: Mapping[str, Contact] = field(repr=False)
    language: Literal["id", "en"]


class Directory:
    """For other domains: who tells people something asks here for each message, and keeps nothing."""

    def __init__(self, store: AccountStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def contacts(self, account_id: str) -> Reach | None:
        """None if there is no such account. One read and one KMS call. Raises `Unavailable`.

        A contact that is new, or was removed, and waits for its time is among them: all are told.
        """
        account = self._store.account(account_id)
        if account is None:
            return None
        key = self._vault.open_key(account_id, account.wrapped_key)
        values = {one.id: key.unseal("contact/1", one.sealed).decode() for one in account.contacts}
        return Reach({one.id: Contact(one.kind, values[one.id]) for one in account.contacts}, account.language)
