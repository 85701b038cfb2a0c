"""Money: what people earned, what they were told has been paid, and what moved by the provider's books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.registration.identity import parse_account_number

from ..players.crowd import Diary
from ..players.surveys import SURVEY_1
from ..players.training import INCENTIVE
from .played import Played, unequal


def differences(played: Played) -> Iterator[str]:
    yield from _sums(played)
    lines = played.books["payouts"]
    moved: Counter[tuple[str, str]] = Counter()
    for line in lines:
        moved[line["channel_code"], line["account_number"]] += line["moved_idr"]
    for diary in played.diaries:
        yield from _person(played, diary, moved.pop(_account(diary, played.kinds), 0))
    yield from (f"{amount} rupiah moved to an account of nobody's" for amount in moved.values() if amount)


def _sums(played: Played) -> Iterator[str]:
    counts, due = played.counts, [diary for diary in played.diaries if INCENTIVE in diary.due]
    yield from unequal("incentives", due=len(due), paid_and_failed=counts["paid"] + counts["failed"])
    unpayable = sum(diary.person.address["account_number"].endswith(played.failing_suffix) for diary in due)
    yield from unequal("incentives that could not be paid", failed=counts["failed"], accounts_never_paid=unpayable)
    answered = sum(SURVEY_1 in diary.due for diary in played.diaries)
    yield from unequal(
        "rupiah paid",
        people=played.told_idr,
        books=sum(line["moved_idr"] for line in played.books["payouts"]),
        incentives_and_surveys=counts["paid"] * played.scheme.incentive_idr + answered * played.scheme.survey_idr,
    )


def _person(played: Played, diary: Diary, moved_idr: int) -> Iterator[str]:
    who = f"person {diary.person.number}"
    amounts = {INCENTIVE: played.scheme.incentive_idr, SURVEY_1: played.scheme.survey_idr}
    if diary.due and diary.person.forgets_address != diary.reminded:
        yield f"{who}: told of a missing address: {diary.reminded}"
    kinds = Counter(payout["kind"] for payout in diary.payouts)
    if kinds != Counter(diary.due):
        yield f"{who} earned {sorted(diary.due)} and is shown {sorted(kinds.elements())}"
    for payout in diary.payouts:
        if payout["amount_idr"] != amounts.get(payout["kind"]):
            yield f"{who} is shown {payout['amount_idr']} rupiah for {payout['kind']}"
    paid = sum(payout["amount_idr"] for payout in diary.payouts if payout["state"] == "paid")
    if moved_idr != paid:
        yield f"{who} was told of {paid} rupiah, and {moved_idr} moved"


def _account(diary: Diary, kinds: Mapping[str, Any]) -> tuple[str, str]:
    address = diary.person.address
    return f"ID_{address['code']}", parse_account_number(kinds[address["code"]], address["account_number"])
