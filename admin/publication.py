"""Reads a published draw from a folder or a web address, trusting nothing about what it finds there.

A verifier is pointed at whatever a stranger hands over: sizes are bounded before anything is read, only plain files
are opened, JSON is taken strictly, and every fault is one of two exceptions with a short reason.
"""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, NoReturn, Protocol, TypeVar

import msgspec
import urllib3
from msgspec import Meta, Struct

T = TypeVar("T")

U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Hex48 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{96}\Z")]
Province = Annotated[int, Meta(ge=10, le=99)]


class Absent(Exception):
    """There is no such file."""


class Unreadable(Exception):
    """The file cannot be had, or is not of its form; the message says why and quotes nothing of it."""


class Publication(Protocol):
    """The files of one wave, by their names below `draws/<wave>/`."""

    def read(self, name: str, limit: int) -> bytes:
        """A file of at most `limit` bytes. Raises `Absent` or `Unreadable`."""

    def note_published_at(self) -> datetime | None:
        """When the note came to be where it is, as far as that place knows."""


class Folder:
    """A publication that lies in a folder, which does not know when it was published."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str, limit: int) -> bytes:
        # Neither a link out of the folder is followed nor a pipe waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            handle = os.open(self._path / name, flags)
            with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor has no path
                facts = os.fstat(handle)
                if not stat.S_ISREG(facts.st_mode):
                    raise Unreadable("not a plain file")
                if facts.st_size > limit:
                    raise Unreadable(f"longer than {limit} bytes")
                return file.read(facts.st_size)
        except FileNotFoundError as error:
            raise Absent from error
        except OSError as error:
            raise Unreadable(error.strerror or type(error).__name__) from error

    def note_published_at(self) -> datetime | None:
        return None


class Site:
    """A publication at an http(s) address, such as `https://results.example/draws/54`."""

    def __init__(self, address: str, timeout_s: float = 20.0) -> None:
        self._address = address.rstrip("/")
        # The files are immutable, so asking again is harmless; a redirect would hide who is being asked.
        self._pool = urllib3.PoolManager(
            retries=urllib3.Retry(total=2, redirect=False, backoff_factor=0.2),
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
        )

    def read(self, name: str, limit: int) -> bytes:
        response = self._request("GET", name)
        body = bytearray()
        try:
            for part in response.stream(1 << 16):
                body += part
                if len(body) > limit:
                    raise Unreadable(f"longer than {limit} bytes")
        except urllib3.exceptions.HTTPError as error:
            raise Unreadable(type(error).__name__) from error
        finally:
            response.close()
        return bytes(body)

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

    def _request(self, method: str, name: str) -> urllib3.BaseHTTPResponse:
        try:
            response = self._pool.request(method, f"{self._address}/{name}", redirect=False, preload_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise Unreadable(type(error).__name__) from error
        if response.status == 200:
            return response
        response.close()
        if response.status in (403, 404):  # 403 is what S3 says about a missing object to who may not list them
            raise Absent
        raise Unreadable(f"status {response.status}")


class _Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class RegionRow(_Row, frozen=True):
    region: Province
    entries: U32
    quota: U32
    root: Hex32


class SignedRound(_Row, frozen=True):
    chain: Hex32
    round: Annotated[int, Meta(ge=1)]
    signature: Hex48
    randomness: Hex32


class OpenRow(_Row, frozen=True):
    seats: U32
    chosen: U32
    cutoff: Hex32 | None


class ReservedRow(_Row, frozen=True):
    region: Province
    seats: U32
    chosen: U32
    cutoff: Hex32 | None


class Result(_Row, frozen=True):
    wave: U32
    seed: Hex32
    reserved: list[ReservedRow]
    open: OpenRow


class SubstitutionRow(_Row, frozen=True):
    seq: Annotated[int, Meta(ge=1)]
    seat: Annotated[str, Meta(pattern=r"\A(open|[1-9][0-9])\Z")]
    out: Hex32
    reason: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,63}\Z")]
    incoming: Hex32 | None = msgspec.field(name="in")


class SampleFile(_Row, frozen=True):
    after_seq: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    size: Annotated[int, Meta(ge=1, le=1_000_000)]
    leaves: list[Hex32]


def decode(raw: bytes, form: type[T]) -> T:
    """Strict JSON of a form: UTF-8, no field twice, none unknown, no fractions. Raises `Unreadable`."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_no_field_twice,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from error
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    except ValueError as error:
        raise Unreadable("not JSON of the published form") from error


def _no_field_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field appears twice")
    return fields


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{len(text)} characters that are no whole number")
