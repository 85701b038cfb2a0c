"""Ten thousand are told of results, deadlines, payments and surveys: `write_notices`, `open_surveys`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from chalicelib.aws.job_progress import OVERLAP
from chalicelib.config import Programme, Settings
from chalicelib.notice_writer import PAGE, PAGE_S
from chalicelib.notices.store import NoticeItem
from chalicelib.outcomes.store import SurveyItem
from chalicelib.outcomes.survey_job import PAGE as SURVEY_PAGE
from chalicelib.outcomes.survey_job import PAGE_S as SURVEY_PAGE_S
from chalicelib.payouts.ledger.records import NEWS_SHARDS
from chalicelib.payouts.rules import Kind, entitlement_id
from chalicelib.waves.rules import SHARDS
from chalicelib.wiring import Services
from tests.builders import surveys
from tests.builders.crashes import Calls
from tests.builders.people import registrant
from tests.builders.surveys import DAY
from tests.builders.waves import ROUND, WAVE, WavesWorld
from tests.conftest import T0

from .crowd import awarded, names, paid, registered, settled
from .functions import MANY, Function, Mails, partly

pytestmark = pytest.mark.dynamodb

SECOND = timedelta(seconds=1)
BUY_BY = ROUND + 75 * SECOND
LEFT = MANY // 5
LARGE = 2 * MANY // SHARDS
"""More than any partition of people has."""


def test_ten_thousand_people_are_told_of_results_deadlines_and_payments_though_runs_are_cut_short(
    world: WavesWorld, services: Services, calls: Calls, mails: Mails, show: Callable[[str, Function], None]
) -> None:
    def run_of(now: datetime) -> Function:
        world.clock.now = now
        return Function(calls, lambda deadline_s, seconds: services.notice_writer.run(now, deadline_s, seconds))

    chosen, left = settled(world, names(MANY + LEFT), MANY)
    everybody = chosen + left
    registered(map(registrant, everybody))

    results = run_of(ROUND + SECOND)
    results.is_killed_after(MANY // 2)
    assert partly(0.3, len(told()), 0.6)
    results.has_time_for(MANY // 2, PAGE_S)
    assert partly(0.6, len(told()), 1)
    results.lives()
    expected = [(one, f"chosen/{WAVE}") for one in chosen] + [(one, f"not_chosen/{WAVE}") for one in left]
    assert told() == sorted(expected)
    # A page of a partition is remembered; one at most is told again after a death.
    assert len(everybody) <= results.made("PutItem") <= len(everybody) + 4 * SHARDS + PAGE
    show("write_notices, results", results)

    [mark_s, _] = world.programme.notices.remind_before_s
    reminders = run_of(BUY_BY - mark_s * SECOND)
    reminders.is_killed_after(MANY // 2)
    assert partly(0.3, len(told()) - len(expected), 0.7)
    reminders.has_time_for(MANY // 4, PAGE_S)
    assert partly(0.4, len(told()) - len(expected), 1)
    reminders.lives()
    expected += [(one, f"purchase_deadline/{WAVE}/{mark_s}") for one in chosen]
    assert told() == sorted(expected)
    # A partition is remembered, and the last one is looked at again once; results are told no more.
    assert MANY <= reminders.made("PutItem") <= MANY + 2 * SHARDS + 2 * LARGE
    show("write_notices, deadlines", reminders)

    at = BUY_BY + SECOND
    paid((WAVE, one, at + n // 100 * timedelta(minutes=6)) for n, one in enumerate(chosen))
    payments = run_of(at + timedelta(days=1))
    payments.is_killed_after(MANY // 2)
    assert partly(0.3, len(told()) - len(expected), 0.7)
    payments.has_time_for(MANY // 4, PAGE_S)
    assert partly(0.4, len(told()) - len(expected), 1)
    payments.lives()
    expected += [(one, f"paid/{entitlement_id(WAVE, one, Kind.INCENTIVE)}") for one in chosen]
    assert told() == sorted(expected)
    # A page is remembered, and of each shard what was paid in its last quarter of an hour is read again.
    assert MANY <= payments.made("PutItem") <= MANY + MANY // PAGE + 6 * len(NEWS_SHARDS) + 2 * (PAGE + 100)
    show("write_notices, payments", payments)

    assert len(mails.taken) == len(set(mails.taken)), "nobody is mailed twice"
    # Whoever dies between a page's notices and its messages leaves them to the sweep.
    assert len(mails.taken) >= len(expected) - 3 * PAGE


def told() -> list[tuple[str, str]]:
    """Who was told which event."""
    return sorted((item.pk.removeprefix("N#"), item.sk) for item in NoticeItem.scan(NoticeItem.pk.startswith("N#")))


DUE = T0 + 31 * DAY
SLOT, SLOT_LASTS = 100, timedelta(minutes=6)
"""So many were paid at once, and the next ones so much later: in ten hours all were."""
CURSORS = MANY // SURVEY_PAGE + 2 * len(NEWS_SHARDS)
"""A shard is read page by page, and the last page is seldom full."""
AGAIN = SURVEY_PAGE + (OVERLAP // SLOT_LASTS + 1) * SLOT
"""After a death a page is dealt with once more, and of every shard what was paid in its last quarter of an hour."""


@pytest.fixture
def programme(programme: Programme) -> Programme:
    return surveys.with_days(programme)


@pytest.fixture
def people(cloud: Settings) -> list[str]:
    """Everyone was paid within ten hours, and is registered."""
    people = names(MANY)
    registered(map(registrant, people))
    awarded(surveys.beneficiary(name, card_number=f"{n:016d}") for n, name in enumerate(people))
    paid((surveys.WAVE, name, T0 + n // SLOT * SLOT_LASTS) for n, name in enumerate(people))
    return people


def test_ten_thousand_surveys_open_and_reminders_are_sent_though_runs_are_cut_short(
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
    assert partly(0.4, opened(), 0.6)
    opening.has_time_for(MANY // 2, SURVEY_PAGE_S)
    assert partly(0.6, opened(), 0.8)
    opening.lives()
    assert everybody_has_a_survey(people)
    assert told_of("survey_open/") == Counter(people)
    assert 2 * MANY <= opening.made("PutItem") <= 2 * MANY + CURSORS + 2 * 2 * AGAIN
    show("open_surveys, opening", opening)

    reminding = run_of(DUE + 27 * DAY)
    reminding.is_killed_after(MANY)
    assert partly(0.3, len(told_of("survey_deadline/")), 0.7)
    reminding.has_time_for(MANY // 2, SURVEY_PAGE_S)
    assert partly(0.5, len(told_of("survey_deadline/")), 0.9)
    reminding.lives()
    assert told_of("survey_deadline/") == Counter(people)
    assert MANY <= reminding.made("GetItem") <= MANY + 3 * 4 * len(NEWS_SHARDS) + 4 * AGAIN
    # What was opened is not opened again, but for the last quarter of an hour of each shard, in each of three runs.
    assert MANY <= reminding.made("PutItem") <= MANY + 2 * CURSORS + (3 * 2 + 2) * AGAIN
    show("open_surveys, reminding", reminding)

    assert everybody_has_a_survey(people)
    assert len(mails.taken) == len(set(mails.taken)), "nobody is mailed twice"
    # Whoever dies between a page's notices and its messages leaves them to the sweep of `write_notices`.
    assert len(mails.taken) >= 2 * MANY - 2 * SURVEY_PAGE


def opened() -> int:
    return sum(1 for _ in SurveyItem.scan(SurveyItem.pk.startswith("S#")))


def everybody_has_a_survey(people: list[str]) -> bool:
    """Just one each, as it was opened by whichever run."""
    items = SurveyItem.scan(SurveyItem.pk.startswith("S#"))
    return sorted((item.pk, item.sk, item.opened_at) for item in items) == [
        (f"S#{name}", f"SURVEY_1#{surveys.WAVE:06}", DUE) for name in people
    ]


def told_of(event: str) -> Counter[str]:
    """How often each was told_of of such an event."""
    return Counter(item.pk.removeprefix("N#") for item in NoticeItem.scan(NoticeItem.sk.startswith(event)))
