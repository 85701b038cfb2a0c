"""The demo's own recomputation of a draw compared with the application's draw."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest

from chalicelib.config import Programme
from chalicelib.draw.selection import Selection, draw_seed, sample_value
from chalicelib.payouts.plans.plan_rules import INCENTIVES
from local.demo import checks
from local.demo.crowd import Diary
from local.demo.people import newcomers, people
from local.demo.results import Played, Results, net_promoter_score
from tests.builders.draws.files import build_list

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


def test_the_plain_sort_selects_the_same_comparison_sample(lists: dict[int, bytes]) -> None:
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


def family_of_three(programme: Programme) -> Played:
    """Three on one family card and two seats; of the two who were drawn the first has lost the place to the third."""
    invented = [p for p in people(7, 60, date(2026, 1, 5), programme, "9") if p.refusal is None and p.joins][:3]
    for person in invented:
        person.form.update(kk=invented[0].form["kk"], province="31")
    diaries = [
        Diary(person, registered=True, receipt={"wave": 54, "leaf": "", "ticket": f"{number:064x}"})
        for number, person in enumerate(invented)
    ]
    raw = build_list(54, 31, [bytes.fromhex(str(diary.receipt["ticket"])) for diary in diaries if diary.receipt])
    results = Results(b"entries 3\nquota 2\n", split({31: raw}), {}, SIGNATURE, [])
    played = Played(diaries, {"entries": 3, "chosen": 2}, results, {}, programme.scheme(54), "9", {}, {}, {})
    leaves = {leaf: diary for diary, leaf in played.joined()}
    out, kept = sorted(results.drawn())
    (new,) = set(leaves) - {out, kept}
    results.substitutions.append({"out": out.hex(), "reason": "revoked", "in": new.hex()})
    leaves[out].entry, leaves[kept].entry = (
        {"standing": "revoked", "reason": None},
        {"standing": "chosen", "reason": None},
    )
    leaves[new].entry, leaves[new].substitute = {"standing": "chosen", "reason": None}, True
    return played


def about_cards(played: Played) -> list[str]:
    return [
        found
        for found in (*checks._seats(played), *checks._standings(played))
        if "card" in found or found.startswith("seats")
    ]


def test_a_lost_place_frees_the_family_card(programme: Programme) -> None:
    assert about_cards(family_of_three(programme)) == []


def test_a_seat_given_up_for_a_card_that_is_not_full_is_named(programme: Programme) -> None:
    played = family_of_three(programme)
    (moved,) = played.results.substitutions
    moved["reason"] = "family_card"
    for diary in played.diaries:
        if diary.revoked:
            diary.entry = {"standing": "not_chosen", "reason": "family_card"}
        elif diary.substitute:
            diary.person.form["kk"] = "3171010101010001"
    (found,) = about_cards(played)
    assert found.endswith("gave up a seat for a family card that is not full")


def test_an_instalment_that_is_missing_in_the_second_act_is_named(programme: Programme) -> None:
    scheme = next(one for one in programme.schemes if one.version == "2020")
    [person] = newcomers(1, date(2026, 1, 5), programme, "9", 3)
    kinds = [kind.value for kind in INCENTIVES[: scheme.incentives]]
    paid = [{"kind": kind, "state": "paid", "amount_idr": 600_000} for kind in kinds]
    second = [Diary(person, due=set(kinds), payouts=list(paid))]
    played = replace(
        family_of_three(programme), kinds=programme.payouts.kinds, second=second, second_scheme=scheme, books={}
    )
    channel, number = checks.account(second[0], played.kinds)
    line = {"channel_code": channel, "account_number": number, "moved_idr": 2_400_000}
    played = replace(played, books={"payouts": [line]})

    def named() -> list[str]:
        return [one for one in (*checks._sums(played), *checks._accounts(played)) if "incentives" not in one[:10]]

    assert (played.counts["instalments"], named()) == (4, [])
    second[0].payouts.pop()
    assert [one.partition(":")[0] for one in named()] == [
        "rupiah paid",
        "rupiah of the second act",
        "person 4 earned ['INCENTIVE', 'INCENTIVE_2', 'INCENTIVE_3', 'INCENTIVE_4'] and is shown "
        "['INCENTIVE', 'INCENTIVE_2', 'INCENTIVE_3']",
        "person 4 was told of 1800000 rupiah, and 2400000 moved",
    ]
