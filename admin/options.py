"""What every command is declared of: its options, and its example."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from chalicelib.clock import parse_iso

C = TypeVar("C", bound=click.Command)
F = TypeVar("F", bound=Callable[..., Any])

REASON_MAX = 500
"""Characters of a reason."""

STAGE_VARIABLE = "GELOMBANG_STAGE"
"""Names the stage of commands without `--stage`."""

_JSON, _COMMAND = "gelombang.json", "gelombang.command"


class Look(click.Option):
    """Why somebody looks at a person: for the journal, and not for the command's body."""


class Local(click.Option):
    """An option of the terminal alone: a stage's administration is not sent it, and knows it not."""


def _reason(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    if given is not None and not 0 < len(given.strip()) <= REASON_MAX:
        raise click.BadParameter(f"it has {len(given.strip())} characters, and a reason has 1 to {REASON_MAX}")
    return given.strip() if given is not None else None


def _keep_json(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    ctx.meta[_JSON], ctx.meta[_COMMAND] = wanted, ctx


def as_json() -> bool:
    """Whether the running command was asked for JSON."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_JSON))


REASON_HELP = "Why, for colleagues and auditors; no personal data. Kept for ten years, with your identity."
json_option = click.option(
    "--json", cls=Local, is_flag=True, expose_value=False, callback=_keep_json, help="Print JSON, for programs."
)
_stage = click.option(
    "--stage", cls=Local, required=True, envvar=STAGE_VARIABLE, show_envvar=True, help="Such as prod, staging or local."
)
reason_option = click.option("--reason", required=True, callback=_reason, help=REASON_HELP)
look_reason = click.option(
    "--reason", cls=Look, required=True, callback=_reason, help=f"{REASON_HELP} The person can read it."
)
reason_if_two = click.option("--reason", callback=_reason, help=f"{REASON_HELP} Needed where two people decide.")
yes_option = click.option("--yes", cls=Local, is_flag=True, help="Do not ask back.")


def stage_options(command: F) -> F:
    """The two options of a command about a stage: which one, and whether it prints JSON."""
    return _stage(json_option(command))


def example(words: str) -> Callable[[C], C]:
    """End a command's help with an example; a command about a stage gets one, if the words name none."""

    def add(command: C) -> C:
        wanted = "--stage" not in words and any(one.name == "stage" and one.required for one in command.params)
        stage = " --stage prod" if wanted else ""
        command.epilog = f"\b\nExample:\n  gelombang {words}{stage}"
        return command

    return add


def instant(text: str) -> datetime:
    """Parse an instant that was typed. Raises click's `BadParameter` without a time zone."""
    try:
        return parse_iso(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{text!r} is no instant with its time zone, such as 2026-11-27T12:00:00+07:00"
        ) from error


def asked_for(ctx: click.Context) -> dict[str, object]:
    """What the running command was asked for by its arguments, such as an id."""
    running = ctx.meta.get(_COMMAND, ctx)
    names = [one.name for one in running.command.params if isinstance(one, click.Argument) and one.name]
    return {name: running.params[name] for name in names if name in running.params}
