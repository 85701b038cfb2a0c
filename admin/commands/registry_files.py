"""`gelombang registry export`, `import` and `approve`: the files of a batch, for as long as a million rows take."""

from __future__ import annotations

from pathlib import Path

import click

from chalicelib.civil_registry.batches import Batches
from chalicelib.clock import utc_now

from ..deployment import stages
from ..desk import file_argument
from ..options import example, stage_options, yes_option
from ..terminal import ask_back, hand_out, progress, show
from .registry import BATCH, batch_argument, batch_row, check_registry


@example(f"registry export {BATCH} --out batch.csv")
@click.command()
@stage_options
@batch_argument
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write the file.")
def export(stage: str, batch: str, out: Path) -> None:
    """Write the file that another person proposed. It is written once; if it is lost, give the batch up."""
    batches, by = _batches(stage)
    sent, raw = batches.export(batch, by, utc_now(), lambda rows: progress(rows, "opening"))
    hand_out(out, raw)
    show(batch_row(sent) | {"written": str(out)})


@example("registry import answer.csv")
@click.command("import")
@stage_options
@file_argument
def import_answer(stage: str, file: bytes) -> None:
    """Read the office's answer and show what it says of how many; another person approves it.

    One row that was not sent, was changed or comes twice refuses the whole file. The file is not kept.
    """
    batches, by = _batches(stage)
    taken = batches.take_in(file, by, utc_now(), lambda rows: progress(rows, "comparing"))
    show(batch_row(taken) | {"next": "another person approves it: gelombang registry approve FILE"})


@example("registry approve answer.csv")
@click.command()
@stage_options
@file_argument
@yes_option
def approve(stage: str, file: bytes, yes: bool) -> None:
    """Apply the answer that another person imported: the same file. Broken off, it is finished by doing it again."""
    batches, by = _batches(stage)
    standing = batches.standing(file, by)
    ask_back(batch_row(standing), yes)
    kept = batches.approve(file, by, utc_now(), lambda rows: progress(rows, "applying"))
    show({"batch": standing.id, "done": "applied", "found": kept})


def _batches(stage: str) -> tuple[Batches, str]:
    """The batches of a stage, and who acts."""
    loaded = stages.load(stage)
    check_registry(stage, loaded.settings)
    return loaded.services.registry_batches, stages.acting(loaded)


COMMANDS: tuple[click.Command, ...] = (export, import_answer, approve)
