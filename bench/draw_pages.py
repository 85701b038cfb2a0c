"""The entries of a wave as DynamoDB sends them to whoever reads them all. Made once, before anything is measured.

A folder holds the bodies of all answers end to end, and an index of them: of each page one without anybody's name, as
the freeze asks for it, and one with, as the screening does. The items are as `EntryStore.join` writes them, in 64
partitions; a page ends where 1 MB of items was read, which is not what the answer holds of them.
"""

from __future__ import annotations

import json
import os
import zlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import BinaryIO

import msgspec

from chalicelib.clock import iso
from chalicelib.waves.rules import SHARDS

from .endpoint import READ_UNIT_BYTES, item_size

WAVE = 60
REGIONS = tuple(range(11, 49))
ATTRIBUTES = ("region", "ticket", "outcome")
"""What is asked of each item, and `NAME` besides where people matter.

There are no outcomes yet: nobody was removed, and the draw is still to come.
"""
NAME = "sk"

_PAGE_BYTES = 1 << 20
_BODIES, _INDEX = "pages.bin", "pages.json"
_ITEM = '{"region":{"N":"%d"},"ticket":{"B":"%s"}}'
_JOINED = datetime(2026, 11, 21, 3, 0, 0, 123000, UTC)


def partition(shard: int) -> str:
    """The key of a partition of the wave's entries."""
    return f"E#{WAVE}#{shard:02d}"


class Body(msgspec.Struct, frozen=True):
    """An answer: where it lies, and its checksum."""

    offset: int
    length: int
    crc32: int


class Page(msgspec.Struct, frozen=True):
    """Two answers, one of them with names; the key of the page's last item if that is not the partition's last."""

    shard: int
    nameless: Body
    named: Body
    entries: int
    item_bytes: int
    last: str | None


def make(folder: Path, entries: int) -> None:
    """Write the pages of a wave of so many entries; the same each time."""
    random = Random(entries)
    each_bytes = _item_bytes()
    index: list[Page] = []
    with (folder / _BODIES).open("wb") as bodies:
        for shard in range(SHARDS):
            left = entries // SHARDS + (shard < entries % SHARDS)
            items = _items(random, left)
            while True:
                count = min(left, _PAGE_BYTES // each_bytes)
                left -= count
                rows = [next(items) for _ in range(count)]
                last = rows[-1][0] if left else None
                nameless = _write(bodies, _body(shard, [item for _, item in rows], last))
                named = _write(bodies, _body(shard, [f'{{"sk":{{"S":"{sk}"}},{item[1:]}' for sk, item in rows], last))
                index.append(Page(shard, nameless, named, count, count * each_bytes, last))
                if not left:
                    break
    (folder / _INDEX).write_bytes(msgspec.json.encode(index))


class Pages:
    """The pages of a folder; threads may read at once."""

    def __init__(self, folder: Path) -> None:
        self.all = msgspec.json.decode((folder / _INDEX).read_bytes(), type=list[Page])
        self._handle = os.open(folder / _BODIES, os.O_RDONLY)
        self._by_start: dict[tuple[str, str | None], Page] = {}
        start = None
        for page in self.all:
            self._by_start[partition(page.shard), start] = page
            start = page.last

    def page(self, key: str, after: str | None) -> Page:
        """The page of a partition that begins behind an item; None is its first."""
        return self._by_start[key, after]

    def read(self, body: Body) -> bytes:
        return os.pread(self._handle, body.length, body.offset)

    @property
    def entries(self) -> int:
        return sum(page.entries for page in self.all)

    @property
    def read_units(self) -> int:
        """What reading everything once, consistently, is billed."""
        return sum(map(read_units, self.all))

    @property
    def body_bytes(self) -> int:
        """What comes over the network, without names."""
        return sum(page.nameless.length for page in self.all)


def read_units(page: Page) -> int:
    """What DynamoDB bills for a page that is read consistently: by what was read, not by what is sent of it."""
    return -(-page.item_bytes // READ_UNIT_BYTES)


def _write(file: BinaryIO, body: bytes) -> Body:
    offset = file.tell()
    file.write(body)
    return Body(offset, len(body), zlib.crc32(body))


def _items(random: Random, count: int) -> Iterator[tuple[str, str]]:
    """Registrant and item of `count` entries of a partition, in order; the regions differ in size as provinces do."""
    for person in sorted(random.randbytes(16).hex() for _ in range(count)):
        sk = f"{person[:8]}-{person[8:12]}-4{person[13:16]}-8{person[17:20]}-{person[20:]}"
        ticket = random.randbytes(32)
        region = REGIONS[min(ticket[0], ticket[1]) * len(REGIONS) // 256]
        yield sk, _ITEM % (region, b64encode(ticket).decode())


def _body(shard: int, items: list[str], last: str | None) -> bytes:
    key = json.dumps({"pk": {"S": partition(shard)}, "sk": {"S": last}})
    end = "" if last is None else f',"LastEvaluatedKey":{key}'
    return f'{{"Count":{len(items)},"Items":[{",".join(items)}]{end},"ScannedCount":{len(items)}}}'.encode()


def _item_bytes() -> int:
    """The size of an entry as DynamoDB counts it; it is the same for all."""
    return item_size(
        {
            "pk": {"S": partition(0)},
            "sk": {"S": "0" * 36},
            "ticket": {"B": b64encode(bytes(32)).decode()},
            "region": {"N": "31"},
            "joined_at": {"S": iso(_JOINED)},
        }
    )
