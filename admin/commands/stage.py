"""`gelombang deploy`, `gelombang destroy`, and `gelombang trigger`, which runs a scheduled function now."""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import click
from botocore.config import Config

from chalicelib.clock import iso, utc_now
from chalicelib.watch import PROMISED
from infrastructure.functions import SCHEDULED

from ..deployment import stages
from ..deployment.deploy import deploy as deploy_stage
from ..deployment.deploy import destroy as destroy_stage
from ..deployment.stacks import Consent
from ..options import as_json, example, json_option, stage_options
from ..rows import Row
from ..terminal import show


@example("deploy --parameter FspUrl=https://api.the-provider.example --parameter MailDomain=gelombang.example.go.id")
@click.command()
@stage_options
@click.option(
    "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of either stack; repeatable."
)
@click.option(
    "--programme",
    metavar="NAME",
    help="The programme that the stage runs, of `gelombang programme list`; else the one that it has.",
)
@click.option(
    "--remove",
    multiple=True,
    metavar="NAME",
    help="A resource that holds data and may be lost; else its name is asked.",
)
def deploy(stage: str, given: Sequence[str], programme: str | None, remove: Sequence[str]) -> None:
    """Bring a stage to what this folder says: data stack, package, application, first request.

    What holds data is removed, replaced or less protected only if its name is typed, or given by --remove.
    """
    consent = Consent(remove, _typed if sys.stdin.isatty() else None)
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise click.BadParameter(f"{', '.join(wrong)}: write NAME=VALUE", param_hint="--parameter")
    values = {name: value for name, _, value in pairs} | ({"Programme": programme} if programme else {})
    deployed = deploy_stage(stage, values, _report(), fetch, consent=consent)
    done = "deployed" if deployed.changed else "no changes, nothing was changed"
    show({"stage": stage, "done": done, "api_url": deployed.api_url})


@example("destroy --stage staging")
@click.command()
@json_option
@click.option("--stage", required=True, help="The environment does not name it here.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(stage: str, yes: bool) -> None:
    """Delete a stage that is not production, with all its data."""
    if not yes and _typed(f"Delete all registrations, draws and payouts of {stage}? Type its name") != stage:
        raise click.ClickException("that was not its name, and nothing was deleted")
    if not destroy_stage(stage, _report()):
        raise click.ClickException(f"there is no stage {stage}, and nothing was deleted")
    show({"stage": stage, "done": "gone"})


def _report() -> Any:
    """Where what goes on is told: on the standard error, if the result is for a program."""
    return partial(click.echo, err=as_json())


def _typed(text: str) -> str:
    answer: str = click.prompt(text, default="", show_default=False)
    return answer


def fetch(url: str) -> tuple[int, bytes]:
    """GET an address of the API: status and body; raises OSError if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=15) as answer:  # noqa: S310 - the stack's own address
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@example("trigger expire_places")
@click.command()
@stage_options
@click.argument("function", type=click.Choice(SCHEDULED), required=False, metavar="[FUNCTION]")
def trigger(stage: str, function: str | None) -> None:
    """Run a scheduled FUNCTION now, and show what it logged that it did. Without FUNCTION list them.

    It runs with its own rights, and is waited for. Every one of them does what is due and nothing else, so a run too
    many changes nothing. The list has when each last left nothing undone; some keep no record of it.
    """
    if function is not None:
        show(fire(stage, function), SAID_NOTHING)
        return
    whole = stages.load(stage).services.runs.last_whole()
    show([{"function": name, "last_done_at": whole.get(name), "keeps_record": name in PROMISED} for name in SCHEDULED])


SAID_NOTHING = "it has run and logged nothing: nothing was due"

# A step may take a quarter of an hour; a retry would begin it a second time.
_PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1})

_EVERY_LINE = {"level", "location", "message", "timestamp", "service", "_aws"}


def functions() -> Any:
    """A client of Lambda that waits as long as a step may take."""
    return stages.connect().client("lambda", _PATIENT)


def fire(stage: str, function: str, client: Any = None) -> list[Row]:
    """Invoke a scheduled function with the event that its schedule would send, and wait for it.

    Returns the last facts that it logged, as Lambda gives them back (4 KB). Raises `ClickException` with the type of
    the error that ended it.
    """
    client = client or functions()
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "gelombang.admin",
        "account": "",
        "time": iso(utc_now()),
        "region": client.meta.region_name,
        "resources": [],
        "detail": {},
    }
    name = f"gelombang-{stage}-{function}"
    answer = client.invoke(FunctionName=name, LogType="Tail", Payload=json.dumps(event).encode())
    if answer.get("FunctionError"):
        died: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        error = died.get("errorType", answer["FunctionError"])
        raise click.ClickException(f"{function} failed: {error}; its log is /aws/lambda/{name}")
    return list(_logged(base64.b64decode(answer.get("LogResult", ""))))


def _logged(tail: bytes) -> Iterator[Row]:
    """The facts among the lines of a log, which are without personal data; the first line may be cut."""
    for line in tail.decode(errors="replace").splitlines():
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if isinstance(fact, dict) and "message" in fact:
            facts = {name: value for name, value in fact.items() if name not in _EVERY_LINE}
            yield {"level": str(fact.get("level")), "fact": str(fact["message"]), "with": facts}
