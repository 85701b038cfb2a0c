"""The real services, the passing of time, AWS's triggers and queues. Each call of DynamoDB takes 5 milliseconds.

What runs every minute is played at the minutes at which something may be due, and some times a day besides.
"""

from __future__ import annotations

import heapq
import importlib
import pkgutil
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from unittest.mock import patch

from msgspec.structs import fields, replace

import chalicelib
from chalicelib.clock import WIB
from chalicelib.config import Programme, Settings, load_programme
from chalicelib.draw import beacon
from chalicelib.draw.errors import BeaconUnavailable
from chalicelib.draw.note import Chain, round_time
from chalicelib.notices import mailer
from chalicelib.notices.service import decode_message
from chalicelib.payouts import service as payouts
from chalicelib.payouts.reconciliation.nightly import Behind
from chalicelib.waves import award_queue
from chalicelib.wiring import Services
from local.sandbox.beacon import development_chain, sign
from tests.conftest import REGION

from .cloud import STAGE, Cloud
from .people import name_of
from .provider import Provider
from .rates import Rates

CALL = timedelta(milliseconds=5)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
FUNCTION_S = 840
SHARDS = 2
"""How many partitions anything is spread over, instead of 16 or 64, which are for DynamoDB's throughput. Each costs a
job some queries in every run."""

DAILY: dict[str, tuple[time, ...]] = {
    "expire_places": (time(17, 10), time(18, 10), time(19, 10), time(20, 10)),
    "open_surveys": (time(17, 40),),
    "reconcile_payouts": (time(19, 30), time(20, 30), time(21, 30), time(22, 30)),
    "check_grievances": (time(1),),
    "publish_journal": (time(0, 30),),
    "write_notices": (time(1, 5), time(9, 5), time(17, 5)),
    "advance_plans": (time(5), time(13), time(21)),
    "erase_people": (time(2),),
    "end_terms": (time(2, 30),),
    "sweep_payouts": (time(3), time(11), time(19)),
    "sweep_registry": (time(6),),
    "advance": (time(3), time(15)),
    "watch": (time(4),),
}
"""When a trigger is played on any day (UTC). Of several times of a daily job the others are for what is left undone."""
WEEKLY = {"open_wave": (4, time(5)), "close_wave": (0, time(17))}
"""By weekday, from Monday."""
TALLIED_EVERY = 14
"""Days between two counts of the statistics, which come every hour in production and cost most of all."""
_RETRIED = {"expire_places", "reconcile_payouts"}

_ADDRESSES = {
    one.name: f"https://year.invalid/{one.name}" for one in fields(Settings) if one.required and one.type is str
}
_GIVEN: dict[str, Any] = {"stage": STAGE, "region": REGION, "beacon_relays": (), "rp_id": "gelombang.example"}
SETTINGS = Settings(**{**_ADDRESSES, **_GIVEN, "mail_domain": "gelombang.example"})


