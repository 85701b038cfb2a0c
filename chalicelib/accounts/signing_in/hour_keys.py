"""The keys under which the contacts of sign-ins are sealed: a few new ones each hour, opened once a process.

So a start calls KMS for the hash of its contact only, and what was sealed cannot be read once the hour's keys are gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ...aws.dynamodb import find, save_if
from ...ids import Randomness
from ...vault import PersonKey, Vault
from .items import HourKeyItem

SHARDS = 4
"""Keys of one hour: when it begins, all processes ask for one at once."""
_KEPT = timedelta(days=1)
_OPEN_MAX = 4 * SHARDS


class HourKeys:
    """Of the keys of an hour a process seals with one, picked at random, and opens with all."""

    def __init__(self, vault: Vault, randomness: Randomness) -> None:
        self._vault = vault
        self._shard = randomness(1)[0] % SHARDS
        self._open: dict[str, PersonKey] = {}

    def present(self, now: datetime) -> tuple[str, PersonKey]:
        """The name of a key of this hour, and the key; whoever needs it first makes it. Raises as KMS does."""
        name = f"{now:%Y-%m-%dT%H}#{self._shard}"
        if name not in self._open and find(HourKeyItem, f"H#{name}", "KEY") is None:
            made = self._vault.new_key(_owner(name))
            item = HourKeyItem(f"H#{name}", "KEY", wrapped_key=made.wrapped, expires_at=now + _KEPT)
            if save_if(item, HourKeyItem.pk.does_not_exist()):
                self._keep(name, made)
        return name, self.named(name)

    def named(self, name: str) -> PersonKey:
        """A key that was made. Raises `LookupError` if it is gone."""
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
