"""`gelombang draw`: a wave's way to its draw, the random number that no relay gives, and the lines of witnesses."""

from __future__ import annotations

import re

import click

from ...desk import EVERYONE, OPERATOR, Administered, Desk
from ...options import example
from .audit import audit_records


def _signature(_ctx: click.Context, _param: click.Parameter, text: str) -> bytes:
    if re.fullmatch("[0-9a-fA-F]{96}", text) is None:
        raise click.BadParameter(f"it has {len(text)} characters, and a signature is 96 hexadecimal digits")
    return bytes.fromhex(text)


@click.group()
def draw() -> None:
    """Check the draw of a wave, watch it, witness it, audit it, or give it a random number that no relay gives."""


draw.add_command(audit_records)


@draw.group()
def witness() -> None:
    """Confirm to have seen a note before its random number could be known (C2SP cosignatures)."""


@example("draw progress 54")
@draw.command(cls=Administered, sets=EVERYONE)
@click.argument("number", type=int, metavar="WAVE")
def progress(desk: Desk, number: int) -> None:
    """Show how far WAVE is on its way from the close to the last seat; `draw watch` looks again and again."""
    found = desk.services.watching.look(number)
    desk.show({name: getattr(found, name) for name in found.__struct_fields__})


@example(f"draw hand-in 54 {'a3' * 48}")
@draw.command(name="hand-in", cls=Administered, sets=(OPERATOR,))
@click.argument("number", type=int, metavar="WAVE")
@click.argument("signature", callback=_signature)
def hand_in(desk: Desk, number: int, signature: bytes) -> None:
    """Publish the SIGNATURE (hex) of the beacon round of WAVE, when no relay answers; the next step draws with it.

    Anyone may find the signature; it verifies itself against the pinned chain, so it does not matter who hands it in.
    """
    desk.services.stepper.hand_in(number, signature)
    desk.show({"wave": number, "done": "the signature holds; the wave is drawn within minutes"})


@example("draw witness add 54 '— witness.example.org 2net5wAA'")
@witness.command(cls=Administered, sets=(OPERATOR,))
@click.argument("number", type=int, metavar="WAVE")
@click.argument("line")
def add(desk: Desk, number: int, line: str) -> None:
    """Publish the LINE that a witness signed for WAVE, if it holds and was signed in time; again changes nothing.

    It may come at any time: what counts is when it was signed.
    """
    new = desk.services.witnessing.add(number, line.removesuffix("\n").encode() + b"\n")
    desk.show({"wave": number, "done": "published" if new else "published already"})
