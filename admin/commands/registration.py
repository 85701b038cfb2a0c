"""`gelombang registration`: what two administrators correct of a registration. It shows personal data.

And `gelombang exclusion`: who may not take part, as the authorities' lists say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime

import click
import msgspec

from chalicelib import spreadsheets
from chalicelib.clock import utc_now, wib_date
from chalicelib.payouts.rules import State
from chalicelib.registration.corrections.errors import NoCorrection
from chalicelib.registration.corrections.service import Correction
from chalicelib.registration.errors import NotRegistered
from chalicelib.registration.exclusions.files import read_niks
from chalicelib.registration.exclusions.service import ExclusionList
from chalicelib.registration.store import SHARDS
from chalicelib.registration.wire import CorrectionForm
from chalicelib.waves.rules import BeneficiaryState

from ..desk import (
    ABOUT_PEOPLE,
    AUDITOR,
    CHECKER,
    EVERYONE,
    MAKER,
    OPERATOR,
    Administered,
    Attached,
    Desk,
    file_argument,
)
from ..options import example, look_reason, reason_option, yes_option
from ..rows import Row, act_row

_person_argument = click.argument("registrant_id")
_PERSON = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11"


@click.group()
def registration() -> None:
    """Registrations. What is shown is personal data: read it on the screen, keep no copy."""


@example(f"registration show {_PERSON} --reason 'asked to be corrected'")
@registration.command("show", cls=Administered, sets=ABOUT_PEOPLE)
@_person_argument
@look_reason
def show_registration(desk: Desk, registrant_id: str) -> None:
    """Show how a person stands, who holds their family card, and every correction with who, when and why."""
    services = desk.services
    registrant = services.registrations.registrant(registrant_id)
    holders = services.waves.beneficiaries.holders(registrant.kk_mac)
    for other in holders:
        desk.looks_at(other)
    standing = services.corrections.standing(registrant_id)
    decided = [
        {
            "at": decision.at,
            "outcome": decision.outcome,
            "proposed_by": decision.maker,
            "by": decision.by,
            "reason": decision.reason,
            "changes": _changes(changes),
        }
        for decision, changes in services.corrections.history(registrant_id)
    ]
    desk.show(
        {
            "registrant": registrant_id,
            "standing": registrant.standing,
            "verification": registrant.verification,
            "school": registrant.school,
            "undecided": registrant.undecided,
            "undecided_at": registrant.undecided_at,
            "registered_at": registrant.registered_at,
            "family_card_held_by": holders,
            "corrections": decided,
            "proposed": [_proposed(standing)] if standing else [],
        }
    )


@example(f"registration correct {_PERSON} --file new.json --reason 'court decision 12/2026'")
@registration.command(cls=Administered, sets=(MAKER,))
@_person_argument
@click.option(
    "--file",
    type=Attached(),
    required=True,
    help="JSON with what is to change of name, birth_date, employment, kk, nik, presence; - is the standard input.",
)
@reason_option
def correct(desk: Desk, registrant_id: str, file: bytes, reason: str) -> None:
    """Propose other values for what a person cannot change any more; another person approves them."""
    try:
        form = msgspec.json.decode(file, type=CorrectionForm)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Without its cause, which would quote the file.
        raise click.UsageError("the file is no JSON object of name, birth_date, employment, kk, nik") from None
    corrections = desk.services.corrections
    proposed = corrections.propose(registrant_id, form, desk.caller, reason, utc_now())
    next_ = f"another person approves it: gelombang registration approve --stage {desk.stage} {registrant_id}"
    desk.show({"registrant": registrant_id} | _proposed(proposed) | {"next": next_})


@example(f"registration approve {_PERSON}")
@registration.command(cls=Administered, sets=(CHECKER,))
@_person_argument
@yes_option
def approve(desk: Desk, registrant_id: str) -> None:
    """Carry out what another person proposed, after it was shown."""
    corrections = desk.services.corrections
    standing = corrections.standing(registrant_id)
    if standing is None:
        raise NoCorrection()
    desk.ask_back(_proposed(standing))
    corrections.approve(registrant_id, desk.caller, utc_now(), standing.proposal)
    desk.show({"registrant": registrant_id, "done": "corrected", "changes": _changes(standing.changes)})


@example(f"registration reject {_PERSON} --reason 'no document was shown'")
@registration.command(cls=Administered, sets=(MAKER, CHECKER))
@_person_argument
@reason_option
def reject(desk: Desk, registrant_id: str, reason: str) -> None:
    """Take a proposal away, one's own or another's. It stays in the history."""
    desk.services.corrections.reject(registrant_id, desk.caller, reason, utc_now())
    desk.show({"registrant": registrant_id, "done": "the proposal was taken away"})


@example("registration enlist")
@registration.command(cls=Administered, sets=(OPERATOR,))
def enlist(desk: Desk) -> None:
    """Have the civil registry asked about everybody who registered before the stage had one.

    The sweep asks at the registry's rate, so it may take hours. It can be ended at any time and begun again.
    """
    services, now = desk.services, utc_now()
    if not services.settings.has_registry:
        raise click.ClickException(
            f"stage {desk.stage} has no civil registry: deploy it with --parameter RegistryUrl=..."
        )

    def page(shard: int, after: str) -> str:
        found, after = services.verifications.enlist(shard, after, now)
        desk.counts["people"] += found
        return after

    desk.pages(SHARDS, page)
    desk.show({"to_be_asked_about": desk.counts["people"]})


@example("registration undecided --reason 'to take them to the registry'")
@registration.command(cls=Administered, sets=ABOUT_PEOPLE)
@click.option("--limit", type=click.IntRange(1, 200), default=100, show_default=True, help="At most so many people.")
@look_reason
def undecided(desk: Desk, limit: int) -> None:
    """List people about whom the civil registry's answer decides nothing: why, and since when."""
    people, shown = desk.services.registrations, list[Row]()
    for registrant_id in desk.services.verifications.undecided(limit):
        with suppress(NotRegistered):
            who = people.registrant(registrant_id)
            desk.looks_at(who.id)
            shown.append({"registrant": who.id, "undecided": who.undecided, "undecided_at": who.undecided_at})
    desk.show(shown)


