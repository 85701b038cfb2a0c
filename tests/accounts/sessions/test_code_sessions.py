"""A code opens one session for one device, despite races and crashes at any call; and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.accounts.errors import CodeUsed
from chalicelib.accounts.sessions.rules import PROOFS_MAX
from chalicelib.accounts.wire import SessionOpened
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.sessions import Entrance, account_of
from tests.builders.crashes import Calls
from tests.conftest import T0

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
SITI, BUDI = "siti@example.org", "+6281234567890"


def test_a_repeated_request_gives_the_same_session_and_another_device_none(entrance: Entrance, phone: Device) -> None:
    entered = entrance.entered(SITI)
    first = entrance.enter(entered, phone, T0)
    again = entrance.enter(entered, phone, T0 + 5 * MINUTE)
    assert (again.session_id, again.refresh_token, again.new_account) == (
        first.session_id, first.refresh_token, first.new_account,
    )  # fmt: skip
    for thief in (Device(), None):
        with pytest.raises(CodeUsed):
            entrance.enter(entered, thief, T0 + 5 * MINUTE)
    assert len(entrance.everything("SESSION")) == 1
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


def test_only_one_of_two_devices_that_interleave_at_any_calls_gets_in(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance.sign_in(BUDI, phone, T0)  # what a process keeps is there
    calls, entered = Calls(monkeypatch), entrance.entered(SITI)
    calls.reset()
    entrance.enter(entered, phone, T0)
    for at in range(len(calls.made)):
        contact = f"siti-{at}@example.org"
        enter = partial(entrance.enter, entrance.entered(contact), now=T0)
        answers = calls.meeting(at, partial(enter, phone), partial(enter, Device()))
        assert {type(one) for one in answers} == {CodeUsed, SessionOpened}, at


def test_two_sign_ins_of_one_contact_that_interleave_at_any_calls_make_one_account(
    entrance: Entrance, phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance.sign_in(BUDI, phone, T0)
    calls = Calls(monkeypatch)
    entrance.sign_in(SITI, phone, T0)
    for at in range(len(calls.made)):
        contact, laptop = f"siti-{at}@example.org", Device()
        sign_in = partial(entrance.sign_in, contact, now=T0)
        answers = calls.meeting(at, partial(sign_in, phone), partial(sign_in, laptop))
        assert len({account_of(one) for one in answers}) == 1, at
        assert sorted(one.new_account for one in answers) == [False, True]
        account, sessions, _ = entrance.services.account_store.of(account_of(answers[0]))
        assert account is not None
        assert len(sessions) == 2
        for device, opened in zip((laptop, phone), answers, strict=True):
            entrance.refresh(opened, device, T0 + MINUTE)


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("known", [False, True])
def test_a_request_repeated_after_a_crash_at_any_call_makes_one_account_and_session(
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
        assert [one.mac for one in account.contacts] == [entrance.mac(contact)]
        entrance.refresh(opened, phone, T0 + 2 * MINUTE)
        at += 1
    assert at > 3


def test_a_session_costs_four_write_units_and_a_refresh_one(
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
    assert {row["sk"]["S"] for row in entrance.everything() if size_of(row) > 1024} == set()


def size_of(row: dict[str, Any]) -> int:
    """In bytes, as DynamoDB counts them; a number has at most 21."""
    values = [(kind, value) for held in row.values() for kind, value in held.items()]
    return sum(map(len, row)) + sum(21 if kind == "N" else len(value) for kind, value in values)
