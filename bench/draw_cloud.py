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

from .draw_pages import ATTRIBUTES, Pages, read_units
from .endpoint import Call, Endpoint, Unplayed

_ABSENT = b"<Error><Code>NoSuchKey</Code></Error>"
_OVERTAKEN = b"<Error><Code>PreconditionFailed</Code></Error>"


class Cloud(Endpoint):
    """Queries of the wave's entries are answered by `pages`; objects are files below `folder`, written at `now`."""

    def __init__(self, pages: Pages, folder: Path, now: datetime) -> None:
        super().__init__()
        self._pages = pages
        self._folder = folder
        self._modified = format_datetime(now, usegmt=True)
        self._checksums: dict[str, int] = {}

    def forget(self) -> None:
        """Know of no object any more; whoever calls it removes the files."""
        self._checksums.clear()

    def _send(self, request: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target")
        if target is None:
            return self._object(request)
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        if operation != "Query":
            return super()._send(request)
        return self._query(request.url, json.loads(request.body))

    def _query(self, url: str, asked: dict[str, Any]) -> AWSResponse:
        names = asked.get("ExpressionAttributeNames", {})
        wanted = [names.get(name.strip(), name.strip()) for name in asked["ProjectionExpression"].split(",")]
        ((key,),) = [value.values() for value in asked["ExpressionAttributeValues"].values()]
        if sorted(wanted) != sorted(ATTRIBUTES) or not asked["ConsistentRead"] or "Limit" in asked:
            raise Unplayed(str(asked))
        start = asked.get("ExclusiveStartKey")
        page = self._pages.page(key, None if start is None else start["sk"]["S"])
        self.calls.append(Call("Query", read_units(page), 0))
        headers: Any = {"Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": str(page.crc32)}
        return AWSResponse(url, 200, headers, _Whole(self._pages.body(page)))

    def _object(self, request: Any) -> AWSResponse:
        address = urlsplit(request.url)
        name = address.path.lstrip("/")
        asked = {key.lower(): value for key, value in request.headers.items()}
        known = self._checksums.get(name)
        if request.method == "PUT":
            match = asked.get("if-match")
            if (known is not None and "if-none-match" in asked) or (match and match.decode() != _tag(known)):
                return _refused(request.url, 412, _OVERTAKEN)
            self._checksums[name] = self._keep(name, request.body, "X-Amz-Trailer" in request.headers)
            return AWSResponse(request.url, 200, {"ETag": _tag(self._checksums[name])}, _Whole(b""))  # type: ignore[arg-type]
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


def _tag(checksum: int | None) -> str:
    return f'"{checksum}"'


def _refused(url: str, status: int, answer: bytes) -> AWSResponse:
    headers: Any = {"Content-Type": "application/xml"}
    return AWSResponse(url, status, headers, _Whole(answer))


class _Whole:
    """A body that is at hand, as urllib3's response gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body
