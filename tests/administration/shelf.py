"""The administration's application with commands of its own, and what it works with."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import click
import msgspec

from admin.desk import CHECKER, EVERYONE, MAKER, Administered, Asked, Desk, file_argument
from admin.office import Office, administered
from admin.options import Local, reason_option, stage_options, yes_option
from chalicelib.administration.journal import Line
from chalicelib.errors import NotFound
from tests.builders.commands import ACCOUNT, request

SARI = f"arn:aws:iam::{ACCOUNT}:user/Sari"
shelf = click.Group("shelf")
NIK = "3174095708950001"


@shelf.command(cls=Administered, sets=(MAKER,))
@click.argument("registrant")
@click.option("--count", type=click.IntRange(1, 9))
@click.option("--pair", type=(int, int), multiple=True)
@click.option("--twice", is_flag=True)
@click.option("--where", cls=Local)
@reason_option
def put(at: Desk, registrant: str, count: int | None, pair: Any, twice: bool, reason: str) -> None:
    if registrant == "nobody":
        raise NotFound()
    if registrant == "broken":
        raise ValueError(f"the message has {NIK}")
    if registrant == "full":
        raise click.ClickException("the shelf is full")
    at.made.append("thing-1")
    at.show({"put": registrant, "count": count, "pairs": pair, "twice": twice, "by": at.caller, "reason": reason})


@shelf.command(cls=Administered, sets=(CHECKER,))
@click.argument("name")
@yes_option
def approve(at: Desk, name: str) -> None:
    at.ask_back({"approve": name, "now": at.services.things[name]})
    at.services.things[name] = "approved"
    at.show({"done": name})


@shelf.command(cls=Administered, sets=(MAKER,))
@click.option("--nik", cls=Asked, prompt="NIK", hide_input=True, hidden=True)
def find(at: Desk, nik: str) -> None:
    at.show([{"found": len(nik)}])


@shelf.command(cls=Administered, sets=EVERYONE)
@file_argument
def read(at: Desk, file: bytes) -> None:
    at.show({"bytes": len(file)})


@shelf.command(cls=Administered, sets=(MAKER,))
def walk(at: Desk) -> None:
    for step in at.steps(5):
        at.counts["sum"] += step
    at.show({"sum": at.counts["sum"]})


@shelf.command(cls=Administered, sets=(MAKER,))
def count(at: Desk) -> None:
    for number in range(int(at.cursor or 0), 7):
        at.rows.append({"number": number})
        at.go_on(str(number + 1))
    at.show(at.rows)


@shelf.command(cls=Administered, sets=(MAKER,))
def leaf(at: Desk) -> None:
    def page(step: int, after: str) -> str:
        at.counts["".join(("page", str(step), after))] += 1
        return {"": "a/b", "a/b": "c"}.get(after, "") if step else ""

    at.pages(3, page)
    at.show(at.counts)


@shelf.command(cls=Administered, sets=(MAKER,))
def wait(at: Desk) -> None:
    if at.counts["looks"] == 2:
        at.show({"looks": 2})
        return
    at.counts["looks"] += 1
    at.wait("function", 7)


@shelf.command()
@stage_options
def destroy(stage: str) -> None:
    raise AssertionError("no stage's administration has this")


class Journal:
    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.approved: list[str | None] = []
        self.made: list[str] = []

    def write(self, line: Line) -> Line:
        self.lines.append(line)
        return msgspec.structs.replace(line, id=f"line-{len(self.lines)}")

    def end(self, begun: Line, outcome: str, _now: datetime, made: tuple[str, ...], proposal: str | None) -> None:
        self.lines.append(outcome)
        self.made += made
        self.approved.append(proposal)


class Room:
    """The application with the commands of this file, and what it works with."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.things = {"shelf": "proposed"}
        self.settings = SimpleNamespace(stage="test")
        self.vault = SimpleNamespace(mac=lambda kind, text: sha256(f"a key/{kind}/{text}".encode()).hexdigest())
        self.roster = SimpleNamespace(caller=lambda who: f"person/{who.name}")
        commands = dict(administered(click.Group(commands=[shelf])))
        self.app = Office("test", commands, lambda: self)  # type: ignore[arg-type,return-value]

    def send(self, path: str, body: object, arn: str = SARI) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.app(request(path, raw, arn), None)
        return answer["statusCode"], json.loads(answer["body"])

    def post(self, _stage: str, path: str, body: bytes) -> tuple[int, bytes]:
        status, answer = self.send(path, body)
        return status, json.dumps(answer).encode()

    def put(self, **arguments: object) -> tuple[int, Any]:
        return self.send("/shelf/put", {"arguments": {"registrant": "siti", "reason": "trial"} | arguments})
