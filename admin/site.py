"""Reads a published draw from a web address that may be anybody's: every answer ends, whatever it is made of.

All that is read has one time limit. A server has patience for a minute besides, which it earns back by sending; an
answer that begins at once costs nothing of it. Every answer has a bound of bytes, its headers, sizes of chunks and
trailers among them.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from select import select
from typing import Any
from urllib.parse import quote, urlsplit

from chalicelib.draw import published

from .publication import Absent, Unreachable, Unreadable, Watch, bounded

PATIENCE_S = 60.0
SLOWEST_BYTES_S = 20_000
PROMPT_S = 2.0
"""What an answer may take to begin at no cost: a new connection goes there and back four times, however far it is."""
_DIAL_S = 10.0
_PART_BYTES = 1 << 16
_HEAD_BYTES = 1 << 18
"""What an answer may have besides its body, which may come in chunks that are as long again."""


class TimeLimit:
    """Seconds in which all must be read, and how long servers may keep us waiting for less than they could send."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + limit_s
        self._most = self._patience = min(PATIENCE_S, limit_s)
        self._began = clock()

    def begin(self) -> None:
        """From here on it is waited for; what was done in between costs no patience."""
        self._began = self._clock()

    def end(self, received: int, free_s: float = 0.0) -> None:
        """So many bytes came since `begin` or the last `end`; so many seconds of that wait cost nothing."""
        waited = max(self._clock() - self._began - free_s, 0.0)
        self._patience = min(self._patience + received / SLOWEST_BYTES_S - waited, self._most)
        self._began = self._clock()

    def left(self) -> float:
        """How long may be waited now. Raises `Unreachable`."""
        left = min(self._ends, self._began + self._patience) - self._clock()
        if left <= 0:
            raise Unreachable("too slow")
        return left


class _Bounded(io.RawIOBase):
    """What comes in over a socket: no more bytes than may be, and none after the time limit."""

    def __init__(self, sock: socket.socket, limit: TimeLimit, most: int) -> None:
        self._sock, self._limit, self._most = sock, limit, most
        self._raw = sock.makefile("rb", buffering=0)  # which keeps the socket open while this is

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._limit.left())
        received = self._raw.readinto(buffer) or 0
        self._most -= received
        if self._most < 0:
            raise Unreachable("an answer that is longer than its file may be")
        return received

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, limit: TimeLimit, most: int, **given: Any) -> None:
        super().__init__(sock, **given)
        self.fp.close()
        self.fp = io.BufferedReader(_Bounded(sock, limit, most))


class Site:
    """A publication at an http(s) address, such as `https://results.example/draws/54`. No redirect is followed."""

    def __init__(self, address: str, limit: TimeLimit | None = None) -> None:
        self._limit = limit or TimeLimit(PATIENCE_S)
        self._address = address.rstrip("/")
        self._connection: HTTPConnection | None = None
        self._note_published_at: datetime | None = None

    def read(self, name: str, limit: int, watch: Watch | None = None) -> bytes:
        return self._get(name, limit, watch)

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        return self._get(name, whole, None, (start, length))

    def note_published_at(self) -> datetime | None:
        """By the answer in which the note was read."""
        return self._note_published_at

    def _get(self, name: str, most: int, watch: Watch | None, part: tuple[int, int] | None = None) -> bytes:
        kept = self._connection is not None
        try:
            try:
                return self._ask(name, most, watch, part)
            except (ConnectionError, HTTPException):
                if not kept:
                    raise
            self._hang_up()  # a server may close what it had kept open, or have sent more than it said
            return self._ask(name, most, watch, part)
        except TimeoutError as error:
            self._hang_up()
            raise Unreachable("too slow") from error
        except (OSError, HTTPException, ValueError) as error:
            self._hang_up()
            raise Unreachable(type(error).__name__) from error
        except Absent:
            raise
        except BaseException:
            self._hang_up()  # the rest of an answer that was refused is not waited for
            raise

    def _ask(self, name: str, most: int, watch: Watch | None, part: tuple[int, int] | None) -> bytes:
        self._limit.begin()
        body = bytearray()
        try:
            response = self._response(name, most, watch, part)
            # A server that knows no ranges sends all, and what comes before is passed over.
            skip = part[0] if part and response.status == HTTPStatus.OK else 0
            wanted = part[1] if part else most + 1
            while len(body) < wanted and (piece := response.read1(_PART_BYTES)):
                self._limit.end(len(piece))
                body += piece[skip:]
                skip = max(0, skip - len(piece))
                if watch and len(body) <= most:
                    watch(piece)
            if len(body) < wanted and response.length:
                raise Unreachable("cut off")
            self._end(response)
        finally:
            self._limit.end(0)
        if part is None:
            bounded(len(body), most, watch)
        if part and len(body) < part[1]:
            raise Unreadable("shorter than it must be")
        return bytes(body[:wanted])

    def _response(self, name: str, most: int, watch: Watch | None, part: tuple[int, int] | None) -> HTTPResponse:
        """The answer, once its head is as it must be."""
        connection, base = self._connected(most)
        span = f"{part[0]}-{part[0] + part[1] - 1}" if part else ""
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={span}"} if part else {})
        connection.request("GET", f"{base}/{name}", headers=headers)
        response = connection.getresponse()
        self._limit.end(0, PROMPT_S)
        if response.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            response.read1(_PART_BYTES)
            self._end(response)
            raise Absent  # 403 is what S3 says about a missing object to who may not list them
        partly = part is not None and response.status == HTTPStatus.PARTIAL_CONTENT
        if response.status != HTTPStatus.OK and not partly:
            raise Unreachable(f"status {response.status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Unreachable("not sent as it is")
        length = response.length
        if (partly and response.headers.get("Content-Range") != f"bytes {span}/{most}") or (
            part and not partly and length not in (None, most)
        ):
            raise Unreadable(f"not the bytes {span} of {most}")
        if part is None and length is not None:
            bounded(length, most, watch)
        if name == published.NOTE:
            self._note_published_at = _instant(response.headers.get("Last-Modified", ""))
        return response

    def _connected(self, most: int) -> tuple[HTTPConnection, str]:
        """A connection on which an answer may have so many bytes, and the path of the folder."""
        parts = urlsplit(self._address)
        kept = self._connection.sock if self._connection is not None else None
        if kept is not None and select([kept], [], [], 0)[0]:  # what nobody asked for, or the end
            self._hang_up()
        if self._connection is None or self._connection.sock is None:
            kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
            self._connection = kind(parts.hostname or "", parts.port)
            self._connection._create_connection = self._dial  # type: ignore[attr-defined] # its own takes each address's time
            self._connection.timeout = self._limit.left()
            self._connection.connect()
        kind_of = partial(_Response, limit=self._limit, most=2 * most + _HEAD_BYTES)
        self._connection.response_class = kind_of  # type: ignore[assignment] # anything that makes one does
        if self._connection.sock is not None:
            self._connection.sock.settimeout(self._limit.left())
        return self._connection, quote(parts.path.rstrip("/"), safe="/%")

    def _dial(self, address: tuple[str, int], *_: Any) -> socket.socket:
        """The first address of a host that answers."""
        fault = OSError("no address")
        for found in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            host, port = found[4][:2]
            try:
                return socket.create_connection((str(host), int(port)), min(_DIAL_S, self._limit.left()))
            except OSError as error:
                fault = error
        raise fault

    def _end(self, response: HTTPResponse) -> None:
        """Keep the connection if the answer is over, else end it."""
        over = response.length == 0 or (response.chunked and not response.read1(1))
        response.close()
        if not over:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _instant(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
