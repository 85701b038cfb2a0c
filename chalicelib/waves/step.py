"""The step that every trigger takes: compare what is due by the clock with what is recorded, and do what is missing.

Any trigger may come, late or often. A transition is recorded on the condition that the one before it is the last. Of
two steps at once one records it; what both do before comes to the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..aws.failures import Trouble, apart
from ..clock import WIB, iso
from ..config import Programme
from ..draw import published
from ..draw.errors import BeaconUnavailable
from ..errors import Unavailable
from ..time_budget import OutOfTime, TimeBudget
from ..values import Value
from .award_queue import AwardQueueing
from .calendar import Calendar, PlannedWave
from .errors import NotFrozenYet, UnknownScheme, UnknownWave
from .freeze import Freeze
from .plan_rules import closing_soon, due, plans, scheme, scheme_of, seats_for
from .publication.draw_run import DrawRun
from .rules import NEXT, Wave, WaveState, commitment, round_due, year_of
from .store import WaveStore

if TYPE_CHECKING:
    from ..notices.announcements import Announcements

log = logging.getLogger(__name__)

OPEN_TRIES = 5
"""How often a wave tries to take its seats while other waves change the year's."""


class Transition(Value, frozen=True):
    """A wave came to a state, and this step recorded it."""

    wave: int
    state: WaveState


