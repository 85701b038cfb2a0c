"""`gelombang draw verify`: runs `verify_draw.py`, the verifier that is published, with what a stage has pinned.

And `gelombang draw witness`: counter-sign a draw's commitment before its random number exists.
"""

from __future__ import annotations

import functools
import os
import re
import secrets
import sys
from argparse import ArgumentParser, Namespace
from datetime import datetime
from http.client import HTTPException
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import click
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.clock import iso, utc_now
from chalicelib.config import load_programme
from chalicelib.draw import cosignatures, note, published
from chalicelib.draw.cosignatures import Signer
from chalicelib.draw.errors import ForeignChain, LateWitness
from chalicelib.errors import DomainError
from chalicelib.figures.waves import DrawRules
from chalicelib.waves.publication.bucket import VERIFIER_FILE

from ...deployment import stages
from ...options import STAGE_VARIABLE, as_json, example, json_option
from ...terminal import show

_NOTE_BYTES = 4096
_ANSWER_BYTES = 1 << 16
_ANSWER_S = 60.0


@functools.cache
def program() -> Any:
    """`verify_draw.py` as a module. It is in no package, because the one file has everything it needs."""
    module = ModuleType("the_published_verifier")
    module.__file__ = str(VERIFIER_FILE)
    sys.modules[module.__name__] = module  # where dataclasses look for it
    SourceFileLoader(module.__name__, module.__file__).exec_module(module)
    return module


class Unreadable(Exception):
    """A file at a web address could not be read; the message says why."""


def read_from(address: str, name: str, most: int, limit_s: float = _ANSWER_S) -> bytes:
    """A file of at most `most` bytes at any http(s) address. Raises `Unreadable`."""
    try:
        found: bytes = program().Web(address, limit_s).read(name, most)
    except (program().Failure, OSError, ValueError, HTTPException) as error:
        raise Unreadable(str(error) or type(error).__name__) from error
    return found


def pinned(rules: DrawRules) -> list[str]:
    """A stage's pinned values as arguments of the verifier: the production chains and its own, and its freeze delay.

    The development chain's key is public, so a verifier that accepted it by default would believe any forger.
    """
    own = [rules.pinned, *(one for one in rules.chains.values() if one.production and one is not rules.pinned)]
    texts = (f"{one.hash}:{one.public_key}:{one.genesis}:{one.period_s}:{one.delay_s}" for one in own)
    return [*(word for text in texts for word in ("--chain", text)), "--freeze-delay", str(rules.freeze_delay_s)]


@example("draw verify 54 --ticket receipt.json")
@click.command(name="verify", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def verify_command(words: tuple[str, ...]) -> None:
    """Recompute a published draw and name everything that is wrong with it; `--help` tells more."""
    parser = arguments()
    rules = load_programme(parser.parse_args(words).stage).draw
    given = parser.parse_args([*pinned(rules), *words])
    if not given.witness:
        given.witness = [program().a_witness(key) for key in rules.witnesses.keys]
        given.quorum = rules.witnesses.quorum if given.quorum is None else given.quorum
    if given.no_witness:
        given.quorum = 0
    if re.fullmatch("[0-9]{1,10}", given.target):
        _find(given)
    click.get_current_context().exit(program().run(parser, given))


def arguments() -> ArgumentParser:
    """The arguments of `verify_draw.py`, and those that this command adds."""
    parser: ArgumentParser = program().arguments()
    parser.prog = "gelombang draw verify"
    add = parser.add_argument
    parser.epilog = f"TARGET may be a wave's number too. {parser.epilog}"
    add(
        "--stage",
        default=os.environ.get(STAGE_VARIABLE, "prod"),
        help="whose pinned chains, witnesses and freeze delay count (prod)",
    )
    add(
        "--results-url",
        default=os.environ.get("GELOMBANG_RESULTS_URL"),
        metavar="URL",
        help="where the stage publishes; for a wave's number",
    )
    add(
        "--api-url",
        default=os.environ.get("GELOMBANG_API_URL"),
        metavar="URL",
        help="is asked when the wave closed; for a wave's number",
    )
    add("--no-witness", action="store_true", help="demand no witness: the same as --quorum 0")
    return parser


def _find(given: Namespace) -> None:
    """Put the address in the place of a wave's number, and the closing that the API tells."""
    wave = int(given.target)
    if given.results_url is None:
        given.results_url, given.api_url = _addresses(given.stage, given.api_url)
    given.target = f"{given.results_url.rstrip('/')}/{published.folder(wave)}"
    if given.closes_at is None and given.api_url:
        closes_at = _closing(given.api_url, wave, given.time_limit or _ANSWER_S)
        given.closes_at = closes_at and closes_at.timestamp()


def _addresses(stage: str, api_url: str | None) -> tuple[str, str]:
    """Where a deployed stage publishes and answers; only this needs an AWS account."""
    try:
        deployed = stages.load(stage)
    except (DomainError, BotoCoreError, ClientError) as error:
        why = error.facts.get("reason", error) if isinstance(error, DomainError) else error
        raise click.UsageError(f"where {stage} publishes is not known: give --results-url ({why})") from error
    return deployed.settings.results_url, api_url or deployed.api_url


class _Wave(msgspec.Struct):
    closes_at: Annotated[datetime, msgspec.Meta(tz=True)]


def _closing(api_url: str, wave: int, limit_s: float) -> datetime | None:
    """When the API says that a wave closed; None, with a message, if it does not answer."""
    try:
        return msgspec.json.decode(read_from(api_url, f"waves/{wave}", _ANSWER_BYTES, limit_s), type=_Wave).closes_at
    except (Unreadable, msgspec.MsgspecError) as error:
        click.echo(f"the API does not say when wave {wave} closed ({error})", err=True)
        return None


# `gelombang draw witness`


@example("draw witness keygen witness.example.org --out witness.key")
@click.command()
@json_option
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
    _print("public_key", str(signer.public))


@example("draw witness sign https://results.example/draws/54/ --key witness.key")
@click.command()
@json_option
@click.argument("source", metavar="NOTE")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="Of keygen.")
@click.option("--stage", default="prod", envvar=STAGE_VARIABLE, show_default=True, help="Whose pinned chains count.")
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
    now = utc_now()  # after the note was read, because it could not be signed before
    if now >= exists_at:
        raise LateWitness(name=signer.name, signed_at=iso(now), exists_at=iso(exists_at))
    _print("line", signer.sign(raw, now).line().decode().removesuffix("\n"))


def _print(name: str, text: str) -> None:
    """A text to hand on, alone on its line."""
    if as_json():
        show({name: text})
    else:
        click.echo(text.encode())  # bytes, because not every terminal's encoding has a cosignature's dash


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


WITNESS: tuple[click.Command, ...] = (keygen, sign)
