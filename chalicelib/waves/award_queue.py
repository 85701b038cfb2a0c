"""Awards in batches over a queue, ahead of the walk, which has the last word (decision 024).

The step queues the winners of a big wave, ids and numbers only, and consumers decide them in parallel. When every batch
is done, the walk finds nearly everything decided. The order of two winners matters only for a family card's last place.
So a family is in one batch, in the order of the draw. All others may be decided in any order.

A message is not trusted. The entry and the stored draw say who was drawn, and for which seat; a message that names
anybody else is refused as a whole. A message may come twice, late, or be left half-way: decisions stay, and the next
reader continues.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..aws import queues
from ..aws.queues import Queue
from ..config import Programme
from ..draw.selection import DrawResult, drawn_seat
from ..figures.waves import AWARD_BATCH_MAX, AwardRules
from ..time_budget import TimeBudget
from .award import AT_ONCE, ONE_AWARD_S, Award, Decisions, Turn, Walk
from .calendar import Calendar
from .entries import EntryStore
from .errors import BadAwardMessage
from .plan_rules import scheme_of
from .rules import AwardedBatch, EntryOutcome, Wave, WaveState
from .store import WaveStore

log = logging.getLogger(__name__)

SENDS_MAX = 3
"""Sent so often and still not all decided, a wave is awarded by the walk alone, so that the queue never holds it up."""


class AwardQueueing:
    """The award of a drawn wave, by the queue first where that is quicker."""

    def __init__(
        self, store: WaveStore, award: Award, decisions: Decisions, entries: EntryStore, queue: Queue, rules: AwardRules
    ) -> None:
        self._store = store
        self._award = award
        self._decisions = decisions
        self._entries = entries
        self._queue = queue
        self._rules = rules

    def run(self, wave: Wave, draw: DrawResult, scheme: str, budget: TimeBudget) -> Walk | None:
        """Settle every seat, with the results and errors of `Award.walk`; None while the wave waits for batches.

        Raises `Unavailable` if not all could be queued: the next step queues what is missing.
        """
        done = set(self._store.awarded(wave.number)) if wave.award_sends else set[int]()
        whole = wave.award_sends > 0 and done.issuperset(range(1, wave.award_batches + 1))
        if self._waits(wave, whole, budget):
            facts = {"wave": wave.number, "batches": wave.award_batches, "done": len(done)}
            log.info("awards_under_way", extra=facts)
            return None
        seats = self._award.seats(wave, draw)
        turns = seats.turns()
        if not whole and self._is_worth_it(wave, turns) and self._send(wave, turns, done, budget):
            return None
        if wave.award_sends and not whole:
            self._decisions.set_missing_standings(turns, wave, scheme, budget)
        return self._award.walk(wave, seats, scheme, budget)

    def _waits(self, wave: Wave, whole: bool, budget: TimeBudget) -> bool:
        if wave.awards_sent_at is None or whole:
            return False
        return budget.now() < wave.awards_sent_at + timedelta(seconds=self._rules.resend_after_s)

    def _is_worth_it(self, wave: Wave, turns: Sequence[Turn]) -> bool:
        if sum(turn.known is None for turn in turns) <= self._rules.ahead_from:
            return False
        if wave.award_sends >= SENDS_MAX:
            log.error("awards_queue_given_up", extra={"wave": wave.number, "sends": wave.award_sends})
            return False
        return True

    def _send(self, wave: Wave, turns: Sequence[Turn], done: set[int], budget: TimeBudget) -> bool:
        """Queue the batches that are neither recorded as done nor decided; False if there are none."""
        budget.need(ONE_AWARD_S)
        undecided = {turn.registrant_id for turn in turns if turn.known is None}
        people = [turn.registrant_id for turn in turns]
        batches = in_batches(people, self._family_cards(wave, people, budget), self._rules.batch)
        missing = [
            Message(wave.number, number, tuple(batch))
            for number, batch in enumerate(batches, 1)
            if number not in done and not undecided.isdisjoint(batch)
        ]
        if not missing:
            return False
        # Queued before it is recorded: if a step dies in between, the next minute's step does it again.
        self._queue.send(list(map(encode_message, missing)))
        self._store.awards_sent(wave, len(batches), budget.now())
        log.info("awards_sent", extra={"wave": wave.number, "batches": len(missing), "people": len(undecided)})
        return True

    def _family_cards(self, wave: Wave, people: Sequence[str], budget: TimeBudget) -> dict[str, str]:
        cards: dict[str, str] = {}
        for start in range(0, len(people), AT_ONCE):
            budget.need(ONE_AWARD_S)
            entries = self._entries.of_people(wave.number, people[start : start + AT_ONCE])
            cards |= {who: entry.kk_mac for who, entry in entries.items() if entry.kk_mac}
        return cards


def in_batches(people: Sequence[str], cards: Mapping[str, str], size: int) -> list[list[str]]:
    """The people in batches of at most `size`, those on one family card together and in their order.

    Of more than `size` on one card only the first are in a batch; the walk, which comes after, decides the others. The
    same people and cards always give the same batches.
    """
    families: dict[str, list[str]] = {}
    for who in people:
        families.setdefault(cards.get(who, f"alone:{who}"), []).append(who)
    batches: list[list[str]] = []
    for family in families.values():
        if not batches or len(batches[-1]) + len(family) > size:
            batches.append([])
        batches[-1] += family[:size]
    return batches


Who = Annotated[str, Meta(pattern="^[0-9A-Za-z-]{1,36}$")]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """Version 1: a batch of a wave's winners. The reader finds out whether they were drawn.

    `batch` counts from 1.
    """

    wave: Annotated[int, Meta(ge=1, le=999_999)]
    batch: Annotated[int, Meta(ge=1, le=999_999)]
    people: Annotated[tuple[Who, ...], Meta(min_length=1, max_length=AWARD_BATCH_MAX)]


def encode_message(message: Message) -> str:
    return msgspec.json.encode(message).decode()


def decode_message(body: str) -> Message:
    """The inverse. Raises msgspec.DecodeError for anything else, and for another version."""
    return msgspec.json.decode(body, type=Message)


class AwardBatches:
    def __init__(self, programme: Programme, store: WaveStore, entries: EntryStore, decisions: Decisions) -> None:
        self._programme = programme
        self._store = store
        self._entries = entries
        self._decisions = decisions

    def process(self, message: Message, budget: TimeBudget) -> None:
        """Decide who is not decided, and record the batch as done. In a settled wave it changes nothing.

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
        calendar = Calendar(self._programme.calendar, self._store.changes()[1])
        version = scheme_of(wave, calendar, self._programme)
        self._decisions.set_missing_standings(turns, wave, version, budget)
        outcomes = [turn.known or self._decisions.decide(wave, version, turn, budget) for turn in turns]
        awarded = AwardedBatch(len(outcomes), outcomes.count(EntryOutcome.CHOSEN))
        self._store.put_awarded(wave.number, message.batch, awarded)
        log.info("awards_decided", extra={"wave": wave.number, "batch": message.batch, "chosen": awarded.chosen})

    def _turns(self, message: Message, draw: DrawResult) -> list[Turn]:
        entries = self._entries.of_people(message.wave, message.people)
        found = []
        for who in set(message.people):
            entry = entries.get(who)
            own = entry.leaf if entry else b""
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
    """Decide the batches of these messages (see `queues.consume`); refuse one that names people who were not drawn."""
    budget = TimeBudget(now, deadline_s, seconds)

    def take(body: str) -> None:
        batches.process(decode_message(body), budget)

    return queues.consume("awards", records, take, refused=(BadAwardMessage,))
