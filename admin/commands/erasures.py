"""`gelombang erasures`: who was erased, and erasing them again after a table was restored."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib.clock import utc_now

from ..deployment import stages
from ..options import example, instant, stage_options
from ..terminal import show


@click.group()
def erasures() -> None:
    """People whose accounts were deleted."""


@example("erasures replay")
@erasures.command()
@stage_options
@click.option("--restored-to", type=instant, help="What the table was restored to, if no older row was copied.")
@click.option("--after", default="", metavar="ID", help="Go on behind the last one that a run which broke off named.")
def replay(stage: str, restored_to: datetime | None, after: str) -> None:
    """Erase everybody again who was ever erased: needed after any table was restored, before it is used.

    Eight at a time. After each hundred it says on stderr up to whom all are erased.
    """
    at = stages.load(stage)
    stages.acting(at)
    services = at.services
    erased = services.erasure.replay(utc_now(), restored_to, after, lambda last: click.echo(f"up to {last}", err=True))
    show({"erased": erased})
