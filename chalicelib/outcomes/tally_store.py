"""Tallies and statistics in DynamoDB.

| pk / sk | what |
|---|---|
| `ROUND` / `ROUND` | the round of counting: its number, when it began and ended |
| `TALLY#<wave>` / `<shard>`, `JOINED` | one part of a wave, counted in one go; `TALLY#REGISTERED` likewise |
| `TALLIES` / `<wave>` | the sum of a wave's parts; it stays when the parts are no longer counted |
| `STATISTICS` / `COUNTRY`, `WAVE#<wave>` | what is published, as it is answered |
| `STATISTICS_CSV` / `WAVE#<wave>` | a wave's lines of `/statistics.csv` |
| `HISTORY` / `<wave>` | imported totals of a wave before this system |

Waves in six digits, `REGISTERED` in their place for registrations. Each item is written whole, and never over one of a
later round: a run that was overtaken changes nothing.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute

from ..aws.admin_acts import ActColumns
from ..aws.dynamodb import find, save_if
from ..clock import iso, parse_iso
from .store import OutcomesTable
from .tally_rules import Past, PastWave, Tally

log = logging.getLogger(__name__)

REGISTERED = "REGISTERED"
COUNTRY = "COUNTRY"


class RoundItem(OutcomesTable):
    """Which round it is."""

    number = NumberAttribute()
    began_at = UnicodeAttribute()
    ended_at = UnicodeAttribute(null=True)


class TallyItem(OutcomesTable):
    """Counts by province, compressed JSON; of a part, or of a whole wave (then `final` is set)."""

    round = NumberAttribute()
    counts = BinaryAttribute(legacy_encoding=False)
    final = BooleanAttribute(null=True)


class PublishedItem(OutcomesTable):
    """An answer, compressed."""

    round = NumberAttribute()
    content = BinaryAttribute(legacy_encoding=False)


class ImportActItem(OutcomesTable, ActColumns):
    """What an administrator imported."""


class HistoryItem(OutcomesTable):
    """`regions`: JSON, by province the recipients and the graduates."""

    year = NumberAttribute()
    regions = UnicodeAttribute()


class RoundOvertaken(Exception):
    """A later round has begun: what this one still writes is of no use."""


@dataclass(frozen=True, slots=True)
class Round:
    """One pass of counting everything. `ended_at` is set when all of it was published."""

    number: int
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """The sum of a wave's parts, as of a round; `final`: its parts are no longer counted."""

    round: int
    final: bool
    regions: Tally


class TallyStore:
    """Reads and conditional writes."""

    # Rounds

    def round(self) -> Round | None:
        """The latest round, by a consistent read."""
        item = find(RoundItem, "ROUND", "ROUND")
        if item is None:
            return None
        return Round(int(item.number), parse_iso(item.began_at), parse_iso(item.ended_at) if item.ended_at else None)

    def begin(self, before: Round | None, now: datetime) -> Round:
        """The round after `before`; if another run has begun it, that one."""
        number = before.number + 1 if before else 1
        item = RoundItem("ROUND", "ROUND", number=number, began_at=iso(now))
        if save_if(item, RoundItem.number == before.number if before else RoundItem.pk.does_not_exist()):
            return Round(number, now)
        begun = self.round()
        assert begun is not None, "the condition failed, so there is one"  # noqa: S101 - for the type checker
        return begun

    def end(self, done: Round, now: datetime) -> None:
        """Everything of this round is published. Raises `RoundOvertaken`."""
        item = RoundItem("ROUND", "ROUND", number=done.number, began_at=iso(done.began_at), ended_at=iso(now))
        if not save_if(item, RoundItem.number == done.number):
            raise RoundOvertaken

    # Tallies; `of` is a wave in six digits, or `REGISTERED`

    def parts(self, of: str, number: int) -> dict[str, Tally]:
        """The parts that this round has counted, by name. One query."""
        items = TallyItem.query(f"TALLY#{of}", filter_condition=TallyItem.round == number, consistent_read=True)
        return {item.sk: _unpacked(item.counts, dict[int, dict[str, int]]) for item in items}

    def put_part(self, of: str, name: str, number: int, tally: Tally) -> None:
        """Write a part whole. Raises `RoundOvertaken`."""
        _put(TallyItem(f"TALLY#{of}", name, round=number, counts=_packed(tally)))

    def wholes(self) -> dict[str, Whole]:
        """The sums there are, by wave (and of the registrations), of whatever round."""
        return {
            item.sk: Whole(int(item.round), bool(item.final), _unpacked(item.counts, dict[int, dict[str, int]]))
            for item in TallyItem.query("TALLIES", consistent_read=True)
        }

    def put_whole(self, of: str, whole: Whole) -> None:
        """Write a sum whole. Raises `RoundOvertaken`."""
        _put(TallyItem("TALLIES", of, round=whole.round, counts=_packed(whole.regions), final=whole.final))

    # What is published

    def publish(self, name: str, number: int, answer: msgspec.Struct) -> None:
        """Replace `COUNTRY` or a wave's (in six digits). Raises `RoundOvertaken`."""
        _put(PublishedItem("STATISTICS", name, round=number, content=_packed(answer)))

    def publish_lines(self, wave: str, number: int, lines: str) -> None:
        """Replace a wave's lines of the CSV. Raises `RoundOvertaken`."""
        _put(PublishedItem("STATISTICS_CSV", wave, round=number, content=_packed(lines)))

    def published(self, name: str, kind: type[Any]) -> Any:
        """An answer of this type; None if there is none, or one of another release's form. One read, moments late."""
        item = find(PublishedItem, "STATISTICS", name, consistent=False)
        try:
            return _unpacked(item.content, kind) if item else None
        except msgspec.ValidationError:
            log.warning("statistics_of_another_form", extra={"answer": name})
            return None

    def lines(self) -> Iterator[str]:
        """Every wave's lines, ascending; one query for each megabyte."""
        for item in PublishedItem.query("STATISTICS_CSV"):
            yield _unpacked(item.content, str)

    # History

    def history(self) -> list[PastWave]:
        """Every wave that was imported, ascending."""
        return [
            PastWave(int(item.sk), int(item.year), msgspec.json.decode(item.regions, type=dict[int, Past]))
            for item in HistoryItem.query("HISTORY", consistent_read=True)
        ]

    def put_history(self, wave: PastWave) -> None:
        """Replace what was imported of a wave."""
        regions = msgspec.json.encode(wave.regions).decode()
        HistoryItem("HISTORY", f"{wave.number:06d}", year=wave.year, regions=regions).save()


def _put(item: TallyItem | PublishedItem) -> None:
    kind = type(item)
    if not save_if(item, kind.pk.does_not_exist() | (kind.round <= item.round)):
        raise RoundOvertaken


def _packed(value: Any) -> bytes:
    """A tenth of the JSON, which is mostly names: the fewer units to read and write."""
    return zlib.compress(msgspec.json.encode(value))


def _unpacked(content: bytes, kind: type[Any]) -> Any:
    return msgspec.json.decode(zlib.decompress(content), type=kind)
