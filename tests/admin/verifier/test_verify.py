"""The verifier: what is right passes, and every way to tamper with a published draw has its own message."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from admin.evidence import Known
from admin.publication import Folder
from admin.verify import STEPS, verify
from chalicelib.draw import leaves as draw
from chalicelib.draw.beacon import IDENTITY
from chalicelib.draw.note import round_time
from chalicelib.waves.publication.bucket import VERIFIER_FILE
from tests.builders.draws.files import (
    CASES,
    DEVELOPMENT,
    DEVELOPMENT_FROZEN,
    QUICKNET,
    REAL_FROZEN,
    REAL_ROUND,
    VECTORS,
    lists_of,
    published_draw,
    random_lists,
    reserved_of,
    write,
)
from tests.builders.draws.publications import GOOD, LISTS, LOCAL, PRODUCTION, checked, edited, failures, noted, updated

CLOSED = REAL_FROZEN - timedelta(seconds=PRODUCTION.freeze_delay_s)
EXISTS = round_time(QUICKNET, REAL_ROUND["round"])
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_folder_made_of_a_vector_and_a_real_drand_round_verifies(case, tmp_path: Path):
    files = published_draw(case["wave"], lists_of(case), reserved_of(case), case["quota"])
    known = Known(
        wave=case["wave"],
        closes_at=CLOSED,
        note_published_at=REAL_FROZEN,
        weights={int(region): weight for region, weight in case["weights"].items()},
    )
    program = {"verify_draw.py": VERIFIER_FILE.read_bytes()}
    checks = verify(Folder(write(tmp_path, files | program)), PRODUCTION, known)
    assert [check for check in checks if not check.ok] == []
    assert len(checks) == len(STEPS) == len({check.name for check in checks}) == 32


def test_what_could_not_be_checked_is_shown_and_is_not_a_failure():
    files = {name: content for name, content in GOOD.items() if name != "substitutions.json"}
    unchecked = {name: check.detail for name, check in checked(files).items() if check.ok is None}
    assert unchecked == {
        "note not before the close": "when the wave closed is not known here",
        "note before its round": "when the note was published is not known here",
        "shares of the regions": "the weights of the regions are not known here",
        "substitutions": "not published yet: the wave is not settled",
        "published program": "none is published",
    }
    assert failures(files) == {}


def test_a_published_program_that_is_not_this_versions_is_shown_and_is_not_a_failure():
    changed = VERIFIER_FILE.read_bytes() + b"\n"
    check = checked(GOOD | {"verify_draw.py": changed})["published program"]
    assert check.ok is None
    assert sha256(changed).hexdigest() in check.detail
    assert "longer than" in failures(GOOD | {"verify_draw.py": bytes(1_048_577)})["published program"]


def leaves_changed(change) -> dict[str, bytes]:
    name = "leaves/31.bin"
    return GOOD | {name: b"".join(change(list(draw.leaves_of(GOOD[name]))))}


def two_regions_swap_a_seat(table):
    table[1]["quota"], table[2]["quota"] = table[2]["quota"], table[1]["quota"]


NO_ENTRY = {"region": 95, "entries": 0, "quota": 0, "root": "00" * 32}
OTHER_SIGNATURE = VECTORS["drand_quicknet"][1]["signature"]
FOREIGN = "foreign chain: the note's beacon is not a pinned one"

TAMPERED = {
    "a note of another wave": (noted(wave=63), "result", "wrong wave: result of 62, note of 63"),
    "an earlier round": (
        noted(round=REAL_ROUND["round"] - 1),
        "round follows from the freeze",
        "wrong round: 657412 instead of 657413",
    ),
    "an earlier freeze": (
        noted(frozen=REAL_FROZEN - 60 * SECOND),
        "round follows from the freeze",
        "wrong round: 657413 instead of 657393",
    ),
    "an unknown chain": (noted(chain="ab" * 32), "pinned chain", FOREIGN),
    "the development chain": (noted(chain=DEVELOPMENT.hash), "pinned chain", FOREIGN),
    "a beacon of another chain": (
        updated("beacon.json", chain=DEVELOPMENT.hash),
        "beacon as committed",
        "foreign chain: the beacon is not of the chain that the note names",
    ),
    "a beacon of another round": (
        updated("beacon.json", round=123),
        "beacon as committed",
        "wrong round: beacon 123, note 657413",
    ),
    "a signature of another round": (
        updated("beacon.json", signature=OTHER_SIGNATURE),
        "signature",
        "forged signature: not signed by the pinned key",
    ),
    "the identity as signature": (
        updated("beacon.json", signature=IDENTITY.hex()),
        "signature",
        "forged signature: the identity point",
    ),
    "no point as signature": (
        updated("beacon.json", signature="ff" * 48),
        "signature",
        "forged signature: not a point of the group",
    ),
    "another randomness": (
        updated("beacon.json", randomness="00" * 32),
        "randomness",
        "wrong randomness: it is not the hash of the signature",
    ),
    "leaves out of order": (
        leaves_changed(lambda leaves: [leaves[1], leaves[0], *leaves[2:]]),
        "lists ascending",
        "list not ascending: region 31",
    ),
    "a leaf twice": (
        leaves_changed(lambda leaves: [leaves[0], *leaves[:-1]]),
        "no leaf twice",
        "duplicate leaf: region 31",
    ),
    "a leaf twice, apart, of which the first fault is told": (
        leaves_changed(lambda leaves: [*leaves[:-1], leaves[0]]),
        "lists ascending",
        "list not ascending: region 31",
    ),
    "another leaf": (
        leaves_changed(lambda leaves: [*leaves[:-1], b"\xff" * 32]),
        "roots of the lists",
        "wrong root: region 31",
    ),
    "another hash of a run": (GOOD | {"nodes/31.bin": bytes(32)}, "nodes of the lists", "wrong nodes: region 31"),
    "another root": (
        updated("regions.json", 1, root="00" * 32),
        "roots of the lists",
        "wrong root: region 31",
    ),
    "another root of an empty list": (
        updated("regions.json", 3, root="00" * 32),
        "roots of the lists",
        "wrong root: region 94",
    ),
    "a seat more in the table": (
        updated("regions.json", 1, quota=4),
        "reserved seats",
        "wrong seats: 8 reserved in the note, 9 in the region table",
    ),
    "a seat moved in the table": (
        edited("regions.json", two_regions_swap_a_seat),
        "top of the table",
        "wrong top: the note does not commit to this region table",
    ),
    "more reserved than seats": (noted(quota=7), "reserved seats", "wrong seats: 8 reserved of 7"),
    "another top": (
        noted(regions=bytes(32)),
        "top of the table",
        "wrong top: the note does not commit to this region table",
    ),
    "another number of entries": (
        noted(entries=23),
        "entries in all",
        "wrong entries: 23 in the note, 22 in the region table",
    ),
    "regions out of order": (
        edited("regions.json", list.reverse),
        "region table",
        "regions not ascending: 32 after 94; regions not ascending: 31 after 32; regions not ascending: 11 after 31",
    ),
    "a region twice": (
        edited("regions.json", lambda table: table.append(table[-1])),
        "region table",
        "malformed regions.json: a region has two rows",
    ),
    "a region of nobody": (
        edited("regions.json", lambda table: table.append(NO_ENTRY)),
        "region table",
        "malformed regions.json: 95 has neither entries nor seats",
    ),
    "another seed": (
        updated("result.json", seed="00" * 32),
        "seed",
        "wrong seed: it does not follow from the note and the signature",
    ),
    "a result of another wave": (
        updated("result.json", wave=61),
        "result",
        "wrong wave: result of 61, note of 62",
    ),
    "another cut-off of a region": (
        updated("result.json", "reserved", 1, cutoff="ff" * 32),
        "cut-offs",
        "wrong cut-off: region 31",
    ),
    "another open cut-off": (updated("result.json", "open", cutoff="ff" * 32), "cut-offs", "wrong cut-off: open"),
    "a cut-off where nobody was chosen": (
        updated("result.json", "reserved", 3, cutoff="00" * 32),
        "cut-offs",
        "wrong cut-off: region 94",
    ),
    "no cut-off where some were chosen": (
        updated("result.json", "open", cutoff=None),
        "cut-offs",
        "wrong cut-off: open",
    ),
    "fewer chosen in a region": (
        updated("result.json", "reserved", 1, chosen=2),
        "numbers chosen",
        "wrong chosen: region 31 has 2 instead of 3",
    ),
    "more chosen openly": (
        updated("result.json", "open", chosen=8),
        "numbers chosen",
        "wrong chosen: open has 8 instead of 7",
    ),
    "other seats of a region in the result": (
        updated("result.json", "reserved", 1, seats=4),
        "seats of the result",
        "wrong seats: region 31 has 4 instead of 3",
    ),
    "a region missing in the result": (
        edited("result.json", lambda result: result["reserved"].pop(1)),
        "seats of the result",
        "wrong seats: the reserved ones of the result are not of the regions that have them",
    ),
    "other open seats": (
        updated("result.json", "open", seats=5),
        "seats of the result",
        "wrong seats: open has 5 instead of 7",
    ),
}


@pytest.mark.parametrize(("files", "name", "detail"), TAMPERED.values(), ids=TAMPERED)
def test_tampering_is_named(files: dict[str, bytes], name: str, detail: str):
    assert failures(files)[name] == detail


def test_tampering_with_what_nothing_else_follows_from_fails_that_check_alone():
    for tampering, others in {
        "another randomness": set(),
        "another seed": set(),
        "another open cut-off": set(),
        "more chosen openly": set(),
        "a leaf twice": {"roots of the lists", "nodes of the lists", "numbers chosen", "cut-offs", "substitutions"},
    }.items():
        files, name, _ = TAMPERED[tampering]
        assert failures(files).keys() - others == {name}


def test_a_whole_draw_on_a_removed_entry_is_caught_by_the_committed_note():
    without = LISTS | {31: LISTS[31][32:]}
    honest, shorter = (published_draw(62, lists, {11: 2, 31: 3, 32: 2, 94: 1}, 13) for lists in (LISTS, without))
    assert failures(shorter) == {}
    caught = failures(shorter | {"note.txt": honest["note.txt"]})
    assert {"entries in all", "top of the table", "seed"} <= caught.keys()


def time_failures(closes_at: datetime | None = None, seen_at: datetime | None = None) -> dict[str, str]:
    return failures(GOOD, Known(closes_at=closes_at, note_published_at=seen_at))


def test_a_note_frozen_before_the_close_and_the_delay_is_early():
    assert time_failures(closes_at=CLOSED) == {}
    early = time_failures(closes_at=CLOSED + SECOND)
    assert early == {
        "note not before the close": "early note: frozen at 2023-09-15T10:30:03Z, before 2023-09-15T10:30:04Z"
    }


def test_a_note_published_when_its_round_exists_is_late():
    assert time_failures(seen_at=EXISTS - SECOND) == {}
    late = time_failures(seen_at=EXISTS)
    assert late == {
        "note before its round": "late note: published at 2023-09-15T11:00:03Z, "
        "its random number is known from 2023-09-15T11:00:03Z"
    }


def test_a_draw_of_another_wave_than_the_one_asked_for_is_named():
    assert failures(GOOD, Known(wave=63)) == {"wave": "wrong wave: 62 instead of 63"}


def test_seats_that_do_not_follow_from_the_weights_are_named():
    right = {11: 2, 31: 3, 32: 2, 94: 1}
    assert failures(GOOD, Known(weights=right)) == {}
    assert failures(GOOD, Known(weights=right | {94: 0, 95: 1})) == {
        "shares of the regions": "wrong seats: region 94 has 1 instead of 0; wrong seats: region 95 has 0 instead of 1"
    }


def test_the_development_chain_counts_only_for_a_stage_that_draws_with_it():
    files = published_draw(70, random_lists(70, {31: 8}), {}, 3, DEVELOPMENT, DEVELOPMENT_FROZEN)
    assert failures(files)["pinned chain"] == FOREIGN
    assert checked(files)["signature"].ok is None
    local = checked(files, rules=LOCAL)
    assert [check for check in local.values() if check.ok is False] == []
    assert "proves nothing" in local["pinned chain"].detail
    assert failures(GOOD, rules=LOCAL) == {}
