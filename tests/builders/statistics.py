"""People and surveys as the count finds them, in memory; the tallies and what is published are on moto."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.helpdesk.service import GrievanceCounts
from chalicelib.jobs.rules import JobCounts
from chalicelib.outcomes.statistics_service import PublishedStatistics
from chalicelib.outcomes.store import OutcomesTable, TallyStore
from chalicelib.outcomes.survey_rules import Survey
from chalicelib.outcomes.tally_job import Sources, TallyJob
from chalicelib.payouts.rules import Entitlement
from chalicelib.waves.rules import Beneficiary, Wave, WaveState, shard_of
from tests.builders.aws_calls import wipe
from tests.builders.surveys import beneficiary
from tests.conftest import T0

DAY = timedelta(days=1)
NAMES = {11: "Aceh", 31: "DKI Jakarta", 32: "Jawa Barat"}


@dataclass
class Told:
    """Everything that is counted, each part as its domain gives it. `reads`: what was asked for, in order."""

    registered: dict[int, dict[int, int]] = field(default_factory=dict)
    waves: list[Wave] = field(default_factory=list)
    joined: dict[int, dict[int, int]] = field(default_factory=dict)
    chosen: list[Beneficiary] = field(default_factory=list)
    surveys: list[Survey] = field(default_factory=list)
    reads: Counter[str] = field(default_factory=Counter)

    def registered_by_region(self, shard: int) -> Mapping[int, int]:
        self.reads["registrations"] += 1
        return self.registered.get(shard, {})

    def records(self) -> list[Wave]:
        return list(self.waves)

    @property
    def beneficiaries(self) -> Any:
        return self

    def roster(self, wave: int, shard: str) -> Iterator[Beneficiary]:
        self.reads[f"wave {wave}"] += 1
        return iter([one for one in self.chosen if (one.wave, shard_of(one.registrant_id)) == (wave, shard)])

    def joined_by_region(self, wave: int) -> Mapping[int, int]:
        return self.joined.get(wave, {})

    def of_many(self, beneficiaries: Iterable[Beneficiary]) -> Mapping[str, list[Entitlement]]:
        return {one.registrant_id: [] for one in beneficiaries}

    def accounts(self, registrant_ids: Iterable[str]) -> Mapping[str, Any]:
        return {}

    def of_wave(self, wave: int, shard: str) -> Iterator[Survey]:
        return iter([one for one in self.surveys if (one.wave, shard_of(one.registrant_id)) == (wave, shard)])


class Market:
    def counts(self, now: datetime) -> JobCounts:
        return JobCounts(2, 3, 4)


class Desk:
    def counts(self) -> GrievanceCounts:
        return GrievanceCounts(open=1, escalated=2, overdue=3, answered=4, counted_at=T0)


class World:
    """The job, what it counts and what it publishes."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        dynamodb.bind(OutcomesTable, settings.table("outcomes"), settings.region)
        self.programme = programme
        self.told = Told()
        self.store = TallyStore()
        self.statistics = PublishedStatistics(self.store, self.told, lambda code: int(code) in NAMES)

    def tallying(self) -> TallyJob:
        """The job as a new run of the function has it."""
        told = self.told
        sources = Sources(told, told, told, told, told, Market(), Desk())
        return TallyJob(self.store, sources, self.programme, lambda code: NAMES[code])

    def settle(self, number: int, people: int, at: datetime = T0 - DAY) -> None:
        """A wave in which so many were chosen in Jakarta and as many in West Java, of three times as many each."""
        self.told.waves.append(
            Wave(number, WaveState.SETTLED, at - 5 * DAY, at - DAY, 2 * people, 0, {}, chosen=2 * people, settled_at=at)
        )
        self.told.joined[number] = {31: 3 * people, 32: 3 * people}
        self.told.chosen += [
            beneficiary(f"person-{number}-{region}-{n}", wave=number, region=region)
            for region in (31, 32)
            for n in range(people)
        ]

    def wipe(self) -> None:
        """Forget what was counted and published."""
        wipe(OutcomesTable)
