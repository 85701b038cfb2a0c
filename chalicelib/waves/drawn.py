"""Whom the draw chose, told from one entry and the cut-offs alone (docs/draw.md section 6). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .rules import Draw
from .selection import OPEN, open_value, rank


@dataclass(frozen=True, slots=True, order=True)
class Seated:
    """One whom the draw chose. They compare as their turns come: reserved seats by region and rank, then the open ones.

    `region` is 0 for an open seat, `value` the rank or the open value.
    """

    is_open: bool
    region: int
    value: bytes
    leaf: bytes

    @property
    def seat(self) -> str:
        """`open` or a region's code."""
        return OPEN if self.is_open else str(self.region)


def seated(draw: Draw, region: int, leaf: bytes) -> Seated | None:
    """The seat that a leaf of the region's list was drawn for, if it was."""
    cutoff = draw.reserved.get(region)
    if cutoff is not None and (value := rank(draw.seed, leaf)) <= cutoff:
        return Seated(False, region, value, leaf)
    if draw.open is not None and (value := open_value(draw.seed, leaf)) <= draw.open:
        return Seated(True, 0, value, leaf)
    return None
