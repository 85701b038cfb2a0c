"""Where a leaf stands in a published list of any length, by a few reads of parts of it. Standard library only; pure.

Leaves are hashes, so they are spread evenly and a leaf's value nearly tells its place: the first read finds it in a
list of a million, and in one of ten million four times in five; else the second does. Nothing relies on that: where a
list is not spread like that, every second read halves what is left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from ..waves.draw import LEAF_BYTES

Read = Callable[[int, int], bytes]
"""(first, count): that many leaves from the one with index `first` on, end to end."""

WINDOW = 4096
"""Leaves of one read: 128 KB. The standard deviation of a place among n is at most sqrt(n) / 2."""

_SPAN = 1 << (8 * LEAF_BYTES)


def find(leaf: bytes, length: int, read: Read, window: int = WINDOW) -> int | None:
    """The index (from 0) of a leaf in an ascending list of `length` leaves; None if it is not in it.

    Takes at most `2 * log2(length / window) + 2` reads, whatever is in the list; in a published one, one or two.
    """
    first, end = 0, length  # the leaf is in [first, end) or nowhere
    low, high = 0, _SPAN  # values that bound the leaves of [first, end)
    value = int.from_bytes(leaf, "big")
    halve = False
    while first < end:
        share = (end - first) // 2 if halve else (value - low) * (end - first) // max(1, high - low)
        start = max(first, min(first + share - window // 2, end - window))
        count = min(window, end - start)
        leaves = _split(read(start, count))
        place = bisect_left(leaves, leaf)
        if place < len(leaves) and leaves[place] == leaf:
            return start + place
        if 0 < place < len(leaves):
            return None
        before = end - first
        if place == 0:
            end, high = start, int.from_bytes(leaves[0], "big")
        else:
            first, low = start + count, int.from_bytes(leaves[-1], "big")
        halve = not halve and end - first > before // 2
    return None


def _split(leaves: bytes) -> list[bytes]:
    if not leaves or len(leaves) % LEAF_BYTES:
        raise ValueError("a part of a list is not whole leaves")
    return [leaves[start : start + LEAF_BYTES] for start in range(0, len(leaves), LEAF_BYTES)]
