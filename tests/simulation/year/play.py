"""Plays a whole year, in one process, and sums it up."""

from __future__ import annotations

import gc
import logging
import resource
import time as clocks
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from .life import Life
from .rates import Rates

WAVE_COLUMNS = (
    *("seats", "joined", "chosen", "revoked", "passed on", "left", "bought", "completed", "graduates", "paid"),
    "rupiah",
)


@dataclass
class Played:
    """What came of a year. `waves`: by number, the columns above; `months`: by month, what happened and `rupiah`."""

    wrong: list[str] = field(default_factory=list)
    waves: dict[int, Counter[str]] = field(default_factory=dict)
    months: dict[str, Counter[str]] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    """What the statistics count, of the whole country."""
    work: Counter[str] = field(default_factory=Counter)
    """Triggers, draws that were verified, counts that were compared, calls and CPU seconds."""
    memory_mb: int = 0
    """Added up over processes."""

    def __add__(self, other: Played) -> Played:
        added = Played([*self.wrong, *other.wrong], memory_mb=self.memory_mb + other.memory_mb)
        added.happened, added.counts = self.happened + other.happened, self.counts + other.counts
        added.work = self.work + other.work
        for mine, theirs, into in (
            (self.waves, other.waves, added.waves),
            (self.months, other.months, added.months),
        ):
            for key in sorted(mine.keys() | theirs.keys()):  # type: ignore[type-var]  # both are numbers, or texts
                into[key] = mine.get(key, Counter()) + theirs.get(key, Counter())  # type: ignore[index,call-overload]
        return added


def play(
    seed: int,
    rates: Rates,
    days: int,
    *,
    bug: AbstractContextManager[None] | None = None,
    stop_at: int = 10,
    after: Callable[[Life], None] = lambda _: None,
) -> Played:
    """So many days from the rates' first; it stops when so many things went wrong. `after` plays what comes then."""
    logging.disable(logging.CRITICAL)
    began = clocks.process_time()
    life = Life(seed, rates)
    world, oracle = life.world, life.oracle
    world.tallied = oracle.recount
    gc.collect()
    gc.disable()
    try:
        with world.begun(), bug or nullcontext():
            life.prepare()
            for number in range(days):
                day = rates.first_day + timedelta(days=number)
                world.begin_day(day)
                world.until(datetime.combine(day + timedelta(days=1), time(), UTC))
                oracle.check()
                if len(oracle.wrong) >= stop_at:
                    break
                if number % 30 == 0:
                    gc.collect()
                    gc.freeze()  # what lives on is not looked through again
            after(life)
            oracle.books()
            for what in world.cloud.missing():
                oracle.fail(what)
            return _summed(life, clocks.process_time() - began)
    finally:
        gc.enable()
        gc.unfreeze()


def _summed(life: Life, cpu_s: float) -> Played:
    played = Played(life.oracle.wrong, happened=life.happened, months=dict(life.months))
    oracle, world = life.oracle, life.world
    for wave in world.services._wave_store.waves():
        regions = oracle.of_wave(wave.number)
        counts: Counter[str] = sum(map(Counter, regions.values()), Counter())
        played.counts += counts
        if wave.chosen is None or not counts["joined"]:
            continue
        row = {name: counts[name] for name in ("joined", "revoked", "completed", "graduates", "paid")}
        row |= {
            "seats": wave.quota,
            "chosen": counts["chosen"],
            "passed on": oracle.awarded[wave.number] - oracle.first[wave.number],
        }
        row |= {"left": wave.quota - wave.chosen, "bought": counts["recipients"], "rupiah": counts["paid_idr"]}
        played.waves[wave.number] = Counter(row)
    for amount, at, _ in oracle.paid.values():
        played.months[f"{at:%Y-%m}"]["rupiah"] += amount
    played.work = world.triggers + Counter(
        {"draws verified": oracle.verified, "waves recounted": oracle.compared, "calls of DynamoDB": world.cloud.calls}
    )
    played.work["mails"], played.work["CPU seconds"] = world.cloud.sent, round(cpu_s)
    played.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return played
