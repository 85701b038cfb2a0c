"""The steps of the verifier, one check each (docs/draw.md, "What a verifier checks").

A step returns a remark or None, or raises `Wrong` (the check failed) or `NotChecked` (something it needs is missing,
unknown, or failed a check of its own).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice, pairwise
from operator import eq, gt
from typing import TypeVar

from chalicelib.clock import iso
from chalicelib.waves import beacon, draw, merkle, note
from chalicelib.waves.draw_errors import ForgedBeacon, NotSeated
from chalicelib.waves.rules import REVOKED_PLACE, Draw
from chalicelib.waves.sample import lowest
from chalicelib.waves.seats import allot
from chalicelib.waves.selection import OPEN, Outcome

from .evidence import Evidence, NotChecked, NotThere
from .publication import OpenRow, ReservedRow, SubstitutionRow

V = TypeVar("V")

MAX_ENTRIES = 50_000_000
"""What the verifier will read of one wave (1.6 GB of leaves): five times the design size."""


class Wrong(Exception):
    """The check failed; the message names how."""


def _required(get: Callable[[], V]) -> V:
    """For the step that a piece of evidence belongs to: that it cannot be had is this step's failure."""
    try:
        return get()
    except NotChecked as error:
        raise Wrong(str(error)) from error


def _none(faults: list[str]) -> None:
    if faults:
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise Wrong("; ".join(faults[:5]) + more)


# The note and its time


def note_form(evidence: Evidence) -> str:
    found = _required(lambda: evidence.note)
    return f"wave {found.wave}: {found.entries} entries, {found.quota} seats"


def wave_number(evidence: Evidence) -> None:
    wanted, found = evidence.known.wave, evidence.note.wave
    if wanted is not None and found != wanted:
        raise Wrong(f"wrong wave: {found} instead of {wanted}")


def pinned_chain(evidence: Evidence) -> str | None:
    _ = evidence.note
    chain = _required(lambda: evidence.chain)
    return None if chain.production else "NOT a production chain: everybody can sign it, so this draw proves nothing"


def committed_round(evidence: Evidence) -> None:
    found, right = evidence.note.round, note.beacon_round(evidence.chain, evidence.note.frozen)
    if found != right:
        raise Wrong(f"wrong round: {found} instead of {right}")


def not_early(evidence: Evidence) -> None:
    closes_at = evidence.known.closes_at
    if closes_at is None:
        raise NotChecked("when the wave closed is not known here")
    due = closes_at + timedelta(seconds=evidence.rules.freeze_delay_s)
    if evidence.note.frozen < due:
        raise Wrong(f"early note: frozen at {iso(evidence.note.frozen)}, before {iso(due)}")


def not_late(evidence: Evidence) -> None:
    published_at = evidence.known.note_published_at
    if published_at is None:
        raise NotChecked("when the note was published is not known here")
    try:
        exists_at = note.round_time(evidence.chain, evidence.note.round)
    except OverflowError as error:
        raise NotChecked("needs a round of this calendar") from error
    if published_at >= exists_at:
        raise Wrong(f"late note: published at {iso(published_at)}, its random number is known from {iso(exists_at)}")


# The lists and what the note commits to


def region_table(evidence: Evidence) -> str:
    rows = _required(lambda: evidence.regions)
    _none(
        [
            f"regions not ascending: {two.region} after {one.region}"
            for one, two in pairwise(rows)
            if one.region >= two.region
        ]
        + [f"region {row.region} has neither entries nor seats" for row in rows if not row.entries and not row.quota]
    )
    return f"{len(rows)} regions"


def lists_complete(evidence: Evidence) -> None:
    if sum(row.entries for row in evidence.regions) > MAX_ENTRIES:
        raise Wrong(f"more than {MAX_ENTRIES} entries")
    _none([fault for row in evidence.regions if (fault := evidence.read_list(row))])


