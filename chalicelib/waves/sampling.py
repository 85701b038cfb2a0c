"""A random few of those on a wave's published lists, and whose their leaves are: see `sample`.

The lists, not the entries, say who took part: who was removed before the freeze has an entry still.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from . import published
from .draw import LEAF_BYTES, Region, leaf, leaves_of, top
from .drawing import commitment
from .entries import EntryStore
from .errors import ListChanged
from .merkle import root
from .publication import Publication
from .published import Sample
from .rules import Draw, Wave
from .sample import Listed, compared


def listed(wave: Wave, publication: Publication) -> Iterator[Listed]:
    """Every leaf of a wave that is frozen; one list after the other is held.

    Raises `ListChanged`, behind the last one, if the note does not commit to them.
    """
    table: list[Region] = []
    for row in publication.regions(wave.number):
        name, length = published.leaves_name(row.region), row.entries * LEAF_BYTES
        leaves = publication.get_range(wave.number, name, 0, length) if length else b""
        table.append(Region(row.region, len(leaves) // LEAF_BYTES, row.quota, root(leaves)))
        yield from ((row.region, own) for own in leaves_of(leaves))
    if top(wave.number, table) != commitment(wave).regions:
        raise ListChanged(wave=wave.number)


def whose(wave: int, leaves: Collection[bytes], entries: EntryStore) -> dict[bytes, str]:
    """The registrant of each of the leaves that has an entry. Reads every entry of the wave."""
    found: dict[bytes, str] = {}
    for one in entries.candidates(wave):
        own = leaf(wave, one.region, one.ticket)
        if own in leaves:
            found[own] = one.registrant_id
    return found


def draw_sample(
    wave: Wave, size: int, draw: Draw, entries: EntryStore, publication: Publication
) -> list[tuple[str, int]]:
    """Registrant and region of the comparison sample of a settled wave, in its order.

    Published before it is returned, and the same whenever it is asked: the first to publish it decides of what `size`
    it is, and after how many substitutions. Raises `ListChanged` when what is published is not what follows from the
    lists, or a leaf has no entry.
    """
    while True:
        found = publication.sample(wave.number)
        rows = publication.substitutions(wave.number)  # read later, they hold all that a sample was drawn after
        after_seq, wanted = (len(rows), size) if found is None else (found.after_seq, found.size)
        substitutes = {bytes.fromhex(row["in"]) for row in rows[:after_seq] if row["in"]}
        chosen = compared(draw, listed(wave, publication), substitutes, wanted)
        sample = Sample(after_seq, wanted, tuple(own for _, own in chosen))
        if found is None:
            if not publication.put_sample(wave.number, sample):
                continue  # another run was first: its sample is the wave's
        elif found != sample:
            raise ListChanged(wave=wave.number)
        people = whose(wave.number, set(sample.leaves), entries)
        if len(people) < len(chosen):
            raise ListChanged(wave=wave.number)
        return [(people[own], region) for region, own in chosen]
