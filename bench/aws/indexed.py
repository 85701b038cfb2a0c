"""The tables of the double with their indexes, each partition in order, so that a query reads only what it returns.

Items are kept as bytes: those of a year would not fit into memory as dicts.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, MutableMapping
from functools import cache
from threading import Lock
from typing import Any, TypedDict

import msgspec

from infrastructure import data_stack

from .endpoint import READ_UNIT_BYTES, Call, Endpoint, Index, _projected, _share, item_size
from .expressions import Item, Unplayed, holds

PAGE = 1_000
"""Rows of a page, where the caller names no limit: DynamoDB's is one megabyte."""

SHORT = 20
"""Sort keys below this length are mostly the same words."""

LARGE = 20
"""Rows of a partition whose order is kept."""

KNOWN = 2_000
"""Items that are kept as they were read last: every job reads the same few again and again."""

_TOP = "\U0010ffff"
_KEYS = re.compile(
    r"\(?#?\w+ = (?P<partition>:\w+)(?: AND \(?(?:"
    r"(?P<name>#?\w+) (?P<sign><=|>=|<|>|=) (?P<value>:\w+)"
    r"|(?P<between>#?\w+) BETWEEN (?P<low>:\w+) AND (?P<high>:\w+)"
    r"|begins_with \((?P<begins>#?\w+), (?P<beginning>:\w+)\))\)?)?\)?"
)
Place = tuple[str, str, str]
"""Of a row in an index: its sort key there, then `pk` and `sk`. In a table the sort key, then two empty texts."""


def indexes(stage: str) -> dict[str, list[Index]]:
    """The indexes of every table of a stage, as the data stack describes them."""
    found: dict[str, list[Index]] = {}
    for resource in data_stack.template()["Resources"].values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            asked = resource["Properties"]
            name = asked["TableName"]["Fn::Sub"].replace("${Stage}", stage)
            found[name] = [_index(one) for one in asked.get("GlobalSecondaryIndexes", ())]
    return found


def _index(asked: dict[str, Any]) -> Index:
    partition, sort = (key["AttributeName"] for key in asked["KeySchema"])
    projection = asked["Projection"]
    kept = None if projection["ProjectionType"] == "ALL" else frozenset(projection.get("NonKeyAttributes", ()))
    return Index((partition, sort), kept, asked["IndexName"])


