"""Simultaneous sign-ins and sessions: a code lets one device in, a contact has one account."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.accounts.errors import CodeUsed, InvalidDpopProof, SessionExpired
from chalicelib.accounts.items import AccountItem, GuardItem, SessionItem
from chalicelib.accounts.macs import Macs
from chalicelib.accounts.wire import SessionOpened
from chalicelib.config import Programme, Settings
from chalicelib.vault import Vault
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.sessions import REFRESHES, Entrance, account_of, asked
from tests.conftest import T0

from .conftest import Kms
from .together import ALWAYS, AT_ONCE, ROUNDS, refusals, together

pytestmark = pytest.mark.dynamodb


@pytest.fixture
def entrance(cloud: Settings, programme: Programme) -> Entrance:
    entrance = Entrance(cloud, programme)
    entrance.services.vault = Vault(Kms, cloud.mac_key, cloud.data_key)
    entrance.services.macs = Macs(Kms, cloud.contacts_key, cloud.codes_key)
    entrance.sign_in("first@example.org", Device(), T0)  # makes the day's signing key
    return entrance


def person(number: int) -> str:
    return f"person-{number}@example.org"


def kept(kind: Any, prefix: str) -> int:
    return sum(item.sk.startswith(prefix) for item in kind.scan())


@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_a_code_lets_only_one_of_many_devices_in(entrance: Entrance, meet: int) -> None:
    for number in range(ROUNDS):
        entered, devices = entrance.entered(person(number)), [Device() for _ in range(AT_ONCE)]
        answers = together([partial(entrance.enter, entered, device, T0) for device in devices], meet)
        assert refusals(answers) == [CodeUsed] * (AT_ONCE - 1)
        [(opened, device)] = [(a, d) for a, d in zip(answers, devices, strict=True) if isinstance(a, SessionOpened)]
        entrance.refresh(opened, device, T0)
        account, sessions, _ = entrance.services.account_store.of(account_of(opened))
        assert account is not None
        assert [one.id for one in sessions] == [opened.session_id]


@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_many_sign_ins_of_one_contact_at_once_make_one_account(entrance: Entrance, meet: int) -> None:
    for number in range(ROUNDS):
        devices = [Device() for _ in range(AT_ONCE)]
        entered = [entrance.entered(person(number)) for _ in devices]
        calls = [partial(entrance.enter, *each, T0) for each in zip(entered, devices, strict=True)]
        opened = together(calls, meet)
        assert len({account_of(one) for one in opened}) == 1
        assert sum(one.new_account for one in opened) == 1
        for one, device in zip(opened, devices, strict=True):
            entrance.refresh(one, device, T0)
    assert kept(AccountItem, "ACCOUNT") == kept(GuardItem, "CONTACT") == ROUNDS + 1


def test_one_device_sending_its_code_many_times_at_once_gets_one_session(entrance: Entrance) -> None:
    for number in range(ROUNDS):
        entered, device = entrance.entered(person(number)), Device()
        opened = together([partial(entrance.enter, entered, device, T0)] * AT_ONCE)
        assert len({(one.session_id, one.refresh_token) for one in opened}) == 1
    assert kept(SessionItem, "SESSION#") == ROUNDS + 1


def test_a_proof_sent_many_times_at_once_refreshes_once(entrance: Entrance) -> None:
    device = Device()
    opened = entrance.sign_in(person(0), device, T0)
    for number in range(ROUNDS):
        now = T0 + (number + 1) * timedelta(minutes=10)
        proof = asked(device, "POST", REFRESHES, now)
        refresh = partial(entrance.sessions.refresh, opened.refresh_token or "", now=now)
        assert refusals(together([partial(refresh, proof)] * AT_ONCE, ALWAYS)) == [InvalidDpopProof] * (AT_ONCE - 1)
        now += timedelta(minutes=8)
        others = [partial(entrance.refresh, opened, device, now) for _ in range(AT_ONCE)]
        assert refusals(together(others, ALWAYS)) == []


def test_a_session_ended_during_refreshes_stays_ended(entrance: Entrance) -> None:
    device = Device()
    for number in range(ROUNDS):
        opened = entrance.sign_in(person(number), device, T0)
        refreshes = [partial(entrance.refresh, opened, device, T0) for _ in range(AT_ONCE - 1)]
        answers = together([partial(entrance.sessions.end_all, account_of(opened), T0), *refreshes], ALWAYS)
        assert set(refusals(answers)) <= {SessionExpired}
        with pytest.raises(SessionExpired):
            entrance.refresh(opened, device, T0)
