"""Sessions: their tokens and lifetimes, and what a thief can do without the key."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.accounts.contacts.contact import Contact
from chalicelib.accounts.errors import CodeUsed, InvalidDpopProof, InvalidToken, SessionExpired, WrongCode
from chalicelib.accounts.wire import SessionForm, SessionOpened, SessionRefreshed
from chalicelib.errors import NotFound
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.sessions import MINE, REFRESHES, SESSIONS, Entrance, account_of, asked
from tests.builders.crashes import Calls
from tests.conftest import T0

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
SITI, BUDI = "siti@example.org", "+6281234567890"


def one_whole_account(entrance: Entrance, account_id: str) -> None:
    """There is one account, with its one guard, and they say the same."""
    [guard], [account] = entrance.everything("CONTACT"), entrance.everything("ACCOUNT")
    assert (guard["account_id"]["S"], account["pk"]["S"]) == (account_id, f"A#{account_id}")
    reach = entrance.services.directory.contacts(account_id, T0)
    assert reach is not None
    assert ([*reach.contacts.values()], reach.language) == ([Contact("email", SITI)], "id")
    assert guard["sealed"] == account_sealed(account)


def account_sealed(account: dict[str, Any]) -> Any:
    [contact] = msgspec.json.decode(account["contacts"]["S"])
    return {"B": base64.b64decode(contact["sealed"])}


# Signing in is signing up


def test_the_first_sign_in_makes_the_account_and_the_next_one_finds_it(entrance: Entrance, phone: Device) -> None:
    first = entrance.sign_in(SITI, phone, T0)
    second = entrance.sign_in(SITI, Device(), T0 + DAY)
    assert (first.new_account, second.new_account) == (True, False)
    assert account_of(first) == account_of(second)
    assert first.session_id != second.session_id
    one_whole_account(entrance, account_of(first))
    [guard] = entrance.everything("CONTACT")
    assert guard["proved_at"]["S"].startswith("2026-11-25"), "the contact was proved again"
    other = entrance.sign_in(BUDI, phone, T0 + DAY)
    assert other.new_account
    assert account_of(other) != account_of(first)


def test_the_tokens_of_a_session_are_bound_to_it(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    access = entrance.services.admission.admit(opened.access_token, T0)
    assert (access.sub, access.sid, access.key) == (account_of(opened), opened.session_id, phone.jkt)
    assert (opened.token_type, opened.expires_in_s) == ("Bearer", 300)
    refreshed = entrance.refresh(opened, phone, T0 + 5 * MINUTE)
    again = entrance.services.admission.admit(refreshed.access_token, T0 + 5 * MINUTE)
    assert (again.sub, again.sid, again.key) == (access.sub, access.sid, access.key)
    assert opened.device_token is not None
    device = entrance.services.access_tokens.verify_device(opened.device_token, T0 + 399 * DAY)
    assert (device.key, device.contact) == (phone.jkt, entrance.mac(SITI))


def test_no_secret_or_contact_is_stored_in_the_clear(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    assert opened.refresh_token is not None
    secret = opened.refresh_token.rpartition(".")[2]
    kept = str(entrance.everything())
    for word in (secret, str(base64.urlsafe_b64decode(secret + "="))[2:-1], "siti@", opened.access_token):
        assert word not in kept


def test_the_next_sign_in_completes_a_guard_without_an_account(entrance: Entrance, phone: Device) -> None:
    first = entrance.sign_in(SITI, phone, T0)
    [account] = entrance.everything("ACCOUNT")
    settings = entrance.services.settings
    table = boto3.resource("dynamodb", settings.region).Table(settings.table("accounts"))
    table.delete_item(Key={"pk": account["pk"]["S"], "sk": "ACCOUNT"})
    second = entrance.sign_in(SITI, Device(), T0 + DAY)
    assert account_of(second) == account_of(first)
    [repaired] = entrance.everything("ACCOUNT")
    assert (repaired["wrapped_key"], account_sealed(repaired)) == (account["wrapped_key"], account_sealed(account))
    one_whole_account(entrance, account_of(first))


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_refresh_with_a_lost_answer_can_be_repeated_with_a_new_proof(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    calls, at = Calls(monkeypatch), 0
    while calls.dies(lambda: entrance.refresh(opened, phone, T0), where, at):
        assert (
            entrance.services.admission.admit(entrance.refresh(opened, phone, T0).access_token, T0).sid
            == opened.session_id
        )
        at += 1
    assert at > 1


# What a thief has


def test_a_proof_refreshes_once(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    assert opened.refresh_token is not None
    request = asked(phone, "POST", REFRESHES, T0)
    entrance.sessions.refresh(opened.refresh_token, request, T0)
    for later in (timedelta(), 5 * MINUTE):
        with pytest.raises(InvalidDpopProof, match="used"):
            entrance.sessions.refresh(opened.refresh_token, request, T0 + later)


def test_a_proof_sent_twice_at_once_refreshes_once(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    token = opened.refresh_token or ""
    calls = Calls(monkeypatch)
    entrance.refresh(opened, phone, T0)
    for at in range(len(calls.made)):
        now = T0 + (at + 1) * 10 * MINUTE
        refresh = partial(entrance.sessions.refresh, token, asked(phone, "POST", REFRESHES, now), now)
        answers = calls.meeting(at, refresh, refresh)
        assert {type(one) for one in answers} == {InvalidDpopProof, SessionRefreshed}, at


def test_two_refreshes_of_one_device_at_once_both_succeed(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    calls = Calls(monkeypatch)
    entrance.refresh(opened, phone, T0)
    for at in range(len(calls.made)):
        refresh = partial(entrance.refresh, opened, phone, T0)
        assert {type(one) for one in calls.meeting(at, refresh, refresh)} == {SessionRefreshed}, at


def test_a_refresh_token_is_refused_without_a_proof_of_the_key(entrance: Entrance, phone: Device) -> None:
    opened, thief = entrance.sign_in(SITI, phone, T0), Device()
    token = opened.refresh_token or ""
    with pytest.raises(SessionExpired):
        entrance.sessions.refresh(token, asked(thief, "POST", REFRESHES, T0), T0)
    with pytest.raises(InvalidDpopProof):
        entrance.sessions.refresh(token, asked(None, "POST", REFRESHES, T0), T0)
    for request in (asked(phone, "POST", SESSIONS, T0), asked(phone, "GET", REFRESHES, T0)):
        with pytest.raises(InvalidDpopProof):
            entrance.sessions.refresh(token, replace(request, method="POST", path=REFRESHES), T0)
    entrance.refresh(opened, phone, T0)


def test_the_key_alone_refreshes_nothing(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    account_id, session_id, secret = (opened.refresh_token or "").split(".")
    other = entrance.sign_in(BUDI, phone, T0)
    forged = [
        f"{account_id}.{session_id}.{'A' * 43}",
        f"{account_of(other)}.{session_id}.{secret}",
        f"{account_id}.{other.session_id}.{secret}",
        f"{account_id}.{other.session_id}.{(other.refresh_token or '').rpartition('.')[2]}",
        f"{account_id}.{session_id}",
        f"{account_id}.{session_id}.{secret}=",
        "",
    ]
    for token in forged:
        with pytest.raises(SessionExpired):
            entrance.sessions.refresh(token, asked(phone, "POST", REFRESHES, T0), T0)


def test_no_token_of_another_kind_is_let_in(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    tokens = entrance.services.access_tokens
    others = [opened.refresh_token, opened.device_token, tokens.nonce(T0), opened.access_token[:-4] + "AAAA", ""]
    for token in others:
        with pytest.raises(InvalidToken):
            entrance.services.admission.admit(token or "", T0)
    with pytest.raises(SessionExpired):
        entrance.sessions.refresh(opened.access_token, asked(phone, "POST", REFRESHES, T0), T0)


def test_a_code_opens_a_new_session_not_one_known_before(entrance: Entrance, phone: Device) -> None:
    """A thief who knows the sign-in with its secret, or planted their own session, has nothing of the victim's."""
    thief = Device()
    planted = entrance.sign_in(BUDI, thief, T0)
    entered = entrance.entered(SITI)
    opened = entrance.enter(entered, phone, T0)
    assert opened.session_id != planted.session_id
    assert account_of(opened) != account_of(planted)
    with pytest.raises(CodeUsed):
        entrance.enter(entered, thief, T0)
    with pytest.raises(WrongCode):
        entrance.enter(msgspec.structs.replace(entered, code="000000"), thief, T0)
    assert not {"account_id", "session_id"} & {*SessionForm.__struct_fields__}, "none of the caller's choice"