class Rows(MutableMapping[tuple[str, str, str], Item]):
    """Items by table, `pk` and `sk`. `watch` is told of each write: the key, the item before and after it.

    What was read is not to be changed: the next reader gets it too.
    """

    def __init__(self, indexes: dict[str, list[Index]]) -> None:
        self._indexes = indexes
        self._tables: dict[str, dict[str, dict[str, bytes] | tuple[str, bytes]]] = {name: {} for name in indexes}
        """By table and `pk`. Most partitions have one row, which a pair holds in a third of a dict's memory."""
        self._in_order: dict[tuple[str, str], list[Place]] = {}
        """The places of the large partitions that were read."""
        self._known: dict[tuple[str, str, str], Item] = {}
        self._places: dict[tuple[str, str, str], list[Place]] = {}
        self.watch: Callable[[tuple[str, str, str], Item | None, Item], None] = lambda _key, _before, _after: None
        self._encode, self._decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode

    def places(self, table: str, index: str, partition: str) -> list[Place]:
        """The rows of a partition of a table (`index` is empty) or of an index, in order."""
        if index:
            return self._places.get((table, index, partition), [])
        own = self._tables[table].get(partition, ())
        if isinstance(own, tuple):
            return [(own[0], "", "")] if own else []
        found = self._in_order.get((table, partition))
        if found is None:
            found = [(sk, "", "") for sk in sorted(own)]
            if len(found) >= LARGE:
                self._in_order[table, partition] = found
        return found

    def partitions(self, table: str) -> list[str]:
        """The partition keys of a table, in order."""
        return sorted(self._tables[table])

    def partition(self, table: str, pk: str, names: frozenset[str] | None) -> list[Item]:
        """The items of a partition in order, or these attributes of them. They are not kept as read: a scan would
        drive out all that are.
        """
        own, decode = self._tables[table].get(pk, {}), self._decode if names is None else _decoder_of(names)
        if isinstance(own, tuple):
            return [decode(own[1])]
        return [decode(own[sk]) for sk, _, _ in self.places(table, "", pk)]

    def some(self, table: str, places: list[Place], names: frozenset[str]) -> list[Item]:
        """These attributes of the rows at places of an index. Decoded anew each time, which costs less than a whole."""
        decode, own = _decoder_of(names), self._tables[table]
        return [decode(row[1] if isinstance(row := own[pk], tuple) else row[sk]) for _, pk, sk in places]

    def _partition(self, table: str, pk: str) -> dict[str, bytes]:
        """The rows of a partition by their sort keys; a change of these is no change of the table."""
        own = self._tables[table].get(pk, {})
        return dict((own,)) if isinstance(own, tuple) else own

    def __getitem__(self, key: tuple[str, str, str]) -> Item:
        item = self.get(key)
        if item is None:
            raise KeyError(key)
        found: Item = item
        return found

    def get(self, key: tuple[str, str, str], default: Any = None) -> Any:
        if key in self._known:
            return self._known[key]
        table, pk, sk = key
        own = self._tables[table].get(pk, {})
        found = own.get(sk) if isinstance(own, dict) else own[1] if own[0] == sk else None
        if found is None:
            return default
        if len(self._known) >= KNOWN:
            self._known.clear()
        item = self._known[key] = self._decode(found)
        return item

    def __setitem__(self, key: tuple[str, str, str], item: Item) -> None:
        table, pk, sk = key
        before = self.get(key)
        self._known.pop(key, None)
        own = self._partition(table, pk)
        if before is None and (places := self._in_order.get((table, pk))):
            insort(places, (sk, "", ""))
        own[sys.intern(sk) if len(sk) < SHORT else sk] = self._encode(item)
        self._tables[table][pk] = own if len(own) > 1 else next(iter(own.items()))
        self._reindex(key, before, item)
        self.watch(key, before, item)

    def __delitem__(self, key: tuple[str, str, str]) -> None:
        table, pk, sk = key
        before = self[key]
        del self._known[key]
        own = self._partition(table, pk)
        del own[sk]
        self._in_order.pop((table, pk), None)
        if own:
            self._tables[table][pk] = own
        else:
            del self._tables[table][pk]
        self._reindex(key, before, None)

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        for table, partitions in self._tables.items():
            for pk in partitions:
                yield from ((table, pk, sk) for sk in self._partition(table, pk))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _reindex(self, key: tuple[str, str, str], before: Item | None, after: Item | None) -> None:
        for index in self._indexes[key[0]]:
            old, new = _place(index, before, key), _place(index, after, key)
            if old == new:
                continue
            if old:
                own = self._places[key[0], index.name, old[0]]
                del own[bisect_left(own, old[1])]
            if new:
                insort(self._places.setdefault((key[0], index.name, new[0]), []), new[1])


@cache
def _decoder_of(names: frozenset[str]) -> Callable[[bytes], Item]:
    """Decodes these attributes of an item, and passes over the others."""
    kind = TypedDict("Some", dict.fromkeys(names, dict[str, Any]), total=False)  # type: ignore[misc]  # any names
    decoder: msgspec.msgpack.Decoder[Item] = msgspec.msgpack.Decoder(kind)
    return decoder.decode


def _place(index: Index, item: Item | None, key: tuple[str, str, str]) -> tuple[str, Place] | None:
    partition, sort = index.keys
    if item is None or partition not in item or sort not in item:
        return None
    return item[partition]["S"], (item[sort]["S"], key[1], key[2])


