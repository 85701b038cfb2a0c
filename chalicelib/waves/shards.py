"""All partitions of a wave's entries, several at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .rules import SHARDS

THREADS = 8
"""A client keeps ten connections, and one of them is the caller's."""


def each_shard(work: Callable[[int], None]) -> None:
    """Do `work` for every shard, from 0. What it raises first is raised here, once those that were begun have ended."""
    with ThreadPoolExecutor(THREADS, "shard") as pool:
        for _ in pool.map(work, range(SHARDS)):
            pass
