"""The consumer of the queue of awards: one batch of winners, decided in the order of the draw.

Nothing that a message says is believed. Who was drawn, and for which seat, is worked out from the entry and the kept
draw; a message that names anybody else is refused as a whole. It may come twice, late, or be left half-way: what is
decided stays, and who comes after goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ...aws import queues
from ...config import Programme
from ...draw.leaves import leaf
from ...draw.selection import DrawResult, drawn_seat
from ...time_budget import TimeBudget
from ..calendar import Calendar
from ..entries import EntryStore
from ..errors import BadAwardMessage
from ..rules import AwardedBatch, EntryOutcome, WaveState, planned
from ..store import WaveStore
from .decisions import Decisions, Turn
from .queue import Message, decode_message

log = logging.getLogger(__name__)


class AwardBatches:
    """Decides batches of winners."""

    def __init__(self, programme: Programme, store: WaveStore, entries: EntryStore, decisions: Decisions) -> None:
        self._programme = programme
        self._store = store
        self._entries = entries
        self._decisions = decisions

    def process(self, message: Message, budget: TimeBudget) -> None:
        """Decide who is not decided, and mark the batch. Of a wave that is settled nothing is left to be done.

        Four calls, and one more at the end, besides those of each award; one more if somebody was decided before.
        Raises `BadAwardMessage` before anybody is decided; `OutOfTime` or `Unavailable` with what was decided so far
        recorded.
        """
        wave = self._store.wave(message.wave)
        if wave is None or wave.state not in (WaveState.DRAWN, WaveState.SETTLED):
            raise BadAwardMessage(wave=message.wave, reason="not_drawn")
        if wave.state is WaveState.SETTLED:
            log.info("awards_late", extra={"wave": wave.number, "batch": message.batch})
            return
        turns = self._turns(message, self._store.draw(wave.number))
        calendar = Calendar(self._programme.calendar, self._store.exceptions()[1])
        regular_number = calendar.regular_number(planned(wave))
        self._decisions.mark_left_out(turns, wave.number, budget)
        outcomes = [turn.known or self._decisions.decide(wave, regular_number, turn, budget) for turn in turns]
        awarded = AwardedBatch(len(outcomes), outcomes.count(EntryOutcome.CHOSEN))
        self._store.put_awarded(wave.number, message.batch, awarded)
        log.info("awards_decided", extra={"wave": wave.number, "batch": message.batch, "chosen": awarded.chosen})

    def _turns(self, message: Message, draw: DrawResult) -> list[Turn]:
        entries = self._entries.of_people(message.wave, message.people)
        found = []
        for who in set(message.people):
            entry = entries.get(who)
            own = leaf(message.wave, entry.region, entry.ticket) if entry else b""
            seat = drawn_seat(draw, entry.region, own) if entry else None
            if entry is None or seat is None:
                raise BadAwardMessage(wave=message.wave, reason="nobody_drawn")
            found.append((seat, Turn(who, entry.region, seat.seat, entry.outcome)))
        return [turn for _, turn in sorted(found, key=lambda one: one[0])]


def consume(
    records: Iterable[Mapping[str, Any]],
    batches: AwardBatches,
    now: datetime,
    deadline_s: float,
    seconds: Callable[[], float] = time.monotonic,
) -> dict[str, list[dict[str, str]]]:
    """Decide the batches of these messages (see `queues.consume`); one about who was not drawn is refused."""
    budget = TimeBudget(now, deadline_s, seconds)

    def take(body: str) -> None:
        batches.process(decode_message(body), budget)

    return queues.consume("awards", records, take, refused=(BadAwardMessage,))
