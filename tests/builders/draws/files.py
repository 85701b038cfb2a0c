"""Published draws for tests: a wave's lists, and every file of it as the application publishes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from chalicelib.config import load_programme
from chalicelib.draw import beacon, leaves, merkle, note, published
from chalicelib.draw.note import Chain, beacon_round, round_time
from chalicelib.draw.selection import Selection, Substitution, allot, draw_seed

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/draw.json").read_text())
CASES: list[dict[str, Any]] = VECTORS["cases"]
QUICKNET = load_programme("production").draw.pinned
DEVELOPMENT = load_programme("local").draw.pinned

REAL_ROUND: dict[str, Any] = VECTORS["drand_quicknet"][0]
REAL_FROZEN = round_time(QUICKNET, REAL_ROUND["round"]) - timedelta(seconds=QUICKNET.delay_s)
"""The freeze for which quicknet's real signature above is the random number."""


def commitment_files(
    commitment: leaves.Commitment, lists: Mapping[int, bytes], removed: Mapping[str, int] | None = None
) -> dict[str, bytes]:
    """At the freeze: every list, how many were `removed` for which reason, the region table, and last the note."""
    files: dict[str, bytes] = {}
    for region, ordered in sorted(lists.items()):
        files |= published.list_files(region, ordered, merkle.run_hashes(ordered))
    return files | published.table_files(commitment.regions, removed or {}) | {published.NOTE: commitment.note.encode()}


def plain_root(hashes: Sequence[bytes]) -> bytes:
    """The tree hash of RFC 9162 section 2.1.1 as it is written there, of leaves that are hashes."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256().digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + plain_root(hashes[:split]) + plain_root(hashes[split:])).digest()


def build_list(wave: int, region: int, tickets: Iterable[bytes]) -> bytes:
    """The list of a region from its entries' tickets, in any order. Raises `DuplicateLeaf`."""
    unsorted = leaves.Unsorted(wave)
    unsorted.add(region, tickets)
    [(_, listed)] = unsorted.lists()
    return listed


def lists_of(case: Mapping[str, Any]) -> dict[int, bytes]:
    """The lists of a vector, from its entries' tickets."""
    return {
        int(region): build_list(case["wave"], int(region), map(bytes.fromhex, tickets))
        for region, tickets in case["entries"].items()
    }


def reserved_of(case: Mapping[str, Any]) -> dict[int, int]:
    """The reserved seats of a vector, region to q_r."""
    return allot(case["reserved"], {int(region): weight for region, weight in case["weights"].items()})


def signature_of(chain: Chain, round_number: int) -> bytes:
    """The real signature of the one real round, or the development key's of any."""
    if chain is DEVELOPMENT:
        from local.sandbox.beacon import sign

        return sign(round_number)
    assert round_number == REAL_ROUND["round"]
    return bytes.fromhex(REAL_ROUND["signature"])


def published_draw(
    wave: int,
    lists: Mapping[int, bytes],
    reserved: Mapping[int, int],
    quota: int,
    chain: Chain = QUICKNET,
    frozen: datetime = REAL_FROZEN,
    leaving: Sequence[int] = (),
) -> dict[str, bytes]:
    """Every file of a wave, as published; `leaving` names, by place among the seated then, who gives the seat up."""
    commitment = leaves.commit_to(wave, leaves.region_table(lists, reserved), quota, frozen, chain)
    signed = beacon.verify(chain, commitment.note.round, signature_of(chain, beacon_round(chain, frozen)))
    seed = draw_seed(commitment.note.encode(), signed.randomness)
    selection = Selection(lists, reserved, quota, seed)
    substitutions: list[Substitution] = []
    for place in leaving:
        out = [leaf for leaf, _ in selection.winners()][place]
        substitutions.append(selection.substitute(out, "family_card"))
    return (
        commitment_files(commitment, lists)
        | published.result_files(wave, signed, seed, selection)
        | published.substitutions_file(substitutions)
    )


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Lay published files down in a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def random_lists(wave: int, sizes: Mapping[int, int]) -> dict[int, bytes]:
    """Lists of these sizes, the same every time."""
    return {
        region: build_list(wave, region, (n.to_bytes(32, "big") for n in range(size)))
        for region, size in sizes.items()
        if size
    }


DEVELOPMENT_FROZEN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""A freeze at which the development chain exists."""


# A good published draw, and ways to tamper with it

LISTS = random_lists(62, {31: 12, 32: 9, 11: 1})
RESERVED = {11: 2, 31: 3, 32: 2, 94: 1}
GOOD = published_draw(62, LISTS, RESERVED, 13, leaving=(0, 1, 3, 8, 10, 10))
"""One region short of its seats, one without entries, and six seats that went on."""


def encoded(document: object) -> bytes:
    """JSON in the one way in which it is published."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def edited(name: str, edit: Callable[[Any], object]) -> dict[str, bytes]:
    """The good files with one JSON document changed in place."""
    document = json.loads(GOOD[name])
    edit(document)
    return GOOD | {name: encoded(document)}


def updated(name: str, *place: object, **changes: object) -> dict[str, bytes]:
    """The good files with fields of one JSON object changed; `place` leads to it."""

    def edit(document: Any) -> None:
        for step in place:
            document = document[step]
        document.update(changes)

    return edited(name, edit)


def noted(**changes: Any) -> dict[str, bytes]:
    """The good files with another note, from which another seed and result would follow."""
    return GOOD | {"note.txt": replace(note.parse(GOOD["note.txt"]), **changes).encode()}
