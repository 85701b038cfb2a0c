"""`gelombang draw`: what anybody may do with a published draw."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import click
import msgspec

from chalicelib.clock import utc_now
from chalicelib.config import load_programme
from chalicelib.errors import DomainError
from chalicelib.waves import published

from .evidence import Known
from .instants import instant
from .publication import Absent, Folder, Publication, Site, Unreadable
from .verify import Check, verify
from .witness_commands import witness_group

_ANSWER_BYTES = 1 << 16
_HAND_IN_S = 900
"""How long the step that follows a handed-in signature may run; what it leaves, the next tick does."""


def _entry(_ctx: click.Context, _param: click.Parameter, given: tuple[int, str] | None) -> tuple[int, bytes] | None:
    if given is None:
        return None
    if re.fullmatch("[0-9a-fA-F]{64}", given[1]) is None:
        raise click.BadParameter("a ticket is 64 hexadecimal digits")
    return given[0], bytes.fromhex(given[1])


def _signature(_ctx: click.Context, _param: click.Parameter, text: str) -> bytes:
    if re.fullmatch("[0-9a-fA-F]{96}", text) is None:
        raise click.BadParameter("a signature is 96 hexadecimal digits")
    return bytes.fromhex(text)


@click.group()
def draw() -> None:
    """Check the draw of a wave."""


@draw.command(name="verify")
@click.argument("target")
@click.option("--stage", default="prod", show_default=True, help="Whose figures and pinned chains count.")
@click.option("--results-url", envvar="GELOMBANG_RESULTS_URL", help="Where the stage publishes; for a wave's number.")
@click.option("--api-url", envvar="GELOMBANG_API_URL", help="Asked when the wave closed; for a wave's number.")
@click.option("--closes-at", type=instant, help="When the wave closed, if you know it yourself.")
@click.option("--seen-at", type=instant, help="When you first saw the note; else its Last-Modified is believed.")
@click.option("--weight", "weights", type=(int, int), multiple=True, help="REGION WEIGHT of the reserved seats.")
@click.option("--strict", is_flag=True, help="A check that could not be made counts as failed.")
@click.option(
    "--entry", type=(click.IntRange(10, 99), str), callback=_entry, help="REGION TICKET: look for your own entry."
)
def verify_command(  # noqa: PLR0913 - click hands each option over as an argument
    *,
    target: str,
    stage: str,
    results_url: str | None,
    api_url: str | None,
    closes_at: datetime | None,
    seen_at: datetime | None,
    weights: tuple[tuple[int, int], ...],
    entry: tuple[int, bytes] | None,
    strict: bool,
) -> None:
    """Recompute a published draw and name everything that is wrong with it.

    TARGET is a wave's number, a folder with the published files, or their http(s) address. Exit code 0: every check
    that could be made holds, and those that could not for want of facts are named. 1: a check failed; with --strict
    also if one could not be made. 2: the command itself is wrong.
    """
    wave = int(target) if re.fullmatch("[0-9]{1,10}", target) else None
    if wave is None:
        publication = _publication(target)
    else:
        if results_url is None:
            results_url, api_url = _addresses(stage, api_url)
        publication = Site(f"{results_url.rstrip('/')}/{published.folder(wave)}")
        closes_at = closes_at or (_closing(api_url, wave) if api_url else None)
    known = Known(
        wave=wave,
        closes_at=closes_at,
        note_published_at=seen_at or publication.note_published_at(),
        weights=dict(weights) or None,
        entry=entry,
    )
    holds = _report(verify(publication, load_programme(stage).draw, known), strict)
    click.get_current_context().exit(0 if holds else 1)


draw.add_command(witness_group)


@draw.command(name="hand-in")
@click.option("--stage", required=True)
@click.argument("wave", type=int)
@click.argument("signature", callback=_signature)
def hand_in(stage: str, wave: int, signature: bytes) -> None:
    """Draw WAVE with the SIGNATURE (hex) of its beacon round, when no relay answers.

    Anyone may find the signature; it verifies itself against the pinned chain, so it does not matter who hands it in.
    """
    from chalicelib.waves.beacon import HandedIn

    from . import stages

    services = stages.load(stage).services
    services.beacons = HandedIn(signature)
    services.stepper.check_beacon(wave)
    for transition in services.stepper.advance(utc_now(), _HAND_IN_S):
        click.echo(f"wave {transition.wave} {transition.state}")


def _publication(target: str) -> Publication:
    if target.startswith(("http://", "https://")):
        return Site(target)
    with suppress(OSError):  # a name that no file system can hold names no folder either
        if Path(target).is_dir():
            return Folder(Path(target))
    raise click.BadParameter("neither a wave's number nor a folder nor an http(s) address", param_hint="TARGET")


def _addresses(stage: str, api_url: str | None) -> tuple[str, str]:
    """Where a deployed stage publishes and answers; only this needs an account of AWS."""
    from botocore.exceptions import BotoCoreError, ClientError  # half a second that a stranger's check does not pay

    from . import stages

    try:
        deployed = stages.load(stage)
    except (DomainError, BotoCoreError, ClientError) as error:
        raise click.UsageError(f"where {stage} publishes is not known: give --results-url ({error})") from error
    return deployed.settings.results_url, api_url or deployed.api_url


class _Wave(msgspec.Struct):
    closes_at: Annotated[datetime, msgspec.Meta(tz=True)]


def _closing(api_url: str, wave: int) -> datetime | None:
    """When the API says that a wave closed; None, with a word about it, where it does not answer."""
    try:
        return msgspec.json.decode(Site(api_url).read(f"waves/{wave}", _ANSWER_BYTES), type=_Wave).closes_at
    except (Absent, Unreadable, msgspec.MsgspecError) as error:
        click.echo(f"the API does not say when wave {wave} closed ({error or 'unknown wave'})", err=True)
        return None


def _report(checks: Iterable[Check], strict: bool) -> bool:
    """Print one line per check, those not checked and those that failed by name, and the sums; whether all is well."""
    checks = list(checks)
    words = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("not checked", "yellow")}
    for check in checks:
        word, colour = words[check.ok]
        remark = f": {check.detail}" if check.detail else ""
        click.echo(f"{click.style(f'{word:<11}', fg=colour)}  {check.name}{remark}")
    failed = [check.name for check in checks if check.ok is False]
    unchecked = [check.name for check in checks if check.ok is None]
    holds = not failed and not (strict and unchecked)
    counts = f"ok={len(checks) - len(failed) - len(unchecked)} failed={len(failed)} not_checked={len(unchecked)}"
    if unchecked:
        click.echo(f"not checked, for want of facts: {', '.join(unchecked)}", err=True)
    if failed:
        click.echo(f"failed: {', '.join(failed)}", err=True)
    click.echo(f"draw verify: {'ok' if holds else 'FAILED'} {counts}")
    return holds
