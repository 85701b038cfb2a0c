"""Whom to compare the beneficiaries with, a random few of those who never held a seat, and whom an auditor is shown, a
random few of all (docs/draw.md section 9).

The draw's own seed decides, so that nobody can pick them, and anyone can check that nobody did. Pure.
"""

from __future__ import annotations

import heapq
import hmac
from collections.abc import Collection, Iterable

from .drawn import seated
from .rules import Draw

Joined = tuple[bytes, int, str]
"""An entry: its leaf, its region, whose it is."""


def sample_value(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place in the order of the comparison sample: the lowest are in it."""
    return hmac.digest(seed, b"gelombang1/survey\0" + leaf, "sha256")


def audit_value(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place in the order in which an auditor is shown entries: the lowest come first."""
    return hmac.digest(seed, b"gelombang1/audit\0" + leaf, "sha256")


def audited(seed: bytes, leaves: Iterable[tuple[int, bytes]], size: int) -> list[tuple[int, bytes]]:
    """The first `size` of all leaves, each with its region, by their value. Memory for `size` of them."""
    return heapq.nsmallest(size, leaves, key=lambda one: audit_value(seed, one[1]))


def lowest(draw: Draw, entries: Iterable[Joined], substitutes: Collection[bytes], size: int) -> list[Joined]:
    """The first `size` of all entries by their value; fewer if there are not so many. Memory for `size` of them.

    Left out are those who were drawn, whatever became of them, and the `substitutes`.
    """
    left = (
        (sample_value(draw.seed, leaf), leaf, region, who)
        for leaf, region, who in entries
        if leaf not in substitutes and seated(draw, region, leaf) is None
    )
    return [(leaf, region, who) for _, leaf, region, who in heapq.nsmallest(size, left)]
