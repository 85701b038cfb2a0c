"""How long a function may still work, and which failures ring. One wave's trouble does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..errors import DomainError, Unavailable
from ..time_budget import OutOfTime
from .clients import is_passing

log = logging.getLogger(__name__)

MARGIN_S = 20
"""Left over at the end of a function's life: room for the last call to finish and be recorded."""


def remaining_s(event: Any) -> float:
    """The seconds in which a scheduled function may still begin work (its `context` knows when it will be killed)."""
    return max(0.0, float(event.context.get_remaining_time_in_millis()) / 1000 - MARGIN_S)


@contextmanager
def failures_told() -> Iterator[None]:
    """Log what ends a function, at level ERROR (which rings) unless it passes by itself; then raise it again."""
    try:
        yield
    except Exception as error:
        level = logging.WARNING if isinstance(error, Unavailable) or is_passing(error) else logging.ERROR
        log.log(level, "function_failed", extra={"error": type(error).__name__})
        raise


@dataclass
class Trouble:
    """What a run met: whether a wave was held up, and unforeseen errors."""

    held_up: bool = False
    unforeseen: list[Exception] = field(default_factory=list)


@contextmanager
def apart(number: int, trouble: Trouble) -> Iterator[None]:
    """Log what holds up a wave, at level ERROR unless it passes by itself; the caller raises what was unforeseen."""
    try:
        yield
    except OutOfTime:
        raise
    except DomainError as error:
        level = logging.WARNING if isinstance(error, Unavailable) else logging.ERROR
        log.log(level, "wave_held_up", extra={"wave": number, "code": error.code, "facts": error.facts})
        trouble.held_up = True
    except Exception as error:  # noqa: BLE001 - raised by the caller when the others have gone on
        if is_passing(error):
            log.warning("wave_held_up", extra={"wave": number, "code": Unavailable.code})
            trouble.held_up = True
        else:
            log.error("wave_failed", extra={"wave": number, "error": type(error).__name__})
            trouble.unforeseen.append(error)
