"""`gelombang grievance`: what people complain of and appeal against, and the answers."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import click

from chalicelib import typed_text
from chalicelib.clock import iso, utc_now, wib_date
from chalicelib.helpdesk.rules import (
    About,
    AboutDisbursement,
    AboutSelection,
    Grievance,
    GrievanceState,
    SelectionEvidence,
)
from chalicelib.helpdesk.service import Helpdesk, OpenedGrievance
from chalicelib.helpdesk.store import ALL_SHARDS
from chalicelib.wiring import Services

from ..desk import ABOUT_PEOPLE, HELPDESK, Administered, Attached, Desk
from ..options import example, look_reason
from ..rows import Marked, Row, plain

WORDS_MAX = 4000
"""Characters of an answer or a note."""

_STYLES = {GrievanceState.OPEN: "", GrievanceState.ESCALATED: "yellow", GrievanceState.ANSWERED: "green"}


def _number(_ctx: click.Context, _param: click.Parameter, given: str) -> str:
    letters = typed_text.compact(given).lower()
    if re.fullmatch("[a-z2-7]{16}", letters) is None:
        raise click.BadParameter(
            f"{plain(given)!r} is none: a grievance's number is 16 letters and digits, such as k7qx-2m4a-abcd-23yz"
        )
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def _words(words: str) -> str:
    if not 0 < len(words.strip()) <= WORDS_MAX:
        raise click.UsageError(f"it has {len(words.strip())} characters; an answer or a note has 1 to {WORDS_MAX}")
    return words.strip()


def _decoded(file: bytes) -> str:
    try:
        return file.decode()
    except UnicodeDecodeError:
        raise click.UsageError("the file is no text in UTF-8") from None


def _whose(services: Services, arguments: Mapping[str, Any]) -> str:
    return services.helpdesk.filed_by(arguments["number"])


_number_argument = click.argument("number", callback=_number)


@click.group()
def grievance() -> None:
    """Complaints and appeals. Their words are personal data: read them on the screen, keep no copy."""


@example("grievance list --overdue")
@grievance.command("list", cls=Administered, sets=ABOUT_PEOPLE)
@click.option("--overdue", is_flag=True, help="Only what should have been answered by now.")
@click.option("--state", type=click.Choice([GrievanceState.OPEN, GrievanceState.ESCALATED], case_sensitive=False))
def list_grievances(desk: Desk, overdue: bool, state: str | None) -> None:
    """List what waits for an answer, the nearest deadline first."""
    now = utc_now()
    for deadline, due in groupby(_unanswered(desk.services.helpdesk, desk.cursor), lambda each: iso(each.deadline_at)):
        if deadline != desk.cursor and desk.counts["read"]:
            desk.go_on(deadline)
        desk.counts["read"] += 1
        for each in sorted(due, key=lambda each: each.number):
            if (state is None or each.state == state) and (each.overdue(now) or not overdue):
                desk.counts += Counter(unanswered=1, overdue=int(each.overdue(now)))
                desk.rows.append(_listed(each, now))
    counted = {name: desk.counts[name] for name in ("unanswered", "overdue")}
    desk.show({**counted, "grievances": desk.rows}, into="grievances")


def _listed(each: Grievance, now: datetime) -> Row:
    day, left = _due(each, now)
    return {
        "number": each.number,
        "state": Marked(each.state.value, _STYLES[each.state]),
        "about": _subject(each.about),
        "category": each.category,
        "answer_by": day,
        "left": left,
    }


@example("grievance show k7qx-2m4a-abcd-23yz --reason 'to answer it'")
@grievance.command("show", cls=Administered, sets=ABOUT_PEOPLE, whose=_whose)
@_number_argument
@look_reason
def show_grievance(desk: Desk, number: str) -> None:
    """Show one grievance: what was said, the evidence it was given, what was done and by whom."""
    desk.show(_facts(desk.services.helpdesk.show(number), utc_now()))


@example("grievance answer k7qx-2m4a-abcd-23yz --file answer.txt")
@grievance.command(cls=Administered, sets=(HELPDESK,), whose=_whose)
@_number_argument
@click.option("--text", help="The answer, as the person will read it.")
@click.option("--file", type=Attached(), help="Or a file with it; - is the standard input.")
def answer(desk: Desk, number: str, text: str | None, file: bytes | None) -> None:
    """Answer a grievance, once and for good; who answers is recorded. The same answer again changes nothing."""
    if (text is None) == (file is None):
        raise click.UsageError("give the answer with --text or with --file")
    words = _words(_decoded(file) if file is not None else text or "")
    new = desk.services.helpdesk.answer(number, words, desk.caller, utc_now())
    desk.show({"number": number, "done": "answered" if new else "it had this answer before"})


@example("grievance escalate k7qx-2m4a-abcd-23yz --note 'for the legal office'")
@grievance.command(cls=Administered, sets=(HELPDESK,), whose=_whose)
@_number_argument
@click.option("--note", required=True, help="For colleagues: why, and to whom. The person never sees it.")
def escalate(desk: Desk, number: str, note: str) -> None:
    """Hand a grievance on to somebody who may decide more. The deadline stays."""
    new = desk.services.helpdesk.escalate(number, _words(note), desk.caller, utc_now())
    desk.show({"number": number, "done": "escalated" if new else "it was escalated with this note before"})


def _unanswered(helpdesk: Helpdesk, since: str) -> Iterator[Grievance]:
    return heapq.merge(*(helpdesk.unanswered(one, since) for one in ALL_SHARDS), key=lambda each: each.deadline_at)


def _subject(about: About) -> str:
    match about:
        case AboutSelection(wave=wave):
            return f"selection {wave}"
        case AboutDisbursement():
            return "disbursement"
        case _:
            return "registration"


def _due(each: Grievance, now: datetime) -> tuple[date, Marked]:
    """The last day on which an answer is in time, and how far off that is."""
    day = wib_date(each.deadline_at - timedelta(microseconds=1))
    left = (day - wib_date(now)).days
    if each.overdue(now):
        return day, Marked(f"{-left} d late", "bold red")
    return day, Marked(f"{left} d" if left else "today", "yellow" if left <= 1 else "")


def _facts(opened: OpenedGrievance, now: datetime) -> Row:
    each = opened.grievance
    day, left = _due(each, now)
    facts: dict[str, object] = {
        "number": each.number,
        "state": Marked(each.state.value, _STYLES[each.state]),
        "about": _subject(each.about),
    }
    if isinstance(each.about, AboutDisbursement):
        facts["payout"] = each.about.payout_id
    facts |= {
        "category": each.category,
        "person": each.registrant_id,
        "filed_at": each.filed_at,
        "answer_by": day,
        "left": None if each.answer else left,
        "text": opened.text,
    }
    if each.evidence:
        facts |= _evidence(each.evidence)
    for name, done, words in (("escalated", each.escalation, opened.note), ("answered", each.answer, opened.answer)):
        if done:
            facts |= {f"{name}_at": done.at, f"{name}_by": done.by, f"{name}_with": words or ""}
    return facts


def _evidence(evidence: SelectionEvidence) -> Row:
    reason = f" ({evidence.reason})" if evidence.reason else ""
    within = f"the {evidence.within}" if evidence.within else "no"
    return {
        "verdict": f"{evidence.verdict}{reason}, within {within} cut-off",
        "holders_of_the_family_card": evidence.family_card_holders,
        "leaf": evidence.leaf,
        "place_in_the_list": Marked("NOT IN THE LIST", "bold red") if evidence.position is None else evidence.position,
        "entries_of_the_region": evidence.entries,
        "region": evidence.region,
        "rank": evidence.rank,
        "rank_cutoff": evidence.rank_cutoff,
        "open": evidence.open,
        "open_cutoff": evidence.open_cutoff,
        "list": evidence.list_url,
    }
