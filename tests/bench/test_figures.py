"""What the benchmarks print: calls and units, which are the same each time. Times are the machine's and are not tested.

Each runs in a process of its own, as it builds the application from its own environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from bench import active
from bench.harness import Target
from tests.conftest import ROOT


def printed(benchmark: str, *arguments: str) -> dict[str, Any]:
    """A report, of the shape that docs/benchmarks.md has."""
    command = [sys.executable, "-m", f"bench.{benchmark}", *arguments, "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    assert list(report) == ["benchmark", "about", "machine", "tables", "targets"]
    assert all(list(table) == ["title", "rows"] for table in report["tables"])
    assert all(target["met"] for target in report["targets"] if target["condition"])
    assert report["benchmark"] == benchmark
    return report


def figures(report: dict[str, Any], *columns: str) -> dict[str, list[float]]:
    """These columns of the first table, by row."""
    return {name: [row[column] for column in columns] for name, row in report["tables"][0]["rows"].items()}


UNITS = ("read units", "write units", "index units")


@pytest.mark.deep
def test_a_join_makes_two_calls_and_one_write_unit_and_the_others_their_stated_ones() -> None:
    assert figures(printed("join", "4"), "calls", "KMS", *UNITS) == {
        "gelombang": [2, 0, 1, 1, 0],
        "(a) Powertools": [3, 0, 2, 1, 0],
        "(b) one put": [1, 0, 0, 1, 0],
        "(c) FastAPI": [3, 0, 2, 1, 0],
        "(d) pynamodb": [3, 0, 2, 1, 0],
        "gelombang, ordinary": [2, 0, 1, 1, 0],
    }


@pytest.mark.deep
def test_a_payout_costs_what_it_should_and_each_of_its_steps_is_one_transaction() -> None:
    report = printed("payout", "20")
    assert figures(report, "calls", "KMS", *UNITS) == {
        # Both ceilings are touched at every twentieth payout.
        "gelombang": [3.1, 0, 2, 8.1, 2],
        # Three of the six read units are the person's: registration, account, and whether they denied a change.
        "gelombang, people too": [5.1, 1, 6, 8.1, 2],
        "(a) Powertools": [4, 0, 1, 3, 0],
        "(b) get, check, put": [2, 0, 1, 1, 0],
    }
    assert {name: [*row.values()] for name, row in report["tables"][1]["rows"].items()} == {
        "store": [6, 1],
        "claim": [4, 0],
        "settle": [4, 2],
    }
    [month] = report["tables"][2]["rows"].values()
    assert [month[column] for column in ("calls", *UNITS)] == [1.01, 1, 6, 3]


@pytest.mark.deep
def test_an_answer_of_the_civil_registry_costs_three_write_units_however_it_comes() -> None:
    ways = figures(printed("registry", "2", "--rows", "100", "--batch", "100"), *UNITS)
    assert ways["at once"] == ways["together"] == ways["later"] == [1, 2, 1]
    assert ways["approved"] == [1.05, 2.05, 1]


def test_registering_and_get_me_cost_what_the_docs_say() -> None:
    assert figures(printed("me", "4"), "calls", "KMS") == {"PUT /me/registration": [2, 5], "GET /me": [5, 2]}


@pytest.mark.deep
def test_each_way_answers_a_join_after_a_cold_start() -> None:
    [wall, cpu] = zip(*figures(printed("cold", "1"), "wall ms", "CPU ms").values(), strict=True)
    assert len(wall) == 5
    assert min(*wall, *cpu) > 0


@pytest.mark.deep
def test_a_small_draw_is_read_in_one_call_a_partition_and_chosen_alike() -> None:
    report = printed("draw", "--entries", "2000", "--runs", "1")
    read = report["tables"][1]["rows"]["read the wave once"]
    assert (read["calls"], read["read units"]) == (64, 64)
    assert {target["name"].partition(": ")[0] for target in report["targets"]} == {"2,000"}


@pytest.mark.parametrize(
    ("value", "limits", "met"),
    [(1, {"at_most": 1}, True), (1.1, {"at_most": 1}, False), (9, {"at_least": 10}, False), (5, {}, True)],
)
def test_a_target_says_whether_it_is_met(value: float, limits: dict[str, float], met: bool) -> None:
    assert Target(name="", value=value, **limits).met is met


def test_the_table_of_a_million_people_follows_from_the_page_of_costs() -> None:
    assert "\n".join(active.table()) in (ROOT / "docs/costs.md").read_text()
    figures = {name: number for name, number in active.used().items() if number}
    assert figures.keys() == active.USD.keys(), "each price is of something that is used"
