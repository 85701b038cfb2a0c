"""Ten thousand were trained, paid and asked: `tally_statistics`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.outcomes.statistics_wire import BEFORE_THE_FIRST, Progress
from chalicelib.outcomes.store import SurveyItem, _to_item
from chalicelib.outcomes.tally_job import PART_S
from chalicelib.registration.store import SHARDS as REGISTRATION_SHARDS
from chalicelib.training.store import AccountItem
from chalicelib.waves.rules import SHARDS, Beneficiary, BeneficiaryState
from chalicelib.wiring import Services
from tests.builders.crashes import Calls
from tests.builders.surveys import ANSWERS, survey_of
from tests.builders.waves import ROUND, WAVE, WavesWorld, registrant

from .crowd import awarded, names, paid, registered, settled, write
from .functions import MANY, Function

pytestmark = pytest.mark.dynamodb

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
    write(AccountItem(f"T#{one}", "ACCOUNT", **trained) for one in chosen)
    paid((WAVE, one, ROUND + 10 * DAY) for one in chosen)
    write(_answered(world, one) for one in graduates)
    return graduates


def test_ten_thousand_are_counted_though_run_after_run_is_cut_short(
    services: Services, graduates: list[Beneficiary], calls: Calls, show: Callable[[str, Function], None]
) -> None:
    counting = Function(calls, lambda deadline_s, seconds: services.tally_job.run(NOW, deadline_s, seconds))
    counting.is_killed_after(400)
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
