"""`gelombang deploy`, `gelombang destroy`, and `gelombang trigger`, which runs a scheduled function now."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from typing import Any

import click
from botocore.config import Config

from chalicelib.clock import iso, utc_now

from ..deployment import stages
from ..deployment.deploy import deploy as deploy_stage
from ..deployment.deploy import destroy as destroy_stage
from ..deployment.stacks import Consent
from ..terminal import stage_option


@click.command()
@click.option("--stage", required=True, help="Such as prod, staging or local.")
@click.option(
    "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of either stack; repeatable."
)
@click.option(
    "--remove",
    multiple=True,
    metavar="NAME",
    help="A resource that holds data and may be lost; else its name is asked.",
)
def deploy(stage: str, given: Sequence[str], remove: Sequence[str]) -> None:
    """Bring a stage to what this folder says: data stack, package, application, first request.

    What holds data is removed, replaced or less protected only if its name is typed, or given by --remove.
    """
    consent = Consent(remove, _typed if sys.stdin.isatty() else None)
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise click.BadParameter(f"{', '.join(wrong)}: write NAME=VALUE", param_hint="--parameter")
    deployed = deploy_stage(stage, {name: value for name, _, value in pairs}, click.echo, fetch, consent=consent)
    click.echo(f"{stage}: {'deployed' if deployed.changed else 'no changes, nothing was changed'}; {deployed.api_url}")


@click.command()
@click.option("--stage", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(stage: str, yes: bool) -> None:
    """Delete a stage that is not production, with all its data."""
    if not yes and _typed(f"Delete all registrations, draws and payouts of {stage}? Type its name") != stage:
        raise click.ClickException("that was not its name, and nothing was deleted")
    destroy_stage(stage, click.echo)
    click.echo(f"{stage}: gone")


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


@click.command()
@stage_option
@click.argument("function")
def trigger(stage: str, function: str) -> None:
    """Run a scheduled FUNCTION of the stage now, such as expire_places, with its own rights, and wait for it.

    Every one of them does what is due and nothing else, so that a run too many changes nothing.
    """
    fire(stage, function)
    click.echo(f"{function} has run")


# A step may take a quarter of an hour; a retry would begin it a second time.
_PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1})


def functions() -> Any:
    """A client of Lambda that waits as long as a step may take."""
    return stages.connect().client("lambda", _PATIENT)


def fire(stage: str, function: str, client: Any = None) -> None:
    """Invoke a scheduled function with the event that its schedule would send, and wait for it.

    Raises `ClickException` with the type of the error that ended it.
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
    answer = client.invoke(FunctionName=f"gelombang-{stage}-{function}", Payload=json.dumps(event).encode())
    if answer.get("FunctionError"):
        died: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        raise click.ClickException(f"{function} failed: {died.get('errorType', answer['FunctionError'])}")
