"""The use cases of the helpdesk: file, look, answer, escalate, count.

What a person writes, and the answer, may tell anything about them; both are sealed with the person's own key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ..aws.dynamodb import LegsFailed, Transaction
from ..clock import WIB, iso
from ..errors import NotFound
from ..figures.people import HelpdeskRules
from ..notices.rules import Kind as Notice
from ..notices.service import NoticeService
from ..payouts.service import Payouts
from ..registration.account_keys import AccountKeys
from ..structs import fill
from ..time_budget import OutOfTime, TimeBudget
from ..vault import PersonKey
from ..waves.rules import REMOVALS
from ..waves.service import Waves
from . import evidence, rules, wire
from .errors import AlreadyAnswered, AlreadyEscalated, TooManyGrievances, UnknownGrievance
from .evidence import PublishedLists
from .rules import (
    About,
    AboutDisbursement,
    AboutSelection,
    Grievance,
    GrievanceAct,
    GrievanceState,
    SelectionEvidence,
    is_holiday,
)
from .store import ALL_SHARDS, NUMBER_LEG, HelpdeskStore, ShardCount

log = logging.getLogger(__name__)

SHOWN = 20
"""How many of a person's grievances are shown to them, the newest first."""

MORNING = 8
"""The hour (WIB) in which what is overdue is said again."""

SHARD_S = 20
"""The time that counting one partition of the index may take: a hundred thousand grievances."""


@dataclass(frozen=True)
class GrievanceCounts:
    """Grievances in numbers. `open` has neither the escalated nor the answered ones; `overdue` are of the first two.

    All but `answered` are as of `counted_at`, the oldest count among them; None before the first. `whole`: the check
    has counted every partition.
    """

    open: int
    escalated: int
    overdue: int
    answered: int
    counted_at: datetime | None
    whole: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class OpenedGrievance:
    """A grievance with its words, for an administrator."""

    grievance: Grievance
    text: str
    note: str | None
    answer: str | None


