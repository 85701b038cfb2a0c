"""A server of published files that does to one of them what nobody should: on sockets, byte for byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, count, repeat

Answer = Callable[[bytes], Iterator[bytes]]
"""From a file to what is sent for it, piece by piece; it may never end."""

OK = b"HTTP/1.1 200 OK\r\n"


def good(body: bytes) -> Iterator[bytes]:
    yield OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def dripping(start: bytes, drop: bytes) -> Answer:
    """After a start the same few bytes for ever, one drop at a time."""

    def answer(_: bytes) -> Iterator[bytes]:
        yield start
        yield from repeat(drop)

    return answer


def saying(length: Callable[[int], int], sent: Callable[[bytes], bytes] = lambda body: body) -> Answer:
    """A length of a body of so many bytes, and what is sent of it."""

    def answer(body: bytes) -> Iterator[bytes]:
        yield OK + b"Content-Length: %d\r\n\r\n" % length(len(body))
        yield sent(body)

    return answer


def then_nothing(first: Answer) -> Answer:
    """The connection stays open behind it, and silent."""

    def answer(body: bytes) -> Iterator[bytes]:
        yield from first(body)
        yield from repeat(b"")

    return answer


def once(raw: bytes) -> Answer:
    """These bytes, and then the end of the connection."""

    def answer(_: bytes) -> Iterator[bytes]:
        yield raw

    return answer


def len_or_9(size: int) -> int:
    return size or 9


def nothing(_: bytes) -> bytes:
    return b""


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW: dict[str, Answer] = {
    "says nothing": lambda _: repeat(b""),
    "a status line that drips": dripping(b"HTTP/1.1 ", b"2"),
    "a header that drips": dripping(OK + b"X: ", b"x"),
    "headers without end, one at a time": dripping(OK, b"X: y\r\n"),
    "100 Continue without end": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body that drips": lambda body: chain(saying(len_or_9, nothing)(body), (body[at : at + 1] for at in count())),
    "a body that stops": then_nothing(saying(len_or_9, lambda body: body[:-1])),
    "a length and no body": then_nothing(saying(len_or_9, nothing)),
    "a chunk's size that drips": dripping(CHUNKED, b"0"),
    "chunks of one byte that drip": dripping(CHUNKED, b"1\r\n{\r\n"),
    "a chunk's extension that drips": dripping(CHUNKED + b"1;", b"x"),
    "a trailer that drips": dripping(CHUNKED + b"0\r\n", b"X: y\r\n"),
}
"""None of these ever ends."""

BROKEN: dict[str, Answer] = {
    "a redirect": once(b"HTTP/1.1 302 Found\r\nLocation: /54/note.txt\r\nContent-Length: 0\r\n\r\n"),
    "a redirect to a file": once(b"HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
    "an error": once(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
    "what is packed": once(OK + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + b"\x1f\x8b" + bytes(18)),
    "no HTTP": once(b"\x00\x01\x02\r\n\r\n"),
    "the end at once": once(b""),
    "the end within the body": saying(len_or_9, lambda body: body[:-1]),
    "a header without an end": once(OK + b"X: " + b"x" * 100_000),
    "a thousand headers": once(OK + b"X: y\r\n" * 1000 + b"\r\n{}"),
    "no size of a chunk": once(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"),
    "the end within a chunk": once(CHUNKED + b"10\r\n{}"),
    "the end before the last chunk": once(CHUNKED + b"2\r\n{}\r\n"),
    "no content": once(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a part that nobody asked for": once(
        b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "HTTP of another age": once(b"HTTP/2.0 200 OK\r\n\r\n{}"),
}
"""None of these is a file."""

FLOODS: dict[str, Answer] = {
    "a length beyond all": then_nothing(saying(lambda _: 1 << 50)),
    "a body without end": dripping(OK + b"\r\n", b"0" * (1 << 16)),
    "a chunk beyond all": dripping(CHUNKED + b"ffffffffffff\r\n", b"0" * (1 << 16)),
    "chunks without end": dripping(CHUNKED, b"4000\r\n" + b"0" * 0x4000 + b"\r\n"),
}
"""More than any file may have."""


class HostileServer:
    """Serves files, some of them as `answers` has it, after which the connection is `kept`, or is closed.

    `sent` is how many bytes went out.
    """

    def __init__(self, files: Mapping[str, bytes], answers: Mapping[str, Answer], kept: bool) -> None:
        self.sent = 0
        self._files, self._answers, self._kept = files, answers, kept
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/draws/62"
        self._over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listening.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as asked:
            while line := asked.readline():
                while asked.readline() not in (b"\r\n", b""):
                    pass
                name = line.split(b" ")[1].decode().removeprefix("/draws/62/")
                if not self._answer(connection, name):
                    return

    def _answer(self, connection: socket.socket, name: str) -> bool:
        """Whether the connection goes on."""
        body = self._files.get(name)
        if body is None and name not in self._answers:
            connection.sendall(b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n")
            return True
        answer = self._answers.get(name, good)
        for piece in answer(body or b""):
            connection.sendall(piece)
            self.sent += len(piece)
            if len(piece) < 1 << 14 and answer is not good:
                self._over.wait(0.01)  # a drop, and a little nothing
            if self._over.is_set():
                return False
        return answer is good or self._kept


@contextmanager
def hostile(files: Mapping[str, bytes], answers: Mapping[str, Answer], kept: bool = False) -> Iterator[HostileServer]:
    server = HostileServer(files, answers, kept)
    try:
        yield server
    finally:
        server.stop()
