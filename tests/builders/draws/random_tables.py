"""Tables to draw from that nobody would write by hand: seeded, and every special case of docs/draw.md among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from chalicelib.draw.selection import allot

PROVINCES = [11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 31, 32, 33, 34, 35, 36, 51, 52, 53, 61, 62, 63, 64, 65, 71, 72, 73]
PROVINCES += [74, 75, 76, 81, 82, 91, 92, 93, 94, 95, 96]
MANY = 400
"""More than the first band of a selection has when a few are chosen, so that some go on to the next one."""


@dataclass(frozen=True, slots=True)
class Table:
    """One draw: `lists` is region to leaves (none empty), `weights` region to w_r, `reserved` is R.

    `leaving` says who gives the seat up, one after the other: each is a place, modulo how many hold a seat then, in the
    order of their leaves.
    """

    name: str
    wave: int
    lists: dict[int, bytes]
    weights: dict[int, int]
    reserved: int
    quota: int
    seed: bytes
    leaving: tuple[int, ...]

    @property
    def seats(self) -> dict[int, int]:
        """The reserved seats by region, as the application shares them out."""
        return allot(self.reserved, self.weights)

    @property
    def sizes(self) -> dict[int, int]:
        """N_r of the regions with entries."""
        return {region: len(leaves) // 32 for region, leaves in self.lists.items()}


CASES: dict[str, Callable[[Table], bool]] = {
    "no entries at all": lambda t: not t.lists,
    "one region": lambda t: len(t.lists) == 1,
    "a region with seats and no entries": lambda t: any(region not in t.lists for region in t.seats),
    "fewer entries than seats in a region": lambda t: any(0 < t.sizes.get(r, 0) < q for r, q in t.seats.items()),
    "entries without seats or weight": lambda t: bool(t.lists.keys() - t.weights.keys()),
    "a weight of nothing": lambda t: 0 in t.weights.values(),
    "only weights of nothing": lambda t: bool(t.weights) and not any(t.weights.values()),
    "a weight and no seat": lambda t: any(t.weights[r] and r not in t.seats for r in t.weights),
    "equal remainders for the last seat": lambda t: tied(t.reserved, t.weights),
    "weights beyond 32 bits": lambda t: t.reserved * max(t.weights.values(), default=0) >= 1 << 53,
    "no seats": lambda t: t.quota == 0,
    "no reserved seats": lambda t: t.quota > 0 and not t.seats,
    "all seats reserved": lambda t: t.quota > 0 and sum(t.seats.values()) == t.quota,
    "some seats reserved": lambda t: 0 < sum(t.seats.values()) < t.quota,
    "more seats than entries": lambda t: t.quota > sum(t.sizes.values()) > 0,
    "as many seats as entries": lambda t: t.quota == sum(t.sizes.values()) > 0,
    "few of many": lambda t: sum(t.sizes.values()) >= MANY > 20 * t.quota > 0,
    "nobody is left for a seat": lambda t: len(t.leaving) + t.quota > sum(t.sizes.values()) > 0,
}
"""What a table may be. A test holds the generator to make each."""


def tied(reserved: int, weights: dict[int, int]) -> bool:
    """Whether two regions have the same remainder, of which one gets a seat more and one does not."""
    whole = sum(weights.values())
    if not whole:
        return False
    remainders = sorted((reserved * weight % whole for weight in weights.values()), reverse=True)
    left = sum(remainders) // whole
    return 0 < left < len(remainders) and remainders[left - 1] == remainders[left]


def random_table(number: int) -> Table:
    """The table of a number, the same for ever."""
    random = Random(number)
    regions = random.sample(PROVINCES, random.choice([1, 2, 3, 5, 8, len(PROVINCES)]))
    sizes = {region: _size(random, len(regions)) for region in regions}
    if random.random() < 0.02:
        sizes = {}
    entries = sum(sizes.values())
    quota = random.choice(
        [
            0,
            1,
            entries,
            entries + random.randint(1, 9),
            *(random.randint(0, entries) for _ in range(5)),
            random.randint(0, entries // 20),
        ]
    )
    reserved = random.choice([0, quota, random.randint(0, quota), random.randint(0, quota)])
    weighed = random.sample(regions, random.randint(1, len(regions)))
    weighed += random.sample(PROVINCES, random.randint(0, 2))
    weights = dict(zip(dict.fromkeys(weighed), _weights(random, len(weighed)), strict=False))
    return Table(
        name=f"table {number}",
        wave=random.randint(1, 2**32 - 1),
        lists={region: _leaves(random, size) for region, size in sizes.items() if size},
        weights=weights,
        reserved=reserved,
        quota=quota,
        seed=random.randbytes(32),
        leaving=tuple(random.randrange(1 << 20) for _ in range(random.choice([0, 3, 12]))),
    )


def _size(random: Random, regions: int) -> int:
    if regions <= 2 and random.random() < 0.2:
        return MANY + random.randint(0, 99)
    return random.choice([0, 0, 1, 2, 3, random.randint(0, 10), random.randint(0, 60 // regions)])


def _weights(random: Random, regions: int) -> list[int]:
    kind = random.choice(["equal", "small", "people", "vast", "some", "none"])
    return {
        "equal": lambda: [random.randint(1, 9)] * regions,
        "small": lambda: [random.randint(0, 4) for _ in range(regions)],
        "people": lambda: [random.randint(100_000, 50_000_000) for _ in range(regions)],
        "vast": lambda: [random.randint(1 << 50, 1 << 62) for _ in range(regions)],
        "some": lambda: [random.choice([0, random.randint(1, 100)]) for _ in range(regions)],
        "none": lambda: [0] * regions,
    }[kind]()


def _leaves(random: Random, size: int) -> bytes:
    return b"".join(sorted(random.randbytes(32) for _ in range(size)))
