"""`gelombang erasures`: erasing people again after a table was restored."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec

from chalicelib.clock import iso
from chalicelib.privacy.erasure import Replayed

from ..desk import OPERATOR, Administered, Desk
from ..options import example, instant, reason_option
from .trigger import invoke

WAIT_S = 25
"""A step begins nothing after eight seconds, and ends what it has begun."""


@click.group()
def erasures() -> None:
    """People whose accounts were deleted."""


@example("erasures replay --reason 'the table of registrations was restored'")
@erasures.command(cls=Administered, sets=(OPERATOR,))
@click.option("--restored-to", type=instant, help="What the table was restored to, if no older row was copied.")
@reason_option
def replay(desk: Desk, restored_to: datetime | None, reason: str) -> None:  # noqa: ARG001 - the journal has it
    """Erase everybody again who was ever erased: needed after any table was restored, before it is used.

    The function `erase_people` does it, step by step. Broken off, it is done by doing it again.
    """
    asked, client = {"restored_to": iso(restored_to)} if restored_to else {}, desk.client("lambda", WAIT_S)
    after = desk.cursor
    while True:
        found = invoke(desk.stage, "erase_people", client, {"replay": asked | {"after": after}})
        done = msgspec.json.decode(found["Payload"].read(), type=Replayed)
        if not (after := done.after):
            desk.show({"erased": done.erased})
            return
        desk.go_on(after)
