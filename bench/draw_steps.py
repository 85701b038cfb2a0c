"""One wave drawn by the application, whole and step by step, in a process of its own: `bench/draw.py` starts it.

    python -m bench.draw_steps PAGES RUNS (traced | resident) (alternatives | alone)

It is the application's own code, as its wiring builds it, with AWS answered by `bench/draw_cloud.py`. The whole comes
first, so that nothing of the steps is in its memory. Prints `Figures` as JSON; ends with another code than 0 if the
plain way chooses others, or the verifier finds anything wrong.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

import chalicelib.wiring
from admin.evidence import Known
from admin.publication import Folder
from admin.verify import Check, verify
from chalicelib.config import Chain, settings_from_environment
from chalicelib.waves import beacon, draw, published
from chalicelib.waves.freeze import Freeze
from chalicelib.waves.rules import State, Wave
from chalicelib.waves.seats import allot
from chalicelib.waves.selection import Selection, draw_seed
from chalicelib.waves.tick import Tick
from local.beacon import sign

from . import draw_ways
from .draw_cloud import Cloud
from .draw_pages import REGIONS, WAVE, Pages
from .join import ENVIRONMENT
from .measuring import Measured, Meter, resident_peak

FROZEN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SEATS_PERCENT = 4
"""Of the entries; half of the seats are reserved, so that every entry needs a rank and an open value."""
STEP_S = 900
READ, LIST, COMMIT, DRAW, PUBLISH, VERIFY = "read", "list", "commit", "draw", "publish", "verify"
WHOLE = "pages to published result"
PLAIN_READ, PLAIN_DRAW = "(a) pynamodb: read, leaves", "(a) hmac.new, sort"
SQL_INSERT, SQL_DRAW = "(b) SQLite: insert", "(b) ORDER BY random()"
FLOOR_HASHES, FLOOR_HMACS = "(c) floor: leaves, nodes", "(c) floor: HMACs"


class Figures(Struct, frozen=True):
    """What was measured of one size. `whole_rss_bytes` is the process's resident peak when the whole was done."""

    entries: int
    pages: int
    read_units: int
    body_bytes: int
    steps: list[Measured]
    whole_rss_bytes: int


class LocalBeacon:
    """Every round at once: the chain is the development one, whose key everybody knows."""

    def fetch(self, chain: Chain, round_number: int) -> beacon.Beacon:
        """Signed here, verified as ever."""
        return beacon.verify(chain, round_number, sign(round_number))


class Bench:
    """The application, over the pages that lie in `folder`."""

    def __init__(self, folder: Path, meter: Meter) -> None:
        self.pages = Pages(folder)
        self.cloud = Cloud(self.pages, folder / "bucket", FROZEN)
        self._published = folder / "bucket" / published.folder(WAVE)
        self._meter = meter
        self._services = chalicelib.wiring.build(settings_from_environment(os.environ))
        self._services.beacons = LocalBeacon()
        rules = self._services.programme.draw
        self._freeze = Freeze(self._services._entries, self._services._publication, rules)
        quota = self.pages.entries * SEATS_PERCENT // 100
        self._wave = Wave(
            number=WAVE,
            state=State.CLOSED,
            opens_at=FROZEN - timedelta(days=3),
            closes_at=FROZEN - timedelta(seconds=rules.freeze_delay_s),
            quota=quota,
            reserved=quota // 2,
            weights=dict.fromkeys(REGIONS, 1),
        )
        self._reserved = allot(self._wave.reserved, self._wave.weights)

    def whole(self) -> bytes:
        """From pages to the published result, by the application's two steps; returns the note."""
        self._unpublish()
        note = self._freeze.run(self._wave, Tick(FROZEN, STEP_S))
        self._services._drawing.run(replace(self._wave, state=State.FROZEN, note=note))
        return note.encode()

    def steps(self) -> tuple[Mapping[int, bytes], Mapping[int, bytes], Selection, bytes]:
        """Each step, with the result of the one before; returns tickets and lists by region, who is drawn, the seed."""
        step, rules, wave = self._meter.step, self._services.programme.draw, self._wave
        tickets = step(READ, lambda: self._services._entries.tickets(WAVE))
        lists = step(LIST, lambda: {region: draw.build_list(WAVE, region, some) for region, some in tickets.items()})
        packed = {region: b"".join(tickets.pop(region)) for region in list(tickets)}
        commitment = step(COMMIT, lambda: draw.commit(WAVE, lists, self._reserved, wave.quota, FROZEN, rules.pinned))
        signed = LocalBeacon().fetch(rules.pinned, commitment.note.round)
        seed = draw_seed(commitment.note.encode(), signed.randomness)
        selection = step(DRAW, lambda: Selection(lists, self._reserved, wave.quota, seed))
        self._unpublish()

        def publish() -> bool:
            self._services._publication.put(WAVE, published.commitment_files(commitment, lists))
            self._services._publication.put(WAVE, published.result_files(WAVE, signed, seed, selection))
            return True

        step(PUBLISH, publish)
        step(VERIFY, self._verified)
        return packed, lists, selection, seed

    def alternatives(
        self, tickets: Mapping[int, bytes], lists: Mapping[int, bytes], selection: Selection, seed: bytes
    ) -> None:
        """The same by other ways, and the hashes alone."""
        step, quota = self._meter.step, self._wave.quota
        self.floor(tickets, lists, seed)
        database = step(SQL_INSERT, lambda: draw_ways.insert(lists))
        step(SQL_DRAW, lambda: draw_ways.order_by_random(database, quota))
        database.close()
        leaves = step(PLAIN_READ, draw_ways.read_plainly)
        chosen = step(PLAIN_DRAW, lambda: draw_ways.choose_plainly(leaves, self._reserved, quota, seed))
        if chosen != list(selection.winners()):
            raise SystemExit("the plain way chose others")

    def floor(self, tickets: Mapping[int, bytes], lists: Mapping[int, bytes], seed: bytes) -> None:
        """The hashes alone."""
        self._meter.step(FLOOR_HASHES, lambda: draw_ways.hash_alone(tickets, lists))
        self._meter.step(FLOOR_HMACS, lambda: draw_ways.hmac_alone(lists, self._reserved, seed))

    def _verified(self) -> list[Check]:
        """The verifier's word on what is published now; it must find nothing wrong."""
        known = Known(wave=WAVE, closes_at=self._wave.closes_at, note_published_at=FROZEN, weights=self._wave.weights)
        checks = verify(Folder(self._published), self._services.programme.draw, known)
        failed = [check for check in checks if check.ok is False]
        if failed:
            raise SystemExit(f"the verifier found {failed}")
        return checks

    def _unpublish(self) -> None:
        shutil.rmtree(self._published, ignore_errors=True)
        self.cloud.forget()


def main() -> None:
    """Measure and print."""
    pages, runs, traced, others = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    os.environ.update(ENVIRONMENT, GELOMBANG_STAGE="local")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    meter = Meter(runs, traced=traced == "traced")
    bench = Bench(pages, meter)
    with bench.cloud.installed():
        meter.step(WHOLE, bench.whole)
        whole_rss_bytes = resident_peak()
        results = bench.steps()
        if others == "alternatives":
            bench.alternatives(*results)
        else:
            tickets, lists, _, seed = results
            bench.floor(tickets, lists, seed)
    found = bench.pages
    figures = Figures(found.entries, len(found.all), found.read_units, found.body_bytes, meter.steps, whole_rss_bytes)
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main()
