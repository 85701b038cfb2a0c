"""Lists made from packed leaves, the hashes of their runs, and the files that a freeze publishes."""

from __future__ import annotations

import json
import random
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.aws import dynamodb
from chalicelib.draw import leaves, merkle
from chalicelib.draw.errors import DuplicateLeaf
from chalicelib.waves import entries
from chalicelib.waves.rules import SHARDS
from tests.builders.draws.files import QUICKNET, REAL_FROZEN, build_list, commitment_files, plain_root, random_lists
from tests.builders.draws.verify_draw import program

PATIENCE_S = 60.0
"""What never comes is waited for so long."""

LENGTHS = [*range(20), 31, 32, 33, 4095, 4096, 4097, 8192, 8193, 12_288, 12_289, 20_481]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_hashes_of_the_runs_lead_to_the_root(length: int):
    listed = [sha256(n.to_bytes(4, "big")).digest() for n in range(length)]
    hashes = merkle.run_hashes(b"".join(listed))
    runs = [listed[start : start + 4096] for start in range(0, length, 4096)]
    assert hashes == b"".join(map(plain_root, runs)) == program().run_hashes(b"".join(listed))
    assert merkle.root_of(hashes) == merkle.root(b"".join(listed)) == plain_root(listed)


def test_packed_leaves_give_the_lists_of_their_tickets_in_any_order():
    tickets = {region: [random.Random(n * region).randbytes(32) for n in range(500)] for region in (12, 31, 94)}
    unsorted = leaves.Unsorted(54)
    for start in range(0, 500, 70):
        for region in (94, 12, 31):
            unsorted.add(region, tickets[region][start : start + 70])
    assert list(unsorted.lists()) == [(region, build_list(54, region, tickets[region])) for region in (12, 31, 94)]
    assert list(unsorted.lists()) == [], "what was handed out is not kept"


def test_a_list_too_long_for_the_cache_is_sorted_alike_and_finds_the_same_double(monkeypatch: pytest.MonkeyPatch):
    tickets = [random.Random(n).randbytes(32) for n in range(2000)]
    near = build_list(54, 31, tickets)
    assert near == b"".join(sorted(leaves.leaf(54, 31, ticket) for ticket in tickets))
    monkeypatch.setattr(leaves, "_NEAR_BYTES", 1000)
    assert build_list(54, 31, tickets) == near
    with pytest.raises(DuplicateLeaf):
        build_list(54, 31, [*tickets, tickets[77]])


def test_a_duplicate_ticket_is_found():
    unsorted = leaves.Unsorted(54)
    unsorted.add(31, [bytes([n]) * 32 for n in range(9)])
    unsorted.add(31, [b"\x04" * 32])
    with pytest.raises(DuplicateLeaf) as refused:
        list(unsorted.lists())
    assert refused.value.facts == {"region": 31}


@pytest.mark.parametrize(("near_bytes", "most"), [(1 << 20, 210), (1 << 10, 160)], ids=["small", "large"])
def test_packing_a_wave_takes_little_more_memory_than_its_leaves(
    monkeypatch: pytest.MonkeyPatch, near_bytes: int, most: int
):
    """`most`: bytes for each entry of one region."""
    monkeypatch.setattr(leaves, "_NEAR_BYTES", near_bytes)
    people, regions = 100_000, 20
    tickets = [n.to_bytes(32, "big") for n in range(people // regions)]
    tracemalloc.start()
    unsorted = leaves.Unsorted(54)
    for region in range(11, 11 + regions):
        unsorted.add(region, tickets)
    gathered = tracemalloc.get_traced_memory()[0]
    for _, listed in unsorted.lists():
        merkle.run_hashes(listed)
        del listed
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert gathered < people * 32 * 1.15
    # At its highest: the list of one region as bytes, and as objects if it is small, beside the leaves of the others.
    assert peak < gathered + people / regions * most


def test_a_freeze_publishes_exactly_these_files():
    lists = random_lists(54, {31: 5000, 32: 1})
    commitment = leaves.commit_to(54, leaves.region_table(lists, {11: 2}), 9, REAL_FROZEN, QUICKNET)
    files = commitment_files(commitment, lists, {"over_age": 3, "excluded": 1, "barred": 0})
    of_lists = ["leaves/31.bin", "nodes/31.bin", "leaves/32.bin", "nodes/32.bin"]
    assert list(files) == [*of_lists, "regions.json", "removals.json", "note.txt"], "the note comes last"
    assert files["nodes/31.bin"] == merkle.run_hashes(lists[31])
    assert len(files["nodes/31.bin"]) == 64
    assert files["nodes/32.bin"] == lists[32]
    assert files["removals.json"] == (
        b'{"removed":[{"reason":"excluded","entries":1},{"reason":"over_age","entries":3}]}\n'
    )
    assert [row["region"] for row in json.loads(files["regions.json"])] == [11, 31, 32]
    assert commitment_files(commitment, {})["removals.json"] == b'{"removed":[]}\n'


# Several shards at once


def test_every_shard_is_worked_on_once_by_as_many_threads_as_there_are_connections():
    done: list[int] = []
    working: set[int] = set()
    together = threading.Barrier(2)

    def work(shard: int) -> None:
        working.add(threading.get_ident())
        together.wait(PATIENCE_S)
        done.append(shard)

    entries.each_shard(work)
    assert sorted(done) == list(range(SHARDS))
    assert 1 < len(working) <= entries.THREADS
    assert dynamodb._connection("ap-southeast-3").client.meta.config.max_pool_connections > entries.THREADS


def test_an_error_in_one_shard_is_raised_and_no_further_shard_begins(monkeypatch):
    begun: list[int] = []
    over = threading.Event()

    class Pool(ThreadPoolExecutor):
        """Whatever it has begun goes on until it is left."""

        def __exit__(self, *error: Any) -> None:
            over.set()
            super().__exit__(*error)

    def work(shard: int) -> None:
        begun.append(shard)
        if shard == 2:
            raise LookupError
        if shard > 2:
            over.wait(PATIENCE_S)

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", Pool)
    with pytest.raises(LookupError):
        entries.each_shard(work)
    assert len(begun) <= 3 + entries.THREADS
