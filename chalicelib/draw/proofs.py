"""Shows that a leaf is on its list, without the list (docs/draw.md section 6). Standard library only; pure.

A list is read in runs of 4,096 leaves, 128 KB each. Leaves are hashes and so spread evenly: a leaf's value nearly tells
its place. Among n leaves the standard deviation is at most sqrt(n) / 2, so the first or second run has it. A list that
is not spread evenly takes more reads: from the third on, every second one halves what is left.

Every full run is a whole subtree of the list's tree. So the tree over the leaves of a run and the tree over the hashes
of all runs together are that tree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from ..values import Value
from . import merkle, published
from .leaves import LEAF_BYTES, Region

_SPAN = 1 << (8 * LEAF_BYTES)


ReadPart = Callable[[str, int, int], bytes]
"""(name, start, length): exactly so many bytes of a published file of the wave, from the one with number `start` on."""


class LeafPlace(Value, frozen=True):
    """A leaf's `index` (from 0) in its list, and the `run` of the list that it is in."""

    index: int
    run: bytes


class Proof(Value, frozen=True):
    """An inclusion path of RFC 9162 section 2.1.3, from the bottom up: the leaf is at `index` of `entries` leaves."""

    index: int
    entries: int
    path: tuple[bytes, ...]


def prove(row: Region, leaf: bytes, read_part: ReadPart) -> Proof | None:
    """The proof that a leaf is on the list of `row`; None if it is not. Reads one or two runs, and the nodes."""
    name = published.leaves_name(row.region)
    place = find(leaf, row.entries, lambda first, count: read_part(name, first * LEAF_BYTES, count * LEAF_BYTES))
    if place is None:
        return None
    nodes = read_part(published.nodes_name(row.region), 0, -(-row.entries // merkle.RUN) * merkle.HASH_BYTES)
    within, above = place.index % merkle.RUN, place.index // merkle.RUN
    path = (*inclusion_path(place.run, within), *inclusion_path(nodes, above))
    return Proof(place.index, row.entries, path)


def find(leaf: bytes, entries: int, read: Callable[[int, int], bytes], run: int = merkle.RUN) -> LeafPlace | None:
    """A leaf's place in an ascending list of `entries` leaves; None if it is not in it.

    `read(first, count)` returns the leaves of a run from the one with index `first` on, end to end. It is called at
    most `2 * log2(runs) + 3` times, whatever the list holds; for a published one, once or twice.
    """
    first, end = 0, -(-entries // run)  # the leaf is in the runs [first, end) or nowhere
    low, high = 0, _SPAN  # values that bound the leaves of these runs
    value = int.from_bytes(leaf, "big")
    tries = 0
    while first < end:
        tries += 1
        leaves_left = min(end * run, entries) - first * run
        halve = tries > 2 and tries % 2 == 1
        share = leaves_left // 2 if halve else (value - low) * leaves_left // max(1, high - low)
        here = max(first, min(first + share // run, end - 1))
        count = min(run, entries - here * run)
        leaves = read(here * run, count)
        if len(leaves) != count * LEAF_BYTES:
            raise ValueError("a part of a list is not the leaves that were asked for")
        place = bisect_left(range(count), leaf, key=lambda index: _leaf(leaves, index))
        if place < count and _leaf(leaves, place) == leaf:
            return LeafPlace(here * run + place, leaves)
        if 0 < place < count:
            return None
        if place == 0:
            end, high = here, int.from_bytes(_leaf(leaves, 0), "big")
        else:
            first, low = here + 1, int.from_bytes(_leaf(leaves, count - 1), "big")
    return None


def inclusion_path(hashes: bytes, index: int) -> list[bytes]:
    """The siblings on the way from the hash at `index` up to the root of the tree over `hashes`."""
    path = []
    while len(hashes) > merkle.HASH_BYTES:
        sibling = index ^ 1
        if (sibling + 1) * merkle.HASH_BYTES <= len(hashes):  # the odd last one is carried up without one
            path.append(_leaf(hashes, sibling))
        hashes = merkle.level_above(hashes)
        index //= 2
    return path


def _leaf(hashes: bytes, index: int) -> bytes:
    return hashes[index * LEAF_BYTES : (index + 1) * LEAF_BYTES]
