"""How long a function may still work, which failures ring, and how one wave's failure does not stop the others."""

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
"""Seconds reserved at the end of a function's life, so that the last call can finish and be recorded."""


def remaining_s(event: Any) -> float:
    """The seconds in which a scheduled function may still begin work. Its `context` knows when Lambda kills it."""
    return max(0.0, float(event.context.get_remaining_time_in_millis()) / 1000 - MARGIN_S)


@contextmanager
def failures_told() -> Iterator[None]:
    """Log an error that ends a function, then raise it again. The level is ERROR, which rings, unless it will pass."""
    try:
        yield
    except Exception as error:
        level = logging.WARNING if isinstance(error, Unavailable) or is_passing(error) else logging.ERROR
        log.log(level, "function_failed", extra={"error": type(error).__name__})
        raise


@dataclass
class Trouble:
    """The failures of a run: whether a wave was delayed, and unforeseen errors."""

    held_up: bool = False
    unforeseen: list[Exception] = field(default_factory=list)


@contextmanager
def apart(number: int, trouble: Trouble) -> Iterator[None]:
    """Log an error that delays a wave, at level ERROR unless it will pass. The caller raises unforeseen ones later."""
    try:
        yield
    except OutOfTime:
        raise
    except DomainError as error:
        level = logging.WARNING if isinstance(error, Unavailable) else logging.ERROR
        log.log(level, "wave_held_up", extra={"wave": number, "code": error.code, "facts": error.facts})
        trouble.held_up = True
    except Exception as error:  # noqa: BLE001 - the caller raises it after the other waves
        if is_passing(error):
            log.warning("wave_held_up", extra={"wave": number, "code": Unavailable.code})
            trouble.held_up = True
        else:
            log.error("wave_failed", extra={"wave": number, "error": type(error).__name__})
            trouble.unforeseen.append(error)
