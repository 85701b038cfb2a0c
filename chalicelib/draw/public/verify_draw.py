#!/usr/bin/env python3
"""Verifies the public draw of one wave from what is published of it, and from nothing else.

    python3 verify_draw.py https://.../draws/54/                          the whole draw: about a minute for ten million
    python3 verify_draw.py https://.../draws/54/ --ticket receipt.json    your own place in it: a second or two

It is one file on purpose: it is published beside every wave's results, and whoever doubts them can download it, read it
from top to bottom and run it with Python 3.11 or later, installing nothing. It shares no code with the application that
held the draw. What it checks is written down in docs/draw.md, "the specification" below; the parts of this file follow
its sections. Only the pairing of section 4 is more than Python can do by itself: the signature of the random number is
checked if the package pyblst is installed, and is otherwise shown as not checked.

Whatever it reads is taken for hostile: sizes are bounded before anything is read, links are not followed, and what is
not exactly of the published form is refused.
"""
# ruff: noqa: T201 - a command: it prints

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # a json.py in the folder this file was downloaded to would else run in place of Python's own

import argparse
import base64
import functools
import hashlib
import hmac
import http.client
import io
import json
import os
import re
import select
import socket
import stat
import time
import urllib.parse
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from itertools import pairwise
from math import isqrt
from pathlib import Path
from struct import pack
from typing import Any, NamedTuple, Protocol, TypeVar

SMALL_FILE = 1_048_576  # section 6: no file is larger, the lists, nodes, substitutions and the sample apart
LARGE_FILE = 268_435_456  # section 6: neither the substitutions nor the sample are larger
MOST_ENTRIES = 50_000_000  # section 6: no wave has more
RUN = 4096 * 32  # section 6: the bytes of a run of 4,096 leaves
PATIENCE_S = 60.0  # how long servers may keep us waiting, in all, for less than SLOWEST bytes a second
SLOWEST = 20_000
PROMPT_S = 2.0  # what an answer may take to begin at no cost: a new connection goes there and back four times
HEAD = 262_144  # what an answer may have besides its body, which may come in chunks that are as long again
UNPROVEN = (
    "No verifier can tell whether every leaf is a person and one person's alone, whether there is another note "
    "of the wave, or how late it was frozen: docs/draw.md, What the draw proves, and what it does not."
)
REASONS = ("ineligible", "family_card", "already_beneficiary", "revoked")

T = TypeVar("T")


@dataclass(frozen=True)
class Chain:
    """A chain of random numbers: whose signature is believed, and when which round exists."""

    hash: str
    public_key: str
    genesis: int
    period: int
    delay: int

    def round_of(self, frozen: int) -> int:
        """Section 3: the first round at or after the freeze plus the delay, but not below 1."""
        return max(1, -((self.genesis - frozen - self.delay) // self.period) + 1)

    def time_of(self, number: int) -> int:
        """The second from which on a round exists."""
        return self.genesis + (number - 1) * self.period


QUICKNET = Chain(
    "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    genesis=1692803367,
    period=3,
    delay=1800,
)


# ----------------------------------------------------------------------------------------------------------- the report


class Failure(Exception):
    """Why a file is refused. The text begins with the name that section 10 gives the failure."""


class Absent(Failure):
    """The file is not there, which a few may be."""


class Check(NamedTuple):
    """One line of the report; `ok` is None where the check could not be made."""

    name: str
    ok: bool | None
    detail: str


class Report:
    """The checks that were made, said as they are made."""

    def __init__(self, aloud: bool) -> None:
        self.aloud = aloud
        self.checks: list[Check] = []
        self.wanting = 0  # how many checks somebody who knows more, or later, could make

    def add(self, name: str, ok: bool | None, detail: str) -> None:
        # What a file says may end up in a detail: nothing of it may steer a terminal.
        detail = "".join(character if character.isprintable() else "?" for character in detail)[:600]
        self.checks.append(Check(name, ok, detail))
        if self.aloud:
            state = {True: "ok", False: "FAILED", None: "not checked"}[ok]
            print(f"{state:<13}{name}: {detail}", flush=True)

    def skip(self, name: str, why: str, wanting: bool = True) -> None:
        """A check that is not made; it is not `wanting` where there is nothing to check."""
        self.wanting += wanting
        self.add(name, None, why)

    def judge(self, name: str, good: str, *faults: str | Collection[str] | None) -> None:
        """A line for each fault that there is, or one that says what holds."""
        found = [text for fault in faults if fault for text in ([fault] if isinstance(fault, str) else fault)]
        for text in found or [good]:
            self.add(name, not found, text)

    @property
    def ok(self) -> bool:
        return all(check.ok is not False for check in self.checks)


# ---------------------------------------------------------------------------------------- where the files are read from


Watch = Callable[[bytes], None]


class Source(Protocol):
    """A folder or a web address. Both refuse what is larger than it may be before they read it."""

    note_seen: float | None  # when a web server says that the note was put there

    def read(self, name: str, most: int, start: int = 0, whole: int | None = None, watch: Watch | None = None) -> bytes:
        """A file of at most `most` bytes; or those from `start` on, of one that has `whole` bytes.

        `watch` sees a file's bytes as they come, and may refuse them.
        """


def sized(name: str, size: int, most: int, whole: int | None) -> None:
    if whole is not None and size != whole:
        raise Failure(f"malformed: {name} has {size} bytes, not {whole}")
    if whole is None and size > most:
        raise Failure(f"malformed: {name} is larger than {most} bytes")


class Folder:
    """Published files that were downloaded."""

    note_seen: float | None = None

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str, most: int, start: int = 0, whole: int | None = None, watch: Watch | None = None) -> bytes:
        path = self.root
        try:
            for part in name.split("/"):
                path = path / part
                mode = path.lstat().st_mode  # says of a link that it is one: none leads out of the folder
                if not (stat.S_ISREG(mode) if path.name == name.split("/")[-1] else stat.S_ISDIR(mode)):
                    raise Failure(f"malformed: {name} is not a plain file in a plain folder")
            with open(path, "rb", opener=plainly) as file:
                sized(name, file.seek(0, 2), most, whole)
                file.seek(start)
                data = bytearray()
                while piece := file.read(min(most - len(data), 1 << 20)):
                    data += piece
                    if watch:
                        watch(piece)
                return bytes(data)
        except (FileNotFoundError, NotADirectoryError):
            raise Absent(f"missing: {name} is not there") from None
        except OSError as error:
            raise Failure(f"missing: {name} cannot be read: {error.strerror}") from None


def plainly(path: str, flags: int) -> int:
    """Opens without waiting for a pipe, or following a link, that took the file's place since it was looked at."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


class TimeLimit:
    """Seconds in which all must be read, and how long servers may keep us waiting for less than they could send.

    They have patience for a minute, and earn it back by sending; an answer that begins at once costs nothing of it.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.began = clock, clock()
        self.ends = self.began + limit
        self.most = self.patience = min(PATIENCE_S, limit)

    def begin(self) -> None:
        self.began = self.clock()

    def end(self, received: int, free: float = 0.0) -> None:
        """So many bytes came since `begin` or the last `end`; so many seconds of that wait cost nothing."""
        waited = max(self.clock() - self.began - free, 0.0)
        self.patience = min(self.most, self.patience + received / SLOWEST - waited)
        self.begin()

    def left(self) -> float:
        """How long may be waited now."""
        left = min(self.ends, self.began + self.patience) - self.clock()
        if left <= 0:
            raise TimeoutError("too slow")
        return left


class Bounded(io.RawIOBase):
    """What comes in over a socket, headers and sizes of chunks too: so many bytes, and none after the time limit."""

    def __init__(self, sock: socket.socket, limit: TimeLimit, most: int) -> None:
        self.sock, self.limit, self.most = sock, limit, most
        self.raw = sock.makefile("rb", buffering=0)  # which keeps the socket open while this is

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(self.limit.left())
        received = self.raw.readinto(buffer) or 0
        self.most -= received
        if self.most < 0:
            raise OSError("the answer is longer than its file may be")
        return received

    def close(self) -> None:
        self.raw.close()
        super().close()


class Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, limit: TimeLimit, most: int, **given: Any) -> None:
        super().__init__(sock, **given)
        self.fp.close()
        self.fp = io.BufferedReader(Bounded(sock, limit, most))


