"""Measures in minutes how late everything is that was promised for a time, by the clock and the records.

The job that keeps a promise is not asked: it may be dead, or be killed at its limit again and again. Each promise gets
one line with a metric, also when nothing is late. An alarm that gets no figure for a while rings as well, so it is
noticed when the watch itself stops.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from msgspec import field

from .aws.clients import is_passing
from .aws.job_progress import Look, Runs
from .civil_registry.service import Sweep
from .config import Programme
from .logs import metric
from .notices.store import TellingPlace, TellingProgress
from .payouts.service import Payouts
from .values import Value
from .waves.calendar import Calendar
from .waves.plan_rules import owed, plans
from .waves.rules import WaveState
from .waves.store import WaveStore

log = logging.getLogger(__name__)

LATE = "MinutesPastDue"
"""The metric, by `Job`."""

_DAY = timedelta(days=1)

DAILY = {
    "publish_journal": time(0, 30),
    "expire_places": time(17, 10),
    "open_surveys": time(17, 40),
    "reconcile_payouts": time(19, 30),
}
"""The first of a job's runs of a day (UTC); a test compares them with the schedules."""

EVERY = {
    "advance_plans": timedelta(minutes=15),
    "check_grievances": timedelta(hours=1),
    "erase_people": timedelta(hours=1),
    "end_terms": timedelta(hours=1),
    "sweep_payouts": timedelta(minutes=1),
    "sweep_registry": timedelta(minutes=5),
    "tally_statistics": timedelta(hours=1),
    "write_notices": timedelta(minutes=5),
}

PROMISED = {
    "step": 15,
    "award": 60,
    "payouts": 60,
    "results": 360,
    "registry": 360,
    "sweep_registry": 60,
    "sweep_payouts": 15,
    "advance_plans": 180,
    "erase_people": 360,
    "end_terms": 2_880,
    "write_notices": 30,
    "tally_statistics": 360,
    "check_grievances": 60,
    "expire_places": 240,
    "open_surveys": 60,
    "reconcile_payouts": 240,
    "publish_journal": 240,
}
"""All that is watched: the waves' steps up to their draw, the award of seats, payments, the telling of a wave's
results, the civil registry's answers; and each scheduled job, since it last left nothing undone. With how many minutes
late it counts as late; a test compares them with the alarms.
"""


class Late(Value, frozen=True):
    """How many minutes a job is late, and since when it was due (None: it is not late).

    `waves`: which waves are late, with what and by how much.
    """

    job: str
    since: datetime | None
    minutes: int
    waves: dict[str, str] = field(default_factory=dict)


class Watch:
    """`namespace` is where the stage's metrics are."""

    def __init__(
        self,
        programme: Programme,
        waves: WaveStore,
        payouts: Payouts,
        results: TellingProgress,
        registry: Sweep,
        runs: Runs,
        namespace: str,
    ) -> None:
        self._programme = programme
        self._waves = waves
        self._payouts = payouts
        self._results = results
        self._registry = registry
        self._runs = runs
        self._namespace = namespace

    def run(self, now: datetime) -> None:
        """Measure every job, tell each figure, and keep for the public what is late.

        An alarm rings too because its figure is missing.
        """
        found = list(self.look(now))
        for late in found:
            self._tell(late, now)
        since = {one.job: one.since if one.minutes >= PROMISED[one.job] else None for one in found}
        self._runs.keep_look(Look(now, since))

    def look(self, now: datetime) -> Iterator[Late]:
        """Measure every job. One that cannot be measured is left out, and does not stop the others."""
        for measure in (self._of_waves, self._of_payments, self._of_results, self._of_registry, self._of_jobs):
            try:
                yield from measure(now)
            except Exception as error:  # noqa: BLE001 - the other promises are watched all the same
                level = logging.WARNING if is_passing(error) else logging.ERROR
                log.log(level, "not_measured", extra={"what": measure.__name__, "error": type(error).__name__})

    def _of_waves(self, now: datetime) -> Iterator[Late]:
        records = {wave.number: wave for wave in self._waves.waves()}
        calendar = Calendar(self._programme.calendar, self._waves.changes()[1])
        past: dict[str, dict[int, tuple[WaveState, datetime]]] = {"step": {}, "award": {}}
        for plan in plans(calendar, records, self._waves.start(now), now):
            debt = owed(plan, records.get(plan.number), self._programme, now)
            if debt is not None and _minutes(debt[1], now):
                past["award" if debt[0] is WaveState.SETTLED else "step"][plan.number] = debt
        for job, waves in past.items():
            since = min((since for _, since in waves.values()), default=now)
            said = {str(n): f"{state}, {_minutes(since, now)} min" for n, (state, since) in waves.items()}
            yield _late(job, since, now, said)

    def _of_payments(self, now: datetime) -> Iterator[Late]:
        yield _late("payouts", self._payouts.waiting_since(now) or now, now)

    def _of_results(self, now: datetime) -> Iterator[Late]:
        places = self._results.places()
        settled = [wave for wave in self._waves.waves() if wave.state is WaveState.SETTLED]
        owing = {wave.number: wave for wave in settled if not places.get(wave.number, TellingPlace()).done}
        past = {number: wave.settled_at or wave.closes_at for number, wave in owing.items()}
        said = {str(number): f"{_minutes(since, now)} min" for number, since in past.items()}
        yield _late("results", min(past.values(), default=now), now, said)

    def _of_registry(self, now: datetime) -> Iterator[Late]:
        yield _late("registry", self._registry.waiting_since(now) or now, now)

    def _of_jobs(self, now: datetime) -> Iterator[Late]:
        whole = self._runs.last_whole()
        for job in (*EVERY, *DAILY):
            # An upgrade may give an old stage a new job, or this table: nothing was due before.
            yield _late(job, next_due(job, whole.get(job) or self._runs.first(job, now)), now)

    def _tell(self, late: Late, now: datetime) -> None:
        facts: dict[str, Any] = {"waves": late.waves} if late.waves else {}
        log.info("watched", extra={**facts, **metric(self._namespace, LATE, late.minutes, now, Job=late.job)})


def next_due(job: str, whole_at: datetime) -> datetime:
    """When a job was next due after it was last done."""
    if job in EVERY:
        return whole_at + EVERY[job]
    due = datetime.combine(whole_at.astimezone(UTC).date(), DAILY[job], UTC)
    return due if due > whole_at else due + _DAY


def _late(job: str, since: datetime, now: datetime, waves: dict[str, str] | None = None) -> Late:
    minutes = _minutes(since, now)
    return Late(job, since if minutes else None, minutes, waves or {})


def _minutes(since: datetime, now: datetime) -> int:
    return max((now - since) // timedelta(minutes=1), 0)
