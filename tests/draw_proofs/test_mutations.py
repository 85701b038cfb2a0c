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
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache
from itertools import islice
from random import Random

import pytest

from tests.builders.draws.publications import encoded
from tests.builders.draws.verify_draw import program

from .cheat import SAMPLED, Facts, Wave, joined, ticket
from .mutations import mutants
from .verifiers import NAMES, by_single_file

COUNT = 1000
SEATS = {31: 3, 32: 2, 94: 1}
GOOD = Wave({31: joined(31, range(40)), 32: joined(32, range(9))}, SEATS, quota=9, leaving=(0, 1, 3, 4, 6))
FILES = GOOD.files()
FACTS = Facts(weights=SEATS, quorum=3)
OWN = replace(FACTS, receipt=(31, ticket(31, 5)))
"""What somebody knows who looks for their own entry alone."""
REASONS = {"ineligible", "family_card", "already_beneficiary", "revoked"}


@pytest.fixture(autouse=True)
def signatures_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only depends on the very bytes of a signature and on what it signs is not computed a thousand times."""
    for name in ("signature_fault", "ed25519_verifies", "witness_point"):
        monkeypatch.setattr(program(), name, lru_cache(getattr(program(), name)))


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


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_noticed_and_named(name: str) -> None:
    assert len(changed_files(name)[0]) == COUNT
    for content in changed_files(name)[0]:
        assert {*NAMES} >= by_single_file({**FILES, name: content}, FACTS) != set()


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("removals.json", "sample.json")])
def test_whoever_looks_for_their_own_entry_is_told_of_a_changed_file(name: str) -> None:
    """Not all is noticed: a personal proof reads no whole list."""
    found = [by_single_file({**FILES, name: content}, OWN) for content in changed_files(name)[0]]
    assert any(found) or name.endswith("/32.bin")
    assert {*NAMES} >= set().union(*found)


@pytest.mark.parametrize("facts", [FACTS, OWN], ids=["a wave", "an entry"])
def test_several_changed_and_missing_files_are_named(facts: Facts) -> None:
    for files in several_changed(COUNT):
        found = by_single_file(files, facts)
        assert {*NAMES} >= found
        assert found or facts is OWN


@pytest.mark.parametrize("name", ["removals.json", "substitutions.json", "sample.json", "cosignatures.txt"])
def test_what_is_left_out_is_what_nobody_can_notice(name: str) -> None:
    contents = changed_files(name)[1]
    assert contents
    assert [one for one in contents if by_single_file({**FILES, name: one}, FACTS)] == []


@pytest.mark.parametrize("name", [name for name in FILES if name != "sample.json"])
def test_a_file_that_is_not_there_is_noticed(name: str) -> None:
    """A sample may not have been drawn yet."""
    assert by_single_file({other: content for other, content in FILES.items() if other != name}, FACTS)
