"""`gelombang grievance`: what people complain of and appeal against, and the answers. Times are shown in WIB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TextIO

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from chalicelib import typed_text
from chalicelib.clock import utc_now, wib_date
from chalicelib.helpdesk.rules import (
    About,
    AboutDisbursement,
    AboutSelection,
    Grievance,
    GrievanceAct,
    GrievanceState,
    SelectionEvidence,
)
from chalicelib.helpdesk.service import Helpdesk, OpenedGrievance
from chalicelib.helpdesk.store import ALL_SHARDS

from ..deployment import stages
from ..terminal import SaysWhy, plain, progress, stage_option, table, wib

WORDS_MAX = 4000
"""Characters of an answer or a note."""

_PIPED_WIDTH = 160
"""Columns where the output is no terminal, so that nothing is cut off."""

_SHOWN_AT = "%a %d %b %Y %H:%M WIB"

_STYLES = {GrievanceState.OPEN: "", GrievanceState.ESCALATED: "yellow", GrievanceState.ANSWERED: "green"}


def _number(_ctx: click.Context, _param: click.Parameter, given: str) -> str:
    letters = typed_text.compact(given).lower()
    if re.fullmatch("[a-z2-7]{16}", letters) is None:
        raise click.BadParameter("a grievance's number is 16 letters and digits, such as k7qx-2m4a-abcd-23yz")
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def _words(words: str) -> str:
    if not 0 < len(words.strip()) <= WORDS_MAX:
        raise click.UsageError(f"an answer or a note has 1 to {WORDS_MAX} characters, not all blank")
    return words.strip()


_number_argument = click.argument("number", callback=_number)


@click.group(cls=SaysWhy)
def grievance() -> None:
    """Complaints and appeals. Their words are personal data: read them on the screen, keep no copy."""


@grievance.command("list")
@stage_option
@click.option("--overdue", is_flag=True, help="Only what should have been answered by now.")
@click.option("--state", type=click.Choice([GrievanceState.OPEN, GrievanceState.ESCALATED], case_sensitive=False))
def list_grievances(stage: str, overdue: bool, state: str | None) -> None:
    """List what waits for an answer, the nearest deadline first."""
    now = utc_now()
    found = [
        each
        for each in _unanswered(stages.load(stage).services.helpdesk)
        if (state is None or each.state == state) and (each.overdue(now) or not overdue)
    ]
    if not found:
        click.echo("nothing waits for an answer" if state is None and not overdue else "none")
        return
    columns, wraps = ("number", "state", "about", "category", "answer by"), ("about", "category")
    listed = table(*columns, "left", left=columns, wraps=wraps)
    for each in found:
        state_text = Text(each.state.value, _STYLES[each.state])
        day, left = _due(each, now)
        category = each.category.value.replace("_", " ")  # so that it wraps where a word ends
        listed.add_row(each.number, state_text, _subject(each.about), category, f"{day:%a %d %b}", left)
    console = _console()
    console.print(listed)
    late = sum(each.overdue(now) for each in found)
    console.print(f"{len(found)} unanswered, {late} overdue", style="red" if late else "")


@grievance.command()
@stage_option
@_number_argument
def show(stage: str, number: str) -> None:
    """Show one grievance: what was said, the evidence it was given, what was done and by whom."""
    opened = stages.load(stage).services.helpdesk.show(number)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(opened, utc_now()):
        grid.add_row(name, value)
    _console().print(grid)


@grievance.command()
@stage_option
@_number_argument
@click.option("--text", help="The answer, as the person will read it.")
@click.option("--file", type=click.File(encoding="utf-8"), help="Or a file with it; - is the standard input.")
def answer(stage: str, number: str, text: str | None, file: TextIO | None) -> None:
    """Answer a grievance, once and for good; who answers is recorded. The same answer again changes nothing."""
    if (text is None) == (file is None):
        raise click.UsageError("give the answer with --text or with --file")
    words = _words(file.read() if file is not None else text or "")
    new = stages.load(stage).services.helpdesk.answer(number, words, stages.caller(), utc_now())
    click.echo(f"{number} answered" if new else f"{number} had this answer before")


@grievance.command()
@stage_option
@_number_argument
@click.option("--note", required=True, help="For colleagues: why, and to whom. The person never sees it.")
def escalate(stage: str, number: str, note: str) -> None:
    """Hand a grievance on to somebody who may decide more. The deadline stays."""
    new = stages.load(stage).services.helpdesk.escalate(number, _words(note), stages.caller(), utc_now())
    click.echo(f"{number} escalated" if new else f"{number} was escalated with this note before")


def _unanswered(helpdesk: Helpdesk) -> list[Grievance]:
    shards = progress(ALL_SHARDS, "reading", len(ALL_SHARDS))
    found = [each for shard in shards for each in helpdesk.unanswered(shard)]
    return sorted(found, key=lambda each: (each.deadline_at, each.number))


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def _subject(about: About) -> str:
    match about:
        case AboutSelection(wave=wave):
            return f"selection {wave}"
        case AboutDisbursement():
            return "disbursement"
        case _:
            return "registration"


def _due(each: Grievance, now: datetime) -> tuple[date, Text]:
    """The last day on which an answer is in time, and how far off that is."""
    day = wib_date(each.deadline_at - timedelta(microseconds=1))
    left = (day - wib_date(now)).days
    if each.overdue(now):
        return day, Text(f"{-left} d late", "bold red")
    return day, Text(f"{left} d" if left else "today", "yellow" if left <= 1 else "")


def _facts(opened: OpenedGrievance, now: datetime) -> Iterator[tuple[str, RenderableType]]:
    each = opened.grievance
    day, left = _due(each, now)
    yield "number", each.number
    yield "state", Text(each.state.value, _STYLES[each.state])
    yield "about", _subject(each.about)
    if isinstance(each.about, AboutDisbursement):
        yield "payout", each.about.payout_id
    yield "category", each.category.value
    yield "person", each.registrant_id
    yield "filed", wib(each.filed_at, _SHOWN_AT)
    yield "answer by", Text(f"{day:%a %d %b %Y}") if each.answer else Text.assemble(f"{day:%a %d %b %Y}, ", left)
    yield "text", _shown(opened.text)
    if each.evidence:
        yield from _evidence(each.evidence)
    if each.escalation:
        yield "escalated", _done(each.escalation)
        yield "note", _shown(opened.note or "")
    if each.answer:
        yield "answered", _done(each.answer)
        yield "answer", _shown(opened.answer or "")


def _evidence(evidence: SelectionEvidence) -> Iterator[tuple[str, RenderableType]]:
    place = Text("NOT IN THE LIST", "bold red") if evidence.position is None else f"{evidence.position:,}"
    reason = f" ({evidence.reason})" if evidence.reason else ""
    within = f"the {evidence.within}" if evidence.within else "no"
    yield "verdict", f"{evidence.verdict}{reason}, within {within} cut-off"
    if evidence.family_card_holders is not None:
        yield "family card", f"held by {evidence.family_card_holders}: gelombang registration show names them"
    yield "leaf", evidence.leaf
    yield "place", Text.assemble(place, f" of {evidence.entries:,} in region {evidence.region}")
    if evidence.rank:
        yield "rank", evidence.rank
        yield "  cut-off", evidence.rank_cutoff or "-"
    yield "open", evidence.open
    yield "  cut-off", evidence.open_cutoff or "-"
    yield "list", evidence.list_url


def _done(deed: GrievanceAct) -> str:
    return f"{wib(deed.at, _SHOWN_AT)} by {deed.by}"


def _shown(words: str) -> Text:
    return Text("\n".join(map(plain, words.split("\n"))))
