"""The entries of a wave, page by page as DynamoDB sends them: ten million are read by one step.

A page of 1 MB holds some 7,000 entries. botocore's parser takes 5 to 10 microseconds for each, which is most of what
a freeze would take; decoding the body straight into the shape that it is known to have takes 0.3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct, field
from msgspec.json import Decoder
from pynamodb.models import Model

from .. import dynamo

T = TypeVar("T")

Row = tuple[str, int, bytes, str | None]
"""Registrant, region, ticket, outcome. A tuple, since making anything else of it takes longer than all the rest."""

Tickets = tuple[dict[int, list[bytes]], list[str]]
"""By region the tickets of the entries without an outcome; the outcomes of the others."""


class Reader(Protocol):
    """What reads one partition of a wave's entries (`shard` from 0), consistently, in order of the registrants."""

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """One call for each page; raises pynamodb's `QueryError`. Threads may read at once."""
        ...

    def tickets(self, wave: int, shard: int) -> Iterator[Tickets]:
        """As `pages`, for who makes lists: no registrants, and no object for an entry but its ticket."""
        ...


class OrdinaryReader:
    """By the client's own parser. `table` is bound."""

    def __init__(self, table: type[Model]) -> None:
        self._table = table

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """As `Reader` says."""
        for items in self._pages(wave, shard, ["sk", *_OF_A_LIST]):
            yield [
                (one["sk"]["S"], int(one["region"]["N"]), one["ticket"]["B"], one.get("outcome", _NONE)["S"])
                for one in items
            ]

    def tickets(self, wave: int, shard: int) -> Iterator[Tickets]:
        """As `Reader` says."""
        for items in self._pages(wave, shard, _OF_A_LIST):
            undecided, outcomes = defaultdict[int, list[bytes]](list), list[str]()
            for one in items:
                if "outcome" in one:
                    outcomes.append(one["outcome"]["S"])
                else:
                    undecided[int(one["region"]["N"])].append(one["ticket"]["B"])
            yield undecided, outcomes

    def _pages(self, wave: int, shard: int, attributes: list[str]) -> Iterator[list[dict[str, Any]]]:
        connection, start = self._table._get_connection(), None
        while True:
            page = connection.query(
                _partition(wave, shard),
                attributes_to_get=attributes,
                consistent_read=True,
                exclusive_start_key=start,
            )
            yield page["Items"]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return


class LeanReader:
    """By the one shape that a page of entries has: the same, some thirty times as fast. `table` is bound."""

    def __init__(self, table: type[Model]) -> None:
        self._table = table

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """As `Reader` says."""
        for items in self._pages(wave, shard, "sk," + _LEAN_LIST, _ITEMS):
            yield [
                (one.sk.S, one.region.N, one.ticket.B, None if one.outcome is None else one.outcome.S) for one in items
            ]

    def tickets(self, wave: int, shard: int) -> Iterator[Tickets]:
        """As `Reader` says."""
        for items in self._pages(wave, shard, _LEAN_LIST, _NAMELESS):
            undecided, outcomes = defaultdict[int, list[bytes]](list), list[str]()
            for one in items:
                if one.outcome is None:
                    undecided[one.region.N].append(one.ticket.B)
                else:
                    outcomes.append(one.outcome.S)
            yield undecided, outcomes

    def _pages(self, wave: int, shard: int, attributes: str, decoder: Decoder[_Page[T]]) -> Iterator[list[T]]:
        asked: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": _partition(wave, shard)}},
            "ProjectionExpression": attributes,
            "ExpressionAttributeNames": {"#region": "region"},
            "ConsistentRead": True,
        }
        while True:
            page = decoder.decode(dynamo.query_body(self._table, asked))
            yield page.items
            if page.last is None:
                return
            asked["ExclusiveStartKey"] = page.last


_OF_A_LIST = ["region", "ticket", "outcome"]
_LEAN_LIST = "#region,ticket,outcome"
_NONE = {"S": None}


def _partition(wave: int, shard: int) -> str:
    return f"E#{wave}#{shard:02d}"


# Not for the garbage collector: they live as long as their page and refer to no container.
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


# Not strict: a number is a text there.
_ITEMS = Decoder(_Page[_Item], strict=False)
_NAMELESS = Decoder(_Page[_Nameless], strict=False)
