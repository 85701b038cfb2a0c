"""One wave's trouble is kept from the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..aws import is_passing
from ..errors import DomainError, Unavailable
from .tick import TimeShort

log = logging.getLogger(__name__)


@contextmanager
def apart(number: int, unforeseen: list[Exception]) -> Iterator[None]:
    """What will pass by itself, or is refused, is logged; the rest is for the caller to raise at its end."""
    try:
        yield
    except TimeShort:
        raise
    except DomainError as error:
        log.warning("wave_held_up", extra={"wave": number, "code": error.code, "facts": error.facts})
    except Exception as error:  # noqa: BLE001 - raised by the caller when the others have gone on
        if is_passing(error):
            log.warning("wave_held_up", extra={"wave": number, "code": Unavailable.code})
        else:
            unforeseen.append(error)
