"""`gelombang trigger`: run a function of a stage now that has a schedule."""

from __future__ import annotations

import click

from . import triggers


@click.command()
@click.option("--stage", required=True)
@click.argument("function")
def trigger(stage: str, function: str) -> None:
    """Run a scheduled FUNCTION of the stage now, such as expire_places, with its own rights, and wait for it.

    Every one of them does what is due and nothing else, so that a run too many changes nothing.
    """
    triggers.fire(stage, function)
    click.echo(f"{function} has run")
