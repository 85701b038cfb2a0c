"""Which figures must not be shown, so that nobody can be told apart in a small group. Pure.

A figure about 1 to 9 people is withheld. A figure of nobody is shown: there is nobody in it. One that is withheld
alone would follow from its total and the other parts, so a second one is withheld with it (secondary suppression), the
smallest that does; and what is withheld together must be at least ten people, for the total less the parts shown tells
their sum.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

FEWEST = 10
"""People; a figure about fewer is withheld."""

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Sum(Generic[K]):
    """A total is the sum of its parts, and everyone knows that."""

    total: K
    parts: Sequence[K]


def withheld(
    cells: Mapping[K, int], sums: Iterable[Sum[K]], public: Collection[K] = (), unpublished: Collection[K] = ()
) -> set[K]:
    """The cells not to show. `cells` are people by any key; every key of `sums` is among them.

    `public` cells are known from elsewhere anyway: always shown, and counted as known in every sum. `unpublished` ones
    are shown nowhere, so they hide others; they are among those returned unless they are of nobody.

    What guards each sum by itself need not guard a chain of several: this is the usual heuristic, not a proof.
    """
    table = list(sums)
    of_cell: dict[K, list[int]] = {}
    for number, one in enumerate(table):
        for key in (one.total, *one.parts):
            of_cell.setdefault(key, []).append(number)
    hidden = {key for key, people in cells.items() if 0 < people < FEWEST and key not in public}
    hidden |= {key for key in unpublished if cells[key]}
    waiting = deque(range(len(table)))
    while waiting:
        another = _another(table[waiting.popleft()], cells, hidden, public)
        if another is not None:
            hidden.add(another)
            waiting.extend(of_cell[another])  # this sum again too: one more may be needed
    return hidden


def _another(one: Sum[K], cells: Mapping[K, int], hidden: set[K], public: Collection[K]) -> K | None:
    """What must be withheld besides, so that this sum gives nothing away; None if it doesn't, or nothing is left."""
    parts = [part for part in one.parts if part in hidden]
    total_shown = one.total not in hidden
    if not parts and total_shown:
        return None
    lone = len(parts) + (not total_shown) == 1
    few = total_shown and sum(cells[part] for part in parts) < FEWEST
    if not lone and not few:
        return None
    shown = [part for part in one.parts if part not in hidden and part not in public]
    peopled = [part for part in shown if cells[part]]
    if peopled:
        return min(peopled, key=lambda part: cells[part])
    if not lone:
        return None  # all who are here are withheld; their sum is the total, which stands for itself
    if shown:
        # All the others are shown to be nobody. One of them has to be in doubt.
        return shown[0]
    return one.total if total_shown and one.total not in public else None
