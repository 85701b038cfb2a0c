"""The whole command line: each command has an example that it can read, JSON, and the stage of the environment."""

from __future__ import annotations

import json
import logging
import re
import shlex
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from admin import cli, terminal
from admin import options as declared
from admin.cli import main
from admin.commands import trigger
from admin.commands.draws.verify import arguments
from admin.rows import Marked
from chalicelib.config import BadConfiguration
from chalicelib.payouts.errors import UnknownEntitlement
from chalicelib.registration.errors import NotRegistered
from chalicelib.waves.errors import ChangeTooLate, UnknownWave
from tests.admin.test_command_traces import COMMANDS
from tests.architecture.test_docs import found
from tests.conftest import every_error

AT = datetime(2026, 11, 27, 5, tzinfo=UTC)


def options(command: click.Command) -> dict[str, click.Parameter]:
    return {name: one for one in command.params for name in one.opts}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_ends_its_help_with_an_example_that_it_can_read(name: str, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = COMMANDS[name]
    if name != "draw verify":  # its help is that of the published verifier
        assert (command.epilog or "").splitlines()[2] in CliRunner().invoke(main, [*name.split(), "--help"]).output
    _, *words = shlex.split((command.epilog or "").splitlines()[2])
    assert words[: len(name.split())] == name.split()
    assert words.count("--stage") <= 1, "the last one would win"
    for word in words:
        if re.fullmatch(r"\w+\.(csv|xml|json|txt|key)", word):
            (tmp_path / word).write_text("x")  # files that it reads must be there
    monkeypatch.setattr(click, "prompt", lambda *_, **__: "x")
    command.make_context(name, words[len(name.split()) :])  # raises if there is no such option, or one is missing


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_prints_json_and_takes_the_stage_of_the_environment(name: str):
    command = COMMANDS[name]
    if name == "draw verify":  # its words are those of the published verifier
        assert "--json" in arguments()._option_string_actions
        return
    has = options(command)
    assert "--json" in has
    stage = has.get("--stage")
    if stage is not None:
        assert stage.envvar == (None if name == "destroy" else "GELOMBANG_STAGE"), "what destroys a stage names it"


def test_each_command_of_a_group_that_helps_is_there():
    sentences = [one for said in cli.WHAT_TO_DO.values() for one in said]
    named = [words for one in sentences for words in re.findall(r"`gelombang (.*?)`", one)]
    assert named
    assert [words for words in named if found(words.split(" --")[0].split()) is None] == []
    codes = {error.code for error in every_error()}
    assert cli.WHAT_TO_DO.keys() - codes == set()


def test_a_refusal_has_its_value_its_code_and_what_to_do_with_times_in_wib():
    late = ChangeTooLate(wave=145, opens_at="2026-11-27T05:00:00Z", earliest="2026-11-27T05:00:07Z")
    assert cli.told(late) == (
        "Wave 145 opens at Fri 2026-11-27 12:00:00 WIB; only openings from Fri 2026-11-27 12:00:07 WIB on can still be "
        "changed. (calendar_change_too_late); change a later wave, or add one: `gelombang wave add`"
    )
    nobody = UnknownEntitlement(entitlement_id="k7q")
    assert cli.told(nobody).startswith("There is no such entitlement. (unknown_entitlement entitlement_id=k7q); ")
    assert cli.told(NotRegistered(), {"registrant": "siti\n"}).startswith(
        "Nobody with this account has registered. (not_registered registrant=siti\N{REPLACEMENT CHARACTER}); "
    )
    shown = "There is no wave 9. (unknown_wave); `gelombang wave list` shows those there are"
    assert cli.told(UnknownWave(wave=9)) == shown
    assert cli.told(BadConfiguration(reason="there is no stage x")) == "there is no stage x"


def screen(shown: object, capsys, *, as_json: bool = False, nothing: str = "nothing") -> str:
    with click.Context(click.Command("x")) as context:
        context.meta[declared._JSON] = as_json
        terminal.show(shown, nothing)
    return capsys.readouterr().out


ROW = {"wave": 100_001, "opens_at": AT, "entries": 949_210, "paid_idr": 600_000, "by": None, "open": True}


def test_one_row_is_shown_for_people_and_printed_for_programs(capsys):
    assert screen([ROW], capsys).splitlines() == [
        "  wave  opens at                     entries       paid  by  open",
        "100001  Fri 2026-11-27 12:00:00 WIB  949,210  Rp600.000  -   yes",
    ]
    assert json.loads(screen([ROW], capsys, as_json=True)) == [ROW | {"opens_at": "2026-11-27T05:00:00Z"}]


def test_nothing_is_said_and_facts_have_their_lists_below(capsys):
    assert screen([], capsys, nothing="no wave is planned") == "no wave is planned\n"
    assert screen([], capsys, as_json=True) == "[]\n"
    facts = {"wave": 54, "weights": {31: 2}, "changes": [], "seats": [{"region": 31, "chosen": 2}]}
    assert screen(facts, capsys).splitlines() == [
        "wave     54",
        "weights  31: 2",
        "changes: none",
        "seats",
        "  region  chosen",
        "      31       2",
    ]


def test_an_amount_is_told_from_the_count_of_its_name(capsys):
    both = {"paid": 2, "paid_idr": 1_200_000}
    assert screen(both, capsys) == "paid        2\npaid in Rp  Rp1.200.000\n"
    assert screen([both], capsys).splitlines()[0] == "paid   paid in Rp"


def test_what_a_domain_warns_of_is_said_with_its_facts_and_not_in_the_result(capsys):
    about = {"name": "x", "levelno": logging.WARNING, "levelname": "WARNING", "msg": "page_failed", "fact": "http_500"}
    cli.Said().emit(logging.makeLogRecord(about))
    assert capsys.readouterr() == ("", "warning: page_failed fact=http_500\n")
    assert isinstance(logging.lastResort, cli.Said)


def test_a_pipe_gets_no_escape_code_and_a_terminal_none_that_colours_where_none_is_wanted(capsys, monkeypatch):
    shown = {"wave": 54, "seats": [{"state": Marked("OPEN", "red")}]}
    assert "\x1b" not in screen(shown, capsys)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as at a terminal
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31mOPEN" in screen(shown, capsys)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in screen(shown, capsys)


def test_words_of_others_steer_no_terminal_and_are_no_markup(capsys):
    hostile = "[red]merah[/red] \x1b[2J\u202eterbalik\nbaris"
    row = screen([{"note": hostile}], capsys)
    assert "[red]merah[/red] \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}terbalik" in row
    assert len(row.splitlines()) == 2
    act = screen([{"about": "wave 54 opens 2026-11-27T05:00:00Z"}], capsys)
    assert "wave 54 opens Fri 2026-11-27 12:00:00 WIB" in act
    assert "baris" in screen({"note": hostile}, capsys).splitlines()[1]
    assert screen([{"state": Marked("OPEN", "red")}], capsys, as_json=True) == '[{"state": "OPEN"}]\n'


def test_what_a_run_did_is_what_it_logged(monkeypatch):
    fact = b'{"level":"INFO","message":"payouts_swept","queued":3,"service":"x","_aws":{}}'
    log = b'ut": 1}\n' + fact + b"\nREPORT Duration: 5 ms\n"
    assert list(trigger._logged(log)) == [{"level": "INFO", "fact": "payouts_swept", "with": {"queued": 3}}]
    refused = CliRunner().invoke(main, ["trigger", "coffee", "--stage", "test"])
    assert refused.exit_code == 2
    assert "'coffee' is not one of 'open_wave', 'close_wave', 'advance'" in refused.output
