"""The data key of an account that wrote to the help desk, registered or not."""

from __future__ import annotations

from collections.abc import Callable

from ..aws import dynamodb
from ..errors import Unavailable
from ..vault import PersonKey, Vault
from .items import TRIES, AccountKey, Profile, RegistrationsTable, person_pk


class AccountKeys:
    """The data key under which the help desk keeps what an account writes, registered or not.

    A registered person's key is kept with the registration. An account that wrote before it registered has a key of its
    own, which the help desk goes on using. Either is written only if there is neither, so everything sealed can be
    opened. `transaction` makes a new, empty transaction.
    """

    def __init__(self, transaction: Callable[[], dynamodb.Transaction], vault: Vault) -> None:
        self._transaction = transaction
        self._vault = vault

    def key(self, registrant_id: str) -> PersonKey:
        """An account's key, open, for one request. One batch get, one KMS call; the first time a transaction too."""
        for _ in range(TRIES):
            wrapped = self._wrapped(registrant_id)
            if wrapped is not None:
                return self._vault.open_key(registrant_id, wrapped)
            key = self._vault.new_key(registrant_id)
            if self._keep(registrant_id, key.wrapped):
                return key
        raise Unavailable()

    @staticmethod
    def _wrapped(registrant_id: str) -> bytes | None:
        keys = [(person_pk(registrant_id), kind) for kind in ("KEY", "PROFILE")]
        rows = dynamodb.get_rows(RegistrationsTable, keys, "sk,wrapped_key")
        found: dict[str, bytes] = {row["sk"]["S"]: row["wrapped_key"]["B"] for row in rows}
        return found.get("KEY", found.get("PROFILE"))

    def _keep(self, registrant_id: str, wrapped: bytes) -> bool:
        """False if the account has a key already."""
        pk = person_pk(registrant_id)
        try:
            with self._transaction() as tx:
                tx.check("profile", Profile, (pk, "PROFILE"), Profile.pk.does_not_exist())
                tx.put("key", AccountKey(pk, "KEY", wrapped_key=wrapped), AccountKey.pk.does_not_exist())
        except dynamodb.LegsFailed:
            return False
        return True
