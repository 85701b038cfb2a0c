"""Other ways to draw a wave, and what no way can do without."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Mapping
from hashlib import sha256
from struct import iter_unpack

from chalicelib.draw.leaves import leaf, leaves_of
from chalicelib.draw.selection import OPEN
from chalicelib.waves.entries import EntryItem
from chalicelib.waves.rules import SHARDS

from .draw_pages import ATTRIBUTES, WAVE, partition


def read_plainly() -> dict[int, list[bytes]]:
    """Leaves by region: one object of the table's model after the other."""
    leaves: dict[int, list[bytes]] = {}
    for shard in range(SHARDS):
        for item in EntryItem.query(partition(shard), attributes_to_get=list(ATTRIBUTES), consistent_read=True):
            if item.outcome is None:
                region = int(item.region)
                leaves.setdefault(region, []).append(leaf(WAVE, region, item.ticket))
    return leaves


def choose_plainly(
    leaves: Mapping[int, list[bytes]], reserved: Mapping[int, int], quota: int, seed: bytes
) -> list[tuple[bytes, str]]:
    """Who is chosen, written as the rules are read: an `hmac.new` for each, a sort of all."""
    chosen: dict[bytes, str] = {}
    for region, seats in sorted(reserved.items()):
        some = leaves.get(region, [])
        ranks = {each: hmac.new(seed, b"gelombang1/rank\0" + each, sha256).digest() for each in some}
        chosen |= dict.fromkeys(sorted(some, key=lambda each: (ranks[each], each))[:seats], str(region))
    others = [each for some in leaves.values() for each in some if each not in chosen]
    values = {each: hmac.new(seed, b"gelombang1/open\0" + each, sha256).digest() for each in others}
    chosen |= dict.fromkeys(sorted(others, key=lambda each: (values[each], each))[: quota - len(chosen)], OPEN)
    return list(chosen.items())


def insert(lists: Mapping[int, bytes]) -> sqlite3.Connection:
    """Every leaf in a table of SQLite's, in memory."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE entries (leaf BLOB NOT NULL, region INTEGER NOT NULL)")
    for region, leaves in lists.items():
        database.executemany("INSERT INTO entries VALUES (?, ?)", ((each, region) for each in leaves_of(leaves)))
    return database


def order_by_random(database: sqlite3.Connection, quota: int) -> list[tuple[bytes]]:
    """The draw that nobody can repeat."""
    return database.execute("SELECT leaf FROM entries ORDER BY random() LIMIT ?", (quota,)).fetchall()


def hash_alone(lists: Mapping[int, bytes]) -> bool:
    """The floor of a commitment: a SHA-256 for each leaf and one for each node above, the results thrown away.

    The leaves stand for the tickets, which are as long.
    """
    for region, leaves in lists.items():
        copy = sha256(b"\x00gelombang1/leaf\0" + WAVE.to_bytes(4, "big") + region.to_bytes(2, "big")).copy
        for (ticket,) in iter_unpack("32s", leaves):
            state = copy()
            state.update(ticket)
            state.digest()
    copy = sha256(b"\x01").copy
    for leaves in lists.values():
        whole = len(leaves) // 64 * 64
        for _ in range(2):  # there are as many nodes as leaves, less one, and half as many pairs of leaves
            for (pair,) in iter_unpack("64s", leaves[:whole]):
                state = copy()
                state.update(pair)
                state.digest()
    return True


def hmac_alone(lists: Mapping[int, bytes], reserved: Mapping[int, int], seed: bytes) -> bool:
    """The floor of a selection: an open value for each leaf, a rank where seats are reserved, nothing compared."""
    for region, leaves in lists.items():
        for tag in (b"gelombang1/open\0", b"gelombang1/rank\0")[: 2 if reserved.get(region) else 1]:
            key = seed.ljust(64, b"\0")
            inner_copy = sha256(bytes(byte ^ 0x36 for byte in key) + tag).copy
            outer_copy = sha256(bytes(byte ^ 0x5C for byte in key)).copy
            for (entry,) in iter_unpack("32s", leaves):
                inner, outer = inner_copy(), outer_copy()
                inner.update(entry)
                outer.update(inner.digest())
                outer.digest()
    return True
