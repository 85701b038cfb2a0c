"""Exclusion lists: who holds an office that the programme excludes, as an authority's list names them by NIK.

A list has a name, a version and the date it is true for. A NIK may be on several lists and is excluded while any names
it. Only the keyed hash of a NIK is kept.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from ..errors import Malformed
from .errors import MalformedExclusionList, MalformedNik
from .identity import parse_nik
from .store import RegistrationStore
from .vault import Vault

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_NAMED_LINES_MAX = 20
_PART = 1_000
_WORKERS = 8
"""Rows imported at once: about 400 a second, a small part of what KMS allows the registrations beside it."""


@dataclass(frozen=True, slots=True)
class ExclusionList:
    """Which list, such as `civil-servants`, version `2026-11`, true on 1 November 2026."""

    name: str
    version: str
    source_date: date

    def __post_init__(self) -> None:
        for field in ("name", "version"):
            if not _NAME.fullmatch(getattr(self, field)):
                raise Malformed(field=field)

    @property
    def entry(self) -> str:
        """As it stands in a row: `civil-servants/2026-11/2026-11-01`."""
        return f"{self.name}/{self.version}/{self.source_date.isoformat()}"


class ExclusionLists:
    """Imports lists; registrations read the rows themselves."""

    def __init__(self, store: RegistrationStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def import_list(self, source: ExclusionList, lines: Iterable[str]) -> int:
        """Import a CSV with a column `nik`, all of it or, if any line is wrong, nothing; returns the number of NIKs.

        Each row is written by itself and adds the list to a NIK's own: an import that broke off, and one that is done
        twice, is made whole by doing it again. Raises `MalformedExclusionList`, which names lines, never a NIK.
        """
        niks = read_niks(lines)
        with ThreadPoolExecutor(_WORKERS) as pool:
            # In parts, because a list may have millions of rows; list() raises what a worker raised.
            for start in range(0, len(niks), _PART):
                list(pool.map(lambda nik: self._exclude(nik, source), niks[start : start + _PART]))
        return len(niks)

    def _exclude(self, nik: str, source: ExclusionList) -> None:
        self._store.exclude(self._vault.mac("nik", nik), source.entry)


def read_niks(lines: Iterable[str]) -> list[str]:
    """The distinct NIKs of a CSV whose first line names its columns. Raises `MalformedExclusionList`."""
    rows = csv.DictReader(lines)
    niks: dict[str, None] = {}
    wrong: list[int] = []
    try:
        if "nik" not in (rows.fieldnames or ()):
            raise MalformedExclusionList(wrong=1, lines="1")
        for row in rows:
            try:
                niks[parse_nik((row["nik"] or "").strip())] = None
            except MalformedNik:
                wrong.append(rows.line_num)
    except (csv.Error, UnicodeDecodeError):
        # The cause is cut off: it would quote what the file holds.
        raise MalformedExclusionList(wrong=1, lines=str(rows.line_num + 1)) from None
    if not niks and not wrong:
        raise MalformedExclusionList(wrong=1, lines="2")
    if wrong:
        named = ", ".join(str(line) for line in wrong[:_NAMED_LINES_MAX])
        raise MalformedExclusionList(wrong=len(wrong), lines=named)
    return list(niks)
