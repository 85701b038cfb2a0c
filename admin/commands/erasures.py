"""`gelombang erasures`: erasing people again after a table was restored."""

from __future__ import annotations

import time
from datetime import datetime

import click
import msgspec

from chalicelib.clock import iso
from chalicelib.privacy.erasure import Replayed

from ..desk import OPERATOR, Administered, Desk
from ..messages import Answer, NotYet
from ..options import example, instant, reason_option
from .trigger import Busy, invoke

WAIT_S = 25
"""A step begins nothing after eight seconds, and ends what it has begun: one for each request."""

_BEGIN = "!"
"""The cursor before the first person: it is less than every id."""

_PAUSE_S = 3
"""Between two looks whether the function is free again: its hourly run may have its one execution for 15 minutes."""


@click.group()
def erasures() -> None:
    """People whose accounts were deleted."""


@example("erasures replay --reason 'the table of registrations was restored'")
@erasures.command(cls=Administered, sets=(OPERATOR,))
@click.option("--restored-to", type=instant, help="What the table was restored to, if no older row was copied.")
@reason_option
def replay(desk: Desk, restored_to: datetime | None, reason: str) -> None:  # noqa: ARG001 - the journal has it
    """Erase everybody again who was ever erased: needed after any table was restored, before it is used.

    The function `erase_people` does it, step by step; while its hourly run goes on, it is waited for. Broken off, it is
    done by doing it again.
    """
    asked, client = {"restored_to": iso(restored_to)} if restored_to else {}, desk.client("lambda", WAIT_S)
    after = desk.cursor or _BEGIN
    while True:
        try:
            found = invoke(desk.stage, "erase_people", client, {"replay": asked | {"after": after}})
            break
        except Busy:
            desk.go_on(after)
            time.sleep(_PAUSE_S)
    done = msgspec.json.decode(found["Payload"].read(), type=Replayed)
    desk.counts["erased"] += done.erased
    if done.after:
        raise NotYet(Answer([], cursor=done.after, counts=desk.counts))
    desk.show({"erased": desk.counts["erased"]})
