"""From a closed list to a published commitment.

No lock says whose freeze it is. The lists are the same whoever reads them, since nobody is removed any more once all
are screened, and the one choice there is, the instant of the freeze, is made in the note: the first one published in
time is the wave's, for good (see `publication`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from threading import Lock

from ..config import DrawRules
from ..errors import Unavailable
from . import merkle, note, published
from .draw import LEAF_BYTES, Region, Unsorted, commit_to, table_of
from .entries import EntryStore
from .publication import Publication, Published
from .rules import Wave, chain_of, freeze_due, frozen_at
from .screening import Screening
from .seats import allot
from .shards import each_shard
from .tick import Tick

ONE_PAGE_S = 10
"""A page is not read, nor a list published, with less time left than this: a call with its retries, and its work."""


class Freeze:
    """Removes who may no longer take part, then publishes the lists, the region table and the note.

    Ten million entries are never objects: a leaf is 32 bytes of its region's array, and one region's list is made,
    published and forgotten before the next.
    """

    def __init__(self, entries: EntryStore, screening: Screening, publication: Publication, rules: DrawRules) -> None:
        self._entries = entries
        self._screening = screening
        self._publication = publication
        self._rules = rules

    def run(self, wave: Wave, tick: Tick) -> str:
        """The note that commits to a wave's list, published before its round of the beacon exists.

        A note that was published in time is never replaced; one that was not commits to nothing and makes way.
        Raises `Unavailable` when the present one came too late, to be tried again with a later round, and `TimeShort`.
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
        self._screening.run(wave, tick)
        leaves, removed = self._read(wave.number, tick)
        commitment = commit_to(wave.number, self._lists(wave, leaves, tick), wave.quota, due, chain)
        self._publication.put(wave.number, published.table_files(commitment.regions, removed))
        self._publication.put_verifier(wave.number)
        # Only now, when nothing slow is left to do, is it decided which round the note may still name.
        frozen = frozen_at(due, chain.delay_s, tick.now())
        final = replace(commitment.note, frozen=frozen, round=note.beacon_round(chain, frozen))
        return self._publication.put_note(wave.number, final.encode(), late)

    def _read(self, wave: int, tick: Tick) -> tuple[Unsorted, Counter[str]]:
        """Every leaf that is not removed, and how many are, by reason."""
        leaves, removed, lock = Unsorted(wave), Counter[str](), Lock()

        def read(shard: int) -> None:
            for undecided, outcomes in self._entries.tickets(wave, shard):
                tick.need(ONE_PAGE_S)
                with lock:
                    removed.update(outcomes)
                    for region, tickets in undecided.items():
                        leaves.add(region, tickets)

        each_shard(read)
        return leaves, removed

    def _lists(self, wave: Wave, leaves: Unsorted, tick: Tick) -> tuple[Region, ...]:
        """Publish the lists, one after the other; returns the region table."""
        counted = {}
        for region, ordered in leaves.lists():
            tick.need(ONE_PAGE_S)
            nodes = merkle.run_hashes(ordered)
            self._publication.put(wave.number, published.list_files(region, ordered, nodes))
            counted[region] = len(ordered) // LEAF_BYTES, merkle.root_of(nodes)
        return table_of(counted, allot(wave.reserved, wave.weights))

    def _too_late(self, found: Published) -> bool:
        written = note.parse(found.raw)
        return found.published_at >= note.round_time(chain_of(self._rules, written.chain), written.round)
