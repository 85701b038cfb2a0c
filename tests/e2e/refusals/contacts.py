"""Contacts and changes of an account, and numbers that may be another person's: successes and refusals over HTTP."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from msgspec.structs import replace

from chalicelib.accounts.rules import CONTACTS_MAX
from chalicelib.accounts.sessions.rules import Session
from chalicelib.ids import derived_id
from tests.builders.accounts.contacts import add_account, id_of
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, Provoke
from tests.e2e.refusals import signing_in
from tests.e2e.refusals.signing_in import UNKNOWN, entering, guessed, of_session, too_late, too_often, wrongly

_NUMBERS = count(1)
PHONE = "+6281200000001"


def address() -> str:
    return f"member-{next(_NUMBERS)}@example.org"


def member(gateway: Gateway, *contacts: str, proved: timedelta = timedelta()) -> str:
    """Somebody with an account and these contacts, or one; they signed in days ago."""
    account_id = derived_id("member", next(_NUMBERS))
    add_account(gateway.services, account_id, contacts or (address(),), gateway.now - proved)
    return account_id


def newcomer(gateway: Gateway, *contacts: str) -> str:
    """The same, but they have just signed in."""
    person = member(gateway, *contacts)
    session_id = derived_id("test", person)
    now = gateway.now
    session = Session(person, session_id, gateway.device.jkt, "phone", "email", now, now, None)
    assert gateway.services.account_store.add_session(session)
    gateway._sessions[person] = session
    return person


def adding(gateway: Gateway, contact: str = "", **changes: str) -> Call:
    """A code was sent to a new contact, and its owner enters it."""
    entered = entering(gateway, contact or address(), **changes).body
    return Call(routes.ADD_CONTACT, entered, person=member(gateway))


def adding_after_guesses(gateway: Gateway) -> Call:
    contact = address()
    return guessed(adding(gateway, contact), contact, gateway)


def adding_again(gateway: Gateway) -> Call:
    """The contact was removed since, and its code comes again."""
    call = adding(gateway)
    view = gateway.ok(call)
    gateway.ok(Call(routes.REMOVE_CONTACT, person=call.person).at(view["contact_id"]))
    return call


def adding_one_too_many(gateway: Gateway) -> Call:
    call = adding(gateway)
    return call.but(person=member(gateway, *(address() for _ in range(CONTACTS_MAX))))


def adding_anothers(gateway: Gateway) -> Call:
    contact = address()
    member(gateway, contact)
    return adding(gateway, contact)


def removing(gateway: Gateway) -> Call:
    first, second = address(), address()
    person = member(gateway, first, second)
    return Call(routes.REMOVE_CONTACT, person=person).at(id_of(gateway.services, person, second))


def removing_the_last(gateway: Gateway) -> Call:
    only = address()
    person = member(gateway, only)
    return Call(routes.REMOVE_CONTACT, person=person).at(id_of(gateway.services, person, only))


def cancelling(gateway: Gateway) -> Call:
    person = newcomer(gateway)
    gateway.ok(adding(gateway).but(person=person))
    [change] = gateway.ok(Call(routes.MY_CHANGES, person=person))["changes"]
    return Call(routes.CANCEL_CHANGE, person=person).at(change["change_id"])


def of_member(route: str) -> Provoke:
    return lambda gateway: Call(route, person=member(gateway))


def by_number(gateway: Gateway, **more: object) -> Call:
    """Somebody enters the code of a number that was not used to sign in for long."""
    number = f"+6281200{next(_NUMBERS):06d}"
    account_id = member(gateway, number, proved=timedelta(days=61))
    assert account_id
    sign_ins, figures = gateway.services.sign_ins, gateway.services.programme.accounts
    vars(sign_ins)["_rules"] = replace(figures, sms=replace(figures.sms, enabled=True))
    call = entering(gateway, number)
    vars(sign_ins)["_rules"] = figures
    return call.but(body=call.body | more)


def waiting(gateway: Gateway) -> Call:
    """Somebody enters the code of a contact that another account has added a moment ago."""
    contact = address()
    gateway.ok(adding(gateway, contact).but(person=newcomer(gateway)))
    return entering(gateway, contact)


WRONG = {"identity": {"nik": "3174095708950001", "birth_date": "1995-08-17"}}

REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.OPEN: signing_in.REFUSALS[routes.OPEN]
    | {
        "contact_waits": waiting,
        "more_proof_needed": by_number,
        "identity_unconfirmed": lambda gateway: by_number(gateway, **WRONG),
    },
    routes.CONTACTS: of_session(of_member(routes.CONTACTS), looks=True),
    routes.ADD_CONTACT: of_session(adding)
    | {
        "unknown_sign_in": lambda gateway: adding(gateway, secret="0" * 64),
        "wrong_code": wrongly(adding),
        "code_used_up": too_often(adding),
        "code_expired": too_late(adding),
        "too_many_tries": adding_after_guesses,
        "code_used": adding_again,
        "contact_taken": adding_anothers,
        "too_many_contacts": adding_one_too_many,
    },
    routes.REMOVE_CONTACT: of_session(removing)
    | {
        "last_contact": removing_the_last,
        "not_found": lambda gateway: Call(routes.REMOVE_CONTACT, person=member(gateway)).at(UNKNOWN),
    },
    routes.MY_CHANGES: of_session(of_member(routes.MY_CHANGES), looks=True),
    routes.CANCEL_CHANGE: of_session(cancelling)
    | {"not_found": lambda gateway: Call(routes.CANCEL_CHANGE, person=member(gateway)).at(UNKNOWN)},
}

SUCCESSES: dict[str, Provoke] = {
    routes.CONTACTS: of_member(routes.CONTACTS),
    routes.ADD_CONTACT: adding,
    routes.REMOVE_CONTACT: removing,
    routes.MY_CHANGES: of_member(routes.MY_CHANGES),
    routes.CANCEL_CHANGE: cancelling,
}
