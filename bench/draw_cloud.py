"""AWS's side of the draw's benchmark: entries from pages that are ready, the public bucket in a folder.

As `bench/endpoint.py`, on which it rests: a client's work is real, from the operation to the signed request and from
the answer's bytes, with their checksum, to what was asked for. Only the socket is missing.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse

from .draw_pages import ATTRIBUTES, NAME, Pages, read_units
from .endpoint import Call, Endpoint, Item, Unplayed, Whole

_ABSENT = b"<Error><Code>NoSuchKey</Code></Error>"
_OVERTAKEN = b"<Error><Code>PreconditionFailed</Code></Error>"


class Cloud(Endpoint):
    """Queries of the wave's entries are answered by `pages`; objects are files below `folder`, written at `now`.

    `person` is the profile of everybody of whom none was written.
    """

    def __init__(self, pages: Pages, folder: Path, now: datetime) -> None:
        super().__init__()
        self._pages = pages
        self._folder = folder
        self._modified = format_datetime(now, usegmt=True)
        self._checksums: dict[str, int] = {}
        self.person: Item | None = None

    def forget(self) -> None:
        """Know of no object any more; whoever calls it removes the files."""
        self._checksums.clear()

    def _answer(self, request: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target")
        if target is None:
            return self._object(request)
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        if operation != "Query":
            return super()._answer(request)
        asked = json.loads(request.body)
        if "begins_with" in asked["KeyConditionExpression"]:
            return self._beginning(request.url, asked)
        return self._page(request.url, asked)

    def _found(self, key: tuple[str, str, str]) -> Item | None:
        """An item by its table and key; who was never written is as `person`, but for what is theirs alone."""
        _, pk, sk = key
        if sk != "PROFILE" or self.person is None or key in self.items:
            return super()._found(key)
        nik_mac = self.person["nik_mac"]["S"]
        return {**self.person, "pk": {"S": pk}, "nik_mac": {"S": pk.ljust(len(nik_mac), ".")[: len(nik_mac)]}}

    def _beginning(self, url: str, asked: dict[str, Any]) -> AWSResponse:
        """The items of a partition whose sort keys begin with something; not those in pages."""
        pk, beginning = (value["S"] for value in asked["ExpressionAttributeValues"].values())
        keys = sorted(key for key in self.items if key[:2] == (asked["TableName"], pk) and key[2].startswith(beginning))
        self.calls.append(Call("Query", 1, 0))
        answer = {"Count": len(keys), "ScannedCount": len(keys), "Items": [self.items[key] for key in keys]}
        return _json(url, json.dumps(answer).encode())

    def _page(self, url: str, asked: dict[str, Any]) -> AWSResponse:
        names = asked.get("ExpressionAttributeNames", {})
        wanted = [names.get(name.strip(), name.strip()) for name in asked["ProjectionExpression"].split(",")]
        ((key,),) = [value.values() for value in asked["ExpressionAttributeValues"].values()]
        if sorted({*wanted} - {NAME}) != sorted(ATTRIBUTES) or not asked["ConsistentRead"] or "Limit" in asked:
            raise Unplayed(str(asked))
        start = asked.get("ExclusiveStartKey")
        page = self._pages.page(key, None if start is None else start["sk"]["S"])
        self.calls.append(Call("Query", read_units(page), 0))
        body = page.named if NAME in wanted else page.nameless
        return _json(url, self._pages.read(body), body.crc32)

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
        """Write an object as its bytes come; returns their checksum."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        checksum = 0
        with path.open("wb") as file:
            for part in _parts(body, chunked):
                checksum = zlib.crc32(part, checksum)
                file.write(part)
        return checksum


def _parts(body: Any, chunked: bool) -> Iterator[memoryview]:
    """The content of a request: each chunk is its size, a line's end, its bytes and a line's end; the last is empty."""
    if not chunked:
        yield memoryview(body.read() if hasattr(body, "read") else body)
        return
    for chunk in body:
        begins = chunk.index(b"\r\n") + 2
        yield memoryview(chunk)[begins : begins + int(chunk[: begins - 2], 16)]


def _json(url: str, body: bytes, checksum: int | None = None) -> AWSResponse:
    checksum = zlib.crc32(body) if checksum is None else checksum
    headers: Any = {"Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": str(checksum)}
    return AWSResponse(url, 200, headers, Whole(body))


def _tag(checksum: int | None) -> str:
    return f'"{checksum}"'


def _refused(url: str, status: int, answer: bytes) -> AWSResponse:
    headers: Any = {"Content-Type": "application/xml"}
    return AWSResponse(url, status, headers, Whole(answer))
