"""Ten thousand grievances wait for an answer: `check_grievances`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.config import Settings
from chalicelib.helpdesk.rules import AboutRegistration, Category, Grievance, GrievanceState
from chalicelib.helpdesk.service import SHARD_S, GrievanceCounts
from chalicelib.helpdesk.store import ALL_SHARDS, _item
from chalicelib.time_budget import TimeBudget
from chalicelib.wiring import Services
from tests.builders.crashes import Calls
from tests.conftest import T0

from .crowd import names, write
from .functions import MANY, Function

pytestmark = pytest.mark.dynamodb

NOW = T0 + timedelta(days=20)
LENGTH = 2_000
"""Bytes that are sealed for a text of average length."""


@pytest.fixture
def filed(cloud: Settings) -> None:
    """Every tenth was escalated, every fourth should have been answered by now."""
    write(
        _item(
            Grievance(
                f"number-{n:05d}",
                name,
                AboutRegistration(),
                Category.OTHER,
                GrievanceState.ESCALATED if n % 10 == 0 else GrievanceState.OPEN,
                T0,
                NOW - timedelta(days=1) if n % 4 == 0 else NOW + timedelta(days=1),
                bytes(LENGTH),
            )
        )
        for n, name in enumerate(names(MANY))
    )


@pytest.mark.usefixtures("filed")
def test_ten_thousand_grievances_are_counted_though_run_after_run_is_cut_short(
    services: Services, calls: Calls, monkeypatch: pytest.MonkeyPatch, show: Callable[[str, Function], None]
) -> None:
    def check(deadline_s: float, seconds: Callable[[], float]) -> Any:
        monkeypatch.setattr("chalicelib.helpdesk.service.TimeBudget", partial(TimeBudget, seconds=seconds))
        return services.helpdesk.check(NOW, deadline_s)

    counting = Function(calls, check)
    counting.is_killed_after(len(ALL_SHARDS))  # two calls count a partition
    first = services.helpdesk._store.counted()[0]
    assert len(ALL_SHARDS) // 3 < len(first) < len(ALL_SHARDS) * 2 // 3
    counting.has_time_for(len(ALL_SHARDS) // 2, SHARD_S)
    second = services.helpdesk._store.counted()[0]
    assert len(second) > len(first)
    assert {shard: second[shard] for shard in first} == first, "what waits longest comes first"

    counts = counting.lives()
    escalated, overdue = MANY // 10, MANY // 4
    assert (counts.open, counts.escalated, counts.overdue) == (MANY - escalated, escalated, overdue)
    assert isinstance(counts, GrievanceCounts)
    assert counting.made("PutItem") <= 2 * len(ALL_SHARDS)
    show("check_grievances", counting)
