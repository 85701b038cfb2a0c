"""A person who buys no training in time loses the place, for good, and the next of the same draw gets it. So it is
with a place whose person the civil registry does not confirm, but without barring them (`confirmation`).

First every overdue place is revoked and becomes a line of its wave's log, which decides the order. Then the people of
the log are told. Then each settled wave is walked again from the draw on: past what was decided, and through the log,
line by line. The wave's record says how far the telling and the walk have come, and the index `potential` lists a
revoked beneficiary until the place was passed on. So the next run completes one that died, and two runs at once share
the work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace
from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from ...aws.attributes import WholeAttribute
from ...aws.dynamodb import LegsFailed, Transaction, update_if
from ...aws.failures import Trouble, apart
from ...clock import iso
from ...config import Programme
from ...notices.rules import Facts, Kind
from ...notices.service import NoticeService
from ...registration.errors import NotRegistered
from ...registration.rules import Standing as Registered
from ...time_budget import OutOfTime, TimeBudget
from ..award import Award
from ..calendar import Calendar
from ..plan_rules import scheme_of
from ..rules import LOST, SHARDS, Beneficiary, BeneficiaryState, Wave, WaveState, place, year_of
from ..store import WaveItem, WavesTable, WaveStore, YearItem
from ..wire import chosen_notice
from .beneficiaries import BeneficiaryStore
from .confirmation import Confirmation
from .place_rules import LOST_FROM

if TYPE_CHECKING:
    from ...registration.service import Registrations

log = logging.getLogger(__name__)

ONE_PERSON_S = 5
"""No person is begun with less time left than this: at most eight calls, each with its retries."""

PAGE = 100
"""Progress along a wave's log is recorded after so many people: after a death at most so many are told again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one run found: `revoked` places that were still to be passed on, and the `substituted` of them that were.

    `whole`: it came to its end, and nothing was held up.
    """

    revoked: int
    substituted: int
    whole: bool = field(default=True, compare=False)


class Revocation:
    """The scheduled step. Any number of runs, at any time, come to the same end."""

    def __init__(
        self,
        programme: Programme,
        store: WaveStore,
        revocation_log: RevocationLog,
        award: Award,
        confirmation: Confirmation,
        registrations: Registrations,
        notices: NoticeService,
    ) -> None:
        self._programme = programme
        self._store = store
        self._beneficiaries = revocation_log.beneficiaries
        self._log = revocation_log
        self._award = award
        self._confirmation = confirmation
        self._registrations = registrations
        self._notices = notices

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> Report:
        """Revoke every place that is overdue, and pass on those of every settled wave.

        It stops between two people after `deadline_s` seconds, and the next run continues. An unforeseen error holds up
        no other place or wave; all are raised at the end in one `ExceptionGroup`.
        """
        budget = TimeBudget(now, deadline_s, seconds)
        revoked, waiting = list[Beneficiary](), list[Beneficiary]()
        substituted = 0
        trouble, whole = Trouble(), False
        with suppress(OutOfTime):
            for shard in range(SHARDS):
                self._revoke_overdue(f"{shard:02d}", budget, revoked, waiting, trouble)
            looked_at_all = self._look_at(waiting, budget, deadline_s / 2, revoked, trouble)
            waves = self._store.waves()
            for wave in waves:
                with apart(wave.number, trouble):
                    self._bar(wave, budget)
            for wave in waves:
                if wave.state is WaveState.SETTLED and wave.passed_count < wave.revoked_count:
                    with apart(wave.number, trouble):
                        substituted += self._find_successors(wave, budget)
            self._unlist(revoked, budget)
            whole = looked_at_all and not trouble.held_up
        if revoked or substituted:
            log.info("places_revoked", extra={"revoked": len(revoked), "substituted": substituted})
        if trouble.unforeseen:
            raise ExceptionGroup("places that could not be passed on", trouble.unforeseen)
        return Report(len(revoked), substituted, whole)

    def _revoke_overdue(
        self,
        shard: str,
        budget: TimeBudget,
        revoked: list[Beneficiary],
        waiting: list[Beneficiary],
        trouble: Trouble,
    ) -> None:
        """Revoke a shard's overdue places; add those people to `revoked`, and the ones who are listed from before.

        Reserved places are added to `waiting`.
        """
        due = [one.registrant_id for one in self._beneficiaries.potential(shard, budget.now())]
        for beneficiary in self._beneficiaries.of_many(due):
            if beneficiary.state is BeneficiaryState.RESERVED:
                waiting.append(beneficiary)
                continue
            budget.need(ONE_PERSON_S)
            with apart(beneficiary.wave, trouble):
                one = self._revoke(beneficiary, budget)
                if one.state in LOST:
                    revoked.append(one)

    def _look_at(
        self,
        waiting: list[Beneficiary],
        budget: TimeBudget,
        left_s: float,
        revoked: list[Beneficiary],
        trouble: Trouble,
    ) -> bool:
        """Look at the reserved places while more than `left_s` seconds are left; whether at all of them.

        They may wait for long and be many: they take no time from the overdue ones, nor from passing those on.
        """
        try:
            for beneficiary in waiting:
                budget.need(max(ONE_PERSON_S, left_s))
                with apart(beneficiary.wave, trouble):
                    one = self._revoke(beneficiary, budget)
                    if one.state in LOST:
                        revoked.append(one)
        except OutOfTime:
            return False
        return True

    def _revoke(self, one: Beneficiary, budget: TimeBudget) -> Beneficiary:
        """Take a place away if that is still to be done; returns the beneficiary as it is then. The index may lag."""
        while one.state in LOST_FROM and one.buy_by <= budget.now():
            wave, now = self._record(one.wave), budget.now()
            lost, because = self._confirmation.lost_as(one, wave, now)
            if lost is None:
                return one
            if self._log.enter(one, lost, wave, now, because):
                return replace(one, state=lost, revoked_at=now, revoked_seq=wave.revoked_count + 1)
            # A purchase came first, or another run, which may have been about someone else of this wave.
            one = self._beneficiaries.of(one.registrant_id) or one
        return one

    def _bar(self, wave: Wave, budget: TimeBudget) -> None:
        """Tell registration and the people of the log's new lines that their places are revoked."""
        lines = self._log.holders(wave, wave.barred_count)
        for start in range(0, len(lines), PAGE):
            page = lines[start : start + PAGE]
            for one in self._beneficiaries.of_many(page):
                budget.need(ONE_PERSON_S)
                if one.wave != wave.number:
                    continue  # a lapsed place bars nobody from a later one
                if one.state is BeneficiaryState.LAPSED:
                    self._take_back(one)
                    self._tell_lapsed(one, budget.now())
                    continue
                with suppress(NotRegistered):  # who is no longer registered cannot join either
                    self._registrations.set_standing(one.registrant_id, Registered.REVOKED)
                self._notices.tell(one.registrant_id, Kind.REVOKED, f"revoked/{wave.number}", {"wave": wave.number})
            self._log.record_barred(wave, wave.barred_count + start + len(page))

    def _find_successors(self, wave: Wave, budget: TimeBudget) -> int:
        """Find a successor for each place of the log that has none yet; returns how many were found."""
        version = scheme_of(wave, self._calendar(), self._programme)
        draw, lines = self._store.draw(wave.number), self._log.lines(wave)
        walk = self._award.walk(wave, self._award.seats(wave, draw, lines), version, budget)
        found = 0
        for start in range(wave.passed_count, len(lines), PAGE):
            successors = [(one, wave.number) for one in walk.successors[start : start + PAGE] if one is not None]
            for one in self._beneficiaries.at_many(successors).values():
                budget.need(ONE_PERSON_S)
                self._tell_chosen(one)
            found += len(successors)
            # Written down last, so that a death before it loses nothing.
            wave = self._record_passed_on(wave, min(start + PAGE, len(lines)), walk.chosen)
        return found

    def _record_passed_on(self, wave: Wave, seq: int, chosen: int) -> Wave:
        """Record that a wave's first `seq` lines are done, unless another run has; returns the wave as it is then."""
        while wave.passed_count < seq:
            if self._log.record_passed_on(wave, year_of(wave.opens_at), seq, chosen):
                return replace(wave, passed_count=seq, chosen=chosen)
            wave = self._record(wave.number)
        return wave

    def _record(self, number: int) -> Wave:
        wave = self._store.wave(number)
        if wave is None:
            raise LookupError(f"wave {number} has beneficiaries and no record")
        return wave

    def _calendar(self) -> Calendar:
        return Calendar(self._programme.calendar, self._store.changes()[1])

    def _tell_chosen(self, one: Beneficiary) -> None:
        """Mail the person that they were chosen, even if they have bought a training already."""
        scheme = next(scheme for scheme in self._programme.schemes if scheme.version == one.scheme)
        self._notices.tell(*chosen_notice(one, scheme))

    def _take_back(self, one: Beneficiary) -> None:
        """Let registration know nothing of a place that lapsed, and of the one before it, if there is one."""
        before = next((each for each in self._beneficiaries.places(one.registrant_id) if each.state not in LOST), None)
        given = None
        if before is not None:
            scheme = next(each for each in self._programme.schemes if each.version == before.scheme)
            given = place(self._record(before.wave), scheme, before.awarded_at, self._programme.training)
        self._registrations.take_back(one.registrant_id, one.wave, one.scheme, given)

    def _tell_lapsed(self, one: Beneficiary, now: datetime) -> None:
        coming = self._calendar().next(now)
        reason = one.lost_because or "lapsed"
        facts: Facts = {"wave": one.wave, "reason": reason, "next_opens_at": iso(coming.opens_at) if coming else ""}
        self._notices.tell(one.registrant_id, Kind.NOT_CHOSEN, f"lapsed/{one.wave}", facts)

    def _unlist(self, revoked: list[Beneficiary], budget: TimeBudget) -> None:
        """Take those whose place was passed on off the index."""
        passed = {wave.number: wave.passed_count for wave in self._store.waves()}
        for one in revoked:
            if one.revoked_seq is not None and one.revoked_seq <= passed[one.wave]:
                budget.need(ONE_PERSON_S)
                self._beneficiaries.unlist(one.registrant_id)


