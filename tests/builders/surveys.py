"""A world for surveys: their table and the ledger on moto; dicts stand in for people and waves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.aws import dynamodb
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.notices.rules import NEEDS, Facts
from chalicelib.notices.rules import Kind as Notice
from chalicelib.notices.rules import Told as About
from chalicelib.outcomes import survey_rules
from chalicelib.outcomes.store import SurveyItem
from chalicelib.outcomes.survey_job import SurveyJob
from chalicelib.outcomes.survey_rules import Survey
from chalicelib.outcomes.survey_wire import ResponseForm
from chalicelib.payouts import rules as payouts
from chalicelib.payouts.ledger.items import EventItem, Head, PayoutsTable
from chalicelib.payouts.rules import Kind
from chalicelib.waves.errors import ListChanged
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, Wave, WaveState
from chalicelib.wiring import Services
from tests.builders import people
from tests.builders.aws.calls import drained
from tests.conftest import REGION, T0

WAVE = 143
DAY = timedelta(days=1)
ANSWERS: dict[str, Any] = {
    "employment_before": "unemployed",
    "employment_now": "self_employed",
    "work_kind": "trade",
    "income_bracket": "1m_to_under_2_5m",
    "certificate_used": "for_a_business",
    "incentive_use": ["business_capital", "daily_needs"],
    "recommendation": 10,
    "satisfaction": 4,
}
COMPARED = {name: ANSWERS[name] for name in ("employment_before", "employment_now", "work_kind", "income_bracket")}
"""What the comparison group is asked."""


def beneficiary(registrant_id: str, **changes: Any) -> Beneficiary:
    """Somebody who was chosen and graduated."""
    person = people.beneficiary(
        registrant_id, state=BeneficiaryState.GRADUATED, awarded_at=T0 - 60 * DAY, buy_by=T0 - 45 * DAY
    )
    return replace(person, **changes)


def survey_of(person: Beneficiary, programme: Programme, now: datetime, number: int = 1) -> Survey:
    """One that is opened now."""
    survey = survey_rules.of_beneficiary(
        person.registrant_id,
        number=number,
        wave=person.wave,
        region=person.region,
        scheme=programme.scheme(person.wave),
        rules=programme.surveys,
        now=now,
    )
    assert survey is not None
    return survey


def settled(number: int, at: datetime) -> Wave:
    """A wave whose seats were settled."""
    return Wave(number, WaveState.SETTLED, at - 5 * DAY, at - DAY, 10, 0, {}, chosen=10, settled_at=at)


def with_days(programme: Programme) -> Programme:
    """The programme with production's figures for surveys."""
    figures = msgspec.structs.replace(
        programme.surveys,
        after_s=(30 * 86_400, 90 * 86_400),
        open_s=30 * 86_400,
        remind_before_s=3 * 86_400,
        comparison_after_s=60 * 86_400,
    )
    return msgspec.structs.replace(programme, surveys=figures)


class People:
    """Waves as surveys see them."""

    def __init__(self) -> None:
        self.chosen: dict[str, Beneficiary] = {}
        self.waves: list[Wave] = []
        self.samples: dict[int, list[tuple[str, int]]] = {}
        self.drawn: list[tuple[int, int]] = []
        self.erased = set[str]()

    @property
    def beneficiaries(self) -> People:
        return self

    def of(self, registrant_id: str) -> Beneficiary | None:
        return self.chosen.get(registrant_id)

    def at(self, registrant_id: str, wave: int) -> Beneficiary | None:
        found = self.chosen.get(registrant_id)
        return found if found is not None and found.wave == wave else None

    def at_many(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Beneficiary]:
        return {key: found for key in keys if (found := self.at(*key)) is not None}

    def check_as_read(self, _tx: dynamodb.Transaction, beneficiary: Beneficiary) -> None:
        assert self.of(beneficiary.registrant_id) == beneficiary  # a place that passes is of `test_what_follows`

    def of_many(self, registrant_ids: Iterable[str]) -> list[Beneficiary]:
        return [self.chosen[one] for one in registrant_ids if one in self.chosen]

    def records(self) -> list[Wave]:
        return self.waves

    def draw_sample(self, wave: int, size: int) -> list[tuple[str, int]]:
        self.drawn.append((wave, size))
        if wave not in self.samples:
            raise ListChanged(wave=wave)
        return self.samples[wave]


