"""Whether a list ascends strictly, told while its bytes come in: none that does not is read any further."""

from __future__ import annotations

from itertools import pairwise, starmap
from operator import ge
from struct import iter_unpack

from chalicelib.draw.leaves import LEAF_BYTES


class Disordered(Exception):
    """A leaf does not come after the one before it; the message is the name of that failure."""


class Ascending:
    """Sees the pieces of one list. Raises `Disordered`."""

    def __init__(self) -> None:
        self._rest = b""
        """From the last whole leaf on."""

    def __call__(self, piece: bytes) -> None:
        seen = self._rest + piece
        whole = len(seen) // LEAF_BYTES * LEAF_BYTES
        leaves = seen[:whole]
        # Tuples of one leaf each, so that no Python code runs per leaf.
        if any(starmap(ge, pairwise(iter_unpack("32s", leaves)))):
            first = next(two for two in pairwise(iter_unpack("32s", leaves)) if ge(*two))
            raise Disordered("duplicate leaf" if first[0] == first[1] else "list not ascending")
        self._rest = seen[max(0, whole - LEAF_BYTES) :]
