"""Every kind of fraud is named by the verifier: by its names and no other, as if there were nothing else to see."""

from __future__ import annotations

import pytest

from .cheat import HONEST, UNSETTLED
from .frauds import FRAUDS, Fraud, fraud
from .verifiers import by_single_file

GOOD = {"a settled wave": fraud(HONEST.files()), "a wave that was drawn": fraud(UNSETTLED.files())}


@pytest.mark.parametrize("wave", GOOD.values(), ids=GOOD)
def test_a_good_wave_is_accepted(wave: Fraud) -> None:
    assert by_single_file(wave.files, wave.facts) == set()


@pytest.mark.parametrize("kind", FRAUDS)
def test_fraud_is_named(kind: str) -> None:
    planted = FRAUDS[kind]
    assert by_single_file(planted.files, planted.facts) == planted.names


def test_there_are_more_than_forty_kinds_and_no_two_are_the_same_files() -> None:
    assert len(FRAUDS) > 40
    assert len({tuple(sorted(one.files.items())) + (str(one.facts),) for one in FRAUDS.values()}) == len(FRAUDS)
