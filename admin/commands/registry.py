"""`gelombang registry`: batches of questions to a civil registry's office that takes files. They are personal data."""

from __future__ import annotations

import click

from chalicelib.civil_registry.batches import ROWS_MAX, Batch, Batches
from chalicelib.clock import utc_now
from chalicelib.config import Settings

from ..desk import AUDITOR, CHECKER, MAKER, Administered, Desk
from ..options import example, reason_option

batch_argument = click.argument("batch")
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
    check_registry(desk.stage, desk.services.settings)
    return desk.services.registry_batches


def check_registry(stage: str, settings: Settings) -> None:
    """Raises `ClickException` if a stage has no civil registry."""
    if not settings.has_registry:
        raise click.ClickException(f"stage {stage} has no civil registry: deploy it with --parameter RegistryUrl=files")


def batch_row(batch: Batch) -> dict[str, object]:
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
