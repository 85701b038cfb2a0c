"""What schedules and queues hand to a function, as the services want it."""

from __future__ import annotations

from typing import Any

MARGIN_S = 20
"""Left over at the end of a function's life: room for the last call to finish and be recorded."""


def remaining_s(event: Any) -> float:
    """Seconds of work a scheduled function may still begin (its `context` knows when it will be killed)."""
    return max(0.0, float(event.context.get_remaining_time_in_millis()) / 1000 - MARGIN_S)
