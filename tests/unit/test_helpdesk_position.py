"""A leaf's place is found by few reads of any list: even, clustered, hostile, long."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from math import log2

import pytest

from chalicelib.helpdesk import position
from chalicelib.waves.draw import LEAF_BYTES


class Published:
    """A list that counts how it is read."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.reads: list[int] = []

    def read(self, first: int, count: int) -> bytes:
        assert 0 <= first < first + count <= len(self.leaves), "a read never leaves the list"
        self.reads.append(count)
        return b"".join(self.leaves[first : first + count])

    def find(self, leaf: bytes, window: int) -> int | None:
        self.reads = []
        found = position.find(leaf, len(self.leaves), self.read, window)
        assert len(self.reads) <= 2 * log2(max(2, len(self.leaves) / window)) + 2
        assert all(count <= window for count in self.reads)
        return found


class Even:
    """A list of any length whose nth leaf is known without having it: evenly spread, each off its place by a hash."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.reads = 0

    def leaf(self, index: int) -> bytes:
        step = (1 << 256) // self.length
        jitter = int.from_bytes(sha256(str(index).encode()).digest(), "big") % step
        return (index * step + jitter).to_bytes(LEAF_BYTES, "big")

    def read(self, first: int, count: int) -> bytes:
        self.reads += 1
        return b"".join(self.leaf(index) for index in range(first, first + count))


def number(value: int) -> bytes:
    return value.to_bytes(LEAF_BYTES, "big")


def hashes(count: int) -> list[bytes]:
    return sorted(sha256(str(n).encode()).digest() for n in range(count))


HOSTILE = {
    "one": [number(5)],
    "lowest and highest": [number(0), number(2**256 - 1)],
    "all at the bottom": [number(n) for n in range(3000)],
    "all at the top": [number(2**256 - 1 - n) for n in reversed(range(3000))],
    "two clusters": [number(n) for n in range(1500)] + [number(2**256 - 1500 + n) for n in range(1500)],
    "ever sparser": [number(2**n) for n in range(256)],
    "one far away": [*(number(n) for n in range(2999)), number(2**255)],
    "even": hashes(3000),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("window", [1, 16, 4096])
def test_every_leaf_of_a_list_is_found_and_no_other(name, window):
    listed = Published(HOSTILE[name])
    some = range(0, len(listed.leaves), max(1, len(listed.leaves) // 97))
    assert [listed.find(listed.leaves[index], window) for index in some] == list(some)
    present = set(listed.leaves)
    for leaf in absent(listed.leaves):
        if leaf not in present:
            assert listed.find(leaf, window) is None


def absent(leaves: list[bytes]) -> Iterator[bytes]:
    yield from (number(0), number(2**256 - 1), sha256(b"absent").digest())
    for leaf in leaves[:: max(1, len(leaves) // 29)]:
        value = int.from_bytes(leaf, "big")
        yield from (number(one) for one in (value - 1, value + 1) if 0 <= one < 2**256)


def test_a_list_that_is_not_ascending_ends_too():
    listed = Published(list(reversed(hashes(3000))))
    for leaf in listed.leaves[::100]:
        assert listed.find(leaf, 16) in {None, listed.leaves.index(leaf)}


def test_an_empty_list_has_no_leaf_and_is_not_read():
    listed = Published([])
    assert listed.find(number(1), 16) is None
    assert listed.reads == []


def test_in_a_list_as_it_is_published_one_or_two_reads_are_enough():
    listed = Published(hashes(20_000))
    taken = []
    for index in range(0, 20_000, 501):
        assert listed.find(listed.leaves[index], 256) == index
        taken.append(len(listed.reads))
    # 256 leaves are 3.6 standard deviations of 20,000, as 4,096 are 2.6 of ten million.
    assert max(taken) <= 2
    assert taken.count(1) > len(taken) * 0.8


def test_ten_million_entries_are_never_loaded():
    listed = Even(10_000_000)
    assert position.find(listed.leaf(6_543_210), listed.length, listed.read) == 6_543_210
    assert listed.reads == 1


@pytest.mark.parametrize("part", [b"", b"half a leaf"])
def test_a_part_that_is_not_whole_leaves_is_an_error_not_a_missing_leaf(part):
    with pytest.raises(ValueError, match="whole leaves"):
        position.find(number(1), 10, lambda _first, _count: part)
