"""`gelombang erasures`: who was erased, and erasing them again after a table was restored."""

from __future__ import annotations

import click

from chalicelib.clock import utc_now

from ..deployment import stages
from ..terminal import example, show, stage_options


@click.group()
def erasures() -> None:
    """People whose accounts were deleted."""


@example("erasures replay")
@erasures.command()
@stage_options
def replay(stage: str) -> None:
    """Erase everybody again who was ever erased: needed after any table was restored, before it is used."""
    services = stages.load(stage).services
    show({"erased": services.erasure.replay(utc_now())})
