"""Exclusion lists: an authority names, by NIK, the people whose office the programme excludes.

A list has a name, a version and the date for which it is true. A NIK is excluded while any list names it. Only the
keyed hash of a NIK is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from itertools import takewhile

from ...aws.admin_acts import Act, Journal
from ...clock import Clock
from ...errors import Malformed
from ...ids import same_person
from ...values import Value
from ...vault import Vault
from ..store import RegistrationStore
from . import rows
from .errors import (
    ExclusionListRetracted,
    RetractionBegun,
    RetractionBySamePerson,
    RetractionNotProposed,
    UnknownExclusionList,
)
from .files import read_niks

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_NAME_RULE = ("huruf kecil dan angka, lalu juga . _ -", "small letters and digits, then also . _ -")
_PART = 1_000
SEGMENTS = 1_024
"""Parts in which a retraction reads the table: with ten million people a part has some 10 MB."""
_WORKERS = 8
"""Rows imported at once: about 400 a second, a small part of what KMS allows the registrations beside it."""


class ExclusionList(Value, frozen=True):
    """One version of a list, such as `civil-servants`, version `2026-11`, true on 1 November 2026."""

    name: str
    version: str
    source_date: date

    def __post_init__(self) -> None:
        for field in ("name", "version"):
            if not _NAME.fullmatch(getattr(self, field)):
                raise Malformed(field=field, reason=_NAME_RULE)

    @property
    def entry(self) -> str:
        """The list as a row names it: `civil-servants/2026-11/2026-11-01`."""
        return f"{self.name}/{self.version}/{self.source_date.isoformat()}"


class ExclusionDeed(StrEnum):
    """What was done to a list: one line before the work, and one after it. A retraction is proposed before."""

    IMPORT = "IMPORT"
    IMPORTED = "IMPORTED"
    PROPOSE = "PROPOSE"
    REJECT = "REJECT"
    RETRACT = "RETRACT"
    RETRACTED = "RETRACTED"


class ExclusionLists:
    """Imports and retracts lists; registrations read the rows themselves. `by` is the caller's IAM identity (ARN)."""

    def __init__(self, store: RegistrationStore, vault: Vault, journal: Journal) -> None:
        self._store = store
        self._vault = vault
        self._journal = journal

    def import_list(
        self,
        source: ExclusionList,
        lines: Iterable[str],
        by: str,
        note: str,
        clock: Clock,
        parts: Callable[[int], Iterable[int]] = range,
    ) -> int:
        """Import a CSV with a column `nik`, all of it or, if any line is wrong, nothing; returns the number of NIKs.

        `parts` says which of so many parts are still to be done, each of a thousand NIKs: first they are imported, and
        if the list was retracted meanwhile, as many parts take it off again.

        Each row is written by itself and adds the list to those of a NIK, so an import that broke off is completed by
        repeating it. Raises `NumbersSpoiled`, `MalformedExclusionList` (names lines, never a NIK), and
        `ExclusionListRetracted`, also if that happened meanwhile: then nobody stays excluded by it.
        """
        niks = read_niks(lines)
        retracted = self._is_retracted(source)
        note, count = f"{len(niks)} NIKs: {note}", self.parts(niks)
        with ThreadPoolExecutor(_WORKERS) as pool:
            # In parts, because a list may have millions of rows; list() raises the workers' errors.
            for part in parts(2 * count):
                if part == 0 and not retracted:
                    self._journal.add(Act(clock(), ExclusionDeed.IMPORT, source.entry, by, note))
                if part == count and not retracted:
                    # The instant is before the check: a retraction that the check misses is later, and finds every row.
                    imported = Act(clock(), ExclusionDeed.IMPORTED, source.entry, by, note)
                    if not self._is_retracted(source):
                        self._journal.add(imported)
                        return len(niks)
                if part >= count or not retracted:
                    act = self._exclude if part < count else self._take_off
                    here = niks[part % count * _PART : (part % count + 1) * _PART]
                    list(pool.map(partial(act, source), here))
        raise ExclusionListRetracted()

    def parts(self, niks: Sequence[str]) -> int:
        """How many parts a list of NIKs has."""
        return -(-len(niks) // _PART)

    def registered(self, niks: Sequence[str], part: int) -> list[str]:
        """Who is registered with a NIK of a part of a list. A keyed hash and a read for each NIK."""
        here = niks[part * _PART : (part + 1) * _PART]
        return self._holders(here, partial(self._vault.mac, "nik"))

    def freed(self, name: str, version: str, parts: Callable[[int], Iterable[int]] = range) -> Iterator[list[str]]:
        """Who is registered with a NIK that nothing but a version of a list names, part by part of the table.

        A read for each NIK. Raises `UnknownExclusionList`.
        """
        entries = {act.about for act in self.acts(name, version)}
        for segment in parts(SEGMENTS):
            yield self._holders(rows.excluded_by(entries, segment, SEGMENTS), str)

    def all(self) -> dict[str, Act]:
        """The latest act of each list that was ever imported, by `name/version/source date`, in this order."""
        latest: dict[str, Act] = {}
        for act in self._journal.all():
            latest.setdefault(act.about, act)
        return dict(sorted(latest.items()))

    def acts(self, name: str, version: str) -> list[Act]:
        """All acts on a version of a list, newest first. Raises `UnknownExclusionList`."""
        found = [act for act in self._journal.all() if act.about.startswith(f"{name}/{version}/")]
        if not found:
            raise UnknownExclusionList(name=name, version=version)
        return found

    def propose(self, name: str, version: str, by: str, note: str, now: datetime) -> None:
        """Propose to retract a version of a list; the newest proposal counts. Raises `UnknownExclusionList`."""
        for entry in {act.about for act in self.acts(name, version)}:
            self._journal.add(Act(now, ExclusionDeed.PROPOSE, entry, by, note))

    def proposed(self, name: str, version: str) -> Act:
        """Who last proposed to retract a version, and why. Raises `UnknownExclusionList`, `RetractionNotProposed`.

        Once its retraction has begun, nothing takes a proposal away, so that what is half done can be finished.
        """
        acts = self.acts(name, version)
        since = {act.deed for act in takewhile(lambda act: act.deed != ExclusionDeed.PROPOSE, acts)}
        latest = next((act for act in acts if act.deed == ExclusionDeed.PROPOSE), None)
        if latest is None or (ExclusionDeed.REJECT in since and not since & _RETRACTIONS):
            raise RetractionNotProposed()
        return latest

    def reject(self, name: str, version: str, by: str, note: str, now: datetime) -> None:
        """Take the proposal to retract a version away, one's own or another's. Raises as `proposed`, and
        `RetractionBegun` once it is carried out, also if that began meanwhile: that is finished.
        """
        proposed = self.proposed(name, version)
        for done in (False, True):
            acts = self.acts(name, version)
            if any(act.deed in _RETRACTIONS and act.at >= proposed.at for act in acts):
                raise RetractionBegun()
            for entry in {act.about for act in acts} if not done else ():
                self._journal.add(Act(now, ExclusionDeed.REJECT, entry, by, note))

    def retract(
        self,
        name: str,
        version: str,
        by: str,
        clock: Clock,
        parts: Callable[[int], Iterable[int]] = range,
        freed: Counter[str] | None = None,
    ) -> int:
        """Retract a version of a list that another person proposed to, for good; returns how many NIKs it named.

        `parts` says which of so many parts of the table are still to be read, and `freed` how many NIKs each list named
        in those before. People on another list, or on another version, stay excluded. A retraction that broke off is
        completed by repeating it. Raises as `proposed`, and `RetractionBySamePerson`.
        """
        proposed = self.proposed(name, version)
        if same_person(proposed.by, by):
            raise RetractionBySamePerson()
        note = f"{proposed.by}: {proposed.note}"
        freed = Counter() if freed is None else freed
        # One that is imported meanwhile, under another date, only adds parts: none of these is left out.
        entries = sorted({act.about for act in self.acts(name, version)})
        for part in parts(len(entries) * SEGMENTS):
            entry, segment = entries[part // SEGMENTS], part % SEGMENTS
            if segment == 0:
                self._journal.add(Act(clock(), ExclusionDeed.RETRACT, entry, by, note))
            freed[entry] += rows.include_again(entry, segment, SEGMENTS)
            if segment == SEGMENTS - 1:
                self._journal.add(Act(clock(), ExclusionDeed.RETRACTED, entry, by, f"{freed[entry]} NIKs: {note}"))
        return freed.total()

    def check_not_retracted(self, source: ExclusionList) -> None:
        """Raises `ExclusionListRetracted` if the version was ever retracted, whatever its date."""
        if self._is_retracted(source):
            raise ExclusionListRetracted()

    def _is_retracted(self, source: ExclusionList) -> bool:
        version = f"{source.name}/{source.version}/"
        return any(act.deed in _RETRACTIONS and act.about.startswith(version) for act in self._journal.all())

    def _exclude(self, source: ExclusionList, nik: str) -> None:
        rows.exclude(self._vault.mac("nik", nik), source.entry)

    def _take_off(self, source: ExclusionList, nik: str) -> None:
        rows.take_off(self._vault.mac("nik", nik), source.entry)

    def _holders(self, named: Iterable[str], mac: Callable[[str], str]) -> list[str]:
        with ThreadPoolExecutor(_WORKERS) as pool:
            return [who for who in pool.map(lambda one: self._store.holder("nik", mac(one)), named) if who]


_RETRACTIONS = frozenset({ExclusionDeed.RETRACT, ExclusionDeed.RETRACTED})
