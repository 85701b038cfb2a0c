"""Reads a published draw from a folder or a web address, trusting nothing about what it finds there.

A verifier is pointed at whatever a stranger hands over: sizes are bounded before anything is read, only plain files
are opened, and every fault is one of two exceptions with a short reason.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Protocol

import urllib3

_PART_BYTES = 1 << 16
_SLOWEST_BYTES_S = 10_000
"""A file must come at least as fast, on the whole: a time-out of each read would begin anew with every byte."""


class Absent(Exception):
    """There is no such file."""


class Unreadable(Exception):
    """The file is not of its form; the message says why and quotes nothing of it."""


class Unreachable(Unreadable):
    """The file cannot be had, though it may be there."""


class Publication(Protocol):
    """The files of one wave, by their names below `draws/<wave>/`."""

    def read(self, name: str, limit: int) -> bytes:
        """A file of at most `limit` bytes. Raises `Absent` or `Unreadable`."""

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        """`length` bytes of a file of `whole` bytes, from the one with number `start` on. Raises as `read`."""

    def note_published_at(self) -> datetime | None:
        """When the note came to be where it is, as far as that place knows."""


class Folder:
    """A publication that lies in a folder, which does not know when it was published."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str, limit: int) -> bytes:
        with self._opened(name) as (file, size):
            if size > limit:
                raise Unreadable(f"longer than {limit} bytes")
            return file.read(size)

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        with self._opened(name) as (file, size):
            if size != whole:
                raise Unreadable(f"{size} bytes, not {whole}")
            file.seek(start)
            return _of_length(file.read(length), length)

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """The file and its size. Neither a link out of the folder is followed nor a pipe waited for."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            handle = os.open(self._path / name, flags)
            with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor has no path
                facts = os.fstat(handle)
                if not stat.S_ISREG(facts.st_mode):
                    raise Unreadable("not a plain file")
                yield file, facts.st_size
        except FileNotFoundError as error:
            raise Absent from error
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):  # a link, a folder, a socket
                raise Unreadable("not a plain file") from error
            raise Unreachable(error.strerror or type(error).__name__) from error

    def note_published_at(self) -> datetime | None:
        return None


class Site:
    """A publication at an http(s) address, such as `https://results.example/draws/54`."""

    def __init__(self, address: str, timeout_s: float = 20.0) -> None:
        self._address = address.rstrip("/")
        self._timeout_s = timeout_s
        # The files are immutable, so asking again is harmless; a redirect would hide who is being asked.
        self._pool = urllib3.PoolManager(
            retries=urllib3.Retry(total=2, redirect=False, backoff_factor=0.2),
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
        )

    def read(self, name: str, limit: int) -> bytes:
        _, parts = self._body(name)
        body = bytearray()
        for part in parts:
            body += part
            if len(body) > limit:
                parts.close()
                raise Unreadable(f"longer than {limit} bytes")
        return bytes(body)

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        span = f"{start}-{start + length - 1}"
        response, parts = self._body(name, {"Range": f"bytes={span}"})
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            skip, right = 0, response.headers.get("Content-Range") == f"bytes {span}/{whole}"
        else:  # a server that knows no ranges sends all
            skip, right = start, response.headers.get("Content-Length") in (None, str(whole))
        if not right:
            parts.close()
            raise Unreadable(f"not the bytes {span} of {whole}")
        body = bytearray()
        for part in parts:
            body += part[skip:]
            skip = max(0, skip - len(part))
            if len(body) >= length:
                parts.close()
        return _of_length(bytes(body[:length]), length)

    def note_published_at(self) -> datetime | None:
        try:
            response = self._request("HEAD", "note.txt")
        except (Absent, Unreadable):
            return None
        response.close()
        try:
            instant = parsedate_to_datetime(response.headers["Last-Modified"])
        except (KeyError, ValueError):
            return None
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)

    def _body(
        self, name: str, headers: dict[str, str] | None = None
    ) -> tuple[urllib3.BaseHTTPResponse, Generator[bytes]]:
        """An answer and its body in parts; whoever does not want the rest closes them."""
        began = time.monotonic()
        response = self._request("GET", name, headers)

        def parts() -> Generator[bytes]:
            allowed_s = self._timeout_s
            try:
                while part := response.read1(_PART_BYTES):
                    allowed_s += len(part) / _SLOWEST_BYTES_S
                    if time.monotonic() - began > allowed_s:
                        raise Unreachable("too slow")
                    yield part
            except urllib3.exceptions.HTTPError as error:
                raise Unreachable(type(error).__name__) from error
            finally:
                response.close()

        return response, parts()

    def _request(self, method: str, name: str, headers: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        address = f"{self._address}/{name}"
        try:
            response = self._pool.request(method, address, headers=headers, redirect=False, preload_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(type(error).__name__) from error
        if response.status == HTTPStatus.OK or (headers and response.status == HTTPStatus.PARTIAL_CONTENT):
            return response
        response.close()
        if response.status in (403, 404):  # 403 is what S3 says about a missing object to who may not list them
            raise Absent
        raise Unreachable(f"status {response.status}")


def _of_length(body: bytes, length: int) -> bytes:
    if len(body) != length:
        raise Unreadable("shorter than it must be")
    return body
