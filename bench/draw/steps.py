"""Draw one wave with the application, as a whole and step by step. `bench/draw/__main__.py` starts it in a new process.

    python -m bench.draw.steps PAGES RUNS (traced | resident) (all | alone)

The application is built by its own wiring. `bench/aws/draw_cloud.py` answers for AWS, and its CPU time is subtracted.
The whole draw runs first, so that its memory holds nothing of the steps, and its publication is verified. Then come
the steps, other ways to draw the wave, and the hashes that every way needs. Prints `Figures` as JSON. Exits with
another code than 0 if the plain way chooses others, or if the verifier finds anything wrong.
"""

from __future__ import annotations

import hmac
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path
from struct import iter_unpack

import msgspec
from msgspec import Struct
from msgspec.structs import replace

import chalicelib.wiring
from admin.commands.draws.verify import pinned, program
from chalicelib.config import settings_from_environment
from chalicelib.draw import beacon, leaves, merkle, note, published
from chalicelib.draw.leaves import LEAF_BYTES, Commitment, Region, Unsorted, leaf, leaves_of
from chalicelib.draw.note import Chain
from chalicelib.draw.selection import OPEN, Selection, allot, draw_seed
from chalicelib.registration.wire import RegistrationForm
from chalicelib.time_budget import TimeBudget
from chalicelib.waves.entries import EntryItem, each_shard
from chalicelib.waves.freeze import RemovedEntries
from chalicelib.waves.rules import SHARDS, Wave, WaveState
from local.sandbox.beacon import sign
from tests.builders.draws.files import commitment_files

from ..aws.draw_cloud import ATTRIBUTES, REGIONS, WAVE, Cloud, Pages, partition
from ..harness import ENVIRONMENT, REGION, REGISTRATION
from ..meter import Measured, Meter, resident_peak

FROZEN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SEATS_PERCENT = 4
"""Seats for each hundred entries. Half of them are reserved, so every entry needs a rank and an open value."""
STEP_S = 900

WHOLE, SCREEN = "pages to published result", "screen"
READ, LEAVES, LIST, COMMIT = "read", "read, hash", "list, nodes, roots", "commit"
DRAW, PUBLISH, VERIFY, PROVE = "draw", "publish", "verify", "personal proof"
PLAIN_READ, PLAIN_DRAW = "(a) pynamodb loop, leaves", "(a) hmac.new, sort"
SQL_INSERT, SQL_DRAW = "(b) SQLite: insert", "(b) ORDER BY random()"
FLOOR_HASHES, FLOOR_HMACS = "(c) leaves, nodes alone", "(c) HMACs alone"


class Figures(Struct, frozen=True):
    """What was measured with one number of entries.

    `whole_bytes` is the peak of the process's resident memory right after the whole draw. The `screen` figures are 0
    if screening was not run.
    """

    entries: int
    pages: int
    read_units: int
    body_bytes: int
    steps: list[Measured]
    whole_bytes: int
    screen_calls: int = 0
    screen_read_units: float = 0


class LocalBeacon:
    """A beacon that has every round at once: that of the development chain, whose private key is public."""

    def fetch(self, chain: Chain, round_number: int) -> beacon.Beacon:
        return beacon.verify(chain, round_number, sign(round_number))


