"""`gelombang person`: finds who is calling, and shows all that answers a call. Numbers and contacts are masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

import click

from chalicelib import typed_text
from chalicelib.accounts.contacts.contact import parse_contact
from chalicelib.accounts.errors import MalformedContact
from chalicelib.clock import utc_now
from chalicelib.errors import NotFound
from chalicelib.registration.errors import MalformedName, MalformedNik
from chalicelib.registration.rules import Registrant
from chalicelib.wiring import Services

from ...desk import HELPDESK, Administered, Asked, Desk
from ...options import example, look_reason
from ...rows import Row

ASKED = "NIK, card number, phone, e-mail, or name, birth date"

_PERSON = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11"


@click.group()
def person() -> None:
    """One person who calls. What is shown is personal data, and the person can see who looked, and why."""


@example("person find --reason 'called about a payment'")
@person.command(cls=Administered, sets=(HELPDESK,))
@click.option("--by", cls=Asked, prompt=ASKED, hide_input=True, hidden=True)
@look_reason
def find(desk: Desk, by: str) -> None:
    """Find a person by NIK, card number, phone, e-mail, or name and birth date, written `Siti Aminah, 1995-08-17`.

    You are asked for it; it is neither shown nor kept. A name is found as the civil registry's is compared: whatever
    its case, titles, order and usual spelling, but with all its words.
    """
    services, now = desk.services, utc_now()
    found: dict[str, list[str]] = {}
    for how, id_ in _found(services, by):
        if services.account_store.account(id_) is not None:
            found.setdefault(id_, []).append(how)
    for id_ in found:
        desk.looks_at(id_)
    rows: list[Row] = [
        {
            "registrant": id_,
            "found_by": how,
            "registered": services.registration_store.registrant(id_) is not None,
            "contacts": _contacts(services, id_, now),
        }
        for id_, how in found.items()
    ]
    desk.show(rows, "nobody is found by it")


@example(f"person show {_PERSON} --reason 'called about a payment'")
@person.command("show", cls=Administered, sets=(HELPDESK,))
@click.argument("registrant_id")
@look_reason
def show_person(desk: Desk, registrant_id: str) -> None:
    """Show how a person stands: registration, verification, waves, place, trainings, money and why it waits, notices
    and whether they arrived, grievances.
    """
    services, now = desk.services, utc_now()
    if services.account_store.account(registrant_id) is None:
        raise NotFound()
    who = services.registration_store.registrant(registrant_id)
    told: dict[str, object] = {"registrant": registrant_id, "contacts": _contacts(services, registrant_id, now)}
    if who is not None:
        told |= _standing(services, who, now)
    mailbox = services.mailboxes.mailbox(registrant_id)
    desk.show(
        told
        | {
            "closed_mailboxes": [
                {"contact": id_, "since": one.closed_at, "because": one.because} for id_, one in mailbox.closed.items()
            ],
            "notices": [
                {"told": one.kind, "state": one.state, "at": one.created_at, "changed_at": one.updated_at}
                for one in services.own_notices.of(registrant_id).notices[:_SHOWN]
            ],
            "grievances": [
                {
                    "number": one.number,
                    "category": one.category,
                    "state": one.state,
                    "filed_at": one.filed_at,
                    "answer_by": one.deadline_at,
                }
                for one in services.helpdesk.of(registrant_id)
            ],
        }
    )


_NAMED = re.compile(r"(.+?)[\s,;]+(\d{4}-\d\d-\d\d)")

_SHOWN = 20
"""How many of the latest notices are shown."""


def _found(services: Services, typed: str) -> Iterator[tuple[str, str]]:
    """By what, and whom, a text finds: it may be several things at once."""
    digits = typed_text.compact(typed)
    if len(digits) == 16 and digits.isdecimal():
        try:
            if holder := services.finding.by_nik(digits):
                yield "nik", holder
        except MalformedNik:
            pass  # a card number is no NIK
        if holder := services.waves.beneficiaries.card_holder(digits):
            yield "card_number", holder
        return
    if named := _NAMED.fullmatch(typed.strip()):
        try:
            found = services.finding.named(named[1], date.fromisoformat(named[2]))
        except (MalformedName, ValueError):
            raise click.UsageError("it is no name and birth date, such as Siti Aminah, 1995-08-17") from None
        yield from (("name_and_birth_date", holder) for holder in found)
        return
    try:
        contact = parse_contact(typed)
    except MalformedContact:
        raise click.UsageError(f"it is none of {ASKED}") from None
    if guard := services.account_store.guard(services.macs.contact(contact)):
        yield f"{contact.kind}_of_account", guard.account_id
    if contact.kind == "phone" and (
        holder := services.registration_store.holder("phone", services.vault.mac("phone", contact.value))
    ):
        yield "phone_of_registration", holder


def _contacts(services: Services, id_: str, now: datetime) -> list[str]:
    """Masked."""
    return [one.contact for one in services.contacts.of(id_, now).contacts]


def _standing(services: Services, who: Registrant, now: datetime) -> dict[str, object]:
    """What there is of somebody who is registered."""
    me, money = services.me(who.id, now), services.payouts_of(who.id)
    address = me.financial_address
    return {
        "name": me.registration.name if me.registration else None,
        "registered_at": who.registered_at,
        "standing": who.standing,
        "verification": who.verification,
        "verified_at": who.verified_at,
        "verified_by": who.verification_source,
        "nik_contested": who.contested,
        "restricted_since": who.restricted_at,
        "consent_withdrawn_at": who.consent_withdrawn_at,
        "may_join": me.may_join,
        "why_not": me.why_not,
        "account_to_pay": f"{address.code} {address.account_number}" if address else None,
        "waves": [
            {"wave": one.wave, "standing": one.standing, "reason": one.reason, "revoked_because": one.revoked_because}
            for one in services.waves.entries_of(who.id, now)
        ],
        "places": [
            {"wave": place.wave, "state": place.state, "buy_by": place.buy_by, "scheme": place.scheme}
            for each in services.waves.beneficiaries.places(who.id)
            for place in [services.at_present(each, who, now)]
        ],
        "balance_idr": me.balance_idr,
        "trainings": [
            {"title": one.title, "state": one.state, "price_idr": one.price_idr, "bought_at": one.purchased_at}
            for one in services.training.of(who.id).trainings
        ],
        "payments": [
            {
                "payout": one.payout_id,
                "kind": one.kind,
                "amount_idr": one.amount_idr,
                "state": one.state,
                "held_because": one.held_because,
                "to_do": one.to_do,
                "until": one.until,
                "paid_at": one.paid_at,
            }
            for one in money.payouts
        ],
        "to_come": [{"kind": one.kind, "amount_idr": one.amount_idr, "due_at": one.due_at} for one in money.to_come],
        "stopped_because": money.stopped_because,
    }
