"""The personal proof: one entry, by few and small reads, with everything that is wrong with it named."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from admin import receipt
from admin.evidence import Known
from admin.publication import Watch
from admin.receipt import NoReceipt, Own
from admin.verify import NEED_LISTS, OWN_STEPS, STEPS, verify
from chalicelib.draw import leaves
from tests.builders.draws.files import published_draw, random_lists
from tests.builders.draws.publications import (
    GOOD,
    LISTS,
    PRODUCTION,
    Shelf,
    checked,
    edited,
    encoded,
    failures,
    updated,
)

TICKETS = {leaves.leaf(62, region, n.to_bytes(32, "big")).hex(): (region, n) for region in LISTS for n in range(12)}
SUBSTITUTED = json.loads(GOOD["substitutions.json"])


def own(region: int, number: int, wave: int | None = 62) -> Known:
    return Known(own=Own(region, number.to_bytes(32, "big"), wave))


def of(leaf: str) -> Known:
    return own(*TICKETS[leaf])


def verdict(files: Mapping[str, bytes], known: Known) -> str:
    return checked(files, known)["verdict"].detail


class Counting(Shelf):
    """Counts what is read, in bytes by name."""

    def __init__(self, files: Mapping[str, bytes]):
        super().__init__(files)
        self.reads: list[tuple[str, int]] = []

    def read(self, name: str, limit: int, watch: Watch | None = None) -> bytes:
        content = super().read(name, limit, watch)
        self.reads.append((name, len(content)))
        return content

    def read_part(self, name: str, start: int, length: int, whole: int) -> bytes:
        part = self._files[name][start : start + length]
        self.reads.append((name, len(part)))
        return part


def test_everybody_is_told_what_became_of_them_as_the_whole_check_finds_it():
    told = {
        leaf: verdict(GOOD, of(leaf)) for region in LISTS for leaf in map(bytes.hex, leaves.leaves_of(LISTS[region]))
    }
    drawn = {leaf for leaf, said in told.items() if said.startswith("chosen")}
    assert len(drawn) == 13
    left, came = ({row[field] for row in SUBSTITUTED} for field in ("out", "in"))
    assert {leaf for leaf, said in told.items() if "the seat went on (family_card" in said} == left
    assert {leaf for leaf, said in told.items() if "that fell free" in said} == came - {None}
    assert sum(said == "not chosen" for said in told.values()) == 22 - len(drawn | came - {None})
    assert told[SUBSTITUTED[0]["out"]].startswith("chosen, a reserved seat of region 11, the seat went on")


def test_what_takes_the_whole_lists_is_not_made_and_said_so():
    checks = checked(GOOD, own(31, 3))
    assert {name for name, check in checks.items() if not check.made} == NEED_LISTS
    assert {check.ok for check in checks.values() if not check.made} == {None}
    assert list(checks) == [name for name, _ in (*STEPS, *OWN_STEPS)]
    assert [check for check in checks.values() if check.ok is False] == []
    assert checks["own leaf"].detail == f"{leaves.leaf(62, 31, (3).to_bytes(32, 'big')).hex()}, region 31"
    assert checks["path to the root"].detail.endswith("hashes up to the committed root")
    assert checks["own values"].detail.startswith("rank ")


@pytest.mark.parametrize(("entries", "most"), [(5_000, 2), (40_000, 2), (100_000, 2)])
def test_of_a_long_list_no_more_than_two_runs_are_read(entries: int, most: int):
    shelf = Counting(published_draw(62, random_lists(62, {31: entries}), {31: 5}, 50))
    for number in (0, entries // 2, entries - 1):
        shelf.reads.clear()
        checks = verify(shelf, PRODUCTION, own(31, number))
        assert [check for check in checks if check.ok is False] == []
        runs = [length for name, length in shelf.reads if name == "leaves/31.bin"]
        assert len(runs) <= most
        assert max(runs) <= 4096 * 32
        assert sum(length for name, length in shelf.reads if not name.startswith("leaves")) < 5_000
        assert len(shelf.reads) <= 6 + most


NOBODY = own(32, 999)
TWELVE = list(leaves.leaves_of(GOOD["leaves/31.bin"]))
MINE = TWELVE[5].hex()
WRONG = {
    "a ticket of nobody": (GOOD, NOBODY, {"on the list": "not on the list: region 32"}),
    "another region": (GOOD, own(77, 3), {"on the list": "not on the list: region 77 has none"}),
    "a region without entries": (GOOD, own(94, 3), {"on the list": "not on the list: region 94 has none"}),
    "the own leaf taken out": (
        GOOD | {"leaves/31.bin": b"".join([*TWELVE[:5], *TWELVE[6:], b"\xff" * 32])},
        of(MINE),
        {"on the list": "not on the list: region 31"},
    ),
    "a neighbour exchanged": (
        GOOD | {"leaves/31.bin": b"".join([*TWELVE[:-1], b"\xff" * 32])},
        of(MINE),
        {"path to the root": "wrong path: region 31"},
    ),
    "other nodes": (
        GOOD | {"nodes/31.bin": bytes(32)},
        of(MINE),
        {"nodes of the own list": "wrong nodes: region 31"},
    ),
    "no nodes": (
        {name: content for name, content in GOOD.items() if name != "nodes/31.bin"},
        of(MINE),
        {"nodes of the own list": "missing nodes/31.bin"},
    ),
    "no list": (
        {name: content for name, content in GOOD.items() if name != "leaves/31.bin"},
        of(MINE),
        {"on the list": "missing leaves/31.bin"},
    ),
    "a short list": (
        GOOD | {"leaves/31.bin": GOOD["leaves/31.bin"][:-1]},
        of(MINE),
        {"on the list": "malformed leaves/31.bin: 383 bytes, not 384"},
    ),
    "a seat of somebody else given up": (
        updated("substitutions.json", 0, out=next(leaf for leaf in TICKETS if verdict(GOOD, of(leaf)) == "not chosen")),
        of(next(leaf for leaf in TICKETS if verdict(GOOD, of(leaf)) == "not chosen")),
        {"substitutions of the own entry": "substitution out of order: 1 takes a seat that this entry does not hold"},
    ),
    "seated twice": (
        updated("substitutions.json", 0, **{"in": SUBSTITUTED[3]["out"]}),
        of(SUBSTITUTED[3]["out"]),
        {"substitutions of the own entry": "substitution out of order: 1 seats who held a seat before"},
    ),
    "a row left out": (
        edited("substitutions.json", lambda rows: rows.pop(0)),
        of(MINE),
        {"substitutions of the own entry": "substitution out of order: 2 in place 1"},
    ),
    "another root in the table": (
        updated("regions.json", 1, root="00" * 32),
        of(MINE),
        {
            "top of the table": "wrong top: the note does not commit to this region table",
            "nodes of the own list": "wrong nodes: region 31",
            "path to the root": "wrong path: region 31",
        },
    ),
}


@pytest.mark.parametrize(("files", "known", "named"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_an_entry_is_named(files: dict[str, bytes], known: Known, named: dict[str, str]):
    assert failures(files, known) == named


def test_a_receipt_of_another_wave_is_named():
    assert failures(GOOD, own(31, 3, wave=61))["own leaf"] == "wrong wave: the receipt is of 61, the note of 62"
    assert failures(GOOD, own(31, 3, wave=None)) == {}


RECEIPT = {"format": "gelombang/receipt/1", "wave": 62, "region": 31, "ticket": "ab" * 32, "leaf": "00" * 32}


def test_of_a_receipt_only_what_the_leaf_is_made_of_is_read():
    found = Own(31, b"\xab" * 32, 62)
    assert receipt.parse(encoded(RECEIPT | {"joined_at": "", "results_url": "", "more": 1})) == found
    assert receipt.parse(json.dumps(RECEIPT, indent=2).encode()) == found


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "gelombang/receipt/2"},
        {"wave": -1},
        {"region": 9},
        {"ticket": "ab"},
        {"ticket": "AB" * 32},
        {"wave": "62"},
    ],
)
def test_what_is_no_receipt_is_refused_without_a_word_of_it(changes: dict[str, object]):
    with pytest.raises(NoReceipt, match=r"^not a receipt of the form gelombang/receipt/1$"):
        receipt.parse(encoded(RECEIPT | changes))


@pytest.mark.parametrize("junk", [b"", b"\xff", b"[]", b"[" * 100_000])
def test_junk_is_no_receipt(junk: bytes):
    with pytest.raises(NoReceipt):
        receipt.parse(junk)
