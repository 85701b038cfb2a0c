"""The steps of the verifier, one check each (docs/draw.md section 10).

A step returns a remark or None, or raises `Wrong` (the check failed) or `NotChecked` (something it needs is missing,
unknown, or failed a check of its own). The text of a failure begins with its name in that section.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import groupby, islice, pairwise
from typing import TypeVar

from chalicelib.clock import iso
from chalicelib.draw import beacon, leaves, merkle, note, proofs, published
from chalicelib.draw.errors import ForgedBeacon, NotSeated
from chalicelib.draw.sample import SURVEY
from chalicelib.draw.selection import OPEN, allot, ascending
from chalicelib.waves.publication.bucket import VERIFIER_FILE
from chalicelib.waves.rules import REVOKED_PLACE

from .evidence import Evidence, NotChecked, NotThere
from .published_forms import OpenRow, ReservedRow, SubstitutionRow

V = TypeVar("V")


class Wrong(Exception):
    """The check failed; the message names how."""


def required(get: Callable[[], V]) -> V:
    """For the step that a piece of evidence belongs to: that it cannot be had is this step's failure."""
    try:
        return get()
    except NotChecked as error:
        raise Wrong(str(error)) from error


def _if_there(get: Callable[[], V]) -> V | None:
    """The same for a file that may be missing: then it is None."""
    try:
        return get()
    except NotThere:
        return None
    except NotChecked as error:
        raise Wrong(str(error)) from error


def _none(faults: list[str]) -> None:
    if faults:
        raise Wrong("; ".join(dict.fromkeys(faults)))


# The note and its time


def note_form(evidence: Evidence) -> str:
    found = required(lambda: evidence.note)
    return f"wave {found.wave}: {found.entries} entries, {found.quota} seats"


def wave_number(evidence: Evidence) -> None:
    wanted, found = evidence.known.wave, evidence.note.wave
    if wanted is not None and found != wanted:
        raise Wrong(f"wrong wave: {found} instead of {wanted}")


def pinned_chain(evidence: Evidence) -> str | None:
    _ = evidence.note
    chain = required(lambda: evidence.chain)
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
    _ = evidence.note
    published_at = evidence.known.note_published_at or evidence.publication.note_published_at()
    if published_at is None:
        raise NotChecked("when the note was published is not known here")
    if published_at >= evidence.exists_at:
        known_from = iso(evidence.exists_at)
        raise Wrong(f"late note: published at {iso(published_at)}, its random number is known from {known_from}")


def cosignatures(evidence: Evidence) -> None:
    required(lambda: evidence.cosignatures)
    _none([f"forged cosignature: {name}" for name in evidence.judgement.forged])


def witnesses_in_time(evidence: Evidence) -> None:
    _ = evidence.exists_at
    _none([f"late witness: {name}" for name in evidence.judgement.late])


def quorum(evidence: Evidence) -> str:
    keys, wanted = evidence.witnesses
    _, found = evidence.exists_at, evidence.judgement.in_time
    if len(found) < wanted:
        raise Wrong(f"no quorum: {len(found)} of {len(keys)} witnesses in time, {wanted} are demanded")
    demanded = f"{wanted} demanded" if wanted else "no witness is demanded"
    return f"{len(found)} of {len(keys)} witnesses in time, {demanded}"


# The lists and what the note commits to


def region_table(evidence: Evidence) -> str:
    rows = required(lambda: evidence.regions)
    _none(
        [
            f"regions not ascending: {two.region} after {one.region}"
            for one, two in pairwise(rows)
            if one.region >= two.region
        ]
    )
    return f"{len(rows)} regions"


def removals(evidence: Evidence) -> str:
    rows = required(lambda: evidence.removals).removed
    return ", ".join(f"{row.reason} {row.entries}" for row in rows) or "none"


def lists_complete(evidence: Evidence) -> None:
    faults = [evidence.read_list(row) for row in evidence.regions] + [evidence.stray(published.leaves_name)]
    _none([fault for fault in faults if fault])


def lists_ascending(evidence: Evidence) -> None:
    _disordered(evidence, "list not ascending")


def no_duplicates(evidence: Evidence) -> None:
    _disordered(evidence, "duplicate leaf")


def _disordered(evidence: Evidence, name: str) -> None:
    _none([f"{name}: region {region}" for region, found in evidence.disordered.items() if found == name])
    evidence.need_lists()


def roots(evidence: Evidence) -> None:
    _none(
        [
            f"wrong root: region {row.region}"
            for row in _known(evidence)
            if merkle.root_of(evidence.nodes(row.region)) != row.root
        ]
    )
    evidence.need_lists()


def nodes(evidence: Evidence) -> None:
    faults = []
    for row in evidence.regions:
        try:
            found = evidence.read_hashes(published.nodes_name(row.region), proofs.runs_of(row.entries))
        except NotChecked as fault:
            faults.append(str(fault))
        else:
            if row.region in evidence.lists and found != evidence.nodes(row.region):
                faults.append(f"wrong nodes: region {row.region}")
    stray = evidence.stray(published.nodes_name)
    _none(faults + ([stray] if stray else []))
    evidence.need_lists()


def _known(evidence: Evidence) -> Iterator[leaves.Region]:
    return (row for row in evidence.regions if row.region in evidence.lists or not row.entries)


def committed_entries(evidence: Evidence) -> None:
    found, right = evidence.note.entries, sum(row.entries for row in evidence.regions)
    if found != right:
        raise Wrong(f"wrong entries: {found} in the note, {right} in the region table")


