"""Sends administered commands to a stage's administration, signed with the caller's own AWS identity."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import boto3
import click
import msgspec
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

from chalicelib.errors import Unavailable

from .deployment import stages
from .desk import Administered
from .messages import packed, received, unpacked
from .office import REFUSED, TOO_LARGE, USAGE, route
from .options import as_json
from .rows import plain
from .terminal import ask_back, bars, console, hand_out, show

NOT_AUTHORIZED = "is not authorized to perform"
"""In what the gateway says where IAM does not allow the route."""

_UNCERTAIN = {None, Unavailable.code, "unexpected"}
"""Codes of failures in the midst of a command, and of the gateway. Any other one is a refusal that did nothing."""

_STANDS = ("cursor", "counts", "run", "seal")
"""Where a command in steps stands, as it is answered and sent again."""

SENT_MAX = 5_500_000
"""Bytes of a request: Lambda takes 6 MB with all that is around it."""

LEFT = 130
"""The exit code of a command that was ended by Ctrl-C."""

PAUSES_S = (5,) * 12
"""How long is waited where the gateway says that there are too many requests: it lets few look at once."""

LOOKS_LOST = 20
"""How many looks at what a function does may be lost one after another: it goes on, and a look does nothing twice."""

TOLD_EVERY_S = 60
"""How often it is told, where there is no terminal for a bar, that a command goes on."""

PATIENCE_S = 40
"""Longer than the gateway's own 29 seconds."""


class Refused(Exception):
    """The administration refused; `problem` is its RFC 9457 document, as its JSON has it."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["code"])
        self.problem = problem


class NoAnswer(click.ClickException):
    """Nothing came, or nothing of the administration's own: the same may work a moment later."""


class Words(click.ClickException):
    """The command's own words, with its exit code."""

    def __init__(self, detail: str, exit_code: int) -> None:
        super().__init__(detail)
        self.exit_code = exit_code  # type: ignore[misc] # click has one for each class


def run(command: Administered, ctx: click.Context) -> None:
    """Run a command in its stage's administration, and show what is answered; if it is to `watch`, until Ctrl-C."""
    if not ctx.params.get("watch"):
        _once(command, ctx)
        return
    try:
        while True:
            if console().is_terminal and not as_json():
                click.clear()
            with suppress(click.exceptions.Exit):
                _once(command, ctx)
            time.sleep(ctx.params["every"])
    except KeyboardInterrupt:
        raise click.exceptions.Exit(LEFT) from None


def _once(command: Administered, ctx: click.Context) -> None:
    """Send what was typed, show what is answered, and ask back where the administration does."""
    stage, words = ctx.params["stage"], ctx.command_path.split()[1:]
    sent = {"stage": stage, "arguments": command.arguments(ctx)}
    parts = {name: split(ctx.params[name]) for name, split in command.in_parts.items()}
    answer = to_its_end(stage, words, command, sent, parts)
    while asked := answer.get("asks"):
        ask_back(answer["rows"], ctx.params.get("yes", False))
        answer = to_its_end(stage, words, command, sent | {"seen": asked}, parts)
    if (file := answer.get("file")) and (out := ctx.params["out"]):
        hand_out(out, command.whole(ctx.params, file))
        answer["rows"] |= {"written": str(out)}
    shown = answer.get("for_programs") if as_json() else None
    if (shown := answer.get("rows") if shown is None else shown) is not None:
        show(shown, answer.get("nothing", ""))
    if code := answer.get("exit_code"):
        raise click.exceptions.Exit(code)


