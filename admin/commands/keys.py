"""`gelombang keys`: the keys that tokens are signed with, and new ones in place of those that may be stolen."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import utc_now

from ..desk import EVERYONE, OPERATOR, Administered, Desk
from ..options import example, reason_option
from ..rows import act_row

ROTATE = "ROTATE_KEYS"
ACTS = 20
"""So many of the latest acts of administrators on accounts are looked at."""


@click.group()
def keys() -> None:
    """Show and replace the keys that sign access tokens. Private keys are never shown."""


@example("keys list")
@keys.command("list", cls=Administered, sets=EVERYONE)
def list_keys(desk: Desk) -> None:
    """Show the keys of yesterday, today and tomorrow, and the latest rotations."""
    _show(desk, utc_now())


@example('keys rotate --reason "incident 7"')
@keys.command(cls=Administered, sets=(OPERATOR,))
@reason_option
def rotate(desk: Desk, reason: str) -> None:
    """Revoke every key in use and make a new one, for example if a key may be stolen.

    Within two minutes no older access token is accepted. Devices get new tokens by themselves; people without a device
    key sign in again.
    """
    services, now = desk.services, utc_now()
    services.accounts_journal.add(Act(now, ROTATE, "", desk.caller, reason))
    services.signing_keys.rotate(now)
    _show(desk, now)


def _show(desk: Desk, now: datetime) -> None:
    services = desk.services
    found = services.signing_keys.of_last_days(now)
    made = [{"key": key.kid, "made_at": key.made_at, "revoked_at": key.revoked_at} for key in found]
    acts = [act_row(act) for act in services.accounts_journal.latest(ACTS) if act.deed == ROTATE]
    desk.show({"keys": made, "rotated": acts})
