"""The daily job that opens surveys, sends reminders before they close, and offers the comparison group its survey.

A survey is opened once and an event told once, so every step may be repeated. A cursor is kept page by page. So the job
may die anywhere, run twice at once or not for days, and the next run continues.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from ..aws.job_progress import Cursors
from ..clock import iso
from ..config import Programme
from ..notices.rules import Facts, Told
from ..notices.rules import Kind as NoticeKind
from ..notices.service import NoticeService
from ..payouts.ledger.records import NEWS_SHARDS, News
from ..payouts.rules import Kind, State
from ..payouts.service import Payouts
from ..time_budget import OutOfTime, TimeBudget
from ..waves.errors import ListChanged
from ..waves.rules import LOST, SHARDS, Beneficiary
from ..waves.service import Waves
from . import survey_rules
from .store import SurveyStore
from .survey_rules import Group, Survey, SurveyState

log = logging.getLogger(__name__)

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
"""Before any payment: where a cursor starts."""

PAGE = 50
"""Lines of news that are read, handled and then recorded as done."""

PAGE_S = 10.0
"""The time that a page needs at most: some 20 ms for each person."""

SAMPLE_S = 300.0
"""The time that drawing a wave's sample needs at most: all its entries are read, at some 30 us each with a whole core.

So ten million take five minutes; `infrastructure/functions.py` gives the function that core with its memory.
"""


class SurveyJob:
    """`registered`: who of at most 100 people is registered and unrestricted; nobody else gets a survey."""

    def __init__(
        self,
        store: SurveyStore,
        cursors: Cursors,
        payouts: Payouts,
        waves: Waves,
        notices: NoticeService,
        programme: Programme,
        registered: Callable[[Sequence[str]], Collection[str]],
    ) -> None:
        self._store = store
        self._cursors = cursors
        self._payouts = payouts
        self._waves = waves
        self._notices = notices
        self._schemes = {scheme.version: scheme for scheme in programme.schemes}
        self._rules = programme.surveys
        self._registered = registered
        self._told: Counter[NoticeKind] = Counter()

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Do what is due at `now` and fits into `deadline_s` seconds; returns whether that was all of it."""
        if not self._rules.questions:
            return True
        budget = TimeBudget(now, deadline_s, seconds)
        self._told.clear()
        whole = True
        try:
            for number, after_s in enumerate(self._rules.after_s, start=1):
                self._open(number, after_s, now, budget)
            for number, after_s in enumerate(self._rules.after_s, start=1):
                self._remind(number, after_s, now, budget)
            self._compare(now, budget)
        except OutOfTime:
            log.info("surveys_go_on_later")
            whole = False
        for kind, count in (+self._told).items():
            log.info("surveys_told", extra={"kind": kind.value, "count": count})
        return whole

    def _open(self, number: int, after_s: int, now: datetime, budget: TimeBudget) -> None:
        """Open the survey for those whose incentive was paid `after_s` ago, and has not come back since."""

        def open_all(paid: list[News]) -> bool:
            received = [line for line in paid if line.latest is State.PAID]
            places = self._waves.beneficiaries.at_many((line.registrant_id, line.wave) for line in received)
            due = (self._due(line, places.get((line.registrant_id, line.wave)), number, now) for line in received)
            self._open_and_tell((survey for survey in due if survey is not None), now)
            return True

        self._follow(f"open-{number}", now - timedelta(seconds=after_s), open_all, budget)

    def _due(self, line: News, beneficiary: Beneficiary | None, number: int, now: datetime) -> Survey | None:
        """The survey that follows from this payment, if the person's scheme has one."""
        if beneficiary is None:
            log.error("survey_without_beneficiary", extra={"entitlement": line.entitlement_id})
            return None
        if beneficiary.state in LOST:
            return None
        return survey_rules.of_beneficiary(
            line.registrant_id,
            number=number,
            wave=line.wave,
            region=beneficiary.region,
            scheme=self._schemes[beneficiary.scheme],
            rules=self._rules,
            now=now,
        )

    def _remind(self, number: int, after_s: int, now: datetime, budget: TimeBudget) -> None:
        """Remind those who have not answered and whose survey closes soon.

        A shard's surveys were opened in the order of its news, so they close in this order too: the first one whose
        time has not come ends the shard for this run.
        """

        def remind_all(paid: list[News]) -> bool:
            found = (self._store.find(line.registrant_id, line.wave, number) for line in paid)
            surveys = [survey for survey in found if survey is not None]
            soon = list(takewhile(lambda survey: self._closes_soon(survey, now), surveys))
            self._tell(NoticeKind.SURVEY_DEADLINE, soon, now)
            return len(soon) == len(surveys)

        at_the_earliest = after_s + self._rules.open_s - self._rules.remind_before_s
        self._follow(f"remind-{number}", now - timedelta(seconds=at_the_earliest), remind_all, budget)

    def _closes_soon(self, survey: Survey, now: datetime) -> bool:
        return now >= survey.closes_at - timedelta(seconds=self._rules.remind_before_s)

    def _follow(self, job: str, until: datetime, act: Callable[[list[News]], bool], budget: TimeBudget) -> None:
        """Pass on the incentives that were paid up to `until`, oldest first; if `act` returns False the shard ends."""
        for shard in NEWS_SHARDS:
            budget.need(PAGE_S)
            after = self._cursors.start(job, shard, BEGINNING)
            while page := self._payouts.news(shard, after, until, PAGE):
                paid = [one for one in page if (one.kind, one.state) == (Kind.INCENTIVE, State.PAID)]
                if not act(paid):
                    break
                self._cursors.advance(job, shard, page[-1].at)
                if len(page) < PAGE:
                    break
                after = page[-1].key
                budget.need(PAGE_S)

    def _compare(self, now: datetime, budget: TimeBudget) -> None:
        """First send the reminders, which cannot wait; then offer the survey for waves settled long ago."""
        samples = self._store.samples()
        for number, opened_at in samples.items():
            closes_at = opened_at + timedelta(seconds=self._rules.open_s)
            if closes_at - timedelta(seconds=self._rules.remind_before_s) <= now < closes_at:
                self._remind_compared(number, now, budget)
        for wave in self._waves.records():
            if wave.number in samples or wave.settled_at is None:
                continue
            if wave.settled_at + timedelta(seconds=self._rules.comparison_after_s) <= now:
                budget.need(SAMPLE_S)
                self._compare_wave(wave.number, now, budget)

    def _compare_wave(self, wave: int, now: datetime, budget: TimeBudget) -> None:
        try:
            drawn = self._waves.draw_sample(wave, self._rules.comparison_size)
        except ListChanged as changed:
            # A person must look into this; the other waves' groups are offered their surveys all the same.
            log.error("sample_not_as_published", extra=changed.facts)
            return
        for start in range(0, len(drawn), PAGE):
            budget.need(PAGE_S)
            some = dict(drawn[start : start + PAGE])
            # A person chosen in another wave is not one of those without training.
            chosen = {one.registrant_id for one in self._waves.beneficiaries.of_many(some)}
            offered = (
                survey_rules.of_comparison(who, wave=wave, region=region, rules=self._rules, now=now)
                for who, region in some.items()
                if who not in chosen
            )
            self._open_and_tell(offered, now)
        self._store.add_sample(wave, now)

    def _remind_compared(self, wave: int, now: datetime, budget: TimeBudget) -> None:
        for number in range(SHARDS):
            budget.need(PAGE_S)
            offered = (one for one in self._store.of_wave(wave, f"{number:02}") if one.group is Group.COMPARISON)
            self._tell(NoticeKind.SURVEY_DEADLINE, (one for one in offered if self._closes_soon(one, now)), now)

    def _open_and_tell(self, surveys: Iterable[Survey], now: datetime) -> None:
        """Open the surveys of a page, leaving open ones as they are; then tell the people together."""
        page = list(surveys)
        here = self._registered([survey.registrant_id for survey in page]) if page else ()
        opened = [self._store.open(survey) for survey in page if survey.registrant_id in here]
        self._tell(NoticeKind.SURVEY_OPEN, opened, now)

    def _tell(self, kind: NoticeKind, surveys: Iterable[Survey], now: datetime) -> None:
        # A quiet shard's last lines are read again for weeks, longer than notices are remembered.
        still_open = (one for one in surveys if survey_rules.state(one, now) is SurveyState.OPEN and not one.left_out)
        self._told[kind] += self._notices.tell_all(_told(kind, survey) for survey in still_open)


def _told(kind: NoticeKind, survey: Survey) -> Told:
    facts: Facts = {"closes_at": iso(survey.closes_at), "amount_idr": survey.amount_idr}
    return survey.registrant_id, kind, f"{kind.value}/{survey.id}", facts