class Web:
    """The published files themselves, over one connection. No redirect is followed, and no proxy asked."""

    note_seen: float | None = None

    def __init__(self, address: str, limit: float) -> None:
        parts = urllib.parse.urlsplit(address)
        if parts.query or parts.fragment or "@" in parts.netloc or not parts.hostname:
            raise ValueError("an address without a query, a fragment or a user")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.limit = TimeLimit(limit)
        self.connection = kind(parts.hostname, parts.port)
        self.connection._create_connection = self._dial  # type: ignore[attr-defined] # its own takes each address's time
        self.base = urllib.parse.quote(parts.path.rstrip("/"), safe="/%") + "/"
        self._connect()

    def _connect(self) -> None:
        self.connection.timeout = self.limit.left()
        self.connection.connect()

    def _dial(self, address: tuple[str, int], *_: object) -> socket.socket:
        fault = OSError("no address")
        for found in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            host, port = found[4][:2]
            try:
                return socket.create_connection((str(host), int(port)), min(10, self.limit.left()))
            except OSError as error:
                fault = error
        raise fault

    def read(self, name: str, most: int, start: int = 0, whole: int | None = None, watch: Watch | None = None) -> bytes:
        kept = self.connection.sock is not None
        try:
            try:
                return self._get(name, most, start, whole, watch)
            except (ConnectionError, http.client.HTTPException):
                if not kept:
                    raise
            self.connection.close()  # a server may close what it had kept open, or have sent more than it said
            return self._get(name, most, start, whole, watch)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.connection.close()
            reason = "too slow" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            raise Failure(f"missing: {name} cannot be read: {reason}") from None
        except Absent:
            raise
        except Failure:
            self.connection.close()  # the rest of an answer that was refused is not waited for
            raise

    def _get(self, name: str, most: int, start: int, whole: int | None, watch: Watch | None) -> bytes:
        self.limit.begin()
        data = bytearray()
        try:
            if self.connection.sock is not None and select.select([self.connection.sock], [], [], 0)[0]:
                self.connection.close()  # what nobody asked for, or the end
            if self.connection.sock is None:
                self._connect()
            longest = 2 * max(most, whole or 0) + HEAD
            bounded = functools.partial(Response, limit=self.limit, most=longest)
            self.connection.response_class = bounded  # type: ignore[assignment] # anything that makes one does
            self.connection.sock.settimeout(self.limit.left())
            span = f"{start}-{start + most - 1}" if start or (whole or 0) > most else ""
            headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={span}"} if span else {})
            self.connection.request("GET", self.base + name, headers=headers)
            response = self.connection.getresponse()
            self.limit.end(0, PROMPT_S)
            self._accept(name, response, f"{span}/{whole}" if span else "")
            skip = start if span and response.status == 200 else 0  # it cannot send a part: pass over what is before
            if response.length is not None and response.status == 200:
                sized(name, response.length, most, whole)
            wanted = most if span else most + 1
            while len(data) < wanted and (piece := response.read1(1 << 16)):
                self.limit.end(len(piece))
                data += piece[skip:]
                skip = max(0, skip - len(piece))
                if watch and len(data) <= most:
                    watch(piece)
            if len(data) < wanted and response.length:
                raise OSError("it is cut off")
            self._end(response)
        finally:
            self.limit.end(0)
        sized(name, min(len(data), wanted), most, most if span else whole)
        return bytes(data[:wanted])

    def _accept(self, name: str, response: http.client.HTTPResponse, part: str) -> None:
        if response.status in (403, 404):  # stores of files say 403 of one that is not there
            response.read1(1 << 16)
            self._end(response)
            raise Absent(f"missing: {name} is not there")
        right = response.status == 200 or (part and response.status == 206)
        if not right or response.getheader("Content-Encoding", "identity") != "identity":
            raise Failure(f"missing: {name} is not sent as it is: {response.status} {response.reason}")
        if response.status == 206 and response.getheader("Content-Range") != f"bytes {part}":
            raise Failure(f"malformed: {name} has other bytes than the {part} that were asked for")
        if name == "note.txt":
            try:
                seen = parsedate_to_datetime(response.headers["Last-Modified"] or "")
                self.note_seen = (seen if seen.tzinfo else seen.replace(tzinfo=UTC)).timestamp()
            except (ValueError, TypeError, OverflowError):
                self.note_seen = None

    def _end(self, response: http.client.HTTPResponse) -> None:
        """Keep the connection if the answer is over, else end it."""
        over = response.length == 0 or (response.chunked and not response.read1(1))
        response.close()
        if not over:
            self.connection.close()


# ---------------------------------------------------------------------------- section 6: the forms of what is published


PLACEHOLDERS = {
    "#": rb"(0|[1-9][0-9]{0,19})",  # a number
    "%": rb"([0-9a-f]{64})",  # a hash
    "?": rb'(null|"[0-9a-f]{64}")',  # a hash or none
    "=": rb"([0-9a-f]{96})",  # a signature
    "~": rb"([a-z_]+)",  # a word
    "^": rb"([1-9][0-9])",  # a region
    "&": rb"(open|[1-9][0-9])",  # what kind a seat is of
    "@": rb"([A-Za-z0-9+/]{43}=)",  # a hash in base64
    "!": rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)",  # a time
    "*": rb"(.*)",  # rows, which have a form of their own
}


def form(text: str) -> re.Pattern[bytes]:
    """What the specification says a file looks like, with placeholders for the values.

    Each has one form only, byte for byte, so there is no need for a reader of JSON and all that JSON would allow.
    """
    return re.compile(b"".join(PLACEHOLDERS.get(character) or re.escape(character.encode()) for character in text))


NOTE = form("gelombang/draw/1\nwave #\nentries #\nquota #\nreserved #\nregions @\nfrozen !\nbeacon % #\n")
REMOVALS, REMOVAL = form('{"removed":[*]}\n'), form('{"reason":"~","entries":#}')
REGIONS, REGION = form("[*]\n"), form('{"region":^,"entries":#,"quota":#,"root":"%"}')
BEACON = form('{"chain":"%","round":#,"signature":"=","randomness":"%"}\n')
RESULT = form('{"wave":#,"seed":"%","reserved":[*],"open":{"seats":#,"chosen":#,"cutoff":?}}\n')
RESERVED = form('{"region":^,"seats":#,"chosen":#,"cutoff":?}')
SUBSTITUTIONS, SUBSTITUTION = form("[*]\n"), form('{"seq":#,"seat":"&","out":"%","reason":"~","in":?}')
SAMPLE, SAMPLED = form('{"after_seq":#,"size":#,"leaves":[*]}\n'), form('"%"')


def demand(holds: object, name: str, what: str) -> None:
    if not holds:
        raise Failure(f"malformed: {name}: {what}")


def values(name: str, pattern: re.Pattern[bytes], data: bytes) -> list[bytes]:
    matched = pattern.fullmatch(data)
    demand(matched, name, "it is not of its form")
    return list(matched.groups()) if matched else []


