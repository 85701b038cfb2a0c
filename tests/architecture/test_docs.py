"""What the docs name exists: links, files, make targets, commands, the tests of capabilities and standards."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import click
import pytest

import app
from admin.cli import main
from infrastructure import administration_stack, app_stack, data_stack
from tests.conftest import ROOT

from .test_imports import PURE

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def named(page: Path) -> str:
    return page.resolve().relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]+))?\)", page.read_text())
    assert [link for link, _ in links if not (page.parent / link).exists()] == []
    parts = [(page.parent / link if link else page, part) for link, part in links if part]
    assert [f"{named(to)}#{part}" for to, part in parts if part not in headings(to)] == []


def headings(page: Path) -> set[str]:
    """The anchors that a web page of this file has, one for each heading."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


DECISIONS = {page.name[:3]: page for page in (ROOT / "docs/decisions").glob("[0-9]*.md")}


READ = {".py", ".toml", ".json", ".html", ".md", ""}


def decisions_named(text: str) -> set[str]:
    """The numbers of the decisions that a text names, as links or in words (`decision 024`)."""
    words = re.findall(r"[Dd]ecisions?\s+\[?(\d{3})\b(?:(?:,| and)\s+\[?(\d{3})\b)?", text)
    return {*re.findall(r"decisions/(\d{3})", text), *(number for pair in words for number in pair if number)}


def test_a_decision_that_is_named_exists():
    rooms = ("chalicelib", "admin", "local", "bench", "tests", "infrastructure", ".ci", "docs")
    kept = [ROOT / "app.py", ROOT / "Makefile", ROOT / "pyproject.toml"]
    kept += [path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix in READ]
    texts = {path: path.read_text() for path in [*kept, *PAGES] if path.is_file() and path != Path(__file__)}
    dead = {named(path): gone for path, text in texts.items() if (gone := decisions_named(text) - DECISIONS.keys())}
    assert dead == {}
    every_way = "by decision 001, and decisions 024 and\n002 [x](decisions/003-y.md)"
    assert sorted(decisions_named(every_way)) == ["001", "002", "003", "024"]


def test_a_decision_says_when_it_was_made_and_whether_it_holds_and_the_index_has_it():
    assert 0 < len(DECISIONS) < 25
    rows = []
    for number, page in sorted(DECISIONS.items()):
        title, _, state = page.read_text().splitlines()[:3]
        date, status = re.match(r"Date: (\d{4}-\d\d-\d\d)\. Status: (accepted|replaced)\.", state).groups()
        rows.append(f"| [{title.removeprefix('# ')}]({page.name}) | {date} | {status} |")
        assert title.startswith(f"# {number}: ")
    index = (ROOT / "docs/decisions/README.md").read_text()
    assert [line for line in index.splitlines() if line.startswith("| [")] == rows


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_make_target_and_command_that_is_named_exists(page):
    rooms = "chalicelib|admin|infrastructure|local|tests|bench|docs"
    files = re.findall(rf"`((?:{rooms})/[\w./-]+\.(?:py|toml|html|md))[`:]", page.read_text())
    assert [file for file in files if not (ROOT / file).exists()] == []
    modules = re.findall(rf"`(?:[^`]*python -m )?((?:{rooms})(?:\.[a-z_0-9]+)+)[` ]", page.read_text())
    assert [module for module in modules if not is_module(module)] == []
    assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= TARGETS
    for words in re.findall(r"gelombang ((?:[a-z-]+ ?){1,2})", page.read_text().replace("bin/gelombang", "gelombang")):
        first, *rest = words.split()
        command = main.commands.get(first)  # the word alone is none: a name, a sentence
        if rest and isinstance(command, click.Group):
            assert rest[0] in command.commands, f"gelombang {words}"


def is_module(name: str) -> bool:
    """Whether a dotted name leads to a module, a package, or something in a module."""
    path = ROOT.joinpath(*name.split("."))
    return any(one.exists() for one in (path, path.with_suffix(".py"), path.parent.with_suffix(".py")))


