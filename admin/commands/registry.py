"""`gelombang registry`: batches of questions to a civil registry's office that takes files. They are personal data."""

from __future__ import annotations

from pathlib import Path

import click

from chalicelib.civil_registry import batch_file
from chalicelib.civil_registry.batches import ROWS_MAX, Batch, Batches, BatchState
from chalicelib.clock import utc_now
from chalicelib.registration.verifications import WAITING_SHARDS

from ..desk import AUDITOR, CHECKER, MAKER, Administered, Desk, InParts
from ..options import Local, example, reason_option, yes_option

batch_argument = click.argument("batch")
answer_argument = click.argument("file", type=InParts(batch_file.parts))
BATCH = "mzxw6ytboi4dqnzxgiztinjwg4"


@click.group()
def registry() -> None:
    """Have a registry office answer in files. They have NIKs and names: hand them over, and keep no copy."""


@example("registry propose --reason 'before wave 12'")
@registry.command(cls=Administered, sets=(MAKER,))
@click.option("--at-most", type=click.IntRange(1, ROWS_MAX), default=ROWS_MAX, show_default=True, help="Rows.")
@reason_option
def propose(desk: Desk, at_most: int, reason: str) -> None:
    """Propose to ask about those who wait for an answer; another person writes the file."""
    batch = _batches(desk).propose(at_most, desk.caller, reason, utc_now())
    desk.show(batch_row(batch) | {"next": f"another person writes it: gelombang registry export {batch.id} --out FILE"})


@example(f"registry export {BATCH} --out batch.csv")
@registry.command(cls=Administered, sets=(CHECKER,), whole=lambda given, rows: batch_file.whole(given["batch"], rows))
@batch_argument
@click.option(
    "--out", cls=Local, type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write the file."
)
def export(desk: Desk, batch: str) -> None:
    """Write the file that another person proposed. It is written once; if it is lost, give the batch up.

    Each person in it can read that it was written.
    """
    batches, after = _batches(desk), desk.cursor
    while True:
        rows, people, after = batches.questions(batch, desk.caller, desk.counts["rows"], after)
        desk.shows(people)
        desk.counts["rows"] += len(people)
        desk.written += rows
        if not after:
            break
        desk.go_on(after, len(WAITING_SHARDS))
    sent = batches.sent(batch, desk.caller, desk.counts["rows"], utc_now())
    desk.show(batch_row(sent), file=desk.written)


@example("registry import answer.csv")
@registry.command("import", cls=Administered, sets=(MAKER,))
@answer_argument
def import_answer(desk: Desk, file: bytes) -> None:
    """Read the office's answer and show what it says of how many; another person approves it.

    One row that was not sent, was changed or comes twice refuses the whole file. The file is not kept.
    """
    batches, (number, of, parts) = _batches(desk), _stands(desk)
    batch, sha256 = batches.part(file, of, BatchState.SENT, BatchState.ANSWERED)
    desk.counts.update(batches.count(batch, file, number))
    parts.append(sha256)
    if len(parts) < (steps := batch_file.parts_of(batch.rows)):
        desk.ask_for("/".join([str(len(parts)), batch.id, *parts]), steps)
    taken = batches.take_in(batch, parts, dict(desk.counts), desk.caller, utc_now())
    desk.show(batch_row(taken) | {"next": "another person approves it: gelombang registry approve FILE"})


@example("registry approve answer.csv")
@registry.command(cls=Administered, sets=(CHECKER,))
@answer_argument
@yes_option
def approve(desk: Desk, file: bytes) -> None:
    """Apply the answer that another person imported: the same file. Broken off, it is finished by doing it again."""
    batches, (number, of, _) = _batches(desk), _stands(desk)
    batch = batches.standing(file, of, number, desk.caller)
    steps = len(batch.parts or ())
    # What would be applied is shown once the whole file is known to be the one that was imported.
    if desk.seen or number + 1 == steps:
        desk.ask_back(batch_row(batch))
        desk.counts.update(batches.apply(batch, file, number))
    if number + 1 < steps:
        desk.ask_for(f"{number + 1}/{batch.id}", steps)
    batches.applied(batch, desk.caller, utc_now())
    desk.show({"batch": batch.id, "done": "applied", "found": dict(desk.counts)})


def _stands(desk: Desk) -> tuple[int, str, list[str]]:
    """The number of the part of the answer, the batch that those before it are of, and their SHA-256s."""
    number, of, *parts = desk.cursor.split("/") if desk.cursor else ("0", "")
    return int(number), of, parts


@example(f"registry give-up {BATCH} --reason 'the office lost the file'")
@registry.command("give-up", cls=Administered, sets=(MAKER, CHECKER))
@batch_argument
@reason_option
def give_up(desk: Desk, batch: str, reason: str) -> None:
    """Give a batch up: its answer is refused from then on, and who waits comes into the next one."""
    desk.show(batch_row(_batches(desk).give_up(batch, desk.caller, reason, utc_now())))


@example("registry list")
@registry.command("list", cls=Administered, sets=(MAKER, CHECKER, AUDITOR))
def list_batches(desk: Desk) -> None:
    """List every batch, newest first: how far it is, its sums, and who did what."""
    desk.show([batch_row(batch) for batch in _batches(desk).all()], "no batch was ever proposed")


def _batches(desk: Desk) -> Batches:
    """Raises `ClickException` if the stage has no civil registry."""
    if not desk.services.settings.has_registry:
        raise click.ClickException(
            f"stage {desk.stage} has no civil registry: deploy it with --parameter RegistryUrl=files"
        )
    return desk.services.registry_batches


def batch_row(batch: Batch) -> dict[str, object]:
    return {
        "batch": batch.id,
        "state": batch.state,
        "rows": batch.rows,
        "reason": batch.reason,
        "proposed_at": batch.made_at,
        "by": batch.maker,
        "written_by": batch.sent_by,
        "imported_by": batch.answered_by,
        "found": batch.found,
        "decided_at": batch.decided_at,
        "decided_by": batch.decided_by,
    }
