"""The files of a draw as they are published (docs/draw.md section 6): name to bytes. Standard library only; pure.

The same facts always give the same bytes, so that publishing twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..values import Value
from .leaves import Region
from .selection import FilledSeats, Selection, Substitution

if TYPE_CHECKING:
    from .beacon import Beacon

NOTE = "note.txt"
REGIONS = "regions.json"
REMOVALS = "removals.json"
COSIGNATURES = "cosignatures.txt"
VERIFIER = "verify_draw.py"
BEACON = "beacon.json"
RESULT = "result.json"
SUBSTITUTIONS = "substitutions.json"
SAMPLE = "sample.json"


class Sample(Value, frozen=True):
    """The comparison sample: `size` leaves were wanted, `after_seq` substitutions had been made, the leaves are in
    order.
    """

    after_seq: int
    size: int
    leaves: tuple[bytes, ...]


def folder(wave: int) -> str:
    """The folder of a wave's files, below the results address: `draws/54/`."""
    return f"draws/{wave}/"


def leaves_name(region: int) -> str:
    """The file of a region's list; an empty list has none."""
    return f"leaves/{region}.bin"


def nodes_name(region: int) -> str:
    """The file with the tree hash of each run of a region's list; an empty list has none."""
    return f"nodes/{region}.bin"


def list_files(region: int, leaves: bytes, nodes: bytes) -> dict[str, bytes]:
    """The list of a region and its nodes; no file if it is empty."""
    return {leaves_name(region): leaves, nodes_name(region): nodes} if leaves else {}


def table_files(regions: Iterable[Region], removed: Mapping[str, int]) -> dict[str, bytes]:
    """The region table, and how many were removed before the freeze by reason."""
    table = [
        {"region": row.region, "entries": row.entries, "quota": row.quota, "root": row.root.hex()} for row in regions
    ]
    removals = [{"reason": reason, "entries": count} for reason, count in sorted(removed.items()) if count]
    return {REGIONS: _json(table), REMOVALS: _json({"removed": removals})}


def beacon_file(beacon: Beacon) -> dict[str, bytes]:
    """The beacon's signature, at the draw or when somebody hands it in."""
    signed = {
        "chain": beacon.chain,
        "round": beacon.round,
        "signature": beacon.signature.hex(),
        "randomness": beacon.randomness.hex(),
    }
    return {BEACON: _json(signed)}


def result_files(wave: int, beacon: Beacon, seed: bytes, selection: Selection) -> dict[str, bytes]:
    """At the draw: the beacon's signature and the result. `selection` may have passed on seats since."""
    result = {
        "wave": wave,
        "seed": seed.hex(),
        "reserved": [{"region": region} | _outcome(outcome) for region, outcome in selection.reserved.items()],
        "open": _outcome(selection.open),
    }
    return {**beacon_file(beacon), RESULT: _json(result)}


def substitutions_file(substitutions: Iterable[Substitution]) -> dict[str, bytes]:
    """Every substitution so far, in order of `seq`; the file only ever grows."""
    rows = [
        {
            "seq": one.seq,
            "seat": one.seat,
            "out": one.out.hex(),
            "reason": one.reason,
            "in": one.incoming.hex() if one.incoming else None,
        }
        for one in substitutions
    ]
    return {SUBSTITUTIONS: _json(rows)}


def sample_file(sample: Sample) -> dict[str, bytes]:
    """The comparison sample; never changed."""
    leaves = [leaf.hex() for leaf in sample.leaves]
    return {SAMPLE: _json({"after_seq": sample.after_seq, "size": sample.size, "leaves": leaves})}


def _outcome(outcome: FilledSeats) -> dict[str, Any]:
    cutoff = outcome.cutoff.hex() if outcome.cutoff else None
    return {"seats": outcome.seats, "chosen": outcome.chosen, "cutoff": cutoff}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
