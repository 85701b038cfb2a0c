"""Every capability of a programme of this kind has its section in docs/capabilities.md, and none points at nothing."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import click
import pytest

from admin.cli import main

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/capabilities.md").read_text()
CAPABILITIES = 16


def sections(page: str) -> dict[str, str]:
    """The text below each numbered heading, by its number."""
    return dict(re.findall(r"^## (\d+)\. \S.*?$(.*?)(?=^## |\Z)", page, re.M | re.S))


def witnesses(section: str) -> list[str]:
    """The tests and commands that a section names, each in its own backticks."""
    return re.findall(r"`([^`]+)`", section)


@cache
def of_file(path: str) -> frozenset[str]:
    """The names of the test functions of a file."""
    tree = ast.parse((ROOT / path).read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def fault(witness: str) -> str:
    """Why a witness shows nothing; empty for a good one: a test, a make target or a command."""
    if "::" in witness:
        path, _, name = witness.partition("::")
        if not (ROOT / path).is_file():
            return f"there is no file {path}"
        return "" if name in of_file(path) else f"{path} has no {name}"
    first, *words = witness.split()
    if first == "make" and len(words) == 1:
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        return "" if words[0] in targets else f"there is no make target {words[0]}"
    if first == "gelombang" and words:
        return "" if isinstance(found(words), click.Command) else f"there is no command {witness}"
    return f"{witness} is neither a test nor a command"


def found(words: list[str]) -> click.Command | None:
    """The command that these words lead to; a group alone is none that could be run."""
    command: click.Command | None = main
    for word in words:
        command = command.commands.get(word) if isinstance(command, click.Group) else None
    return None if isinstance(command, click.Group) else command


def test_every_capability_has_its_section_in_order():
    assert list(sections(PAGE)) == [str(number) for number in range(1, CAPABILITIES + 1)]


@pytest.mark.parametrize("number", sections(PAGE))
def test_a_section_names_a_test_and_everything_it_names_is_there(number: str):
    named = witnesses(sections(PAGE)[number])
    assert [name for name in named if "::" in name], "no test"
    assert [reason for name in named if (reason := fault(name))] == []


@pytest.mark.parametrize(
    ("witness", "named"),
    [
        ("tests/waves/test_calendar.py::test_of_nothing", "has no test_of_nothing"),
        ("tests/draw/test_nowhere.py::test_of_nothing", "there is no file"),
        ("tests/local/test_demo_people.py::judge", "has no judge"),
        ("make coffee", "no make target coffee"),
        ("gelombang wave teleport", "no command gelombang wave teleport"),
        ("gelombang wave", "no command gelombang wave"),
        ("GET /waves", "neither a test nor a command"),
    ],
)
def test_a_section_that_points_at_nothing_is_caught(witness: str, named: str):
    assert named in fault(witness)
