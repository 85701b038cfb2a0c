"""The file of an exclusion list: a CSV with a column of NIKs."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from ... import typed_text
from ...spreadsheets import check_digits, whole
from ..errors import MalformedNik
from ..identity import parse_nik
from .errors import MalformedExclusionList

_HEADINGS = frozenset({"NIK", "NONIK", "NOMORNIK", "NIKKTP", "NOKTP", "NOMORKTP", "NOMORINDUKKEPENDUDUKAN"})
"""Headings of a column of NIKs, without spaces, dots and dashes."""
_NIK_DIGITS = 16
_NAMED_LINES_MAX = 20


def read_niks(lines: Iterable[str]) -> list[str]:
    """The distinct NIKs of a CSV whose first line names its columns.

    It also reads what a spreadsheet adds without loss: ="3201...", '3201..., spaces, empty columns and lines, headings
    in other letters. Raises `NumbersSpoiled`, `MalformedExclusionList`.
    """
    rows = csv.DictReader(whole(lines), strict=True)
    cells: dict[int, str] = {}
    try:
        columns = [column for column in rows.fieldnames or () if _heading(column) in _HEADINGS]
        if len(columns) != 1:
            raise MalformedExclusionList(wrong=1, lines="1")
        for row in rows:
            if any(row.values()):
                cells[rows.line_num] = typed_text.identifier(row[columns[0]] or "").lstrip("='\"").rstrip("'\"")
    except (csv.Error, UnicodeDecodeError):
        # Without its cause, which would quote the file.
        raise MalformedExclusionList(wrong=1, lines=str(rows.line_num + 1)) from None
    check_digits(list(cells.values()), _NIK_DIGITS)
    niks: dict[str, None] = {}
    wrong: list[int] = [] if cells else [2]
    for line, cell in cells.items():
        try:
            niks[parse_nik(cell)] = None
        except MalformedNik:
            wrong.append(line)
    if wrong:
        named = ", ".join(str(line) for line in wrong[:_NAMED_LINES_MAX])
        raise MalformedExclusionList(wrong=len(wrong), lines=named)
    return list(niks)


def _heading(column: str) -> str:
    return re.sub("[^A-Z]", "", typed_text.compact(column))
