"""The personal proof of `verify_draw.py`: an entry and its outcome, without reading whole lists."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.builders.draws.files import GOOD, published_draw, updated, write
from tests.builders.draws.verify_draw import Verdict, lists, program, small_wave, ticket, verify_files
from tests.draw.verify_draw.test_failures import edited

v = program()


SIZES = {31: 30, 32: 20, 96: 2}


@functools.cache
def long_lists() -> dict[str, bytes]:
    """Lists of one run, of exactly two, and of more."""
    return published_draw(54, lists(54, {11: 4096, 12: 8192, 13: 8193, 14: 20_000}), {11: 5}, 40)


def prove(files: Mapping[str, bytes], region: int, number: int) -> Verdict:
    return verify_files(files, "--ticket", ticket(number).hex(), "--region", str(region), wave=54)


def test_a_chosen_entry_is_shown_its_seat() -> None:
    files = published_draw(54, lists(54, SIZES), {31: 4, 96: 3}, 20)
    told = Counter(prove(files, r, n).detail("ticket: outcome") for r, size in SIZES.items() for n in range(size))
    assert told == {
        "chosen: a reserved seat of region 31": 4,
        "chosen: a reserved seat of region 96": 2,
        "chosen: an open seat": 14,
        "not chosen": 32,
    }


def test_every_leaf_of_a_small_wave_is_proven_with_the_right_outcome() -> None:
    rows = json.loads(small_wave()["substitutions.json"])
    outs, ins = {row["out"] for row in rows}, {row["in"] for row in rows}
    told = {"chosen": 0, "no longer chosen": 0, "substituted": 0, "not chosen": 0}
    for region, size in SIZES.items():
        ordered = sorted(v.leaf_of(54, region, ticket(number)) for number in range(size))
        for number in range(size):
            leaf = v.leaf_of(54, region, ticket(number))
            verdict = prove(small_wave(), region, number)
            assert verdict.ok, verdict.checks
            place = verdict.detail("ticket: on the list")
            assert place == f"leaf {leaf.hex()}, index {ordered.index(leaf)} of {size}"
            end = verdict.detail("ticket: outcome").partition(":")[0]
            told[end] += 1
            if leaf.hex() in outs:
                assert end == "no longer chosen"
                [row] = [row for row in rows if row["out"] == leaf.hex()]
                given_up = f"(family_card, substitution {row['seq']})"
                assert verdict.detail("ticket: outcome").endswith(given_up)
            elif leaf.hex() in ins:
                assert end == "substituted"
            else:
                assert end in ("chosen", "not chosen")
    assert told["chosen"] + told["substituted"] == 20
    assert told["no longer chosen"] == 7


@pytest.mark.parametrize("region", [11, 12, 13, 14])
def test_long_lists_are_proven_by_a_run_and_the_nodes(region: int) -> None:
    size = len(long_lists()[f"leaves/{region}.bin"]) // 32
    by_leaf = sorted(range(size), key=lambda number: v.leaf_of(54, region, ticket(number)))
    for index in {0, 1, 4095, 4096 % size, 8191 % size, size // 2, size - 2, size - 1}:
        verdict = prove(long_lists(), region, by_leaf[index])
        assert verdict.ok, verdict.checks
        assert f"index {index} of {size}" in verdict.detail("ticket: on the list")


def test_no_more_is_read_than_a_run_and_the_small_files(tmp_path: Path) -> None:
    source = v.Folder(write(tmp_path / "54", long_lists()))
    taken: list[int] = []

    class Counting:
        note_seen = None

        def read(self, name: str, most: int, start: int = 0, whole: int | None = None, watch: object = None) -> bytes:
            data = source.read(name, most, start, whole, watch)
            taken.append(len(data))
            return data

    rows = v.parse_regions(long_lists()["regions.json"])
    assert v.check_place(v.Report(aloud=False), Counting(), rows[-1], v.leaf_of(54, 14, ticket(123)))
    assert sum(taken) <= 2 * 4096 * 32 + 5 * 32  # a leaf near the end of a run may be in the next


def test_a_leaf_that_is_not_on_the_list_is_named() -> None:
    for region, number in [(11, 4096), (14, 20_000), (14, 20_001), (14, 20_002), (31, 0)]:
        verdict = prove(long_lists(), region, number)
        assert verdict.code == 1
        assert verdict.failures == ["not on the list"]
        assert "ticket: outcome" in verdict.unchecked


def test_an_unevenly_spread_list_is_searched_correctly() -> None:
    leaves = b"".join((2**256 - 2**20 + n).to_bytes(32, "big") for n in range(40_960))

    class Bytes:
        note_seen = None
        reads = 0

        def read(self, name: str, most: int, start: int = 0, whole: int | None = None, watch: object = None) -> bytes:
            self.reads += 1
            return leaves[start : start + most]

    source = Bytes()
    row = v.Region(31, 40_960, 0, b"")
    for index in (0, 4095, 4096, 20_000, 40_959):
        guess, run, at = v.find_leaf(source, row, leaves[32 * index : 32 * index + 32])
        assert (guess, at) == divmod(index, 4096)
        assert run == leaves[guess * 4096 * 32 :][: 4096 * 32]
    assert v.find_leaf(source, row, bytes(32)) is None
    assert v.find_leaf(source, row, b"\xff" * 32) is None
    assert source.reads < 60


def test_wrong_nodes_and_a_wrong_path_are_named() -> None:
    files = long_lists()
    nodes = files["nodes/13.bin"]
    last = max(range(8193), key=lambda number: v.leaf_of(54, 13, ticket(number)))
    spoilt = files | {"nodes/13.bin": bytes(32) + nodes[32:]}
    assert prove(spoilt, 13, last).failures == ["wrong nodes", "wrong path"]
    missing = {name: content for name, content in files.items() if name != "nodes/13.bin"}
    assert prove(missing, 13, last).failures == ["missing"]


def test_an_exchanged_leaf_does_not_lead_to_the_root() -> None:
    files = dict(small_wave())
    stranger = v.leaf_of(54, 31, b"s" * 32)
    forged = sorted([stranger, *(v.leaf_of(54, 31, ticket(n)) for n in range(1, 30))])
    files |= {"leaves/31.bin": b"".join(forged)}
    verdict = verify_files(files, "--ticket", (b"s" * 32).hex(), "--region", "31")
    assert verdict.failures == ["wrong path"]


def test_a_list_of_another_size_is_malformed() -> None:
    files = long_lists()
    assert prove(files | {"leaves/14.bin": files["leaves/14.bin"][:-32]}, 14, 7).failures == ["malformed"]


def test_only_the_ticket_of_a_receipt_is_trusted(tmp_path: Path) -> None:
    receipt = {
        "format": "gelombang/receipt/1", "wave": 54, "region": 31, "ticket": ticket(3).hex(), "leaf": "00" * 32,
        "joined_at": "2023-06-02T05:00:00Z", "results_url": "https://results.example/draws/54/",
    }  # fmt: skip
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(receipt, indent=2))
    verdict = verify_files(small_wave(), "--ticket", file, wave=54)
    assert verdict.ok
    assert v.leaf_of(54, 31, ticket(3)).hex() in verdict.detail("ticket: on the list")
    file.write_text(json.dumps(receipt | {"wave": 55}))
    assert verify_files(small_wave(), "--ticket", file, wave=54).failures == ["wrong wave"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"format":"gelombang/receipt/2"}',
        '{"format":"gelombang/receipt/1","wave":54,"region":31,"ticket":5}',
        '{"format":"gelombang/receipt/1","wave":54,"region":31,"ticket":"00"}',
        '{"format":"gelombang/receipt/1","wave":"54","region":31,"ticket":"%s"}' % ("00" * 32),
        '{"format":"gelombang/receipt/1","wave":54,"region":null,"ticket":"%s"}' % ("00" * 32),
        '{"format":"gelombang/receipt/1","wave":54,"region":70000,"ticket":"%s"}' % ("00" * 32),
        '{"format":"gelombang/receipt/1","wave":54,"region":9,"ticket":"%s"}' % ("00" * 32),
        '{"format":"gelombang/receipt/1","wave":-1,"region":31,"ticket":"%s"}' % ("00" * 32),
        '{"format":"gelombang/receipt/1","wave":54,"region":31,"ticket":"%s"}' % ("AB" * 32),
        "\udcff",
    ],
)
def test_a_malformed_receipt_is_refused_and_not_quoted(content: str, tmp_path: Path, capsys) -> None:
    (tmp_path / "receipt.json").write_text(content, errors="surrogateescape")
    with pytest.raises(SystemExit) as refused:
        verify_files(small_wave(), "--ticket", tmp_path / "receipt.json")
    assert refused.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.search("--ticket: (not a receipt of the form gelombang/receipt/1|a ticket needs its region, .*)$", said)


def test_a_mistyped_ticket_is_not_quoted(capsys) -> None:
    for slip in ("ab" * 31 + "a", "ab" * 31 + "ag", "ab\0"):
        with pytest.raises(SystemExit):
            verify_files(small_wave(), "--ticket", slip, "--region", "31")
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.endswith("--ticket: neither 64 hexadecimal digits nor a file that can be read")


def test_a_region_without_entries_and_a_forged_root_are_named() -> None:
    assert verify_files(GOOD, "--ticket", "00" * 32, "--region", "94").failures == ["not on the list"]
    files = {name: content for name, content in GOOD.items() if name != "leaves/31.bin"}
    assert verify_files(files, "--ticket", ticket(5).hex(), "--region", "31").failures == ["missing"]
    files = updated("regions.json", 1, root="00" * 32)
    verdict = verify_files(files, "--ticket", ticket(5).hex(), "--region", "31")
    assert verdict.failures == ["wrong top", "wrong nodes", "wrong path"]
    assert verdict.unchecked[-1] == "ticket: outcome"


def test_a_person_who_was_passed_over_sees_it_in_their_own_proof() -> None:
    """Each substitution's follower is exchanged for the last in line: who was next sees that, without the lists."""
    files = small_wave()
    rows = json.loads(files["substitutions.json"])
    leaves = {v.leaf_of(54, r, ticket(n)).hex(): (r, n) for r, size in SIZES.items() for n in range(size)}
    never = set(leaves) - {row["in"] for row in rows}
    waiting = [leaf for leaf in never if prove(files, *leaves[leaf]).detail("ticket: outcome") == "not chosen"]
    seed = bytes.fromhex(json.loads(files["result.json"])["seed"])
    last = max(waiting, key=lambda leaf: v.value_of(seed, "open", bytes.fromhex(leaf)))
    place = next(i for i, row in enumerate(rows) if row["seat"] == "open")
    spoiled = edited(files, "substitutions.json", lambda rows: rows[place].update({"in": last}))
    verdict = prove(spoiled, *leaves[rows[place]["in"]])
    assert verdict.failures == ["substitution out of order"]
    assert "passes this leaf over" in verdict.detail("ticket: outcome")


