"""The verifier names every kind of fraud by exactly its names, and accepts what a draw does not prove.

docs/draw.md lists what a draw does not prove; each point of it is tried here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest

from chalicelib.draw.cosignatures import Signer
from tests.builders.draws.files import encoded
from tests.builders.draws.verify_draw import program
from tests.conftest import ROOT

from .cheat import CLOSES, HONEST, SEEN, UNSETTLED, WITNESSES, Facts, Wave, joined, ticket
from .frauds import FRAUDS, ONE_LESS, ONE_MORE, Fraud, fraud, with_list
from .verifiers import by_single_file

GOOD = {"a settled wave": fraud(HONEST), "a wave that was drawn": fraud(UNSETTLED)}


@pytest.mark.parametrize("wave", GOOD.values(), ids=GOOD)
def test_a_good_wave_is_accepted(wave: Fraud) -> None:
    assert by_single_file(wave.files, wave.facts) == set()


@pytest.mark.parametrize("kind", FRAUDS)
def test_each_fraud_is_named(kind: str) -> None:
    planted = FRAUDS[kind]
    assert by_single_file(planted.files, planted.facts) == planted.names


def test_there_are_more_than_forty_kinds_and_no_two_are_the_same_files() -> None:
    assert len(FRAUDS) > 40
    assert len({tuple(sorted(one.files.items())) + (str(one.facts),) for one in FRAUDS.values()}) == len(FRAUDS)


SECTION = (ROOT / "docs/draw.md").read_text().partition("## What the draw proves, and what it does not\n")[2]
POINTS = dict(re.findall(r"^([0-9]+)\. \*([^*]+)\*", SECTION, re.MULTILINE))
"""What is not proven: number to the words that begin it."""

Case = tuple[str, str, Mapping[str, bytes], Facts]


def of(wave: Wave) -> Mapping[str, bytes]:
    return wave.files()


def cosigned_by(signers: list[Signer], wave: Wave) -> Wave:
    return wave.but(cosigned=tuple((one, SEEN) for one in signers))


ONE_LEAF = Facts(receipt=(32, ticket(32, 3)))
NOBODYS = with_list(HONEST, 32, ONE_MORE)
ANOTHER_NOTE = with_list(HONEST, 32, ONE_LESS)
CASES: list[Case] = [
    ("1", "a leaf of nobody", of(NOBODYS), Facts()),
    ("2", "the first who was handed a ticket", of(HONEST), ONE_LEAF),
    ("2", "the second who was handed the same ticket", of(HONEST), ONE_LEAF),
    ("3", "a ticket that wins, in whoever's hand it is now", of(HONEST), Facts(receipt=(11, ticket(11, 0)))),
    ("4", "somebody left out, to all but that one", of(ANOTHER_NOTE), Facts()),
    ("5", "one note, two witnesses in time", of(cosigned_by(WITNESSES[:2], HONEST)), Facts()),
    ("5", "the other, other two in time", of(cosigned_by(WITNESSES[1:], ANOTHER_NOTE)), Facts()),
    ("5", "no witness, where none is demanded", of(HONEST.but(cosigned=())), Facts(quorum=0)),
    ("6", "a freeze forty days after the close", of(HONEST), Facts(closes_at=CLOSES - timedelta(days=40))),
    ("7", "an entry of an hour after the close", of(with_list(HONEST, 33, joined(33, range(21)))), Facts()),
    ("8", "others removed than were told", {**of(HONEST), "removals.json": encoded({"removed": []})}, Facts()),
    (
        "9",
        "a reason that is not true",
        {**of(HONEST), "substitutions.json": of(HONEST)["substitutions.json"].replace(b"family_card", b"ineligible")},
        Facts(),
    ),
    ("11", "substitutions that were taken back", of(UNSETTLED), Facts()),
]


@pytest.mark.parametrize(("point", "what", "files", "facts"), CASES, ids=[case[1] for case in CASES])
def test_an_undetectable_fraud_passes_and_the_page_says_so(
    point: str, what: str, files: Mapping[str, bytes], facts: Facts
) -> None:
    assert POINTS[point], what
    assert by_single_file(files, facts) == set()


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("1", ["belong to nobody", "the files do not show it", "all data of another is confirmed, too"]),
        ("2", ["can be given one ticket"]),
        ("3", ["binds no person", "given or sold to anybody afterwards"]),
        ("4", ["not signed", "decides who gets a receipt"]),
        ("5", ["two notes for one wave", "equivocation", "not that it was the only one", "quorum of 0"]),
        ("6", ["the latest is not", "days or weeks late"]),
        ("8", ["the note does not commit to `removals.json`"]),
        ("9", ["winner who is wrongly called `ineligible`"]),
    ],
)
def test_the_page_names_each_undetectable_fraud(point: str, words: list[str]) -> None:
    text = " ".join(SECTION.partition(f"\n{point}. ")[2].partition(f"\n{int(point) + 1}. ")[0].split())
    assert [one for one in words if one not in text] == []


def test_the_readme_the_page_and_the_output_state_the_limits_too() -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    for words in ("every entry is a person", "no two people got one entry", "every registration stays PENDING"):
        assert words in readme
    assert "no trust in the operator" not in readme
    page = (ROOT / "chalicelib/draw/public/verify.html").read_text()
    assert "You need not take our word" not in page
    for words in (
        "no second note for this wave",
        "not handed to somebody else too",
        "agrees with the civil registry is not",
    ):
        assert words in page
    for words in ("every leaf is a person", "another note of the wave", "how late it was frozen"):
        assert words in program().UNPROVEN