# How long


def test_a_session_lives_ninety_days_from_its_last_refresh(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    for day in (89, 178, 267):
        entrance.refresh(opened, phone, T0 + day * DAY)
    end = T0 + (267 + 90) * DAY
    entrance.refresh(opened, phone, end - SECOND)
    with pytest.raises(SessionExpired):
        entrance.refresh(opened, phone, end + 90 * DAY)
    [row] = entrance.everything("SESSION")
    assert int(row["expires_at"]["N"]) > (end + 90 * DAY).timestamp(), "it is refused before it is gone"


def test_a_client_without_a_key_is_let_in_for_a_day_and_cannot_refresh(entrance: Entrance) -> None:
    opened = entrance.sign_in(SITI, None, T0)
    assert (opened.refresh_token, opened.device_token, opened.expires_in_s) == (None, None, 86_400)
    account_id = entrance.services.admission.admit(opened.access_token, T0 + DAY - SECOND).sub
    with pytest.raises(InvalidToken):
        entrance.services.admission.admit(opened.access_token, T0 + DAY)
    token = f"{account_id}.{opened.session_id}.{'A' * 43}"
    with pytest.raises(SessionExpired):
        entrance.sessions.refresh(token, asked(Device(), "POST", REFRESHES, T0), T0)


def test_a_repeated_request_does_not_lengthen_the_day_of_a_client_without_a_key(entrance: Entrance) -> None:
    entered = entrance.entered(SITI)
    first = entrance.enter(entered, None, T0)
    again = entrance.enter(entered, None, T0 + 9 * MINUTE)
    assert again.session_id == first.session_id
    assert again.expires_in_s == 86_400 - 9 * 60


def test_an_eleventh_session_ends_the_one_that_was_used_longest_ago(entrance: Entrance) -> None:
    devices = [Device() for _ in range(11)]
    opened = [entrance.sign_in(SITI, device, T0 + n * SECOND) for n, device in enumerate(devices[:10])]
    entrance.refresh(opened[0], devices[0], T0 + MINUTE)
    entered = entrance.entered(SITI)
    for _ in range(2):  # the second time its answer was lost
        entrance.enter(entered, devices[10], T0 + 2 * MINUTE)
    with pytest.raises(SessionExpired):
        entrance.refresh(opened[1], devices[1], T0 + 3 * MINUTE)
    for n in (0, *range(2, 10)):
        entrance.refresh(opened[n], devices[n], T0 + 3 * MINUTE)


# Signing out


def test_signing_out_everywhere_works_at_once_on_sensitive_routes_and_soon_on_others(entrance: Entrance) -> None:
    phone, laptop = Device(), Device()
    one, other = entrance.sign_in(SITI, phone, T0), entrance.sign_in(SITI, laptop, T0)
    keyless, stranger = entrance.sign_in(SITI, None, T0), entrance.sign_in(BUDI, phone, T0)
    account_id = account_of(one)
    entrance.sessions.end_all(account_id, T0 + MINUTE)
    now = T0 + MINUTE
    for opened, device in ((one, phone), (other, laptop)):
        with pytest.raises(SessionExpired):
            entrance.refresh(opened, device, now)
        with pytest.raises(SessionExpired):
            required(entrance, opened, device, now)
        entrance.services.admission.admit(opened.access_token, T0 + 5 * MINUTE - SECOND)
        with pytest.raises(InvalidToken):
            entrance.services.admission.admit(opened.access_token, T0 + 5 * MINUTE)
    with pytest.raises(InvalidToken):
        entrance.services.admission.admit(keyless.access_token, now)
    entrance.refresh(stranger, phone, now)
    entrance.sessions.end_all(account_id, now)
    assert entrance.sign_in(SITI, phone, now).new_account is False


def required(entrance: Entrance, opened: SessionOpened, device: Device, now: datetime, method: str = "GET") -> Any:
    access = entrance.services.access_tokens.verify(opened.access_token, T0)
    request = asked(device, method, MINE, now, opened.access_token)
    return entrance.sessions.require(access.sub, access.sid, request, now)


def test_only_the_owner_sees_and_ends_a_session(entrance: Entrance, phone: Device) -> None:
    mine, other = entrance.sign_in(SITI, phone, T0), entrance.sign_in(SITI, None, T0 + SECOND)
    theirs = entrance.sign_in(BUDI, Device(), T0)
    session = required(entrance, mine, phone, T0 + MINUTE)
    views = entrance.sessions.of(session, T0 + MINUTE).sessions
    assert [(one.session_id, one.current, one.has_key, one.how) for one in views] == [
        (other.session_id, False, False, "email"),
        (mine.session_id, True, True, "email"),
    ]
    for foreign in (theirs.session_id, "a" * 26):
        with pytest.raises(NotFound):
            entrance.sessions.end(account_of(mine), foreign, T0)
    for _ in range(2):
        entrance.sessions.end(account_of(mine), other.session_id, T0)
    assert [one.session_id for one in entrance.sessions.of(session, T0 + MINUTE).sessions] == [mine.session_id]
    assert len(entrance.sessions.of(session, T0 + 90 * DAY).sessions) == 0


def test_a_sensitive_route_requires_a_proof_of_the_sessions_key_for_this_request(
    entrance: Entrance, phone: Device
) -> None:
    opened, other = entrance.sign_in(SITI, phone, T0), Device()
    access = entrance.services.admission.admit(opened.access_token, T0)
    good = asked(phone, "DELETE", MINE, T0, opened.access_token)
    wrong = [
        replace(good, headers=[]),
        replace(good, method="PUT"),
        replace(good, path=f"{MINE}/other"),
        replace(good, access_token=entrance.refresh(opened, phone, T0).access_token),
        replace(asked(phone, "DELETE", MINE, T0), access_token=opened.access_token),
    ]
    for request in wrong:
        with pytest.raises(InvalidDpopProof):
            entrance.sessions.require(access.sub, access.sid, request, T0)
    for method in ("DELETE", "GET"):
        with pytest.raises(SessionExpired):
            request = asked(other, method, MINE, T0, opened.access_token)
            entrance.sessions.require(access.sub, access.sid, request, T0)
    assert entrance.sessions.require(access.sub, access.sid, good, T0).id == opened.session_id
    with pytest.raises(InvalidDpopProof, match="used"):
        entrance.sessions.require(access.sub, access.sid, good, T0)
    look = asked(phone, "GET", MINE, T0, opened.access_token)
    for _ in range(2):
        assert entrance.sessions.require(access.sub, access.sid, look, T0).id == opened.session_id


def test_a_session_without_a_key_has_nothing_to_prove(entrance: Entrance) -> None:
    opened = entrance.sign_in(SITI, None, T0)
    access = entrance.services.admission.admit(opened.access_token, T0)
    request = asked(None, "DELETE", MINE, T0, opened.access_token)
    assert entrance.sessions.require(access.sub, access.sid, request, T0).jkt is None
    entrance.sessions.end_all(access.sub, T0)
    with pytest.raises(SessionExpired):
        entrance.sessions.require(access.sub, access.sid, request, T0)
