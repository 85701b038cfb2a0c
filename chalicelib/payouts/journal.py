"""What administrators did that no entitlement's own history shows: the kill switch, ceilings, proposals taken away.

A line is written before the act: so there is no act without its line, and a line of an act that then failed or died is
followed by another when it is done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..clock import iso, parse_iso
from .items import ActItem

_PARTITION = "CONTROL"


class Deed(StrEnum):
    """What was done."""

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    SET_CEILING = "SET_CEILING"
    REJECT = "REJECT"


@dataclass(frozen=True)
class Act:
    """One line: `about` is a ceiling with its amounts, or an entitlement with what was proposed; `by` an ARN."""

    at: datetime
    deed: Deed
    about: str
    by: str
    note: str


class JournalStore:
    """Adds lines and reads them."""

    def add(self, act: Act) -> None:
        """Write a line; the very same act again changes nothing."""
        ActItem(
            _PARTITION,
            f"ACT#{iso(act.at)}#{act.deed}#{act.about}#{act.by}",
            at=iso(act.at),
            act=act.deed.value,
            about=act.about,
            by=act.by,
            note=act.note,
        ).save()

    def latest(self, limit: int) -> list[Act]:
        """The newest lines, newest first; one query."""
        found = ActItem.query(
            _PARTITION, ActItem.sk.startswith("ACT#"), scan_index_forward=False, limit=limit, consistent_read=True
        )
        return [Act(parse_iso(item.at), Deed(item.act), item.about, item.by, item.note) for item in found]
