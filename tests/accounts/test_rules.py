"""The rules of contacts: which account a proved contact opens, and when a change takes effect."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from chalicelib.accounts import rules
from chalicelib.accounts.contacts.contact import ContactKind
from chalicelib.accounts.rules import Opening, Shown
from chalicelib.accounts.sessions.rules import ContactGuard, KeptContact, Session
from chalicelib.config import load_programme
from tests.conftest import T0

FIGURES = load_programme("prod").accounts
TRUSTED = timedelta(days=60)
YOUNG = timedelta(hours=72)
MOMENT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def guard(
    kind: ContactKind = "phone",
    proved: timedelta = TRUSTED + MOMENT,
    since: datetime | None = None,
    until: datetime | None = None,
) -> ContactGuard:
    """A contact that was proved so long ago."""
    return ContactGuard("old", kind, b"", b"", "id", T0 - proved, since, until)


LATER, BEFORE = T0 + MOMENT, T0 - MOMENT
PROOFS = {name: Shown(**{name: True}) for name in ("device", "other_contact", "passkey", "identity")}


@pytest.mark.parametrize(
    ("of", "shown", "becomes"),
    [
        (None, Shown(), Opening.NEW),
        (None, Shown(fresh=True), Opening.NEW),
        (guard(until=T0), Shown(), Opening.NEW),
        (guard("email", HOUR, until=T0), Shown(device=True), Opening.NEW),
        (guard("email", HOUR, until=LATER), Shown(), Opening.OPEN),
        (guard("email", HOUR), Shown(), Opening.OPEN),
        (guard("email", 100 * TRUSTED), Shown(), Opening.OPEN),
        (guard("email", 100 * TRUSTED), Shown(fresh=True), Opening.OPEN),
        (guard("phone", TRUSTED), Shown(), Opening.OPEN),
        (guard("phone", TRUSTED), Shown(fresh=True), Opening.OPEN),
        (guard(), Shown(), Opening.MORE),
        (guard(until=LATER), Shown(), Opening.MORE),
        (guard(), Shown(fresh=True), Opening.TAKE),
        *((guard(), shown, Opening.OPEN) for shown in PROOFS.values()),
        (guard(), Shown(identity=True, fresh=True), Opening.OPEN),
        (guard("email", HOUR, since=LATER), Shown(), Opening.WAIT),
        (guard("phone", HOUR, since=LATER), Shown(device=True), Opening.WAIT),
        (guard("phone", HOUR, since=LATER), Shown(fresh=True), Opening.TAKE),
        (guard("email", HOUR, since=T0), Shown(), Opening.OPEN),
        (guard(since=T0), Shown(), Opening.MORE),
    ],
)
def test_a_proved_contact_has_each_of_these_openings(of: ContactGuard | None, shown: Shown, becomes: Opening) -> None:
    assert rules.opening(of, shown, T0, FIGURES) is becomes


@pytest.mark.parametrize(
    ("age", "waits"),
    [(timedelta(), True), (YOUNG - MOMENT, True), (YOUNG, False), (100 * YOUNG, False)],
)
def test_what_a_young_session_asks_for_takes_effect_three_days_later(age: timedelta, waits: bool) -> None:
    session = Session("siti", "s", "jkt", "phone", "email", T0 - age, T0, "hash")
    assert rules.is_young(session, T0, FIGURES) is waits
    assert rules.takes_effect_at(session, T0, FIGURES) == (T0 + YOUNG if waits else T0)


def contact(name: str, since: datetime | None = None, until: datetime | None = None) -> KeptContact:
    return KeptContact(name, f"mac-{name}", "email", b"", T0, since, until)


@pytest.mark.parametrize(
    ("others", "goes"),
    [
        ((), False),
        ((contact("b"),), True),
        ((contact("b", since=T0),), True),
        ((contact("b", since=LATER),), False),
        ((contact("b", until=LATER),), False),
        ((contact("b", until=BEFORE),), False),
        ((contact("b", since=LATER), contact("c", until=LATER)), False),
        ((contact("b", since=LATER), contact("c")), True),
    ],
)
def test_a_contact_can_be_removed_only_if_another_remains(others: tuple[KeptContact, ...], goes: bool) -> None:
    assert rules.may_go((contact("a"), *others), "a", T0) is goes


def test_the_next_change_drops_only_contacts_that_ended_long_ago() -> None:
    stays = (contact("a"), contact("b", until=T0), contact("c", since=LATER))
    gone = contact("d", until=T0 - rules.REMOVED_KEPT)
    assert rules.with_contact((*stays, gone), contact("e"), T0) == (*stays, contact("e"))
    assert rules.with_contact(stays, contact("b"), T0) == (stays[0], stays[2], contact("b"))
    assert rules.ending(stays, "b", None) == (stays[0], contact("b"), stays[2])


def test_contacts_that_sign_in_or_were_just_removed_are_told_but_not_waiting_ones() -> None:
    told = (contact("a"), contact("b", until=T0), contact("c", until=LATER), contact("d", since=T0))
    others = (contact("e", since=LATER), contact("f", until=T0 - timedelta(minutes=5)))
    assert rules.told((*told, *others), T0) == told
