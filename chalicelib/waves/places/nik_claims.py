"""What becomes of entries when a NIK passes from one registration to another.

A ticket never passes: whoever gets the NIK joins the open wave with one of their own, and the freeze removes that of
whoever lost it. While a closed wave has yet to decide about the holder, the NIK stays with them. A place that was won
by then follows the NIK (`passing`).
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from ...errors import DomainError, Unavailable
from ..rules import LOST, BeneficiaryState, WaveState

if TYPE_CHECKING:
    from ..entries import EntryStore
    from ..service import Waves
    from ..store import WaveStore
    from .beneficiaries import BeneficiaryStore

log = logging.getLogger(__name__)


class EntriesOfNik:
    """See the module."""

    def __init__(self, waves: Waves, store: WaveStore, entries: EntryStore, beneficiaries: BeneficiaryStore) -> None:
        self._waves = waves
        self._store = store
        self._entries = entries
        self._beneficiaries = beneficiaries

    def in_draw(self, registrant_id: str, now: datetime) -> bool:
        """Whether a wave that is closed has yet to decide about the person. A query, and a read if one is closed."""
        waves = [wave for wave in self._store.waves() if wave.state is not WaveState.SETTLED and wave.closes_at <= now]
        entries = self._entries.of(registrant_id, [wave.number for wave in waves])
        return any(entry.outcome is None for entry in entries)

    def given(self, registrant_id: str) -> int | None:
        """The latest wave whose place the person has used, or may still use; None: nothing was given to them."""
        places = self._beneficiaries.places(registrant_id)
        unused = LOST | {BeneficiaryState.RESERVED}
        return next((place.wave for place in places if place.state not in unused), None)

    def join_too(self, claimant: str, holder: str, now: datetime) -> None:
        """Have the claimant join the open wave that the holder joined, if they may; a repeat changes nothing."""
        waves = [wave.number for wave in self._store.waves() if wave.opens_at <= now < wave.closes_at]
        if not waves or not self._entries.of(holder, waves):
            return
        try:
            self._waves.join(claimant, now)
        except Unavailable:
            raise
        except DomainError:
            log.info("claimant_may_not_join")
