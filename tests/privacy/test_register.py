"""The record of processing has every table and kind, docs/privacy.md says the same, and what is shown is bounded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib import tables
from chalicelib.config import load_programme
from chalicelib.privacy.rules import Ground, Kept, law, register, term
from tests.builders.lives import table_names
from tests.conftest import ROOT

PAGE = (ROOT / "docs/privacy.md").read_text()
KEPT = register().kept
FIGURES = load_programme("production").retention


def erased(kept: Kept) -> str:
    """What becomes of a kind when its person is erased."""
    if kept.leaves:
        return "the person goes from the set"
    strips = f", without `{'`, `'.join(kept.strips)}`" if kept.strips else ""
    return {"always": "stays", "chosen": "stays of who was chosen", None: "goes"}[kept.stays] + strips


def row(kind: str, kept: Kept) -> str:
    """The line of the page about a kind."""
    days, readers = term(kept, FIGURES)[1], register().readers[kept.readers][1]
    where, gone = f"{kept.table}: `{kept.key}`", erased(kept)
    cells = (kind, where, kept.source, kept.purpose[1], kept.ground, days, readers, gone)
    return f"| {' | '.join(cells)} |"


def test_every_table_of_the_data_stack_is_shown_or_left_out_for_a_reason() -> None:
    shown = {kept.table for kept in KEPT.values()}
    assert shown | register().left_out.keys() == set(table_names())
    assert set(table_names()) - shown == {"runs", "journal"}
    assert all(reason for reasons in register().left_out.values() for reason in reasons.values())


def test_the_page_has_exactly_the_rows_of_the_record() -> None:
    table = PAGE.partition("## The record of processing")[2].partition("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| ")][1:] == [row(*one) for one in KEPT.items()]
    left = PAGE.partition("## What is not shown")[2].partition("\n## ")[0]
    reasons = [(table, key, why) for table, of in register().left_out.items() for key, why in of.items()]
    assert [line for line in left.splitlines() if line.startswith("| ")][1:] == [
        f"| {table} | {f'`{key}`' if key != '/' else 'all'} | {why} |" for table, key, why in reasons
    ]


@pytest.mark.parametrize("kind", KEPT)
def test_a_kind_is_described_in_both_languages(kind: str) -> None:
    kept = KEPT[kind]
    assert kept.purpose[0] != kept.purpose[1]
    assert kept.term in register().terms
    assert kept.readers in register().readers
    assert law(kept.ground)[-1] in "abcdef"


def test_whatever_stays_under_a_keyed_hash_of_the_nik_is_told_with_its_ground_and_term() -> None:
    told = {kind: kept.told for kind, kept in KEPT.items() if kept.told is not None}
    assert set(told) == {kind for kind, kept in KEPT.items() if "<nik mac>" in kept.key and kept.stays} | {"nik"}
    for n, language in enumerate(("id", "en")):
        texts = tables.read(ROOT / "chalicelib/notices/mails.toml")["account_deleting"][language]["stays"]
        assert texts.keys() == told.keys()
        for kind, words in told.items():
            until = re.split("terpilih, |chosen ", term(KEPT[kind], FIGURES)[n])[-1]
            for part in (words[n], law(KEPT[kind].ground), until):
                assert part[1:] in texts[kind], (kind, language)


def test_nothing_of_the_record_is_unused() -> None:
    assert register().terms.keys() == {kept.term for kept in KEPT.values()}
    assert register().readers.keys() == {kept.readers for kept in KEPT.values()}
    assert {kept.ground for kept in KEPT.values()} == set(Ground) - {Ground.AGREEMENT}


def test_every_domain_gives_its_part() -> None:
    parts = {path.parent.name for path in (Path(ROOT) / "chalicelib").glob("*/personal_data.py")}
    domains = {path.parent.name for path in (Path(ROOT) / "chalicelib").glob("*/rules.py")}
    assert domains - parts == {"privacy", "civil_registry"}  # whose answers are kept with the registration
