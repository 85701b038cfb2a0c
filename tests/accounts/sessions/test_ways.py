"""Sessions by passkeys and ID tokens: each opens one session, of the right account."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.accounts.errors import ChallengeExpired, IdTokenRefused, InvalidDpopProof
from chalicelib.accounts.sessions.issuers import Issuers
from chalicelib.accounts.sessions.rules import Account, ProofRequest
from chalicelib.accounts.wire import SessionForm, SessionOpened
from chalicelib.config import Programme, Settings, load_programme
from chalicelib.errors import Malformed
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.contacts import EMAIL
from tests.builders.accounts.issuers import NONCE, NOW, RULES, Server, token
from tests.builders.accounts.passkeys import Passkey
from tests.builders.accounts.sessions import SESSIONS, asked
from tests.builders.crashes import SOME_OR_ALL, Calls, worth_it

from ..passkeys.test_passkeys import House


class Doors(House):
    """People who sign in by passkeys and by another issuer."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        rules = replace(load_programme("prod").accounts, issuers=(RULES,))
        super().__init__(settings, replace(programme, accounts=rules))
        self.services.issuers = Issuers(self.services.programme.accounts.issuers, Server().fetch)

    def open(self, form: dict, device: Device | None) -> SessionOpened:
        request = asked(device, "POST", SESSIONS, self.now)
        return self.services.sessions.open(msgspec.convert(form, SessionForm), request, self.now)

    def account_of(self, opened: SessionOpened) -> str:
        return self.services.access_tokens.verify(opened.access_token, self.now).sub


@pytest.fixture
def doors(cloud: Settings, programme: Programme) -> Doors:
    return Doors(cloud, programme)


@pytest.fixture
def siti(doors: Doors) -> Account:
    return doors.account("siti", EMAIL)


def by_passkey(doors: Doors, passkey: Passkey) -> dict:
    challenge = doors.services.passkeys.challenge(doors.now).challenge
    return {"passkey": {"credential": passkey.used(challenge), "device": "phone"}}


def by_token(sent: str) -> dict:
    return {"id_token": {"issuer": RULES.name, "token": sent, "nonce": NONCE, "language": "en"}}


DEVICES = pytest.mark.parametrize("device", [None, Device()], ids=["keyless", "with a key"])


@DEVICES
def test_a_passkey_opens_a_session_of_its_owner(doors, siti, device):
    passkey = Passkey()
    doors.added(doors.session(siti), passkey)
    opened = doors.open(by_passkey(doors, passkey), device)
    assert (doors.account_of(opened), opened.new_account, opened.device_token) == (siti.id, False, None)
    assert (opened.refresh_token is None) == (device is None)
    session = doors.store.session(siti.id, opened.session_id)
    assert session is not None
    assert (session.how, session.device, session.jkt) == ("passkey", "phone", device and device.jkt)


@DEVICES
def test_a_challenge_opens_only_one_session(doors, siti, device):
    passkey = Passkey()
    doors.added(doors.session(siti), passkey)
    form = by_passkey(doors, passkey)
    opened = doors.open(form, device)
    for again in (device, None, Device()):
        with pytest.raises(ChallengeExpired):
            doors.open(form, again)
    doors.services.sessions.end(siti.id, opened.session_id, doors.now)
    with pytest.raises(ChallengeExpired):
        doors.open(form, device)


@DEVICES
def test_the_first_id_token_of_a_person_makes_an_account_and_later_ones_open_it(doors, device):
    first = doors.open(by_token(token()), device)
    account = doors.store.account(doors.account_of(first))
    assert account is not None
    assert (first.new_account, account.language, account.contacts) == (True, "en", ())
    assert doors.services.vault.open_key(account.id, account.wrapped_key)

    second = doors.open(by_token(token(iat=NOW - 1)), device)
    assert (second.new_account, doors.account_of(second)) == (False, account.id)
    other = doors.open(by_token(token(sub="another")), device)
    assert doors.account_of(other) != account.id
    session = doors.store.session(account.id, first.session_id)
    assert session is not None
    assert (session.how, session.jkt) == ("issuer", device and device.jkt)


@DEVICES
def test_an_id_token_opens_only_one_session(doors, device):
    form = by_token(token())
    opened = doors.open(form, device)
    for again in (device, None, Device()):
        with pytest.raises(IdTokenRefused):
            doors.open(form, again)
    doors.services.sessions.end(doors.account_of(opened), opened.session_id, doors.now)
    with pytest.raises(IdTokenRefused):
        doors.open(form, device)


def test_a_wrong_proof_uses_up_neither_challenge_nor_id_token(doors, siti):
    passkey, device = Passkey(), Device()
    doors.added(doors.session(siti), passkey)
    for form in (by_passkey(doors, passkey), by_token(token())):
        wrong = ProofRequest([device.proof("GET", SESSIONS, doors.now)], "POST", SESSIONS)
        with pytest.raises(InvalidDpopProof):
            doors.services.sessions.open(msgspec.convert(form, SessionForm), wrong, doors.now)
        assert doors.open(form, device).refresh_token


def test_an_eleventh_session_ends_the_one_used_longest_ago(doors):
    opened = []
    for second in range(11):
        opened.append(doors.open(by_token(token(iat=NOW - second)), Device()))
        doors.now += timedelta(seconds=1)
    first, *others = [doors.store.session(doors.account_of(one), one.session_id) for one in opened]
    assert first is not None
    assert first.ended_at is not None
    assert [one.ended_at for one in others if one] == [None] * 10


@pytest.mark.parametrize("form", [{}, {"code": None}, {"passkey": None, "id_token": None}], ids=str)
def test_exactly_one_way_must_be_given(form):
    with pytest.raises((Malformed, msgspec.ValidationError)):
        msgspec.convert(form, SessionForm)


def test_two_ways_at_once_are_refused(doors, siti):
    passkey = Passkey(user=siti.id)
    with pytest.raises((Malformed, msgspec.ValidationError)):
        msgspec.convert(by_passkey(doors, passkey) | by_token(token()), SessionForm)


@SOME_OR_ALL
def test_after_a_crash_at_any_call_the_next_token_opens_the_one_account(
    doors: Doors, picked: Callable[[list[int]], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    doors.open(by_token(token(sub="first")), Device())  # which makes the day's signing key
    calls = Calls(monkeypatch)
    doors.open(by_token(token(sub="whole")), Device())
    operations = [operation for _, operation in calls.made]
    for number, where in itertools.product(picked(worth_it(operations)), ("before", "after")):
        who = f"siti {number} {where}"
        assert calls.dies(lambda who=who: doors.open(by_token(token(sub=who)), Device()), where, number)
        first, second = (doors.open(by_token(token(sub=who, iat=NOW - old)), Device()) for old in (1, 2))
        assert doors.account_of(first) == doors.account_of(second)
        assert doors.store.account(doors.account_of(first)) is not None
