"""Which figures must not be shown, so that nobody can be told apart in a small group. Pure.

A figure about 1 to 9 people is withheld. A figure of nobody is shown: there is nobody in it. One that is withheld
alone would follow from its total and the other parts, so a second one is withheld with it (secondary suppression), the
smallest that will do. What is withheld together must be at least ten people, for the total less the parts that are
shown tells their sum.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .statistics_wire import FEWEST

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
    are shown nowhere: they hide others and need no hiding themselves; they are among those returned
    unless they are of nobody.

    What guards each sum by itself need not guard a chain of several: this is the usual heuristic, not a proof.
    """
    table = _Table(cells, list(sums), public, unpublished)
    for key, people in cells.items():
        if people and (key in unpublished or (people < FEWEST and key not in public)):
            table.hide(key)
    while table.waiting:
        another = table.another(table.waiting.popleft())
        if another is not None:
            table.hide(another)
    return table.hidden


class _Table(Generic[K]):
    """Cells and their sums while it is being found out which to withhold."""

    def __init__(
        self, cells: Mapping[K, int], sums: list[Sum[K]], public: Collection[K], unpublished: Collection[K]
    ) -> None:
        self.hidden: set[K] = set()
        self.waiting: deque[int] = deque()
        """The sums to look at, by number."""
        self._cells = cells
        self._sums = sums
        self._public = public
        self._unpublished = unpublished
        self._hidden_in = [0] * len(sums)
        self._of_cell: dict[K, list[int]] = {}
        for number, one in enumerate(sums):
            for key in (one.total, *one.parts):
                self._of_cell.setdefault(key, []).append(number)

    def hide(self, key: K) -> None:
        """Withhold a cell; all its sums must be looked at again, for one more may be needed."""
        self.hidden.add(key)
        for number in self._of_cell.get(key, ()):
            self._hidden_in[number] += 1
            self.waiting.append(number)

    def another(self, number: int) -> K | None:
        """What must be withheld besides, so that a sum gives nothing away; None if it doesn't, or nothing is left."""
        one = self._sums[number]
        parts = [part for part in one.parts if part in self.hidden]
        total_shown = one.total not in self.hidden
        unknown = parts if total_shown else [*parts, one.total]
        if all(key in self._unpublished for key in unknown):
            return None
        lone = len(unknown) == 1
        few = total_shown and sum(self._cells[part] for part in parts) < FEWEST
        if not lone and not few:
            return None
        shown = [key for key in (*one.parts, one.total) if key not in self.hidden and key not in self._public]
        peopled = [key for key in shown if self._cells[key]]
        if peopled:
            # What is alone in another of its sums would take yet another with it; and rather a part than the total.
            return min(peopled, key=lambda key: (self._alone(key, number), key == one.total, self._cells[key]))
        # All the others are known to be nobody: one of them has to be in doubt. Where there is none, nothing helps.
        return shown[0] if lone and shown else None

    def _alone(self, key: K, besides: int) -> int:
        return sum(1 for number in self._of_cell[key] if number != besides and not self._hidden_in[number])