def committed_seats(evidence: Evidence) -> None:
    reserved, quota = evidence.note.reserved, evidence.note.quota
    sharing = sum(row.quota for row in evidence.regions)
    faults = []
    if reserved != sharing:
        faults.append(f"wrong seats: {reserved} reserved in the note, {sharing} in the region table")
    if sharing > quota:
        faults.append(f"wrong seats: {sharing} reserved of {quota}")
    _none(faults)


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
    if leaves.top(evidence.note.wave, evidence.regions) != evidence.note.regions:
        raise Wrong("wrong top: the note does not commit to this region table")


# The random number


def beacon_form(evidence: Evidence) -> None:
    required(lambda: evidence.signed)


def beacon_as_committed(evidence: Evidence) -> None:
    signed, committed = evidence.signed, evidence.note
    faults = []
    if signed.chain != committed.chain:
        faults.append("foreign chain: the beacon is not of the chain that the note names")
    if signed.round != committed.round:
        faults.append(f"wrong round: beacon {signed.round}, note {committed.round}")
    _none(faults)


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
    found = required(lambda: evidence.result)
    if found.wave != evidence.note.wave:
        raise Wrong(f"wrong wave: result of {found.wave}, note of {evidence.note.wave}")


def seed(evidence: Evidence) -> None:
    if evidence.result.seed != evidence.seed.hex():
        raise Wrong("wrong seed: it does not follow from the note and the signature")


def result_seats(evidence: Evidence) -> None:
    rows = [row.region for row in evidence.result.reserved]
    faults = []
    if rows != list(evidence.reserved):
        faults.append("wrong seats: the reserved ones of the result are not of the regions that have them")
    faults += [
        f"wrong seats: {seat} has {row.seats} instead of {seats}"
        for seat, row, seats, _ in _seats(evidence)
        if row and row.seats != seats
    ]
    _none(faults)


def _seats(evidence: Evidence) -> Iterator[tuple[str, ReservedRow | OpenRow | None, int, int]]:
    """Each kind of seat, what the result has of it, and the seats and the number chosen that the table leads to."""
    evidence.need_seats()
    rows = {row.region: row for row in evidence.result.reserved}
    free, left = evidence.note.quota, sum(row.entries for row in evidence.regions)
    for region in evidence.regions:
        if region.quota:
            chosen = min(region.quota, region.entries)
            free, left = free - chosen, left - chosen
            yield f"region {region.region}", rows.get(region.region), region.quota, chosen
    yield OPEN, evidence.result.open, free, min(free, left)


def chosen(evidence: Evidence) -> str:
    faults, total = [], 0
    for seat, row, _, right in _seats(evidence):
        total += right
        if row is None or row.chosen != right:
            faults.append(f"wrong chosen: {seat} has {row.chosen if row else 'none'} instead of {right}")
        if row is None or (row.cutoff is None) != (right == 0):
            faults.append(f"wrong cut-off: {seat} has {right} chosen")
    _none(faults)
    return f"{total} chosen"


def cutoffs(evidence: Evidence) -> None:
    rows = {f"region {row.region}": row.cutoff for row in evidence.result.reserved}
    drawn = {f"region {region}": one.cutoff for region, one in evidence.selection.reserved.items()}
    published, right = rows | {OPEN: evidence.result.open.cutoff}, drawn | {OPEN: evidence.selection.open.cutoff}
    _none(
        [
            f"wrong cut-off: {seat}"
            for seat, value in right.items()
            if seat not in published or published[seat] != (value.hex() if value else None)
        ]
    )


def substitutions(evidence: Evidence) -> str:
    rows = _if_there(lambda: evidence.substitutions)
    if rows is None:
        raise NotChecked("not published yet: the wave is not settled")
    _ = evidence.selection
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
        raise Wrong(f"substitution out of order: {place} is of someone who holds no seat") from error
    if row.seat != right.seat:
        raise Wrong(f"substitution out of order: {place} names the wrong seat, it is {right.seat}")
    if row.incoming != (right.incoming.hex() if right.incoming else None):
        raise Wrong(f"substitution out of order: {place} names the wrong next in line")


def comparison_sample(evidence: Evidence) -> str:
    _ = evidence.selection  # without a draw there is nothing that a sample could follow from
    found = _if_there(lambda: evidence.sample)
    if found is None:
        return "none was drawn yet"
    rows = evidence.published_substitutions
    if found.after_seq > len(rows):
        raise Wrong(f"wrong sample: after {found.after_seq} substitutions, of which {len(rows)} are published")
    held = evidence.drawn | {bytes.fromhex(row.incoming) for row in rows[: found.after_seq] if row.incoming}
    entries = evidence.note.entries
    sought = min(found.size, len(found.leaves) + 1)  # whatever it says, no more is drawn than it has
    order = ascending(evidence.seed, SURVEY, evidence.lists.values(), sought * entries // max(1, entries - len(held)))
    outside = groupby(leaf.hex() for _, leaf in order if leaf not in held)  # one that is on two lists counts once
    right = [leaf for leaf, _ in islice(outside, sought)]
    if found.leaves != right:
        raise Wrong("wrong sample: these are not the lowest of those who never held a seat")
    return f"{len(right)} to compare with"


def published_program(evidence: Evidence) -> str:
    """Another version's program is as good, but who runs one that somebody changed runs what they like."""
    found = _if_there(lambda: evidence.program)
    if found is None:
        raise NotChecked("none is published")
    if found != VERIFIER_FILE.read_bytes():
        raise NotChecked(f"not this version's, SHA-256 {sha256(found).hexdigest()}: compare it before you run it")
    return "the same as this version's"
