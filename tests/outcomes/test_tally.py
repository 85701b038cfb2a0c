"""The count continues after interruptions with the same result, and each answer costs one call."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.figures.schemes import Payment, Scheme
from chalicelib.helpdesk.service import GrievanceCounts
from chalicelib.jobs.rules import JobCounts
from chalicelib.outcomes import tally_job
from chalicelib.outcomes.errors import MalformedHistory
from chalicelib.outcomes.statistics_service import KEPT, PublishedStatistics
from chalicelib.outcomes.statistics_wire import BEFORE_THE_FIRST, MonthView, RegisteredIn
from chalicelib.outcomes.statistics_wire import HEADER as CSV_HEADER
from chalicelib.outcomes.store import OutcomesTable, RoundOvertaken, TallyStore
from chalicelib.outcomes.survey_rules import Survey
from chalicelib.outcomes.tally_job import Sources, TallyJob
from chalicelib.payouts.rules import Entitlement
from chalicelib.waves.errors import UnknownWave
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, Wave, WaveState, shard_of
from tests.builders.aws.calls import wipe
from tests.builders.crashes import Calls, Crash, die
from tests.builders.surveys import Seconds, beneficiary
from tests.conftest import T0

from .test_past_totals import HEADER, LINES

DAY = timedelta(days=1)
NAMES = {11: "Aceh", 31: "DKI Jakarta", 32: "Jawa Barat"}


@dataclass
class Told:
    """Everything that is counted, each part as its domain gives it. `reads`: what was asked for, in order."""

    people: dict[int, dict[int, int]] = field(default_factory=dict)
    waves: list[Wave] = field(default_factory=list)
    joined: dict[int, dict[int, int]] = field(default_factory=dict)
    chosen: list[Beneficiary] = field(default_factory=list)
    surveys: list[Survey] = field(default_factory=list)
    reads: Counter[str] = field(default_factory=Counter)
    asked: list[BeneficiaryState] = field(default_factory=list)
    """In which states those are whose payments were read last."""

    def registered(self, shard: int) -> Mapping[tuple[int, str], int]:
        self.reads["registrations"] += 1
        return {(region, "2026-11"): people for region, people in self.people.get(shard, {}).items()}

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
        self.asked = [one.state for one in beneficiaries]
        return {}

    def accounts(self, registrant_ids: Iterable[str], wave: int) -> Mapping[str, Any]:
        return {}

    def of_wave(self, wave: int, shard: str) -> Iterator[Survey]:
        return iter([one for one in self.surveys if (one.wave, shard_of(one.registrant_id)) == (wave, shard)])


MARKET = SimpleNamespace(counts=lambda now: JobCounts(2, 3, 4))
DESK = SimpleNamespace(counts=lambda: GrievanceCounts(open=1, escalated=2, overdue=3, answered=4, counted_at=T0))


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
        sources = Sources(told, told, told, told, told, MARKET, DESK)
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


HOUR = timedelta(hours=1)
AMPLE_S = 800.0


def few(monkeypatch: pytest.MonkeyPatch, shards: int) -> None:
    for name in ("SHARDS", "REGISTRATION_SHARDS"):
        monkeypatch.setattr(tally_job, name, shards)
    monkeypatch.setattr(f"{__name__}.shard_of", lambda person: f"{zlib.crc32(person.encode()) % shards:02d}")


@pytest.fixture
def world(cloud, programme, monkeypatch) -> World:
    """With four shards of everything instead of 64, since each is a write."""
    few(monkeypatch, 4)
    return World(cloud, programme)


@pytest.fixture
def small(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two waves in two shards."""
    few(monkeypatch, 2)
    world.told.people = {0: {31: 20}, 1: {32: 30}}
    world.settle(143, 12)
    world.settle(144, 15)
    return world


LOOKS = count(1)
"""Each so much later than the one before that nothing is kept in memory."""


def published(world: World) -> tuple[Any, ...]:
    """Everything that anybody can read, without the times."""
    read = world.statistics
    country = msgspec.structs.replace(read.country(), counted_from="", computed_at="")
    waves = [msgspec.structs.replace(read.wave(line.number), computed_at="") for line in country.waves]
    return country, waves, read.csv(T0 + KEPT * next(LOOKS))


