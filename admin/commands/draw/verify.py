"""`gelombang draw verify`: whether a published draw is right, and what became of one's own entry in it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import click
import msgspec

from chalicelib.config import WitnessRules, load_programme
from chalicelib.draw import published, witness_keys
from chalicelib.errors import DomainError

from ... import receipt
from ...evidence import Known
from ...publication import Absent, Folder, Publication, Unreadable
from ...receipt import Own
from ...site import Site, TimeLimit
from ...terminal import instant
from ...verify import Check, verify

_ANSWER_BYTES = 1 << 16
UNPROVEN = (
    "no verifier can tell whether every leaf is a person and one person's alone, whether there is another note "
    "of the wave, or how late it was frozen: docs/draw.md, What the draw proves, and what it does not"
)


@click.command(name="verify")
@click.argument("target")
@click.option("--stage", default="prod", show_default=True, help="Whose figures and pinned chains count.")
@click.option("--results-url", envvar="GELOMBANG_RESULTS_URL", help="Where the stage publishes; for a wave's number.")
@click.option("--api-url", envvar="GELOMBANG_API_URL", help="Asked when the wave closed; for a wave's number.")
@click.option("--closes-at", type=instant, help="When the wave closed, if you know it yourself.")
@click.option("--seen-at", type=instant, help="When you first saw the note; else its Last-Modified is believed.")
@click.option("--weight", "weights", type=(int, int), multiple=True, help="REGION WEIGHT of the reserved seats.")
@click.option(
    "--witness", "witnesses", multiple=True, help="A witness's key (name+id+key) that counts, instead of ours."
)
@click.option("--quorum", type=click.IntRange(0), help="How many witnesses must be in time; of your own keys, all.")
@click.option("--no-witness", is_flag=True, help="Demand no witness: the same as --quorum 0.")
@click.option("--ticket", metavar="RECEIPT|HEX", help="Your receipt (a file) or its ticket, which is sent nowhere.")
@click.option("--region", type=click.IntRange(10, 99), help="Of a ticket in hex: the region on its receipt.")
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    help="Seconds in which all must be read from an address; 3600, or 60 with a ticket. Slower files are missing.",
)
@click.option("--strict", is_flag=True, help="A check that could not be made counts as failed.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON: name, ok (null: not checked), detail.")
def verify_command(  # noqa: PLR0913 - click hands each option over as an argument
    *,
    target: str,
    stage: str,
    results_url: str | None,
    api_url: str | None,
    closes_at: datetime | None,
    seen_at: datetime | None,
    weights: tuple[tuple[int, int], ...],
    witnesses: tuple[str, ...],
    quorum: int | None,
    no_witness: bool,
    ticket: str | None,
    region: int | None,
    time_limit: float | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Recompute a published draw and name everything that is wrong with it.

    TARGET is a wave's number, a folder with the published files, or their http(s) address. With a ticket only what
    concerns that entry is checked, by reading a few parts of the files, and what the whole check makes besides is
    named. Exit code 0: every check that could be made holds, and those that could not for want of facts are named.
    1: a check failed; with --strict also if one could not be made. 2: the command itself is wrong.
    """
    rules = load_programme(stage).draw
    own, trusted = _own(ticket, region), _trusted(rules.witnesses, witnesses, 0 if no_witness else quorum)
    limit = TimeLimit(time_limit or (3600 if own is None else 60))
    wave = int(target) if re.fullmatch("[0-9]{1,10}", target) else None
    if wave is None:
        publication = _publication(target, limit)
    else:
        if results_url is None:
            results_url, api_url = _addresses(stage, api_url)
        publication = Site(f"{results_url.rstrip('/')}/{published.folder(wave)}", limit)
        closes_at = closes_at or (_closing(api_url, wave, limit) if api_url else None)
    known = Known(
        wave=wave,
        closes_at=closes_at,
        note_published_at=seen_at,
        weights=dict(weights) or None,
        witnesses=trusted,
        own=own,
    )
    checks = verify(publication, rules, known)
    holds = all(check.ok or (check.ok is None and not (strict and check.made)) for check in checks)
    if as_json:
        click.echo(json.dumps([{"name": one.name, "ok": one.ok, "detail": one.detail} for one in checks], indent=1))
    else:
        _report(checks, holds)
    click.get_current_context().exit(0 if holds else 1)


