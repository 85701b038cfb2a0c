"""`gelombang registry`: batches of questions to a civil registry's office that takes files. They are personal data."""

from __future__ import annotations

from pathlib import Path

import click

from chalicelib.civil_registry.batches import ROWS_MAX, Batch, Batches
from chalicelib.clock import utc_now

from ..deployment import stages
from ..desk import file_argument
from ..options import example, reason_option, stage_options, yes_option
from ..terminal import ask_back, hand_out, progress, show

_batch_argument = click.argument("batch")
_BATCH = "mzxw6ytboi4dqnzxgiztinjwg4"


@click.group()
def registry() -> None:
    """Have a registry office answer in files. They have NIKs and names: hand them over, and keep no copy."""


@example("registry propose --reason 'before wave 12'")
@registry.command()
@stage_options
@click.option("--at-most", type=click.IntRange(1, ROWS_MAX), default=ROWS_MAX, show_default=True, help="Rows.")
@reason_option
def propose(stage: str, at_most: int, reason: str) -> None:
    """Propose to ask about those who wait for an answer; another person writes the file."""
    batches, by = _batches(stage)
    batch = batches.propose(at_most, by, reason, utc_now())
    show(_row(batch) | {"next": f"another person writes it: gelombang registry export {batch.id} --out FILE"})


@example(f"registry export {_BATCH} --out batch.csv")
@registry.command()
@stage_options
@_batch_argument
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write the file.")
def export(stage: str, batch: str, out: Path) -> None:
    """Write the file that another person proposed. It is written once; if it is lost, give the batch up."""
    batches, by = _batches(stage)
    sent, raw = batches.export(batch, by, utc_now(), lambda rows: progress(rows, "opening"))
    hand_out(out, raw)
    show(_row(sent) | {"written": str(out)})


@example("registry import answer.csv")
@registry.command("import")
@stage_options
@file_argument
def import_answer(stage: str, file: bytes) -> None:
    """Read the office's answer and show what it says of how many; another person approves it.

    One row that was not sent, was changed or comes twice refuses the whole file. The file is not kept.
    """
    batches, by = _batches(stage)
    taken = batches.take_in(file, by, utc_now(), lambda rows: progress(rows, "comparing"))
    show(_row(taken) | {"next": "another person approves it: gelombang registry approve FILE"})


@example("registry approve answer.csv")
@registry.command()
@stage_options
@file_argument
@yes_option
def approve(stage: str, file: bytes, yes: bool) -> None:
    """Apply the answer that another person imported: the same file. Broken off, it is finished by doing it again."""
    batches, by = _batches(stage)
    standing = batches.standing(file, by)
    ask_back(_row(standing), yes)
    kept = batches.approve(file, by, utc_now(), lambda rows: progress(rows, "applying"))
    show({"batch": standing.id, "done": "applied", "found": kept})


@example(f"registry give-up {_BATCH} --reason 'the office lost the file'")
@registry.command("give-up")
@stage_options
@_batch_argument
@reason_option
def give_up(stage: str, batch: str, reason: str) -> None:
    """Give a batch up: its answer is refused from then on, and who waits comes into the next one."""
    batches, by = _batches(stage)
    show(_row(batches.give_up(batch, by, reason, utc_now())))


@example("registry list")
@registry.command("list")
@stage_options
def list_batches(stage: str) -> None:
    """List every batch, newest first: how far it is, its sums, and who did what."""
    show([_row(batch) for batch in _batches(stage)[0].all()], "no batch was ever proposed")


def _batches(stage: str) -> tuple[Batches, str]:
    """The batches of a stage, and who acts."""
    loaded = stages.load(stage)
    if not loaded.settings.has_registry:
        raise click.ClickException(f"stage {stage} has no civil registry: deploy it with --parameter RegistryUrl=files")
    return loaded.services.registry_batches, stages.acting(loaded)


def _row(batch: Batch) -> dict[str, object]:
    return {
        "batch": batch.id,
        "state": batch.state,
        "rows": batch.rows,
        "sha256": batch.sha256,
        "reason": batch.reason,
        "proposed_at": batch.made_at,
        "by": batch.maker,
        "written_by": batch.sent_by,
        "answer_sha256": batch.answer_sha256,
        "imported_by": batch.answered_by,
        "found": batch.found,
        "decided_at": batch.decided_at,
        "decided_by": batch.decided_by,
    }
