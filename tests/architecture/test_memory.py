"""Each function has the memory that it needs for the largest wave there is to be: ten million entries."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from uuid import uuid4

from chalicelib.draw.leaves import LEAF_BYTES
from chalicelib.waves.award.award import LeafOwners
from chalicelib.waves.entries import Row
from chalicelib.waves.rules import SHARDS
from infrastructure.functions import FUNCTIONS

MEMORY_MB = {function.name: function.memory_mb for function in FUNCTIONS}
MB = 1 << 20
LARGEST = 10_000_000
SAMPLE = 20_000
STARTED_MB = 200
"""What a function has taken before it does anything: Python, the SDK, our own modules."""


ROSTER_MB = 1_300
"""What it may take to know whose ten million leaves are."""


def entries(shard: int) -> Iterator[Iterator[Row]]:
    """One page of a shard: people of all provinces, half of them from four."""
    yield people(range(shard, SAMPLE, SHARDS))


def people(numbers: range) -> Iterator[Row]:
    for number in numbers:
        region = 31 + number % 4 if number % 2 else 11 + number % 38
        yield str(uuid4()), region, os.urandom(32), None


def test_whatever_awards_places_holds_the_largest_wave_in_memory():
    tracemalloc.start()
    roster = LeafOwners(54, entries)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del roster
    whole = LARGEST * peak / SAMPLE / MB
    assert whole < ROSTER_MB
    needed = whole + LARGEST * LEAF_BYTES / MB + STARTED_MB
    for name in ("advance", "open_wave", "close_wave", "expire_places"):
        assert needed < MEMORY_MB[name], name


def test_whatever_reads_all_entries_of_a_wave_has_a_whole_processor():
    """Lambda gives one with 1,769 MB; with less, ten million entries would not be read before the function ends."""
    for name in ("advance", "open_wave", "close_wave", "expire_places", "open_surveys"):
        assert MEMORY_MB[name] >= 1769, name
