"""The published statistics of a small generated history, counted by the job itself into a store in memory."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import Any

from chalicelib.config import load_programme
from chalicelib.outcomes.statistics_wire import Statistics
from chalicelib.outcomes.store import Round, Whole
from chalicelib.outcomes.tally_rules import Tally
from local import sample


class Kept:
    """What `TallyStore` keeps, in memory."""

    def __init__(self) -> None:
        self._round: Round | None = None
        self._parts: defaultdict[str, dict[str, Tally]] = defaultdict(dict)
        self._wholes: dict[str, Whole] = {}
        self.answers: dict[str, Any] = {}

    def round(self) -> Round | None:
        return self._round

    def begin(self, _before: Round | None, now: datetime) -> Round:
        self._round = Round(1, now)
        return self._round

    def end(self, done: Round, now: datetime) -> None:
        self._round = Round(done.number, done.began_at, now)

    def parts(self, of: str, _number: int) -> dict[str, Tally]:
        return self._parts[of]

    def put_part(self, of: str, name: str, _number: int, tally: Tally) -> None:
        self._parts[of][name] = tally

    def wholes(self) -> dict[str, Whole]:
        return self._wholes

    def put_whole(self, of: str, whole: Whole) -> None:
        self._wholes[of] = whole

    def publish(self, name: str, _number: int, answer: Any) -> None:
        self.answers[name] = answer

    def publish_lines(self, wave: str, _number: int, lines: str) -> None:
        self.answers[f"lines of {wave}"] = lines

    def history(self) -> list[Any]:
        return []


@cache
def of_a_sample(now: datetime, people: int = 20_000, seed: int = 0) -> Statistics:
    """What `GET /statistics` answers after such a history."""
    store = Kept()
    sample.publish(store, load_programme("prod"), now, people, seed)
    found = store.answers["COUNTRY"]
    assert isinstance(found, Statistics)
    return found
