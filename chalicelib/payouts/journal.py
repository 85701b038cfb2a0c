"""What administrators did that no entitlement's own history shows: the kill switch, ceilings, proposals taken away."""

from __future__ import annotations

from enum import StrEnum

from ..journal import Journal
from .items import ActItem


class Deed(StrEnum):
    """What was done. A line is about a ceiling with its amounts, an entitlement with what was proposed, or a person."""

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    SET_CEILING = "SET_CEILING"
    REJECT = "REJECT"
    SETTLE_ADDRESS = "SETTLE_ADDRESS"


class JournalStore(Journal):
    """The lines of payouts."""

    def __init__(self) -> None:
        super().__init__(ActItem)
