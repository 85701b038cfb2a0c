"""The sums of the demo: a wave that agrees has no difference, and each planted mistake is named."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.config import Programme
from chalicelib.registration.phones import parse_account_number
from chalicelib.waves.draw import build_list, leaf
from chalicelib.waves.selection import Selection, draw_seed
from local.people import people
from local.player import Diary
from local.results import Results
from local.sums import FAMILY_CAP, Played, differences

WAVE, INCENTIVE = 100_001, 600_000
SIGNATURE = b"s" * 48


@pytest.fixture(scope="module")
def agreeing(programme: Programme) -> Played:
    """A wave of 80 people, drawn and awarded by the application's own selection, each paid but for the failing."""
    diaries = [Diary(person) for person in people(5, 80, date(2026, 11, 24), programme, "0000")]
    chance = random.Random(5)
    for diary in diaries:
        diary.registered, diary.refused = diary.person.refusal is None, diary.person.refusal is not None
        if diary.person.joins:
            region, ticket = int(diary.person.form["province"]), chance.randbytes(32)
            own = leaf(WAVE, region, ticket).hex()
            diary.receipt = {"wave": WAVE, "region": region, "ticket": ticket.hex(), "leaf": own}
    joined = {bytes.fromhex(diary.receipt["leaf"]): diary for diary in diaries if diary.receipt}
    tickets: dict[int, list[bytes]] = {}
    for diary in joined.values():
        tickets.setdefault(diary.receipt["region"], []).append(bytes.fromhex(diary.receipt["ticket"]))
    lists = {region: build_list(WAVE, region, each) for region, each in tickets.items()}
    quota = len(joined) * 3 // 5
    note = f"gelombang/draw/1\nwave {WAVE}\nentries {len(joined)}\nquota {quota}\nreserved 0\n".encode()
    selection = Selection(lists, {}, quota, draw_seed(note, sha256(SIGNATURE).digest()))
    substitutions = award(selection, joined)
    chosen = {leaf for leaf, _ in selection.winners()}
    given_up = {bytes.fromhex(one["out"]): one["reason"] for one in substitutions}
    for own, diary in joined.items():
        told = ("chosen", None) if own in chosen else ("not_chosen", given_up.get(own, "not_drawn"))
        diary.entry = {"standing": told[0], "reason": told[1]}
    results = Results(
        note=note,
        leaves={region: [raw[i : i + 32] for i in range(0, len(raw), 32)] for region, raw in lists.items()},
        reserved={},
        signature=SIGNATURE,
        substitutions=substitutions,
    )
    wave = {"entries": len(joined), "chosen": len(chosen)}
    books = pay([diary for diary in diaries if diary.chosen], programme)
    return Played(diaries, wave, results, books, INCENTIVE, "0000", programme.payouts.codes)


def award(selection: Selection, joined: dict[bytes, Diary]) -> list[dict[str, Any]]:
    """Two seats for a family card; the others' go on."""
    holders: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    seated = [own for own, _ in selection.winners()]
    while seated:
        own = seated.pop(0)
        card = joined[own].person.form["kk"]
        holders[card] += 1
        if holders[card] > FAMILY_CAP:
            one = selection.substitute(own, "family_card")
            found.append(
                {"out": own.hex(), "reason": "family_card", "in": one.incoming.hex() if one.incoming else None}
            )
            seated += [one.incoming] if one.incoming else []
    return found


def pay(chosen: list[Diary], programme: Programme) -> dict[str, Any]:
    """Everyone trained; the books of a provider that pays all but accounts that end in 0000."""
    lines = []
    for diary in chosen:
        diary.reviewed, diary.reminded = True, diary.person.forgets_address
        code, number = diary.person.address["code"], diary.person.address["account_number"]
        fails = number.endswith("0000")
        diary.payouts = [{"state": "under_review" if fails else "paid", "amount_idr": INCENTIVE}]
        account = parse_account_number(programme.payouts.codes[code], number)
        lines.append({"channel_code": f"ID_{code}", "account_number": account, "moved_idr": 0 if fails else INCENTIVE})
    return {"payouts": lines}


def test_a_wave_that_agrees_has_no_difference(agreeing: Played) -> None:
    assert differences(agreeing) == []
    assert agreeing.results.substitutions, "a seat must have gone on for this to mean anything"
    counts = agreeing.counts
    assert counts["registered"] + counts["refused"] == 80
    assert 0 < counts["failed"] < counts["paid"] < counts["chosen"] < counts["joined"]


