"""The one-file verifier names whatever is wrong with a wave as the specification does, and hides no failure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import pytest

from tests.builders.draws.files import DEVELOPMENT, DEVELOPMENT_FROZEN, VECTORS, published_draw, write
from tests.builders.draws.verify_draw import Verdict, lists, program, small_wave, verify
from tests.draw.verify_draw.test_verify_draw import sample_of

v = program()
Files = dict[str, bytes]


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def edited(files: Files, name: str, edit: Callable[[Any], Any]) -> Files:
    """The files, one JSON of which says something else."""
    value = json.loads(files[name])
    edit(value)
    return files | {name: encode(value)}


def of(files: Files, folder: Path, *arguments: str) -> Verdict:
    return verify(write(folder / "54", files), *arguments)


def replaced(files: Files, name: str, old: bytes, new: bytes) -> Files:
    assert old in files[name]
    return files | {name: files[name].replace(old, new)}


def recommitted(files: Files) -> Files:
    """Regions, nodes and note made anew over the lists as they are: nothing but the lists is wrong then."""
    rows, level = json.loads(files["regions.json"]), b""
    for row in rows:
        leaves = files.get(f"leaves/{row['region']}.bin", b"")
        nodes = v.run_hashes(leaves)
        row["entries"], row["root"] = len(leaves) // 32, v.tree_hash(nodes).hex()
        packed = pack(">IHII", 54, row["region"], row["entries"], row["quota"])
        level += v.sha256(b"\0gelombang1/region\0" + packed + v.tree_hash(nodes)).digest()
        files = files | {f"nodes/{row['region']}.bin": nodes}
    lines = files["note.txt"].split(b"\n")
    lines[2] = b"entries %d" % sum(row["entries"] for row in rows)
    lines[5] = b"regions " + base64.b64encode(v.tree_hash(level))
    return files | {"regions.json": encode(rows), "note.txt": b"\n".join(lines)}


def first_two_swapped(data: bytes) -> bytes:
    return data[32:64] + data[:32] + data[64:]


WRONG: dict[str, tuple[list[str], Callable[[Files], Files]]] = {
    "another wave's note": (["wrong wave"], lambda f: replaced(f, "note.txt", b"wave 54", b"wave 55")),
    "a note with a foreign chain": (
        ["foreign chain"],
        lambda f: replaced(f, "note.txt", b"beacon 52db", b"beacon 0000"),
    ),
    "a note with a later round": (["wrong round"], lambda f: replaced(f, "note.txt", b" 657413\n", b" 657414\n")),
    "regions that descend": (
        ["regions not ascending", "wrong top"],
        lambda f: edited(f, "regions.json", lambda rows: rows.reverse()),
    ),
    "a list in another order": (
        ["list not ascending"],
        lambda f: recommitted(f | {"leaves/31.bin": first_two_swapped(f["leaves/31.bin"])}),
    ),
    "a leaf twice": (
        ["duplicate leaf"],
        lambda f: recommitted(f | {"leaves/31.bin": f["leaves/31.bin"][:32] + f["leaves/31.bin"][:-32]}),
    ),
    "a leaf twice in a list in another order": (
        ["list not ascending"],  # where the first fault is, reading stops
        lambda f: recommitted(f | {"leaves/31.bin": f["leaves/31.bin"][32:] + f["leaves/31.bin"][32:64]}),
    ),
    "a leaf exchanged for another": (
        ["wrong root", "wrong nodes"],
        lambda f: f | {"leaves/31.bin": bytes(32) + f["leaves/31.bin"][32:]},
    ),
    "other nodes": (["wrong nodes"], lambda f: f | {"nodes/31.bin": bytes(32)}),
    "entries that do not sum to the note's": (
        ["wrong entries"],
        lambda f: replaced(f, "note.txt", b"entries 52", b"entries 53"),
    ),
    "reserved seats that do not sum to the note's": (
        ["wrong seats"],
        lambda f: replaced(f, "note.txt", b"reserved 7", b"reserved 6"),
    ),
    "more reserved seats than the quota": (["wrong seats"], lambda f: replaced(f, "note.txt", b"quota 20", b"quota 6")),
    "a root that the note does not commit to": (
        ["wrong top", "wrong root"],
        lambda f: edited(f, "regions.json", lambda rows: rows[0].update(root="00" * 32)),
    ),
    "a beacon of a foreign chain": (
        ["foreign chain"],
        lambda f: edited(f, "beacon.json", lambda b: b.update(chain="00" * 32)),
    ),
    "a beacon of another round": (
        ["wrong round"],
        lambda f: edited(f, "beacon.json", lambda b: b.update(round=657414)),
    ),
    "the real signature of another round": (
        ["wrong round", "forged signature"],
        lambda f: f | {"beacon.json": encode({"chain": v.QUICKNET.hash} | VECTORS["drand_quicknet"][1])},
    ),
    "a forged signature": (
        ["forged signature", "wrong randomness"],
        lambda f: edited(f, "beacon.json", lambda b: b.update(signature="00" * 48)),
    ),
    "randomness that is not its hash": (
        ["wrong randomness"],
        lambda f: edited(f, "beacon.json", lambda b: b.update(randomness="00" * 32)),
    ),
    "a result of another wave": (["wrong wave"], lambda f: edited(f, "result.json", lambda r: r.update(wave=55))),
    "another seed": (["wrong seed"], lambda f: edited(f, "result.json", lambda r: r.update(seed="00" * 32))),
    "seats that are not the region's": (
        ["wrong seats"],
        lambda f: edited(f, "result.json", lambda r: r["reserved"][0].update(seats=5)),
    ),
    "a region's seats left out": (
        ["wrong seats", "wrong cut-off"],
        lambda f: edited(f, "result.json", lambda r: r["reserved"].pop()),
    ),
    "open seats that are not what is left": (
        ["wrong seats"],
        lambda f: edited(f, "result.json", lambda r: r["open"].update(seats=15)),
    ),
    "another number of chosen": (
        ["wrong chosen"],
        lambda f: edited(f, "result.json", lambda r: r["reserved"][1].update(chosen=3)),
    ),
    "another cut-off": (
        ["wrong cut-off"],
        lambda f: edited(f, "result.json", lambda r: r["open"].update(cutoff="00" * 32)),
    ),
    "no cut-off where some were chosen": (
        ["wrong cut-off"],
        lambda f: edited(f, "result.json", lambda r: r["open"].update(cutoff=None)),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(wrong: str, tmp_path: Path) -> None:
    names, spoil = WRONG[wrong]
    verdict = of(spoil(small_wave()), tmp_path)
    assert verdict.code == 1
    assert not verdict.ok
    assert set(names) <= set(verdict.failures), verdict.checks


def test_one_wrong_value_is_one_failure(tmp_path: Path) -> None:
    for wrong in ("another seed", "randomness that is not its hash", "a beacon of another round", "other nodes"):
        names, spoil = WRONG[wrong]
        assert of(spoil(small_wave()), tmp_path / wrong).failures == names


def test_one_failure_does_not_hide_another(tmp_path: Path) -> None:
    files = small_wave() | {"nodes/96.bin": bytes(32), "removals.json": b"{}"}
    files = edited(files, "beacon.json", lambda b: b.update(randomness="00" * 32, round=1))
    files = edited(files, "result.json", lambda r: r.update(seed="00" * 32))
    del files["leaves/32.bin"]
    failures = ["malformed", "wrong round", "wrong randomness", "wrong seed", "missing", "wrong nodes"]
    assert of(files, tmp_path).failures == failures


@pytest.mark.parametrize("name", ["note.txt", "regions.json", "beacon.json", "result.json", "removals.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}\n"])
def test_a_file_that_is_missing_or_malformed_fails_and_what_needs_it_is_not_checked(
    name: str, content: bytes | None, tmp_path: Path
) -> None:
    files = small_wave() | {name: content or b""}
    if content is None:
        del files[name]
    verdict = of(files, tmp_path)
    assert verdict.failures == ["missing" if content is None else "malformed"]
    assert verdict.detail(name).startswith(verdict.failures[0])
    assert name == "removals.json" or len(verdict.unchecked) > 6


def test_a_list_or_nodes_missing_leaves_the_choice_unchecked(tmp_path: Path) -> None:
    files = small_wave()
    verdict = of({name: files[name] for name in files if name != "leaves/31.bin"}, tmp_path / "a")
    assert verdict.failures == ["missing"]
    assert "cut-offs, substitutions, sample" in verdict.unchecked
    verdict = of({name: files[name] for name in files if name != "nodes/31.bin"}, tmp_path / "b")
    assert verdict.failures == ["missing"]
    assert "cut-offs, substitutions, sample" not in verdict.unchecked


def test_a_list_for_a_region_without_entries_is_malformed(tmp_path: Path) -> None:
    files = published_draw(54, lists(54, {31: 5}), {31: 1, 96: 1}, 3)
    assert of(files, tmp_path / "good").ok
    for name in ("leaves/96.bin", "nodes/96.bin"):
        for content in (b"", bytes(32)):
            assert of(files | {name: content}, tmp_path / f"{name}{len(content)}").failures == ["malformed"]


def test_shares_by_weight_are_checked_where_the_decree_is_given(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    assert verify(folder, "--weight", "31", "40", "--weight", "96", "30").ok
    for weights in (
        ["31", "3", "--weight", "96", "4"],
        ["31", "1"],
        ["11", "1", "--weight", "31", "4", "--weight", "96", "3"],
    ):
        verdict = verify(folder, "--weight", *weights)
        assert verdict.failures == ["wrong seats"]
        assert verdict.detail("regions: shares by weight").startswith("wrong seats")


def test_a_note_is_early_or_late_by_times_from_outside(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())  # frozen at 10:30:03, its round exists from 11:00:03 on
    assert verify(folder, "--closes-at", "2023-09-15T10:15:03Z", "--seen-at", "2023-09-15T11:00:02Z").ok
    assert verify(folder, "--closes-at", "2023-09-15T10:15:04Z").failures == ["early note"]
    assert verify(folder, "--closes-at", "2023-09-15T10:30:00Z", "--freeze-delay", "3").ok
    assert verify(folder, "--seen-at", "2023-09-15T11:00:03Z").failures == ["late note"]


def test_the_wave_is_the_folders_unless_another_is_given(tmp_path: Path) -> None:
    assert verify(write(tmp_path / "55", small_wave())).failures == ["wrong wave"]
    assert verify(tmp_path / "55", "--wave", "54").ok
    verdict = verify(write(tmp_path / "mine", small_wave()))
    assert verdict.ok
    assert "note: wave" in verdict.unchecked


def test_another_chain_is_believed_only_if_it_is_given_and_then_it_is_said(tmp_path: Path) -> None:
    files = published_draw(54, lists(54, {31: 9}), {}, 3, DEVELOPMENT, DEVELOPMENT_FROZEN)
    assert of(files, tmp_path).failures == ["foreign chain"]
    chain = DEVELOPMENT
    given = f"{chain.hash}:{chain.public_key}:{chain.genesis}:{chain.period_s}:{chain.delay_s}"
    verdict = of(files, tmp_path, "--chain", given)
    assert verdict.ok
    assert verdict.checks[0]["name"] == "THE CHAIN WAS GIVEN BY HAND"
    assert verdict.detail("beacon: signature").startswith("the chain's")
    assert of(small_wave(), tmp_path / "other", "--chain", given).failures == ["foreign chain"]


def swap_ins(rows: list[dict[str, Any]]) -> None:
    rows[0]["in"], rows[1]["in"] = rows[1]["in"], rows[0]["in"]


@pytest.mark.parametrize(
    "spoil",
    [
        swap_ins,
        lambda rows: rows[2].update(seq=4),
        lambda rows: rows.pop(0),
        lambda rows: rows.append(rows[0] | {"seq": 8}),  # who is out is out
        lambda rows: rows[0].update(out="00" * 32),
        lambda rows: rows[0].update(seat="96" if rows[0]["seat"] == "31" else "31"),
        lambda rows: rows[3].update(seat="31" if rows[3]["seat"] == "open" else "open"),
        lambda rows: rows[6].update({"in": None}),
        lambda rows: rows[0].update({"in": rows[0]["out"]}),
    ],
)  # fmt: skip
def test_a_substitution_out_of_order_is_named(spoil: Callable[[Any], Any], tmp_path: Path) -> None:
    assert of(edited(small_wave(), "substitutions.json", spoil), tmp_path).failures == ["substitution out of order"]


def test_a_seat_that_nobody_is_left_for_has_no_follower(tmp_path: Path) -> None:
    files = published_draw(54, lists(54, {31: 3, 32: 2}), {31: 2}, 4, leaving=[0, 0, 0])
    assert [row["in"] is None for row in json.loads(files["substitutions.json"])] == [False, True, True]
    assert of(files, tmp_path / "good").ok
    spoiled = edited(files, "substitutions.json", lambda rows: rows[1].update({"in": rows[0]["out"]}))
    assert of(spoiled, tmp_path / "bad").failures == ["substitution out of order"]


def test_a_wave_without_substitutions_yet_is_true(tmp_path: Path) -> None:
    files = {name: content for name, content in small_wave().items() if name != "substitutions.json"}
    verdict = of(files, tmp_path)
    assert verdict.ok
    assert "substitutions.json" in verdict.unchecked


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s.update(after_seq=8),
        lambda s: s.update(size=11),
        lambda s: s["leaves"].pop(),
        lambda s: s["leaves"].reverse(),
        lambda s: s["leaves"].__setitem__(0, "00" * 32),
    ],
)
def test_a_wrong_sample_is_named(spoil: Callable[[Any], Any], tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    sample = sample_of(folder, after=3, size=10)
    (folder / "sample.json").write_bytes(sample)
    assert verify(folder).ok
    (folder / "sample.json").write_bytes(edited({"s": sample}, "s", spoil)["s"])
    assert verify(folder).failures == ["wrong sample"]


def test_a_sample_of_all_who_are_left_is_true(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    (folder / "sample.json").write_bytes(sample_of(folder, after=0, size=2000))
    assert verify(folder).ok
