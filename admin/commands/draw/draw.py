"""`gelombang draw`: what anybody may do with a published draw."""

from __future__ import annotations

import re

import click

from chalicelib.clock import utc_now

from ...terminal import stage_option
from .audit_sample import audit_sample
from .verify import verify_command
from .watch import watch
from .witness import witness_group

_HAND_IN_S = 900
"""How long the step that follows a handed-in signature may run; what it leaves, the next step does."""


def _signature(_ctx: click.Context, _param: click.Parameter, text: str) -> bytes:
    if re.fullmatch("[0-9a-fA-F]{96}", text) is None:
        raise click.BadParameter("a signature is 96 hexadecimal digits")
    return bytes.fromhex(text)


@click.group()
def draw() -> None:
    """Check the draw of a wave."""


draw.add_command(verify_command)
draw.add_command(witness_group)
draw.add_command(watch)
draw.add_command(audit_sample)


@draw.command(name="hand-in")
@stage_option
@click.argument("wave", type=int)
@click.argument("signature", callback=_signature)
def hand_in(stage: str, wave: int, signature: bytes) -> None:
    """Draw WAVE with the SIGNATURE (hex) of its beacon round, when no relay answers.

    Anyone may find the signature; it verifies itself against the pinned chain, so it does not matter who hands it in.
    """
    from chalicelib.waves.publication.beacon_relays import HandedIn

    from ...deployment import stages

    services = stages.load(stage).services
    services.beacons = HandedIn(signature)
    services.stepper.check_beacon(wave)
    for transition in services.stepper.advance(utc_now(), _HAND_IN_S):
        click.echo(f"wave {transition.wave} {transition.state}")