class WaveStep:
    """`results_url`: the public address of the results, without a slash at the end."""

    def __init__(
        self,
        programme: Programme,
        store: WaveStore,
        freeze: Freeze,
        drawing: DrawRun,
        award: AwardQueueing,
        announcements: Announcements,
        results_url: str,
    ) -> None:
        self._programme = programme
        self._store = store
        self._freeze = freeze
        self._drawing = drawing
        self._award = award
        self._announcements = announcements
        self._results_url = results_url
        self._halts_told: int | None = None

    def advance(
        self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic
    ) -> list[Transition]:
        """Do all that is due, wave by wave in order of opening; returns the transitions that this step recorded.

        A wave that cannot go on (because the beacon is silent, say) is logged and left for the next step; it holds up
        no other. Nor does an unforeseen error; all of them are raised at the end in one `ExceptionGroup`. The step
        stops between two awards after `deadline_s` seconds.
        """
        budget = TimeBudget(now, deadline_s, seconds)
        began = self._store.start(now)
        version, changes = self._store.changes()
        calendar = Calendar(self._programme.calendar, changes)
        waves = {wave.number: wave for wave in self._store.waves()}
        done: list[Transition] = []
        trouble = Trouble()
        for plan in plans(calendar, waves, began, now):
            # A freeze may run short of time as an award may; the others' next transitions take a moment each.
            with suppress(OutOfTime), apart(plan.number, trouble):
                self._follow(plan, waves.get(plan.number), calendar, budget, done)
        with apart(0, trouble):
            self._tell_of_halts(version)
        # An award may take all the time, so it comes when every wave is as far as its draw.
        may_settle = done or any(wave.state is WaveState.DRAWN for wave in waves.values())
        present = self._store.waves() if may_settle else []
        drawn = [wave for wave in present if wave.state is wave.announced is WaveState.DRAWN]
        with suppress(OutOfTime):
            for wave in drawn:
                with apart(wave.number, trouble):
                    if not self._settle(wave, calendar, budget, done):
                        break  # a person drawn in the next wave too has the place of the first
        if trouble.unforeseen:
            raise ExceptionGroup("waves that could not go on", trouble.unforeseen)
        return done

    def hand_in(self, number: int, signature: bytes) -> None:
        """Give a wave the signature of its random number; the next step draws with it.

        Raises `UnknownWave`, `NotFrozenYet`, `ForgedBeacon`.
        """
        wave = self._store.wave(number)
        if wave is None:
            raise UnknownWave(wave=number)
        if wave.note is None:
            raise NotFrozenYet(wave=number)
        self._drawing.hand_in(wave, signature)

    def _follow(
        self, plan: PlannedWave, wave: Wave | None, calendar: Calendar, budget: TimeBudget, done: list[Transition]
    ) -> None:
        """Take one wave as far as it is due up to its draw; each state is announced before the next is entered."""
        while True:
            if wave is not None and wave.announced is not wave.state:
                self._announce(wave)
                if wave.state is WaveState.FROZEN and budget.now() >= round_due(wave, self._programme.draw):
                    # The note was published in time, as the verifier can see, but announced too late.
                    log.error("note_announced_late", extra={"wave": wave.number})
            again = str(wave.extended) if wave and wave.extended else ""
            if wave is not None and wave.extension_told < wave.extended:
                self._announcements.publish("wave_extended", wave.number, self._facts(wave), again)
                self._store.extension_told(wave)
            if wave is not None and wave.state is WaveState.OPEN and self._closing_soon(wave, budget):
                self._announcements.publish("wave_closing_soon", wave.number, self._facts(wave), again)
                self._store.closing_told(wave)
            state = WaveState.SCHEDULED if wave is None else wave.state
            if state in (WaveState.DRAWN, WaveState.SETTLED):
                return
            if budget.now() < due(plan, wave, state, self._programme.draw):
                return
            mine = self._open(plan, calendar) if wave is None else self._step(wave, calendar, budget)
            if mine:
                done.append(_recorded(plan.number, NEXT[state]))
            wave = self._store.wave(plan.number)

    def _settle(self, wave: Wave, calendar: Calendar, budget: TimeBudget, done: list[Transition]) -> bool:
        """Award the seats of a drawn wave and give the others back to the year; False while it waits for batches."""
        version = scheme_of(wave, calendar, self._programme)
        walk = self._award.run(wave, self._store.draw(wave.number), version, budget)
        if walk is None:
            return False
        if self._store.settle(wave, year_of(wave.opens_at), walk.chosen, budget.now()):
            done.append(_recorded(wave.number, WaveState.SETTLED))
        settled = self._store.wave(wave.number)
        if settled is not None and settled.announced is not settled.state:
            self._announce(settled)
        return True

    def _step(self, wave: Wave, calendar: Calendar, budget: TimeBudget) -> bool:
        """Make the transition that is due; False if another step recorded it."""
        if wave.state is WaveState.OPEN:
            return self._store.step(wave, WaveState.CLOSED)
        if wave.state is WaveState.CLOSED:
            version = scheme_of(wave, calendar, self._programme)
            return self._store.step(wave, WaveState.FROZEN, note=self._freeze.run(wave, version, budget))
        try:
            draw = self._drawing.run(wave)
        except BeaconUnavailable:
            self._tell_of_waiting(wave, budget)
            raise
        self._store.put_draw(wave.number, draw)
        return self._store.step(wave, WaveState.DRAWN)

    def _open(self, plan: PlannedWave, calendar: Calendar) -> bool:
        """Record it; False if another step did. Raises `UnknownScheme`: nobody could be awarded what is not known."""
        version, known = scheme(plan, calendar, self._programme), [one.version for one in self._programme.schemes]
        if version not in known:
            raise UnknownScheme(scheme=version, known=", ".join(known))
        year = year_of(plan.opens_at)
        year_ends = datetime(year + 1, 1, 1, tzinfo=WIB)
        waves_left = len(calendar.between(plan.opens_at, year_ends))
        for _ in range(OPEN_TRIES):
            allotted = self._store.allotted(year)
            quota = seats_for(plan, self._programme.target(year) - allotted, waves_left)
            reserved = min(plan.reserved, quota)
            wave = Wave(
                plan.number,
                WaveState.OPEN,
                plan.opens_at,
                plan.closes_at,
                quota,
                reserved,
                plan.weights,
                scheme=version,
            )
            if self._store.open(wave, year, allotted):
                return True
            if self._store.wave(plan.number) is not None:
                return False
        raise Unavailable()

    def _tell_of_halts(self, version: int) -> None:
        """Tell the public of what administrators have changed of pauses and the end: each change once, in order.

        A function that has told of this version of the changes has nothing to read.
        """
        if version == self._halts_told:
            return
        for halt in self._store.halts():
            self._announcements.publish(halt.event, halt.wave, halt.facts, halt.id)
            self._store.halt_told(halt)
        self._halts_told = version

    def _closing_soon(self, wave: Wave, budget: TimeBudget) -> bool:
        """Whether to announce now, once, that an open wave is about to close; never after the close."""
        near = closing_soon(wave, self._programme.calendar) <= budget.now() < wave.closes_at
        return near and not wave.closing_told

    def _tell_of_waiting(self, wave: Wave, budget: TimeBudget) -> None:
        """Tell the public, once, that a draw has waited for its random number for long."""
        due = round_due(wave, self._programme.draw)
        long = timedelta(seconds=self._programme.draw.beacon_waiting_told_after_s)
        if wave.waiting_told or budget.now() < due + long:
            return
        facts = self._facts(wave) | {"beacon_round": commitment(wave).round, "beacon_due_at": iso(due)}
        self._announcements.publish("wave_waiting_for_beacon", wave.number, facts)
        self._store.waiting_told(wave)
        # A person can look for the signature elsewhere and hand it in.
        log.error("beacon_silent", extra={"wave": wave.number})

    def _announce(self, wave: Wave) -> None:
        self._announcements.publish(f"wave_{wave.state.lower()}", wave.number, self._facts(wave))
        self._store.announced(wave)

    def _facts(self, wave: Wave) -> dict[str, str | int | None]:
        facts: dict[str, str | int | None] = {
            "opens_at": iso(wave.opens_at),
            "closes_at": iso(wave.closes_at),
            "quota": wave.quota,
        }
        if wave.note is not None:
            facts |= {"note": wave.note, "results_url": f"{self._results_url}/{published.folder(wave.number)}"}
        if wave.chosen is not None:
            facts["chosen"] = wave.chosen
        return facts


def _recorded(number: int, state: WaveState) -> Transition:
    log.info(f"wave_{state.lower()}", extra={"wave": number})
    return Transition(number, state)
