"""The demo works out each draw by itself; here its plain reading meets the application's own."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest

from chalicelib.waves.draw import build_list
from chalicelib.waves.sample import sample_value
from chalicelib.waves.selection import Selection, draw_seed
from local.results import Results
from local.sums.played import net_promoter_score

SIGNATURE = b"s" * 48
NOTE = b"gelombang/draw/1\nentries 133\nquota 30\n"
RESERVED = {11: 4, 31: 5, 32: 6}


@pytest.fixture
def lists() -> dict[int, bytes]:
    chance = random.Random(1)
    counts = {11: 40, 31: 3, 32: 90}
    return {region: build_list(54, region, [chance.randbytes(32) for _ in range(n)]) for region, n in counts.items()}


def split(lists: dict[int, bytes]) -> dict[int, list[bytes]]:
    return {region: [raw[i : i + 32] for i in range(0, len(raw), 32)] for region, raw in lists.items()}


def test_the_plain_sort_draws_as_the_application_does_with_reserved_seats_too(lists: dict[int, bytes]) -> None:
    selection = Selection(lists, RESERVED, 30, draw_seed(NOTE, sha256(SIGNATURE).digest()))
    winners = {leaf for leaf, _ in selection.winners()}
    assert Results(NOTE, split(lists), RESERVED, SIGNATURE, []).drawn() == winners


def test_the_plain_sort_takes_the_same_people_to_compare(lists: dict[int, bytes]) -> None:
    seed = draw_seed(NOTE, sha256(SIGNATURE).digest())
    winners = {leaf for leaf, _ in Selection(lists, RESERVED, 30, seed).winners()}
    leaves = [leaf for region in split(lists).values() for leaf in region]
    substitute = next(leaf for leaf in leaves if leaf not in winners)
    moved = [{"out": next(iter(winners)).hex(), "reason": "revoked", "in": substitute.hex()}]
    left = sorted((leaf for leaf in leaves if leaf not in winners | {substitute}), key=lambda x: sample_value(seed, x))

    published = Results(NOTE, split(lists), RESERVED, SIGNATURE, moved, sample=left[:20], sample_after=1)

    assert published.sampled() == left[:20]


def test_the_net_promoter_score_runs_from_minus_to_plus_100() -> None:
    assert net_promoter_score([]) == 0
    assert net_promoter_score([9, 10]) == 100
    assert net_promoter_score([0, 6]) == -100
    assert net_promoter_score([10, 8, 7, 6]) == 0
