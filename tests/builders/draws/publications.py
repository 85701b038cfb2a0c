"""A good published draw, ways to tamper with it, and the verifier's answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from admin.evidence import Known
from admin.publication import Absent, Unreadable, Watch, bounded
from admin.verify import Check, verify
from chalicelib.config import DrawRules, load_programme
from chalicelib.draw import note
from tests.builders.draws.files import published_draw, random_lists

NOTHING = Known()
PRODUCTION, LOCAL = (load_programme(stage).draw for stage in ("production", "local"))

LISTS = random_lists(62, {31: 12, 32: 9, 11: 1})
RESERVED = {11: 2, 31: 3, 32: 2, 94: 1}
GOOD = published_draw(62, LISTS, RESERVED, 13, leaving=(0, 1, 3, 8, 10, 10))
"""One region short of its seats, one without entries, and six seats that went on."""


class Shelf:
    """A publication in memory."""

    def __init__(self, files: Mapping[str, bytes]):
        self._files = files

    def read(self, name: str, limit: int, watch: Watch | None = None) -> bytes:
        if name not in self._files:
            raise Absent
        bounded(len(self._files[name]), limit, watch)
        if watch:
            watch(self._files[name])
        return self._files[name]

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        content = self.read(name, 1 << 30)
        if len(content) != whole:
            raise Unreadable(f"{len(content)} bytes, not {whole}")
        return content[start : start + length]

    def note_published_at(self) -> datetime | None:
        return None


def checked(files: Mapping[str, bytes], known: Known = NOTHING, rules: DrawRules = PRODUCTION) -> dict[str, Check]:
    """Every check by its name."""
    return {check.name: check for check in verify(Shelf(files), rules, known)}


def failures(files: Mapping[str, bytes], known: Known = NOTHING, rules: DrawRules = PRODUCTION) -> dict[str, str]:
    """What the failed checks say."""
    return {name: check.detail for name, check in checked(files, known, rules).items() if check.ok is False}


def encoded(document: object) -> bytes:
    """JSON in the one way in which it is published."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def edited(name: str, edit: Callable[[Any], object]) -> dict[str, bytes]:
    """The good files with one JSON document changed in place."""
    document = json.loads(GOOD[name])
    edit(document)
    return GOOD | {name: encoded(document)}


def updated(name: str, *place: object, **changes: object) -> dict[str, bytes]:
    """The good files with fields of one JSON object changed; `place` leads to it."""

    def edit(document: Any) -> None:
        for step in place:
            document = document[step]
        document.update(changes)

    return edited(name, edit)


def noted(**changes: Any) -> dict[str, bytes]:
    """The good files with another note, from which another seed and result would follow."""
    return GOOD | {"note.txt": replace(note.parse(GOOD["note.txt"]), **changes).encode()}