def _trusted(
    ours: WitnessRules, given: tuple[str, ...], quorum: int | None
) -> tuple[tuple[witness_keys.WitnessKey, ...], int]:
    try:
        keys = tuple(map(witness_keys.parse, given)) or ours.known
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--witness") from error
    if quorum is None:
        quorum = len(given) or ours.quorum
    if quorum > len(keys):
        raise click.BadParameter(f"there are only {len(keys)} witnesses", param_hint="--quorum")
    return keys, quorum


def _own(ticket: str | None, region: int | None) -> Own | None:
    if ticket is None:
        if region is not None:
            raise click.UsageError("--region goes with --ticket")
        return None
    if re.fullmatch("[0-9a-fA-F]{64}", ticket):
        if region is None:
            raise click.UsageError("a ticket in hex needs the --region of its receipt")
        return Own(region, bytes.fromhex(ticket))
    try:
        with Path(ticket).open("rb") as file:
            own = receipt.parse(file.read(receipt.LIMIT_BYTES))
    except (OSError, ValueError, receipt.NoReceipt) as error:
        reason = error if isinstance(error, receipt.NoReceipt) else "neither 64 hexadecimal digits nor a file"
        raise click.BadParameter(str(reason), param_hint="--ticket") from error
    if region not in (None, own.region):
        raise click.UsageError(f"the receipt is of region {own.region}")
    return own


def _publication(target: str, limit: TimeLimit) -> Publication:
    if target.startswith(("http://", "https://")):
        return Site(target, limit)
    with suppress(OSError):  # a name that no file system can hold names no folder either
        if Path(target).is_dir():
            return Folder(Path(target))
    raise click.BadParameter("neither a wave's number nor a folder nor an http(s) address", param_hint="TARGET")


def _addresses(stage: str, api_url: str | None) -> tuple[str, str]:
    """Where a deployed stage publishes and answers; only this needs an account of AWS."""
    from botocore.exceptions import BotoCoreError, ClientError  # half a second that a stranger's check does not pay

    from ...deployment import stages

    try:
        deployed = stages.load(stage)
    except (DomainError, BotoCoreError, ClientError) as error:
        raise click.UsageError(f"where {stage} publishes is not known: give --results-url ({error})") from error
    return deployed.settings.results_url, api_url or deployed.api_url


class _Wave(msgspec.Struct):
    closes_at: Annotated[datetime, msgspec.Meta(tz=True)]


def _closing(api_url: str, wave: int, limit: TimeLimit) -> datetime | None:
    """When the API says that a wave closed; None, with a word about it, where it does not answer."""
    try:
        return msgspec.json.decode(Site(api_url, limit).read(f"waves/{wave}", _ANSWER_BYTES), type=_Wave).closes_at
    except (Absent, Unreadable, msgspec.MsgspecError) as error:
        click.echo(f"the API does not say when wave {wave} closed ({error or 'unknown wave'})", err=True)
        return None


def _report(checks: Sequence[Check], holds: bool) -> None:
    """Print one line per check that was tried, the others and those that failed by name, and the sums."""
    words = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("not checked", "yellow")}
    for check in checks:
        word, colour = words[check.ok] if check.made else ("not made", "cyan")
        remark = f": {check.detail}" if check.detail and check.made else ""
        click.echo(f"{click.style(f'{word:<11}', fg=colour)}  {check.name}{remark}")
    failed = [check.name for check in checks if check.ok is False]
    unchecked = [check.name for check in checks if check.ok is None and check.made]
    unmade = [check.name for check in checks if not check.made]
    counts = f"ok={sum(check.ok is True for check in checks)} failed={len(failed)} not_checked={len(unchecked)}"
    if unmade:
        click.echo(
            f"not made here, since that takes the whole lists (leave out --ticket): {', '.join(unmade)}", err=True
        )
        counts += f" not_made={len(unmade)}"
    if unchecked:
        click.echo(f"not checked, for want of facts: {', '.join(unchecked)}", err=True)
    if failed:
        click.echo(f"failed: {', '.join(failed)}", err=True)
        if unmade:
            click.echo("do not rely on what is said above of your own place", err=True)
    click.echo(UNPROVEN)
    click.echo(f"draw verify: {'ok' if holds else 'FAILED'} {counts}")