class IndexedTables(Endpoint):
    """Every table of a stage. Reads and writes are not measured: `calls` stays empty."""

    def __init__(self, stage: str) -> None:
        self._by_name = indexes(stage)
        super().__init__(self._by_name)
        self.metered = False
        self.rows = Rows(self._by_name)
        self.items = self.rows
        self._scanned: dict[str, list[str]] = {}
        self._playing = Lock()

    def _dynamodb(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._playing:  # the application may call from several threads
            return self._played(operation, asked)

    def _played(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if operation == "Scan":
            return 200, self._scan(asked)
        if operation != "BatchWriteItem":
            return super()._dynamodb(operation, asked)
        for table, writes in asked["RequestItems"].items():
            for write in writes:
                ((kind, one),) = write.items()
                self._write(f"{kind.removesuffix('Request')}Item", {"TableName": table, **one})
        return 200, {"UnprocessedItems": {}}

    def _scan(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A page of whole partitions, as many as reach the limit; those that there were at the first page."""
        table, after, found = asked["TableName"], asked.get("ExclusiveStartKey"), list[Item]()
        if after is None:
            self._scanned[table] = self.rows.partitions(table)
        own, only = self._scanned[table], asked.get("ProjectionExpression")
        names = frozenset(only.split(",")) if only else None
        for pk in own[bisect_right(own, after["pk"]["S"]) if after else 0 :]:
            found += self.rows.partition(table, pk, names)
            if len(found) >= asked.get("Limit", PAGE):
                return {"Items": found, "LastEvaluatedKey": {name: found[-1][name] for name in ("pk", "sk")}}
        return {"Items": found}

    def _query(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        table, name = asked["TableName"], asked.get("IndexName", "")
        index = next((one for one in self._by_name[table] if one.name == name), None)
        read = _KEYS.fullmatch(asked["KeyConditionExpression"])
        if read is None:
            raise Unplayed(asked["KeyConditionExpression"])
        values = asked["ExpressionAttributeValues"]
        partition = values[read["partition"]]["S"]
        own = self.rows.places(table, name, partition)
        first, last = _range(own, read, values)
        after, forward = asked.get("ExclusiveStartKey"), asked.get("ScanIndexForward", True)
        if after is not None:
            sort = after[index.keys[1]]["S"] if index else ""
            place = (sort, after["pk"]["S"], after["sk"]["S"]) if index else (after["sk"]["S"], "", "")
            first, last = (max(first, bisect_right(own, place)), last) if forward else (first, bisect_left(own, place))
        limit = asked.get("Limit", PAGE)
        taken = own[first : min(last, first + limit)] if forward else own[max(first, last - limit) : last][::-1]
        row = self.rows.get
        found: list[Any]
        if index is None:
            found = [row((table, partition, sk)) for sk, _, _ in taken]
        elif index.kept is None:
            found = [row((table, pk, sk)) for _, pk, sk in taken]
        else:
            found = self.rows.some(table, taken, index.names)
        items = found
        if "FilterExpression" in asked:
            items = [item for item in items if holds(asked, item, "FilterExpression")]
        if "ProjectionExpression" in asked:
            items = [_projected(item, asked) for item in items]
        answer: dict[str, Any] = {"Count": len(items), "ScannedCount": len(found), "Items": items}
        if last - first > len(taken):
            keys = ("pk", "sk", *(index.keys if index else ()))
            answer["LastEvaluatedKey"] = {name: found[-1][name] for name in keys}
        if self.metered:
            size = sum(map(item_size, found))
            self.calls.append(Call(operation, max(1, -(-size // READ_UNIT_BYTES)) / _share(asked)))
        return answer


def _range(own: list[Place], read: re.Match[str], values: dict[str, Any]) -> tuple[int, int]:
    """The first and the end of the places in a partition that a condition on the sort key allows."""
    if read["between"]:
        return _from(own, values[read["low"]]["S"]), _behind(own, values[read["high"]]["S"])
    if read["begins"]:
        beginning = values[read["beginning"]]["S"]
        return _from(own, beginning), _from(own, beginning + _TOP)
    if not read["name"]:
        return 0, len(own)
    value = values[read["value"]]["S"]
    match read["sign"]:
        case "<":
            return 0, _from(own, value)
        case "<=":
            return 0, _behind(own, value)
        case ">":
            return _behind(own, value), len(own)
        case ">=":
            return _from(own, value), len(own)
    return _from(own, value), _behind(own, value)


def _from(own: list[Place], value: str) -> int:
    return bisect_left(own, (value, "", ""))


def _behind(own: list[Place], value: str) -> int:
    return bisect_right(own, (value, _TOP, _TOP))
