"""The job that counts everybody for the statistics, part by part; no request counts anything.

A round counts each part once: the registrations, and the people and surveys of each wave that can still change, shard
by shard. A run counts the parts that the round lacks, as long as it has time. When none is missing, it publishes the
sums, and the next run begins a new round. A part is written whole, so a run may die anywhere or run beside another.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from ..clock import wib_date
from ..config import Programme
from ..helpdesk.service import Helpdesk
from ..jobs.service import Jobs
from ..payouts.service import Payouts
from ..registration.store import SHARDS as REGISTRATION_SHARDS
from ..registration.store import RegistrationStore
from ..structs import fill
from ..time_budget import OutOfTime, TimeBudget
from ..training.store import TrainingStore
from ..values import Value
from ..waves.rules import SHARDS, Beneficiary, BeneficiaryState, Wave, WaveState, year_of
from ..waves.service import Waves
from . import statistics_wire as wire
from . import tally_rules
from .statistics_rules import Counted, publishable
from .statistics_wire import lines
from .store import COUNTRY, REGISTERED, Round, RoundOvertaken, SurveyStore, TallyStore, Whole
from .tally_rules import REGISTERED_IN, Count, Tally, WaveTally

log = logging.getLogger(__name__)

PART_S = 20
"""A part is not begun with less time left: a few thousand people, a page of each table at a time."""
PUBLISH_S = 60
BATCH = 1_000
"""People whose payments and accounts are looked up together."""
_BUYERS = (BeneficiaryState.ACTIVE, BeneficiaryState.GRADUATED)

JOINED = "JOINED"


class Sources(Value, frozen=True):
    """The sources of all counts. The last two keep counts of their own."""

    registrations: RegistrationStore
    waves: Waves
    payouts: Payouts
    training: TrainingStore
    surveys: SurveyStore
    jobs: Jobs
    helpdesk: Helpdesk


class TallyJob:
    """The job. `province` names the province of a code."""

    def __init__(
        self, store: TallyStore, sources: Sources, programme: Programme, province: Callable[[int], str]
    ) -> None:
        self._store = store
        self._from = sources
        self._programme = programme
        self._province = province
        self._paid_at_review = {
            scheme.version
            for scheme in programme.schemes
            if (incentive := scheme.payment("INCENTIVE")) and incentive.trigger == "review"
        }

    def run(self, now: datetime, remaining_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Count what the present round lacks, and publish; True if that was done, False if time was too short.

        `seconds` is a clock that never goes back.
        """
        budget = TimeBudget(now, remaining_s, seconds)
        latest = self._store.round()
        present = latest if latest and latest.ended_at is None else self._store.begin(latest, now)
        waves = self._settled(present)
        try:
            wholes = self._count(present, waves, budget)
            budget.need(PUBLISH_S)
            self._publish(present, waves, wholes, budget.now())
            self._store.end(present, budget.now())
        except OutOfTime:
            log.info("tally_goes_on", extra={"round": present.number})
            return False
        except RoundOvertaken:
            log.warning("tally_overtaken", extra={"round": present.number})
            return False
        log.info("statistics_published", extra={"round": present.number})
        return True

    def _count(self, present: Round, waves: list[Wave], budget: TimeBudget) -> dict[str, Whole]:
        """The sums of all waves; final ones are not counted again. Raises `OutOfTime`, `RoundOvertaken`."""
        wholes = self._store.wholes()
        registered = wholes.get(REGISTERED)
        if registered is None or registered.round < present.number:
            parts = {f"{shard:02d}": self._registered(shard) for shard in range(REGISTRATION_SHARDS)}
            wholes[REGISTERED] = self._whole(REGISTERED, parts, present, budget, final=False)
        for wave in waves:
            known = wholes.get(_key(wave))
            if known is None or not (known.final or known.round == present.number):
                wholes[_key(wave)] = self._whole(
                    _key(wave), self._parts_of(wave), present, budget, final=self._is_final(wave, present)
                )
        return wholes

    def _whole(
        self, of: str, parts: Mapping[str, Callable[[], Tally]], present: Round, budget: TimeBudget, *, final: bool
    ) -> Whole:
        counted = self._store.parts(of, present.number)
        for name, count in parts.items():
            if name not in counted:
                budget.need(PART_S)
                counted[name] = count()
                self._store.put_part(of, name, present.number, counted[name])
        whole = Whole(present.number, final, tally_rules.add(counted.values()))
        self._store.put_whole(of, whole)
        return whole

    def _registered(self, shard: int) -> Callable[[], Tally]:
        def count() -> Tally:
            tally: dict[int, Counter[str]] = {}
            for (region, month), people in self._from.registrations.registered(shard).items():
                tally.setdefault(region, Counter()).update(
                    {Count.REGISTERED: people, f"{REGISTERED_IN}{month}": people}
                )
            return tally

        return count

    def _parts_of(self, wave: Wave) -> dict[str, Callable[[], Tally]]:
        parts = {shard: partial(self._shard, wave.number, shard) for shard in (f"{n:02d}" for n in range(SHARDS))}
        return {JOINED: lambda: _people(Count.JOINED, self._from.waves.joined_by_region(wave.number)), **parts}

    def _shard(self, wave: int, shard: str) -> Tally:
        """One shard of a wave: the people who were chosen, and the surveys of both groups."""
        tally: dict[int, Counter[str]] = {}
        for some in _batches(self._from.waves.beneficiaries.roster(wave, shard)):
            # Nobody has an account before a purchase, or a payment before what their scheme pays for.
            buyers = [one for one in some if (one.passed_from or one.state) in _BUYERS]
            accounts = self._from.training.accounts([one.registrant_id for one in buyers], wave)
            owed = self._from.payouts.of_many([one for one in buyers if self._may_be_owed(one)])
            for one in some:
                counts = tally_rules.of_beneficiary(
                    one,
                    accounts.get(one.registrant_id),
                    owed.get(one.registrant_id, []),
                    paid_at_review=one.scheme in self._paid_at_review,
                )
                tally.setdefault(one.region, Counter()).update(counts)
        for survey in self._from.surveys.of_wave(wave, shard):
            tally.setdefault(survey.region, Counter()).update(tally_rules.of_survey(survey))
        return tally

    def _may_be_owed(self, buyer: Beneficiary) -> bool:
        graduated = BeneficiaryState.GRADUATED in (buyer.state, buyer.passed_from)
        return graduated or buyer.scheme not in self._paid_at_review

    def _settled(self, present: Round) -> list[Wave]:
        """The waves that this round counts: settled when it began."""
        waves = [wave for wave in self._from.waves.records() if wave.state is WaveState.SETTLED]
        return [wave for wave in waves if (wave.settled_at or wave.closes_at) <= present.began_at]

    def _is_final(self, wave: Wave, present: Round) -> bool:
        after = timedelta(days=self._programme.statistics.final_after_days)
        return (wave.settled_at or wave.closes_at) + after <= present.began_at

    def _publish(self, present: Round, waves: list[Wave], wholes: Mapping[str, Whole], now: datetime) -> None:
        def tally(wave: Wave, whole: Whole) -> WaveTally:
            return WaveTally(wave.number, year_of(wave.opens_at), wave.closes_at, whole.final, whole.regions)

        counted = Counted(
            counted_from=present.began_at,
            registered=wholes[REGISTERED].regions,
            waves=[tally(wave, wholes[_key(wave)]) for wave in sorted(waves, key=lambda wave: wave.number)],
            history=self._store.history(),
            job_market=fill(wire.JobMarket, self._from.jobs.counts(now)),
            grievances=fill(wire.Grievances, self._from.helpdesk.counts()),
        )
        this_year = wib_date(present.began_at).year
        published = publishable(counted, self._programme.target, self._province, this_year, now)
        # The country last, so that every wave it names can be found.
        for wave in published.waves:
            name = f"WAVE#{wave.number:06d}"
            self._store.publish(name, present.number, wave)
            self._store.publish_lines(name, present.number, lines(wave))
        self._store.publish(COUNTRY, present.number, published.country)


def _people(name: str, regions: Mapping[int, int]) -> Tally:
    return {region: {name: number} for region, number in regions.items()}


def _key(wave: Wave) -> str:
    return f"{wave.number:06d}"


def _batches(people: Iterator[Beneficiary]) -> Iterator[list[Beneficiary]]:
    while some := list(islice(people, BATCH)):
        yield some
