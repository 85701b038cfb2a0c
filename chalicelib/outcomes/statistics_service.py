"""The statistics as anybody reads them, with one call; and the totals of the waves before this system, from a CSV file.

A file with a wrong line is refused as a whole. A wave replaces its earlier import: the same file again changes nothing,
and a correction is another import.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from ..aws.admin_acts import Act, Journal, Signed
from ..clock import wib_date
from ..spreadsheets import whole
from ..waves.errors import UnknownWave
from ..waves.service import Waves
from .errors import MalformedHistory
from .statistics_wire import BEFORE_THE_FIRST, HEADER, Statistics, WaveStatistics
from .store import COUNTRY, ImportActItem, TallyStore
from .tally_rules import PastTotals, PastWave

KEPT = timedelta(minutes=5)
"""How long a process may answer from the table that it has read: all waves are many reads, and anybody may ask."""


class PublishedStatistics:
    """Reads what was published, and imports the totals from before. `is_province`: whether a code is a province."""

    def __init__(self, store: TallyStore, waves: Waves, is_province: Callable[[str], bool]) -> None:
        self._store = store
        self._waves = waves
        self._is_province = is_province
        self._kept: tuple[datetime, str] | None = None
        self.journal = Journal(ImportActItem)

    def country(self) -> Statistics:
        """The whole programme; before the first count, an answer that says so. One read."""
        published: Statistics | None = self._store.published(COUNTRY, Statistics)
        return published or BEFORE_THE_FIRST

    def wave(self, number: int) -> WaveStatistics:
        """One wave by province. Raises `UnknownWave` if none is published, as before it is settled. One read."""
        published: WaveStatistics | None = self._store.published(f"WAVE#{number:06d}", WaveStatistics)
        if published is None:
            raise UnknownWave(wave=number)
        return published

    def csv(self, now: datetime) -> str:
        """Every wave and province, a line each, below a line with the names of the columns. At most one query in
        `KEPT`.
        """
        if self._kept is None or not timedelta(0) <= now - self._kept[0] < KEPT:
            self._kept = now, HEADER + "".join(self._store.lines())
        return self._kept[1]

    def import_history(self, lines: Iterable[str], now: datetime, signed: Signed | None = None) -> list[PastWave]:
        """Import a file of past totals, all of it or nothing; returns its waves. Raises `MalformedHistory`.

        It is written wave by wave: an import that broke off is completed by repeating it. It shows from the next count
        on.
        """
        first_own = min((wave.number for wave in self._waves.records()), default=None)

        def is_own(number: int) -> bool:
            return first_own is not None and number >= first_own

        waves = read_history(lines, self._is_province, is_own, wib_date(now).year)
        if signed is not None:
            about = f"waves {', '.join(str(wave.number) for wave in waves)}"
            self.journal.add(Act(now, "IMPORT_HISTORY", about, signed.by, signed.note))
        for wave in waves:
            self._store.put_history(wave)
        return waves


COLUMNS = ("wave", "year", "province", "recipients", "graduates")
FIRST_YEAR = 2020
LARGEST = 99_999_999
"""The most people of one wave in one province; a larger number is a slip, in a country of 280 million."""
NAMED_LINES_MAX = 20


def read_history(
    lines: Iterable[str], is_province: Callable[[str], bool], is_own: Callable[[int], bool], last_year: int
) -> list[PastWave]:
    """The waves of a CSV whose first line names the columns `COLUMNS`, ascending.

    A line is wrong if a value is no whole number, the year is not from 2020 to `last_year` or differs from the wave's
    other lines, the province is unknown or repeated, graduates exceed recipients, or this system runs the wave itself
    (`is_own`). Raises `MalformedHistory` naming the wrong lines.
    """
    rows = csv.reader(whole(lines), strict=True)
    taken: dict[int, dict[int, PastTotals]] = {}
    years: dict[int, int] = {}
    wrong: list[int] = []
    try:
        if tuple(next(rows, ())) != COLUMNS:
            raise MalformedHistory(wrong=1, lines="1")
        for row in rows:
            numbers = _numbers(row)
            if numbers is None:
                wrong.append(rows.line_num)
                continue
            wave, year, province, *people = numbers
            if (
                not FIRST_YEAR <= year <= last_year
                or years.setdefault(wave, year) != year
                or not is_province(f"{province:02d}")
                or province in taken.setdefault(wave, {})
                or is_own(wave)
            ):
                wrong.append(rows.line_num)
                continue
            taken[wave][province] = PastTotals(*people)
    except (csv.Error, UnicodeDecodeError):
        raise MalformedHistory(wrong=1, lines=str(rows.line_num + 1)) from None
    if not taken and not wrong:
        wrong.append(2)
    if wrong:
        raise MalformedHistory(wrong=len(wrong), lines=", ".join(map(str, wrong[:NAMED_LINES_MAX])))
    return [PastWave(number, years[number], regions) for number, regions in sorted(taken.items())]


def _numbers(row: list[str]) -> list[int] | None:
    """The five numbers of a line; None if it has anything else, or if they contradict each other."""
    cells = [cell.strip() for cell in row]
    if len(cells) != len(COLUMNS) or not all(cell.isascii() and cell.isdigit() and len(cell) <= 9 for cell in cells):
        return None
    wave, _, _, recipients, graduates = numbers = [int(cell) for cell in cells]
    return None if wave == 0 or recipients > LARGEST or graduates > recipients else numbers
