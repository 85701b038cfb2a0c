"""Totals of the waves before this system, by wave and province, from an administrator's file.

A file with a wrong line is refused whole. A wave replaces what was imported of it before: the same file again changes
nothing, and a correction is another import.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..spreadsheets import whole
from .errors import MalformedHistory
from .tally_rules import Past, PastWave

COLUMNS = ("wave", "year", "province", "recipients", "graduates")
FIRST_YEAR = 2020
LARGEST = 99_999_999
"""Of one wave in one province; more is a slip of the pen, in a country of 280 million."""
NAMED_LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class _Line:
    wave: int
    year: int
    province: int
    past: Past


def read(
    lines: Iterable[str], is_province: Callable[[str], bool], is_own: Callable[[int], bool], last_year: int
) -> list[PastWave]:
    """The waves of a CSV whose first line names the columns `COLUMNS`, ascending.

    A line is wrong if a value is no whole number, the year is not from 2020 to `last_year` or differs from the wave's
    other lines, the province is unknown or repeated, graduates exceed recipients, or this system runs the wave itself
    (`is_own`). Raises `MalformedHistory` naming the wrong lines.
    """
    rows = csv.reader(whole(lines), strict=True)
    taken: dict[int, dict[int, Past]] = {}
    years: dict[int, int] = {}
    wrong: list[int] = []
    try:
        if tuple(next(rows, ())) != COLUMNS:
            raise MalformedHistory(wrong=1, lines="1")
        for row in rows:
            line = _line(row)
            if (
                line is None
                or not FIRST_YEAR <= line.year <= last_year
                or years.setdefault(line.wave, line.year) != line.year
                or not is_province(f"{line.province:02d}")
                or line.province in taken.setdefault(line.wave, {})
                or is_own(line.wave)
            ):
                wrong.append(rows.line_num)
                continue
            taken[line.wave][line.province] = line.past
    except (csv.Error, UnicodeDecodeError):
        raise MalformedHistory(wrong=1, lines=str(rows.line_num + 1)) from None
    if not taken and not wrong:
        wrong.append(2)
    if wrong:
        raise MalformedHistory(wrong=len(wrong), lines=", ".join(map(str, wrong[:NAMED_LINES_MAX])))
    return [PastWave(number, years[number], regions) for number, regions in sorted(taken.items())]


def _line(row: list[str]) -> _Line | None:
    """The five numbers of a line, in digits; None if that is not what it has, or if they contradict each other."""
    cells = [cell.strip() for cell in row]
    if len(cells) != len(COLUMNS) or not all(cell.isascii() and cell.isdigit() and len(cell) <= 9 for cell in cells):
        return None
    wave, year, province, recipients, graduates = map(int, cells)
    if wave == 0 or recipients > LARGEST or graduates > recipients:
        return None
    return _Line(wave, year, province, Past(recipients, graduates))