class Told:
    """What people were told, once for each event of theirs; `together`: how many at a time."""

    def __init__(self) -> None:
        self.heard: dict[tuple[str, str], tuple[Notice, dict[str, str | int]]] = {}
        self.together: list[int] = []

    def tell(self, registrant_id: str, kind: Notice, event: str, facts: Facts) -> None:
        assert facts.keys() == NEEDS[kind]
        self.heard.setdefault((registrant_id, event), (kind, dict(facts)))

    def tell_all(self, told: Iterable[About]) -> int:
        before = len(self.heard)
        self.together.append(0)
        for one in told:
            self.tell(*one)
            self.together[-1] += 1
        return len(self.heard) - before

    def kinds(self, kind: Notice) -> list[str]:
        """Who was told of something of a kind."""
        return sorted(person for (person, _), (told, _) in self.heard.items() if told is kind)


class Seconds:
    """A clock on which some seconds pass each time it is asked."""

    def __init__(self, each: float) -> None:
        self._now, self._each = 0.0, each

    def __call__(self) -> float:
        self._now += self._each
        return self._now


class World:
    """Everything that a survey meets."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        self.settings, self.programme = settings, with_days(programme)
        self.rules = self.programme.surveys
        self.people = People()
        self.told = Told()
        self.transactions: Callable[[], dynamodb.Transaction] = lambda: dynamodb.Transaction(
            REGION, sleep=lambda _: None
        )
        services = self.wired()
        self.store, self.queue = services._survey_store, services.payout_queue
        self.payouts, self.surveys = services.payouts, services.surveys
        self._queue_url = settings.payouts_queue_url

    def wired(self) -> Services:
        """The services as another function would have them, with the world's fakes set in."""
        services = Services(self.settings, self.programme)
        vars(services).update(waves=self.people, notices=self.told, transaction=lambda: self.transactions())
        return services

    def opening(self) -> SurveyJob:
        job = self.wired().survey_job
        job._registered = lambda asked: set(asked) - self.people.erased
        return job

    def open_surveys(self, now: datetime, deadline_s: float = 800) -> None:
        self.opening().run(now, deadline_s)

    def paid(self, people: Iterable[str], at: datetime, *, latest: str = "PAID", **changes: Any) -> None:
        """The ledger as it is when these people's incentives were paid; one at a time would take moto minutes."""
        with PayoutsTable.batch_write() as batch:
            for person in people:
                self.people.chosen[person] = beneficiary(person, **changes)
                wave = self.people.chosen[person].wave
                pk = f"P#{payouts.entitlement_id(wave, person, Kind.INCENTIVE)}"
                shard = f"{'abcdefghijklmnopqrstuvwxyz234567'.index(pk[2]) % 16:02}"
                facts = {"registrant_id": person, "wave": wave, "kind": "INCENTIVE", "amount_idr": 600_000}
                times = {"created_at": at, "changed_at": at, "updated_at": iso(at)}
                batch.save(Head(pk, "HEAD", state=latest, n=1, seq=3, **facts, **times))
                event = {"at": iso(at), "state": "PAID", "n": 1, "reason": "paid", "news_shard": shard}
                batch.save(EventItem(pk, "EVENT#000003", **event))

    def opened(self, person: str, now: datetime, number: int = 1) -> Survey:
        """A beneficiary's survey that has just been opened."""
        chosen = self.people.chosen.setdefault(person, beneficiary(person))
        return self.store.open(survey_of(chosen, self.programme, now, number))

    def compared(self, person: str, now: datetime, wave: int = WAVE) -> Survey:
        """A comparison survey that has just been offered."""
        return self.store.open(survey_rules.of_comparison(person, wave=wave, region=31, rules=self.rules, now=now))

    def all(self) -> list[SurveyItem]:
        """Every survey there is, as stored, by person."""
        return sorted(SurveyItem.scan(SurveyItem.pk.startswith("S#")), key=lambda item: (item.pk, item.sk))

    def due(self) -> dict[str, int]:
        """The survey money in the ledger: by person and kind, in rupiah."""
        heads = [item for item in Head.scan(Head.sk == "HEAD") if item.kind != "INCENTIVE"]
        return {f"{head.registrant_id} {head.kind}": int(head.amount_idr) for head in heads}

    def queued(self) -> int:
        """Take every message off the payouts queue; how many."""
        return len(drained(self._queue_url))


def response(answers: Mapping[str, Any] = ANSWERS, **changes: Any) -> ResponseForm:
    return ResponseForm({**answers, **changes})
