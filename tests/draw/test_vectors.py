"""The draw compared byte for byte with vectors that were computed elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.draw import note
from chalicelib.draw.errors import BadSeats, MalformedNote
from chalicelib.draw.leaves import Commitment, commit_to, leaf, leaves_of, region_table, top
from chalicelib.draw.selection import OPEN, Selection, draw_seed
from tests.builders.draws.files import CASES, QUICKNET, build_list, lists_of, reserved_of

every_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def commitment_of(case: dict[str, Any]) -> Commitment:
    frozen = datetime.fromtimestamp(case["frozen"], UTC)
    table = region_table(lists_of(case), reserved_of(case))
    return commit_to(case["wave"], table, case["quota"], frozen, QUICKNET)


def test_there_are_six_vectors_on_the_pinned_chain():
    assert len(CASES) == 6
    assert {case["chain"]["chain"] for case in CASES} == {QUICKNET.hash}


@every_case
def test_the_region_table_and_its_top_are_those_of_the_vector(case: dict[str, Any]):
    found = commitment_of(case)
    rows = [
        {"region": row.region, "entries": row.entries, "quota": row.quota, "root": row.root.hex()}
        for row in found.regions
    ]
    assert rows == case["regions"]
    assert found.note.regions.hex() == case["top"]
    assert top(case["wave"], found.regions).hex() == case["top"]


@every_case
def test_the_note_and_its_round_are_those_of_the_vector(case: dict[str, Any]):
    found = commitment_of(case).note
    assert found.encode() == case["note"].encode()
    assert found.round == case["round"]
    assert note.parse(case["note"].encode()) == found


@every_case
def test_the_seed_and_everyone_chosen_in_order_are_those_of_the_vector(case: dict[str, Any]):
    seed = draw_seed(case["note"].encode(), sha256(bytes.fromhex(case["signature"])).digest())
    assert seed.hex() == case["seed"]
    selection = Selection(lists_of(case), reserved_of(case), case["quota"], seed)
    winners = list(selection.winners())
    for region, leaves in case["chosen_reserved"].items():
        assert [leaf.hex() for leaf, seat in winners if seat == region] == leaves
    assert [leaf.hex() for leaf, seat in winners if seat == OPEN] == [row["leaf"] for row in case["chosen_open"]]
    assert len(winners) == sum(map(len, case["chosen_reserved"].values())) + len(case["chosen_open"])
    lists = lists_of(case)
    assert all(bytes.fromhex(row["leaf"]) in leaves_of(lists[row["region"]]) for row in case["chosen_open"])


def test_a_leaf_is_on_the_list_built_from_its_ticket():
    tickets = [bytes([n]) * 32 for n in range(9)]
    leaves = list(leaves_of(build_list(60, 31, tickets)))
    assert leaves == sorted(leaves)
    assert leaf(60, 31, tickets[4]) in leaves
    assert leaf(60, 32, tickets[4]) not in leaves
    assert leaf(61, 31, tickets[4]) not in leaves


def test_more_reserved_seats_than_there_are_cannot_be_committed_to():
    with pytest.raises(BadSeats):
        commit_to(60, region_table({}, {31: 4, 32: 2}), 5, datetime(2023, 9, 6, tzinfo=UTC), QUICKNET)


def test_a_region_without_entries_or_seats_has_no_row():
    assert region_table({31: b""}, {32: 0}) == ()


NOTE = note.parse(CASES[0]["note"].encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", "\r\n"),
        ("gelombang/draw/1", "gelombang/draw/2"),
        ("wave 60", "wave 060"),
        ("wave 60", "wave  60"),
        ("wave 60", "wave ٦٠"),
        ("wave 60", "wave 99999999999"),
        ("wave 60", "wave 4294967296"),
        ("entries 14", "entries -14"),
        ("quota 5", "quota 5.0"),
        ("quota 5\nreserved 0", "reserved 0\nquota 5"),
        ("=\n", "\n"),
        ("=\n", "==\n"),
        pytest.param("O0gIk=", "O0gIl=", id="base64 with stray bits"),
        ("2023-09-06T11:45:00Z", "2023-02-30T11:45:00Z"),
        ("2023-09-06T11:45:00Z", "2023-09-06T24:00:00Z"),
        ("2023-09-06T11:45:00Z", "2023-09-06T11:45:00+00:00"),
        ("2023-09-06T11:45:00Z", "2023-09-06 11:45:00Z"),
        ("52db", "52DB"),
        (" 399712\n", " 399712\n\n"),
        (" 399712\n", " 399712"),
        (" 399712\n", " 18446744073709551616\n"),
    ],
)
def test_a_note_that_is_not_exactly_of_its_form_is_refused(old: str, new: str):
    raw = CASES[0]["note"].replace(old, new)
    assert raw != CASES[0]["note"]
    with pytest.raises(MalformedNote):
        note.parse(raw.encode())


def test_a_freeze_is_a_whole_second_with_a_time_zone_and_written_in_utc():
    for wrong in ({"microsecond": 1}, {"tzinfo": None}):
        with pytest.raises(MalformedNote):
            replace(NOTE, frozen=NOTE.frozen.replace(**wrong))
    wib = NOTE.frozen.astimezone(timezone(timedelta(hours=7)))
    assert replace(NOTE, frozen=wib).encode() == NOTE.encode()


def test_the_round_is_the_first_at_or_after_the_delay():
    due = NOTE.frozen + timedelta(seconds=QUICKNET.delay_s)
    for later in range(7):
        frozen = NOTE.frozen + timedelta(seconds=later)
        found = note.beacon_round(QUICKNET, frozen)
        assert note.round_time(QUICKNET, found) >= due + timedelta(seconds=later)
        assert note.round_time(QUICKNET, found - 1) < due + timedelta(seconds=later)


def test_before_the_chain_began_its_first_round_is_taken():
    assert note.beacon_round(QUICKNET, datetime(2020, 1, 1, tzinfo=UTC)) == 1
    assert note.round_time(QUICKNET, 1).timestamp() == QUICKNET.genesis
