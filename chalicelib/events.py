"""What schedules and queues hand to a function, as the services want it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .aws import is_passing
from .errors import Unavailable

log = logging.getLogger(__name__)

MARGIN_S = 20
"""Left over at the end of a function's life: room for the last call to finish and be recorded."""


def remaining_s(event: Any) -> float:
    """Seconds of work a scheduled function may still begin (its `context` knows when it will be killed)."""
    return max(0.0, float(event.context.get_remaining_time_in_millis()) / 1000 - MARGIN_S)


@contextmanager
def failures_told() -> Iterator[None]:
    """What ends a function is logged, of level ERROR (which rings) unless it will pass by itself; then it ends it."""
    try:
        yield
    except Exception as error:
        level = logging.WARNING if isinstance(error, Unavailable) or is_passing(error) else logging.ERROR
        log.log(level, "function_failed", extra={"error": type(error).__name__})
        raise