def test_the_operators_book_has_every_alarm_and_no_other():
    stacks = (app_stack.merged(), data_stack.template(), administration_stack.merged({}))
    resources = [resource for stack in stacks for resource in stack["Resources"].values()]
    names = [
        one["Properties"]["AlarmName"]["Fn::Sub"] for one in resources if one.get("Type") == "AWS::CloudWatch::Alarm"
    ]
    table = (ROOT / "docs/operating.md").read_text().split("\n## Alarms\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {f"gelombang-${{Stage}}-{name}" for row in rows for name in re.findall(r"`([^`]+)`", row)} == set(names)


def test_every_domain_is_named_where_the_rooms_are_shown_in_the_order_of_the_imports():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    domains = [layer.removeprefix("chalicelib.") for layer in reversed(layers)]
    assert {path.parent.name for path in (ROOT / "chalicelib").glob("*/errors.py")} == set(domains)
    architecture, readme = ((ROOT / page).read_text() for page in ("docs/architecture.md", "README.md"))
    assert f"Imports point one way and a test holds it: {', '.join(domains)}, in this order" in " ".join(
        architecture.split()
    )
    for domain in (*domains, "notices"):
        assert f"\n  {domain}/ " in architecture, domain
        assert f"`{domain}`" in readme, domain


def test_every_command_and_target_says_what_it_does():
    lines = re.findall(r"^[a-z-]+:.*$", (ROOT / "Makefile").read_text(), re.M)
    assert [line for line in lines if "##" not in line] == []
    groups = [command for command in main.commands.values() if isinstance(command, click.Group)]
    commands = [*main.commands.values(), *(one for group in groups for one in group.commands.values())]
    assert [command.name for command in commands if not command.help] == []


def test_what_is_mutated_is_there_with_its_tests_and_all_that_they_may_import():
    """`make mutation` takes minutes and is no part of CI; mutmut passes over a module that is not there."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    tests = [name.partition("::")[0] for name in asked["pytest_add_cli_args_test_selection"]]
    named = [*asked["only_mutate"], *asked["also_copy"], *tests]
    assert [name for name in named if not (ROOT / name).exists()] == []
    importable = {path.name for path in ROOT.glob("*.py")} | {path.parent.name for path in ROOT.glob("*/__init__.py")}
    # mutmut copies the tests anyway; bench is there already, as it runs them.
    assert importable - {*asked["source_paths"], "tests", "bench"} <= {*asked["also_copy"]}


def test_the_changelog_has_the_version():
    assert f"## {app.VERSION}" in (ROOT / "CHANGELOG.md").read_text()
    assert f'version = "{app.VERSION}"' in (ROOT / "pyproject.toml").read_text()


def test_the_glossary_has_every_type_of_the_pure_rules_in_both_languages_and_no_other():
    lines = (line for line in (ROOT / "docs/glossary.md").read_text().splitlines() if line.startswith("| "))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("| word ")]
    assert [row for row in rows if len(row) != 4 or not (row[0] and row[2] and row[3])] == []
    words = [row[0] for row in rows]
    assert [word for word in words if words.count(word) > 1] == []
    types = {
        f"{Path(path).parts[1]}.{node.name}"
        for path in PURE
        if not path.endswith(("wire.py", "errors.py"))
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row[1])} == types


def architecture(title: str) -> list[list[str]]:
    """The rows of the table below a heading of docs/architecture.md, without its head."""
    section = (ROOT / "docs/architecture.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def in_code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_tables_of_routes_and_functions_are_those_of_the_application():
    routes = [route.partition("?")[0] for row in architecture("Routes") for route in in_code(row[0])]
    assert sorted(routes) == sorted(f"{one.method} {one.path}" for one in app.app.operations)
    functions = [name for row in architecture("Functions") for name in in_code(row[0])]
    handlers = {entry.view_name for methods in app.app.routes.values() for entry in methods.values()}
    assert sorted(functions) == sorted({"api", "administer", *app.app.handler_map} - handlers)


def test_every_service_and_method_in_the_docs_exists():
    missing = []
    for service, methods in architecture("How a service looks from outside"):
        (name,) = in_code(service)
        domain, _, title = name.partition(".")
        has = methods_of(domain, title)
        missing += [f"{name}.{word}" for word in in_code(methods) if word.isidentifier() and word not in has]
    assert missing == []


@cache
def classes_of(domain: str) -> dict[str, ast.ClassDef]:
    """The classes of a domain or module by their names; ports do not count."""
    room = ROOT / "chalicelib" / domain
    trees = [ast.parse(path.read_text()) for path in [*room.rglob("*.py"), *room.parent.glob(f"{domain}.py")]]
    nodes = (node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    return {node.name: node for node in nodes if "Protocol" not in map(ast.unparse, node.bases)}


def methods_of(domain: str, title: str) -> set[str]:
    """The methods of a class of a domain or module, with those of its bases there."""
    classes = classes_of(domain)
    found: set[str] = set()
    wanted = [title] if title in classes else []
    while wanted:
        node = classes[wanted.pop()]
        found |= {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
        wanted += [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in classes]
    return found


def test_the_rooms_in_the_docs_are_the_folders_of_the_tree():
    tree = (ROOT / "docs/architecture.md").read_text().split("```")[1]
    shown = tree.split("chalicelib/")[1].split("\ninfrastructure/")[0]
    rooms = (re.split(r"\s{2,}|(?<=/) ", line.strip())[0] for line in shown.splitlines() if re.match(r"  \w", line))
    words = {word.strip("/") for room in rooms for word in room.split()}
    parts = {path.stem for path in (ROOT / "chalicelib").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert parts - {"__init__", "__pycache__"} <= words


CAPABILITIES = dict(
    re.findall(r"^## (\d+)\. \S.*?$(.*?)(?=^## |\Z)", (ROOT / "docs/capabilities.md").read_text(), re.M | re.S)
)
"""The text below each numbered heading, by its number. A test or command that it names stands in its own backticks."""


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
        return "" if words[0] in TARGETS else f"there is no make target {words[0]}"
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
    assert list(CAPABILITIES) == [str(number) for number in (*range(1, 17), 18, 21, 22, 23)]


@pytest.mark.parametrize("number", CAPABILITIES)
def test_a_section_names_a_test_and_all_names_in_it_exist(number: str):
    witnesses = in_code(CAPABILITIES[number])
    assert [name for name in witnesses if "::" in name], "no test"
    assert [reason for name in witnesses if (reason := fault(name))] == []


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
def test_a_section_with_a_wrong_name_is_found(witness: str, named: str):
    assert named in fault(witness)


def without_witness(page: str) -> list[str]:
    """The rows of a page's tables whose last cell names a test that is not there, or neither a test nor a reason."""
    rows = [row.strip("|") for row in re.findall(r"(?<=\|\n)\| .*", page)]
    return [row for row in rows if wanting(row.split(" | ")[-1].strip())]


def wanting(cell: str) -> bool:
    tests = [name for name in in_code(cell) if "::" in name]
    return any(map(fault, tests)) or not (tests or re.match(r"not\b.*: .", cell))


def test_each_requirement_of_a_standard_has_its_test_or_says_why_not():
    page = (ROOT / "docs/accounts-standards.md").read_text()
    assert page.count("\n|---") == 9, "one table for each standard or chapter, and one of phishing"
    assert without_witness(page) == []
    assert [reason for name in in_code(page) if "::" in name and (reason := fault(name))] == []


@pytest.mark.parametrize(
    "cell", ["", "not", "not: ", "by care", "`make test`", "`tests/accounts/tokens/test_dpop.py::test_x`"]
)
def test_a_requirement_without_test_or_reason_is_found(cell: str):
    good = "| 2.4 | no password | not: there is none |"
    table = f"| number | requirement | held by |\n|---|---|---|\n{good}\n"
    assert without_witness(table) == []
    assert len(without_witness(f"{table}| 2.5 | a proof | {cell} |\n")) == 1