class Helpdesk:
    """The use cases. A person's words are sealed with the key that `keys` gives."""

    def __init__(
        self,
        store: HelpdeskStore,
        keys: AccountKeys,
        waves: Waves,
        payouts: Payouts,
        lists: PublishedLists,
        notices: NoticeService,
        figures: HelpdeskRules,
    ) -> None:
        self._store = store
        self._keys = keys
        self._waves = waves
        self._payouts = payouts
        self._lists = lists
        self._notices = notices
        self._figures = figures

    # For the person

    def file(self, registrant_id: str, form: wire.GrievanceForm, now: datetime) -> tuple[wire.GrievanceView, bool]:
        """File a grievance; True if it is new. The same words about the same thing again return the first one.

        Anybody with an account may, even if registration refused them. Raises `TooManyGrievances`, `NotFound` (no such
        wave or payout of this person), `SelectionNotFinished`.
        """
        number = rules.number(registrant_id, form.about, form.category, form.text)
        filed = self._store.by_number(number)
        if filed is not None:
            return self._view(self._keys.key(registrant_id), filed), False
        if self._store.unanswered_of(registrant_id) >= self._figures.open_max:
            raise TooManyGrievances(open_max=self._figures.open_max)
        key = self._keys.key(registrant_id)
        grievance = Grievance(
            number=number,
            registrant_id=registrant_id,
            about=form.about,
            category=form.category,
            state=GrievanceState.OPEN,
            filed_at=now,
            deadline_at=rules.due(form.category, now, self._figures, is_holiday),
            sealed_text=key.seal("grievance/1", form.text.encode()),
            evidence=self._evidence(registrant_id, form.about, now),
        )
        try:
            self._store.file(grievance, self._figures.open_max)
        except LegsFailed as failed:
            filed = self._store.by_number(number) if NUMBER_LEG in failed.legs else None
            if filed is None:
                raise TooManyGrievances(open_max=self._figures.open_max) from failed
            return self._view(key, filed), False  # another request of the same person came first
        return self._view(key, grievance), True

    def of(self, registrant_id: str) -> list[wire.GrievanceView]:
        """A person's latest grievances, the newest first; one query, and if there are any a read and a KMS call."""
        grievances = self._store.of(registrant_id, SHOWN)
        if not grievances:
            return []
        key = self._keys.key(registrant_id)
        return [self._view(key, grievance) for grievance in grievances]

    # For administrators; `by` is the ARN that AWS knows them by

    def unanswered(self, shard: str, since: str = "") -> Iterator[Grievance]:
        """The grievances that wait for an answer in one of `store.ALL_SHARDS`, the nearest deadline first.

        With `since`, as `clock.iso` writes it, those of no deadline before.
        """
        return self._store.unanswered(shard, since)

    def show(self, number: str) -> OpenedGrievance:
        """One grievance with its words. Raises `UnknownGrievance`."""
        grievance = self._grievance(number)
        key = self._keys.key(grievance.registrant_id)
        return OpenedGrievance(
            grievance,
            _words(key, grievance.sealed_text),
            _words(key, grievance.escalation.sealed) if grievance.escalation else None,
            _words(key, grievance.answer.sealed) if grievance.answer else None,
        )

    def filed_by(self, number: str) -> str:
        """Who filed a grievance. Raises `UnknownGrievance`."""
        return self._grievance(number).registrant_id

    def answer(self, number: str, text: str, by: str, now: datetime) -> bool:
        """Answer a grievance, once, and tell the person that it was; True if it is new. The same again changes nothing.

        The notice is kept with the answer, so if the function dies before the mail is queued, the sweep queues it.
        Raises `UnknownGrievance`, `AlreadyAnswered` (with other words).
        """
        grievance = self._grievance(number)
        key = self._keys.key(grievance.registrant_id)
        person, event = grievance.registrant_id, f"{Notice.GRIEVANCE_ANSWERED}/{number}"

        def tell(tx: Transaction) -> None:
            self._notices.keep(tx, person, Notice.GRIEVANCE_ANSWERED, event, {"number": number})

        answer = _act(key, text, by, now)
        if grievance.answer is None and self._store.move(grievance, GrievanceState.ANSWERED, answer, tell):
            self._notices.enqueue([(person, event)])
            log.info("grievance_answered", extra={"grievance": number, "late": grievance.overdue(now)})
            return True
        given = self._grievance(number).answer
        if given is None or _words(key, given.sealed) != text:
            raise AlreadyAnswered(number=number)
        return False

    def escalate(self, number: str, note: str, by: str, now: datetime) -> bool:
        """Escalate a grievance with a note that its author is not shown; True if it is new. The deadline stays.

        Raises `UnknownGrievance`, `AlreadyAnswered`, `AlreadyEscalated` (with another note).
        """
        grievance = self._grievance(number)
        key = self._keys.key(grievance.registrant_id)
        act = _act(key, note, by, now)
        if grievance.state is GrievanceState.OPEN and self._store.move(grievance, GrievanceState.ESCALATED, act):
            log.info("grievance_escalated", extra={"grievance": number})
            return True
        grievance = self._grievance(number)
        if grievance.state is GrievanceState.ANSWERED:
            raise AlreadyAnswered(number=number)
        if grievance.escalation is None or _words(key, grievance.escalation.sealed) != note:
            raise AlreadyEscalated(number=number)
        return False

    # Counting

    def check(self, now: datetime, remaining_s: float) -> GrievanceCounts:
        """Count what waits for an answer. An error is logged, which rings, when one more has become overdue, and in the
        morning while any is.

        Each partition's count replaces its last one, the longest uncounted partition first. So the next run continues
        one that died or ran out of time, and two at once write the same.
        """
        budget = TimeBudget(now, remaining_s)
        counted, _ = self._store.counted()
        never, whole = datetime.min.replace(tzinfo=UTC), False
        try:
            for shard in sorted(ALL_SHARDS, key=lambda one: counted[one].counted_at if one in counted else never):
                budget.need(SHARD_S)
                last = counted[shard].counted_at if shard in counted else never
                count, newly = self._count(shard, last, budget.now())
                if newly:  # said before it is counted: a run that dies in between says it twice rather than never
                    log.error("grievances_overdue", extra={"newly": newly})
                self._store.put_count(shard, count)
            whole = True
        except OutOfTime:
            log.warning("grievances_not_all_counted")
        counts = self.counts()
        rings = counts.overdue and now.astimezone(WIB).hour == MORNING
        log.log(
            logging.ERROR if rings else logging.INFO,
            "grievances_overdue" if rings else "grievances_counted",
            extra={"open": counts.open, "escalated": counts.escalated, "overdue": counts.overdue},
        )
        return replace(counts, whole=whole)

    def counts(self) -> GrievanceCounts:
        """The numbers as last counted; one query."""
        shards, answered = self._store.counted()
        counts = shards.values()
        return GrievanceCounts(
            open=sum(count.opened for count in counts),
            escalated=sum(count.escalated for count in counts),
            overdue=sum(count.overdue for count in counts),
            answered=answered,
            counted_at=min((count.counted_at for count in counts), default=None),
        )

    def _count(self, shard: str, last: datetime, now: datetime) -> tuple[ShardCount, int]:
        """What waits in a partition, and how many of it have become overdue since the last count."""
        opened = escalated = overdue = newly = 0
        for grievance in self._store.unanswered(shard):
            opened += grievance.state is GrievanceState.OPEN
            escalated += grievance.state is GrievanceState.ESCALATED
            overdue += grievance.overdue(now)
            newly += grievance.overdue(now) and not grievance.overdue(last)
        return ShardCount(opened, escalated, overdue, now), newly

    def _grievance(self, number: str) -> Grievance:
        grievance = self._store.by_number(number)
        if grievance is None:
            raise UnknownGrievance(number=number)
        return grievance

    def _evidence(self, registrant_id: str, about: About, now: datetime) -> SelectionEvidence | None:
        """Check that the subject is this person's; returns the evidence, if it is a selection."""
        if isinstance(about, AboutSelection):
            drawn = self._waves.drawn_entry(registrant_id, about.wave, now)
            own = drawn.entry.leaf
            place, length = self._lists.place(about.wave, drawn.entry.region, own)
            if place is None and drawn.entry.outcome not in REMOVALS:
                # The published list lacks somebody who took part: the draw is in doubt.
                log.error("leaf_not_published", extra={"wave": about.wave, "region": drawn.entry.region})
            return evidence.of_selection(drawn, place, length, self._lists.results_url)
        if isinstance(about, AboutDisbursement):
            places = self._waves.beneficiaries.places(registrant_id)
            if about.payout_id not in {payout.payout_id for place in places for payout in self._payouts.of(place)}:
                raise NotFound()
        return None

    @staticmethod
    def _view(key: PersonKey, grievance: Grievance) -> wire.GrievanceView:
        answer = grievance.answer
        return fill(
            wire.GrievanceView,
            grievance,
            text=_words(key, grievance.sealed_text),
            answer=wire.AnswerView(_words(key, answer.sealed), iso(answer.at)) if answer else None,
        )


def _act(key: PersonKey, words: str, by: str, now: datetime) -> GrievanceAct:
    return GrievanceAct(now, by, key.seal("grievance/1", words.encode()))


def _words(key: PersonKey, sealed: bytes) -> str:
    return key.unseal("grievance/1", sealed).decode()
