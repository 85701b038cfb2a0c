"""`gelombang draw witness`: counter-sign a draw's commitment before its random number exists."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from chalicelib.clock import iso, utc_now
from chalicelib.config import load_programme
from chalicelib.draw import cosignatures, note, published
from chalicelib.draw.cosignatures import Signer
from chalicelib.draw.errors import ForeignChain, LateWitness

from ...terminal import SaysWhy, stage_option
from .verify import Unreadable, read_from

_NOTE_BYTES = 4096


@click.group("witness", cls=SaysWhy)
def witness_group() -> None:
    """Confirm to have seen a note before its random number could be known (C2SP cosignatures)."""


@witness_group.command()
@click.argument("name")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write the key.")
def keygen(name: str, out: Path) -> None:
    """Make a key for the witness NAME, such as witness.example.org; prints the public one, to be configured.

    The file is readable by you alone, and one that exists is not touched. Use a key for nothing else.
    """
    signer = Signer(name, secrets.token_bytes(32))
    try:
        cosignatures.parse_signer(signer.encode())
    except ValueError as error:
        raise click.BadParameter("1 to 100 characters of ASCII, no space and no +", param_hint="NAME") from error
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}") from error
    with open(handle, "w") as file:  # noqa: PTH123 - a descriptor has no path
        file.write(signer.encode() + "\n")
    click.echo(str(signer.public))


@witness_group.command()
@click.argument("source", metavar="NOTE")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="Of keygen.")
@click.option("--stage", default="prod", show_default=True, help="Whose pinned chains count.")
def sign(source: str, key: Path, stage: str) -> None:
    """Confirm to have NOTE now: a file, or the http(s) address of one or of its wave. Prints the line to hand over.

    Refused unless it has a note's form, and if its random number exists already. Your clock is what you vouch for.
    """
    try:
        signer = cosignatures.parse_signer(key.read_text().strip())
    except ValueError as error:
        raise click.BadParameter(f"no witness's private key: {error}", param_hint="--key") from error
    raw = _read(source)
    committed, rules = note.parse(raw), load_programme(stage).draw
    pinned = (chain for chain in rules.chains.values() if chain.production or chain is rules.pinned)
    chain = next((chain for chain in pinned if chain.hash == committed.chain), None)
    if chain is None:
        raise ForeignChain()
    try:
        exists_at = note.round_time(chain, committed.round)
    except OverflowError as error:
        raise click.ClickException("the note's round is in no calendar") from error
    now = utc_now()  # after the note was read, or it would be said to have been here before it was
    if now >= exists_at:
        raise LateWitness(name=signer.name, signed_at=iso(now), exists_at=iso(exists_at))
    # Bytes: the dash is not in every terminal's alphabet.
    click.echo(signer.sign(raw, now).line(), nl=False)


@witness_group.command()
@click.argument("wave", type=int)
@click.argument("line")
@stage_option
def add(wave: int, line: str, stage: str) -> None:
    """Publish the LINE that a witness signed for WAVE, if it holds and was signed in time; again changes nothing.

    It may come at any time: what counts is when it was signed.
    """
    from ...deployment import stages

    raw = line.removesuffix("\n").encode(errors="surrogateescape") + b"\n"
    new = stages.load(stage).services.witnessing.add(wave, raw)
    click.echo(f"wave {wave} has a witness more" if new else "published already")


def _read(source: str) -> bytes:
    if not source.startswith(("http://", "https://")):
        try:
            with Path(source).open("rb") as file:
                return file.read(_NOTE_BYTES)
        except (OSError, ValueError) as error:
            raise click.BadParameter(f"cannot be read ({type(error).__name__})", param_hint="NOTE") from error
    try:
        return read_from(source.removesuffix(published.NOTE), published.NOTE, _NOTE_BYTES)
    except Unreadable as error:
        raise click.ClickException(f"no note at {source} ({error})") from error