def test_the_plain_sort_draws_as_the_application_does_with_reserved_seats_too() -> None:
    chance = random.Random(1)
    lists = {
        region: build_list(54, region, [chance.randbytes(32) for _ in range(count)])
        for region, count in ((11, 40), (31, 3), (32, 90))
    }
    leaves = {region: [raw[i : i + 32] for i in range(0, len(raw), 32)] for region, raw in lists.items()}
    note, reserved = b"gelombang/draw/1\nentries 133\nquota 30\n", {11: 4, 31: 5, 32: 6}
    selection = Selection(lists, reserved, 30, draw_seed(note, sha256(SIGNATURE).digest()))
    assert Results(note, leaves, reserved, SIGNATURE, []).drawn() == {leaf for leaf, _ in selection.winners()}


def first(played: Played, wanted: Callable[[Diary], Any]) -> Diary:
    return next(diary for diary in played.diaries if wanted(diary))


def lose_a_person(played: Played) -> None:
    first(played, lambda d: d.registered and not d.receipt).registered = False


def change_a_ticket(played: Played) -> None:
    first(played, lambda d: d.receipt).receipt["ticket"] = "00" * 32


def drop_an_entry(played: Played) -> None:
    next(iter(played.results.leaves.values())).pop()


def choose_somebody_else(played: Played) -> None:
    first(played, lambda d: d.chosen).entry = {"standing": "not_chosen", "reason": "not_drawn"}
    first(played, lambda d: d.receipt and not d.chosen).entry = {"standing": "chosen", "reason": None}


def choose_one_too_many(played: Played) -> None:
    first(played, lambda d: d.receipt and not d.chosen).entry = {"standing": "chosen", "reason": None}


def choose_a_third_of_a_family(played: Played) -> None:
    first(played, lambda d: d.entry and d.entry["reason"] == "family_card").entry = {
        "standing": "chosen",
        "reason": None,
    }


def forget_a_payment(played: Played) -> None:
    next(line for line in played.books["payouts"] if line["moved_idr"])["moved_idr"] = 0


def pay_twice(played: Played) -> None:
    played.books["payouts"].append(next(line for line in played.books["payouts"] if line["moved_idr"]))


def pay_a_rupiah_less(played: Played) -> None:
    first(played, lambda d: d.payouts and d.payouts[0]["state"] == "paid").payouts[0]["amount_idr"] -= 1


def pay_a_stranger(played: Played) -> None:
    next(line for line in played.books["payouts"] if line["moved_idr"])["account_number"] = "1234567890"


def pay_one_that_cannot_be_paid(played: Played) -> None:
    first(played, lambda d: d.payouts and d.payouts[0]["state"] != "paid").payouts[0]["state"] = "paid"


def pay_without_an_address(played: Played) -> None:
    first(played, lambda d: d.reminded).reminded = False


def leave_one_unpaid(played: Played) -> None:
    first(played, lambda d: d.payouts).payouts = []


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        (lose_a_person, "people: registered_and_refused 79, people 80"),
        (change_a_ticket, "does not follow from its ticket"),
        (drop_an_entry, "the entry is not in the published list"),
        (choose_somebody_else, "the published draw says"),
        (choose_one_too_many, "seats: "),
        (choose_a_third_of_a_family, "3 people on one family card"),
        (forget_a_payment, "rupiah paid: "),
        (pay_twice, "and 1200000 moved"),
        (pay_a_rupiah_less, "told of 599999 rupiah, and 600000 moved"),
        (pay_a_stranger, "to an account of nobody's"),
        (pay_one_that_cannot_be_paid, "incentives that could not be paid: failed"),
        (leave_one_unpaid, "incentives: due"),
        (pay_without_an_address, "told of a missing address: False"),
    ],
)
def test_a_planted_mistake_is_named(agreeing: Played, mistake: Callable[[Played], None], named: str) -> None:
    wrong = replace(
        agreeing,
        diaries=deepcopy(agreeing.diaries),
        results=deepcopy(agreeing.results),
        books=deepcopy(agreeing.books),
    )
    mistake(wrong)
    assert [found for found in differences(wrong) if named in found]