def rows_of(name: str, pattern: re.Pattern[bytes], data: bytes) -> Iterator[tuple[bytes, ...]]:
    """The values of each row, with one comma between two rows and nothing else."""
    end = -1
    for row in pattern.finditer(data):
        demand(row.start() == end + 1 and (not row.start() or data[end] == ord(",")), name, "a row is not of its form")
        end = row.end()
        yield row.groups()
    demand(max(end, 0) == len(data), name, "a row is not of its form")


def number(name: str, text: bytes, most: int = 2**32 - 1, least: int = 0) -> int:
    demand(least <= int(text) <= most, name, f"{int(text)} is out of range")
    return int(text)


def once_each(name: str, regions: list[int]) -> None:
    demand(len(set(regions)) == len(regions), name, "a region has two rows")


def unhex(text: bytes) -> bytes:
    return bytes.fromhex(text.decode())


def unhex_or_none(text: bytes) -> bytes | None:
    return None if text == b"null" else unhex(text[1:-1])


class Note(NamedTuple):
    """Section 3: what was committed to."""

    text: bytes
    wave: int
    entries: int
    quota: int
    reserved: int
    top: bytes
    frozen: int
    chain: str
    round: int


def parse_note(data: bytes) -> Note:
    wave, entries, quota, reserved, encoded, frozen, chain, due = values("note.txt", NOTE, data)
    top = base64.b64decode(encoded)
    demand(base64.b64encode(top) == encoded, "note.txt", "the base64 of its regions has another form")
    try:
        when = int(datetime.fromisoformat(frozen.decode()).timestamp())
    except ValueError:
        when = 0
    demand(moment(when) == frozen.decode(), "note.txt", "there is no such time as its freeze")
    w, n, q, r = (number("note.txt", text) for text in (wave, entries, quota, reserved))
    return Note(data, w, n, q, r, top, when, chain.decode(), number("note.txt", due, 2**64 - 1, 1))


class Region(NamedTuple):
    """A row of regions.json."""

    region: int
    entries: int
    quota: int
    root: bytes


def parse_regions(data: bytes) -> list[Region]:
    name = "regions.json"
    (inside,) = values(name, REGIONS, data)
    rows = []
    for region, entries, quota, root in rows_of(name, REGION, inside):
        row = Region(int(region), number(name, entries), number(name, quota), unhex(root))
        demand(row.entries or row.quota, name, f"region {row.region} has neither entries nor seats")
        rows.append(row)
    once_each(name, [row.region for row in rows])
    demand(sum(row.entries for row in rows) <= MOST_ENTRIES, name, f"more than {MOST_ENTRIES} entries")
    return rows


class Beacon(NamedTuple):
    chain: str
    round: int
    signature: bytes
    randomness: bytes


def parse_beacon(data: bytes) -> Beacon:
    chain, at, signature, randomness = values("beacon.json", BEACON, data)
    return Beacon(chain.decode(), number("beacon.json", at, 2**64 - 1, 1), unhex(signature), unhex(randomness))


class Seats(NamedTuple):
    """What the result says of a region's seats, or of the open ones."""

    seats: int
    chosen: int
    cutoff: bytes | None


class Result(NamedTuple):
    wave: int
    seed: bytes
    reserved: list[tuple[int, Seats]]
    open: Seats

    def by_seat(self) -> dict[str, Seats]:
        return {str(region): seats for region, seats in self.reserved} | {"open": self.open}


def parse_result(data: bytes) -> Result:
    def seats_of(seats: bytes, chosen: bytes, cutoff: bytes) -> Seats:
        return Seats(number("result.json", seats), number("result.json", chosen), unhex_or_none(cutoff))

    wave, seed, inside, *opened = values("result.json", RESULT, data)
    rows = rows_of("result.json", RESERVED, inside)
    reserved = [(int(region), seats_of(*row)) for region, *row in rows]
    once_each("result.json", [region for region, _ in reserved])
    return Result(number("result.json", wave), unhex(seed), reserved, seats_of(*opened))


class Substitution(NamedTuple):
    seq: int
    seat: str
    out: bytes
    reason: str
    into: bytes | None


def parse_substitutions(data: bytes) -> list[Substitution]:
    name = "substitutions.json"
    (inside,) = values(name, SUBSTITUTIONS, data)
    rows = [
        Substitution(number(name, seq, least=1), seat.decode(), unhex(out), reason.decode(), unhex_or_none(into))
        for seq, seat, out, reason, into in rows_of(name, SUBSTITUTION, inside)
    ]
    demand(all(row.reason in REASONS for row in rows), name, "a reason that there is not")
    return rows


def parse_removals(data: bytes) -> str:
    (inside,) = values("removals.json", REMOVALS, data)
    rows = [
        (reason.decode(), number("removals.json", entries, least=1))
        for reason, entries in rows_of("removals.json", REMOVAL, inside)
    ]
    ascending = all(a[0] < b[0] for a, b in pairwise(rows))
    demand(ascending, "removals.json", "the reasons do not ascend")
    return "removed before the freeze: " + (", ".join(f"{entries} {reason}" for reason, entries in rows) or "nobody")


def parse_sample(data: bytes) -> tuple[int, int, list[bytes]]:
    name = "sample.json"
    after, size, inside = values(name, SAMPLE, data)
    leaves = [unhex(leaf) for (leaf,) in rows_of(name, SAMPLED, inside)]
    return number(name, after), number(name, size, least=1), leaves


class Files:
    """What the files say; None for one that was refused."""

    def __init__(self, report: Report, source: Source, alone: bool) -> None:
        def read(name: str, parse: Callable[[bytes], T], without: T | None = None, most: int = SMALL_FILE) -> T | None:
            try:
                value = parse(source.read(name, most))
            except Absent as absent:
                if without is None:
                    report.add(name, False, str(absent))
                else:
                    report.skip(name, str(absent), wanting=name == "substitutions.json" and not alone)
                return without
            except Failure as failure:
                report.add(name, False, str(failure))
                return None
            report.add(name, True, value if isinstance(value, str) else "of its form")
            return value

        no_lines: list[tuple[str, bytes]] = []
        no_rows: list[Substitution] = []
        self.note = read("note.txt", parse_note)
        self.cosignatures = read("cosignatures.txt", parse_cosignatures, no_lines)
        if not alone:
            read("removals.json", parse_removals)
        self.regions = read("regions.json", parse_regions)
        self.beacon = read("beacon.json", parse_beacon)
        self.result = read("result.json", parse_result)
        self.substitutions = read("substitutions.json", parse_substitutions, no_rows, LARGE_FILE)
        self.seed = seed_of(self.note, self.beacon) if self.note and self.beacon else None


# ---------------------------------------------------------------------------- section 1: leaves and the trees over them


def leaf_of(wave: int, region: int, ticket: bytes) -> bytes:
    return sha256(b"\x00gelombang1/leaf\x00" + pack(">IH", wave, region) + ticket).digest()


def joined(level: bytes) -> bytes:
    """One level up in a tree: neighbours are hashed together, and one that has no neighbour goes up as it is."""
    pairs = len(level) // 64 * 64
    return b"".join([sha256(b"\x01" + level[i : i + 64]).digest() for i in range(0, pairs, 64)]) + level[pairs:]


def tree_hash(level: bytes) -> bytes:
    """The root over hashes that stand one after the other. Going up by levels gives the tree of RFC 9162."""
    while len(level) > 32:
        level = joined(level)
    return level or sha256().digest()


def run_hashes(leaves: bytes) -> bytes:
    """The nodes file of a list."""
    return b"".join([tree_hash(leaves[i : i + RUN]) for i in range(0, len(leaves), RUN)])


