"""What a paid payout may cost, on the real consumer. CPU is compared by `make bench`, where the machine is quiet."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def printed() -> dict[str, list[str]]:
    # A process of its own: the benchmark builds the services from its own environment.
    ran = subprocess.run(
        [sys.executable, "-m", "bench.payout", "20"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {line[:24].strip(): line[24:].split() for line in ran.stdout.splitlines()}


def test_a_paid_payout_makes_one_read_and_two_transactions(printed: dict[str, list[str]]) -> None:
    # And both ceilings are touched at every twentieth payout.
    assert printed["gelombang"][:5] == ["3.10", "0", "2.00", "8.10", "2.00"]


def test_who_is_paid_costs_two_more_reads_and_one_call_to_kms(printed: dict[str, list[str]]) -> None:
    # Three of its six read units are the person's: the registration, the account, and whether they denied a change.
    assert printed["gelombang, people too"][:5] == ["5.10", "1", "6.00", "8.10", "2.00"]


@pytest.mark.parametrize(
    ("step", "transactions", "write_units", "index_units"),
    [("store", 1, 4, 1), ("claim", 1, 4, 0), ("settle", 1, 4, 2)],
)
def test_each_step_is_one_transaction_of_four_units(
    step: str, transactions: int, write_units: int, index_units: int, printed: dict[str, list[str]]
) -> None:
    assert [int(figure) for figure in printed[step]] == [transactions, write_units, index_units]
