"""Entries: one item for each person in each wave, spread over 64 partitions a wave by the person.

One step reads ten million of them, page by page. A page of 1 MB holds some 7,000 entries. botocore's parser takes 5 to
10 microseconds for each; decoding the body straight into its known shape takes 0.3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from msgspec import Struct, field
from msgspec.json import Decoder
from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from ..aws import dynamodb
from ..aws.attributes import EnumAttribute, InstantAttribute, WholeAttribute
from ..aws.dynamodb import Transaction, update_if, updated
from ..structs import fill
from ..values import Value
from .rules import SHARDS, Entry, EntryOutcome, shard_of
from .store import WavesTable


class EntryItem(WavesTable):
    """`E#<wave>#<shard>` / registrant."""

    ticket = BinaryAttribute(legacy_encoding=False)
    region = WholeAttribute()
    kk = BinaryAttribute(legacy_encoding=False, null=True)
    joined_at = InstantAttribute()
    outcome = EnumAttribute(EntryOutcome, null=True)
    seat = UnicodeAttribute(null=True)


T = TypeVar("T")

Row = tuple[str, int, bytes, str | None]
"""Registrant, region, ticket, outcome. A tuple, because any other object would take longer than all the rest."""

Tickets = tuple[dict[int, list[bytes]], list[str]]
"""By region the tickets of the entries without an outcome; the outcomes of the others."""


class Candidate(Value, frozen=True):
    """What the award needs of an entry."""

    registrant_id: str
    region: int
    ticket: bytes
    outcome: EntryOutcome | None


class EntryStore:
    """Writes an entry once, and reads one person's or one wave's."""

    def join(self, entry: Entry) -> Entry:
        """Write the entry, or leave the one that is there; one call. Returns the entry that counts from now on."""
        item = entry_item(entry.wave, entry.registrant_id)
        # Each value is set `if_not_exists` (`|`): no condition can fail, and a repeat gets the first values.
        first = [
            EntryItem.ticket.set(EntryItem.ticket | entry.ticket),
            EntryItem.region.set(EntryItem.region | entry.region),
            EntryItem.kk.set(EntryItem.kk | bytes.fromhex(entry.kk_mac)),
            EntryItem.joined_at.set(EntryItem.joined_at | entry.joined_at),
        ]
        return _entry(entry.wave, updated(item, first))

    def find(self, wave: int, registrant_id: str) -> Entry | None:
        return next(iter(self.of(registrant_id, [wave])), None)

    def of(self, registrant_id: str, waves: Iterable[int]) -> list[Entry]:
        """The person's entries in these waves, in any order; one call for each 100 waves."""
        keys = {(f"E#{wave}#{shard_of(registrant_id)}", registrant_id): wave for wave in waves}
        items = dynamodb.get_batch(EntryItem, list(keys))
        return [_entry(keys[item.pk, item.sk], item) for item in items]

    def of_people(self, wave: int, registrant_ids: Iterable[str]) -> dict[str, Entry]:
        """The entries of those of them who joined a wave; one call for each 100."""
        keys = [(f"E#{wave}#{shard_of(registrant_id)}", registrant_id) for registrant_id in set(registrant_ids)]
        return {item.sk: _entry(wave, item) for item in dynamodb.get_batch(EntryItem, keys)}

    def check_absent(self, tx: Transaction, leg: str, registrant_id: str, waves: Iterable[int]) -> None:
        """Add the legs that hold while a person has joined none of these waves."""
        for wave in waves:
            item = entry_item(wave, registrant_id)
            tx.check(leg, EntryItem, (item.pk, item.sk), EntryItem.pk.does_not_exist())

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """The entries of one shard (from 0) in order of the registrants, read consistently; a call for each page.

        Threads may read at once. Raises pynamodb's `QueryError`.
        """
        for items in self._pages(wave, shard, "sk,#region,ticket,outcome", _ITEMS):
            yield [
                (one.sk.S, one.region.N, one.ticket.B, None if one.outcome is None else one.outcome.S) for one in items
            ]

    def tickets(self, wave: int, shard: int) -> Iterator[Tickets]:
        """As `pages`, but only what a list is made from: no object for an entry except its ticket."""
        for items in self._pages(wave, shard, "#region,ticket,outcome", _NAMELESS):
            undecided, outcomes = defaultdict[int, list[bytes]](list), list[str]()
            for one in items:
                if one.outcome is None:
                    undecided[one.region.N].append(one.ticket.B)
                else:
                    outcomes.append(one.outcome.S)
            yield undecided, outcomes

    def candidates(self, wave: int, shards: Iterable[int] = range(SHARDS)) -> Iterator[Candidate]:
        """Every entry of a wave, or of some shards, as the award sees it."""
        for shard in shards:
            for page in self.pages(wave, shard):
                for registrant_id, region, ticket, outcome in page:
                    yield Candidate(registrant_id, region, ticket, None if outcome is None else EntryOutcome(outcome))

    def page(self, wave: int, shard: str, after: str, limit: int) -> list[tuple[str, EntryOutcome | None]]:
        """Registrant and outcome of the entries of one shard, in order, after `after` ("": from the first)."""
        behind = EntryItem.sk > after if after else None
        items = EntryItem.query(
            f"E#{wave}#{shard}", behind, limit=limit, attributes_to_get=["sk", "outcome"], consistent_read=True
        )
        return [(item.sk, item.outcome) for item in items]

    def refuse(self, wave: int, registrant_id: str, outcome: EntryOutcome) -> EntryOutcome:
        """Write an outcome that gives no seat, unless there is one already; returns the outcome that counts."""
        written = update_if(entry_item(wave, registrant_id), [EntryItem.outcome.set(outcome)], UNDECIDED)
        return outcome if written else self.outcome(wave, registrant_id)

    def outcome(self, wave: int, registrant_id: str) -> EntryOutcome:
        item = EntryItem.get(f"E#{wave}#{shard_of(registrant_id)}", registrant_id, consistent_read=True)
        outcome: EntryOutcome = item.outcome
        return outcome

    def _pages(self, wave: int, shard: int, attributes: str, decoder: Decoder[_Page[T]]) -> Iterator[list[T]]:
        asked: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": f"E#{wave}#{shard:02d}"}},
            "ProjectionExpression": attributes,
            "ExpressionAttributeNames": {"#region": "region"},
            "ConsistentRead": True,
        }
        while True:
            page = decoder.decode(dynamodb.query_body(WavesTable, asked))
            yield page.items
            if page.last is None:
                return
            asked["ExclusiveStartKey"] = page.last