@pytest.mark.parametrize("trigger", ["review", "attendance", "award"])
def test_money_is_looked_for_where_it_may_be_owed(world, programme, monkeypatch, trigger):
    """Under a scheme that pays after a review nobody but a graduate is owed anything, and need not be read."""
    payment = Payment(kind="INCENTIVE", trigger=trigger, times=1, amount_idr=1)
    scheme = Scheme(version="kin", first_wave=1, training_idr=0, payments=(payment,))
    few(monkeypatch, 1)
    world.programme = replace(programme, schemes=(scheme,))
    world.settle(144, 0)
    states = (BeneficiaryState.POTENTIAL, BeneficiaryState.ACTIVE, BeneficiaryState.GRADUATED)
    world.told.chosen = [beneficiary(f"person-{one}", wave=144, scheme="kin", state=one) for one in states]
    assert world.tallying().run(T0, AMPLE_S, Seconds(0))
    assert world.told.asked == [one for one in states[1:] if trigger != "review" or one is states[2]]


def test_before_the_first_count_there_are_no_statistics(world):
    assert world.statistics.country() == BEFORE_THE_FIRST
    assert world.statistics.csv(T0) == CSV_HEADER
    with pytest.raises(UnknownWave):
        world.statistics.wave(144)


def test_a_short_count_continues_in_the_next_run_without_rereading(world):
    world.told.people = {1: {31: 20, 32: 30}, 3: {31: 5}}
    world.settle(144, 150)
    world.settle(143, 20)
    runs = 1
    while not world.tallying().run(T0 + runs * HOUR, AMPLE_S, Seconds(150)):
        assert world.statistics.country() == BEFORE_THE_FIRST
        runs += 1

    assert runs > 3
    assert world.told.reads == {"registrations": 4, "wave 143": 4, "wave 144": 4}
    country = world.statistics.country()
    assert (country.registered, country.progress.joined, country.progress.chosen) == (55, 1_020, 340)
    assert country.counted_from == "2026-11-24T04:00:00Z"
    assert country.registrations == [RegisteredIn("2026-11", 55)]
    assert [(line.number, line.progress.chosen) for line in country.waves] == [(143, 40), (144, 300)]
    assert (country.job_market.open_vacancies, country.grievances.overdue) == (2, 3)
    assert [province.name for province in world.statistics.wave(144).provinces] == ["DKI Jakarta", "Jawa Barat"]


def test_the_run_after_a_complete_count_begins_a_new_one(world):
    world.settle(144, 20)
    assert world.tallying().run(T0, AMPLE_S)
    world.told.chosen.pop()
    world.told.people = {0: {31: 12}}
    assert world.tallying().run(T0 + HOUR, AMPLE_S)

    country = world.statistics.country()
    assert (country.progress.chosen, country.registered) == (39, 12)
    assert world.told.reads == {"registrations": 8, "wave 144": 8}


def test_a_wave_settled_during_a_count_is_counted_by_the_next(world):
    world.settle(144, 20)
    world.settle(145, 20, at=T0 + timedelta(minutes=1))
    world.told.waves.append(replace(world.told.waves[0], number=146, state=WaveState.DRAWN, settled_at=None))
    assert not world.tallying().run(T0, AMPLE_S, Seconds(150))
    while not world.tallying().run(T0 + HOUR, AMPLE_S, Seconds(150)):
        pass

    assert [line.number for line in world.statistics.country().waves] == [144]
    assert world.tallying().run(T0 + 2 * HOUR, AMPLE_S)
    assert [line.number for line in world.statistics.country().waves] == [144, 145]


