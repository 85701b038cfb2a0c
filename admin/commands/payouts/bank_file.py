"""`gelombang payout export` and `import`: files of transfers to a bank, and its reports back."""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from chalicelib.clock import iso, utc_now, wib_date
from chalicelib.figures import BankFileRules
from chalicelib.helpdesk.rules import is_holiday
from chalicelib.money import format_idr
from chalicelib.payouts.bank_files.export import BankFiles, Write
from chalicelib.payouts.bank_files.reports import Source
from chalicelib.payouts.bank_files.store import Batch, BatchState
from chalicelib.payouts.bank_files.transfers import Order

from ...deployment import stages
from ...terminal import file_argument, plain, progress, stage_option
from .lines import NARRATIVE_MAX

_SATURDAY = 5


@click.command("export")
@stage_option
@click.option("--execute-on", type=click.DateTime(["%Y-%m-%d"]), help="When the bank is to pay: the next working day.")
@click.option("--list", "listing", is_flag=True, help="Show every file and how far it is, and what waits for one.")
@click.option("--reject", metavar="BATCH", help="Give a file up; an approved one takes two people.")
@click.option("--approve", metavar="BATCH", help="Approve the file that another person proposed, and write it.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the approved file.")
def export(
    stage: str,
    execute_on: datetime | None,
    listing: bool,
    reject: str | None,
    approve: str | None,
    out: Path | None,
) -> None:
    """Put what waits for the bank into a file (pain.001); another person approves and writes it.

    Without an option: collect, and propose a file. An approved file may be written again, with the same bytes.
    """
    if sum(map(bool, (listing, reject, approve))) > 1 or bool(approve) is not (out is not None):
        raise click.UsageError("give one of --list, --reject BATCH, or --approve BATCH with --out FILE")
    services, now = stages.load(stage).services, utc_now()
    files = services.bank_files
    write = _writer(files.rules)
    if listing:
        for batch in services.bank_store.batches():
            click.echo(_described(batch))
        waiting = files.waiting()
        if waiting:
            click.echo(f"{len(waiting)} wait for a file, the longest since {iso(waiting[0].changed_at)}")
    elif reject:
        click.echo(_described(files.reject(reject, stages.caller(), now)))
    elif approve and out:
        _hand_out(out, files.approve(approve, stages.caller(), write, now, lambda rows: progress(rows, "reading")))
    else:
        _propose(files, write, execute_on.date() if execute_on else _next_working_day(wib_date(now)), now)


@click.command("import")
@stage_option
@file_argument
def import_report(stage: str, file: Path) -> None:
    """Read a bank's report (pain.002 or camt.054) and settle by it. Exit code 1 if any line was applied to nothing."""
    from ...bank import reports  # lxml: only for who reads or writes a bank's file

    with file.open("rb") as opened:
        raw = opened.read(reports.LIMIT + 1)
    try:
        message, statements = reports.read(raw)
    except reports.BadReport as error:
        raise click.ClickException(f"not read: {error}") from error
    source = Source(hashlib.sha256(raw).hexdigest(), stages.caller())
    services = stages.load(stage).services
    done = services.bank_reports.take_in(statements, source, utc_now, lambda rows: progress(rows, "settling"))
    for each in done.findings:
        click.echo(f"line {each.number}: {each.problem}: {each.reference or 'not one of ours'} {each.word}".rstrip())
        if each.narrative:
            click.echo(f"  the bank: {plain(each.narrative)[:NARRATIVE_MAX]}")
    click.echo(f"{message}: {done.news} applied, {done.known} known before, {len(done.findings)} not applied")
    if done.unsettled:
        click.echo(f"{done.unsettled} kept and not settled yet: the sweep will")
    if done.findings:
        raise click.exceptions.Exit(1)


def _propose(files: BankFiles, write: Write, execute_on: date, now: datetime) -> None:
    done = files.propose(stages.caller(), execute_on, write, now, lambda rows: progress(rows, "collecting"))
    if done.batch is None:
        click.echo("nothing waits for a bank file")
        return
    click.echo(_described(done.batch))
    if done.left:
        click.echo(f"{done.left} wait for the next file")


def _writer(debtor: BankFileRules) -> Write:
    from ...bank import pain001  # see above

    def write(order: Order) -> bytes:
        try:
            return pain001.write(order, debtor)
        except pain001.BadOrder as error:
            raise click.ClickException(f"no file: {error}") from error

    return write


def _hand_out(out: Path, raw: bytes) -> None:
    """Written whole or not at all, and readable by its owner only: it has names and account numbers."""
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink()
        raise
    click.echo(f"{out} written, {len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()}")


def _described(batch: Batch) -> str:
    line = f"{batch.id}  {batch.state}  "
    if batch.state is not BatchState.COLLECTING:
        line += f"{batch.count} transfers  {format_idr(batch.sum_idr)}  sha256 {batch.sha256}  "
    line += f"pays {batch.execute_on}  made {iso(batch.made_at)} by {batch.maker}"
    if batch.recalled_by:
        line += f"  recalled by {batch.recalled_by}"
    if batch.decided_by and batch.decided_at:
        line += f"  decided {iso(batch.decided_at)} by {batch.decided_by}"
    return line


def _next_working_day(today: date) -> date:
    day = today + timedelta(days=1)
    while day.weekday() >= _SATURDAY or is_holiday(day):
        day += timedelta(days=1)
    return day


COMMANDS: tuple[click.Command, ...] = (export, import_report)
