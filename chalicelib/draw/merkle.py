"""The Merkle tree hash of RFC 9162 section 2.1.1, over leaves that are hashes already. Standard library only."""

from __future__ import annotations

from hashlib import sha256
from struct import iter_unpack

HASH_BYTES = 32
RUN = 4096
"""Leaves whose tree hash is published. A power of two, so that every full run is a whole subtree."""

_RUN_BYTES = RUN * HASH_BYTES
_BEGUN = sha256(b"\x01").copy


def root(leaves: bytes) -> bytes:
    """The tree hash of `leaves` (32 bytes each, end to end): empty = H(""), node = H(0x01 || left || right).

    A single leaf is its own root. The tree over n leaves splits at the largest power of two below n.
    """
    return root_of(run_hashes(leaves))


def run_hashes(leaves: bytes) -> bytes:
    """The tree hash of each run of `leaves`, end to end; the last run may be shorter. One pass in little memory."""
    return b"".join(
        [_climbed(leaves[start : start + _RUN_BYTES]) for start in range(0, len(leaves), _RUN_BYTES)],
    )


def root_of(runs: bytes) -> bytes:
    """The root of the leaves whose `run_hashes` these are: the tree over n leaves splits where a run begins."""
    return _climbed(runs) if runs else sha256().digest()


def _climbed(nodes: bytes) -> bytes:
    while len(nodes) > HASH_BYTES:
        nodes = level_above(nodes)
    return nodes


def level_above(nodes: bytes) -> bytes:
    """One level up: neighbours are paired, and an odd last one moves up as it is. Level by level this is the RFC's
    tree.
    """
    paired = len(nodes) // 64 * 64
    above = []
    for (pair,) in iter_unpack("64s", nodes[:paired]):
        state = _BEGUN()  # a copied state is cheaper than a new one
        state.update(pair)
        above.append(state.digest())
    return b"".join(above) + nodes[paired:]
