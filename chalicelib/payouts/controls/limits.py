"""What keeps money back: the pause, and ceilings of how much may be sent.

While payouts are paused, no worker claims or sends anything; what is under way is still asked about.

There is a ceiling for each WIB day, and for each envelope (what one wave pays of one kind). A ceiling is one item that
counts down. Before a payment is claimed, its amount is taken from both of its ceilings. A worker takes a block of a few
payments at a time and spends it from memory, so that a payout costs no write. What a worker had left when it ended
stays taken: a ceiling is never passed, and may be reached early by one block a worker.
"""

from __future__ import annotations

from datetime import datetime

from ...aws.attributes import item_of
from ...aws.dynamodb import find, save_if, update_if
from ...clock import wib_date
from ...figures.benefits import CeilingRules
from ...money import Rupiah, rupiah
from ...structs import fill
from ...values import Value
from ..errors import CeilingChanged
from ..ledger.items import CeilingItem, PauseItem
from ..rules import Entitlement, Kind

PAUSE_KEYS = ("CONTROL", "PAUSE")
"""The item is there while payouts are paused."""


class Pause(Value, frozen=True):
    """Payouts are stopped: by whom (IAM identity), since when, and why."""

    by: str
    since: datetime
    reason: str


class PauseStore:
    def get(self) -> Pause | None:
        """One consistent read."""
        item = find(PauseItem, *PAUSE_KEYS)
        return fill(Pause, item) if item else None

    def set(self, pause: Pause) -> None:
        """Stop. The second time replaces the reason."""
        item_of(PauseItem, *PAUSE_KEYS, pause).save()

    def clear(self) -> None:
        PauseItem(*PAUSE_KEYS).delete()


_DAY = "DAY#"


class Ceiling(Value, frozen=True):
    """What may be sent under one name, and what is left of it; `by` and `note` if an administrator set it.

    `left_idr` is below zero after the ceiling was set lower than what had been taken.
    """

    name: str
    ceiling_idr: Rupiah
    left_idr: int
    by: str | None = None
    note: str | None = None


class CeilingStore:
    def take(self, name: str, ceiling_idr: int, amount_idr: int) -> bool:
        """Take an amount of what is left, all or nothing; the first to ask opens the ceiling at `ceiling_idr`.

        One write, three if it has to be opened.
        """
        if self._taken(name, amount_idr):
            return True
        if self.get(name) is not None or amount_idr > ceiling_idr:
            return False
        self._open(name, ceiling_idr)
        return self._taken(name, amount_idr)

    def get(self, name: str) -> Ceiling | None:
        """One consistent read; None before anything was taken or set."""
        item = find(CeilingItem, _pk(name), "LEFT")
        return fill(Ceiling, item, name=name) if item else None

    def change(self, before: Ceiling, ceiling_idr: Rupiah, by: str, note: str) -> None:
        """Set a ceiling that was read (or is as configured); what was taken stays taken.

        Raises `CeilingChanged` if another administrator set it in between.
        """
        self._open(before.name, before.ceiling_idr)
        actions = [
            CeilingItem.left_idr.add(ceiling_idr - before.ceiling_idr),
            CeilingItem.ceiling_idr.set(ceiling_idr),
            CeilingItem.by.set(by),
            CeilingItem.note.set(note),
        ]
        item = CeilingItem(_pk(before.name), "LEFT")
        if not update_if(item, actions, CeilingItem.ceiling_idr == before.ceiling_idr):
            raise CeilingChanged(name=before.name)

    def _taken(self, name: str, amount_idr: int) -> bool:
        item = CeilingItem(_pk(name), "LEFT")
        return update_if(item, [CeilingItem.left_idr.add(-amount_idr)], CeilingItem.left_idr >= amount_idr)

    def _open(self, name: str, ceiling_idr: int) -> None:
        item = CeilingItem(_pk(name), "LEFT", left_idr=ceiling_idr, ceiling_idr=ceiling_idr)
        save_if(item, CeilingItem.pk.does_not_exist())


class Allowance:
    """What this worker has taken and not yet spent, by name. Lost when the worker ends; never spent twice."""

    def __init__(self, store: CeilingStore, rules: CeilingRules) -> None:
        self._store = store
        self._rules = rules
        self._left: dict[str, int] = {}

    def spend(self, entitlement: Entitlement, now: datetime) -> str | None:
        """Spend one payment under both its names. Returns the name whose ceiling is reached; None if it is spent."""
        amount = entitlement.amount_idr
        day, envelope = names(entitlement, now)
        for name, ceiling in ((day, self._rules.day_idr), (envelope, self._rules.envelope_idr)):
            if self._left.get(name, 0) < amount and not self._take(name, ceiling, amount):
                return name
        self._left[day] -= amount
        self._left[envelope] -= amount
        return None

    def give_back(self, entitlement: Entitlement, now: datetime) -> None:
        """Keep the amount for the next payment: it was spent at this `now`, and surely not claimed."""
        for name in names(entitlement, now):
            self._left[name] += entitlement.amount_idr

    def _take(self, name: str, ceiling_idr: int, amount_idr: int) -> bool:
        """Take a block; if too little is left, what one payment needs, so that the ceiling's last amounts are used."""
        for wanted in (amount_idr * self._rules.block, amount_idr):
            if self._store.take(name, ceiling_idr, wanted):
                self._left[name] = self._left.get(name, 0) + wanted
                return True
        return False


def as_configured(name: str, rules: CeilingRules) -> Ceiling:
    """A ceiling from which nothing was taken and which nobody has set."""
    amount = rupiah(rules.day_idr if name.startswith(_DAY) else rules.envelope_idr)
    return Ceiling(name, amount, amount)


def names(entitlement: Entitlement, now: datetime) -> tuple[str, str]:
    """Under which ceilings a payment at `now` stands: its WIB day's and its envelope's."""
    return day_name(now), envelope_name(entitlement.wave, entitlement.kind)


def day_name(now: datetime) -> str:
    return f"{_DAY}{wib_date(now).isoformat()}"


def envelope_name(wave: int, kind: Kind) -> str:
    """The ceiling of what a wave pays of one kind."""
    return f"WAVE#{wave}#{kind.value}"


def _pk(name: str) -> str:
    return f"CEILING#{name}"
