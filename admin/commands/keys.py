"""`gelombang keys`: the keys that tokens are signed with, and new ones in place of those that may be stolen."""

from __future__ import annotations

import click

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import iso, utc_now

from ..deployment import stages
from ..terminal import SaysWhy, echo_acts, reason_option, stage_option

ROTATE = "ROTATE_KEYS"
ACTS = 20
"""So many of the latest acts of administrators on accounts are looked at."""


@click.group(cls=SaysWhy)
def keys() -> None:
    """Keys that access tokens are signed with. Nobody sees their private halves."""


@keys.command("list")
@stage_option
def list_keys(stage: str) -> None:
    """Show the keys of yesterday, today and tomorrow, and who rotated them of late."""
    services = stages.load(stage).services
    for key in services.signing_keys.of_last_days(utc_now()):
        state = f"revoked {iso(key.revoked_at)}" if key.revoked_at else "in use"
        click.echo(f"{key.kid}  made {iso(key.made_at)}  {state}")
    echo_acts(act for act in services.accounts_journal.latest(ACTS) if act.deed == ROTATE)


@keys.command()
@stage_option
@reason_option
def rotate(stage: str, reason: str) -> None:
    """Make a new key for today, and revoke all others of yesterday, today and tomorrow.

    Within two minutes no access token of before is accepted: devices refresh theirs by themselves, and people without a
    device key sign in again.
    """
    services, now = stages.load(stage).services, utc_now()
    services.accounts_journal.add(Act(now, ROTATE, "", stages.caller(), reason))
    click.echo(f"tokens are signed with {services.signing_keys.rotate(now).kid} now")
