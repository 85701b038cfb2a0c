"""Whose a leaf is: what is packed into bytes comes out as it went in."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.draw.leaves import leaf
from chalicelib.waves.award import LeafOwner, LeafOwners, Pages
from chalicelib.waves.entries import Candidate, Row
from chalicelib.waves.errors import ListChanged
from chalicelib.waves.rules import EntryOutcome

WAVE = 145


def ticket(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def paged(everybody: list[Candidate]) -> Pages:
    """In three of the shards, five on a page."""

    def pages(shard: int) -> Iterator[list[Row]]:
        own = everybody[shard::3] if shard < 3 else []
        for start in range(0, len(own), 5):
            yield [(one.registrant_id, one.region, one.ticket, one.outcome) for one in own[start : start + 5]]

    return pages


WHO = st.text("0123456789abcdef-", min_size=1, max_size=36)
ENTRIES = st.dictionaries(
    WHO, st.tuples(st.integers(10, 99), st.one_of(st.none(), st.sampled_from(list(EntryOutcome)))), max_size=400
)


@settings(max_examples=60)
@given(entries=ENTRIES)
def test_every_entry_is_found_by_its_leaf_and_nobody_by_another(entries):
    everybody = [
        Candidate(who, region, ticket(number), outcome)
        for number, (who, (region, outcome)) in enumerate(entries.items())
    ]
    wanted = frozenset(list(entries)[::3])
    roster = LeafOwners(WAVE, paged(everybody), wanted)
    for one in everybody:
        own = leaf(WAVE, one.region, one.ticket)
        assert roster.whose(own) == LeafOwner(one.registrant_id, one.region, one.outcome)
        if one.registrant_id in wanted:
            assert roster.leaf_of(one.registrant_id) == own
        with pytest.raises(ListChanged):
            roster.whose(leaf(WAVE + 1, one.region, one.ticket))
    with pytest.raises(ListChanged):
        roster.leaf_of("nobody")


def test_leaves_at_the_ends_of_the_order_are_told_apart_from_what_is_not_there():
    roster = LeafOwners(WAVE, paged([Candidate("a", 31, ticket(0), EntryOutcome.CHOSEN)]))
    own = leaf(WAVE, 31, ticket(0))
    assert roster.whose(own).registrant_id == "a"
    for absent in (own[:31] + bytes([own[31] ^ 1]), bytes([own[0]]) + bytes(31), bytes([own[0]]) + b"\xff" * 31):
        with pytest.raises(ListChanged):
            roster.whose(absent)


def test_an_id_that_does_not_fit_is_refused_and_not_cut():
    with pytest.raises(ValueError, match="too long"):
        LeafOwners(WAVE, paged([Candidate("a" * 37, 31, ticket(0), None)]))
