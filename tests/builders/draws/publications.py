"""A good published draw, and ways to tamper with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.draw import note
from tests.builders.draws.files import published_draw, random_lists

LISTS = random_lists(62, {31: 12, 32: 9, 11: 1})
RESERVED = {11: 2, 31: 3, 32: 2, 94: 1}
GOOD = published_draw(62, LISTS, RESERVED, 13, leaving=(0, 1, 3, 8, 10, 10))
"""One region short of its seats, one without entries, and six seats that went on."""


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
