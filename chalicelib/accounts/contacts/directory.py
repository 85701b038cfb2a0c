"""How other domains reach a person: the contacts of an account in the clear."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from ...clock import iso
from ...values import Hidden
from ...vault import Vault
from .. import rules
from ..account_store import AccountStore
from .contact import Contact


class Reach(Hidden, frozen=True):
    """All contacts of a person by id, in the order in which they were added, and the language to write in."""

    contacts: Mapping[str, Contact]
    language: Literal["id", "en"]


class Directory:
    """Other domains ask it for each message, and store no contact."""

    def __init__(self, store: AccountStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def contacts(self, account_id: str, at: datetime) -> Reach | None:
        """The contacts that are told of an event at `at`. None if there is no such account. One read and one KMS call.

        A contact that the event removed is among them. One that still waits is not. Raises `Unavailable`.
        """
        account = self._store.account(account_id)
        if account is None:
            return None
        key = self._vault.open_key(account_id, account.wrapped_key)
        told = rules.told(account.contacts, at)
        values = {one.id: key.unseal("contact/1", one.sealed).decode() for one in told}
        return Reach({one.id: Contact(one.kind, values[one.id]) for one in told}, account.language)

    def sign_in(self, account_id: str, session_id: str) -> dict[str, str | int] | None:
        """The facts for a notice about a session, even an ended one. None if there is no such session. One read."""
        session = self._store.begun(account_id, session_id)
        return {"device": session.device, "signed_in_at": iso(session.started_at)} if session else None
