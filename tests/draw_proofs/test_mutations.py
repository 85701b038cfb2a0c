"""A thousand changes of each published file: the verifier accepts none, and has a name for each. So has the page.

A change is left out of the count where the changed file says something else that is true, or that nobody but the
operator can know; those are in docs/draw.md, "What this proves, and what it does not". A test holds that exactly these
are left out: each is accepted.

- `removals.json`: any file of its form. The note does not commit to how many were removed, or why.
- `substitutions.json`: another reason of a row. Fewer rows are an earlier state of the file; here the sample, which was
  drawn after the last of them, tells that there were more.
- `sample.json`: drawn after fewer substitutions, where the same people come out.
- `cosignatures.txt`: the same lines in another order or more than once, and lines of keys that nobody knows. Fewer
  lines than there were show where they are not a quorum any more; here all three witnesses are demanded.

`verify_draw.py` is left out as a whole: it is a program and no part of the draw.

Ways in which a published file can be changed, by accident or by somebody who hopes that nobody looks.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from itertools import islice
from random import Random
from typing import Any

import pytest

from tests.builders.draws.files import encoded
from tests.builders.draws.verify_draw import program

from .cheat import SAMPLED, Facts, Wave, joined, ticket
from .verifiers import NAMES, by_single_file

COUNT = 1000
SOME_OR_ALL = pytest.mark.parametrize(
    "step", [pytest.param(24, id="some"), pytest.param(1, id="all", marks=pytest.mark.deep)]
)
"""Every twenty-fourth change in `make test`, every one in `make test-deep`."""
SEATS = {31: 3, 32: 2, 94: 1}
GOOD = Wave({31: joined(31, range(40)), 32: joined(32, range(9))}, SEATS, quota=9, leaving=(0, 1, 3, 4, 6))
FILES = GOOD.files()
FACTS = Facts(weights=SEATS, quorum=3)
OWN = replace(FACTS, receipt=(31, ticket(31, 5)))
"""What somebody knows who looks for their own entry alone."""
REASONS = {"ineligible", "family_card", "already_beneficiary", "revoked"}


@pytest.fixture(autouse=True)
def beacon_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only depends on the very bytes of a signature and on what it signs is not computed a thousand times."""
    monkeypatch.setattr(program(), "signature_fault", lru_cache(program().signature_fault))


def of_a_stranger(line: bytes) -> bool:
    """Whether it is a cosignature in form, of no key that is known: by another name, or with another key's id."""
    form = re.fullmatch("\u2014 ([!-*,-~]{1,100}) ([A-Za-z0-9+/]{101}[AQgw]==)", line.decode(errors="replace"))
    if form is None:
        return False
    known, body = {one.name: one.id for one in FACTS.witnesses}, b64decode(form[2])
    return known.get(form[1]) != body[:4] and body[4] < 0x80


def says_something_else(name: str, content: bytes) -> bool:
    """Whether a changed file is one that could as well have been published."""
    if name == "cosignatures.txt":
        return {*FILES[name].split(b"\n")} == {line for line in content.split(b"\n") if not of_a_stranger(line)}
    try:
        document = json.loads(content)
        if name not in ("removals.json", "substitutions.json", "sample.json") or encoded(document) != content:
            return False
        if name == "removals.json":
            reasons = [row["reason"] for row in document["removed"]]
            counted = all(type(row["entries"]) is int and 0 < row["entries"] < 1 << 32 for row in document["removed"])
            words = all(reason and not reason.strip("abcdefghijklmnopqrstuvwxyz_") for reason in reasons)
            in_form = [list(row) for row in document["removed"]] == [["reason", "entries"]] * len(reasons)
            return counted and words and in_form and reasons == sorted(set(reasons)) and list(document) == ["removed"]
        if name == "substitutions.json":
            same = [row | {"reason": ""} for row in document] == [row | {"reason": ""} for row in GOOD.rows()]
            return same and all(row["reason"] in REASONS for row in document)
        after, size = document["after_seq"], document["size"]
        outsiders = [own.hex() for own in GOOD.outsiders(GOOD.rows()[:after])]
        return 0 <= after <= len(GOOD.rows()) and size == SAMPLED and document["leaves"] == outsiders[:size]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


@cache
def changed_files(name: str) -> tuple[list[bytes], list[bytes]]:
    """(a thousand that must be noticed, those that were left out on the way)."""
    noticed: list[bytes] = []
    left_out: list[bytes] = []
    for content in islice(mutants(name, FILES[name]), 5 * COUNT):
        if len(noticed) < COUNT:
            (left_out if says_something_else(name, content) else noticed).append(content)
    return noticed, left_out


def several_changed(count: int) -> Iterator[dict[str, bytes]]:
    """Waves of which two or three files are changed, or are not there."""
    random = Random("several")
    for _ in range(count):
        files = dict(FILES)
        for name in random.sample(sorted(FILES), random.choice([2, 2, 3])):
            if random.random() < 0.15:
                del files[name]
            else:
                files[name] = random.choice(changed_files(name)[0])
        yield files


def test_the_files_are_good() -> None:
    assert by_single_file(FILES, FACTS) == by_single_file(FILES, OWN) == set()


@SOME_OR_ALL
@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_noticed_and_named(name: str, step: int) -> None:
    assert len(changed_files(name)[0]) == COUNT
    for content in changed_files(name)[0][::step]:
        assert {*NAMES} >= by_single_file({**FILES, name: content}, FACTS) != set()


@SOME_OR_ALL
@pytest.mark.parametrize("name", [name for name in FILES if name not in ("removals.json", "sample.json")])
def test_a_personal_proof_notices_a_changed_file(name: str, step: int) -> None:
    """Not all is noticed: a personal proof reads no whole list."""
    found = [by_single_file({**FILES, name: content}, OWN) for content in changed_files(name)[0][::step]]
    assert any(found) or name.endswith("/32.bin")
    assert {*NAMES} >= set().union(*found)


@SOME_OR_ALL
@pytest.mark.parametrize("facts", [FACTS, OWN], ids=["a wave", "an entry"])
def test_several_changed_and_missing_files_are_named(facts: Facts, step: int) -> None:
    for files in islice(several_changed(COUNT), 0, None, step):
        found = by_single_file(files, facts)
        assert {*NAMES} >= found
        assert found or facts is OWN


@pytest.mark.parametrize("name", ["removals.json", "substitutions.json", "sample.json", "cosignatures.txt"])
def test_only_undetectable_changes_are_left_out(name: str) -> None:
    contents = changed_files(name)[1]
    assert contents
    assert [one for one in contents if by_single_file({**FILES, name: one}, FACTS)] == []


@pytest.mark.parametrize("name", [name for name in FILES if name != "sample.json"])
def test_a_file_that_is_not_there_is_noticed(name: str) -> None:
    """A sample may not have been drawn yet."""
    assert by_single_file({other: content for other, content in FILES.items() if other != name}, FACTS)


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
