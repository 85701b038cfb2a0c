"""`gelombang course`: which courses may be bought, as two people decide. `gelombang partner`: who teaches them, and
which offices read people's cards.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from chalicelib import spreadsheets, typed_text
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import utc_now
from chalicelib.training.rules import Partner, PartnerKind

from ..desk import CHECKER, EVERYONE, MAKER, OPERATOR, Administered, Desk, file_argument
from ..options import example, reason_option, yes_option
from ..rows import act_row, plain


@click.group()
def course() -> None:
    """The catalogue of courses."""


@example("course import courses.csv --reason 'catalogue of November'")
@course.command("import", cls=Administered, sets=(MAKER,))
@file_argument
@reason_option
def import_file(desk: Desk, file: bytes, reason: str) -> None:
    """Propose to import FILE, a CSV in UTF-8; another person approves it. What it changes is shown.

    One wrong line refuses all of it; the wrong lines are named, each with its column. The columns are code, title,
    provider (a partner's id), price_idr, hours (whole, how long it takes at least), mode (online or offline), province
    (two digits, empty if online), skills (of the programme's list, separated by ;) and offered (yes or no). A course is
    known by provider and code: importing it again changes it, offered=no withdraws it. What was bought stays as it was
    bought. One import waits at a time: the next takes its place.
    """
    lines = spreadsheets.lines(file)
    changes = desk.services.courses.propose(lines, desk.caller, reason, utc_now())
    next_ = f"another person approves it: gelombang course approve --stage {desk.stage} FILE"
    desk.show(_changes(changes) | {"next": next_})


@example("course approve courses.csv")
@course.command(cls=Administered, sets=(CHECKER,))
@file_argument
@yes_option
def approve(desk: Desk, file: bytes) -> None:
    """Import FILE as another person proposed it, after what it changes was shown.

    An import that broke off is finished by approving it again.
    """
    courses = desk.services.courses
    lines = spreadsheets.lines(file)
    proposed, changes = courses.standing(lines)
    signed = {"proposed_at": proposed.made_at, "by": proposed.maker, "reason": proposed.note}
    desk.ask_back(signed | _changes(changes))
    desk.show({"courses_imported": courses.approve(lines, desk.caller, utc_now())})


@example("course reject --reason 'two prices are wrong'")
@course.command(cls=Administered, sets=(MAKER, CHECKER))
@reason_option
def reject(desk: Desk, reason: str) -> None:
    """Take the import that is proposed away, one's own or another's, unless an approval of it has begun."""
    taken = desk.services.courses.reject(desk.caller, reason, utc_now())
    desk.show({"done": "taken away", "proposed_at": taken.made_at, "by": taken.maker, "reason": taken.note})


@example("course history")
@course.command(cls=Administered, sets=EVERYONE)
def history(desk: Desk) -> None:
    """Show what was done to partners and the catalogue, newest first: by whom, when and why."""
    acts = desk.services.training_journal.all()
    desk.show([act_row(act) for act in acts], "nothing was ever done")


def _changes(changes: Sequence[str]) -> dict[str, object]:
    return {"changes": [{"change": line} for line in changes]}


@click.group()
def partner() -> None:
    """Training partners, offices that read cards, and their signing keys."""


@example("partner add 'Pelatihan Jaya' --reason 'contract 7/2026'")
@partner.command(cls=Administered, sets=(OPERATOR,))
@reason_option
@click.option("--office", is_flag=True, help="An office that reads people's cards, which may report that and no more.")
@click.argument("name")
def add(desk: Desk, name: str, office: bool, reason: str) -> None:
    """Add the partner NAME; its signing key is shown this once. If the answer is lost, revoke it and add another.

    An office's key is good for nothing until another person has approved the office.
    """
    known_as = typed_text.name(name)
    if known_as is None:
        raise click.BadParameter(
            f"{plain(name)!r} is no name of letters, at most {typed_text.NAME_MAX} characters, no emoji",
            param_hint="NAME",
        )
    kind: PartnerKind = "office" if office else "training"
    added, key = desk.services.partners.add(known_as, utc_now(), Signed(desk.caller, reason), kind)
    desk.made.append(added.id)
    waits = {"next": f"another person approves it: gelombang partner approve --stage {desk.stage} {added.id}"}
    shown = {"partner": added.id, "name": added.name, "kind": added.kind, "key": key}
    desk.show(shown | (waits if office else {}))


@example("partner approve k7qx2m4abcd23yzk7qx2m4abcd")
@partner.command("approve", cls=Administered, sets=(CHECKER,))
@click.argument("partner_id")
@yes_option
def approve_office(desk: Desk, partner_id: str) -> None:
    """Believe what an office reports from now on, which another person added: it proves whose a NIK is."""
    partners = desk.services.partners
    office = partners.office(partner_id)
    desk.ask_back(_row(office) | {"by": office.maker, "reason": office.note})
    partners.approve(partner_id, desk.caller, utc_now())
    desk.show(_row(partners.office(partner_id)))


@example("partner list")
@partner.command("list", cls=Administered, sets=EVERYONE)
def list_partners(desk: Desk) -> None:
    """List every partner, oldest first; then who added and revoked them, when and why."""
    services = desk.services
    partners = services.partners.all()
    about = {f"partner {known.id}" for known in partners}
    acts = [act_row(act) for act in services.training_journal.all() if act.about in about]
    desk.show({"partners": [_row(known) for known in partners], "acts": acts})


def _row(known: Partner) -> dict[str, object]:
    return {
        "partner": known.id,
        "name": known.name,
        "kind": known.kind,
        "state": "revoked" if known.revoked_at else "active" if known.may(known.kind) else "waits for approval",
        "added_at": known.created_at,
        "approved_at": known.approved_at,
        "revoked_at": known.revoked_at,
    }


@example("partner revoke k7qx2m4abcd23yzk7qx2m4abcd --reason 'a leaked key'")
@partner.command(cls=Administered, sets=(OPERATOR,))
@reason_option
@click.argument("partner_id")
def revoke(desk: Desk, partner_id: str, reason: str) -> None:
    """Refuse a partner's requests from now on and close its vacancies. What it attested stands; it cannot be undone.

    Stopped half-way, or told that a vacancy could not be closed, run it again.
    """
    services = desk.services
    services.partners.revoke(partner_id, utc_now(), Signed(desk.caller, reason))
    closed = services.jobs.close_all(partner_id, utc_now())
    desk.show({"partner": partner_id, "state": "revoked", "vacancies_closed": closed})
