"""`gelombang erasures`: erasing people again after a table was restored."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec

from chalicelib.clock import iso
from chalicelib.privacy.erasure import Replayed

from ..desk import OPERATOR, Administered, Desk
from ..options import example, instant, reason_option
from .trigger import errand

_ALL = "everybody"


@click.group()
def erasures() -> None:
    """People whose accounts were deleted."""


@example("erasures replay --reason 'the table of registrations was restored'")
@erasures.command(cls=Administered, sets=(OPERATOR,))
@click.option("--restored-to", type=instant, help="What the table was restored to, if no older row was copied.")
@click.option(
    "--go-on", is_flag=True, help="From where the last one broke off, if nothing was restored since it began."
)
@reason_option
def replay(
    desk: Desk,
    restored_to: datetime | None,
    go_on: bool,
    reason: str,  # noqa: ARG001 - the journal has it
) -> None:
    """Erase everybody again who was ever erased: needed after any table was restored, before it is used.

    The function `erase_people` does it, in as many runs as it takes; it is waited for. Broken off, it is done by doing
    it again.
    """
    replays, asked = desk.services.replays, {"restored_to": iso(restored_to)} if restored_to else {}
    last = replays.last(_ALL) if go_on and not desk.cursor else None
    if last and last.asked != asked:
        raise click.ClickException("the last one had another --restored-to")
    done = errand(desk, "erase_people", replays, _ALL, asked, joins=go_on, last=last if last and last.after else None)
    desk.show({"erased": msgspec.convert(done.found, Replayed).erased})
