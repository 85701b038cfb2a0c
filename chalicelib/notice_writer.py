"""Tells people their results, deadlines and payments, every five minutes, from where the last run stopped.

Only here do notices meet the domains. A domain that knows whom to tell (a survey opens, a place is revoked) tells them
itself. A person is told an event once, so everything here may be repeated: a run may die anywhere, come late or run
beside another, and the next one continues.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from .aws.job_progress import Cursors
from .clock import iso, parse_iso
from .config import Programme
from .notices.rules import Facts, Kind, Told
from .notices.service import NoticeService
from .notices.store import TellingPlace, TellingProgress
from .payouts.ledger.records import NEWS_SHARDS, News
from .payouts.rules import Hold
from .payouts.rules import State as Paid
from .payouts.service import Payouts
from .registration.rules import Registrant
from .time_budget import OutOfTime, TimeBudget
from .waves.places.place_rules import at_present
from .waves.rules import SHARDS, Beneficiary, BeneficiaryState, Result, WaveState
from .waves.service import Waves
from .waves.wire import chosen_notice

log = logging.getLogger(__name__)

PAGE = 100
"""How many people are told between two writes of the place; DynamoDB reads so many in one batch."""

PAGE_S = 10.0
"""The time that a page takes at most."""

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
"""Before any payment: where a cursor starts."""

_FAILED: dict[Paid | Hold | None, str] = {
    Paid.CANCELLED: "cancelled",
    Paid.REVERSED: "reversed",
    Hold.NO_ADDRESS: "no_address",
    Hold.UNVERIFIED: "unverified",
    Hold.ACCOUNT_REFUSED: "account_refused",
}


class NoticeWriter:
    def __init__(
        self,
        programme: Programme,
        waves: Waves,
        payouts: Payouts,
        notices: NoticeService,
        cursors: Cursors,
        progress: TellingProgress,
        confirmed: Callable[[Sequence[str]], Mapping[str, Registrant]],
    ) -> None:
        """`confirmed`: those of at most 100 people who are registered and may buy, by the civil registry and claims."""
        self._waves = waves
        self._payouts = payouts
        self._notices = notices
        self._cursors = cursors
        self._progress = progress
        self._confirmed = confirmed
        self._programme = programme
        self._marks_s = (*sorted(programme.notices.remind_before_s, reverse=True), 0)
        self._schemes = {scheme.version: scheme for scheme in programme.schemes}
        self._told = 0

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Tell what is due at `now`, as far as it fits into `deadline_s` seconds; results, which take longest, last.

        Returns whether every payment and deadline was told. `TellingProgress` keeps how far the results are told.
        """
        budget, punctual = TimeBudget(now, deadline_s, seconds), False
        self._told = 0
        self._notices.sweep()
        try:
            self._tell_payments(now, budget)
            for before_s, next_s in pairwise(self._marks_s):
                self._remind(before_s, next_s, now, budget)
            punctual = True
            self._tell_results(now, budget)
        except OutOfTime:
            log.info("tidings_go_on_later")
        if self._told:
            log.info("notices_written", extra={"count": self._told})
        return punctual

    def _tell(self, told: Iterable[Told]) -> None:
        self._told += self._notices.tell_all(told)

    # Payments

    def _tell_payments(self, now: datetime, budget: TimeBudget) -> None:
        for shard in NEWS_SHARDS:
            after = begun = self._cursors.start("payments", shard, BEGINNING)
            budget.need(PAGE_S)
            while page := self._payouts.news(shard, after, now, PAGE):
                self._tell(told for line in page if (told := _payment(line)) is not None)
                after = page[-1].key
                self._cursors.advance("payments", shard, page[-1].at)
                if len(page) < PAGE:
                    break
                budget.need(PAGE_S)
            if after != begun:
                # Otherwise every run would read the last lines of a quiet shard again.
                self._cursors.advance("payments", shard, now)

    # The deadline of the first purchase

    def _remind(self, before_s: int, next_s: int, now: datetime, budget: TimeBudget) -> None:
        """Remind those whose deadline came within `before_s` since the last run. The next reminder covers the last
        `next_s`.

        Who may not buy yet is not reminded: their deadline is put off, and each deadline is reminded of. Nor is who was
        erased. Nor is anybody whose later deadline is not written down yet, unless that is near too: `expire_places`
        tells them when it writes it down.
        """
        before, job = timedelta(seconds=before_s), f"deadline-{before_s}"
        after = now + timedelta(seconds=next_s)
        for shard in (f"{number:02d}" for number in range(SHARDS)):
            near = [line for line in self._waves.beneficiaries.potential(shard, now + before) if line.buy_by > after]
            if not near:
                continue
            # Deadlines are in the index days before, so no overlap is needed, which would make each run read all again.
            since = parse_iso(self._cursors.start(job, shard, BEGINNING, timedelta())) + before
            due = [line.registrant_id for line in near if line.buy_by > since]
            for start in range(0, len(due), PAGE):
                budget.need(PAGE_S)
                page = self._waves.beneficiaries.of_many(due[start : start + PAGE])
                # The index lags behind, and people who have bought by now are not reminded.
                late = [one for one in page if one.state is BeneficiaryState.POTENTIAL]
                may = self._confirmed([one.registrant_id for one in late])
                present = [
                    (one, at_present(one, may[one.registrant_id], self._programme, now, confirmed=True))
                    for one in late
                    if one.registrant_id in may
                ]
                self._tell(_deadline(*one, before_s) for one in present if one[1].buy_by <= now + before)
            if due:
                self._cursors.advance(job, shard, now)

    # Results

    def _tell_results(self, now: datetime, budget: TimeBudget) -> None:
        places = self._progress.places()
        for wave in self._waves.records():
            place = places.get(wave.number, TellingPlace())
            if wave.state is WaveState.SETTLED and not place.done:
                self._tell_wave(wave.number, place, self._waves.next_opening(now), budget)

    def _tell_wave(self, wave: int, place: TellingPlace, next_opens_at: datetime | None, budget: TimeBudget) -> None:
        for shard in range(place.shard, SHARDS):
            after = place.after if shard == place.shard else ""
            budget.need(PAGE_S)
            while page := self._waves.results(wave, f"{shard:02d}", after, PAGE):
                self._tell(self._results(wave, page, next_opens_at))
                after = page[-1].registrant_id
                self._progress.remember(wave, TellingPlace(shard, after))
                budget.need(PAGE_S)
        self._progress.remember(wave, TellingPlace(SHARDS, "", done=True))
        log.info("results_told", extra={"wave": wave})

    def _results(self, wave: int, page: list[Result], next_opens_at: datetime | None) -> Iterator[Told]:
        coming = iso(next_opens_at) if next_opens_at else ""
        for missed in page:
            if missed.reason is not None:
                facts: Facts = {"wave": wave, "reason": missed.reason, "next_opens_at": coming}
                yield missed.registrant_id, Kind.NOT_CHOSEN, f"not_chosen/{wave}", facts
        chosen = [result.registrant_id for result in page if result.reason is None]
        for one in self._waves.beneficiaries.at_many((who, wave) for who in chosen).values():
            yield chosen_notice(one, self._schemes[one.scheme])


def _payment(line: News) -> Told | None:
    """The notice of a line; None if a later line says more. For a HELD payment it has the present reason."""
    if line.state is not line.latest:
        return None
    facts: dict[str, str | int] = {"for": line.kind.value, "amount_idr": line.amount_idr}
    if line.state is Paid.PAID:
        return line.registrant_id, Kind.PAID, f"paid/{line.entitlement_id}", facts
    reason = _FAILED.get(line.hold if line.state is Paid.HELD else line.state)
    if reason is None:
        return None
    event = f"payment_failed/{line.entitlement_id}/{reason}"
    if line.hold is Hold.ACCOUNT_REFUSED:
        # Each refusal is told, because another account or a mended one may be refused too.
        event += f"/{iso(line.at)}"
    return line.registrant_id, Kind.PAYMENT_FAILED, event, {**facts, "reason": reason}


def _deadline(stored: Beneficiary, present: Beneficiary, before_s: int) -> Told:
    event, by = f"purchase_deadline/{stored.wave}/{before_s}", iso(present.buy_by)
    if stored.put_off_at is not None or present != stored:
        event += f"/{by}"  # each deadline is reminded of
    return stored.registrant_id, Kind.PURCHASE_DEADLINE, event, {"buy_by": by}
