"""The personal proof, one check each (docs/draw.md section 6): few reads of parts of the files, whatever their size.

Steps as those of `draw_checks`. The seed is recomputed from the note and the signature, and the list is tied to the
note by the path; only the cut-offs are taken as published, which the check of the whole wave recomputes.
"""

from __future__ import annotations

from chalicelib.waves import merkle, proofs
from chalicelib.waves.selection import OPEN, open_value, rank

from .draw_checks import Wrong, required
from .evidence import Evidence, NotChecked


def leaf(evidence: Evidence) -> str:
    own, committed = evidence.own, evidence.note.wave
    if own.wave is not None and own.wave != committed:
        raise Wrong(f"wrong wave: the receipt is of {own.wave}, the note of {committed}")
    return f"{evidence.own_leaf.hex()}, region {own.region}"


def nodes(evidence: Evidence) -> str:
    row = evidence.own_row
    found = required(lambda: evidence.own_nodes)
    if merkle.root_of(found) != row.root:
        raise Wrong(f"wrong nodes: region {row.region}")
    return f"{proofs.runs_of(row.entries)} runs, up to the committed root"


def on_the_list(evidence: Evidence) -> str:
    _ = evidence.regions
    try:
        row = evidence.own_row
    except NotChecked as error:
        raise Wrong(f"not on the list: region {evidence.own.region} has none") from error
    place = required(lambda: evidence.own_place)
    if place is None:
        raise Wrong(f"not on the list: region {row.region}")
    return f"index {place.index} of {row.entries}"


def path(evidence: Evidence) -> str:
    row, place = evidence.own_row, evidence.own_place
    if place is None:
        raise NotChecked("needs a leaf that is on the list")
    proof = proofs.proof(place, row.entries, evidence.own_nodes)
    if proofs.leads_to(evidence.own_leaf, proof.index, proof.entries, proof.path) != row.root:
        raise Wrong(f"wrong path: region {row.region}")
    return f"index {proof.index}, {len(proof.path)} hashes up to the committed root"


def values(evidence: Evidence) -> str:
    own, own_leaf = evidence.own, evidence.own_leaf
    cutoffs = {row.region: row.cutoff for row in evidence.result.reserved}
    said = f"open {open_value(evidence.seed, own_leaf).hex()}, cut-off {evidence.result.open.cutoff}"
    if own.region in cutoffs:
        said = f"rank {rank(evidence.seed, own_leaf).hex()}, cut-off {cutoffs[own.region]}; {said}"
    return said


def verdict(evidence: Evidence) -> str:
    own_leaf = evidence.own_leaf
    seat, said = _drawn(evidence), []
    ever = seat is not None
    said.append("not chosen" if seat is None else f"chosen, {_named(seat)}")
    for place, row in enumerate(evidence.published_substitutions, 1):
        if row.seq != place:
            raise Wrong(f"substitution out of order: {row.seq} in place {place}")
        if row.out == own_leaf.hex():
            if seat is None or row.seat != seat:
                raise Wrong(f"substitution out of order: {place} takes a seat that this entry does not hold")
            seat = None
            said.append(f"the seat went on ({row.reason}, substitution {place})")
        if row.incoming == own_leaf.hex():
            if ever:
                raise Wrong(f"substitution out of order: {place} seats who held a seat before")
            seat, ever = row.seat, True
            said.append(f"then chosen, {_named(seat)} that fell free (substitution {place})")
    return ", ".join(said)


def _drawn(evidence: Evidence) -> str | None:
    """The seat that the draw gave, by the published cut-offs."""
    own, own_leaf = evidence.own, evidence.own_leaf
    for row in evidence.result.reserved:
        if row.region == own.region and row.cutoff and rank(evidence.seed, own_leaf).hex() <= row.cutoff:
            return str(own.region)
    cutoff = evidence.result.open.cutoff
    return OPEN if cutoff and open_value(evidence.seed, own_leaf).hex() <= cutoff else None


def _named(seat: str) -> str:
    return "an open seat" if seat == OPEN else f"a reserved seat of region {seat}"
