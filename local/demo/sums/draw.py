"""People, entries and seats: receipts, published files and standings compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ..players.crowd import Diary
from .played import Played, unequal

FAMILY_CAP = 2


def differences(played: Played) -> Iterator[str]:
    yield from _people(played)
    yield from _entries(played)
    yield from _seats(played)
    yield from _standings(played)
    yield from _substitutes(played)


def _people(played: Played) -> Iterator[str]:
    counts = played.counts
    yield from unequal(
        "people", registered_and_refused=counts["registered"] + counts["refused"], people=len(played.diaries)
    )
    expected = sum(diary.person.joins for diary in played.diaries)
    yield from unequal("people who join", joined=counts["joined"], expected=expected)


def _entries(played: Played) -> Iterator[str]:
    listed = {leaf for leaves in played.results.leaves.values() for leaf in leaves}
    yield from unequal(
        "entries",
        receipts=played.counts["joined"],
        note=played.results.entries,
        lists=sum(map(len, played.results.leaves.values())),
        wave=played.wave["entries"],
        different_leaves=len(listed),
    )
    for diary, leaf in played.joined():
        assert diary.receipt is not None  # noqa: S101 - `joined` gives only those
        if diary.receipt["leaf"] != leaf.hex():
            yield f"person {diary.person.number}: the receipt's leaf does not follow from its ticket"
        if leaf not in played.results.leaves.get(int(diary.person.form["province"]), []):
            yield f"person {diary.person.number}: the entry is not in the published list of their province"


def _seats(played: Played) -> Iterator[str]:
    joined = [diary for diary, _ in played.joined()]
    chosen, quota = played.counts["chosen"], played.results.quota
    yield from unequal("seats", chosen=chosen, wave=played.wave["chosen"], results=len(played.results.chosen()))
    # Who lost a place is barred for good, and frees the family card for those whose turn is still to come.
    least = min(quota, _room(joined) - played.counts["revoked"])
    most = min(quota, _room([diary for diary in joined if not diary.revoked]))
    if not least <= chosen <= most:
        yield f"seats: {chosen} people hold one, and at least {least} and at most {most} should"
    for count in Counter(diary.person.form["kk"] for diary in joined if diary.chosen).values():
        if count > FAMILY_CAP:
            yield f"{count} people on one family card were chosen"


def _room(diaries: Iterable[Diary]) -> int:
    """How many of them can hold a seat at one time."""
    return sum(min(FAMILY_CAP, count) for count in Counter(diary.person.form["kk"] for diary in diaries).values())


def _standings(played: Played) -> Iterator[str]:
    """Each person's standing against the draw worked out again, and every lost seat against the family cards."""
    drawn, chosen, given_up = played.results.drawn(), played.results.chosen(), played.results.given_up()
    settled = played.results.settled
    cards = {leaf: diary.person.form["kk"] for diary, leaf in played.joined()}
    at_first = Counter(cards.get(leaf) for leaf in played.results.chosen(settled))
    ever = Counter(diary.person.form["kk"] for diary in played.diaries if diary.chosen or diary.revoked)
    passed_by_at_first = {bytes.fromhex(one["out"]) for one in played.results.substitutions[:settled]}
    for diary, leaf in played.joined():
        who = f"person {diary.person.number}"
        told = (diary.entry or {}).get("standing"), (diary.entry or {}).get("reason")
        worked_out: tuple[str, str | None] = ("not_chosen", given_up.get(leaf, "not_drawn"))
        if leaf in chosen:
            worked_out = ("chosen", None)
        elif given_up.get(leaf) == "revoked":
            worked_out = ("revoked", None)
        if told != worked_out:
            yield f"{who} was told {told}, and the published draw says {worked_out}"
        # Later, who held a place on the card then may have lost it since.
        holders = at_first if leaf in passed_by_at_first else ever
        if told[1] == "family_card" and holders[cards[leaf]] < FAMILY_CAP:
            yield f"{who} gave up a seat for a family card that is not full"
        if told[1] == "not_drawn" and leaf in drawn:
            yield f"{who} was drawn and told otherwise"


def _substitutes(played: Played) -> Iterator[str]:
    """Who lost a place and who got it, as they were told and as it is published."""
    moved = played.results.substitutions
    new = played.results.chosen() - played.results.chosen(played.results.settled)
    yield from unequal(
        "substitutes", told={leaf.hex() for diary, leaf in played.joined() if diary.substitute}, published=_hex(new)
    )
    revoked = {one["out"] for one in moved if one["reason"] == "revoked"}
    yield from unequal(
        "places revoked", told={leaf.hex() for diary, leaf in played.joined() if diary.revoked}, published=revoked
    )
    if played.counts["revoked"] and not new:
        yield "places were revoked, and nobody got one"
    for diary in played.diaries:
        if diary.revoked == diary.person.buys and (diary.chosen or diary.revoked) and not diary.substitute:
            yield f"person {diary.person.number}: bought {diary.person.buys}, and lost the place {diary.revoked}"


def _hex(leaves: set[bytes]) -> set[str]:
    return {leaf.hex() for leaf in leaves}
