"""Commands that take longer than a request: where they go on, and who may say so."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from admin import desk
from tests.administration.shelf import SARI, Room
from tests.conftest import T0

STANDS = ("cursor", "counts", "run", "seal")


def test_steps_go_on_where_the_time_ran_out(room: Room, terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "STEPS_S", -1)
    late: dict[str, Any] = {}
    for step in range(1, 5):
        late = room.send("/shelf/walk", {name: late[name] for name in STANDS if late})[1]
        assert (late["cursor"], late["steps"], late["counts"]["sum"]) == (str(step), 5, sum(range(step)))
    room.journal.lines.clear()
    assert json.loads(terminal("walk", "--json").stdout) == {"sum": 10}
    assert json.loads(terminal("count", "--json").stdout) == [{"number": number} for number in range(7)]
    assert room.journal.lines[1::2] == (["goes_on"] * 4 + ["done"] + ["goes_on"] * 7 + ["done"])


@pytest.mark.parametrize("seconds", [15, -1])
def test_pages_of_steps_go_on_where_the_time_ran_out_each_taken_once(
    terminal: Any, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setattr(desk, "STEPS_S", seconds)
    pages = [
        f"page{step}{after}" for step, after in ((0, ""), (1, ""), (1, "a/b"), (1, "c"), (2, ""), (2, "a/b"), (2, "c"))
    ]
    assert json.loads(terminal("leaf", "--json").stdout) == dict.fromkeys(pages, 1)


def test_where_a_command_goes_on_is_what_was_answered_to_the_same_caller_for_the_same(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "STEPS_S", -1)
    late = room.send("/shelf/walk", {})[1]
    asked = {name: late[name] for name in STANDS}
    before = len(room.journal.lines)
    others: list[dict[str, Any]] = [
        {"cursor": "2"}, {"cursor": "-2"}, {"cursor": "abc"}, {"counts": {"sum": 7}}, {"counts": {}}, {"seal": ""},
        {"seal": "0" * 64}, {"cursor": ""}, {"seen": "0" * 64}, {"run": None},
        {"run": late["run"] | {"line": "line-9"}}, {"run": late["run"] | {"answered": late["run"]["answered"] + 1}},
    ]  # fmt: skip
    for other in others:
        status, problem = room.send("/shelf/walk", asked | other)
        assert (status, problem["code"]) == (400, "foreign_step"), other
    assert room.send("/shelf/count", asked)[1]["code"] == "foreign_step"
    assert room.send("/shelf/walk", asked, SARI.replace("Sari", "Budi"))[1]["code"] == "foreign_step"
    assert room.send("/shelf/walk", asked | {"seal": "\N{LATIN SMALL LETTER E WITH ACUTE}"})[0] == 400
    assert len(room.journal.lines) == before
    assert room.send("/shelf/walk", asked)[1]["cursor"] == "2"


def test_rows_that_are_too_many_for_an_answer_come_in_several(
    room: Room, terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "ROWS_MAX", 3)
    assert len(room.send("/shelf/count", {})[1]["rows"]) == 3
    assert json.loads(terminal("count", "--json").stdout) == [{"number": number} for number in range(7)]


def test_a_step_is_of_one_run_and_none_that_was_kept_from_long_ago_counts(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "STEPS_S", -1)
    clock = {"now": T0}
    monkeypatch.setattr("admin.office.utc_now", lambda: clock["now"])
    late = room.send("/shelf/walk", {})[1]
    kept = [late := room.send("/shelf/walk", {name: late[name] for name in STANDS})[1] for _ in range(3)][-1]
    assert kept["run"] == {"line": "line-1", "began": int(T0.timestamp()), "answered": int(T0.timestamp())}
    assert {"run=line-1"} == {one for line in room.journal.lines[2::2] for one in line.about}

    clock["now"] += timedelta(days=30)
    late, before = room.send("/shelf/walk", {})[1], len(room.journal.lines)
    status, problem = room.send("/shelf/walk", {name: kept[name] for name in STANDS})
    assert (status, problem["code"], len(room.journal.lines)) == (409, "late_step", before)
    assert room.send("/shelf/walk", {name: kept[name] for name in STANDS} | {"run": late["run"]})[0] == 400
    while "cursor" in late:
        clock["now"] += timedelta(minutes=59)
        status, late = room.send("/shelf/walk", {name: late[name] for name in STANDS})
    assert (status, late["rows"]) == (200, {"sum": 10}), "whoever is slow all the way is not late"

    monkeypatch.setattr("admin.office.ENDS_WITHIN_S", 3 * 3600)
    late, began, status = room.send("/shelf/count", {})[1], clock["now"], 200
    while status == 200:
        clock["now"] += timedelta(minutes=59)
        status, late = room.send("/shelf/count", {name: late[name] for name in STANDS})
    assert (status, late["code"], clock["now"] - began) == (409, "late_step", timedelta(minutes=4 * 59))
