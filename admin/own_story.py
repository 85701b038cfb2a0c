"""What became of one entry, as its holder can tell without the lists (docs/draw.md sections 5 and 6). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.draw.selection import OPEN, open_value, rank

from .published_forms import Result, SubstitutionRow


class OutOfOrder(Exception):
    """The substitutions cannot be right; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Story:
    """`seat` is what the entry holds in the end, `said` how that came, in order."""

    seat: str | None
    said: tuple[str, ...]


class Values:
    """An entry's values, which decide when it is its turn."""

    def __init__(self, seed: bytes, region: int, leaf: bytes) -> None:
        self._seed, self._region, self.leaf = seed, region, leaf
        self.rank, self.open = rank(seed, leaf), open_value(seed, leaf)

    def drawn(self, result: Result) -> str | None:
        """The seat that the draw gave, by the published cut-offs."""
        for row in result.reserved:
            if row.region == self._region and row.cutoff and self.rank.hex() <= row.cutoff:
                return str(self._region)
        return OPEN if result.open.cutoff and self.open.hex() <= result.open.cutoff else None

    def is_passed_over(self, row: SubstitutionRow) -> bool:
        """Whether this entry, which never held a seat, comes before the one who got that one."""
        if row.incoming is None:
            return True
        other = bytes.fromhex(row.incoming)
        if row.seat == OPEN:
            return (self.open, self.leaf) < (open_value(self._seed, other), other)
        return row.seat == str(self._region) and (self.rank, self.leaf) < (rank(self._seed, other), other)


def follow(own: Values, result: Result, rows: Iterable[SubstitutionRow]) -> Story:
    """From the draw through all substitutions. Raises `OutOfOrder`."""
    seat = own.drawn(result)
    ever, said = seat is not None, ["not chosen" if seat is None else f"chosen, {named(seat)}"]
    for place, row in enumerate(rows, 1):
        if row.seq != place:
            raise OutOfOrder(f"{row.seq} in place {place}")
        if row.out == own.leaf.hex():
            if row.seat != seat:
                raise OutOfOrder(f"{place} takes a seat that this entry does not hold")
            seat = None
            said.append(f"the seat went on ({row.reason}, substitution {place})")
        if row.incoming == own.leaf.hex():
            if ever:
                raise OutOfOrder(f"{place} seats who held a seat before")
            seat, ever = row.seat, True
            said.append(f"then chosen, {named(seat)} that fell free (substitution {place})")
        elif not ever and own.is_passed_over(row):
            raise OutOfOrder(f"{place} passes this entry over")
    return Story(seat, tuple(said))


def named(seat: str) -> str:
    """A seat in words."""
    return "an open seat" if seat == OPEN else f"a reserved seat of region {seat}"
