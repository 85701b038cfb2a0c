"""A thousand tables: the application and `verify_draw.py` draw alike. The page does too: `test_in_the_browser.py`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.builders.draws.files import CASES
from tests.builders.draws.random_tables import CASES as KINDS
from tests.builders.draws.random_tables import random_table

from .drawers import in_the_application, in_the_single_file, vector_tables

TABLES = [random_table(number) for number in range(1000)]


def test_every_special_case_is_among_the_tables() -> None:
    met = Counter(kind for table in TABLES for kind, is_it in KINDS.items() if is_it(table))
    assert [kind for kind in KINDS if met[kind] < 10] == []


def test_the_application_and_the_single_file_draw_alike_from_a_thousand_tables() -> None:
    for table in TABLES:
        drawn = in_the_application(table)
        assert in_the_single_file(table, drawn["rows"]) == drawn, table.name


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_application_and_the_single_file_draw_what_a_vector_says(case: dict) -> None:
    [table] = [one for one in vector_tables() if one.name == case["name"]]
    drawn = in_the_application(table)
    assert drawn["winners"] == winners_of(case)
    assert in_the_single_file(table, drawn["rows"]) == drawn


def winners_of(case: dict) -> dict[str, str]:
    """Leaf to seat, as a vector has them."""
    reserved = {leaf: region for region, leaves in case["chosen_reserved"].items() for leaf in leaves}
    return reserved | {row["leaf"]: "open" for row in case["chosen_open"]}


def test_the_single_file_refuses_another_than_the_next_in_line_in_every_table() -> None:
    tried = 0
    for table in TABLES:
        rows = in_the_application(table)["rows"]
        if rows:
            seat, out, into = rows[-1]
            wrong = [*rows[:-1], [seat, out, None if into else rows[0][1]]]
            assert in_the_single_file(table, wrong)["rows"] != wrong, table.name
            tried += 1
    assert tried > 300
