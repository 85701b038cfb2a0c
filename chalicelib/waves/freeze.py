"""From a closed list to a published commitment.

No lock says whose freeze it is. The lists are the same whoever reads them, and the one choice there is, the instant of
the freeze, is made in the note: the first one published in time is the wave's, for good (see `publication`).
"""

from __future__ import annotations

from dataclasses import replace

from ..config import DrawRules
from ..errors import Unavailable
from . import note, published
from .draw import build_list, commit
from .entries import EntryStore
from .publication import Publication, Published
from .rules import Wave, chain_of, freeze_due, frozen_at
from .seats import allot
from .tick import Tick


class Freeze:
    """Reads every entry once, publishes the lists, the region table and the note."""

    def __init__(self, entries: EntryStore, publication: Publication, rules: DrawRules) -> None:
        self._entries = entries
        self._publication = publication
        self._rules = rules

    def run(self, wave: Wave, tick: Tick) -> str:
        """The note that commits to a wave's list, published before its round of the beacon exists.

        A note that was published in time is never replaced; one that was not commits to nothing and makes way.
        Raises `Unavailable` when the present one came too late, to be tried again with a later round.
        """
        found = self._publication.note(wave.number)
        if found is None or self._too_late(found):
            found = self._publish(wave, found, tick)
            if self._too_late(found):
                raise Unavailable()
        return found.raw.decode()

    def _publish(self, wave: Wave, late: Published | None, tick: Tick) -> Published:
        chain = self._rules.pinned
        due = freeze_due(wave.closes_at, self._rules.freeze_delay_s)
        tickets = self._entries.tickets(wave.number)
        lists = {region: build_list(wave.number, region, tickets.pop(region)) for region in list(tickets)}
        commitment = commit(wave.number, lists, allot(wave.reserved, wave.weights), wave.quota, due, chain)
        files = published.commitment_files(commitment, lists)
        del files[published.NOTE]
        self._publication.put(wave.number, files)
        # Only now, when nothing slow is left to do, is it decided which round the note may still name.
        frozen = frozen_at(due, chain.delay_s, tick.now())
        final = replace(commitment.note, frozen=frozen, round=note.beacon_round(chain, frozen))
        return self._publication.put_note(wave.number, final.encode(), late)

    def _too_late(self, found: Published) -> bool:
        written = note.parse(found.raw)
        return found.published_at >= note.round_time(chain_of(self._rules, written.chain), written.round)
