"""Entries read by the client's own parser, to compare the quick way with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from chalicelib.waves.entries import Row, Tickets
from chalicelib.waves.store import WavesTable

OF_A_LIST = ["region", "ticket", "outcome"]


class OrdinaryReader:
    """Reads partitions of a wave's entries as `EntryStore` does."""

    def pages(self, wave: int, shard: int) -> Iterator[list[Row]]:
        for items in self._pages(wave, shard, ["sk", *OF_A_LIST]):
            yield [
                (one["sk"]["S"], int(one["region"]["N"]), one["ticket"]["B"], one.get("outcome", {"S": None})["S"])
                for one in items
            ]

    def tickets(self, wave: int, shard: int) -> Iterator[Tickets]:
        for items in self._pages(wave, shard, OF_A_LIST):
            undecided, outcomes = defaultdict[int, list[bytes]](list), list[str]()
            for one in items:
                if "outcome" in one:
                    outcomes.append(one["outcome"]["S"])
                else:
                    undecided[int(one["region"]["N"])].append(one["ticket"]["B"])
            yield undecided, outcomes

    def _pages(self, wave: int, shard: int, attributes: list[str]) -> Iterator[list[dict[str, Any]]]:
        connection, start = WavesTable._get_connection(), None
        while True:
            page = connection.query(
                f"E#{wave}#{shard:02d}",
                attributes_to_get=attributes,
                consistent_read=True,
                exclusive_start_key=start,
            )
            yield page["Items"]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return
