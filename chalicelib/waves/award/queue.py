"""Awards in batches over a queue, ahead of the walk, which stays the authority (decision 024).

The step queues the winners of a big wave, ids and numbers only, and consumers decide them in parallel. When every batch
is marked, the walk finds nearly everything decided. The order of two winners decides one thing only: who gets a family
card's last place. So a family is in one batch, in the order of the draw. All others may be decided in any order.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from ...aws.queues import Queue
from ...config import AWARD_BATCH_MAX, AwardRules
from ...draw.selection import DrawResult
from ...time_budget import TimeBudget
from ..entries import EntryStore
from ..rules import Wave
from ..store import WaveStore
from .award import Award, Walk
from .decisions import AT_ONCE, ONE_AWARD_S, Decisions, Turn

log = logging.getLogger(__name__)

SENDS_MAX = 3
"""Sent so often and still not all decided, a wave is awarded by the walk alone: the queue must never hold it up."""


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

    def run(self, wave: Wave, draw: DrawResult, regular_number: int, budget: TimeBudget) -> Walk | None:
        """Settle every seat, as `Award.run` does and raises; None while batches are out and the wave must wait.

        Raises `Unavailable` if not all could be queued: the next step queues what is missing.
        """
        marked = set(self._store.awarded(wave.number)) if wave.award_sends else set[int]()
        whole = wave.award_sends > 0 and marked.issuperset(range(1, wave.award_batches + 1))
        if self._waits(wave, whole, budget):
            facts = {"wave": wave.number, "batches": wave.award_batches, "done": len(marked)}
            log.info("awards_under_way", extra=facts)
            return None
        seats = self._award.seats(wave, draw)
        turns = seats.turns()
        if not whole and self._is_worth_it(wave, turns) and self._send(wave, turns, marked, budget):
            return None
        if wave.award_sends and not whole:
            self._decisions.mark_left_out(turns, wave.number, budget)
        return self._award.walk(wave, seats, regular_number, budget)

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

    def _send(self, wave: Wave, turns: Sequence[Turn], marked: set[int], budget: TimeBudget) -> bool:
        """Queue the batches that are neither marked nor decided; False if there are none."""
        budget.need(ONE_AWARD_S)
        undecided = {turn.registrant_id for turn in turns if turn.known is None}
        people = [turn.registrant_id for turn in turns]
        batches = in_batches(people, self._family_cards(wave, people, budget), self._rules.batch)
        missing = [
            Message(wave.number, number, tuple(batch))
            for number, batch in enumerate(batches, 1)
            if number not in marked and not undecided.isdisjoint(batch)
        ]
        if not missing:
            return False
        # Queued before it is written down: a step that dies in between is made up for by the next minute's.
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

    Of more than `size` on one card only the first are in a batch: the others are left to the walk, which comes after.
    The same people and cards are always the same batches.
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
    """Version 1: a batch of a wave's winners, whoever they are. Whether they were drawn is for the reader to find out.

    `batch` counts from 1.
    """

    wave: Annotated[int, Meta(ge=1, le=999_999)]
    batch: Annotated[int, Meta(ge=1, le=999_999)]
    people: Annotated[tuple[Who, ...], Meta(min_length=1, max_length=AWARD_BATCH_MAX)]


def encode_message(message: Message) -> str:
    """The body of a message."""
    return msgspec.json.encode(message).decode()


def decode_message(body: str) -> Message:
    """The inverse; raises msgspec.DecodeError for what is no message or one of another version."""
    return msgspec.json.decode(body, type=Message)
