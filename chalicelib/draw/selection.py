"""Who is chosen, and who is next when a seat becomes free (docs/draw.md section 5). Standard library only; pure.

Reserved seats are shared among regions by the largest remainder (section 2). One entry and the cut-offs alone tell
whether the draw chose it (section 6).

The seed also picks two samples (section 9). Auditors are shown a few of all entries. The beneficiaries are compared
with a few of those who never held a seat.
"""

from __future__ import annotations

import heapq
import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from math import isqrt
from struct import iter_unpack

from ..values import Value
from .errors import BadSeats, NotSeated
from .leaves import LEAF_BYTES

OPEN = "open"
"""The seat that belongs to no region; a reserved seat is named by its region's code, such as "31"."""

_RANK, _OPEN = b"gelombang1/rank\0", b"gelombang1/open\0"
_HIGHEST = b"\xff" * 32


def draw_seed(note: bytes, randomness: bytes) -> bytes:
    """`HMAC(H(note), "gelombang1/seed\\0" || randomness)`: the seed depends on both the commitment and the beacon."""
    return hmac.digest(sha256(note).digest(), b"gelombang1/seed\0" + randomness, "sha256")


def rank(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place in its region: the lowest win the reserved seats."""
    return hmac.digest(seed, _RANK + leaf, "sha256")


def open_value(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place among all: the lowest that hold no reserved seat win the open seats."""
    return hmac.digest(seed, _OPEN + leaf, "sha256")


class DrawResult(Value, frozen=True):
    """The result of a wave's draw: the seed, and the rank or open value of the last one chosen (None: none was)."""

    seed: bytes
    reserved: Mapping[int, bytes | None]
    open: bytes | None


class DrawnSeat(Value, frozen=True, order=True):
    """A seat with the leaf that the draw chose. Sorts in the order of turns: reserved seats by region and rank, then
    open ones.

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


def drawn_seat(draw: DrawResult, region: int, leaf: bytes) -> DrawnSeat | None:
    """The seat for which a leaf of the region's list was drawn, if it was."""
    cutoff = draw.reserved.get(region)
    if cutoff is not None and (value := rank(draw.seed, leaf)) <= cutoff:
        return DrawnSeat(False, region, value, leaf)
    if draw.open is not None and (value := open_value(draw.seed, leaf)) <= draw.open:
        return DrawnSeat(True, 0, value, leaf)
    return None


def allot(reserved: int, weights: Mapping[int, int]) -> dict[int, int]:
    """Region to its seats q_r, ascending by code; only regions with a seat are named.

    `floor(reserved * w_r / W)` each, then one more to the largest remainders; equal remainders go to the lower code.
    They sum to `reserved`, or to 0 if all weights are 0. `shares` in verify_draw.py says the same. Raises `BadSeats` on
    a number below zero.
    """
    if reserved < 0 or any(weight < 0 for weight in weights.values()):
        raise BadSeats(reason="below zero")
    whole = sum(weights.values())
    if not whole:
        return {}
    shares = {region: divmod(reserved * weight, whole) for region, weight in weights.items()}
    left = reserved - sum(seats for seats, _ in shares.values())
    favoured = set(sorted(shares, key=lambda region: (-shares[region][1], region))[:left])
    allotted = {region: shares[region][0] + (region in favoured) for region in sorted(shares)}
    return {region: seats for region, seats in allotted.items() if seats}


class FilledSeats(Value, frozen=True):
    """How one kind of seat was filled; `cutoff` is the rank or open value of the last one chosen, None if there is
    none.
    """

    seats: int
    chosen: int
    cutoff: bytes | None


class Substitution(Value, frozen=True):
    """The `seq`-th seat (from 1) that was passed on: from the leaf `out` to `incoming`, None if nobody was left."""

    seq: int
    seat: str
    out: bytes
    reason: str
    incoming: bytes | None


class Selection:
    """The draw of one wave. It depends on its arguments alone, so that anyone may repeat it.

    `lists` is region to list, `reserved` region to q_r, `quota` the seats in all. `reserved` (region to `FilledSeats`,
    for q_r > 0, ascending) and `open` are the result as first drawn; `winners` and `substitute` go on from there.
    Choosing k of n takes one pass of HMACs over the n leaves and memory for about k of them. Raises `BadSeats` if more
    seats are reserved than there are.
    """

    def __init__(self, lists: Mapping[int, bytes], reserved: Mapping[int, int], quota: int, seed: bytes) -> None:
        if sum(reserved.values()) > quota:
            raise BadSeats(reason=f"{sum(reserved.values())} reserved of {quota}")
        self._holders: dict[bytes, str | None] = {}  # everyone ever chosen; None: gave the seat up
        self._by_rank: dict[str, Iterator[tuple[bytes, bytes]]] = {}
        self._substitutions = 0
        self.reserved: dict[int, FilledSeats] = {}
        for region, seats in sorted(reserved.items()):
            if seats:
                order = ascending(seed, _RANK, [lists.get(region, b"")], seats)
                self._by_rank[str(region)] = order
                self.reserved[region] = self._fill(str(region), seats, order)
        taken = len(self._holders)
        self._by_open = ascending(seed, _OPEN, list(lists.values()), quota)
        # Seats that a region has too few entries for are open: exactly what the reserved ones left.
        self.open = self._fill(OPEN, quota - taken, self._by_open)

    def winners(self) -> Iterator[tuple[bytes, str]]:
        """The present holder of each seat, as (leaf, seat): first the reserved ones by region and rank, then the open
        ones.
        """
        return ((leaf, seat) for leaf, seat in self._holders.items() if seat is not None)

    def substitute(self, out: bytes, reason: str) -> Substitution:
        """Pass on the seat of `out`: to its region's next by rank if reserved and one is left, else the next open one.

        A leaf that ever held a seat is not chosen again. The same calls in the same order on a new `Selection` give the
        same substitutions, so a run that died half-way is resumed by replaying what was recorded. Raises `NotSeated` if
        `out` holds no seat.
        """
        seat = self._holders.get(out)
        if seat is None:
            raise NotSeated
        self._holders[out] = None
        self._substitutions += 1
        incoming = self._next(seat)
        if incoming is not None:
            self._holders[incoming] = seat
        return Substitution(self._substitutions, seat, out, reason, incoming)

    def _next(self, seat: str) -> bytes | None:
        if seat != OPEN:
            for _, leaf in self._free(self._by_rank[seat]):
                return leaf
        for _, leaf in self._free(self._by_open):
            return leaf
        return None

    def _fill(self, seat: str, seats: int, order: Iterator[tuple[bytes, bytes]]) -> FilledSeats:
        chosen, cutoff = 0, None
        for value, leaf in islice(self._free(order), seats):
            self._holders[leaf] = seat
            chosen, cutoff = chosen + 1, value
        return FilledSeats(seats, chosen, cutoff)

    def _free(self, order: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        return (pair for pair in order if pair[1] not in self._holders)


def ascending(seed: bytes, tag: bytes, lists: Iterable[bytes], wanted: int) -> Iterator[tuple[bytes, bytes]]:
    """Every (value, leaf) from the lowest on, lazily; `wanted` is how many will surely be asked for.

    The values are spread evenly. So a bound a little above `wanted / n` catches enough of them in one pass, and only
    those are sorted. A caller who asks for more pays for another pass over the next band, which is twice as wide.
    """
    lists = list(lists)
    total = sum(map(len, lists)) // LEAF_BYTES
    low, high = b"", b""
    while high != _HIGHEST and total:
        low, high = high, _bound(wanted, total)
        band = [pair for leaves in lists for pair in _between(seed, tag, leaves, low, high)]
        band.sort()
        yield from band
        wanted = 2 * wanted + 1


def _bound(wanted: int, total: int) -> bytes:
    """The value below which `wanted` of `total` lie, plus six standard deviations."""
    share = ((wanted + 6 * isqrt(wanted) + 16) << 256) // total
    return _HIGHEST if share >> 256 else share.to_bytes(32, "big")


def _between(seed: bytes, tag: bytes, leaves: bytes, low: bytes, high: bytes) -> list[tuple[bytes, bytes]]:
    """(HMAC(seed, tag || leaf), leaf) where low < HMAC <= high.

    The two SHA-256 states of the key are computed once and copied, which makes HMAC cheap per entry.
    """
    key = seed.ljust(64, b"\0")
    inner_start = sha256(bytes(byte ^ 0x36 for byte in key) + tag)
    outer_start = sha256(bytes(byte ^ 0x5C for byte in key))
    found = []
    for (leaf,) in iter_unpack("32s", leaves):
        inner, outer = inner_start.copy(), outer_start.copy()
        inner.update(leaf)
        outer.update(inner.digest())
        value = outer.digest()
        if value <= high and low < value:  # in this order: most are above
            found.append((value, leaf))
    return found


Listed = tuple[int, bytes]
"""A published leaf: the region of its list, and the leaf itself."""


SURVEY = b"gelombang1/survey\0"


def sample_value(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place in the order of the comparison sample, which takes the lowest."""
    return hmac.digest(seed, SURVEY + leaf, "sha256")


def audit_value(seed: bytes, leaf: bytes) -> bytes:
    """A leaf's place in the order in which an auditor is shown entries, the lowest first."""
    return hmac.digest(seed, b"gelombang1/audit\0" + leaf, "sha256")


def audited(seed: bytes, leaves: Iterable[Listed], size: int) -> list[Listed]:
    """The first `size` of all leaves by their value. Memory for `size` of them."""
    return heapq.nsmallest(size, leaves, key=lambda one: audit_value(seed, one[1]))


def compared(draw: DrawResult, leaves: Iterable[Listed], substitutes: Collection[bytes], size: int) -> list[Listed]:
    """The first `size` of all leaves by their value; fewer if there are not so many. Memory for `size` of them.

    Left out are all who were drawn, even if they lost the seat later, and the `substitutes`.
    """
    left = ((sample_value(draw.seed, one[1]), one) for one in leaves if one[1] not in substitutes)
    return [one for _, one in heapq.nsmallest(size, (pair for pair in left if drawn_seat(draw, *pair[1]) is None))]