def _proposed(correction: Correction) -> dict[str, object]:
    made = correction.proposal
    signed = {"proposed_at": made.made_at, "by": made.maker, "reason": made.reason}
    return signed | {"changes": _changes(correction.changes)}


def _changes(changes: Mapping[str, tuple[str, str]]) -> Row:
    return {field: f"{was} -> {to_be}" for field, (was, to_be) in changes.items()}


list_option = click.option("--list", "name", required=True, help="The list's name, such as civil-servants.")
version_option = click.option("--version", required=True, help="The list's version.")


@click.group()
def exclusion() -> None:
    """Lists of people whose office excludes them. Who did what, when and why is kept."""


@example("exclusion import list.csv --list civil-servants --version 2026-11 --reason 'letter 12'")
@exclusion.command("import", cls=Administered, sets=(MAKER,))
@list_option
@click.option("--version", help="The list's version; without it its date.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day the list is true for; without it today."
)
@file_argument
@reason_option
@yes_option
def import_list(desk: Desk, name: str, version: str | None, day: datetime | None, file: bytes, reason: str) -> None:
    """Import FILE, a CSV in UTF-8 with a column `nik`, after it was shown how many of its people are registered, hold a
    place and wait for money.

    One wrong line refuses all of it; lines are named, NIKs never. So does what a spreadsheet has spoiled: numbers that
    lost digits or have an exponent. An import that broke off is finished by doing it again. A file of more than 5.5 MB
    when it is compressed is split, each part with its heading. The file is not kept: delete it yourself.
    """
    today = desk.counts.setdefault("day", wib_date(utc_now()).toordinal())  # midnight may come before the last step
    source_date = day.date() if day else date.fromordinal(today)
    source = ExclusionList(name, version or source_date.isoformat(), source_date)
    niks = read_niks(spreadsheets.lines(file))
    lists = desk.services.exclusion_lists
    act: Row = {"list": name, "version": source.version, "date": source_date, "niks": len(niks)}
    desk.ask_before(
        {**act, "sha256": hashlib.sha256(file).hexdigest()}, lambda: {**act, **_effects(desk, source, niks)}
    )
    lines = spreadsheets.lines(file)
    imported = lists.import_list(source, lines, desk.caller, reason, utc_now, desk.steps)
    desk.show({"list": name, "version": source.version, "date": source_date, "niks_excluded": imported})


