"""Sessions: a code opens one, once, for one device; what a thief has without the key; what is left after a crash."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest

from chalicelib.accounts.contacts.contact import Contact, parse_contact
from chalicelib.accounts.errors import CodeUsed, InvalidDpopProof, InvalidToken, SessionExpired, WrongCode
from chalicelib.accounts.sessions.rules import PROOFS_MAX, ProofRequest
from chalicelib.accounts.wire import EnteredCode, SessionForm, SessionOpened, SessionRefreshed
from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError, NotFound
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.sessions import MINE, REFRESHES, SESSIONS, Entrance, account_of, asked
from tests.builders.crashes import Calls
from tests.conftest import T0

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
SITI, BUDI = "siti@example.org", "+6281234567890"


@pytest.fixture
def entrance(cloud: Settings, programme: Programme) -> Entrance:
    return Entrance(cloud, programme)


@pytest.fixture
def phone() -> Device:
    return Device()


def mac(entrance: Entrance, contact: str) -> str:
    return entrance.services.macs.contact(parse_contact(contact))


def everything(entrance: Entrance, kind: str = "") -> list[dict[str, Any]]:
    """What the table has of a kind: `CONTACT`, `ACCOUNT` or `SESSION`."""
    settings = entrance.services.settings
    rows = boto3.client("dynamodb", settings.region).scan(TableName=settings.table("accounts"))["Items"]
    return [row for row in rows if row["sk"]["S"].startswith(kind) and not row["pk"]["S"].startswith("SIGNING")]


def one_whole_account(entrance: Entrance, account_id: str) -> None:
    """There is one account, with its one guard, and they say the same."""
    [guard], [account] = everything(entrance, "CONTACT"), everything(entrance, "ACCOUNT")
    assert (guard["account_id"]["S"], account["pk"]["S"]) == (account_id, f"A#{account_id}")
    reach = entrance.services.directory.contacts(account_id, T0)
    assert reach is not None
    assert ([*reach.contacts.values()], reach.language) == ([Contact("email", SITI)], "id")
    assert guard["sealed"] == account_sealed(account)


def account_sealed(account: dict[str, Any]) -> Any:
    import msgspec

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
    [guard] = everything(entrance, "CONTACT")
    assert guard["proved_at"]["S"].startswith("2026-11-25"), "the contact was proved again"
    other = entrance.sign_in(BUDI, phone, T0 + DAY)
    assert other.new_account
    assert account_of(other) != account_of(first)


def test_what_a_session_gives_is_good_for_it_alone(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    access = entrance.services.admission.admit(opened.access_token, T0)
    assert (access.sub, access.sid, access.key) == (account_of(opened), opened.session_id, phone.jkt)
    assert (opened.token_type, opened.expires_in_s) == ("Bearer", 300)
    refreshed = entrance.refresh(opened, phone, T0 + 5 * MINUTE)
    again = entrance.services.admission.admit(refreshed.access_token, T0 + 5 * MINUTE)
    assert (again.sub, again.sid, again.key) == (access.sub, access.sid, access.key)
    assert opened.device_token is not None
    device = entrance.services.access_tokens.verify_device(opened.device_token, T0 + 399 * DAY)
    assert (device.key, device.contact) == (phone.jkt, mac(entrance, SITI))


def test_no_secret_and_no_contact_stands_in_the_table(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    assert opened.refresh_token is not None
    secret = opened.refresh_token.rpartition(".")[2]
    kept = str(everything(entrance))
    for word in (secret, str(base64.urlsafe_b64decode(secret + "="))[2:-1], "siti@", opened.access_token):
        assert word not in kept


# One code, one session


def test_the_same_request_again_gives_the_same_session_and_no_other_device_gets_one(
    entrance: Entrance, phone: Device
) -> None:
    entered = entrance.entered(SITI)
    first = entrance.enter(entered, phone, T0)
    again = entrance.enter(entered, phone, T0 + 5 * MINUTE)
    assert (again.session_id, again.refresh_token, again.new_account) == (
        first.session_id, first.refresh_token, first.new_account,
    )  # fmt: skip
    for thief in (Device(), None):
        with pytest.raises(CodeUsed):
            entrance.enter(entered, thief, T0 + 5 * MINUTE)
    assert len(everything(entrance, "SESSION")) == 1
    entrance.refresh(again, phone, T0 + 6 * MINUTE)


def test_a_code_opens_nothing_after_its_session_was_ended(entrance: Entrance, phone: Device) -> None:
    entered = entrance.entered(SITI)
    for device in (phone, None):
        entered = entrance.entered(SITI)
        opened = entrance.enter(entered, device, T0)
        account_id = entrance.services.admission.admit(opened.access_token, T0).sub
        entrance.sessions.end(account_id, opened.session_id, T0 + SECOND)
        with pytest.raises(CodeUsed):
            entrance.enter(entered, device, T0 + MINUTE)


def test_of_two_devices_that_meet_between_any_two_calls_one_gets_in(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance.sign_in(BUDI, phone, T0)  # what a process keeps is there
    calls, entered = Calls(monkeypatch), entrance.entered(SITI)
    calls.reset()
    entrance.enter(entered, phone, T0)
    for at in range(len(calls.made)):
        contact = f"siti-{at}@example.org"
        enter = partial(entrance.enter, entrance.entered(contact), now=T0)
        answers = meeting(calls, at, partial(enter, phone), partial(enter, Device()))
        assert {type(one) for one in answers} == {CodeUsed, SessionOpened}, at


def meeting(calls: Calls, at: int, act: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """What comes of an act, and of the other one, which happens before its nth call."""
    answers = list[Any]()
    calls.reset()
    calls.before[at] = lambda: answers.append(tried(other))
    answers.append(tried(act))
    calls.reset()
    return answers


def tried(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except DomainError as refusal:
        return refusal


def test_two_sign_ins_of_one_contact_that_meet_between_any_two_calls_make_one_account(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance.sign_in(BUDI, phone, T0)
    calls = Calls(monkeypatch)
    entrance.sign_in(SITI, phone, T0)
    for at in range(len(calls.made)):
        contact, laptop = f"siti-{at}@example.org", Device()
        sign_in = partial(entrance.sign_in, contact, now=T0)
        answers = meeting(calls, at, partial(sign_in, phone), partial(sign_in, laptop))
        assert len({account_of(one) for one in answers}) == 1, at
        assert sorted(one.new_account for one in answers) == [False, True]
        account, sessions, _ = entrance.services.account_store.of(account_of(answers[0]))
        assert account is not None
        assert len(sessions) == 2
        for device, opened in zip((laptop, phone), answers, strict=True):
            entrance.refresh(opened, device, T0 + MINUTE)


# Deaths and lost answers


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("known", [False, True])
def test_who_asks_again_after_a_death_at_any_call_has_one_account_and_one_session(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch, where: str, known: bool
) -> None:
    entrance.sign_in(BUDI, phone, T0)
    calls, died = Calls(monkeypatch), True
    at = 0
    while died:
        contact = f"siti-{at}@example.org"
        before = entrance.sign_in(contact, Device(), T0 - DAY) if known else None
        entered = entrance.entered(contact)
        died = calls.dies(partial(entrance.enter, entered, phone, T0), where, at)
        opened = entrance.enter(entered, phone, T0 + MINUTE)
        assert opened.new_account is not known
        assert before is None or account_of(before) == account_of(opened)
        account, sessions, _ = entrance.services.account_store.of(account_of(opened))
        assert account is not None
        assert len(sessions) == 1 + known
        assert [one.mac for one in account.contacts] == [mac(entrance, contact)]
        entrance.refresh(opened, phone, T0 + 2 * MINUTE)
        at += 1
    assert at > 3


def test_a_guard_without_its_account_is_made_whole_by_whoever_comes_next(entrance: Entrance, phone: Device) -> None:
    first = entrance.sign_in(SITI, phone, T0)
    [account] = everything(entrance, "ACCOUNT")
    settings = entrance.services.settings
    table = boto3.resource("dynamodb", settings.region).Table(settings.table("accounts"))
    table.delete_item(Key={"pk": account["pk"]["S"], "sk": "ACCOUNT"})
    second = entrance.sign_in(SITI, Device(), T0 + DAY)
    assert account_of(second) == account_of(first)
    [repaired] = everything(entrance, "ACCOUNT")
    assert (repaired["wrapped_key"], account_sealed(repaired)) == (account["wrapped_key"], account_sealed(account))
    one_whole_account(entrance, account_of(first))


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_refresh_whose_answer_was_lost_is_asked_for_again_with_another_proof(
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


def test_of_one_proof_that_is_sent_twice_at_once_one_refreshes(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    token = opened.refresh_token or ""
    calls = Calls(monkeypatch)
    entrance.refresh(opened, phone, T0)
    for at in range(len(calls.made)):
        now = T0 + (at + 1) * 10 * MINUTE
        refresh = partial(entrance.sessions.refresh, token, asked(phone, "POST", REFRESHES, now), now)
        answers = meeting(calls, at, refresh, refresh)
        assert {type(one) for one in answers} == {InvalidDpopProof, SessionRefreshed}, at


def test_two_refreshes_of_one_device_at_once_both_succeed(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    calls = Calls(monkeypatch)
    entrance.refresh(opened, phone, T0)
    for at in range(len(calls.made)):
        refresh = partial(entrance.refresh, opened, phone, T0)
        assert {type(one) for one in meeting(calls, at, refresh, refresh)} == {SessionRefreshed}, at


def test_a_refresh_token_is_worth_nothing_without_the_key(entrance: Entrance, phone: Device) -> None:
    opened, thief = entrance.sign_in(SITI, phone, T0), Device()
    token = opened.refresh_token or ""
    with pytest.raises(SessionExpired):
        entrance.sessions.refresh(token, asked(thief, "POST", REFRESHES, T0), T0)
    with pytest.raises(InvalidDpopProof):
        entrance.sessions.refresh(token, ProofRequest([], "POST", REFRESHES), T0)
    for request in (asked(phone, "POST", SESSIONS, T0), asked(phone, "GET", REFRESHES, T0)):
        with pytest.raises(InvalidDpopProof):
            entrance.sessions.refresh(token, replace(request, method="POST", path=REFRESHES), T0)
    entrance.refresh(opened, phone, T0)


def test_the_key_is_worth_nothing_without_the_refresh_token(entrance: Entrance, phone: Device) -> None:
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


def test_a_session_that_was_known_before_is_not_the_one_that_a_code_opens(entrance: Entrance, phone: Device) -> None:
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
        entrance.enter(replace_code(entered, "000000"), thief, T0)
    assert not {"account_id", "session_id"} & {*SessionForm.__struct_fields__}, "none of the caller's choice"


def replace_code(entered: EnteredCode, code: str) -> EnteredCode:
    return EnteredCode(sign_in_id=entered.sign_in_id, secret=entered.secret, code=code)


# How long


def test_a_session_lives_ninety_days_from_its_last_refresh(entrance: Entrance, phone: Device) -> None:
    opened = entrance.sign_in(SITI, phone, T0)
    for day in (89, 178, 267):
        entrance.refresh(opened, phone, T0 + day * DAY)
    end = T0 + (267 + 90) * DAY
    entrance.refresh(opened, phone, end - SECOND)
    with pytest.raises(SessionExpired):
        entrance.refresh(opened, phone, end + 90 * DAY)
    [row] = everything(entrance, "SESSION")
    assert int(row["expires_at"]["N"]) > (end + 90 * DAY).timestamp(), "it is refused before it is gone"


def test_a_client_without_a_key_is_let_in_for_a_day_and_cannot_refresh(entrance: Entrance) -> None:
    opened = entrance.sign_in(SITI, None, T0)
    assert (opened.refresh_token, opened.device_token, opened.expires_in_s) == (None, None, 86_400)
    account_id = entrance.services.admission.admit(opened.access_token, T0 + DAY - SECOND).sub
    with pytest.raises(InvalidToken):
        entrance.services.admission.admit(opened.access_token, T0 + DAY)
    for device in (Device(),):
        with pytest.raises(SessionExpired):
            token = f"{account_id}.{opened.session_id}.{'A' * 43}"
            entrance.sessions.refresh(token, asked(device, "POST", REFRESHES, T0), T0)


def test_asked_again_a_client_without_a_key_gets_no_longer_a_day(entrance: Entrance) -> None:
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


def test_who_signs_out_everywhere_is_believed_at_once_where_it_matters_and_soon_elsewhere(entrance: Entrance) -> None:
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


def test_a_session_is_shown_to_its_owner_and_ended_by_nobody_else(entrance: Entrance, phone: Device) -> None:
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


def test_a_route_that_matters_wants_a_proof_of_the_sessions_key_for_this_request(
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
    request = ProofRequest([], "DELETE", MINE, opened.access_token)
    assert entrance.sessions.require(access.sub, access.sid, request, T0).jkt is None
    entrance.sessions.end_all(access.sub, T0)
    with pytest.raises(SessionExpired):
        entrance.sessions.require(access.sub, access.sid, request, T0)


# Units


def test_a_session_is_four_write_units_and_a_refresh_one(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write is a unit while its item is below a kilobyte: the longest contact there is, a session's every proof."""
    long = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 61}"
    assert len(long) == 254
    entrance.sign_in(BUDI, phone, T0)
    first, later = entrance.entered(long), entrance.entered(long)
    calls = Calls(monkeypatch)

    def written(act: Callable[[], Any]) -> int:
        calls.reset()
        act()
        return sum(operation in {"PutItem", "UpdateItem", "DeleteItem"} for _, operation in calls.made)

    opened = list[SessionOpened]()
    assert written(lambda: opened.append(entrance.enter(first, phone, T0))) == 4
    for number in range(PROOFS_MAX):
        assert written(partial(entrance.refresh, opened[0], phone, T0 + number * SECOND)) == 1
    # The account is there; but of a day's second try it is taken back that it might have failed.
    assert written(partial(entrance.enter, later, Device(), T0)) == 4
    assert {row["sk"]["S"] for row in everything(entrance) if size_of(row) > 1024} == set()


def size_of(row: dict[str, Any]) -> int:
    """In bytes, as DynamoDB counts them; a number has at most 21."""
    values = [(kind, value) for held in row.values() for kind, value in held.items()]
    return sum(map(len, row)) + sum(21 if kind == "N" else len(value) for kind, value in values)
