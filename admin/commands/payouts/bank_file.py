"""`gelombang payout export` and `import`: files of transfers to a bank, and its reports back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from chalicelib.clock import utc_now, wib_date
from chalicelib.figures.benefits import BankFileRules
from chalicelib.helpdesk.rules import is_holiday
from chalicelib.payouts.bank_files.export import Write
from chalicelib.payouts.bank_files.report_lines import Finding, Line
from chalicelib.payouts.bank_files.reports import Imported, Source
from chalicelib.payouts.bank_files.store import Batch, BatchState
from chalicelib.payouts.bank_files.transfers import Order

from ...desk import AUDITOR, CHECKER, MAKER, Administered, Desk, file_argument
from ...options import Local, example, reason_option, yes_option
from ...rows import Row
from .lines import NARRATIVE_MAX, entitlement_row

_SATURDAY = 5
_COLLECTING = "collecting"
"""The cursor while a file is collected."""

_BATCH = "mzxw6ytboi4dqnzxgiztinjwg4"
_batch_argument = click.argument("batch")


@click.group()
def export() -> None:
    """Files of transfers for the bank (pain.001): one person proposes a file, another approves and writes it."""


@example("payout export propose --reason 'the week 48'")
@export.command(cls=Administered, sets=(MAKER,))
@click.option("--execute-on", type=click.DateTime(["%Y-%m-%d"]), help="When the bank is to pay: the next working day.")
@reason_option
def propose(desk: Desk, execute_on: datetime | None, reason: str) -> None:  # noqa: ARG001 - the journal has it
    """Collect what waits for the bank, and propose a file. One that was begun is completed.

    More may wait than a file takes: do it again until nothing waits.
    """
    files, now = desk.services.bank_files, utc_now()
    day = execute_on.date() if execute_on else _next_working_day(wib_date(now))

    def in_time(references: Sequence[str]) -> Iterator[str]:
        for one in references:
            yield one
            desk.go_on(_COLLECTING)

    place = desk.cursor if desk.cursor != _COLLECTING else ""
    done = files.propose(desk.caller, day, _writer(files.rules), now, in_time, place, desk.is_late)
    if done.after:
        desk.go_on(done.after)
    desk.show([_row(done.batch)] if done.batch else [], "nothing waits for a bank file")


@example("payout export list")
@export.command("list", cls=Administered, sets=(MAKER, CHECKER, AUDITOR))
def list_files(desk: Desk) -> None:
    """Show every file and how far it is, and what waits for one."""
    for place, page in desk.services.bank_files.waiting(desk.cursor):
        desk.rows += map(entitlement_row, page)
        desk.go_on(place)
    made = [_row(batch) for batch in desk.services.bank_store.batches()]
    desk.show({"files": made, "waiting_for_a_file": desk.rows}, into="waiting_for_a_file")


@example(f"payout export approve {_BATCH} --out order.xml")
@export.command(cls=Administered, sets=(CHECKER,))
@_batch_argument
@click.option(
    "--out", cls=Local, type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write the file."
)
@yes_option
def approve(desk: Desk, batch: str) -> None:
    """Approve the file that another person proposed, and write it. It has names and account numbers.

    Each person in it can read that it was written. An approved file may be written again, with the same bytes.
    """
    files, found = desk.services.bank_files, desk.services.bank_store.batch(batch)
    if found.state is BatchState.PROPOSED:
        desk.ask_back(_row(found))
    # The file itself is a step of its own: it may take most of a request.
    for people in files.concerned(batch, desk.caller, lambda parts: desk.steps(parts + 1)):
        desk.shows(people)
    raw = files.approve(batch, desk.caller, _writer(files.rules), utc_now())
    desk.show({"file": batch, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}, file=raw)


@example(f"payout export reject {_BATCH} --reason 'the bank was changed'")
@export.command(cls=Administered, sets=(MAKER, CHECKER))
@_batch_argument
@reason_option
def reject(desk: Desk, batch: str, reason: str) -> None:  # noqa: ARG001 - the journal has it
    """Give a file up; an approved one takes two people."""
    desk.show(_row(desk.services.bank_files.reject(batch, desk.caller, utc_now())))


@example("payout import report.xml")
@click.command("import", cls=Administered, sets=(MAKER, CHECKER))
@file_argument
def import_report(desk: Desk, file: bytes) -> None:
    """Read a bank's report (pain.002 or camt.054) and settle by it. Exit code 1 if any line was applied to nothing.

    Each person whose transfer it names can read that it was imported.
    """
    from ...bank import reports  # lxml: only for who reads or writes a bank's file

    try:
        message, statements = reports.read(file)
    except reports.BadReport as error:
        raise click.ClickException(f"not read: {error}") from error
    source, done = Source(hashlib.sha256(file).hexdigest(), desk.caller), Imported()
    desk.services.bank_reports.take_in(statements, source, utc_now, _in_time(desk, done), done)
    _tell(desk, done)
    desk.show(
        {"message": message} | {name: desk.counts[name] for name in _COUNTED} | {"not_applied": desk.rows},
        into="not_applied",
    )
    if desk.counts["findings"]:
        raise click.exceptions.Exit(1)


_TOLD = 50
"""Of how many lines people are told at once, before the first of them is taken."""

_COUNTED = ("applied", "known_before", "kept_for_the_sweep_to_settle")


def _in_time(desk: Desk, done: Imported) -> Callable[[Sequence[Line]], Iterator[Line]]:
    """The lines of a report from the cursor on, until time runs out.

    The cursor is the number and the name of the last line that is done. If the ledger has moved so that this line is
    another one now, all begin anew: a line may be taken twice.
    """

    def lines(all_of_it: Sequence[Line]) -> Iterator[Line]:
        names = [f"{place} {line.number} {line.reference}" for place, line in enumerate(all_of_it, 1)]
        begun = names.index(desk.cursor) + 1 if desk.cursor in names else 0
        told = desk.services.bank_reports.concerned
        if desk.cursor:
            done.findings.clear()  # of the report as a whole, which the first step has told
        for place in range(begun, len(names)):
            if (place - begun) % _TOLD == 0:
                desk.shows(told(all_of_it[place : place + _TOLD]))
            yield all_of_it[place]
            if desk.is_late():
                _tell(desk, done)
                desk.go_on(names[place])

    return lines


def _tell(desk: Desk, done: Imported) -> None:
    counted = zip(_COUNTED, (done.news, done.known, done.unsettled), strict=True)
    desk.counts.update({**dict(counted), "findings": len(done.findings)})
    desk.rows += map(_finding, sorted(done.findings, key=lambda each: (each.number, each.reference or "")))


def _writer(debtor: BankFileRules) -> Write:
    from ...bank import pain001  # see above

    def write(order: Order) -> bytes:
        try:
            return pain001.write(order, debtor)
        except pain001.BadOrder as error:
            raise click.ClickException(f"no file: {error}") from error

    return write


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