def test_a_seat_passed_on_although_its_holder_kept_it_is_seen() -> None:
    files = small_wave()
    rows = json.loads(files["substitutions.json"])
    number = next(n for n in range(30) if v.leaf_of(54, 31, ticket(n)).hex() in {row["in"] for row in rows})
    leaf = v.leaf_of(54, 31, ticket(number)).hex()
    place = next(i for i, row in enumerate(rows) if row["in"] == leaf)
    for spoil in (
        lambda rows: rows[place].update({"in": None}),
        lambda rows: rows.append(rows[place] | {"seq": len(rows) + 1}),  # seated twice
        lambda rows: rows.insert(0, rows[0] | {"seq": 1, "out": leaf}),  # put out before it was in
        lambda rows: rows.pop(0),
    ):
        spoiled = edited(files, "substitutions.json", spoil)
        assert prove(spoiled, 31, number).failures == ["substitution out of order"]


def test_the_outcome_needs_the_result_and_the_substitutions() -> None:
    for name in ("result.json", "substitutions.json", "beacon.json"):
        verdict = prove(small_wave() | {name: b"{}"}, 31, 3)
        assert verdict.failures == ["malformed"]
        assert "ticket: outcome" in verdict.unchecked
        assert verdict.detail("ticket: on the list").startswith("leaf ")
