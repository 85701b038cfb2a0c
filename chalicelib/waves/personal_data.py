"""What the table of waves keeps about a person (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..aws.dynamodb import get_rows
from ..privacy.rules import Held
from .places.items import earlier_sk
from .rules import Beneficiary, shard_of
from .store import WavesTable


def of_waves(registrant_id: str, waves: Sequence[int], places: Sequence[Beneficiary]) -> Iterator[Held]:
    """The person's entries in these waves, then their places, the latest first, and what stands for each. A batch get
    for each 100 waves, and one.

    The other person on the family card is not shown.
    """
    keys = [(f"E#{wave}#{shard_of(registrant_id)}", registrant_id) for wave in sorted(waves)]
    found = get_rows(WavesTable, keys, None)
    yield from (Held("entry", row) for row in sorted(found, key=lambda one: str(one["pk"]["S"])))
    kinds = dict[tuple[str, str], str]()
    for n, place in enumerate(places):
        kinds |= {
            (f"B#{registrant_id}", earlier_sk(place.wave) if n else "BENEFICIARY"): "place",
            (f"C#{place.card_number}", "CARD"): "card",
            (f"K#{place.kk_mac}", "HOLDERS"): "family_card",
            (f"WAVE#{place.wave}", f"REVOKED#{place.revoked_seq or 0:08d}"): "revoked_place",
        }
    rows = {(row["pk"]["S"], row["sk"]["S"]): row for row in get_rows(WavesTable, list(kinds), None)}
    for key, kind in kinds.items():
        row = rows.get(key)
        if row is not None and "holders" in row:
            mine = [one for one in row["holders"]["SS"] if one == registrant_id]
            row = {**row, "holders": {"SS": mine}} if mine else None
        if row is not None:
            yield Held(kind, row)
