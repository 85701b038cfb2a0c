"""Ways in which a published file can be changed, by accident or by somebody who hopes that nobody looks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.builders.draws.publications import encoded

Mutation = Callable[[Random, str, bytes], bytes]
"""Of a file's name and content; it may happen to change nothing."""


def flipped_bit(random: Random, name: str, content: bytes) -> bytes:
    at = random.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]


def other_byte(random: Random, name: str, content: bytes) -> bytes:
    """Of the kind that is there: a digit for a digit, a letter for a letter."""
    at = random.randrange(len(content))
    kinds = (b"0123456789", b"0123456789abcdef", b"abcdefghijklmnopqrstuvwxyz", bytes(range(256)))
    kind = next(kind for kind in kinds if content[at] in kind)
    return content[:at] + bytes([random.choice(kind)]) + content[at + 1 :]


def deleted(random: Random, name: str, content: bytes) -> bytes:
    start, end = _part(random, content)
    return content[:start] + content[end:]


def inserted(random: Random, name: str, content: bytes) -> bytes:
    at = random.randint(0, len(content))
    what = random.choice(
        [random.randbytes(random.choice([1, 32])), b" ", b"\n", b"0", b",", b"\0", b"\xef\xbb\xbf", b"\r"]
    )
    return content[:at] + what + content[at:]


def truncated(random: Random, name: str, content: bytes) -> bytes:
    unit = 32 if name.endswith(".bin") and random.random() < 0.5 else 1
    return content[: random.randrange(0, len(content), unit)]


def doubled(random: Random, name: str, content: bytes) -> bytes:
    start, end = _part(random, content)
    return content[:end] + content[start:end] + content[end:]


def zeroed(random: Random, name: str, content: bytes) -> bytes:
    start, end = _part(random, content)
    return content[:start] + (b"0" if not name.endswith(".bin") else b"\0") * (end - start) + content[end:]


def parts_swapped(random: Random, name: str, content: bytes) -> bytes:
    a, b, c, d = sorted(random.choices(range(len(content) + 1), k=4))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def _part(random: Random, content: bytes) -> tuple[int, int]:
    start = random.randrange(len(content))
    return start, min(len(content), start + random.choice([1, 1, 2, 32, 64, random.randint(1, len(content))]))


def rows_changed(random: Random, name: str, content: bytes) -> bytes:
    """Two rows swapped, or one doubled, left out, moved or put in place of another: a file of the same form."""
    if name.endswith(".json"):
        return encoded(_with_rows_changed(random, json.loads(content)))
    rows = [content[at : at + 32] for at in range(0, len(content), 32)] if name.endswith(".bin") else None
    return b"".join(_shuffled(random, content.splitlines(keepends=True) if rows is None else rows))


def _with_rows_changed(random: Random, document: Any) -> Any:
    if isinstance(document, list):
        return _shuffled(random, document)
    key = random.choice([name for name, value in document.items() if isinstance(value, list)] or [None])
    return document if key is None else document | {key: _shuffled(random, document[key])}


def _shuffled(random: Random, rows: list[Any]) -> list[Any]:
    rows = list(rows)
    if not rows:
        return rows
    one, other = random.randrange(len(rows)), random.randrange(len(rows))
    kind = random.choice(["swap", "double", "drop", "move", "replace"])
    if kind == "swap":
        rows[one], rows[other] = rows[other], rows[one]
    elif kind == "double":
        rows.insert(other, rows[one])
    elif kind == "drop":
        rows.pop(one)
    elif kind == "move":
        rows.insert(other, rows.pop(one))
    else:
        rows[one] = rows[other]
    return rows


def field_changed(random: Random, name: str, content: bytes) -> bytes:
    """One value changed to another one of its kind, the form kept."""
    if name.endswith(".json"):
        document = json.loads(content)
        holder, key = random.choice(list(_places(document)))
        values = [value[k] for value, k in _places(document)]
        holder[key] = _other_value(random, holder[key], values)
        return encoded(document)
    if name.endswith(".bin"):
        at = random.randrange(0, len(content), 32)
        return content[:at] + random.randbytes(32) + content[at + 32 :]
    places = list(re.finditer(rb"[0-9]+|[A-Za-z0-9+/=]+", content))
    place = random.choice(places)
    value = place.group()
    changed = str(max(0, int(value) + random.choice([-1, 1, 10, -10]))).encode() if value.isdigit() else value[::-1]
    return content[: place.start()] + changed + content[place.end() :]


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value of a document that holds no others."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        if isinstance(value, dict | list):
            yield from _places(value)
        else:
            yield document, key


def _other_value(random: Random, value: Any, others: list[Any]) -> Any:
    alike = [other for other in others if type(other) is type(value)]
    if isinstance(value, int):
        return max(0, random.choice([value + 1, value - 1, value * 2, random.choice(alike), random.randrange(1 << 32)]))
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64,}", value):
        return random.choice([random.randbytes(len(value) // 2).hex(), random.choice(alike), None, value.upper()])
    return random.choice([*alike, None, "open", "31", "revoked", "ineligible", random.randbytes(32).hex()])


MUTATIONS: list[Mutation] = [flipped_bit, other_byte, deleted, inserted, truncated, doubled, zeroed, parts_swapped]
MUTATIONS += [rows_changed, rows_changed, field_changed, field_changed]


def mutants(name: str, content: bytes) -> Iterator[bytes]:
    """Other contents for a file, without an end, the same every time; each once."""
    random = Random(name)
    seen = {content}
    while True:
        mutant = random.choice(MUTATIONS)(random, name, content)
        if random.random() < 0.1:
            mutant = random.choice(MUTATIONS)(random, name, mutant) if mutant and not name.endswith(".json") else mutant
        if mutant not in seen:
            seen.add(mutant)
            yield mutant
