"""`gelombang exclusion retract`, which reads the whole table, for as long as it takes."""

from __future__ import annotations

import click

from chalicelib.clock import utc_now

from ..deployment import stages
from ..options import example, reason_option, stage_options
from ..terminal import show
from .registration import list_option, version_option


@example("exclusion retract --list civil-servants --version 2026-11 --reason 'an old list was sent'")
@click.command()
@stage_options
@list_option
@version_option
@reason_option
def retract(stage: str, name: str, version: str, reason: str) -> None:
    """Take a version of a list back, for good. Who is on another list, or on another version, stays excluded.

    It reads the whole table: minutes for millions of people. Broken off, it is finished by doing it again.
    """
    at = stages.load(stage)
    freed = at.services.exclusion_lists.retract(name, version, stages.acting(at), reason, utc_now)
    show({"list": name, "version": version, "niks_no_longer_named": freed})


COMMANDS: tuple[click.Command, ...] = (retract,)
