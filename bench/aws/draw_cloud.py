"""The double of AWS for the draw's benchmark: entries come from prepared pages, the public bucket is a folder.

It extends `endpoint.py`. The client does all its real work: it signs the request and reads the answer's bytes and their
checksum. Only the socket is missing.

The pages are made once, before anything is measured. They are what DynamoDB sends when all entries of a wave are read.
A folder holds the bodies of all answers end to end, and an index of them. Each page is there twice: without
registrants, as the freeze asks for it, and with them, as the screening does. The items are those that
`EntryStore.join` writes, in 64 partitions. A page ends where 1 MB of items was read; the answer itself is smaller.
"""

from __future__ import annotations

import json
import os
import zlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import msgspec
from botocore.awsrequest import AWSResponse

from chalicelib.clock import iso
from chalicelib.waves.rules import SHARDS

from .endpoint import READ_UNIT_BYTES, Call, Endpoint, Whole, item_size, json_answer
from .expressions import Item, Unplayed

_ABSENT = b"<Error><Code>NoSuchKey</Code></Error>"
_OVERTAKEN = b"<Error><Code>PreconditionFailed</Code></Error>"


class Cloud(Endpoint):
    """Answers queries of the wave's entries from `pages`. Objects are files below `folder`, written at `now`.

    `person` is the profile of everybody who has no profile of their own.
    """

    def __init__(self, pages: Pages, folder: Path, now: datetime) -> None:
        super().__init__()
        self._pages = pages
        self._folder = folder
        self._modified = format_datetime(now, usegmt=True)
        self._checksums: dict[str, int] = {}
        self.person: Item | None = None

    def forget(self) -> None:
        """Forget all objects. The caller removes their files."""
        self._checksums.clear()

    def _answer(self, request: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target")
        if target is None:
            return self._object(request)
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        asked = json.loads(request.body)
        if operation != "Query" or "begins_with" in asked["KeyConditionExpression"]:
            return super()._answer(request)
        return self._page(request.url, asked)

    def _found(self, key: tuple[str, str, str]) -> Item | None:
        """The item of a table and key. A profile that was never written is a copy of `person` with its own key."""
        _, pk, sk = key
        if sk != "PROFILE" or self.person is None or key in self.items:
            return super()._found(key)
        nik_mac = self.person["nik_mac"]["S"]
        return {**self.person, "pk": {"S": pk}, "nik_mac": {"S": pk.ljust(len(nik_mac), ".")[: len(nik_mac)]}}

    def _page(self, url: str, asked: dict[str, Any]) -> AWSResponse:
        names = asked.get("ExpressionAttributeNames", {})
        wanted = [names.get(name.strip(), name.strip()) for name in asked["ProjectionExpression"].split(",")]
        ((key,),) = [value.values() for value in asked["ExpressionAttributeValues"].values()]
        if sorted({*wanted} - {NAME}) != sorted(ATTRIBUTES) or not asked["ConsistentRead"] or "Limit" in asked:
            raise Unplayed(str(asked))
        start = asked.get("ExclusiveStartKey")
        page = self._pages.page(key, None if start is None else start["sk"]["S"])
        self.calls.append(Call("Query", read_units(page)))
        body = page.named if NAME in wanted else page.nameless
        return json_answer(url, self._pages.read(body), checksum=body.crc32)

    def _object(self, request: Any) -> AWSResponse:
        address = urlsplit(request.url)
        name = address.path.lstrip("/")
        asked = {key.lower(): value for key, value in request.headers.items()}
        known = self._checksums.get(name)
        if request.method == "PUT":
            match = asked.get("if-match")
            if (known is not None and "if-none-match" in asked) or (match and match.decode() != _tag(known)):
                return _refused(request.url, 412, _OVERTAKEN)
            self._checksums[name] = self._keep(name, request.body, "x-amz-trailer" in asked)
            written: Any = {"ETag": _tag(self._checksums[name])}
            return AWSResponse(request.url, 200, written, Whole(b""))
        if request.method != "GET" or address.query or "range" in asked:
            raise Unplayed(f"{request.method} {asked}")
        if known is None:
            return _refused(request.url, 404, _ABSENT)
        path = self._folder / name
        headers: Any = {
            "Content-Length": str(path.stat().st_size),
            "Last-Modified": self._modified,
            "ETag": _tag(known),
            "x-amz-checksum-crc32": b64encode(known.to_bytes(4, "big")).decode(),
        }
        return AWSResponse(request.url, 200, headers, path.open("rb"))

    def _keep(self, name: str, body: Any, chunked: bool) -> int:
        """Write an object piece by piece; returns its checksum."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        checksum = 0
        with path.open("wb") as file:
            for part in _parts(body, chunked):
                checksum = zlib.crc32(part, checksum)
                file.write(part)
        return checksum


def _parts(body: Any, chunked: bool) -> Iterator[memoryview]:
    """The content of a request. A chunk is its size, a line end, its bytes and a line end; the last one is empty."""
    if not chunked:
        yield memoryview(body.read() if hasattr(body, "read") else body)
        return
    for chunk in body:
        begins = chunk.index(b"\r\n") + 2
        yield memoryview(chunk)[begins : begins + int(chunk[: begins - 2], 16)]


def _tag(checksum: int | None) -> str:
    return f'"{checksum}"'


def _refused(url: str, status: int, answer: bytes) -> AWSResponse:
    headers: Any = {"Content-Type": "application/xml"}
    return AWSResponse(url, status, headers, Whole(answer))


WAVE = 60
REGIONS = tuple(range(11, 49))
ATTRIBUTES = ("region", "ticket", "outcome")
"""The attributes that the freeze asks for; the screening asks for `NAME` too.

No entry has an outcome yet: nobody was removed, and the draw is still to come.
"""
NAME = "sk"

_PAGE_BYTES = 1 << 20
_BODIES, _INDEX = "pages.bin", "pages.json"
_ITEM = '{"region":{"N":"%d"},"ticket":{"B":"%s"}}'
_JOINED = datetime(2026, 11, 21, 3, 0, 0, 123000, UTC)


def partition(shard: int) -> str:
    return f"E#{WAVE}#{shard:02d}"


class Body(msgspec.Struct, frozen=True):
    offset: int
    length: int
    crc32: int


class Page(msgspec.Struct, frozen=True):
    """The two answers for a page, and the key of its last item unless that is the partition's last."""

    shard: int
    nameless: Body
    named: Body
    entries: int
    item_bytes: int
    last: str | None


def make(folder: Path, entries: int) -> None:
    """Write the pages of a wave of `entries` entries. They are the same each time."""
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
    """The pages in a folder. Several threads may read at once."""

    def __init__(self, folder: Path) -> None:
        self.all = msgspec.json.decode((folder / _INDEX).read_bytes(), type=list[Page])
        self._handle = os.open(folder / _BODIES, os.O_RDONLY)
        self._by_start: dict[tuple[str, str | None], Page] = {}
        start = None
        for page in self.all:
            self._by_start[partition(page.shard), start] = page
            start = page.last

    def page(self, key: str, after: str | None) -> Page:
        """The page of a partition that starts after the item with key `after`; with None the first page."""
        return self._by_start[key, after]

    def read(self, body: Body) -> bytes:
        return os.pread(self._handle, body.length, body.offset)

    @property
    def entries(self) -> int:
        return sum(page.entries for page in self.all)

    @property
    def read_units(self) -> int:
        """The read units of reading everything once, consistently."""
        return sum(map(read_units, self.all))

    @property
    def body_bytes(self) -> int:
        """The bytes of all answers without registrants."""
        return sum(page.nameless.length for page in self.all)


def read_units(page: Page) -> int:
    """What DynamoDB bills for a page that is read consistently. It counts what it read, not what it sends."""
    return -(-page.item_bytes // READ_UNIT_BYTES)


def _write(file: BinaryIO, body: bytes) -> Body:
    offset = file.tell()
    file.write(body)
    return Body(offset, len(body), zlib.crc32(body))


def _items(random: Random, count: int) -> Iterator[tuple[str, str]]:
    """Registrants and items of `count` entries of a partition, in order. Regions differ in size as provinces do."""
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
    """The size of an entry as DynamoDB counts it, in bytes; all entries have the same."""
    return item_size(
        {
            "pk": {"S": partition(0)},
            "sk": {"S": "0" * 36},
            "ticket": {"B": b64encode(bytes(32)).decode()},
            "region": {"N": "31"},
            "joined_at": {"S": iso(_JOINED)},
        }
    )
