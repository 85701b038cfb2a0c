"""Fewer partitions than a stage has."""

from __future__ import annotations

import pytest

from chalicelib.waves import audit, entries, rules
from chalicelib.waves.places import revocation


@pytest.fixture
def few_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four instead of 64: each takes its calls, and for each query of an index moto sorts the table."""
    for module in (rules, entries, revocation, audit):
        monkeypatch.setattr(module, "SHARDS", 4)
