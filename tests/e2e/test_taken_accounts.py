"""A thief who reads the mailbox or has the SIM is in the account: every contact is told and can stop them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.accounts.sessions.rules import Session
from chalicelib.config import Programme, Settings, load_programme
from chalicelib.ids import derived_id
from chalicelib.notices.mailer import consume
from tests.builders.accounts.contacts import add_account
from tests.builders.notices import PostOffice, Ses

from . import routes
from .gateway import Call, Gateway, serving
from .refusals.signing_in import entering

WAIT = timedelta(hours=72)
FIRST, SECOND, THIEFS = "siti@example.org", "siti@example.net", "thief@example.com"


class Home:
    """Siti's account with two mailboxes, a device of hers from days ago, and a thief's, which came in just now."""

    def __init__(self, gateway: Gateway, cloud: Settings) -> None:
        self.gateway, self.services = gateway, gateway.services
        self.office, self.ses = PostOffice(cloud, self.services.programme), Ses()
        vars(self.services.mailer)["_mail"] = self.ses
        self.siti = derived_id("siti")
        add_account(self.services, self.siti, (FIRST, SECOND), gateway.now - 10 * WAIT)
        self.owner = self.device("owner", gateway.now - 2 * WAIT)
        self.thief = self.device("thief", gateway.now)

    def device(self, name: str, since: Any) -> Session:
        session = Session(self.siti, derived_id(name), self.gateway.device.jkt, "phone", "email", since, since, None)
        assert self.services.account_store.add_session(session)
        return session

    def asks(self, session: Session, call: Call, status: int = 200) -> Any:
        self.gateway._sessions[self.siti] = session
        answer = self.gateway.send(replace_call(call, self.siti))
        assert answer.status_code == status, answer.body
        return answer.json_body

    def letters(self) -> dict[str, tuple[str, str]]:
        """What each mailbox was sent since the last look: subject, and the path of its link."""
        assert consume(self.office.receive(), self.services.mailer, self.gateway.clock) == {"batchItemFailures": []}
        taken, self.ses.taken = self.ses.taken, []
        paths = {to: re.findall(r"https://api\.invalid(/changes/[a-z2-7]+)\n", text.body) for to, text, *_ in taken}
        return {to: (text.subject, paths[to][0] if paths[to] else "") for to, text, *_ in taken}

    def says(self, path: str, what: str) -> int:
        call = Call(f"POST /changes/{{token}}/{what}", path=f"{path}/{what}")
        return self.gateway.send(call, headers={"content-type": "application/x-www-form-urlencoded"}).status_code

    def contacts(self) -> list[str]:
        found = self.asks(self.owner, Call(routes.CONTACTS))["contacts"]
        return [one["contact"] for one in found if one["signs_in_from"] is None]


def replace_call(call: Call, person: str) -> Call:
    return call.but(person=person, device=None)


@pytest.fixture
def home(cloud: Settings, strict_programme: Programme) -> Iterator[Home]:
    with serving(cloud, replace(strict_programme, payouts=load_programme("prod").payouts)) as gateway:
        yield Home(gateway, cloud)


def adding(home: Home, contact: str = THIEFS) -> Call:
    return Call(routes.ADD_CONTACT, entering(home.gateway, contact).body)


@pytest.mark.parametrize("by", [FIRST, SECOND])
def test_each_contact_is_told_of_a_thiefs_contact_and_can_stop_it(home: Home, by: str) -> None:
    view = home.asks(home.thief, adding(home), 201)
    assert view["signs_in_from"] is not None
    letters = home.letters()
    assert {to: subject for to, (subject, _) in letters.items()} == dict.fromkeys(
        (FIRST, SECOND), "Cara masuk ke akun Anda akan diubah"
    )
    assert home.says(letters[by][1], "confirmation") == 404
    assert home.says(letters[by][1], "denial") == 200
    assert home.asks(home.owner, Call(routes.MY_CHANGES)) == {"changes": []}
    assert home.asks(home.thief, Call(routes.CONTACTS), 401)["type"].endswith("session_expired")
    assert home.services.address_store.disputed(home.siti)
    home.gateway.now += WAIT
    assert home.gateway.ok(entering(home.gateway, THIEFS))["new_account"]
    assert home.contacts() == ["s•••@example.org", "s•••@example.net"]


def test_a_thief_cannot_shut_the_owner_out(home: Home) -> None:
    home.asks(home.thief, adding(home), 201)
    contacts = {one["contact"]: one["contact_id"] for one in home.asks(home.thief, Call(routes.CONTACTS))["contacts"]}
    remove = Call(routes.REMOVE_CONTACT).at(contacts["s•••@example.org"])
    assert home.asks(home.thief, remove)["signs_in_until"] is not None
    last = Call(routes.REMOVE_CONTACT).at(contacts["s•••@example.net"])
    assert home.asks(home.thief, last, 409)["type"].endswith("last_contact")
    changes = home.asks(home.owner, Call(routes.MY_CHANGES))["changes"]
    assert [one["change"] for one in changes] == ["contact_added", "contact_removed"]
    for change in changes:
        home.asks(home.owner, Call(routes.CANCEL_CHANGE).at(change["change_id"]), 204)
    home.gateway.now += 2 * WAIT
    assert home.contacts() == ["s•••@example.org", "s•••@example.net"]
    for contact in (FIRST, SECOND):
        assert not home.gateway.ok(entering(home.gateway, contact))["new_account"]


def test_a_change_takes_effect_after_three_days_and_a_removed_contact_is_told(home: Home) -> None:
    view = home.asks(home.thief, adding(home), 201)
    home.gateway.now += WAIT
    assert not home.gateway.ok(entering(home.gateway, THIEFS))["new_account"]
    assert len(home.contacts()) == 3
    home.letters()
    home.asks(home.owner, Call(routes.REMOVE_CONTACT).at(view["contact_id"]))
    letters = home.letters()
    assert set(letters) == {FIRST, SECOND, THIEFS}
    assert {subject for subject, _ in letters.values()} == {"Cara masuk ke akun Anda diubah"}


def test_a_reader_of_the_mailbox_cannot_confirm_their_own_address(home: Home) -> None:
    home.asks(home.owner, Call(routes.REGISTER, home.gateway.form()), 201)
    home.asks(home.owner, Call(routes.ADDRESS, home.gateway.address()))
    home.letters()
    given = home.asks(home.thief, Call(routes.ADDRESS, home.gateway.address()))
    assert given["pay_from"] is not None
    letters = home.letters()
    assert set(letters) == {FIRST, SECOND}
    for subject, path in letters.values():
        assert subject == "Tujuan pembayaran Anda diisi atau diubah"
        page = home.gateway.send(Call("GET /changes/{token}", path=path))
        assert re.findall(r'/([a-z]+)"><button', page.body.decode()) == ["denial"]
        assert home.says(path, "confirmation") == 404
    assert home.services.registrations.addresses.waiting(home.siti).full
    assert home.says(letters[SECOND][1], "denial") == 200
    assert home.services.address_store.disputed(home.siti)


def test_an_address_of_an_old_session_is_confirmed_from_the_mailbox(home: Home) -> None:
    home.asks(home.owner, Call(routes.REGISTER, home.gateway.form()), 201)
    for _ in range(2):
        home.asks(home.owner, Call(routes.ADDRESS, home.gateway.address()))
    [(_, path), _] = list(home.letters().values())
    assert home.says(path, "confirmation") == 200
    assert home.services.registrations.addresses.waiting(home.siti).pay_from is None