class RevokedItem(WavesTable):
    """`WAVE#<number>` / `REVOKED#<line, 8 digits>`: whose entry had won the place, and who had it then if that is
    another person, to whom it had come with a NIK; never changed.
    """

    registrant_id = UnicodeAttribute()
    holder = UnicodeAttribute(null=True)


class RevocationLog:
    """The lines of a wave are numbered from 1 without a gap; its record's `revoked_count` is the last one's number."""

    def __init__(self, transaction: Callable[[], Transaction], beneficiaries: BeneficiaryStore) -> None:
        self._transaction = transaction
        self.beneficiaries = beneficiaries

    def enter(
        self, beneficiary: Beneficiary, lost: BeneficiaryState, wave: Wave, now: datetime, because: str | None = None
    ) -> bool:
        """Take a place away, as REVOKED or LAPSED, and write it as the wave's next line, both or neither.

        `because`: why it lapsed, if there is more to say.

        False, and nothing was written, if the person is not as read and overdue, or if the wave has more lines than
        `wave` says.
        """
        seq = wave.revoked_count + 1
        who, entry_of = beneficiary.registrant_id, beneficiary.entry_of
        line = RevokedItem(_pk(wave), _sk(seq), registrant_id=entry_of or who, holder=who if entry_of else None)
        try:
            with self._transaction() as tx:
                self.beneficiaries.revoke(tx, beneficiary, seq, now, lost, because)
                tx.put("line", line, RevokedItem.pk.does_not_exist())
                tx.update(
                    "wave",
                    _record(wave),
                    [WaveItem.revoked_count.set(seq)],
                    _is(WaveItem.revoked_count, wave.revoked_count),
                )
        except LegsFailed:
            return False
        return True

    def lines(self, wave: Wave) -> list[str]:
        """Whose entries had won the places of a wave's lines, in order, up to `wave.revoked_count`."""
        return [item.registrant_id for item in self._items(wave, 0)]

    def holders(self, wave: Wave, after: int) -> list[str]:
        """Who lost the places of a wave's lines, in order: those behind the first `after`."""
        return [item.holder or item.registrant_id for item in self._items(wave, after)]

    @staticmethod
    def _items(wave: Wave, after: int) -> Iterable[RevokedItem]:
        if after >= wave.revoked_count:
            return []
        lines = RevokedItem.sk.between(_sk(after + 1), _sk(wave.revoked_count))
        return RevokedItem.query(_pk(wave), lines, consistent_read=True)

    def record_barred(self, wave: Wave, seq: int) -> None:
        """Record that registration and the people were told of the first `seq` lines. The number never goes down."""
        forward = WaveItem.barred_count.does_not_exist() | (WaveItem.barred_count < seq)
        update_if(_record(wave), [WaveItem.barred_count.set(seq)], forward)

    def record_passed_on(self, wave: Wave, year: int, seq: int, chosen: int) -> bool:
        """Record that the first `seq` lines are passed on, and that `chosen` seats are taken.

        Seats for which nobody was left go back to the year. False, and nothing was written, if `wave` is out of date.
        """
        try:
            with self._transaction() as tx:
                tx.update(
                    "wave",
                    _record(wave),
                    [WaveItem.passed_count.set(seq), WaveItem.chosen.set(chosen)],
                    (WaveItem.state == WaveState.SETTLED) & _is(WaveItem.passed_count, wave.passed_count),
                )
                tx.update(
                    "year", YearItem(f"YEAR#{year}", "SEATS"), [YearItem.allotted.add(chosen - (wave.chosen or 0))]
                )
        except LegsFailed:
            return False
        return True


def _is(counter: WholeAttribute, count: int) -> Condition:
    return (counter == count) if count else counter.does_not_exist()


def _record(wave: Wave) -> WaveItem:
    return WaveItem("WAVES", f"{wave.number:06d}")


def _pk(wave: Wave) -> str:
    return f"WAVE#{wave.number}"


def _sk(seq: int) -> str:
    return f"REVOKED#{seq:08d}"
