"""Who a registered person is, for administrators and the help desk, by what somebody says of them."""

from __future__ import annotations

from datetime import date

from ..vault import Vault
from . import identity, wire
from .records import name_mac
from .store import RegistrationStore


class Finding:
    """Only keyed hashes are compared."""

    def __init__(self, store: RegistrationStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def by_nik(self, nik: str) -> str | None:
        """Who registered with a NIK, for the help desk. One KMS call and one read. Raises `MalformedNik`."""
        return self._store.holder("nik", self._vault.mac("nik", identity.parse_nik(nik)))

    def named(self, name: str, birth_date: date) -> list[str]:
        """At most 20 people of a name, as `holder_names.key` has it, and a birth date; a KMS call and a query.

        Moments late. Raises `MalformedName`.
        """
        return self._store.named(name_mac(self._vault.mac, wire.registrant_name("name", name), birth_date))

    def is_person(self, registrant_id: str, nik: str, birth_date: date) -> bool:
        """Whether somebody registered with this NIK and birth date. One read and one KMS call. Raises `MalformedNik`.

        An account that is not registered has neither.
        """
        nik_mac = self._vault.mac("nik", identity.parse_nik(nik))
        registrant = self._store.registrant(registrant_id)
        return registrant is not None and (registrant.nik_mac, registrant.birth_date) == (nik_mac, birth_date)
