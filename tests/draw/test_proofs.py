"""A leaf is found with few reads in any list (even, clustered, hostile, long), and its path leads to the root."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from math import log2

import pytest

from chalicelib.draw import merkle, proofs, published
from chalicelib.draw.leaves import LEAF_BYTES, Region
from tests.builders.draws.files import plain_root
from tests.builders.draws.verify_draw import program

root_by_path = program().root_by_path


class Published:
    """A list that counts how it is read."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.reads: list[int] = []

    def read(self, first: int, count: int) -> bytes:
        assert 0 <= first < first + count <= len(self.leaves), "a read never leaves the list"
        self.reads.append(count)
        return b"".join(self.leaves[first : first + count])

    def find(self, leaf: bytes, run: int) -> int | None:
        self.reads = []
        found = proofs.find(leaf, len(self.leaves), self.read, run)
        assert len(self.reads) <= 2 * log2(max(2, len(self.leaves) / run)) + 3
        assert all(count <= run for count in self.reads)
        if found is None:
            return None
        start = found.index // run * run
        assert found.run == b"".join(self.leaves[start : start + run])
        return found.index


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
@pytest.mark.parametrize("run", [1, 16, 4096])
def test_every_leaf_of_a_list_is_found_and_no_other(name, run):
    listed = Published(HOSTILE[name])
    some = range(0, len(listed.leaves), max(1, len(listed.leaves) // 97))
    assert [listed.find(listed.leaves[index], run) for index in some] == list(some)
    present = set(listed.leaves)
    for leaf in absent(listed.leaves):
        if leaf not in present:
            assert listed.find(leaf, run) is None


def absent(leaves: list[bytes]) -> Iterator[bytes]:
    yield from (number(0), number(2**256 - 1), sha256(b"absent").digest())
    for leaf in leaves[:: max(1, len(leaves) // 29)]:
        value = int.from_bytes(leaf, "big")
        yield from (number(one) for one in (value - 1, value + 1) if 0 <= one < 2**256)


def test_a_search_in_an_unsorted_list_ends():
    listed = Published(list(reversed(hashes(3000))))
    for leaf in listed.leaves[::100]:
        assert listed.find(leaf, 16) in {None, listed.leaves.index(leaf)}


def test_an_empty_list_has_no_leaf_and_is_not_read():
    listed = Published([])
    assert listed.find(number(1), 16) is None
    assert listed.reads == []


def test_a_search_in_a_published_list_needs_few_reads():
    listed = Published(hashes(20_000))
    taken = []
    for index in range(0, 20_000, 501):
        assert listed.find(listed.leaves[index], 256) == index
        taken.append(len(listed.reads))
    # 256 leaves are 3.6 standard deviations of 20,000, as 4,096 are 2.6 of ten million.
    assert max(taken) <= 2
    assert sum(taken) < 1.4 * len(taken)


def test_a_search_never_loads_ten_million_entries():
    listed = Even(10_000_000)
    found = proofs.find(listed.leaf(6_543_210), listed.length, listed.read)
    assert found is not None
    assert found.index == 6_543_210
    assert listed.reads == 1


@pytest.mark.parametrize("part", [b"", b"half a leaf"])
def test_a_part_that_cuts_a_leaf_is_an_error(part):
    with pytest.raises(ValueError, match="leaves that were asked for"):
        proofs.find(number(1), 10, lambda _first, _count: part)


def plain_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1, as it is written there."""
    if len(leaves) < 2:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*plain_path(index, leaves[:split]), plain_root(leaves[split:])]
    return [*plain_path(index - split, leaves[split:]), plain_root(leaves[:split])]


@pytest.mark.parametrize("entries", range(1, 34))
def test_every_path_is_that_of_the_rfc_and_leads_to_the_root_and_no_other_does(entries):
    leaves = hashes(entries)
    listed, root = b"".join(leaves), plain_root(leaves)
    for index, leaf in enumerate(leaves):
        path = proofs.inclusion_path(listed, index)
        assert path == plain_path(index, leaves)
        assert root_by_path(leaf, index, entries, path) == root
        other = [root_by_path(leaf, place, entries, path) for place in range(entries) if place != index]
        assert root not in other
        assert root_by_path(number(7), index, entries, path) != root
        for wrong in (path[:-1] if path else [leaf], [*path, leaf], [*path[1:], leaf] if path else [leaf]):
            assert root_by_path(leaf, index, entries, wrong) != root


class Files:
    """The published files of one list; `read` is what may be read of them."""

    def __init__(self, leaves: list[bytes]) -> None:
        listed = b"".join(leaves)
        self.row = Region(31, len(leaves), 0, merkle.root(listed))
        self.files = {published.leaves_name(31): listed, published.nodes_name(31): merkle.run_hashes(listed)}
        self.reads: list[tuple[str, int]] = []

    def read(self, name: str, start: int, length: int) -> bytes:
        self.reads.append((name, length))
        return self.files[name][start : start + length]


@pytest.mark.parametrize("entries", [1, 4095, 4096, 4097, 12_288, 12_289, 20_000])
def test_a_proof_is_made_of_a_run_or_two_and_the_nodes_and_leads_to_the_committed_root(entries):
    leaves = hashes(entries)
    files = Files(leaves)
    for index in {0, entries // 3, entries - 1}:
        files.reads = []
        found = proofs.prove(files.row, leaves[index], files.read)
        assert found is not None
        assert (found.index, found.entries) == (index, entries)
        assert root_by_path(leaves[index], index, entries, found.path) == files.row.root
        assert len(files.reads) <= 3
        assert all(length <= -(-entries // 4096) * 32 or length <= 4096 * 32 for _, length in files.reads)
    assert proofs.prove(files.row, number(7), files.read) is None