def lists_ascending(evidence: Evidence) -> None:
    _none(
        [
            f"list not ascending: region {region}"
            for region, leaves in evidence.lists.items()
            if any(map(gt, draw.leaves_of(leaves), islice(draw.leaves_of(leaves), 1, None)))
        ]
    )
    evidence.need_lists()


def no_duplicates(evidence: Evidence) -> None:
    faults = []
    for region, leaves in evidence.lists.items():
        ones = sorted(draw.leaves_of(leaves))
        if any(map(eq, ones, islice(ones, 1, None))):
            faults.append(f"duplicate leaf: region {region}")
    _none(faults)
    evidence.need_lists()


def roots(evidence: Evidence) -> None:
    known = [row for row in evidence.regions if row.region in evidence.lists or not row.entries]
    _none(
        [
            f"wrong root: region {row.region}"
            for row in known
            if merkle.root(evidence.lists.get(row.region, b"")) != row.root
        ]
    )
    evidence.need_lists()


def committed_entries(evidence: Evidence) -> None:
    found, right = evidence.note.entries, sum(row.entries for row in evidence.regions)
    if found != right:
        raise Wrong(f"wrong entries: {found} in the note, {right} in the region table")


def committed_seats(evidence: Evidence) -> None:
    reserved, quota = evidence.note.reserved, evidence.note.quota
    sharing = sum(row.quota for row in evidence.regions)
    if reserved != sharing:
        raise Wrong(f"wrong seats: {reserved} reserved in the note, {sharing} in the region table")
    if reserved > quota:
        raise Wrong(f"wrong seats: {reserved} reserved of {quota}")


def shares(evidence: Evidence) -> str | None:
    weights = evidence.known.weights
    if not evidence.reserved and not evidence.note.reserved:
        return "none is reserved"
    if weights is None:
        raise NotChecked("the weights of the regions are not known here")
    right = allot(evidence.note.reserved, weights)
    regions = sorted(right.keys() | evidence.reserved.keys())
    _none(
        [
            f"wrong seats: region {region} has {evidence.reserved.get(region, 0)} instead of {right.get(region, 0)}"
            for region in regions
            if evidence.reserved.get(region, 0) != right.get(region, 0)
        ]
    )
    return None


def committed_top(evidence: Evidence) -> None:
    if draw.top(evidence.note.wave, evidence.regions) != evidence.note.regions:
        raise Wrong("wrong top: the note does not commit to this region table")


# The random number


def beacon_form(evidence: Evidence) -> None:
    _required(lambda: evidence.signed)


def beacon_as_committed(evidence: Evidence) -> None:
    signed, committed = evidence.signed, evidence.note
    if signed.chain != committed.chain:
        raise Wrong("foreign chain: the beacon is not of the chain that the note names")
    if signed.round != committed.round:
        raise Wrong(f"wrong round: beacon {signed.round}, note {committed.round}")


def signature(evidence: Evidence) -> None:
    chain, committed = evidence.chain, evidence.note
    try:
        beacon.verify(chain, committed.round, bytes.fromhex(evidence.signed.signature))
    except ForgedBeacon as error:
        raise Wrong(f"forged signature: {error.facts['reason']}") from error


def randomness(evidence: Evidence) -> None:
    if evidence.signed.randomness != evidence.randomness.hex():
        raise Wrong("wrong randomness: it is not the hash of the signature")


# The result


def result_form(evidence: Evidence) -> None:
    found = _required(lambda: evidence.result)
    if found.wave != evidence.note.wave:
        raise Wrong(f"wrong wave: result of {found.wave}, note of {evidence.note.wave}")


def seed(evidence: Evidence) -> None:
    if evidence.result.seed != evidence.seed.hex():
        raise Wrong("wrong seed: it does not follow from the note and the signature")


def result_seats(evidence: Evidence) -> None:
    rows = [(row.region, row.seats) for row in evidence.result.reserved]
    if rows != list(evidence.reserved.items()):
        raise Wrong("wrong seats: the reserved ones of the result are not those of the region table")
    filled = sum(min(row.quota, row.entries) for row in evidence.regions)
    found, right = evidence.result.open.seats, evidence.note.quota - filled
    if found != right:
        raise Wrong(f"wrong seats: {found} open instead of {right}")


