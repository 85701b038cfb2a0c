"""The keys that encrypt the contacts of sign-ins. Each hour has a few new ones, and a process opens each once.

So a start calls KMS only for the hash of its contact. Once the hour's keys are deleted, its contacts cannot be read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ...aws.dynamodb import find, save_if
from ...ids import Randomness
from ...vault import PersonKey, Vault
from .items import HourKeyItem

SHARDS = 4
"""Keys of one hour. Several share the load when all processes ask for one at its beginning."""
_KEPT = timedelta(days=1)
_OPEN_MAX = 4 * SHARDS


class HourKeys:
    """The keys of hours. A process encrypts with one key of the hour, picked at random, and decrypts with all."""

    def __init__(self, vault: Vault, randomness: Randomness) -> None:
        self._vault = vault
        self._shard = randomness(1)[0] % SHARDS
        self._open: dict[str, PersonKey] = {}

    def present(self, now: datetime) -> tuple[str, PersonKey]:
        """The name of a key of this hour, and the key. It is made when it is first needed. Raises what KMS raises."""
        name = f"{now:%Y-%m-%dT%H}#{self._shard}"
        if name not in self._open and find(HourKeyItem, f"H#{name}", "KEY") is None:
            made = self._vault.new_key(_owner(name))
            item = HourKeyItem(f"H#{name}", "KEY", wrapped_key=made.wrapped, expires_at=now + _KEPT)
            if save_if(item, HourKeyItem.pk.does_not_exist()):
                self._keep(name, made)
        return name, self.named(name)

    def named(self, name: str) -> PersonKey:
        """The key with this name. Raises `LookupError` if it was deleted."""
        if name not in self._open:
            item = find(HourKeyItem, f"H#{name}", "KEY")
            if item is None:
                raise LookupError("no key of this hour")
            self._keep(name, self._vault.open_key(_owner(name), item.wrapped_key))
        return self._open[name]

    def _keep(self, name: str, key: PersonKey) -> None:
        if len(self._open) >= _OPEN_MAX:
            self._open.clear()
        self._open[name] = key


def _owner(name: str) -> str:
    return f"hour/{name}"
