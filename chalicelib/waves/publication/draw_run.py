"""From a published commitment to the result, and the sources of the beacon's signature.

Relays give it, or a person hands it in; neither has to be trusted.
"""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from ...draw import published
from ...draw.beacon import Beacon, verify
from ...draw.errors import BeaconUnavailable, ForgedBeacon
from ...draw.leaves import region_table, top
from ...draw.note import Chain
from ...draw.selection import DrawResult, Selection, draw_seed
from ...figures.waves import DrawRules
from ..errors import ListChanged
from ..rules import Wave, chain_of, commitment
from .bucket import Publication

if TYPE_CHECKING:
    from socket import socket

log = logging.getLogger(__name__)

_ANSWER_BYTES = 4096


class Beacons(Protocol):
    """A source of a round's signature; the beacon that it returns is verified."""

    def fetch(self, chain: Chain, round_number: int) -> Beacon: ...


class DrawRun:
    """Works from the published files alone, as anyone can."""

    def __init__(self, publication: Publication, beacons: Beacons, rules: DrawRules) -> None:
        self._publication = publication
        self._beacons = beacons
        self._rules = rules

    def run(self, wave: Wave) -> DrawResult:
        """Fetch the random number, choose, and publish both. Raises `BeaconUnavailable`, `ListChanged`."""
        committed = commitment(wave)
        beacon = self.beacon(wave)
        seed = draw_seed(committed.encode(), beacon.randomness)
        selection = self.selection(wave, seed)
        self._publication.put(wave.number, published.result_files(wave.number, beacon, seed, selection))
        cutoffs = {region: outcome.cutoff for region, outcome in selection.reserved.items()}
        return DrawResult(seed, cutoffs, selection.open.cutoff)

    def beacon(self, wave: Wave) -> Beacon:
        """The verified random number of the round that a wave's note names: that which was handed in, or fetched.

        Raises what `Beacons` raise.
        """
        signature = self._publication.signature(wave.number)
        with suppress(ForgedBeacon):  # only somebody who may write into the bucket can bring it there
            if signature is not None:
                return self._verified(wave, signature)
        committed = commitment(wave)
        return self._beacons.fetch(chain_of(self._rules, committed.chain), committed.round)

    def hand_in(self, wave: Wave, signature: bytes) -> None:
        """Publish the signature that a person brought, instead of the relays. Raises `ForgedBeacon`."""
        self._publication.put(wave.number, published.beacon_file(self._verified(wave, signature)))

    def _verified(self, wave: Wave, signature: bytes) -> Beacon:
        committed = commitment(wave)
        return verify(chain_of(self._rules, committed.chain), committed.round, signature)

    def selection(self, wave: Wave, seed: bytes) -> Selection:
        """The draw, computed from the published lists. Raises `ListChanged` if the note does not commit to them."""
        committed = commitment(wave)
        table, lists = self._publication.commitment(wave.number)
        reserved = {row.region: row.quota for row in table}
        if top(wave.number, region_table(lists, reserved)) != committed.regions:
            raise ListChanged(wave=wave.number)
        return Selection(lists, reserved, committed.quota, seed)


class HttpGet(Protocol):
    """Asks one address. Returns status and body; raises OSError if nothing complete comes back in time."""

    def __call__(self, url: str) -> tuple[int, bytes]: ...


class Relays:
    """Several relays of the drand HTTP API, asked in turn; the first valid signature is taken.

    Failures of relays are logged, whether or not another one answered.
    """

    def __init__(self, urls: Sequence[str], get: HttpGet) -> None:
        self._urls = urls
        self._get = get

    def fetch(self, chain: Chain, round_number: int) -> Beacon:
        """The verified beacon of a round. Raises `BeaconUnavailable`, which names each relay's failure."""
        failures = []
        for url in self._urls:
            try:
                return verify(chain, round_number, self._ask(url, chain, round_number))
            except ForgedBeacon as error:
                failure = f"forged ({error.facts['reason']})"
            except OSError as error:
                failure = f"{type(error).__name__} {error}".rstrip()
            except _NoAnswer as answer:
                failure = str(answer)
            log.warning("beacon_relay_skipped", extra={"relay": url, "round": round_number, "failure": failure})
            failures.append(f"{url}: {failure}")
        raise BeaconUnavailable(round=round_number, relays="; ".join(failures) or "none is configured")

    def _ask(self, url: str, chain: Chain, round_number: int) -> bytes:
        """The signature that a relay gives. Its `randomness` is ignored, because it follows from the signature."""
        status, body = self._get(f"{url.rstrip('/')}/{chain.hash}/public/{round_number}")
        if status != 200:
            raise _NoAnswer(f"status {status}")
        try:
            answer = json.loads(body)
            if answer["round"] != round_number:
                raise _NoAnswer("a future round" if answer["round"] > round_number else "a past round")
            return bytes.fromhex(answer["signature"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _NoAnswer("malformed answer") from error


class _NoAnswer(Exception):
    """A relay answered, but not with a signature of the round."""


class TimedGet:
    """An `HttpGet` that ends in time, whatever a relay does: it follows no redirect and tries nothing again.

    `timeout_s` bounds the connection, and then the whole answer, head and body. A time-out of each read would start
    anew with every byte that a slow relay sends. The look-up of a name, and of each of its addresses, has its own time.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    def __call__(self, url: str) -> tuple[int, bytes]:
        try:
            address = urlsplit(url)
            form = HTTPSConnection if address.scheme == "https" else HTTPConnection
            connection = form(address.netloc, timeout=self._timeout_s)
            try:
                connection.connect()
                connection.request("GET", address.path, headers={"User-Agent": "gelombang"})
                answer = HTTPResponse(_Ending(connection.sock, self._timeout_s), method="GET")  # type: ignore[arg-type]
                answer.begin()
                body = answer.read(_ANSWER_BYTES + 1)
            finally:
                connection.close()
        except OSError:
            raise  # some of them are ValueErrors too
        except (HTTPException, ValueError) as error:
            raise OSError(type(error).__name__) from error
        if len(body) > _ANSWER_BYTES:
            raise OSError("the answer is too long")
        if answer.length:
            raise OSError("the answer is cut off")
        return answer.status, body


class _Ending(io.RawIOBase):
    """Reads from a socket, all of it within one time; replaces the socket that a response reads from."""

    def __init__(self, source: socket, within_s: float) -> None:
        self._source = source
        self._ends = time.monotonic() + within_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is too slow")
        self._source.settimeout(left)
        return self._source.recv_into(buffer)
