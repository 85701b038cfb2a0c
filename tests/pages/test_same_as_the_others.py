"""The page's own script draws and verifies like the application and `verify_draw.py` (tests/draw_proofs)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from chalicelib.web.verifier_page import FILE
from tests.builders.draws.random_tables import random_table
from tests.draw_proofs import drawers, verifiers
from tests.draw_proofs.cheat import HONEST, UNSETTLED, Facts
from tests.draw_proofs.frauds import FRAUDS
from tests.draw_proofs.test_mutations import FACTS, FILES, OWN, changed_files, several_changed
from tests.draw_proofs.verifiers import by_single_file, named

SAMPLE = 25
"""Of the thousand changes of each file: the page takes some 40 ms for each, most of it for the beacon's signature."""

Cases = list[tuple[Mapping[str, bytes], Facts]]
Judge = Callable[[Cases, Mapping[str, bytes]], list[set[str]]]


@pytest.fixture(scope="module")
def evaluate(browser: Any) -> Iterator[Callable[[str, object], Any]]:
    """Run a script in the page, opened from the disk."""
    page = browser.new_page()
    page.goto(FILE.as_uri())
    yield page.evaluate
    page.close()


@pytest.fixture(scope="module")
def judge(evaluate: Callable[[str, object], Any]) -> Judge:
    """The names of what fails in each case."""

    def judged(cases: Cases, base: Mapping[str, bytes]) -> list[set[str]]:
        return [named(details) for details in evaluate(verifiers.IN_THE_PAGE, verifiers.for_the_page(cases, base))]

    return judged


def test_the_page_draws_as_the_application_from_a_thousand_tables_and_the_vectors(evaluate) -> None:
    tables = [*map(random_table, range(1000)), *drawers.vector_tables()]
    drawn = evaluate(drawers.IN_THE_PAGE, drawers.for_the_page(tables))
    assert len(drawn) == 1006
    for table, found in zip(tables, drawn, strict=True):
        assert found == drawers.in_the_application(table), table.name


def test_the_page_names_every_fraud(judge: Judge) -> None:
    found = judge([(one.files, one.facts) for one in FRAUDS.values()], HONEST.files())
    assert dict(zip(FRAUDS, found, strict=True)) == {kind: set(one.names) for kind, one in FRAUDS.items()}


def test_the_page_accepts_good_waves(judge: Judge) -> None:
    waves: Cases = [(HONEST.files(), Facts()), (UNSETTLED.files(), Facts()), (FILES, FACTS)]
    assert judge(waves, {}) == [set(), set(), set()]


@pytest.mark.parametrize("name", FILES)
def test_the_page_notices_a_changed_file(judge: Judge, name: str) -> None:
    cases: Cases = [({**FILES, name: content}, FACTS) for content in changed_files(name)[0][:SAMPLE]]
    found = judge(cases, FILES)
    assert all(found)
    assert found == [by_single_file(*case) for case in cases]


def test_the_page_gives_the_same_personal_proof(judge: Judge) -> None:
    """But for nodes that are not there, which it makes of the list."""
    cases: Cases = [({**FILES, name: one}, OWN) for name in FILES for one in changed_files(name)[0][: SAMPLE // 4]]
    cases += [({other: FILES[other] for other in FILES if other != name}, OWN) for name in FILES if "nodes" not in name]
    assert judge(cases, FILES) == [by_single_file(*case) for case in cases]


@pytest.mark.parametrize("facts", [FACTS, OWN], ids=["a wave", "an entry"])
def test_the_page_names_several_changes_at_once_as_the_others_do(judge: Judge, facts: Facts) -> None:
    cases: Cases = [(files, facts) for files in several_changed(2 * SAMPLE) if {"nodes/31.bin"} <= files.keys()]
    for (files, _), names in zip(cases, judge(cases, FILES), strict=True):
        assert names == by_single_file(files, facts)


@pytest.mark.parametrize("name", ["removals.json", "substitutions.json", "sample.json", "cosignatures.txt"])
def test_the_page_accepts_undetectable_changes(judge: Judge, name: str) -> None:
    contents = changed_files(name)[1][:SAMPLE]
    assert judge([({**FILES, name: content}, FACTS) for content in contents], FILES) == [set()] * len(contents)
