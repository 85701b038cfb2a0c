"""Do the sums agree? What the people were told, what was published, and what the provider's books say, compared.

Every difference is a sentence of its own, without personal data. All of it is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import pack
from typing import Any

from chalicelib.registration.phones import parse_account_number

from .player import Diary
from .results import Results

FAMILY_CAP = 2


@dataclass(frozen=True)
class Played:
    """A wave that has been played.

    `wave` is its public view, `books` the provider's report, `incentive_idr` what each who trained is due;
    `failing_suffix` ends the account numbers that the provider never pays, `kinds` says which codes are wallets.
    """

    diaries: Sequence[Diary]
    wave: Mapping[str, Any]
    results: Results
    books: Mapping[str, Any]
    incentive_idr: int
    failing_suffix: str
    kinds: Mapping[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """The figures of the last line."""
        states = Counter(payout["state"] for diary in self.diaries for payout in diary.payouts)
        paid = states.pop("paid", 0)
        return {
            "registered": sum(diary.registered for diary in self.diaries),
            "refused": sum(diary.refused for diary in self.diaries),
            "joined": sum(diary.receipt is not None for diary in self.diaries),
            "chosen": sum(diary.chosen for diary in self.diaries),
            "paid": paid,
            "failed": sum(states.values()),
        }

    @property
    def told_idr(self) -> int:
        """The rupiah that people were told have been paid to them."""
        return sum(p["amount_idr"] for diary in self.diaries for p in diary.payouts if p["state"] == "paid")


def differences(played: Played) -> list[str]:
    """Everything that does not agree."""
    return [*_people(played), *_entries(played), *_seats(played), *_standings(played), *_money(played)]


def _equal(what: str, **figures: int) -> Iterator[str]:
    if len(set(figures.values())) > 1:
        yield f"{what}: " + ", ".join(f"{name} {figure}" for name, figure in figures.items())


def _people(played: Played) -> Iterator[str]:
    counts = played.counts
    yield from _equal(
        "people", registered_and_refused=counts["registered"] + counts["refused"], people=len(played.diaries)
    )
    expected = sum(diary.person.joins for diary in played.diaries)
    yield from _equal("people who join", joined=counts["joined"], expected=expected)


def _entries(played: Played) -> Iterator[str]:
    listed = {leaf for leaves in played.results.leaves.values() for leaf in leaves}
    yield from _equal(
        "entries",
        receipts=played.counts["joined"],
        note=played.results.entries,
        lists=sum(map(len, played.results.leaves.values())),
        wave=played.wave["entries"],
        different_leaves=len(listed),
    )
    for diary, leaf in _joined(played):
        assert diary.receipt is not None  # noqa: S101 - `_joined` gives only those
        if diary.receipt["leaf"] != leaf.hex():
            yield f"person {diary.person.number}: the receipt's leaf does not follow from its ticket"
        if leaf not in played.results.leaves.get(int(diary.person.form["province"]), []):
            yield f"person {diary.person.number}: the entry is not in the published list of their province"


def _seats(played: Played) -> Iterator[str]:
    members = Counter(diary.person.form["kk"] for diary, _ in _joined(played))
    candidates = sum(min(FAMILY_CAP, count) for count in members.values())
    yield from _equal(
        "seats",
        chosen=played.counts["chosen"],
        wave=played.wave["chosen"],
        results=len(played.results.chosen()),
        quota_or_candidates=min(played.results.quota, candidates),
    )
    holders = Counter(diary.person.form["kk"] for diary in played.diaries if diary.chosen)
    for count in holders.values():
        if count > FAMILY_CAP:
            yield f"{count} people on one family card were chosen"


def _standings(played: Played) -> Iterator[str]:
    """Each person's standing against the draw worked out again, and every lost seat against the family cards."""
    drawn, chosen, given_up = played.results.drawn(), played.results.chosen(), played.results.given_up()
    holders = Counter(diary.person.form["kk"] for diary in played.diaries if diary.chosen)
    for diary, leaf in _joined(played):
        who = f"person {diary.person.number}"
        told = (diary.entry or {}).get("standing"), (diary.entry or {}).get("reason")
        worked_out = ("chosen", None) if leaf in chosen else ("not_chosen", given_up.get(leaf, "not_drawn"))
        if told != worked_out:
            yield f"{who} was told {told}, and the published draw says {worked_out}"
        if told[1] == "family_card" and holders[diary.person.form["kk"]] != FAMILY_CAP:
            yield f"{who} gave up a seat for a family card that is not full"
        if told[1] == "not_drawn" and leaf in drawn:
            yield f"{who} was drawn and told otherwise"


def _money(played: Played) -> Iterator[str]:
    counts, due = played.counts, [diary for diary in played.diaries if diary.reviewed]
    yield from _equal("incentives", due=len(due), paid_and_failed=counts["paid"] + counts["failed"])
    unpayable = sum(diary.person.address["account_number"].endswith(played.failing_suffix) for diary in due)
    yield from _equal("incentives that could not be paid", failed=counts["failed"], accounts_never_paid=unpayable)
    lines = played.books["payouts"]
    yield from _equal(
        "rupiah paid",
        people=played.told_idr,
        books=sum(line["moved_idr"] for line in lines),
        paid_times_amount=counts["paid"] * played.incentive_idr,
    )
    moved: Counter[tuple[str, str]] = Counter()
    for line in lines:
        moved[line["channel_code"], line["account_number"]] += line["moved_idr"]
    for diary in played.diaries:
        if diary.reviewed and diary.person.forgets_address != diary.reminded:
            yield f"person {diary.person.number}: told of a missing address: {diary.reminded}"
        if len(diary.payouts) > 1:
            yield f"person {diary.person.number} has {len(diary.payouts)} payouts"
        paid = sum(payout["amount_idr"] for payout in diary.payouts if payout["state"] == "paid")
        got = moved.pop(_account(diary, played.kinds), 0)
        if got != paid:
            yield f"person {diary.person.number} was told of {paid} rupiah, and {got} moved"
    yield from (f"{amount} rupiah moved to an account of nobody's" for amount in moved.values() if amount)


def _account(diary: Diary, kinds: Mapping[str, Any]) -> tuple[str, str]:
    address = diary.person.address
    return f"ID_{address['code']}", parse_account_number(kinds[address["code"]], address["account_number"])


def _joined(played: Played) -> Iterator[tuple[Diary, bytes]]:
    """Everyone with a receipt, and the leaf that follows from its ticket (docs/draw.md section 1)."""
    for diary in played.diaries:
        if diary.receipt is not None:
            tag = b"\0gelombang1/leaf\0" + pack(">IH", diary.receipt["wave"], int(diary.person.form["province"]))
            yield diary, sha256(tag + bytes.fromhex(diary.receipt["ticket"])).digest()
