"""Ten thousand grievances wait, ten thousand were trained, paid and asked: `check_grievances`, `tally_statistics`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.config import Settings
from chalicelib.helpdesk.rules import AboutRegistration, Category, Grievance, GrievanceState
from chalicelib.helpdesk.service import SHARD_S, GrievanceCounts
from chalicelib.helpdesk.store import ALL_SHARDS, _item
from chalicelib.outcomes.statistics_wire import BEFORE_THE_FIRST, Progress
from chalicelib.outcomes.store import SurveyItem, _to_item
from chalicelib.outcomes.tally_job import PART_S
from chalicelib.registration.store import SHARDS as REGISTRATION_SHARDS
from chalicelib.time_budget import TimeBudget
from chalicelib.training.store import AccountItem
from chalicelib.waves.rules import SHARDS, Beneficiary, BeneficiaryState
from chalicelib.wiring import Services
from tests.builders.crashes import Calls
from tests.builders.surveys import ANSWERS, survey_of
from tests.builders.waves import ROUND, WAVE, WavesWorld, registrant
from tests.conftest import T0

from .crowd import awarded, names, paid, registered, settled, write
from .functions import FULL, MANY, Function

pytestmark = pytest.mark.dynamodb

CHECKED = T0 + timedelta(days=20)
LENGTH = 2_000
"""Bytes that are sealed for a text of average length."""


@pytest.fixture
def filed(cloud: Settings) -> None:
    """Every tenth was escalated, every fourth should have been answered by now."""
    write(
        _item(
            Grievance(
                f"number-{n:05d}",
                name,
                AboutRegistration(),
                Category.OTHER,
                GrievanceState.ESCALATED if n % 10 == 0 else GrievanceState.OPEN,
                T0,
                CHECKED - timedelta(days=1) if n % 4 == 0 else CHECKED + timedelta(days=1),
                bytes(LENGTH),
            )
        )
        for n, name in enumerate(names(MANY))
    )


@pytest.mark.usefixtures("filed")
def test_ten_thousand_grievances_are_counted_though_runs_are_cut_short(
    services: Services, calls: Calls, monkeypatch: pytest.MonkeyPatch, show: Callable[[str, Function], None]
) -> None:
    def check(deadline_s: float, seconds: Callable[[], float]) -> Any:
        monkeypatch.setattr("chalicelib.helpdesk.service.TimeBudget", partial(TimeBudget, seconds=seconds))
        return services.helpdesk.check(CHECKED, deadline_s)

    counting = Function(calls, check)
    counting.is_killed_after(len(ALL_SHARDS))  # two calls count a partition
    first = services.helpdesk._store.counted()[0]
    assert len(ALL_SHARDS) // 3 < len(first) < len(ALL_SHARDS) * 2 // 3
    counting.has_time_for(len(ALL_SHARDS) // 2, SHARD_S)
    second = services.helpdesk._store.counted()[0]
    assert len(second) > len(first)
    assert {shard: second[shard] for shard in first} == first, "what waits longest comes first"

    counts = counting.lives()
    escalated, overdue = MANY // 10, MANY // 4
    assert (counts.open, counts.escalated, counts.overdue) == (MANY - escalated, escalated, overdue)
    assert isinstance(counts, GrievanceCounts)
    assert counting.made("PutItem") <= 2 * len(ALL_SHARDS)
    show("check_grievances", counting)


DAY = timedelta(days=1)
NOW = ROUND + 40 * DAY
LEFT = MANY // 5


@pytest.fixture
def graduates(world: WavesWorld, services: Services) -> list[Beneficiary]:
    """All who were chosen completed a training, were paid ten days later, and answered the first survey."""
    everybody = names(MANY + LEFT)
    chosen, _ = settled(world, everybody, MANY)
    registered(registrant(name) for name in everybody)
    places = services.waves.beneficiaries.of_many(chosen)
    graduates = [replace(one, state=BeneficiaryState.GRADUATED) for one in places]
    awarded(graduates)
    trained = {"balance_idr": 0, "purchases": 1, "completed": 1, "first_completed_at": ROUND}
    write(AccountItem(f"T#{one}", f"ACCOUNT#{WAVE:06}", **trained) for one in chosen)
    paid((WAVE, one, ROUND + 10 * DAY) for one in chosen)
    write(_answered(world, one) for one in graduates)
    return graduates


def test_ten_thousand_beneficiaries_are_counted_though_runs_are_cut_short(
    services: Services, graduates: list[Beneficiary], calls: Calls, show: Callable[[str, Function], None]
) -> None:
    counting = Function(calls, lambda deadline_s, seconds: services.tally_job.run(NOW, deadline_s, seconds))
    counting.is_killed_after(400 if MANY >= FULL else 200)
    assert services.statistics.country() == BEFORE_THE_FIRST
    counting.has_time_for(150, PART_S)
    assert services.statistics.country() == BEFORE_THE_FIRST
    assert counting.lives() is True

    country = services.statistics.country()
    assert country.registered == MANY + LEFT
    assert country.progress == Progress(MANY + LEFT, MANY, 0, MANY, MANY, MANY, MANY * 600_000)
    assert country.outcomes.survey_1_response.numerator == country.outcomes.survey_1_response.denominator == MANY
    assert country.outcomes.days_to_payment.mean_days == 10
    # Each part is counted and written once, but for the one during which the run died.
    parts = REGISTRATION_SHARDS + 1 + SHARDS
    assert parts + 2 <= counting.made("PutItem") <= parts + 10
    assert counting.made("Query") <= REGISTRATION_SHARDS + 2 * SHARDS + 3 * 8 + 3
    show("tally_statistics", counting)


def _answered(world: WavesWorld, one: Beneficiary) -> SurveyItem:
    item = _to_item(survey_of(one, world.programme, ROUND + 30 * DAY))
    item.answers, item.answered_at = json.dumps(ANSWERS), ROUND + 31 * DAY
    return item
