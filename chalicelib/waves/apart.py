"""One wave's trouble is kept from the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..aws import is_passing
from ..errors import DomainError, Unavailable
from .tick import TimeShort

log = logging.getLogger(__name__)


@dataclass
class Trouble:
    """What a run met: whether a wave was held up, and what nobody foresaw."""

    held_up: bool = False
    unforeseen: list[Exception] = field(default_factory=list)


@contextmanager
def apart(number: int, trouble: Trouble) -> Iterator[None]:
    """What holds up a wave is logged, of level ERROR unless it will pass; the unforeseen is for the caller to raise."""
    try:
        yield
    except TimeShort:
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
