"""Two samples (docs/draw.md section 9): a random few of all entries, whom an auditor is shown, and a random few of
those who never held a seat, to compare the beneficiaries with.

The draw's own seed picks them, so nobody can, and anyone can check that nobody did. Pure.
"""

from __future__ import annotations

import heapq
import hmac
from collections.abc import Collection, Iterable

from .selection import DrawResult, drawn_seat

Listed = tuple[int, bytes]
"""A leaf as it is published: the region of its list, and itself."""


SURVEY = b"gelombang1/survey\0"


def sample_value(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place in the order of the comparison sample: the lowest are in it."""
    return hmac.digest(seed, SURVEY + leaf, "sha256")


def audit_value(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place in the order in which an auditor is shown entries: the lowest come first."""
    return hmac.digest(seed, b"gelombang1/audit\0" + leaf, "sha256")


def audited(seed: bytes, leaves: Iterable[Listed], size: int) -> list[Listed]:
    """The first `size` of all leaves by their value. Memory for `size` of them."""
    return heapq.nsmallest(size, leaves, key=lambda one: audit_value(seed, one[1]))


def compared(draw: DrawResult, leaves: Iterable[Listed], substitutes: Collection[bytes], size: int) -> list[Listed]:
    """The first `size` of all leaves by their value; fewer if there are not so many. Memory for `size` of them.

    Left out are those who were drawn, whatever became of them, and the `substitutes`.
    """
    left = ((sample_value(draw.seed, one[1]), one) for one in leaves if one[1] not in substitutes)
    return [one for _, one in heapq.nsmallest(size, (pair for pair in left if drawn_seat(draw, *pair[1]) is None))]
