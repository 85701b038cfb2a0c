"""Entries: one item for each person in each wave, spread over 64 partitions a wave by the person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from ..clock import iso, parse_iso
from ..dynamo import Transaction, is_condition_failure
from .reader import Reader, Row, Tickets
from .rules import SHARDS, Entry, Outcome, shard_of
from .store import WavesTable


class EntryItem(WavesTable):
    """`E#<wave>#<shard>` / registrant."""

    ticket = BinaryAttribute(legacy_encoding=False)
    region = NumberAttribute()
    kk = BinaryAttribute(legacy_encoding=False, null=True)
    joined_at = UnicodeAttribute()
    outcome = UnicodeAttribute(null=True)
    seat = UnicodeAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the award needs of an entry."""

    registrant_id: str
    region: int
    ticket: bytes
    outcome: Outcome | None


class EntryStore:
    """Writes an entry once, and reads one person's or one wave's."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def join(self, entry: Entry) -> Entry:
        """Write the entry, or leave the one that is there; one call. Returns the one that holds from now on."""
        item = entry_item(entry.wave, entry.registrant_id)
        # Without a condition there is no failure to tell apart: a repeat gets the first one's values back.
        item.update(
            [
                EntryItem.ticket.set(EntryItem.ticket | entry.ticket),
                EntryItem.region.set(EntryItem.region | entry.region),
                EntryItem.kk.set(EntryItem.kk | bytes.fromhex(entry.kk_mac)),
                EntryItem.joined_at.set(EntryItem.joined_at | iso(entry.joined_at)),
            ]
        )
        return _entry(entry.wave, item)

    def find(self, wave: int, registrant_id: str) -> Entry | None:
        """The person's entry in a wave, if there is one."""
        return next(iter(self.of(registrant_id, [wave])), None)

    def of(self, registrant_id: str, waves: Iterable[int]) -> list[Entry]:
        """The person's entries in these waves, in no order; one call for each 100 waves."""
        keys = {(f"E#{wave}#{shard_of(registrant_id)}", registrant_id): wave for wave in waves}
        items = EntryItem.batch_get(list(keys), consistent_read=True)
        return [_entry(keys[item.pk, item.sk], item) for item in items]

    def of_people(self, wave: int, registrant_ids: Iterable[str]) -> dict[str, Entry]:
        """The entries of those of them who joined a wave; one call for each 100."""
        keys = [(f"E#{wave}#{shard_of(registrant_id)}", registrant_id) for registrant_id in set(registrant_ids)]
        return {item.sk: _entry(wave, item) for item in EntryItem.batch_get(keys, consistent_read=True)}

    def check_absent(self, tx: Transaction, leg: str, registrant_id: str, waves: Iterable[int]) -> None:
        """Add the legs by which a person has joined none of these waves."""
        for wave in waves:
            item = entry_item(wave, registrant_id)
            tx.check(leg, EntryItem, (item.pk, item.sk), EntryItem.pk.does_not_exist())

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """The entries of one shard (from 0), a call for each page; threads may read at once."""
        return self._reader.pages(wave, shard)

    def tickets(self, wave: int, shard: int) -> Iterator[Tickets]:
        """As `pages`, of each entry only what a list is made from."""
        return self._reader.tickets(wave, shard)

    def candidates(self, wave: int) -> Iterator[Candidate]:
        """Every entry of a wave as the award sees it."""
        for registrant_id, region, ticket, outcome in self._rows(wave):
            yield Candidate(registrant_id, region, ticket, None if outcome is None else Outcome(outcome))

    def page(self, wave: int, shard: str, after: str, limit: int) -> list[tuple[str, Outcome | None]]:
        """Registrant and outcome of the entries of one shard, in order, from behind `after` ("": from the first)."""
        behind = EntryItem.sk > after if after else None
        items = EntryItem.query(
            f"E#{wave}#{shard}", behind, limit=limit, attributes_to_get=["sk", "outcome"], consistent_read=True
        )
        return [(item.sk, None if item.outcome is None else Outcome(item.outcome)) for item in items]

    def refuse(self, wave: int, registrant_id: str, outcome: Outcome) -> Outcome:
        """Write an outcome that gives no seat, unless there is one already; returns the one that holds."""
        try:
            entry_item(wave, registrant_id).update([EntryItem.outcome.set(outcome.value)], condition=UNDECIDED)
        except UpdateError as error:
            if is_condition_failure(error):
                return self.outcome(wave, registrant_id)
            raise
        return outcome

    def outcome(self, wave: int, registrant_id: str) -> Outcome:
        """The outcome of an entry that has one."""
        item = EntryItem.get(f"E#{wave}#{shard_of(registrant_id)}", registrant_id, consistent_read=True)
        return Outcome(item.outcome)

    def _rows(self, wave: int) -> Iterator[Row]:
        for shard in range(SHARDS):
            for page in self.pages(wave, shard):
                yield from page


UNDECIDED = EntryItem.ticket.exists() & EntryItem.outcome.does_not_exist()
"""The condition on which an outcome is written: there is such an entry, and its turn has not come yet."""


def entry_item(wave: int, registrant_id: str) -> EntryItem:
    """An entry's keys, to update it by."""
    return EntryItem(f"E#{wave}#{shard_of(registrant_id)}", registrant_id)


def _entry(wave: int, item: EntryItem) -> Entry:
    return Entry(
        wave=wave,
        registrant_id=item.sk,
        region=int(item.region),
        ticket=item.ticket,
        joined_at=parse_iso(item.joined_at),
        kk_mac="" if item.kk is None else item.kk.hex(),
        outcome=None if item.outcome is None else Outcome(item.outcome),
        seat=item.seat,
    )