def programme_of(rates: Rates) -> Programme:
    """Production's figures, with as many seats as the rates say, the development chain and nobody who sleeps."""
    real = load_programme("prod", rates.programme)
    chain = replace(development_chain(), genesis=int(datetime(2019, 1, 1, tzinfo=UTC).timestamp()), delay_s=1800)
    draw = replace(
        real.draw,
        chain="development",
        chains={"development": chain},
        witnesses=replace(real.draw.witnesses, keys=(), quorum=0),
        awards=replace(real.draw.awards, batch=25, ahead_from=60),
    )
    seats = max(1, round(rates.people * rates.seats))
    years = Counter(opens_at.astimezone(WIB).year for opens_at, _ in openings(real, rates, 60))
    targets = {"default": seats} | {str(year): max(1, seats * n // rates.waves) for year, n in years.items()}
    schemes = real.schemes
    if rates.scheme:
        schemes = tuple(replace(one, first_wave=1) for one in schemes if one.version == rates.scheme)
    surveys = replace(real.surveys, comparison_size=max(40, round(rates.people * rates.compared)))
    return replace(
        real,
        calendar=replace(real.calendar, waves=tuple(replace(wave, quota=None) for wave in real.calendar.waves)),
        draw=draw,
        targets=targets,
        schemes=schemes,
        surveys=surveys,
        notices=replace(real.notices, mails_per_s=10**9),
    )


def few_partitions(names: dict[str, Any]) -> dict[str, Any]:
    """A module's numbers and names of partitions, as they are with `SHARDS` of them."""
    many = {name: value for name, value in names.items() if name.endswith("SHARDS")}
    few = {name: SHARDS for name, value in many.items() if isinstance(value, int) and value > SHARDS}
    return few | {name: value[:SHARDS] for name, value in many.items() if isinstance(value, tuple)}


def openings(programme: Programme, rates: Rates, waves: int) -> list[tuple[datetime, datetime]]:
    """When so many waves open and close, by the rules of the calendar, from the first day on."""
    rules, begins = programme.calendar, datetime.combine(rates.first_day, time(), WIB)
    if rules.first_opens_at is None:
        return [(wave.opens_at, wave.closes_at) for wave in rules.waves if wave.opens_at >= begins][:waves]
    every, open_ = timedelta(days=rules.every_days), timedelta(hours=rules.open_hours)
    first = rules.first_opens_at + max(0, -((rules.first_opens_at - begins) // every)) * every
    return [(first + number * every, first + number * every + open_) for number in range(waves)]


class Beacons:
    """The development chain: its signatures are real, and each is verified."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def fetch(self, chain: Chain, round_number: int) -> beacon.Beacon:
        if self._clock() < round_time(chain, round_number):
            raise BeaconUnavailable(round=round_number)
        return beacon.verify(chain, round_number, sign(round_number))


class World:
    """Everything of one year. `unexpected` is told what no promise allows."""

    def __init__(self, seed: int, rates: Rates, unexpected: Callable[[str], None]) -> None:
        self.dice = random.Random(seed)
        # It is nothing to the programme, so it changes no schedule: some are such that a planted bug does harm.
        self._dice_of = defaultdict(lambda: self.dice, publish_journal=random.Random(seed))
        self.rates = rates
        self.programme = programme_of(rates)
        self.now = datetime.combine(rates.first_day, time(), WIB).astimezone(UTC)
        self.unexpected = unexpected
        self.provider = Provider(self.dice, lambda: self.clock().timestamp(), name_of)
        self.cloud = Cloud(self.dice, self.clock, self.provider)
        self.services = Services(SETTINGS, self.programme, self.clock, self.dice.randbytes)
        self.services.beacons = Beacons(self.clock)  # type: ignore[assignment]  # the port has no name
        self.triggers: Counter[str] = Counter()
        self.reminded: list[tuple[str, str]] = []
        """The mails of this day that were reminders: person and event."""
        self.tallied: Callable[[], None] = lambda: None
        self._heap: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._events = 0
        self._calls_at = 0
        self._delivering = False
        self._tries: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()
        self._consumers = {
            "awards": (
                "award",
                10,
                lambda records: award_queue.consume(
                    records, self.services.award_batches, self.clock(), 50, self._seconds
                ),
            ),
            "payouts": ("pay", 5, lambda records: payouts.consume(records, self.services.payout_worker, self.clock())),
            "mails": ("send_mail", 1, self._send_mail),
        }

    @contextmanager
    def begun(self) -> Iterator[None]:
        """In AWS's place."""
        with ExitStack() as stack:
            stack.enter_context(self.cloud.installed())
            for found in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
                module = importlib.import_module(found.name)
                for name, value in few_partitions(vars(module)).items():
                    stack.enter_context(patch.object(module, name, value))
            yield

    # Time

    def clock(self) -> datetime:
        """The present instant. While a function runs, each call to AWS moves it on."""
        return self.now + (self.cloud.calls - self._calls_at) * CALL

    def _seconds(self) -> float:
        return self.clock().timestamp()

    def at(self, instant: datetime, act: Callable[..., Any], *given: Any) -> None:
        """Let something happen then, or at once if that is past."""
        self._events += 1
        heapq.heappush(self._heap, (instant.timestamp(), self._events, act, given))

    def after(self, least: timedelta, most: timedelta, act: Callable[..., Any], *given: Any) -> None:
        """Let something happen at a random instant from now."""
        seconds = self.dice.uniform(least.total_seconds(), most.total_seconds())
        self.at(self.now + timedelta(seconds=seconds), act, *given)

    def until(self, instant: datetime) -> None:
        """Play everything before an instant."""
        end = instant.timestamp()
        while self._heap and self._heap[0][0] < end:
            at, _, act, given = heapq.heappop(self._heap)
            self._come_to(datetime.fromtimestamp(at, UTC))
            try:
                act(*given)
            except Exception as error:  # noqa: BLE001 - the oracle judges it
                self.unexpected(f"{getattr(act, '__name__', act)}: {type(error).__name__} {error}")
            if self.cloud.queues and not self._delivering:
                self._delivering = True
                self.after(timedelta(seconds=1), timedelta(seconds=90), self._deliver)
        self._come_to(instant)

    def _come_to(self, instant: datetime) -> None:
        self.now, self._calls_at = max(self.clock(), instant), self.cloud.calls

    # Queues

    def _deliver(self) -> None:
        self._delivering = False
        for queue, (function, size, consume) in self._consumers.items():
            bodies = self.cloud.take(f"https://year.invalid/{queue}_queue_url")
            for start in range(0, len(bodies), size):
                batch = bodies[start : start + size]
                with self.cloud.acting(function):
                    answer = consume([{"messageId": str(place), "body": body} for place, body in enumerate(batch)])
                for one in answer["batchItemFailures"]:
                    self._again(queue, batch[int(one["itemIdentifier"])])

    def _again(self, queue: str, body: str) -> None:
        """It comes again after its time-out, five times in all; a sweep finds what is given up."""
        self._tries[body] += 1
        if self._tries[body] < 5:
            self.at(
                self.now + timedelta(seconds=720), self.cloud.put, f"https://year.invalid/{queue}_queue_url", [body]
            )
        else:
            del self._tries[body]

    def _send_mail(self, records: list[dict[str, str]]) -> dict[str, Any]:
        message = decode_message(records[0]["body"])
        before = self.cloud.sent
        answer = mailer.consume(records, self.services.mailer, self.clock)
        if self.cloud.sent > before and message.event.startswith(("purchase_deadline/", "survey_")):
            self.reminded += [(message.registrant_id, message.event)] * (self.cloud.sent - before)
        return answer

    # Triggers

    def begin_day(self, day: date) -> None:
        """Lay out a day's triggers."""
        for name, times in DAILY.items():
            for place, when in enumerate(times):
                if not (place and name in _RETRIED and self.dice.random() < 0.9):
                    self._lay(name, datetime.combine(day, when, UTC))
        for name, (weekday, when) in WEEKLY.items():
            if day.weekday() == weekday:
                self._lay(name, datetime.combine(day, when, UTC))
        if (day - self.rates.first_day).days % TALLIED_EVERY == 0:
            self._lay("tally_statistics", datetime.combine(day, time(23), UTC))

    def step_each_minute(self, instant: datetime, minutes: int) -> None:
        """From an instant on, as `advance` and `write_notices` are triggered."""
        for minute in range(minutes):
            self._lay("advance", instant + minute * MINUTE)

    def _lay(self, name: str, instant: datetime) -> None:
        late = timedelta(seconds=self._dice_of[name].randrange(self.rates.late_s + 1))
        self.at(instant + late, self.fire, name)

    def fire(self, name: str) -> None:
        """A trigger of the application: once, twice, or not at all."""
        dice = self._dice_of[name]
        if dice.random() < self.rates.missed and not self._missed[name]:
            self._missed[name] += 1
            self.triggers[f"{name} missed"] += 1
            return
        self._missed[name] = 0
        for _ in range(1 + (dice.random() < self.rates.doubled)):
            self.triggers[name] += 1
            began = self.clock()
            short = dice.random() < self.rates.cut_short
            with self.cloud.acting(name):
                if JOBS[name](self, began, FUNCTION_S / 10 if short else FUNCTION_S):
                    self.services.runs.whole(name, began)
        if name == "tally_statistics":
            self.tallied()

    def _step(self, now: datetime, budget_s: float) -> bool:
        self.services.stepper.advance(now, budget_s, self._seconds)
        return False


def _swept(world: World, now: datetime, _budget_s: float) -> bool:
    world.services.payouts.sweep(now)
    return True


def _asked_again(world: World, now: datetime, _budget_s: float) -> bool:
    """The stage has no civil registry, so nobody waits for its answer."""
    return world.services.registry_sweep.run(now) is not None


def _written(world: World, now: datetime, budget_s: float) -> bool:
    world.services.channels.run()
    return world.services.notice_writer.run(now, budget_s, world._seconds)


def _watched(world: World, now: datetime, _budget_s: float) -> bool:
    world.services.watch.run(now)
    return False


def _reconciled(world: World, now: datetime, budget_s: float) -> bool:
    try:
        return world.services.daily_reconciliation.run(now, budget_s, world._seconds)
    except Behind:  # which rings: it was cut short the day after it was missed
        world.triggers["reconcile_payouts behind"] += 1
        return False


JOBS: dict[str, Callable[[World, datetime, float], bool]] = {
    "open_wave": World._step,
    "close_wave": World._step,
    "advance": World._step,
    "expire_places": lambda it, now, s: it.services.revocation.run(now, s, it._seconds).whole,
    "sweep_payouts": _swept,
    "sweep_registry": _asked_again,
    "advance_plans": lambda it, now, s: it.services.plans.run(now, s, it._seconds),
    "erase_people": lambda it, now, s: it.services.erasure.run(now, s, it._seconds),
    "end_terms": lambda it, now, s: it.services.terms.run(now, s, it._seconds),
    "reconcile_payouts": _reconciled,
    "write_notices": _written,
    "open_surveys": lambda it, now, s: it.services.survey_job.run(now, s, it._seconds),
    "tally_statistics": lambda it, now, s: it.services.tally_job.run(now, s, it._seconds),
    "check_grievances": lambda it, now, s: it.services.helpdesk.check(now, s).whole,
    "publish_journal": lambda it, now, s: it.services.journal_heads.run(now, s, it._seconds),
    "watch": _watched,
}
"""What each scheduled function of `app.py` does."""
