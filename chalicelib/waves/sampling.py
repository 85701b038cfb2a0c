"""Drawing and publishing a wave's comparison sample, once: see `sample`."""

from __future__ import annotations

from .draw import leaf
from .entries import EntryStore
from .errors import ListChanged
from .publication import Publication
from .published import Sample
from .rules import Draw
from .sample import Joined, lowest


def draw_sample(wave: int, size: int, draw: Draw, entries: EntryStore, publication: Publication) -> list[Joined]:
    """The sample of a settled wave, in order; published before it is returned, and the same whenever it is asked.

    The first to publish it decides of what `size` it is, and after how many substitutions. Raises `ListChanged` when
    what is published is not what follows from the entries.
    """
    while True:
        found = publication.sample(wave)
        rows = publication.substitutions(wave)  # read later, they hold all that a sample was drawn after
        after_seq, wanted = (len(rows), size) if found is None else (found.after_seq, found.size)
        substitutes = {bytes.fromhex(row["in"]) for row in rows[:after_seq] if row["in"]}
        joined = (
            (leaf(wave, one.region, one.ticket), one.region, one.registrant_id) for one in entries.candidates(wave)
        )
        chosen = lowest(draw, joined, substitutes, wanted)
        sample = Sample(after_seq, wanted, tuple(own for own, _, _ in chosen))
        if found is None:
            if not publication.put_sample(wave, sample):
                continue  # another run was first: its sample is the wave's
        elif found != sample:
            raise ListChanged(wave=wave)
        return chosen
