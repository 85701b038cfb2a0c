"""What a person who appeals against a selection is handed, so that they can check it themselves. Pure."""

from __future__ import annotations

from typing import Literal

from ..draw import published
from ..draw.leaves import leaf
from ..draw.selection import open_value, rank
from ..waves.rules import DrawnEntry
from .rules import SelectionEvidence


def leaf_of(drawn: DrawnEntry) -> bytes:
    """The leaf that the entry must have in the published list."""
    return leaf(drawn.entry.wave, drawn.entry.region, drawn.entry.ticket)


def of_selection(drawn: DrawnEntry, position: int | None, entries: int, results_url: str) -> SelectionEvidence:
    """The evidence of an entry. `results_url` ends without a slash."""
    entry, draw = drawn.entry, drawn.draw
    own = leaf_of(drawn)
    own_open, own_rank = open_value(draw.seed, own), rank(draw.seed, own)
    reserved = entry.region in draw.reserved
    rank_cutoff = draw.reserved.get(entry.region)
    folder = f"{results_url}/{published.folder(entry.wave)}"
    return SelectionEvidence(
        wave=entry.wave,
        region=entry.region,
        leaf=own.hex(),
        list_url=folder + published.leaves_name(entry.region),
        position=position,
        entries=entries,
        seed=draw.seed.hex(),
        rank=own_rank.hex() if reserved else None,
        rank_cutoff=rank_cutoff.hex() if rank_cutoff else None,
        open=own_open.hex(),
        open_cutoff=draw.open.hex() if draw.open else None,
        within=_within(own_rank, rank_cutoff, own_open, draw.open),
        verdict=drawn.standing.value,
        reason=drawn.reason,
        seat=entry.seat,
        results_url=folder,
        family_card_holders=drawn.family_card_holders,
    )


def _within(
    own_rank: bytes, rank_cutoff: bytes | None, own_open: bytes, open_cutoff: bytes | None
) -> Literal["reserved", "open"] | None:
    if rank_cutoff is not None and own_rank <= rank_cutoff:
        return "reserved"
    if open_cutoff is not None and own_open <= open_cutoff:
        return "open"
    return None