class Bench:
    """The application with the pages in `folder`."""

    def __init__(self, folder: Path, runs: int, *, traced: bool) -> None:
        self.pages = Pages(folder)
        self.cloud = Cloud(self.pages, folder / "bucket", FROZEN)
        self.meter = Meter(runs, lambda: self.cloud.spent_s, traced=traced)
        self._published = folder / "bucket" / published.folder(WAVE)
        self._services = chalicelib.wiring.build(settings_from_environment(os.environ))
        self._services.beacons = LocalBeacon()
        self._freeze = self._services.stepper._freeze
        self._rules = self._services.programme.draw
        quota = self.pages.entries * SEATS_PERCENT // 100
        self._wave = Wave(
            number=WAVE,
            state=WaveState.CLOSED,
            opens_at=FROZEN - timedelta(days=3),
            closes_at=FROZEN - timedelta(seconds=self._rules.freeze_delay_s),
            quota=quota,
            reserved=quota // 2,
            weights=dict.fromkeys(REGIONS, 1),
        )
        self._reserved = allot(self._wave.reserved, self._wave.weights)

    def whole(self) -> int:
        """Measure freeze and draw as the application runs them, from the pages to the published result.

        Everybody counts as screened. Returns the peak of the process's resident memory so far, in bytes.
        """
        for shard in range(SHARDS):
            RemovedEntries(self._services.transaction).set_screened(WAVE, shard)

        def run() -> str:
            written = self._freeze.run(self._wave, "2023", _budget())
            self._services._drawing.run(replace(self._wave, state=WaveState.FROZEN, note=written))
            return written

        self._note = note.parse(self.meter.step_on(WHOLE, self._unpublish, lambda _: run()).encode())
        peak_bytes = resident_peak()
        self.meter.step(VERIFY, self._verified)
        undecided, _ = next(self._services._entries.tickets(WAVE, 0))
        region, tickets = next(iter(undecided.items()))
        self.meter.step(PROVE, lambda: self._verified("--ticket", tickets[0].hex(), "--region", str(region)))
        return peak_bytes

    def steps(self) -> tuple[dict[int, bytes], bytes, Selection]:
        """Measure each step with the results of the step before. Returns the lists by region, the seed, the winners."""
        step, quota = self.meter.step, self._wave.quota
        lists, table = self._lists()
        commitment = step(COMMIT, lambda: leaves.commit_to(WAVE, table, quota, FROZEN, self._rules.pinned))
        signed = LocalBeacon().fetch(self._rules.pinned, commitment.note.round)
        seed = draw_seed(commitment.note.encode(), signed.randomness)
        selection = step(DRAW, lambda: Selection(lists, self._reserved, quota, seed))
        files = published.result_files(WAVE, signed, seed, selection)
        self.meter.step_on(PUBLISH, self._unpublish, lambda _: self._publish(commitment, lists, files))
        if commitment.note.regions != self._note.regions:
            raise SystemExit("the steps are not those of the whole")
        return lists, seed, selection

    def hashes(self, lists: Mapping[int, bytes], seed: bytes) -> None:
        self.meter.step(FLOOR_HASHES, lambda: hash_alone(lists))
        self.meter.step(FLOOR_HMACS, lambda: hmac_alone(lists, self._reserved, seed))

    def others(self, lists: Mapping[int, bytes], seed: bytes, selection: Selection) -> None:
        """Measure the other ways to draw. Exits if the plain way chooses others."""
        step, quota = self.meter.step, self._wave.quota
        database = step(SQL_INSERT, lambda: insert(lists))
        step(SQL_DRAW, lambda: order_by_random(database, quota))
        database.close()
        read = step(PLAIN_READ, read_plainly)
        chosen = step(PLAIN_DRAW, lambda: choose_plainly(read, self._reserved, quota, seed))
        if chosen != list(selection.winners()):
            raise SystemExit("the plain way chose others")

    def screen(self) -> tuple[int, float]:
        """Measure the screening of all entries, which removes nobody. Returns calls and read units of one run."""
        self._services.registrations.register("first", msgspec.convert(REGISTRATION, RegistrationForm), FROZEN)
        self.cloud.person = next(item for key, item in self.cloud.items.items() if key[1:] == ("R#first", "PROFILE"))

        def forget() -> None:
            for key in [key for key in self.cloud.items if key[2].startswith("SCREENED#")]:
                del self.cloud.items[key]
            self.cloud.calls.clear()

        def run() -> bool:
            self._freeze._check.run(self._wave, FROZEN, "2023", _budget())
            return True

        self.meter.step_on(SCREEN, forget, lambda _: run())
        return len(self.cloud.calls), sum(call.read_units for call in self.cloud.calls)

    def _lists(self) -> tuple[dict[int, bytes], tuple[Region, ...]]:
        self.meter.step(READ, self._read)
        unsorted, _ = self.meter.step(LEAVES, lambda: self._freeze._read(WAVE, _budget()))
        return self.meter.step_on(LIST, lambda: deepcopy(unsorted), self._list)

    def _read(self) -> int:
        rows = [0] * SHARDS

        def read(shard: int) -> None:
            for undecided, _ in self._services._entries.tickets(WAVE, shard):
                rows[shard] += sum(map(len, undecided.values()))

        each_shard(read)
        return sum(rows)

    def _list(self, unsorted: Unsorted) -> tuple[dict[int, bytes], tuple[Region, ...]]:
        """Sort and hash as the freeze does between reading and publishing, and keep the lists."""
        lists, counted = {}, {}
        for region, ordered in unsorted.lists():
            lists[region] = ordered
            counted[region] = len(ordered) // LEAF_BYTES, merkle.root_of(merkle.run_hashes(ordered))
        return lists, leaves.table_of(counted, self._reserved)

    def _publish(self, commitment: Commitment, lists: Mapping[int, bytes], result: Mapping[str, bytes]) -> bool:
        self._services._publication.put(WAVE, commitment_files(commitment, lists))
        self._services._publication.put(WAVE, result)
        return True

    def _verified(self, *own: str) -> bool:
        """Verify the published files, or with options `own` one entry in them. Exits if anything is wrong."""
        weights = [word for region in self._wave.weights for word in ("--weight", str(region), "1")]
        known = ["--closes-at", self._wave.closes_at.isoformat(), "--seen-at", FROZEN.isoformat(), *weights]
        parser, told = program().arguments(), StringIO()
        given = parser.parse_args([str(self._published), "--wave", str(WAVE), *known, *pinned(self._rules), *own])
        with redirect_stdout(told):
            code = program().run(parser, given)
        if code:
            raise SystemExit(f"the verifier found {told.getvalue()}")
        return True

    def _unpublish(self) -> None:
        shutil.rmtree(self._published, ignore_errors=True)
        self.cloud.forget()