UNDECIDED = EntryItem.ticket.exists() & EntryItem.outcome.does_not_exist()
"""The condition on which an outcome is written: the entry exists, and has none yet."""


def entry_item(wave: int, registrant_id: str) -> EntryItem:
    """An entry's keys, to update it by."""
    return EntryItem(f"E#{wave}#{shard_of(registrant_id)}", registrant_id)


def _entry(wave: int, item: EntryItem) -> Entry:
    return fill(Entry, item, wave=wave, registrant_id=item.sk, kk_mac="" if item.kk is None else item.kk.hex())


# Not tracked by the garbage collector: they live as long as their page and refer to no container.
class _Text(Struct, gc=False):
    S: str


class _Number(Struct, gc=False):
    N: int


class _Bytes(Struct, gc=False):
    B: bytes


class _Nameless(Struct, gc=False):
    region: _Number
    ticket: _Bytes
    outcome: _Text | None = None


class _Item(_Nameless, gc=False, kw_only=True):
    sk: _Text


class _Page(Struct, Generic[T]):
    items: list[T] = field(name="Items")
    last: dict[str, Any] | None = field(name="LastEvaluatedKey", default=None)


# Not strict: DynamoDB writes a number as a text.
_ITEMS = Decoder(_Page[_Item], strict=False)
_NAMELESS = Decoder(_Page[_Nameless], strict=False)


THREADS = 8
"""A client keeps ten connections; the caller uses one of them."""


def each_shard(work: Callable[[int], None]) -> None:
    """Do `work` for every shard, from 0. Its first error is raised here, once the others that were begun have ended."""
    from concurrent.futures import ThreadPoolExecutor  # which a join does not need

    with ThreadPoolExecutor(THREADS, "shard") as pool:
        for _ in pool.map(work, range(SHARDS)):
            pass