def _outcomes(evidence: Evidence) -> Iterator[tuple[str, ReservedRow | OpenRow | None, Outcome]]:
    rows = {row.region: row for row in evidence.result.reserved}
    for region, outcome in evidence.selection.reserved.items():
        yield f"region {region}", rows.get(region), outcome
    yield OPEN, evidence.result.open, evidence.selection.open


def chosen(evidence: Evidence) -> str:
    _none(
        [
            f"wrong chosen: {seat} has {row.chosen if row else 'none'} instead of {right.chosen}"
            for seat, row, right in _outcomes(evidence)
            if row is None or row.chosen != right.chosen
        ]
    )
    return f"{sum(right.chosen for _, _, right in _outcomes(evidence))} chosen"


def cutoffs(evidence: Evidence) -> None:
    _none(
        [
            f"wrong cut-off: {seat}"
            for seat, row, right in _outcomes(evidence)
            if row is None or row.cutoff != (right.cutoff.hex() if right.cutoff else None)
        ]
    )


def substitutions(evidence: Evidence) -> str:
    try:
        rows = evidence.substitutions
    except NotThere as error:
        raise NotChecked("not published yet: the wave is not settled") from error
    except NotChecked as error:
        raise Wrong(str(error)) from error
    for place, row in enumerate(rows, 1):
        _substitution(evidence, place, row)
    revoked = sum(row.reason == REVOKED_PLACE for row in rows)
    return f"{len(rows)} substitutions, {revoked} of them of revoked places"


def _substitution(evidence: Evidence, place: int, row: SubstitutionRow) -> None:
    if row.seq != place:
        raise Wrong(f"substitution out of order: {row.seq} in place {place}")
    try:
        right = evidence.selection.substitute(bytes.fromhex(row.out), row.reason)
    except NotSeated as error:
        raise Wrong(f"substitution {place}: of someone who holds no seat") from error
    if row.seat != right.seat:
        raise Wrong(f"substitution {place}: wrong seat, it is {right.seat}")
    if row.incoming != (right.incoming.hex() if right.incoming else None):
        raise Wrong(f"substitution {place}: wrong next in line")


def comparison_sample(evidence: Evidence) -> str:
    selection = evidence.selection  # without a draw there is nothing that a sample could follow from
    try:
        found = evidence.sample
    except NotThere:
        return "none was drawn yet"
    except NotChecked as error:
        raise Wrong(str(error)) from error
    rows = evidence.substitutions
    if found.after_seq > len(rows):
        raise Wrong(f"wrong sample: after {found.after_seq} substitutions, of which {len(rows)} are published")
    substitutes = {bytes.fromhex(row.incoming) for row in rows[: found.after_seq] if row.incoming}
    cutoffs = {region: outcome.cutoff for region, outcome in selection.reserved.items()}
    entries = ((leaf, region, "") for region, leaves in evidence.lists.items() for leaf in draw.leaves_of(leaves))
    right = lowest(Draw(evidence.seed, cutoffs, selection.open.cutoff), entries, substitutes, found.size)
    if found.leaves != [leaf.hex() for leaf, _, _ in right]:
        raise Wrong("wrong sample: these are not the lowest of those who never held a seat")
    return f"{len(right)} to compare with"


def own_entry(evidence: Evidence) -> str:
    if evidence.known.entry is None:
        raise NotChecked("no entry was given")
    region, ticket = evidence.known.entry
    evidence.need_lists()
    leaf = draw.leaf(evidence.note.wave, region, ticket)
    if leaf not in draw.leaves_of(evidence.lists.get(region, b"")):
        raise Wrong(f"this entry is not on the list of region {region}")
    seat = dict(evidence.selection.winners()).get(leaf)
    return "on the list; " + ("holds no seat" if seat is None else f"holds a seat ({seat})")