def test_an_old_wave_is_counted_a_last_time_and_kept(world):
    days = world.programme.statistics.final_after_days
    world.settle(100, 30, at=T0 - days * DAY)
    world.settle(144, 20)
    world.tallying().run(T0 - HOUR, AMPLE_S)
    assert not world.statistics.wave(100).final
    world.tallying().run(T0, AMPLE_S)
    assert world.statistics.wave(100).final
    world.told.chosen.clear()
    world.tallying().run(T0 + HOUR, AMPLE_S)

    country = world.statistics.country()
    assert [(line.number, line.progress.chosen) for line in country.waves] == [(100, 60), (144, 0)]
    assert (country.progress.chosen, world.told.reads["wave 100"]) == (60, 8)


# Crashes and doubles


def test_the_next_run_repairs_one_that_died_after_any_write(small, monkeypatch):
    calls = Calls(monkeypatch)
    assert small.tallying().run(T0, AMPLE_S)
    expected = published(small)

    for number in [n for n, (_, operation) in enumerate(calls.made) if operation == "PutItem"]:
        wipe(OutcomesTable)
        calls.reset()
        calls.after[number] = die
        with pytest.raises(Crash):
            small.tallying().run(T0, AMPLE_S)
        calls.reset()
        assert small.tallying().run(T0 + HOUR, AMPLE_S)
        assert published(small) == expected


def test_a_second_run_between_any_two_calls_changes_nothing(small, monkeypatch):
    calls = Calls(monkeypatch)
    assert small.tallying().run(T0, AMPLE_S)
    made, expected = len(calls.made), published(small)

    for at in range(0, made, 3):
        wipe(OutcomesTable)
        calls.reset()
        calls.before[at] = lambda: small.tallying().run(T0 + timedelta(seconds=1), AMPLE_S)
        small.tallying().run(T0, AMPLE_S)
        calls.reset()
        small.tallying().run(T0 + HOUR, AMPLE_S)
        assert published(small) == expected


def test_an_overtaken_run_publishes_nothing(small, monkeypatch):
    calls = Calls(monkeypatch)
    small.tallying().run(T0, AMPLE_S)
    last = len(calls.made) - 2  # before it publishes the country
    wipe(OutcomesTable)
    calls.reset()

    def later() -> None:
        small.tallying().run(T0 + HOUR, AMPLE_S)
        small.told.chosen.clear()
        small.tallying().run(T0 + 2 * HOUR, AMPLE_S)

    calls.before[last] = later
    assert not small.tallying().run(T0, AMPLE_S)
    assert small.statistics.country().progress.chosen == 0
    with pytest.raises(RoundOvertaken):
        small.store.put_part("000144", "00", 1, {})


def test_data_of_another_release_is_ignored_and_every_answer_is_one_call(small, monkeypatch):
    small.store.publish("COUNTRY", 0, MonthView("2026-11"))
    assert small.statistics.country() == BEFORE_THE_FIRST
    assert small.tallying().run(T0, AMPLE_S)
    assert small.statistics.country().progress.chosen == 54
    calls = Calls(monkeypatch)
    for read, operation in [
        (small.statistics.country, "GetItem"),
        (lambda: small.statistics.wave(144), "GetItem"),
        (lambda: small.statistics.csv(T0), "Query"),
    ]:
        calls.reset()
        read()
        assert calls.made == [("dynamodb", operation)]


# The time before this system


def test_past_totals_may_be_imported_again_and_corrected(world):
    world.settle(144, 20)
    with pytest.raises(MalformedHistory) as refused:
        world.statistics.import_history([*LINES, "144,2026,31,7,6"], T0)
    assert refused.value.facts == {"wrong": 1, "lines": "5"}
    assert world.store.history() == [], "nothing of a file with a wrong line is taken"
    for _ in range(2):
        assert [wave.number for wave in world.statistics.import_history(LINES, T0)] == [4, 11]
    world.tallying().run(T0, AMPLE_S)
    totals = world.statistics.country().totals
    assert (totals.before_this_system.recipients, totals.before_this_system.graduates) == (407_100, 306_050)
    assert (totals.this_system.graduates, totals.since_the_start.graduates) == (40, 306_090)

    world.statistics.import_history([HEADER, "4,2020,31,8000,6000"], T0)
    world.tallying().run(T0 + HOUR, AMPLE_S)
    assert world.statistics.country().totals.before_this_system.recipients == 408_100