def to_its_end(
    stage: str,
    words: list[str],
    command: Administered,
    sent: Mapping[str, Any],
    parts: Mapping[str, list[bytes]] = {},
) -> dict[str, Any]:
    """The answer after all steps of the command, with the rows of all, and as `file` the bytes of all.

    `parts`: those of files that are sent in parts, by the names of their arguments.
    """
    rows: list[Any] = []
    file, pause, told = b"", 0, time.monotonic()
    with bars(console(), transient=True) as bar:
        task = None
        send = partial(ask, stage, words, command)
        while (answer := _looked(partial(send, _with_parts(sent, parts)), pause)).get("cursor"):
            task = bar.add_task(" ".join(words), total=answer.get("steps")) if task is None else task
            bar.update(task, completed=int(answer["cursor"].partition("/")[0]) if answer.get("steps") else len(rows))
            rows += answer["rows"]
            file += unpacked(answer["file"]) if answer.get("file") else b""
            if not console().is_terminal and time.monotonic() - told >= TOLD_EVERY_S:
                told = time.monotonic()
                click.echo(f"{' '.join(words)}: goes on", err=True)
            if pause := answer.get("wait_s", 0):
                time.sleep(pause)
            sent = {**sent, "counts": {}, **{name: answer[name] for name in _STANDS if name in answer}}
    if answer.get("file"):
        answer["file"] = file + unpacked(answer["file"])
    if rows and (into := answer.get("into")):
        return answer | {"rows": answer["rows"] | {into: rows + answer["rows"][into]}}
    return answer | {"rows": rows + answer["rows"]} if rows else answer


def _looked(send: Callable[[], dict[str, Any]], pause: int) -> dict[str, Any]:
    """What is answered; a look, for which there was a `pause`, is sent again where no answer came."""
    for _ in range(LOOKS_LOST if pause else 0):
        try:
            return send()
        except NoAnswer:
            time.sleep(pause)
    return send()


def _with_parts(sent: Mapping[str, Any], parts: Mapping[str, list[bytes]]) -> Mapping[str, Any]:
    """What is sent, with the parts that are wanted now."""
    if not parts:
        return sent
    number = int(sent.get("cursor", "0").partition("/")[0])
    now = {name: packed(each[number] if number < len(each) else b"") for name, each in parts.items()}
    return {**sent, "arguments": sent["arguments"] | now}


def ask(stage: str, words: list[str], command: Administered, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a command's arguments. Raises `Refused`, click's errors, or `BadConfiguration` without a stage."""
    try:
        body = msgspec.json.encode(sent)
    except UnicodeEncodeError as error:
        raise click.UsageError("what was typed is no text in UTF-8") from error
    if len(body) > SENT_MAX:
        raise click.ClickException(f"this is {len(body):,} bytes to send, and at most {SENT_MAX:,} can be: split it")
    status, raw = _in_turn(lambda: post(stage, route(" ".join(words)), body))
    try:
        answer: dict[str, Any] = json.loads(raw, object_hook=received)
    except ValueError:
        answer = {}
    if status == HTTPStatus.OK:
        return answer
    code, detail = answer.get("code"), answer.get("detail", "")
    if code == USAGE:
        raise click.UsageError(detail)
    if code in {REFUSED, TOO_LARGE}:
        raise Words(detail, answer.get("exit_code", 1))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and command.is_kept and code in _UNCERTAIN:
        late = (
            "no answer within 29 seconds" if status == HTTPStatus.GATEWAY_TIMEOUT else f"status {status} {code or ''}"
        )
        raise NoAnswer(f"{late.rstrip()}; it may have been done all the same: look before you do it again")
    said = str(answer.get("message") or answer.get("Message") or "")
    if NOT_AUTHORIZED in said:
        held_by = ", ".join(sorted(command.sets))
        raise click.ClickException(f"your AWS identity may not run this; the permission sets that may: {held_by}")
    if code:
        raise Refused(answer)
    said = f"the administration of this stage answered with status {status} {plain(said)}".rstrip()
    raise NoAnswer(said) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else click.ClickException(said)


def _in_turn(send: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """What is answered; while the gateway says that there are too many requests, it is waited."""
    for pause in PAUSES_S:
        answer = send()
        if answer[0] != HTTPStatus.TOO_MANY_REQUESTS:
            return answer
        time.sleep(pause)
    return send()


def post(stage: str, path: str, body: bytes, signed: bool = True) -> tuple[int, bytes]:
    """POST a body to a stage's administration API: status and body of the answer."""
    url = stages.administration_url(stage) + path
    request = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=body)
    if signed:
        credentials = boto3.session.Session().get_credentials()
        if credentials is None:
            raise NoCredentialsError()
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", stages.connect().region).add_auth(request)
    try:
        sent = dict(request.headers.items())
        answer = urllib3.request("POST", url, body=body, headers=sent, timeout=PATIENCE_S, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise NoAnswer(
            f"the administration of stage {stage} gave no answer ({type(error).__name__}); it may have done it all the "
            "same: look before you do it again"
        ) from error
    return answer.status, answer.data
