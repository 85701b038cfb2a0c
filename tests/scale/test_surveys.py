"""Ten thousand incentives were paid a month ago: `open_surveys`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.notices.store import NoticeItem
from chalicelib.outcomes.store import SurveyItem
from chalicelib.outcomes.survey_job import PAGE, PAGE_S
from chalicelib.payouts.ledger.records import NEWS_SHARDS
from chalicelib.wiring import Services
from tests.builders import surveys
from tests.builders.crashes import Calls
from tests.builders.surveys import DAY
from tests.builders.waves import WavesWorld
from tests.conftest import T0

from .crowd import awarded, names, paid
from .functions import MANY, Function
from .mails import Mails

pytestmark = pytest.mark.dynamodb

DUE = T0 + 31 * DAY
SLOT = 100
"""So many were paid at once, every six minutes: in ten hours all were."""
CURSORS = MANY // PAGE + 2 * len(NEWS_SHARDS)
"""A shard is read page by page, and the last page is seldom full."""
AGAIN = PAGE + SLOT
"""After a death a page is dealt with once more, and of every shard what was paid in its last five minutes."""


@pytest.fixture
def programme(programme: Programme) -> Programme:
    return surveys.with_days(programme)


@pytest.fixture
def people(cloud: Settings) -> list[str]:
    """Everyone was paid within ten hours."""
    people = names(MANY)
    awarded(surveys.beneficiary(name, card_number=f"{n:016d}") for n, name in enumerate(people))
    paid((surveys.WAVE, name, T0 + n // SLOT * timedelta(minutes=6)) for n, name in enumerate(people))
    return people


def test_ten_thousand_surveys_open_and_are_reminded_of_though_run_after_run_is_cut_short(
    world: WavesWorld,
    services: Services,
    calls: Calls,
    mails: Mails,
    people: list[str],
    show: Callable[[str, Function], None],
) -> None:
    def run_of(now: datetime) -> Function:
        world.clock.now = now
        return Function(calls, lambda deadline_s, seconds: services.survey_job.run(now, deadline_s, seconds))

    opening = run_of(DUE)
    opening.is_killed_after(MANY)  # two calls and a tenth open a survey and tell of it
    assert MANY * 0.4 < opened() < MANY * 0.6
    opening.has_time_for(MANY // 2, PAGE_S)
    assert MANY * 0.6 < opened() < MANY * 0.8
    opening.lives()
    assert everybody_has_a_survey(people)
    assert told("survey_open/") == Counter(people)
    assert 2 * MANY <= opening.made("PutItem") <= 2 * MANY + CURSORS + 2 * 2 * AGAIN
    show("open_surveys, opening", opening)

    reminding = run_of(DUE + 27 * DAY)
    reminding.is_killed_after(MANY)
    assert MANY * 0.3 < len(told("survey_deadline/")) < MANY * 0.7
    reminding.has_time_for(MANY // 2, PAGE_S)
    assert MANY * 0.5 < len(told("survey_deadline/")) < MANY * 0.9
    reminding.lives()
    assert told("survey_deadline/") == Counter(people)
    assert MANY <= reminding.made("GetItem") <= MANY + 3 * 4 * len(NEWS_SHARDS) + 4 * AGAIN
    # What was opened is not opened again, but for the last minutes of each shard.
    assert MANY <= reminding.made("PutItem") <= MANY + 2 * CURSORS + 4 * AGAIN
    show("open_surveys, reminding", reminding)

    assert everybody_has_a_survey(people)
    assert len(mails.taken) == len(set(mails.taken)), "nobody is mailed twice"
    # Whoever dies between a page's notices and its messages leaves them to the sweep of `write_notices`.
    assert len(mails.taken) >= 2 * MANY - 2 * PAGE


def opened() -> int:
    return sum(1 for _ in SurveyItem.scan(SurveyItem.pk.startswith("S#")))


def everybody_has_a_survey(people: list[str]) -> bool:
    """Just one each, as it was opened by whichever run."""
    items = SurveyItem.scan(SurveyItem.pk.startswith("S#"))
    return sorted((item.pk, item.sk, item.opened_at) for item in items) == [
        (f"S#{name}", "SURVEY_1", DUE) for name in people
    ]


def told(event: str) -> Counter[str]:
    """How often each was told of such an event."""
    return Counter(item.pk.removeprefix("N#") for item in NoticeItem.scan(NoticeItem.sk.startswith(event)))