def _budget() -> TimeBudget:
    return TimeBudget(FROZEN, STEP_S)


class PlainEntry(EntryItem):
    """`EntryItem` with a plain connection of pynamodb instead of the application's."""

    class Meta:
        table_name = "gelombang-local-waves"
        region = REGION

    _connection = None


def read_plainly() -> dict[int, list[bytes]]:
    """The leaves by region, read with pynamodb one model object at a time."""
    listed: dict[int, list[bytes]] = {}
    for shard in range(SHARDS):
        for item in PlainEntry.query(partition(shard), attributes_to_get=list(ATTRIBUTES), consistent_read=True):
            if item.outcome is None:
                region = int(item.region)
                listed.setdefault(region, []).append(leaf(WAVE, region, item.ticket))
    return listed


def choose_plainly(
    listed: Mapping[int, list[bytes]], reserved: Mapping[int, int], quota: int, seed: bytes
) -> list[tuple[bytes, str]]:
    """The winners, computed as docs/draw.md words the rules: an `hmac.new` for each entry, then a sort of all."""
    chosen: dict[bytes, str] = {}
    for region, seats in sorted(reserved.items()):
        some = listed.get(region, [])
        ranks = {each: hmac.new(seed, b"gelombang1/rank\0" + each, sha256).digest() for each in some}
        chosen |= dict.fromkeys(sorted(some, key=lambda each: (ranks[each], each))[:seats], str(region))
    others = [each for some in listed.values() for each in some if each not in chosen]
    values = {each: hmac.new(seed, b"gelombang1/open\0" + each, sha256).digest() for each in others}
    chosen |= dict.fromkeys(sorted(others, key=lambda each: (values[each], each))[: quota - len(chosen)], OPEN)
    return list(chosen.items())


def insert(lists: Mapping[int, bytes]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE entries (leaf BLOB NOT NULL, region INTEGER NOT NULL)")
    for region, listed in lists.items():
        database.executemany("INSERT INTO entries VALUES (?, ?)", ((each, region) for each in leaves_of(listed)))
    return database


def order_by_random(database: sqlite3.Connection, quota: int) -> list[tuple[bytes]]:
    """Let SQLite choose at random; nobody can repeat this draw."""
    return database.execute("SELECT leaf FROM entries ORDER BY random() LIMIT ?", (quota,)).fetchall()


def hash_alone(lists: Mapping[int, bytes]) -> bool:
    """The least work of a commitment: a SHA-256 for each leaf and each node above, without keeping the results.

    The leaves stand in for the tickets, which have the same length.
    """
    for region, listed in lists.items():
        copy = sha256(b"\x00gelombang1/leaf\0" + WAVE.to_bytes(4, "big") + region.to_bytes(2, "big")).copy
        for (ticket,) in iter_unpack("32s", listed):
            state = copy()
            state.update(ticket)
            state.digest()
    copy = sha256(b"\x01").copy
    for listed in lists.values():
        whole = len(listed) // 64 * 64
        for _ in range(2):  # n leaves have n - 1 nodes above them, but only n / 2 pairs
            for (pair,) in iter_unpack("64s", listed[:whole]):
                state = copy()
                state.update(pair)
                state.digest()
    return True


def hmac_alone(lists: Mapping[int, bytes], reserved: Mapping[int, int], seed: bytes) -> bool:
    """The least work of a selection: each leaf's open value, and its rank where seats are reserved. No comparisons."""
    for region, listed in lists.items():
        for tag in (b"gelombang1/open\0", b"gelombang1/rank\0")[: 2 if reserved.get(region) else 1]:
            key = seed.ljust(64, b"\0")
            inner_copy = sha256(bytes(byte ^ 0x36 for byte in key) + tag).copy
            outer_copy = sha256(bytes(byte ^ 0x5C for byte in key)).copy
            for (entry,) in iter_unpack("32s", listed):
                inner, outer = inner_copy(), outer_copy()
                inner.update(entry)
                outer.update(inner.digest())
                outer.digest()
    return True


def main() -> None:
    folder, runs, memory, ways = sys.argv[1:]
    os.environ.update(ENVIRONMENT, GELOMBANG_STAGE="local")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    bench = Bench(Path(folder), int(runs), traced=memory == "traced")
    pages, screened = bench.pages, (0, 0.0)
    with bench.cloud.installed():
        whole_bytes = bench.whole()
        lists, seed, selection = bench.steps()
        bench.hashes(lists, seed)
        if ways == "all":
            if memory == "resident":
                bench.meter.runs = 1
            bench.others(lists, seed, selection)
            screened = bench.screen()
    read = pages.entries, len(pages.all), pages.read_units, pages.body_bytes
    print(msgspec.json.encode(Figures(*read, bench.meter.steps, whole_bytes, *screened)).decode())


if __name__ == "__main__":
    main()
