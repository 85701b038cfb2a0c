"""The Merkle tree hash of RFC 9162 section 2.1.1, over leaves that are hashes already. Standard library only."""

from __future__ import annotations

from hashlib import sha256
from struct import iter_unpack

HASH_BYTES = 32
_BLOCK_BYTES = 4096 * HASH_BYTES
"""A power of two of leaves, so that every full block is a whole subtree; bounds the memory of a tree of any size."""


def root(leaves: bytes) -> bytes:
    """The tree hash of `leaves` (32 bytes each, end to end): empty = H(""), node = H(0x01 || left || right).

    A single leaf is its own root. The tree over n leaves splits at the largest power of two below n.
    """
    if not leaves:
        return sha256().digest()
    subtrees: list[tuple[int, bytes]] = []  # (full blocks below, hash), the sizes falling from left to right
    for start in range(0, len(leaves) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
        blocks, node = 1, _small_root(leaves[start : start + _BLOCK_BYTES])
        while subtrees and subtrees[-1][0] == blocks:
            node = _node(subtrees.pop()[1] + node)
            blocks *= 2
        subtrees.append((blocks, node))
    rest = leaves[len(leaves) // _BLOCK_BYTES * _BLOCK_BYTES :]
    node = _small_root(rest) if rest else subtrees.pop()[1]
    while subtrees:
        node = _node(subtrees.pop()[1] + node)
    return node


def _node(children: bytes) -> bytes:
    return sha256(b"\x01" + children).digest()


def _small_root(nodes: bytes) -> bytes:
    while len(nodes) > HASH_BYTES:
        nodes = level_above(nodes)
    return nodes


def level_above(nodes: bytes) -> bytes:
    """Neighbours are paired and an odd last one is carried up: level by level, this gives the tree of the RFC."""
    paired = len(nodes) // 64 * 64
    pairs = iter_unpack("64s", nodes[:paired])
    return b"".join([sha256(b"\x01" + pair).digest() for (pair,) in pairs]) + nodes[paired:]
