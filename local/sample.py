"""A generated history of the programme, counted by the code that counts a stage's own: `make serve SAMPLE=1`.

Chance makes the people and what becomes of them, by a seed, in the same way at every start. The figures follow by the
count; none is written here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.clock import WIB
from chalicelib.config import Programme
from chalicelib.helpdesk.service import GrievanceCounts
from chalicelib.jobs.rules import JobCounts
from chalicelib.money import rupiah
from chalicelib.outcomes import survey_rules
from chalicelib.outcomes.survey_rules import Survey, SurveyAnswer
from chalicelib.outcomes.tally_job import Sources, TallyJob
from chalicelib.payouts.plans.plan_rules import SURVEYS
from chalicelib.payouts.rules import Entitlement, Kind, State, entitlement_id
from chalicelib.registration.identity import province_name
from chalicelib.registration.store import SHARDS as REGISTRATION_SHARDS
from chalicelib.training.rules import TrainingAccount
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, Wave, WaveState, shard_of

DAY = timedelta(days=1)
FOR = 730 * DAY
PEOPLE = 200_000
CHOSEN_OF_ALL = 0.3
"""Of all people, those who are chosen within the two years; the target of a year is half of them."""

MILLIONS = {
    11: 5.4, 12: 15.2, 13: 5.7, 14: 6.6, 15: 3.6, 16: 8.7, 17: 2.1, 18: 9.2, 19: 1.5, 21: 2.2, 31: 10.6, 32: 49.9,
    33: 37.5, 34: 3.7, 35: 41.5, 36: 12.3, 51: 4.4, 52: 5.6, 53: 5.6, 61: 5.6, 62: 2.8, 63: 4.2, 64: 4.0, 65: 0.7,
    71: 2.7, 72: 3.1, 73: 9.4, 74: 2.8, 75: 1.2, 76: 1.5, 81: 1.9, 82: 1.3, 91: 1.1, 92: 0.6, 93: 0.5, 94: 1.4,
    95: 0.3, 96: 0.06,
}  # fmt: skip
"""About how many live in each province: where the people of the history are from."""


class History:
    """Two years of waves, people and surveys up to `now`, as each domain gives them to the count (`Sources`)."""

    def __init__(self, programme: Programme, now: datetime, people: int = PEOPLE, seed: int = 0) -> None:
        self._programme, self._now = programme, now
        self._chance = Random(seed)  # noqa: S311 - a history to look at
        self._waves: list[Wave] = []
        self._joined: dict[int, Counter[int]] = {}
        self._chosen: defaultdict[tuple[int, str], list[Beneficiary]] = defaultdict(list)
        self._surveys: defaultdict[tuple[int, str], list[Survey]] = defaultdict(list)
        self._accounts: dict[str, TrainingAccount] = {}
        self._owed: defaultdict[str, list[Entitlement]] = defaultdict(list)
        begins = now - FOR
        weights = list(accumulate(MILLIONS.values()))
        self._regions = self._chance.choices(list(MILLIONS), cum_weights=weights, k=people)
        self._registered = sorted(begins + FOR * self._chance.random() ** 1.3 for _ in range(people))
        self._eager = [self._chance.uniform(0.02, 0.3) for _ in range(people)]
        self._run_waves(begins, people)

    # What becomes of people

    def _run_waves(self, begins: datetime, people: int) -> None:
        calendar, every = self._programme.calendar, timedelta(days=self._programme.calendar.every_days)
        first = calendar.first_opens_at or begins
        opens = first + every * (-((first - begins) // every))
        number, waiting, known = calendar.first_wave, set[int](), 0
        quota = round(people * CHOSEN_OF_ALL * every / FOR)
        while (closes := opens + timedelta(hours=calendar.open_hours)) + DAY < self._now:
            while known < people and self._registered[known] < closes:
                waiting.add(known)
                known += 1
            joined = [one for one in sorted(waiting) if self._chance.random() < self._eager[one]]
            chosen = set(self._chance.sample(joined, min(quota, len(joined) // 3)))
            waiting -= chosen
            settled = closes + timedelta(hours=1)
            seats: dict[str, Any] = {"quota": quota, "reserved": 0, "weights": {}, "chosen": len(chosen)}
            self._waves.append(Wave(number, WaveState.SETTLED, opens, closes, settled_at=settled, **seats))
            self._joined[number] = Counter(self._regions[one] for one in joined)
            for one in sorted(chosen):
                self._live(one, number, settled)
            self._compare([one for one in joined if one not in chosen], number, settled)
            number, opens = number + 1, opens + every

    def _live(self, one: int, wave: int, settled: datetime) -> None:
        """Somebody was chosen: training, review, payment and surveys, as far as they have come by now."""
        chance, person, region = self._chance, f"sample-{one}", self._regions[one]
        buy_by = settled + self._programme.training.buy_within_days * DAY
        bought, completed = settled + chance.uniform(0.1, 14) * DAY, buy_by + chance.gammavariate(2, 7) * DAY
        reviewed = completed + chance.expovariate(1 / 3) * DAY
        state = BeneficiaryState.POTENTIAL
        buys, completes, reviews = (chance.random() < share for share in (0.94, 0.9, 0.95))
        if buys and bought <= self._now:
            state, done = BeneficiaryState.ACTIVE, completes and completed <= self._now
            self._accounts[person] = TrainingAccount(0, 1, int(done), completed if done else None)
            if done and reviews and reviewed <= self._now:
                state = BeneficiaryState.GRADUATED
                self._pay(person, region, wave, reviewed + chance.gammavariate(2, 0.8) * DAY)
        elif not buys and buy_by <= self._now:
            state = BeneficiaryState.REVOKED
        scheme = self._programme.scheme(wave).version
        who = Beneficiary(person, wave, "", scheme, "open", state, settled, region, buy_by)
        self._chosen[wave, shard_of(person)].append(who)

    def _pay(self, person: str, region: int, wave: int, paid: datetime) -> None:
        scheme, rules = self._programme.scheme(wave), self._programme.surveys
        self._owe(person, wave, Kind.INCENTIVE, scheme.incentive_idr, paid)
        answers = self._chance.random() < 0.8
        for number, (kind, after_s) in enumerate(zip(SURVEYS, rules.after_s, strict=False), start=1):
            opened = paid + timedelta(seconds=after_s)
            if opened > self._now:
                return
            survey = survey_rules.of_beneficiary(
                person, number=number, wave=wave, region=region, scheme=scheme, rules=rules, now=opened
            )
            if survey is None:
                return
            survey = self._ask(survey, answers and self._chance.random() < 0.85, working=0.34)
            if survey.answered_at is not None:
                self._owe(person, wave, kind, survey.amount_idr, survey.answered_at + DAY)

    def _owe(self, person: str, wave: int, kind: Kind, amount_idr: int, paid: datetime) -> None:
        state = State.PAID if paid <= self._now and self._chance.random() < 0.99 else State.SENDING
        one = entitlement_id(wave, person, kind)
        self._owed[person].append(
            Entitlement(one, person, wave, kind, rupiah(amount_idr), state, 1, 3, None, paid - DAY, paid)
        )

    def _compare(self, not_chosen: list[int], wave: int, settled: datetime) -> None:
        rules = self._programme.surveys
        opened = settled + timedelta(seconds=rules.comparison_after_s)
        if opened > self._now:
            return
        for one in self._chance.sample(not_chosen, min(rules.comparison_size, len(not_chosen) // 10)):
            region = self._regions[one]
            survey = survey_rules.of_comparison(f"sample-{one}", wave=wave, region=region, rules=rules, now=opened)
            self._ask(survey, self._chance.random() < 0.35, working=0.26)

    def _ask(self, survey: Survey, answers: bool, working: float) -> Survey:
        """One survey was opened, and perhaps answered. `working`: how many of those without work have some now."""
        chance, answered = self._chance, survey.opened_at + self._chance.triangular(0, 30, 3) * DAY
        if answers and answered <= self._now:
            years = (answered - (self._now - FOR)) / FOR
            idle = chance.random() < 0.6
            works = chance.random() < (working + 0.04 * years if idle else 0.9)
            given: dict[str, SurveyAnswer] = {
                "employment_before": "unemployed" if idle else "employee",
                "employment_now": chance.choice(("employee", "self_employed", "freelance")) if works else "unemployed",
                "incentive_use": ("business_capital",) if chance.random() < 0.27 else ("daily_needs",),
                "recommendation": min(10, round(chance.triangular(4, 11, 10.5 + years))),
                "satisfaction": chance.choices((1, 2, 3, 4, 5), (2, 4, 14, 45, 35 + 15 * years))[0],
            }
            survey = replace(survey, answers=given, answered_at=answered)
        self._surveys[survey.wave, shard_of(survey.registrant_id)].append(survey)
        return survey

    # What the domains give to the count

    def registered(self, shard: int) -> Mapping[tuple[int, str], int]:
        mine = range(shard, len(self._registered), REGISTRATION_SHARDS)
        return Counter((self._regions[one], f"{self._registered[one].astimezone(WIB):%Y-%m}") for one in mine)

    def records(self) -> list[Wave]:
        return self._waves

    def joined_by_region(self, wave: int) -> Mapping[int, int]:
        return self._joined[wave]

    @property
    def beneficiaries(self) -> History:
        return self

    def roster(self, wave: int, shard: str) -> Iterator[Beneficiary]:
        return iter(self._chosen[wave, shard])

    def accounts(self, people: Iterable[str], _wave: int) -> Mapping[str, TrainingAccount]:
        return {one: self._accounts[one] for one in people if one in self._accounts}

    def of_many(self, people: Iterable[Beneficiary]) -> Mapping[str, list[Entitlement]]:
        return {one.registrant_id: self._owed[one.registrant_id] for one in people}

    def of_wave(self, wave: int, shard: str) -> Iterator[Survey]:
        return iter(self._surveys[wave, shard])


def publish(store: Any, programme: Programme, now: datetime, people: int = PEOPLE, seed: int = 0) -> None:
    """Count such a history and publish it in a `TallyStore`, as the function `tally_statistics` does for a stage."""
    history: Any = History(programme, now, people, seed)
    market = SimpleNamespace(counts=lambda _: JobCounts(people // 400, people // 60, people // 9))
    desk = SimpleNamespace(counts=lambda: GrievanceCounts(people // 4000, people // 20_000, 2, people // 80, now))
    sources: Any = Sources(history, history, history, history, history, market, desk)  # type: ignore[arg-type]
    smaller = msgspec.structs.replace(programme, targets={"default": max(1, round(people * CHOSEN_OF_ALL / 2))})
    TallyJob(store, sources, smaller, province_name).run(now, float("inf"))
