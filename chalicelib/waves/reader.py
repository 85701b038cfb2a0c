"""The entries of a wave, page by page as DynamoDB sends them: ten million are read by one step.

A page of 1 MB holds some 7,000 entries. botocore's parser takes 5 to 10 microseconds for each, which is most of what
a freeze would take; decoding the body straight into the shape that it is known to have takes 0.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
from msgspec import Struct, field
from pynamodb.models import Model

from .. import dynamo

Row = tuple[str, int, bytes, str | None]
"""Registrant, region, ticket, outcome. A tuple, since making anything else of it takes longer than all the rest."""


class Reader(Protocol):
    """What reads one partition of a wave's entries (`shard` from 0), consistently, in order of the registrants."""

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """One call for each page; raises pynamodb's `QueryError`. Threads may read at once."""
        ...


class OrdinaryReader:
    """By the client's own parser. `table` is bound."""

    def __init__(self, table: type[Model]) -> None:
        self._table = table

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """As `Reader` says."""
        connection, start = self._table._get_connection(), None
        while True:
            page = connection.query(
                _partition(wave, shard),
                attributes_to_get=_ATTRIBUTES,
                consistent_read=True,
                exclusive_start_key=start,
            )
            yield [
                (one["sk"]["S"], int(one["region"]["N"]), one["ticket"]["B"], one.get("outcome", _NONE)["S"])
                for one in page["Items"]
            ]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return


class LeanReader:
    """By the one shape that a page of entries has: the same rows, some twenty times as fast. `table` is bound."""

    def __init__(self, table: type[Model]) -> None:
        self._table = table

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        """As `Reader` says."""
        asked: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": _partition(wave, shard)}},
            "ProjectionExpression": "sk,#region,ticket,outcome",
            "ExpressionAttributeNames": {"#region": "region"},
            "ConsistentRead": True,
        }
        while True:
            page = _PAGE.decode(dynamo.query_body(self._table, asked))
            yield [
                (one.sk.S, one.region.N, one.ticket.B, None if one.outcome is None else one.outcome.S)
                for one in page.items
            ]
            if page.last is None:
                return
            asked["ExclusiveStartKey"] = page.last


_ATTRIBUTES = ["sk", "region", "ticket", "outcome"]
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


class _Item(Struct, gc=False):
    sk: _Text
    region: _Number
    ticket: _Bytes
    outcome: _Text | None = None


class _Page(Struct):
    items: list[_Item] = field(name="Items")
    last: dict[str, Any] | None = field(name="LastEvaluatedKey", default=None)


# Not strict: a number is a text there.
_PAGE = msgspec.json.Decoder(_Page, strict=False)