def _effects(desk: Desk, source: ExclusionList, niks: Sequence[str]) -> Row:
    """On how many people an import would have an effect. Raises `ExclusionListRetracted`."""
    services = desk.services
    services.exclusion_lists.check_not_retracted(source)
    for part in desk.steps(services.exclusion_lists.parts(niks)):
        _count(desk, services.exclusion_lists.registered(niks, part))
    return {name: desk.counts[name] for name in _COUNTED}


def _count(desk: Desk, registered: Sequence[str]) -> None:
    """Count how many people are registered, hold a place and wait for money."""
    places = desk.services.waves.beneficiaries.of_many(registered)
    money = desk.services.payouts.of_many(places).values()
    desk.counts["registered"] += len(registered)
    desk.counts["hold_a_place"] += sum(one.state not in _LOST for one in places)
    desk.counts["wait_for_money"] += sum(any(one.state not in _OVER for one in each) for each in money)


_COUNTED = ("registered", "hold_a_place", "wait_for_money")
_LOST = {BeneficiaryState.REVOKED, BeneficiaryState.LAPSED}
_OVER = {State.PAID, State.CANCELLED, State.REVERSED}


@example("exclusion list")
@exclusion.command("list", cls=Administered, sets=EVERYONE)
def list_lists(desk: Desk) -> None:
    """List every version of every list, with what was done to it last; IMPORT or RETRACT alone broke off.

    PROPOSE: another person is to approve its retraction. REJECT: that was taken away.
    """
    lists = desk.services.exclusion_lists.all()
    desk.show([act_row(act) for act in lists.values()], "no list was ever imported")


@example("exclusion show --list civil-servants --version 2026-11")
@exclusion.command("show", cls=Administered, sets=(MAKER, CHECKER, AUDITOR))
@list_option
@version_option
def show_list(desk: Desk, name: str, version: str) -> None:
    """Show all that was done to a version of a list, newest first: by whom, when and why."""
    acts = desk.services.exclusion_lists.acts(name, version)
    desk.show([act_row(act) for act in acts])


@example("exclusion retract --list civil-servants --version 2026-11 --reason 'an old list was sent'")
@exclusion.command(cls=Administered, sets=(MAKER,))
@list_option
@version_option
@reason_option
def retract(desk: Desk, name: str, version: str, reason: str) -> None:
    """Propose to take a version of a list back, for good; another person approves it, and sees what it changes."""
    desk.services.exclusion_lists.propose(name, version, desk.caller, reason, utc_now())
    next_ = f"another person approves it: gelombang exclusion approve --stage {desk.stage} --list {name}"
    desk.show({"list": name, "version": version, "next": f"{next_} --version {version}"})


@example("exclusion approve --list civil-servants --version 2026-11")
@exclusion.command("approve", cls=Administered, sets=(CHECKER,))
@list_option
@version_option
@yes_option
def approve_retraction(desk: Desk, name: str, version: str) -> None:
    """Retract a version of a list, as another person proposed, after it was shown whom that frees: how many of them are
    registered, hold a place and wait for money. Who is on another list, or on another version, stays excluded.

    It reads the whole table twice: minutes for millions of people. Broken off, it is finished by doing it again.
    """
    lists = desk.services.exclusion_lists
    proposed = lists.proposed(name, version)
    why = {"proposed_at": proposed.at, "by": proposed.by, "reason": proposed.note}
    act: Row = {"list": name, "version": version, **why}
    desk.ask_before(act, lambda: {**act, **_freed(desk, name, version)})
    freed = lists.retract(name, version, desk.caller, utc_now, desk.steps, desk.counts)
    desk.show({"list": name, "version": version, "niks_no_longer_named": freed})


@example("exclusion reject --list civil-servants --version 2026-11 --reason 'the list is right'")
@exclusion.command("reject", cls=Administered, sets=(MAKER, CHECKER))
@list_option
@version_option
@reason_option
def reject_retraction(desk: Desk, name: str, version: str, reason: str) -> None:
    """Take the proposal to retract a version of a list away, one's own or another's."""
    desk.services.exclusion_lists.reject(name, version, desk.caller, reason, utc_now())
    desk.show({"list": name, "version": version, "done": "the proposal was taken away"})


def _freed(desk: Desk, name: str, version: str) -> Row:
    for registered in desk.services.exclusion_lists.freed(name, version, desk.steps):
        _count(desk, registered)
    return {each: desk.counts[each] for each in _COUNTED}
