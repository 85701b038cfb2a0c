"""`gelombang keys`: the keys that tokens are signed with, and new ones in place of those that may be stolen."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import utc_now
from chalicelib.wiring import Services

from ..deployment import stages
from ..terminal import act_row, example, reason_option, show, stage_options

ROTATE = "ROTATE_KEYS"
ACTS = 20
"""So many of the latest acts of administrators on accounts are looked at."""


@click.group()
def keys() -> None:
    """Keys that access tokens are signed with. Nobody sees their private halves."""


@example("keys list")
@keys.command("list")
@stage_options
def list_keys(stage: str) -> None:
    """Show the keys of yesterday, today and tomorrow, and who rotated them of late."""
    _show(stages.load(stage).services, utc_now())


@example('keys rotate --reason "incident 7"')
@keys.command()
@stage_options
@reason_option
def rotate(stage: str, reason: str) -> None:
    """Make a new key for today, and revoke all others of yesterday, today and tomorrow.

    Within two minutes no access token of before is accepted: devices refresh theirs by themselves, and people without a
    device key sign in again.
    """
    services, now = stages.load(stage).services, utc_now()
    services.accounts_journal.add(Act(now, ROTATE, "", stages.caller(), reason))
    services.signing_keys.rotate(now)
    _show(services, now)


def _show(services: Services, now: datetime) -> None:
    found = services.signing_keys.of_last_days(now)
    made = [{"key": key.kid, "made_at": key.made_at, "revoked_at": key.revoked_at} for key in found]
    acts = [act_row(act) for act in services.accounts_journal.latest(ACTS) if act.deed == ROTATE]
    show({"keys": made, "rotated": acts})
