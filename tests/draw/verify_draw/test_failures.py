"""`verify_draw.py` names all that is wrong with a wave as the specification does, and hides no failure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from struct import pack
from typing import Any

import pytest

from chalicelib.waves.publication.bucket import VERIFIER_FILE
from tests.builders.draws.files import (
    DEVELOPMENT,
    DEVELOPMENT_FROZEN,
    GOOD,
    REAL_FROZEN,
    VECTORS,
    encoded,
    noted,
    published_draw,
    updated,
    write,
)
from tests.builders.draws.files import edited as tampered
from tests.builders.draws.verify_draw import Verdict, lists, program, small_wave, verify, verify_files
from tests.draw.verify_draw.test_verify_draw import sample_of

v = program()
Files = dict[str, bytes]


def edited(files: Files, name: str, edit: Callable[[Any], Any]) -> Files:
    """The files, one JSON of which says something else."""
    value = json.loads(files[name])
    edit(value)
    return files | {name: encoded(value)}


def of(files: Files, *arguments: str) -> Verdict:
    return verify_files(files, *arguments, wave=54)


def recommitted(files: Files) -> Files:
    """Regions, nodes and note made anew over the lists as they are: nothing but the lists is wrong then."""
    rows, level = json.loads(files["regions.json"]), b""
    for row in rows:
        leaves = files.get(f"leaves/{row['region']}.bin", b"")
        nodes = v.run_hashes(leaves)
        row["entries"], row["root"] = len(leaves) // 32, v.tree_hash(nodes).hex()
        packed = pack(">IHII", 62, row["region"], row["entries"], row["quota"])
        level += v.sha256(b"\0gelombang1/region\0" + packed + v.tree_hash(nodes)).digest()
        files = files | {f"nodes/{row['region']}.bin": nodes}
    lines = files["note.txt"].split(b"\n")
    lines[2] = b"entries %d" % sum(row["entries"] for row in rows)
    lines[5] = b"regions " + base64.b64encode(v.tree_hash(level))
    return files | {"regions.json": encoded(rows), "note.txt": b"\n".join(lines)}


def two_regions_swap_a_seat(rows: list[dict[str, Any]]) -> None:
    rows[1]["quota"], rows[2]["quota"] = rows[2]["quota"], rows[1]["quota"]


def with_list(edit: Callable[[bytes], bytes]) -> Files:
    return recommitted(GOOD | {"leaves/31.bin": edit(GOOD["leaves/31.bin"])})


ANOTHER_ROUND = encoded({"chain": v.QUICKNET.hash} | VECTORS["drand_quicknet"][1])
WRONG: dict[str, tuple[Files, list[str]]] = {
    "another wave's note": (noted(wave=63), ["wrong wave"]),
    "a note with a later round": (noted(round=657414), ["wrong round"]),
    "a note with an earlier round": (noted(round=657412), ["wrong round"]),
    "an earlier freeze": (noted(frozen=REAL_FROZEN - timedelta(seconds=60)), ["wrong round"]),
    "another top": (noted(regions=bytes(32)), ["wrong top"]),
    "entries that do not sum to the note's": (noted(entries=23), ["wrong entries"]),
    "reserved seats that do not sum to the note's": (noted(reserved=7), ["wrong seats"]),
    "more reserved seats than the quota": (noted(quota=6), ["wrong seats"]),
    "regions that descend": (tampered("regions.json", list.reverse), ["regions not ascending", "wrong top"]),
    "a root that is not in the note": (
        updated("regions.json", 0, root="00" * 32),
        ["wrong top", "wrong root"],
    ),
    "a root of an empty list": (updated("regions.json", 3, root="00" * 32), ["wrong top", "wrong root"]),
    "a seat moved in the table": (tampered("regions.json", two_regions_swap_a_seat), ["wrong top"]),
    "a list in another order": (with_list(lambda raw: raw[32:64] + raw[:32] + raw[64:]), ["list not ascending"]),
    "a leaf twice": (with_list(lambda raw: raw[:32] + raw[:-32]), ["duplicate leaf"]),
    "a leaf twice, behind another fault": (with_list(lambda raw: raw[32:] + raw[32:64]), ["list not ascending"]),
    "a leaf exchanged": (
        GOOD | {"leaves/31.bin": bytes(32) + GOOD["leaves/31.bin"][32:]},
        ["wrong root", "wrong nodes"],
    ),
    "other nodes": (GOOD | {"nodes/31.bin": bytes(32)}, ["wrong nodes"]),
    "a beacon of a foreign chain": (updated("beacon.json", chain="00" * 32), ["foreign chain"]),
    "a beacon of another round": (updated("beacon.json", round=657414), ["wrong round"]),
    "the signature of another round": (GOOD | {"beacon.json": ANOTHER_ROUND}, ["wrong round", "forged signature"]),
    "a forged signature": (updated("beacon.json", signature="00" * 48), ["forged signature", "wrong randomness"]),
    "randomness that is not its hash": (updated("beacon.json", randomness="00" * 32), ["wrong randomness"]),
    "a result of another wave": (updated("result.json", wave=55), ["wrong wave"]),
    "another seed": (updated("result.json", seed="00" * 32), ["wrong seed"]),
    "seats that are not the region's": (updated("result.json", "reserved", 0, seats=5), ["wrong seats"]),
    "a region's seats left out": (tampered("result.json", lambda said: said["reserved"].pop(1)), ["wrong chosen"]),
    "open seats that are not what is left": (updated("result.json", "open", seats=15), ["wrong seats"]),
    "another number of chosen": (updated("result.json", "reserved", 1, chosen=2), ["wrong chosen"]),
    "more chosen openly": (updated("result.json", "open", chosen=9), ["wrong chosen"]),
    "another cut-off": (updated("result.json", "open", cutoff="00" * 32), ["wrong cut-off"]),
    "another cut-off of a region": (updated("result.json", "reserved", 1, cutoff="ff" * 32), ["wrong cut-off"]),
    "no cut-off where some were chosen": (updated("result.json", "open", cutoff=None), ["wrong cut-off"]),
    "a cut-off where nobody was chosen": (updated("result.json", "reserved", 3, cutoff="00" * 32), ["wrong cut-off"]),
}
"""Files of which one thing is wrong, and the names that this must have among others that follow from it."""


@pytest.mark.parametrize(("files", "names"), WRONG.values(), ids=WRONG)
def test_each_wrong_fact_is_named(files: Files, names: list[str]) -> None:
    verdict = verify_files(files, wave=62)
    assert (verdict.code, verdict.ok) == (1, False)
    assert set(names) <= set(verdict.failures), verdict.checks


def test_one_wrong_value_is_one_failure() -> None:
    assert verify_files(GOOD, wave=62).ok
    for wrong in ("another seed", "randomness that is not its hash", "a beacon of another round", "other nodes"):
        files, names = WRONG[wrong]
        assert verify_files(files, wave=62).failures == names


def test_one_failure_does_not_hide_another() -> None:
    files = small_wave() | {"nodes/96.bin": bytes(32), "removals.json": b"{}"}
    files = edited(files, "beacon.json", lambda b: b.update(randomness="00" * 32, round=1))
    files = edited(files, "result.json", lambda r: r.update(seed="00" * 32))
    del files["leaves/32.bin"]
    failures = ["malformed", "wrong round", "wrong randomness", "wrong seed", "missing", "wrong nodes"]
    assert of(files).failures == failures


@pytest.mark.parametrize("name", ["note.txt", "regions.json", "beacon.json", "result.json", "removals.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}\n"])
def test_a_file_that_is_missing_or_malformed_fails_and_what_needs_it_is_not_checked(
    name: str, content: bytes | None
) -> None:
    files = small_wave() | {name: content or b""}
    if content is None:
        del files[name]
    verdict = of(files)
    assert verdict.failures == ["missing" if content is None else "malformed"]
    assert verdict.detail(name).startswith(verdict.failures[0])
    assert name == "removals.json" or len(verdict.unchecked) > 6


def test_without_a_list_or_nodes_the_choice_is_not_checked() -> None:
    files = small_wave()
    verdict = of({name: files[name] for name in files if name != "leaves/31.bin"})
    assert verdict.failures == ["missing"]
    assert "cut-offs, substitutions, sample" in verdict.unchecked
    verdict = of({name: files[name] for name in files if name != "nodes/31.bin"})
    assert verdict.failures == ["missing"]
    assert "cut-offs, substitutions, sample" not in verdict.unchecked


def test_shares_by_weight_are_checked_where_the_decree_is_given() -> None:
    assert of(small_wave(), "--weight", "31", "40", "--weight", "96", "30").ok
    for weights in (
        ["31", "3", "--weight", "96", "4"],
        ["31", "1"],
        ["11", "1", "--weight", "31", "4", "--weight", "96", "3"],
    ):
        verdict = of(small_wave(), "--weight", *weights)
        assert verdict.failures == ["wrong seats"]
        assert verdict.detail("regions: shares by weight").startswith("wrong seats")


def test_a_note_is_early_or_late_by_times_from_outside() -> None:
    files = small_wave()  # frozen at 10:30:03, its round exists from 11:00:03 on
    assert of(files, "--closes-at", "2023-09-15T10:15:03Z", "--seen-at", "2023-09-15T11:00:02Z").ok
    assert of(files, "--closes-at", "2023-09-15T10:15:04Z").failures == ["early note"]
    assert of(files, "--closes-at", "2023-09-15T10:30:00Z", "--freeze-delay", "3").ok
    assert of(files, "--seen-at", "2023-09-15T11:00:03Z").failures == ["late note"]


def test_the_wave_is_the_folders_unless_another_is_given(tmp_path: Path) -> None:
    assert verify(write(tmp_path / "55", small_wave())).failures == ["wrong wave"]
    assert verify(tmp_path / "55", "--wave", "54").ok
    verdict = verify(write(tmp_path / "mine", small_wave()))
    assert verdict.ok
    assert "note: wave" in verdict.unchecked


def test_another_chain_is_accepted_only_if_given_and_then_named() -> None:
    files = published_draw(54, lists(54, {31: 9}), {}, 3, DEVELOPMENT, DEVELOPMENT_FROZEN)
    assert of(files).failures == ["foreign chain"]
    chain = DEVELOPMENT
    given = f"{chain.hash}:{chain.public_key}:{chain.genesis}:{chain.period_s}:{chain.delay_s}"
    verdict = of(files, "--chain", given)
    assert verdict.ok
    assert verdict.checks[0]["name"] == "THE CHAIN WAS GIVEN BY HAND"
    assert verdict.detail("beacon: signature").startswith("the chain's")
    assert of(small_wave(), "--chain", given).failures == ["foreign chain"]


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
def test_a_substitution_out_of_order_is_named(spoil: Callable[[Any], Any]) -> None:
    assert of(edited(small_wave(), "substitutions.json", spoil)).failures == ["substitution out of order"]


def test_a_seat_for_which_nobody_is_left_has_no_substitute() -> None:
    files = published_draw(54, lists(54, {31: 3, 32: 2}), {31: 2}, 4, leaving=[0, 0, 0])
    assert [row["in"] is None for row in json.loads(files["substitutions.json"])] == [False, True, True]
    assert of(files).ok
    spoiled = edited(files, "substitutions.json", lambda rows: rows[1].update({"in": rows[0]["out"]}))
    assert of(spoiled).failures == ["substitution out of order"]


def test_a_wave_without_substitutions_passes() -> None:
    files = {name: content for name, content in small_wave().items() if name != "substitutions.json"}
    verdict = of(files)
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
def test_a_wrong_sample_is_named(spoil: Callable[[Any], Any]) -> None:
    sample = {"sample.json": sample_of(small_wave(), after=3, size=10)}
    assert of(small_wave() | sample).ok
    assert of(small_wave() | edited(sample, "sample.json", spoil)).failures == ["wrong sample"]


def test_a_sample_of_everybody_left_passes() -> None:
    everybody = sample_of(small_wave(), after=0, size=2000)
    assert of(small_wave() | {"sample.json": everybody}).ok
    claimed = edited({"sample.json": everybody}, "sample.json", lambda s: s.update(after_seq=7))
    assert of(small_wave() | claimed).failures == ["wrong sample"], "some of them followed"


def test_with_nothing_published_every_file_is_named_and_nothing_passes() -> None:
    checks = of({}).checks
    assert [check["detail"] for check in checks if check["ok"] is False] == [
        f"missing: {name} is not there"
        for name in ("note.txt", "removals.json", "regions.json", "beacon.json", "result.json")
    ]
    assert not any(check["ok"] for check in checks)


def test_a_published_program_that_is_not_this_one_is_shown_and_is_no_failure() -> None:
    changed = VERIFIER_FILE.read_bytes() + b"\n"
    for content, said in (
        (VERIFIER_FILE.read_bytes(), "the same as this one"),
        (changed, f"not this version, SHA-256 {sha256(changed).hexdigest()}: compare it before you run it"),
    ):
        verdict = of(small_wave() | {"verify_draw.py": content})
        assert (verdict.ok, verdict.detail("verify_draw.py")) == (True, said)
    assert "verify_draw.py" in of(small_wave()).unchecked
    assert of(small_wave() | {"verify_draw.py": bytes(1_048_577)}).failures == ["malformed"]
