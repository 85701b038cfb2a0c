"""Use of an old contact or session ends a recovery; use of the new account does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.accounts.errors import SessionExpired
from chalicelib.accounts.rules import RecoveryState
from chalicelib.accounts.wire import SessionOpened
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.contacts import EMAIL
from tests.builders.accounts.sessions import account_of, asked
from tests.builders.accounts.streets import Street

ANI, BUDI = (f"arn:aws:sts::123456789012:assumed-role/helpdesk/{name}@example.go.id" for name in ("ani", "budi"))
WEEK = timedelta(days=7)


def recovering(street: Street) -> tuple[str, str, SessionOpened, Device]:
    """Siti's device is signed in; somebody has a recovery approved, with an account of theirs."""
    device = Device()
    old = street.sign_in(EMAIL, device)
    lost = account_of(old)
    street.now += timedelta(days=30)
    new = account_of(street.sign_in("new@example.org", Device()))
    recoveries = street.services.recoveries
    proposed = recoveries.propose(lost, new, ANI, "KTP", street.now)
    recoveries.approve(lost, BUDI, street.now, proposed)
    street.now += WEEK / 2
    return lost, new, old, device


def state(street: Street, account_id: str) -> RecoveryState:
    recovery = street.services.recoveries.get(account_id)
    assert recovery is not None
    return recovery.state


USES: dict[str, Callable[[Street, SessionOpened, Device], object]] = {
    "an old contact signs in": lambda street, _, __: street.sign_in(EMAIL, Device()),
    "an old session refreshes": lambda street, old, device: street.refresh(old, device),
    "a passkey signs in": lambda street, old, _: street.by_passkey(account_of(old), None),
    "an old session asks for what needs its proof": lambda street, old, device: street.services.sessions.require(
        account_of(old), old.session_id, asked(device, "GET", "/me/contacts", street.now, old.access_token), street.now
    ),
}


@pytest.mark.parametrize("use", USES)
def test_any_use_of_an_old_contact_or_session_ends_a_recovery(street: Street, use: str) -> None:
    lost, new, old, device = recovering(street)
    USES[use](street, old, device)
    assert state(street, lost) is RecoveryState.ENDED
    street.now += WEEK
    assert account_of(street.sign_in("new@example.org", Device())) == new
    assert street.owner(EMAIL) == lost
    street.refresh(old, device)


def test_the_new_contact_does_not_end_its_recovery_and_opens_the_account_after_a_week(street: Street) -> None:
    lost, new, old, device = recovering(street)
    assert account_of(street.sign_in("new@example.org", Device())) == new
    assert state(street, lost) is RecoveryState.WAITING
    street.now += WEEK
    phone = Device()
    opened = street.sign_in("new@example.org", phone)
    assert account_of(opened) == lost
    assert not opened.new_account
    assert street.alive(opened) == 1, "earlier sessions have ended"
    with pytest.raises(SessionExpired):
        street.refresh(old, device)
    with pytest.raises(SessionExpired):
        street.services.sessions.require(
            lost, old.session_id, asked(device, "GET", "/me/contacts", street.now, old.access_token), street.now
        )
    street.refresh(opened, phone)
    street.now += timedelta(hours=1)
    stranger = street.sign_in(EMAIL, device)
    assert stranger.new_account, "the old mailbox is nobody's now"
    assert account_of(stranger) != lost
