"""The personal proof, one check each (docs/draw.md section 6): few reads of parts of the files, whatever their size.

Steps as those of `draw_checks`. The seed is recomputed from the note and the signature, and the list is tied to the
note by the path; only the cut-offs are taken as published, which the check of the whole wave recomputes.
"""

from __future__ import annotations

from chalicelib.draw import merkle, proofs

from .draw_checks import Wrong, required
from .evidence import Evidence, NotChecked


def leaf(evidence: Evidence) -> str:
    own, committed = evidence.own, evidence.note.wave
    if own.wave is not None and own.wave != committed:
        raise Wrong(f"wrong wave: the receipt is of {own.wave}, the note of {committed}")
    return f"{evidence.own_leaf.hex()}, region {own.region}"


def nodes(evidence: Evidence) -> str:
    _, row = evidence.note, evidence.own_row
    found = required(lambda: evidence.own_nodes)
    if merkle.root_of(found) != row.root:
        raise Wrong(f"wrong nodes: region {row.region}")
    return f"{proofs.runs_of(row.entries)} runs, up to the committed root"


def on_the_list(evidence: Evidence) -> str:
    _ = evidence.note, evidence.regions
    try:
        row = evidence.own_row
    except NotChecked as error:
        raise Wrong(f"not on the list: region {evidence.own.region} has none") from error
    place = required(lambda: evidence.own_place)
    if place is None:
        raise Wrong(f"not on the list: region {row.region}")
    return f"index {place.index} of {row.entries}"


def path(evidence: Evidence) -> str:
    row, proof = evidence.own_row, evidence.own_proof
    if not evidence.own_is_proven:
        raise Wrong(f"wrong path: region {row.region}")
    return f"index {proof.index}, {len(proof.path)} hashes up to the committed root"


def values(evidence: Evidence) -> str:
    own, region = evidence.own_values, evidence.own.region
    cutoffs = {row.region: row.cutoff for row in evidence.result.reserved}
    said = f"open {own.open.hex()}, cut-off {evidence.result.open.cutoff}"
    return f"rank {own.rank.hex()}, cut-off {cutoffs[region]}; {said}" if region in cutoffs else said


def substitutions(evidence: Evidence) -> str:
    """What the holder of one entry can tell of everybody's: their numbers, and that none passes this entry over."""
    rows = required(lambda: evidence.published_substitutions)
    evidence.need_own_proof()
    _ = evidence.own_values, evidence.result
    required(lambda: evidence.own_story)
    return f"{len(rows)} that do not pass this entry over"


def verdict(evidence: Evidence) -> str:
    return ", ".join(evidence.own_story.said)
