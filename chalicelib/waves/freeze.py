"""From a closed list to a published commitment.

First, people who are excluded, too old, no longer registered or not as the civil registry knows them are removed:
their entries get an outcome. A
shard is recorded as screened after its last removal, and from then on no removal can be written in it. So the lists are
fixed once every shard is screened, even if another run is still at work.

The freeze needs no lock, because every run reads the same lists. The note makes the one choice, the instant of the
freeze: the first note that is published in time is the wave's, for good (see `publication`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..aws.dynamodb import LegsFailed, Transaction
from ..draw import merkle, note, published
from ..draw.leaves import LEAF_BYTES, Region, Unsorted, commit_to, table_of
from ..draw.selection import allot
from ..errors import Unavailable
from ..figures.waves import DrawRules
from ..registration.errors import (
    ConsentWithdrawn,
    EducationNotAccepted,
    Excluded,
    ExcludedOccupation,
    InFormalEducation,
    NikAlreadyRegistered,
    NotRegistered,
    OverAge,
    UnderAge,
)
from ..registration.fitness import Unfit
from ..registration.rules import Standing as Registered
from ..registration.rules import Verification
from ..time_budget import TimeBudget
from .entries import UNDECIDED, EntryItem, EntryStore, each_shard, entry_item
from .publication.bucket import Publication, Published
from .rules import EntryOutcome, Wave, chain_of, closing_day, freeze_due, frozen_at
from .store import WavesTable

if TYPE_CHECKING:
    from ..registration.service import Registrations

ONE_PAGE_S = 10
"""No page is read and no list published with less time left than this: a call with its retries, and its work."""


class Freeze:
    """Removes who may no longer take part, then publishes the lists, the region table and the note.

    Ten million entries fit into memory because a leaf is 32 bytes of its region's array, not an object. Each region's
    list is made, published and forgotten before the next.
    """

    def __init__(
        self, entries: EntryStore, check: EligibilityCheck, publication: Publication, rules: DrawRules
    ) -> None:
        self._entries = entries
        self._check = check
        self._publication = publication
        self._rules = rules

    def run(self, wave: Wave, scheme: str, budget: TimeBudget) -> str:
        """The note that commits to a wave's lists, published before its round of the beacon exists.

        A note that was published in time is never replaced. A late one commits to nothing and is replaced. Raises
        `OutOfTime`, and `Unavailable` when this one came too late, too: the next run takes a later round.
        """
        found = self._publication.note(wave.number)
        if found is None or self._too_late(found):
            found = self._publish(wave, scheme, found, budget)
            if self._too_late(found):
                raise Unavailable()
        return found.raw.decode()

    def _publish(self, wave: Wave, scheme: str, late: Published | None, budget: TimeBudget) -> Published:
        chain = self._rules.pinned
        due = freeze_due(wave.closes_at, self._rules.freeze_delay_s)
        self._check.run(wave, due, scheme, budget)
        leaves, removed = self._read(wave.number, budget)
        commitment = commit_to(wave.number, self._lists(wave, leaves, budget), wave.quota, due, chain)
        self._publication.put(wave.number, published.table_files(commitment.regions, removed))
        self._publication.put_verifier(wave.number)
        # The round is chosen last, when nothing slow is left to do.
        frozen = frozen_at(due, chain.delay_s, budget.now())
        final = replace(commitment.note, frozen=frozen, round=note.beacon_round(chain, frozen))
        return self._publication.put_note(wave.number, final.encode(), late)

    def _read(self, wave: int, budget: TimeBudget) -> tuple[Unsorted, Counter[str]]:
        """Every leaf that is not removed, and how many are, by reason."""
        leaves, removed, lock = Unsorted(wave), Counter[str](), Lock()

        def read(shard: int) -> None:
            for undecided, outcomes in self._entries.tickets(wave, shard):
                budget.need(ONE_PAGE_S)
                with lock:
                    removed.update(outcomes)
                    for region, tickets in undecided.items():
                        leaves.add(region, tickets)

        each_shard(read)
        return leaves, removed

    def _lists(self, wave: Wave, leaves: Unsorted, budget: TimeBudget) -> tuple[Region, ...]:
        """Publish the lists, one after the other; returns the region table."""
        counted = {}
        for region, ordered in leaves.lists():
            budget.need(ONE_PAGE_S)
            nodes = merkle.run_hashes(ordered)
            self._publication.put(wave.number, published.list_files(region, ordered, nodes))
            counted[region] = len(ordered) // LEAF_BYTES, merkle.root_of(nodes)
        return table_of(counted, allot(wave.reserved, wave.weights))

    def _too_late(self, found: Published) -> bool:
        written = note.parse(found.raw)
        return found.published_at >= note.round_time(chain_of(self._rules, written.chain), written.round)


REMOVED_AT_ONCE = 99
"""Entries removed in one transaction: it has 100 legs, one of them the check that the shard is not screened yet."""

_SCREENED = "SCREENED#"


class ScreenedItem(WavesTable):
    """`WAVE#<number>` / `SCREENED#<shard, 2 digits>`: the shard is screened, and no more of its entries are removed."""


class RemovedEntries:
    """`transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self._transaction = transaction

    def screened(self, wave: int) -> frozenset[int]:
        """The shards that are screened; one query."""
        found = ScreenedItem.query(f"WAVE#{wave}", ScreenedItem.sk.startswith(_SCREENED), consistent_read=True)
        return frozenset(int(item.sk.removeprefix(_SCREENED)) for item in found)

    def remove(self, wave: int, shard: int, outcomes: Mapping[str, EntryOutcome]) -> bool:
        """Write why each of at most `REMOVED_AT_ONCE` people of a shard is removed; an outcome that is there stays.

        False, and nothing was written, if the shard is screened already.
        """
        left = dict(outcomes)
        while left:
            try:
                with self._transaction() as tx:
                    keys = f"WAVE#{wave}", f"{_SCREENED}{shard:02d}"
                    tx.check("screened", ScreenedItem, keys, ScreenedItem.pk.does_not_exist())
                    for who, outcome in left.items():
                        tx.update(who, entry_item(wave, who), [EntryItem.outcome.set(outcome)], UNDECIDED)
                return True
            except LegsFailed as failure:
                if "screened" in failure.legs:
                    return False
                left = {who: outcome for who, outcome in left.items() if who not in failure.legs}
        return True

    def set_screened(self, wave: int, shard: int) -> None:
        """Record a shard as screened, for good."""
        ScreenedItem(f"WAVE#{wave}", f"{_SCREENED}{shard:02d}").save()


ONE_BATCH_S = 10
"""A batch is not begun with less time left than this: three calls, each with its retries."""

OUTCOMES: Mapping[Unfit, EntryOutcome] = {
    Excluded: EntryOutcome.EXCLUDED,
    ExcludedOccupation: EntryOutcome.EXCLUDED_OCCUPATION,
    InFormalEducation: EntryOutcome.IN_FORMAL_EDUCATION,
    EducationNotAccepted: EntryOutcome.EDUCATION_NOT_ACCEPTED,
    UnderAge: EntryOutcome.UNDER_AGE,
    OverAge: EntryOutcome.OVER_AGE,
    NotRegistered: EntryOutcome.WITHDRAWN,
    ConsentWithdrawn: EntryOutcome.WITHDRAWN,
    Registered.BENEFICIARY: EntryOutcome.ALREADY_BENEFICIARY,
    Registered.REVOKED: EntryOutcome.BARRED,
    NikAlreadyRegistered: EntryOutcome.NOT_CONFIRMED,
    Verification.MISMATCH: EntryOutcome.NOT_CONFIRMED,
    Verification.UNKNOWN_NIK: EntryOutcome.NOT_CONFIRMED,
}
"""Why someone may not take part, as registration says it, and the outcome of their entry (docs/draw.md section 8)."""


class EligibilityCheck:
    """Looks at every entry of a closed wave once.

    Where there is a civil registry, whose data differ is removed if they were told `told_for` before the freeze.
    """

    def __init__(
        self,
        entries: EntryStore,
        removals: RemovedEntries,
        registrations: Registrations,
        told_for: timedelta | None = None,
    ) -> None:
        self._entries = entries
        self._removals = removals
        self._registrations = registrations
        self._told_for = told_for

    def run(self, wave: Wave, freezes_at: datetime, scheme: str, budget: TimeBudget) -> None:
        """Remove everyone who may not take part; when this returns the wave's lists are fixed.

        Raises `OutOfTime`. The next run looks only at shards that are not screened, and at people still in them.
        """
        screened = self._removals.screened(wave.number)
        day = closing_day(wave.closes_at)
        told_by = None if self._told_for is None else freezes_at - self._told_for

        def unfit(some: Sequence[str]) -> dict[str, Unfit]:
            return self._registrations.unfit(some, day, scheme, told_by)

        def screen(shard: int) -> None:
            if shard not in screened:
                self._screen(wave.number, shard, unfit, budget)

        each_shard(screen)

    def _screen(
        self, wave: int, shard: int, unfit: Callable[[Sequence[str]], Mapping[str, Unfit]], budget: TimeBudget
    ) -> None:
        for page in self._entries.pages(wave, shard):
            people = [who for who, _, _, outcome in page if outcome is None]
            for start in range(0, len(people), REMOVED_AT_ONCE):
                some = people[start : start + REMOVED_AT_ONCE]
                budget.need(ONE_BATCH_S)
                if not self._removals.remove(wave, shard, {who: OUTCOMES[why] for who, why in unfit(some).items()}):
                    return
        self._removals.set_screened(wave, shard)
