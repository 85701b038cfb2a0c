"""The kill switch: while it is set, no worker claims or sends anything. What is under way is still asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pynamodb.exceptions import DoesNotExist

from ...clock import iso, parse_iso
from ..ledger.items import HeadOrPause, PauseItem

KEYS = ("CONTROL", "PAUSE")
"""Where the switch is; the item is there while payouts are paused."""


@dataclass(frozen=True)
class Pause:
    """Payouts are stopped: by whom (IAM identity), since when, and why."""

    by: str
    since: datetime
    reason: str


class PauseStore:
    """Reads and writes the switch."""

    def get(self) -> Pause | None:
        """One consistent read."""
        try:
            return to_pause(PauseItem.get(*KEYS, consistent_read=True))
        except DoesNotExist:
            return None

    def set(self, pause: Pause) -> None:
        """Stop. Again: the latest reason stands."""
        PauseItem(*KEYS, paused_by=pause.by, paused_at=iso(pause.since), paused_because=pause.reason).save()

    def clear(self) -> None:
        """Go on."""
        PauseItem(*KEYS).delete()


def to_pause(item: PauseItem | HeadOrPause) -> Pause:
    """The pause of an item that is there."""
    return Pause(item.paused_by, parse_iso(item.paused_at), item.paused_because)