def path_in(level: bytes, index: int) -> list[bytes]:
    """The neighbours that one meets on the way up from a place to the root."""
    path = []
    while len(level) > 32:
        neighbour = level[32 * (index ^ 1) :][:32]
        path += [neighbour] if neighbour else []
        level, index = joined(level), index // 2
    return path


def root_by_path(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """Where a path leads, as RFC 9162 section 2.1.3.2 says; None if it is too long or too short."""
    last, value = size - 1, leaf
    for neighbour in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            value = sha256(b"\x01" + neighbour + value).digest()
            while index and not index % 2:
                index, last = index // 2, last // 2
        else:
            value = sha256(b"\x01" + value + neighbour).digest()
        index, last = index // 2, last // 2
    return value if last == 0 else None


# ----------------------------------------------------------------------------------------------------- section 2: seats


def shares(reserved: int, weights: dict[int, int]) -> dict[int, int]:
    """The reserved seats of each region by its weight: the whole parts, then one each to the largest remainders."""
    total = sum(weights.values())
    if not total:
        return dict.fromkeys(weights, 0)
    seats = {region: reserved * weight // total for region, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda region: (-(reserved * weights[region] % total), region))
    for region in by_remainder[: reserved - sum(seats.values())]:
        seats[region] += 1
    return seats


# -------------------------------------------------------------------------------------------- section 3: the commitment


class Ticket(NamedTuple):
    """What a receipt says that is not computed from it."""

    secret: bytes
    region: int
    wave: int | None


def moment(second: float) -> str:
    try:
        return datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"second {second}"


def check_note(report: Report, files: Files, known: argparse.Namespace, seen: float | None) -> None:
    note, chain = files.note, known.chain
    if note is None:
        report.skip("note", "it needs note.txt")
        return
    waves = {known.wave, known.ticket and known.ticket.wave} - {None}
    wrong = f"wrong wave: the note is of wave {note.wave}, not {', '.join(map(str, waves))}"
    if waves:
        report.judge("note: wave", f"wave {note.wave}", wrong if waves != {note.wave} else None)
    else:
        report.skip("note: wave", "the folder is not named after a wave, and none was given (--wave)", wanting=False)
    check_round(report, note, chain, seen)
    if known.closes_at is None:
        report.skip("note: frozen after the close", "it is not known when the wave closed (--closes-at)")
        return
    first = known.closes_at + known.freeze_delay
    wrong = f"early note: frozen at {moment(note.frozen)}, before {moment(first)}"
    good = f"frozen at {moment(note.frozen)}, not before {moment(first)}"
    report.judge("note: frozen after the close", good, wrong if note.frozen < first else None)


def check_round(report: Report, note: Note, chain: Chain, seen: float | None) -> None:
    if note.chain != chain.hash:
        report.add("note: chain", False, f"foreign chain: {note.chain} is not the chain {chain.hash}")
        report.skip("note: round, and that it was public before", "they need the note's chain")
        return
    report.add("note: chain", True, chain.hash)
    due, round_at = chain.round_of(note.frozen), chain.time_of(note.round)
    wrong = f"wrong round: {note.round} instead of {due}, the first after the freeze and its delay"
    report.judge("note: round", f"{note.round}, from {moment(round_at)} on", wrong if note.round != due else None)
    if seen is None:
        report.skip("note: public before its round", "nobody says when the note was first seen (--seen-at)")
        return
    wrong = f"late note: it was seen at {moment(seen)}, its round exists from {moment(round_at)} on"
    report.judge("note: public before its round", f"seen at {moment(seen)}", wrong if seen >= round_at else None)


def check_regions(report: Report, files: Files, weights: dict[int, int] | None) -> None:
    note, rows = files.note, files.regions
    if rows is not None:
        ascending = all(a.region < b.region for a, b in pairwise(rows))
        report.judge("regions: order", "ascending", None if ascending else "regions not ascending: by their codes")
    if note is None or rows is None:
        report.skip("regions", "they need note.txt and regions.json")
        return
    entries, reserved = sum(row.entries for row in rows), sum(row.quota for row in rows)
    wrong = f"wrong entries: the regions have {entries}, the note says {note.entries}"
    report.judge("regions: entries", f"{entries}, as the note says", wrong if entries != note.entries else None)
    report.judge(
        "regions: reserved seats",
        f"{reserved} of {note.quota}, as the note says",
        f"wrong seats: {reserved} are reserved, the note says {note.reserved}" if reserved != note.reserved else None,
        f"wrong seats: {reserved} are reserved, of {note.quota}" if reserved > note.quota else None,
    )
    if weights is None:
        unknown = "the weights of the decree were not given (--weight)"
        report.skip("regions: shares by weight", unknown, wanting=bool(reserved or note.reserved))
    else:
        due = {region: seats for region, seats in shares(note.reserved, weights).items() if seats}
        has = {row.region: row.quota for row in rows if row.quota}
        differing = sorted(region for region in due | has if due.get(region) != has.get(region))
        wrong = f"wrong seats: not the shares by weight in {', '.join(map(str, differing[:20]))}"
        report.judge("regions: shares by weight", "as section 2 says", wrong if differing else None)
    level = b"".join(
        sha256(
            b"\x00gelombang1/region\x00" + pack(">IHII", note.wave, row.region, row.entries, row.quota) + row.root
        ).digest()
        for row in rows
    )
    wrong = "wrong top: the note does not commit to these regions"
    report.judge("regions: top", "the note commits to them", wrong if tree_hash(level) != note.top else None)


class Ascending:
    """Refuses a list at the first leaf that does not come after the one before it: nothing else of it is read."""

    def __init__(self, name: str) -> None:
        self.name, self.rest, self.before = name, b"", b""

    def __call__(self, piece: bytes) -> None:
        seen = self.rest + piece
        whole, before = len(seen) // 32 * 32, self.before
        for i in range(0, whole, 32):
            leaf = seen[i : i + 32]
            if leaf <= before:
                raise Failure(f"{'duplicate leaf' if leaf == before else 'list not ascending'}: {self.name}")
            before = leaf
        self.rest, self.before = seen[whole:], before


def surplus(source: Source, name: str) -> str:
    """What is wrong if a file is there that must not be."""
    try:
        source.read(name, 0)
    except Absent:
        return ""
    except Failure as failure:
        if str(failure).startswith("missing"):
            return str(failure)
    return f"malformed: {name} is there, for a region without entries"


def check_strays(report: Report, source: Source, rows: Sequence[Region]) -> None:
    """No list and no nodes of a region that the table has no row for."""
    others = sorted(set(range(10, 100)) - {row.region for row in rows})
    faults = (
        next((fault for region in others if (fault := surplus(source, f"{kind}/{region}.bin"))), "")
        for kind in ("leaves", "nodes")
    )
    report.judge("lists: of no other region", "none", *faults)


def published(source: Source, name: str, size: int, watch: Watch | None = None) -> tuple[bytes | None, str]:
    """A file that has so many bytes, or what is wrong with it."""
    try:
        return source.read(name, size, whole=size, watch=watch), ""
    except Failure as failure:
        return None, str(failure)


def check_list(report: Report, source: Source, row: Region) -> bytes | None:
    """The leaves of a region, if their file is there, has its size and ascends."""
    name, file, size = f"list of {row.region}", f"leaves/{row.region}.bin", 32 * row.entries
    node_file, node_size = f"nodes/{row.region}.bin", 32 * -(-size // RUN)
    if not size:
        wrong = None if row.root == tree_hash(b"") else f"wrong root: region {row.region} has no leaves"
        report.judge(name, "no leaves", wrong, surplus(source, file), surplus(source, node_file))
        return b""
    leaves, list_fault = published(source, file, size, Ascending(file))
    nodes, node_fault = published(source, node_file, node_size)
    if leaves is None:
        report.judge(name, "", list_fault, node_fault)
        return None
    faults = [node_fault]
    runs = run_hashes(leaves)
    if tree_hash(runs) != row.root:
        faults.append(f"wrong root: {file} does not have the root of regions.json")
    if nodes is not None and nodes != runs:
        faults.append(f"wrong nodes: {node_file} is not that of the list")
    report.judge(name, f"{row.entries} leaves, ascending, under the root", *faults)
    return leaves


# ----------------------------------------------------------------------------------------- section 4: the random number

G2_GENERATOR = (
    "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
)


def signature_fault(chain: Chain, number: int, signature: bytes) -> str | None:
    """Why it is not the chain's signature of the round. ImportError where pyblst is not installed."""
    import pyblst

    try:
        point = pyblst.BlstP1Element.uncompress(signature)
        key = pyblst.BlstP2Element.uncompress(bytes.fromhex(chain.public_key))
        generator = pyblst.BlstP2Element.uncompress(bytes.fromhex(G2_GENERATOR))
    except ValueError:
        return "forged signature: it is no point of the group"
    if signature[0] & 0x40:
        return "forged signature: it is the identity"
    message = sha256(pack(">Q", number)).digest()
    hashed = pyblst.BlstP1Element.hash_to_group(message, b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_")
    if pyblst.final_verify(pyblst.miller_loop(point, generator), pyblst.miller_loop(hashed, key)):
        return None
    return f"forged signature: the chain's key did not sign round {number} with it"


def check_beacon(report: Report, files: Files, chain: Chain) -> None:
    note, beacon = files.note, files.beacon
    if beacon is None:
        report.skip("beacon", "it needs beacon.json")
        return
    if note is None:
        report.skip("beacon: chain, round and signature", "they need note.txt")
    else:
        check_signature(report, note, beacon, chain)
    good = "the hash of the signature"
    wrong = f"wrong randomness: not {good}"
    hashed = sha256(beacon.signature).digest()
    report.judge("beacon: randomness", good, wrong if beacon.randomness != hashed else None)


def check_signature(report: Report, note: Note, beacon: Beacon, chain: Chain) -> None:
    wrong = f"foreign chain: {beacon.chain} is not the note's"
    report.judge("beacon: chain", "the note's", wrong if beacon.chain != note.chain else None)
    wrong = f"wrong round: {beacon.round}, the note says {note.round}"
    report.judge("beacon: round", "the note's", wrong if beacon.round != note.round else None)
    if note.chain != chain.hash:
        report.skip("beacon: signature", "the note's chain is not known, nor its key")
        return
    try:
        fault = signature_fault(chain, note.round, beacon.signature)
        report.judge("beacon: signature", f"the chain's, of round {note.round}", fault)
    except ImportError:
        report.skip("beacon: signature", "this Python has no BLS12-381: install pyblst, or ask any drand client")


# --------------------------------------------------------------------------------------------- section 5: who is chosen


def seed_of(note: Note, beacon: Beacon) -> bytes:
    randomness = sha256(beacon.signature).digest()
    return hmac.digest(sha256(note.text).digest(), b"gelombang1/seed\x00" + randomness, "sha256")


def value_of(seed: bytes, purpose: str, leaf: bytes) -> bytes:
    """A leaf's rank, open or survey value."""
    return hmac.digest(seed, b"gelombang1/" + purpose.encode() + b"\x00" + leaf, "sha256")


def lowest(
    lists: Sequence[bytes], seed: bytes, purpose: str, count: int, without: Collection[bytes] = ()
) -> list[bytes]:
    """The `count` lowest by (value, leaf), each as value || leaf, ascending; all, if there are not so many.

    The values of ten million leaves are neither kept nor sorted. They are spread evenly, so the lowest are below a
    threshold that can be told beforehand; should it have been too low for once, a higher one is tried.
    """
    key = seed.ljust(64, b"\x00")  # HMAC by hand, so that what is the same for every leaf is hashed once
    inner = sha256(bytes(byte ^ 0x36 for byte in key) + b"gelombang1/" + purpose.encode() + b"\x00").copy
    outer = sha256(bytes(byte ^ 0x5C for byte in key)).copy
    total = max(1, sum(map(len, lists)) // 32 - len(without))
    hoped = count + 6 * isqrt(count) + 40
    while True:
        threshold = min(2**256 - 1, 2**256 * hoped // total).to_bytes(32, "big")
        found: set[bytes] = set()
        for leaves in lists:
            for i in range(0, len(leaves), 32):
                leaf = leaves[i : i + 32]
                first, second = inner(), outer()
                first.update(leaf)
                second.update(first.digest())
                value = second.digest()
                if value <= threshold and leaf not in without:
                    found.add(value + leaf)  # one that is on two lists counts once
        if len(found) >= count or hoped >= total:
            return sorted(found)[:count]
        hoped *= 4


class Draw:
    """Who was drawn, recomputed from the lists and the seed, and who comes next for a seat that falls free."""

    def __init__(
        self, lists: dict[int, bytes], rows: Sequence[Region], open_seats: int, seed: bytes, falls: Counter[str]
    ) -> None:
        self.cutoffs: dict[str, bytes | None] = {}
        self.drawn: dict[bytes, str] = {}  # leaf to seat
        self.queues: dict[str, Iterator[bytes]] = {}
        for row in sorted(rows):
            if row.quota:
                # Whoever follows in a region comes after at most all who ever held a seat.
                further = falls.total() + open_seats + 1 if falls[str(row.region)] else 0
                order = lowest([lists[row.region]], seed, "rank", len(self.drawn) + row.quota + further)
                self._seat(str(row.region), row.quota, order)
        quota = open_seats + sum(min(row.quota, row.entries) for row in rows)
        order = lowest(list(lists.values()), seed, "open", quota + falls.total() + 1)
        self._seat("open", quota - len(self.drawn), order)

    def _seat(self, seat: str, seats: int, order: Sequence[bytes]) -> None:
        free = [entry for entry in order if entry[32:] not in self.drawn]
        self.cutoffs[seat] = free[:seats][-1][:32] if free[:seats] else None
        self.drawn.update((entry[32:], seat) for entry in free[:seats])
        self.queues[seat] = (entry[32:] for entry in free)

    def replay(self, rows: Sequence[Substitution]) -> str | None:
        """Apply the substitutions one after the other; the first that is not as it must be, or None."""
        holders, held = dict(self.drawn), set(self.drawn)
        for place, row in enumerate(rows, 1):
            at = f"substitution out of order: number {row.seq}"
            if row.seq != place:
                return f"{at} stands where {place} should"
            seat = holders.pop(row.out, None)
            if seat is None:
                return f"{at} takes a seat from who holds none"
            if seat != row.seat:
                return f"{at} is of a seat of {seat}, not {row.seat}"
            following = next(
                (leaf for queue in (seat, "open") for leaf in self.queues[queue] if leaf not in held), None
            )
            if row.into != following:
                return f"{at} should be followed by {following.hex() if following else 'nobody'}"
            if following:
                holders[following] = seat
                held.add(following)
        return None


def add_up(note: Note, rows: Sequence[Region]) -> bool:
    return sum(row.quota for row in rows) <= note.quota


def open_seats_of(note: Note, rows: Sequence[Region]) -> int:
    return note.quota - sum(row.quota for row in rows) + sum(max(0, row.quota - row.entries) for row in rows)


def check_result(report: Report, files: Files) -> None:
    """All of the result that follows without the lists."""
    note, rows, result, seed = files.note, files.regions, files.result, files.seed
    if note is None or result is None:
        report.skip("result", "it needs note.txt and result.json")
        return
    wrong = f"wrong wave: {result.wave}, the note is of {note.wave}"
    report.judge("result: wave", f"wave {note.wave}", wrong if result.wave != note.wave else None)
    if seed is None:
        report.skip("result: seed", "it needs beacon.json")
    else:
        wrong = f"wrong seed: it should be {seed.hex()}"
        report.judge("result: seed", seed.hex(), wrong if result.seed != seed else None)
    if rows is None or not add_up(note, rows):
        report.skip("result: seats", "they need a region table whose seats add up")
        return
    opened, chosen = open_seats_of(note, rows), sum(min(row.quota, row.entries) for row in rows)
    due = {str(row.region): (row.quota, min(row.quota, row.entries)) for row in rows if row.quota}
    due["open"] = opened, min(opened, sum(row.entries for row in rows) - chosen)
    said = result.by_seat()
    faults = [] if list(said) == list(due) else ["wrong seats: not of the regions that have reserved ones, in order"]
    for seat, (seats, taken) in due.items():
        has = said.get(seat)
        if has and has.seats != seats:
            faults.append(f"wrong seats: {seat}: {has.seats} instead of {seats}")
        if has is None or has.chosen != taken:
            faults.append(f"wrong chosen: {seat}: {has.chosen if has else 'none'} instead of {taken}")
        if has is None or (has.cutoff is None) != (taken == 0):
            faults.append(f"wrong cut-off: {seat}: {taken} are chosen")
    report.judge("result: seats", f"{chosen} reserved and {due['open'][1]} open places are given", *faults)


def check_cutoffs(report: Report, result: Result, draw: Draw) -> None:
    said = result.by_seat()
    for seat, due in draw.cutoffs.items():
        good = due.hex() if due else "null"
        holds = (said[seat].cutoff if seat in said else None) == due
        report.judge(f"result: cut-off, {seat}", good, None if holds else f"wrong cut-off: it should be {good}")


# ------------------------------------------------------------------------------------------------- section 7: witnesses

P = 2**255 - 19  # Ed25519, as RFC 8032 section 5.1 and its appendix have it
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]


def point_sum(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    k, m, n, o = f - e, h - g, h + g, f + e
    return k * m % P, n * o % P, m * n % P, k * o % P


def point_times(factor: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while factor:
        if factor % 2:
            total = point_sum(total, point)
        point, factor = point_sum(point, point), factor // 2
    return total


def same_point(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_from(data: bytes) -> Point | None:
    """The point that 32 bytes stand for, if they are its one form."""
    sign, y = divmod(int.from_bytes(data, "little"), 2**255)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x % 2 != sign else x
    return x, y, 1, x * y % P


def witness_point(key: bytes) -> Point | None:
    """A key's point; None for one that is no key, or one of the eight for which anybody can sign anything."""
    point = point_from(key)
    return None if point is None or same_point(point_times(8, point), (0, 1, 1, 0)) else point


def ed25519_verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    public, nonce, base = witness_point(key), point_from(signature[:32]), point_from(b"\x58" + b"\x66" * 31)
    response = int.from_bytes(signature[32:], "little")
    if public is None or nonce is None or base is None or len(signature) != 64 or response >= L:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    return same_point(point_times(response, base), point_sum(nonce, point_times(challenge, public)))


WITNESS_NAME = "[!-*,-~]{1,100}"  # what ASCII shows, but for the +
COSIGNATURE = re.compile(f"— ({WITNESS_NAME}) ([A-Za-z0-9+/]{{102}}==)")


def parse_cosignatures(data: bytes) -> list[tuple[str, bytes]]:
    """The name of each line, and its 76 bytes: key id, time, signature."""
    try:
        lines = data.decode().split("\n")
    except ValueError:
        raise Failure("malformed: cosignatures.txt is not UTF-8") from None
    if lines.pop() or not lines:
        raise Failure("malformed: cosignatures.txt does not end with a whole line")
    found = []
    for place, line in enumerate(lines, 1):
        matched = COSIGNATURE.fullmatch(line)
        body = base64.b64decode(matched[2]) if matched else b""
        if not matched or base64.b64encode(body).decode() != matched[2] or body[4] >= 0x80:  # a time below 2^63
            raise Failure(f"malformed: cosignatures.txt: line {place} is no cosignature")
        found.append((matched[1], body))
    return found


def check_witnesses(report: Report, files: Files, known: argparse.Namespace) -> None:
    note, lines = files.note, files.cosignatures
    if note is None or lines is None:
        report.skip("witnesses", "they need note.txt and cosignatures.txt")
        return
    pinned = note.chain == known.chain.hash
    exists = known.chain.time_of(note.round)
    in_time: set[tuple[str, bytes]] = set()
    faults = []
    for name, body in lines:
        witness, time = (name, body[:4]), int.from_bytes(body[4:12], "big")
        if witness not in known.witness:
            continue  # what another key says is nobody's word
        message = b"cosignature/v1\ntime %d\n" % time + note.text
        if not ed25519_verifies(known.witness[witness], message, body[12:]):
            faults.append(f"forged cosignature: the line of {name} is not signed by its key")
        elif pinned and time >= exists:
            faults.append(f"late witness: {name} signed at {moment(time)}, when the round existed")
        else:
            in_time.add(witness)
    good = f"{len(in_time)} of {len(known.witness)} known keys, of {len(lines)} lines in all"
    report.judge("witnesses", good, faults)
    if not pinned:
        report.skip("witnesses: quorum", "it needs the note's chain")
        return
    good = f"{len(in_time)} signed in time, "
    if known.quorum:
        good += f"{known.quorum} are demanded"
        report.judge("witnesses: quorum", good, f"no quorum: {good}" if len(in_time) < known.quorum else None)
    else:
        report.skip("witnesses: quorum", good + "no witness is demanded", wanting=False)


# ------------------------------------------------------------------------------------------------ section 9: the sample


def check_sample(
    report: Report, source: Source, lists: dict[int, bytes], draw: Draw, seed: bytes, rows: list[Substitution]
) -> None:
    try:
        after, size, leaves = parse_sample(source.read("sample.json", LARGE_FILE))
    except Absent:
        report.skip("sample.json", "none was drawn", wanting=False)
        return
    except Failure as failure:
        report.add("sample.json", False, str(failure))
        return
    held = set(draw.drawn) | {row.into for row in rows[:after] if row.into}
    wanted = min(size, len(leaves) + 1)  # no more is drawn than it has
    fault = None
    if after > len(rows):
        fault = f"wrong sample: drawn after substitution {after}, of {len(rows)}"
    elif leaves != [entry[32:] for entry in lowest([*lists.values()], seed, "survey", wanted, held)]:
        fault = "wrong sample: not the lowest by their survey value"
    report.judge("sample.json", f"the {len(leaves)} lowest, after substitution {after}", fault)


# ---------------------------------------------------------------------------------------- section 6: the personal proof


def find_leaf(source: Source, row: Region, leaf: bytes) -> tuple[int, bytes, int] | None:
    """The number of the run that a leaf is in, the run, and the place in it. Leaves are spread evenly: it is near."""
    size, low, high = 32 * row.entries, 0, (32 * row.entries - 1) // RUN
    guess, tries = row.entries * int.from_bytes(leaf, "big") // 2**256 * 32 // RUN, 0
    while low <= high:
        start = guess * RUN
        run = source.read(f"leaves/{row.region}.bin", min(RUN, size - start), start=start, whole=size)
        leaves = [run[i : i + 32] for i in range(0, len(run), 32)]
        at = bisect_left(leaves, leaf)
        if leaf in leaves[at : at + 1]:
            return guess, run, at
        if 0 < at < len(leaves):
            return None
        low, high = (low, guess - 1) if at == 0 else (guess + 1, high)
        tries += 1
        nearest = min(max(guess, low), high)
        guess = nearest if tries < 3 else (low + high) // 2  # a list that is not spread evenly takes a few more
    return None


def check_place(report: Report, source: Source, row: Region, leaf: bytes) -> bool:
    """That the leaf is on its list, and by which path under the root; whether both are so."""
    nodes, fault = published(source, f"nodes/{row.region}.bin", 32 * -(-row.entries * 32 // RUN))
    if nodes is not None and tree_hash(nodes) != row.root:
        fault = f"wrong nodes: nodes/{row.region}.bin does not have the root of regions.json"
    report.judge("ticket: nodes", "under the root", fault)
    try:
        found = find_leaf(source, row, leaf)
    except Failure as failure:
        report.add("ticket: on the list", False, str(failure))
        return False
    if found is None:
        wrong = f"not on the list: {leaf.hex()} is not among the {row.entries} of region {row.region}"
        report.add("ticket: on the list", False, wrong)
        return False
    place, run, at = found
    index = place * (RUN // 32) + at
    report.add("ticket: on the list", True, f"leaf {leaf.hex()}, index {index} of {row.entries}")
    if nodes is None:
        report.skip("ticket: path", "it needs the nodes")
        return False
    path = path_in(run, at) + path_in(nodes, place)
    holds = root_by_path(leaf, index, row.entries, path) == row.root
    wrong = "wrong path: what is published does not lead from the leaf to the root"
    report.judge("ticket: path", f"{len(path)} hashes from the leaf to the root", None if holds else wrong)
    return holds


def verdict(leaf: bytes, region: int, seed: bytes, result: Result, rows: Sequence[Substitution]) -> tuple[str, str]:
    """What became of a leaf; and what is wrong with the substitutions, as far as its holder can tell alone."""
    mine = {purpose: value_of(seed, purpose, leaf) + leaf for purpose in ("rank", "open")}
    cutoffs = cutoffs_for(region, result)
    kinds = {"rank": f"chosen: a reserved seat of region {region}", "open": "chosen: an open seat"}
    text = next((kinds[kind] for kind, cutoff in cutoffs.items() if cutoff and mine[kind][:32] <= cutoff), "not chosen")
    holds = held = text != "not chosen"
    for place, row in enumerate(rows, 1):
        kind = {"open": "open", str(region): "rank"}.get(row.seat)
        ahead = row.into is not None and (not kind or value_of(seed, kind, row.into) + row.into <= mine[kind])
        fault = (
            (f"it stands where {place} should" if row.seq != place else "")
            or ("it takes a seat from this leaf, which holds none" if row.out == leaf and not holds else "")
            or ("it seats this leaf again" if row.into == leaf and held else "")
            or ("it passes this leaf over" if not held and not ahead else "")
        )
        if fault:
            return text, f"substitution out of order: number {row.seq}: {fault}"
        if row.out == leaf:
            text, holds = f"no longer chosen: the place was given up ({row.reason}, substitution {place})", False
        if row.into == leaf:
            text, holds, held = f"substituted: has a seat since substitution {place}", True, True
    return text, ""


def cutoffs_for(region: int, result: Result) -> dict[str, bytes | None]:
    reserved = result.by_seat().get(str(region))
    return {"rank": reserved.cutoff if reserved else None, "open": result.open.cutoff}


def check_ticket(report: Report, source: Source, files: Files, ticket: Ticket) -> None:
    left_out = "removals, lists, cut-offs, all substitutions, sample, verify_draw.py"
    report.skip(left_out, "a run without --ticket checks them", wanting=False)
    if files.note is None or files.regions is None:
        report.skip("ticket", "it needs note.txt and regions.json")
        return
    leaf, region = leaf_of(files.note.wave, ticket.region, ticket.secret), ticket.region
    row = next((row for row in files.regions if row.region == region and row.entries), None)
    if row is None:
        report.add("ticket: on the list", False, f"not on the list: region {region} has none")
    proven = row is not None and check_place(report, source, row, leaf)
    seed, result, rows = files.seed, files.result, files.substitutions
    if seed is None or result is None or rows is None or not proven:
        report.skip("ticket: outcome", "it needs the leaf on its list, beacon.json, result.json and the substitutions")
        return
    for kind, cutoff in cutoffs_for(region, result).items():
        value, where = value_of(seed, kind, leaf), f"region {region}" if kind == "rank" else "the open seats"
        stands = "within" if cutoff and value <= cutoff else "beyond"
        at = f"{stands} the cut-off {cutoff.hex()} of {where}" if cutoff else f"nobody was chosen by it for {where}"
        report.add(f"ticket: {kind} value", True, f"{value.hex()}, {at}")
    text, fault = verdict(leaf, region, seed, result, rows)
    report.judge("ticket: outcome", text, fault)


# --------------------------------------------------------------------------------------- section 10: all of it together


def check_choice(report: Report, source: Source, files: Files) -> None:
    """The lists, and what follows from all of them together: cut-offs, substitutions, the sample."""
    lists: dict[int, bytes] = {}
    regions, rows = files.regions, files.substitutions
    for row in regions or ():
        leaves = check_list(report, source, row)
        if leaves is not None:
            lists[row.region] = leaves
    if regions is not None:
        check_strays(report, source, regions)
    if files.note is None or files.seed is None or regions is None or len(lists) < len(regions):
        report.skip("cut-offs, substitutions, sample", "they need note.txt, regions.json, beacon.json and every list")
        return
    if not add_up(files.note, regions):
        report.skip("cut-offs, substitutions, sample", "more seats are reserved than there are")
        return
    falls = Counter(row.seat for row in rows or ())
    draw = Draw(lists, regions, open_seats_of(files.note, regions), files.seed, falls)
    if files.result is None:
        report.skip("result: cut-offs", "they need result.json")
    else:
        check_cutoffs(report, files.result, draw)
    if rows is None:
        report.skip("substitutions, sample", "they need substitutions.json")
        return
    report.judge("substitutions", f"{len(rows)}, each with the next in line", draw.replay(rows))
    check_sample(report, source, lists, draw, files.seed, rows)


def this_file() -> bytes | None:
    try:
        return Path(__file__).read_bytes()
    except (NameError, OSError):  # it is run from a pipe
        return None


def check_program(report: Report, source: Source) -> None:
    """Another version of this file is as good, but who runs one that somebody changed runs what they like."""
    name = "verify_draw.py"
    try:
        found = source.read(name, SMALL_FILE)
    except Absent:
        report.skip(name, "none is published")
    except Failure as failure:
        report.add(name, False, str(failure))
    else:
        if found == this_file():
            report.add(name, True, "the same as this one")
        else:
            report.skip(name, f"not this version, SHA-256 {sha256(found).hexdigest()}: compare it before you run it")


def verify(report: Report, source: Source, known: argparse.Namespace) -> None:
    """Every check there is, in the order of the specification."""
    for chain in known.chains:
        if chain != QUICKNET:
            worth = f"{chain.hash}: its key proves only what its owner is worth"
            report.skip("THE CHAIN WAS GIVEN BY HAND", worth, wanting=False)
    files = Files(report, source, alone=known.ticket is not None)
    named = (chain for chain in known.chains if files.note and chain.hash == files.note.chain)
    known.chain = next(named, known.chains[0])
    seen, ticket = source.note_seen if known.seen_at is None else known.seen_at, known.ticket
    parts: list[tuple[str, Callable[[], None]]] = [
        ("note", lambda: check_note(report, files, known, seen)),
        ("witnesses", lambda: check_witnesses(report, files, known)),
        ("regions", lambda: check_regions(report, files, known.weight)),
        ("beacon", lambda: check_beacon(report, files, known.chain)),
        ("result", lambda: check_result(report, files)),
    ]
    if ticket is None:
        parts.append(("lists and what follows from them", lambda: check_choice(report, source, files)))
        parts.append(("verify_draw.py", lambda: check_program(report, source)))
    else:
        parts.append(("ticket", lambda: check_ticket(report, source, files, ticket)))
    for name, check in parts:
        try:
            check()
        except Exception as error:  # noqa: BLE001 - whatever a stranger wrote ends as a failure, not as a traceback
            report.add(name, False, f"malformed: this program could not follow it ({type(error).__name__})")


# ----------------------------------------------------------------------------------------------------- the command line


def a_time(text: str) -> float:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("a time needs its zone")
    return when.timestamp()


def a_chain(text: str) -> Chain:
    name, key, genesis, period, delay = text.lower().split(":")
    if not re.fullmatch("[0-9a-f]{64}:[0-9a-f]{192}", f"{name}:{key}") or int(period) < 1:
        raise ValueError("HASH:PUBLICKEY:GENESIS:PERIOD:DELAY")
    return Chain(name, key, int(genesis), int(period), int(delay))


def a_witness(text: str) -> tuple[tuple[str, bytes], bytes]:
    """Section 7: <name>+<key id in hex>+<base64 of 0x04 || key>."""
    name, number, encoded = text.split("+", 2)
    body = base64.b64decode(encoded, validate=True)
    identity = sha256(name.encode() + b"\n" + body).digest()[:4]
    if (
        not re.fullmatch(WITNESS_NAME, name)
        or len(body) != 33
        or body[0] != 4
        or identity.hex() != number
        or witness_point(body[1:]) is None
    ):
        raise ValueError("not the key of a witness")
    return (name, identity), body[1:]


def read_ticket(text: str, region: int | None) -> Ticket:
    """From a receipt, or from the ticket alone. The leaf in a receipt is not believed: it is computed."""
    wave = None
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        try:
            with Path(text).open("rb") as file:
                content = file.read(SMALL_FILE)
        except (OSError, ValueError):  # whose texts have in them what may be a ticket with a slip
            raise ValueError("neither 64 hexadecimal digits nor a file that can be read") from None
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or value.get("format") != "gelombang/receipt/1":
            raise ValueError("not a receipt of the form gelombang/receipt/1")
        if region not in (None, value.get("region")):
            raise ValueError("the receipt is of another region than --region")
        text, region, wave = str(value.get("ticket")), value.get("region"), value.get("wave")
        if type(wave) is not int or not 0 <= wave < 2**32 or not re.fullmatch("[0-9a-f]{64}", text):
            raise ValueError("not a receipt of the form gelombang/receipt/1")
    if type(region) is not int or not 10 <= region <= 99:
        raise ValueError("a ticket needs its region, the code of its province (--region)")
    return Ticket(bytes.fromhex(text), region, wave)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify_draw.py",
        description="Recomputes the public draw of one wave from what is published of it, and names all that is wrong. "
        "With your receipt it tells what became of you; your ticket leaves this computer in no request.",
        epilog="Exit code: 0 every check that could be made holds, 1 one does not, 2 nothing could be checked.",
    )
    add = parser.add_argument
    add("target", metavar="TARGET", help="the folder or the http(s) address of the wave's files: .../draws/54/")
    add("--ticket", metavar="RECEIPT", help="your receipt (a file), or the ticket in it: check your own place alone")
    add("--region", type=int, metavar="N", help="with a ticket alone: the region on your receipt, such as 31")
    add("--wave", type=int, metavar="N", help="the wave it must be, if the folder or address is not named after it")
    add("--closes-at", type=a_time, metavar="T", help="when the wave closed, such as 2023-06-06T00:00:00+07:00")
    add("--seen-at", type=a_time, metavar="T", help="when you, or somebody you trust, first saw the note")
    add(
        "--weight",
        nargs=2,
        type=int,
        action="append",
        metavar=("REGION", "WEIGHT"),
        help="a region's weight for reserved seats, by the decree; once for each",
    )
    add(
        "--witness",
        type=a_witness,
        action="append",
        default=[],
        metavar="KEY",
        help="of a witness you trust: name+id+key; once for each",
    )
    add("--quorum", type=int, metavar="N", help="how many of these witnesses must have signed in time (all)")
    add("--chain", dest="chains", type=a_chain, action="append", default=[],
        metavar="HASH:PUBLICKEY:GENESIS:PERIOD:DELAY",
        help="another chain than drand quicknet, for a stage that does not draw with it")  # fmt: skip
    add("--freeze-delay", type=int, default=900, metavar="S", help="seconds from the close to the freeze (900)")
    add("--time-limit", type=float, metavar="S",
        help="seconds in which all must be read from an address: 3600, or 60 with --ticket")  # fmt: skip
    add("--strict", action="store_true", help="a check that could not be made counts as one that does not hold")
    add("--json", action="store_true", help="print the report as JSON")
    return parser


def open_target(target: str, limit: float) -> tuple[Source, int | None]:
    """Where the files are, and the wave that the place is named after."""
    if re.match("https?://", target):
        source: Source = Web(target, limit)
        name = urllib.parse.urlsplit(target).path.rstrip("/").rpartition("/")[2]
    else:
        folder = Path(target).resolve(strict=True)
        if not folder.is_dir():
            raise ValueError("not a folder")
        source, name = Folder(folder), folder.name
    return source, int(name) if re.fullmatch("[0-9]{1,10}", name) else None


def run(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    """What the command does with its arguments; the exit code."""
    if given.region is not None and given.ticket is None:
        parser.error("--region: it goes with --ticket")
    try:
        given.ticket = None if given.ticket is None else read_ticket(given.ticket, given.region)
    except ValueError as error:
        parser.error(f"--ticket: {error}")
    given.chains = given.chains or [QUICKNET]
    weights = given.weight or []
    given.weight, given.witness = dict(weights) or None, dict(given.witness)
    given.quorum = len(given.witness) if given.quorum is None else given.quorum
    if not 0 <= given.quorum <= len(given.witness):
        parser.error(f"--quorum: there are {len(given.witness)} witnesses")
    if weights and (len(given.weight) < len(weights) or min(given.weight.values()) < 0):
        parser.error("--weight: each region once, no weight below 0")
    if given.time_limit is not None and not given.time_limit > 0:
        parser.error("--time-limit: seconds, more than none")
    try:
        source, wave = open_target(given.target, given.time_limit or (60 if given.ticket else 3600))
    except (ValueError, OSError, http.client.HTTPException) as error:
        parser.error(f"{given.target}: {error}")
    given.wave = wave if given.wave is None else given.wave
    report = Report(aloud=not given.json)
    verify(report, source, given)
    ok = report.ok and not (given.strict and report.wanting)
    if given.json:
        print(json.dumps({"checks": [check._asdict() for check in report.checks], "ok": ok}))
    else:
        states = Counter(check.ok for check in report.checks)
        counts = f"{states[True]} checks hold, {states[False]} do not, {states[None]} could not be made"
        if given.ticket and not report.ok:
            print("Do not rely on what is said above of your own place: something is wrong with this draw.")
        print(UNPROVEN)
        print(f"verify_draw: {'ok' if ok else 'FAILED'}: {counts}")
    return 0 if ok else 1


def main() -> int:
    parser = arguments()
    return run(parser, parser.parse_args())


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(2)
