"""`gelombang`: the one entry point of the command line."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import click
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from chalicelib.config import BadConfiguration
from chalicelib.errors import DomainError
from chalicelib.logs import extras
from chalicelib.web import problems
from local.sandbox.inbox import inbox

from . import client
from .commands import (
    administered,
    programme,
    stage,
)
from .commands.draws import draw, verify, watch
from .commands.payouts import books, payout
from .deployment.stacks import DeployFailed
from .options import asked_for
from .rows import in_wib, plain

WHAT_TO_DO = {
    "bad_wave_plan": (
        "times: it opens before it closes; reserved: at most the quota, with a --weight for each region; "
        "halted: it would open in a pause or after the end; no_pause: none is set for then",
    ),
    "unknown_wave": ("`gelombang wave list` shows those there are",),
    "unknown_entitlement": ("`gelombang payout list` shows those there are",),
    "unknown_grievance": ("`gelombang grievance list` shows those that wait",),
    "unknown_exclusion_list": ("`gelombang exclusion list` shows those there are",),
    "unknown_bank_file": ("`gelombang payout export list` shows those there are",),
    "not_registered": ("the id of a person is in `gelombang grievance show`; `gelombang person find` finds it",),
    "not_found": ("`gelombang person find` finds an account; `gelombang partner list` shows the partners there are",),
    "no_correction": ("`gelombang registration show` has what was proposed and decided",),
    "no_recovery": ("`gelombang account recover propose` begins one",),
    "wave_close_too_near": ("add a wave: `gelombang wave add`",),
    "wave_not_open": ("`gelombang wave list` shows how it is; one that opens later is moved: `gelombang wave move`",),
    "calendar_change_too_late": ("change a later wave, or add one: `gelombang wave add`",),
    "wave_not_drawn": ("`gelombang draw watch` shows how far it is",),
    "wave_not_frozen_yet": ("`gelombang wave show` has when it closes",),
    "payout_no_proposal": ("`gelombang payout show` has what was proposed and decided",),
    "payout_not_now": (
        "hold, cancel: no attempt alive; resolve: SENDING or in doubt",
        "reverse: PAID; retry: FAILED, CANCELLED, REVERSED or WRITTEN_OFF; write-off: WRITTEN_OFF",
        "release: HELD by an administrator",
    ),
    "unknown_registry_batch": ("`gelombang registry list` shows those there are",),
    "registry_batch_stands": ("finish it, or give it up: `gelombang registry give-up`",),
    "registry_batch_moved": ("`gelombang registry list` shows how far each is",),
    "malformed_registry_file": ("line 1 is the control line, line 2 names the columns (docs/registration.md)",),
    "malformed_exclusion_list": ("line 1 names the columns, one of them nik; each NIK has 16 digits",),
    "malformed_catalogue": ("`gelombang course import --help` has the columns",),
    "malformed_history": ("`gelombang wave import-history --help` has the columns",),
    "payout_ceiling_changed": ("read it again: `gelombang payout ceiling show`",),
}
"""After the sentence of a refusal, by its code: which command helps."""


FOR_OTHERS = {
    "not_registered": "Nobody with this account has registered.",
    "not_found": "There is nothing of this id.",
}
"""Instead of a sentence that speaks to the person themselves, by its code."""


def told(error: DomainError, asked: Mapping[str, object] | None = None) -> str:
    """A refusal as a sentence with its stable code, and what to do where a command helps.

    Where a command helps and the refusal itself names nothing, it names what was `asked` for.
    """
    if isinstance(error, BadConfiguration):
        return str(error.facts["reason"])  # for the operator, whom the public text tells nothing
    facts = {name: problems.facts(error, "en")[name] for name in error.facts}
    return sentence(error.code, problems.plainly(error, "en"), facts, asked or {})


def sentence(code: str, detail: str, facts: Mapping[str, object], asked: Mapping[str, object]) -> str:
    """As `told`, of what a refusal's problem document has."""
    detail = FOR_OTHERS.get(code) or detail
    told = asked if not facts and code in WHAT_TO_DO else facts
    unsaid = [f"{name}={plain(str(value))}" for name, value in told.items() if str(value) not in detail]
    return "; ".join([f"{in_wib(detail)} ({' '.join([code, *unsaid])})", *WHAT_TO_DO.get(code, ())])


class Said(logging.Handler):
    """Warnings of the domains with their facts, beside the result; a function would log them."""

    def emit(self, record: logging.LogRecord) -> None:
        facts = "".join(f" {name}={plain(str(value))}" for name, value in extras(record).items())
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}{facts}", err=True)


logging.lastResort = Said(logging.WARNING)


_OF_EVERY_PROBLEM = {"type", "title", "status", "detail", "code", "label", "errors"}


class _Group(click.Group):
    """Whatever is refused is one sentence and exit code 1, never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            raise click.ClickException(told(error, asked_for(ctx))) from error
        except client.Refused as refused:
            problem = refused.problem
            facts = {name: value for name, value in problem.items() if name not in _OF_EVERY_PROBLEM}
            raise click.ClickException(sentence(problem["code"], problem["detail"], facts, asked_for(ctx))) from refused
        except (NoCredentialsError, NoRegionError) as error:
            raise click.ClickException(
                f"{error}: set AWS_PROFILE and AWS_DEFAULT_REGION; `make serve` prints those of the local cloud"
            ) from error
        except (DeployFailed, BotoCoreError, ClientError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gelombang")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Run a benefit programme: deploy it, steer its waves, check its draws.

    Times are shown in WIB. An instant is given with its time zone, such as 2026-11-27T12:00:00+07:00.
    GELOMBANG_STAGE names the stage where --stage is not given; --json prints what a command shows for programs. A
    refusal is a sentence on the standard error, with exit code 1; a command that was not written right has 2.
    """
    ctx.obj = client.run  # what runs the commands of a stage's administration


for group in (
    stage.deploy,
    stage.destroy,
    programme.programme,
    *administered.GROUPS,
    inbox,
):
    main.add_command(group)
for group, commands in {
    draw.draw: (verify.verify_command, *watch.AT_TERMINAL),
    draw.witness: verify.WITNESS,
    payout.payout: books.COMMANDS,
}.items():
    for command in commands:
        group.add_command(command)
