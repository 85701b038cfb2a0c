"""`gelombang payout export` and `import`: files of transfers to a bank, and its reports back."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from chalicelib.clock import utc_now, wib_date
from chalicelib.figures import BankFileRules
from chalicelib.helpdesk.rules import is_holiday
from chalicelib.payouts.bank_files.export import BankFiles, Write
from chalicelib.payouts.bank_files.report_lines import Finding
from chalicelib.payouts.bank_files.reports import Source
from chalicelib.payouts.bank_files.store import Batch, BatchState
from chalicelib.payouts.bank_files.transfers import Order

from ...deployment import stages
from ...desk import file_argument
from ...options import example, stage_options
from ...rows import Row
from ...terminal import hand_out, progress, show
from .lines import NARRATIVE_MAX, entitlement_row

_SATURDAY = 5


@example("payout export --approve 2026-11-24-k7qx --out order.xml")
@click.command("export")
@stage_options
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
    at, now = stages.load(stage), utc_now()
    services, files = at.services, at.services.bank_files
    write = _writer(files.rules)
    if listing:
        made = [_row(batch) for batch in services.bank_store.batches()]
        show({"files": made, "waiting_for_a_file": [entitlement_row(each) for each in files.waiting()]})
    elif reject:
        show(_row(files.reject(reject, stages.acting(at), now)))
    elif approve and out:
        _hand_out(out, files.approve(approve, stages.acting(at), write, now, lambda rows: progress(rows, "reading")))
    else:
        _propose(
            files, stages.acting(at), write, execute_on.date() if execute_on else _next_working_day(wib_date(now)), now
        )


@example("payout import report.xml")
@click.command("import")
@stage_options
@file_argument
def import_report(stage: str, file: bytes) -> None:
    """Read a bank's report (pain.002 or camt.054) and settle by it. Exit code 1 if any line was applied to nothing."""
    from ...bank import reports  # lxml: only for who reads or writes a bank's file

    try:
        message, statements = reports.read(file)
    except reports.BadReport as error:
        raise click.ClickException(f"not read: {error}") from error
    at = stages.load(stage)
    source = Source(hashlib.sha256(file).hexdigest(), stages.acting(at))
    done = at.services.bank_reports.take_in(statements, source, utc_now, lambda rows: progress(rows, "settling"))
    counts = {"applied": done.news, "known_before": done.known, "kept_for_the_sweep_to_settle": done.unsettled}
    show({"message": message} | counts | {"not_applied": [_finding(each) for each in done.findings]})
    if done.findings:
        raise click.exceptions.Exit(1)


def _propose(files: BankFiles, by: str, write: Write, execute_on: date, now: datetime) -> None:
    done = files.propose(by, execute_on, write, now, lambda rows: progress(rows, "collecting"))
    show([_row(done.batch) | {"left_for_the_next": done.left}] if done.batch else [], "nothing waits for a bank file")


def _writer(debtor: BankFileRules) -> Write:
    from ...bank import pain001  # see above

    def write(order: Order) -> bytes:
        try:
            return pain001.write(order, debtor)
        except pain001.BadOrder as error:
            raise click.ClickException(f"no file: {error}") from error

    return write


def _hand_out(out: Path, raw: bytes) -> None:
    """Write the file, which has names and account numbers, and show its size and digest."""
    hand_out(out, raw)
    show({"written": str(out), "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()})


def _row(batch: Batch) -> dict[str, object]:
    """A file; while it is collected, neither its number of transfers nor its sum is known."""
    known = batch.state is not BatchState.COLLECTING
    return {
        "file": batch.id,
        "state": batch.state,
        "transfers": batch.count if known else None,
        "sum_idr": batch.sum_idr if known else None,
        "sha256": batch.sha256 if known else None,
        "pays_on": batch.execute_on,
        "made_at": batch.made_at,
        "by": batch.maker,
        "recalled_by": batch.recalled_by,
        "decided_at": batch.decided_at,
        "decided_by": batch.decided_by,
    }


def _finding(each: Finding) -> Row:
    return {
        "line": each.number,
        "problem": each.problem,
        "reference": each.reference,
        "word": each.word,
        "bank_text": each.narrative[:NARRATIVE_MAX] if each.narrative else None,
    }


def _next_working_day(today: date) -> date:
    day = today + timedelta(days=1)
    while day.weekday() >= _SATURDAY or is_holiday(day):
        day += timedelta(days=1)
    return day


COMMANDS: tuple[click.Command, ...] = (export, import_report)
