"""`gelombang deploy`, `gelombang destroy`, and what a stage has promised."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from .. import client
from ..deployment.deploy import deploy as deploy_stage
from ..deployment.deploy import destroy as destroy_stage
from ..deployment.promises import forget as forget_promise
from ..deployment.promises import of_stage
from ..deployment.stacks import Consent
from ..options import as_json, example, json_option, stage_options
from ..terminal import show
from .administered import COMMANDS
from .programme import programme as programme_commands


@example("deploy --parameter FspUrl=https://api.the-provider.example --parameter MailDomain=gelombang.example.go.id")
@click.command()
@stage_options
@click.option("--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of any stack; repeatable.")
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
@click.option(
    "--keep-data", is_flag=True, help="Leave the data stack as it is: back to a release that lacks some of its tables."
)
def deploy(stage: str, given: Sequence[str], programme: str | None, remove: Sequence[str], keep_data: bool) -> None:
    """Bring a stage to what this folder says: data stack, package, application, first request.

    What holds data is removed, replaced or less protected only if its name is typed, or given by --remove.
    """
    consent = Consent(remove, _typed if sys.stdin.isatty() else None)
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise click.BadParameter(f"{', '.join(wrong)}: write NAME=VALUE", param_hint="--parameter")
    values = {name: value for name, _, value in pairs} | ({"Programme": programme} if programme else {})
    deployed = deploy_stage(stage, values, _report(), fetch, consent=consent, keep_data=keep_data)
    done = "deployed" if deployed.changed else "no changes, nothing was changed"
    show({"stage": stage, "done": done, "api_url": deployed.api_url})


@example("programme promises --forget 2027")
@programme_commands.command()
@stage_options
@click.option("--forget", metavar="VERSION", help="One that a killed deployment left, and nobody was promised.")
def promises(stage: str, forget: str | None) -> None:
    """Show which schemes a stage keeps, whatever is deployed next, and why."""

    def used() -> set[str]:
        # As the administration says: whoever deploys needs no right to a table for it.
        sent = {"stage": stage, "arguments": {}}
        told = client.to_its_end(stage, ["wave", "schemes"], COMMANDS["wave schemes"], sent)
        return {row["scheme"] for row in told["rows"]}

    if forget is not None:
        forget_promise(stage, forget, used)
    kept = of_stage(stage)
    runs, given = kept.running(), used() if kept.has_run else ()
    show([{"scheme": one, "runs": one in runs, "a_wave_has_it": one in given} for one in kept.served()])


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
