"""Signing in with a number that another person may have by now, with each combination of more proof."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.accounts.errors import (
    ChallengeExpired,
    CodeUsed,
    ContactWaits,
    IdentityUnconfirmed,
    MoreProofNeeded,
    PasskeyRefused,
    SessionExpired,
    WrongCode,
)
from chalicelib.accounts.rules import is_young
from chalicelib.accounts.wire import IdentityForm, PasskeySignIn, SessionForm
from chalicelib.errors import Malformed
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.contacts import EMAIL, PHONE, WAIT, masked
from tests.builders.accounts.passkeys import Passkey
from tests.builders.accounts.sessions import account_of, asked
from tests.builders.accounts.streets import Street
from tests.builders.crashes import SOME_OR_ALL, Calls, worth_it
from tests.builders.registration import SITI

SECOND_PHONE = "+6281111111111"
STALE = timedelta(days=61)
RIGHT = IdentityForm(nik="3174 0957 0895 0001", birth_date=SITI.birth_date)
WRONG = IdentityForm(nik=SITI.nik, birth_date=SITI.birth_date + timedelta(days=1))


def test_a_stale_number_alone_opens_nothing_and_its_code_stays_valid(street: Street) -> None:
    siti = street.account("siti", PHONE, EMAIL, proved=STALE)
    code, device = street.entered(PHONE), Device()
    with pytest.raises(MoreProofNeeded) as refusal:
        street.enter(SessionForm(code=code), device)
    assert refusal.value.facts == {"identity_tries_left": 3}
    assert street.store.of(siti.id).sessions == []
    assert street.told(siti) == []
    opened = street.enter(SessionForm(code=code, other_code=street.entered(EMAIL)), device)
    assert account_of(opened) == siti.id
    assert account_of(street.sign_in(PHONE, Device())) == siti.id, "it is proved now"


def test_the_devices_key_opens_a_stale_number_even_long_unused(street: Street) -> None:
    device, other = Device(), Device()
    opened = street.sign_in(PHONE, device)
    street.now += timedelta(days=92)
    with pytest.raises(MoreProofNeeded):
        street.sign_in(PHONE, other)
    assert account_of(street.sign_in(PHONE, device)) == account_of(opened)


def test_a_device_that_was_signed_out_opens_nothing(street: Street) -> None:
    device = Device()
    opened = street.sign_in(PHONE, device)
    street.services.sessions.end_all(account_of(opened), street.now)
    street.now += STALE
    for key in (device, None):
        with pytest.raises(MoreProofNeeded):
            street.sign_in(PHONE, key)


def test_a_session_without_a_key_proves_no_device(street: Street) -> None:
    street.sign_in(PHONE, None)
    street.now += STALE
    with pytest.raises(MoreProofNeeded):
        street.sign_in(PHONE, None)


def test_a_stale_number_opens_only_with_a_trusted_contact_of_the_account(street: Street) -> None:
    siti = street.account("siti", PHONE, SECOND_PHONE, EMAIL, proved=STALE)
    street.account("budi", "budi@example.org")
    for other in (SECOND_PHONE, "budi@example.org", "nobody@example.org"):
        with pytest.raises(MoreProofNeeded):
            street.sign_in(PHONE, Device(), other_code=street.entered(other))
    code = street.entered(PHONE)
    with pytest.raises(MoreProofNeeded):
        street.enter(SessionForm(code=code, other_code=code), Device())
    with pytest.raises(WrongCode):
        right = street.entered(EMAIL)
        street.sign_in(PHONE, Device(), other_code=replace(right, code=f"{(int(right.code) + 1) % 10**6:06d}"))
    assert street.store.of(siti.id).sessions == []


def test_a_contact_that_waits_or_has_gone_opens_no_stale_number(street: Street) -> None:
    siti = street.account("siti", PHONE, EMAIL, "third@example.org", proved=STALE)
    street.remove(street.session(siti), "third@example.org")
    street.add(street.session(siti, timedelta()), "fourth@example.org")
    for other in ("third@example.org", "fourth@example.org"):
        with pytest.raises(MoreProofNeeded):
            street.sign_in(PHONE, Device(), other_code=street.entered(other))


def test_the_code_of_the_other_contact_is_used_up(street: Street) -> None:
    street.account("siti", PHONE, EMAIL, proved=STALE)
    other, device = street.entered(EMAIL), Device()
    street.sign_in(PHONE, device, other_code=other)
    for key in (device, Device(), None):
        with pytest.raises(CodeUsed):
            street.enter(SessionForm(code=other), key)


@pytest.mark.parametrize("device", [None, Device()], ids=["keyless", "with a key"])
def test_a_passkey_of_the_account_opens_a_stale_number_and_its_challenge_nothing_more(
    street: Street, device: Device | None
) -> None:
    siti, passkey = street.account("siti", PHONE, EMAIL, proved=STALE), Passkey()
    street.added(street.session(siti), passkey)
    said, code = street.signed(passkey), street.entered(PHONE)
    opened = street.enter(SessionForm(code=code, other_passkey=said), device)
    session = street.store.session(siti.id, opened.session_id)
    assert session is not None, "of her account"
    assert (session.how, is_young(session, street.now, street.services.programme.accounts)) == ("phone", True)
    for key in (device, Device(), None):
        with pytest.raises(ChallengeExpired):
            street.enter(SessionForm(passkey=PasskeySignIn(credential=said)), key)
    assert account_of(street.sign_in(PHONE, Device())) == siti.id, "the number is proved now"


def test_a_used_challenge_proves_nothing_for_a_stale_number(street: Street) -> None:
    siti, passkey = street.account("siti", PHONE, proved=STALE), Passkey()
    street.added(street.session(siti), passkey)
    said = street.signed(passkey)
    street.enter(SessionForm(passkey=PasskeySignIn(credential=said)), None)
    with pytest.raises(ChallengeExpired):
        street.sign_in(PHONE, Device(), other_passkey=said)


def test_no_other_passkey_opens_a_stale_number(street: Street) -> None:
    """That of another account, a new one that waits, one that was removed, and one that nobody has."""
    siti, budi = street.account("siti", PHONE, proved=STALE), street.account("budi", "budi@example.org")
    budis, waits, removed, unknown = Passkey(), Passkey(), Passkey(), Passkey(user=siti.id)
    street.added(street.session(budi), budis)
    street.added(street.session(siti, timedelta()), waits)
    gone = street.added(street.session(siti), removed)
    street.services.passkeys.remove(street.session(siti), gone.passkey_id, street.now)
    sessions = len(street.store.of(siti.id).sessions)
    code = street.entered(PHONE)
    with pytest.raises(MoreProofNeeded):
        street.enter(SessionForm(code=code, other_passkey=street.signed(budis)), Device())
    for passkey in (waits, removed, unknown):
        with pytest.raises(PasskeyRefused):
            street.enter(SessionForm(code=code, other_passkey=street.signed(passkey)), Device())
    said = street.signed(budis)
    street.now += timedelta(minutes=6)
    with pytest.raises(ChallengeExpired):
        street.sign_in(PHONE, Device(), other_passkey=said)
    assert len(street.store.of(siti.id).sessions) == sessions


def test_a_passkey_opens_a_stale_number_after_the_tries_by_identity_are_used_up(street: Street) -> None:
    siti, passkey = street.account("siti", PHONE, proved=STALE), Passkey()
    street.services.register(siti.id, SITI, street.now)
    street.added(street.session(siti), passkey)
    for _ in range(3):
        with pytest.raises(IdentityUnconfirmed):
            street.sign_in(PHONE, Device(), identity=WRONG)
        street.now += timedelta(hours=1)
    opened = street.sign_in(PHONE, Device(), other_passkey=street.signed(passkey))
    assert account_of(opened) == siti.id, "the owner is not locked out by another's tries"


def test_nik_and_birth_date_open_a_stale_number_within_three_tries(street: Street) -> None:
    siti = street.account("siti", PHONE, proved=STALE)
    street.services.register(siti.id, SITI, street.now)
    for left in (2, 1):
        with pytest.raises(IdentityUnconfirmed) as refusal:
            street.sign_in(PHONE, Device(), identity=WRONG)
        assert refusal.value.facts == {"tries_left": left}
    opened = street.sign_in(PHONE, Device(), identity=RIGHT)
    assert account_of(opened) == siti.id
    session = street.store.session(siti.id, opened.session_id)
    assert session is not None
    assert is_young(session, street.now, street.services.programme.accounts), "so money waits"
    street.now += STALE
    with pytest.raises(IdentityUnconfirmed) as again:
        street.sign_in(PHONE, Device(), identity=WRONG)
    assert again.value.facts == {"tries_left": 2}, "counted anew since the number was proved"


def test_after_three_wrong_tries_in_any_sign_ins_the_right_one_is_refused(street: Street) -> None:
    siti = street.account("siti", PHONE, EMAIL, proved=STALE)
    street.services.register(siti.id, SITI, street.now)
    for _ in range(3):
        with pytest.raises(IdentityUnconfirmed):
            street.sign_in(PHONE, Device(), identity=WRONG)
        street.now += timedelta(days=1)
    with pytest.raises(MoreProofNeeded) as refusal:
        street.sign_in(PHONE, Device(), identity=RIGHT)
    assert refusal.value.facts == {"identity_tries_left": 0}
    opened = street.sign_in(PHONE, Device(), other_code=street.entered(EMAIL))
    assert account_of(opened) == siti.id, "the owner is not locked out by it"


def test_each_of_many_simultaneous_tries_is_counted(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    street.account("siti", PHONE, proved=STALE)
    one, other, third = (SessionForm(code=street.entered(PHONE), identity=WRONG) for _ in range(3))
    calls = Calls(monkeypatch)

    def meanwhile() -> None:
        with pytest.raises(IdentityUnconfirmed):
            street.enter(other, None)

    with pytest.raises(IdentityUnconfirmed):
        street.enter(one, None)
    counted = [number for number, (_, operation) in enumerate(calls.made) if operation == "UpdateItem"][-1]
    calls.reset()
    calls.before[counted] = meanwhile
    with pytest.raises(MoreProofNeeded):
        street.enter(third, None)
    calls.reset()
    mac = street.services.macs.contact(street.services.sign_ins.contact(street.sent(PHONE).sign_in))
    guard = street.store.guard(mac)
    assert guard is not None
    assert guard.identity_tries == 2


def test_an_account_that_is_not_registered_has_no_identity(street: Street) -> None:
    street.account("siti", PHONE, proved=STALE)
    with pytest.raises(IdentityUnconfirmed):
        street.sign_in(PHONE, Device(), identity=RIGHT)
    with pytest.raises(Malformed):
        IdentityForm(nik="12", birth_date=SITI.birth_date)


def test_the_new_owner_of_a_number_gets_a_new_account_and_only_the_number(street: Street) -> None:
    siti = street.account("siti", PHONE, EMAIL, proved=STALE)
    street.services.register(siti.id, SITI, street.now)
    device = Device()
    opened = street.sign_in(PHONE, device, fresh=True)
    assert opened.new_account
    assert account_of(opened) != siti.id
    assert street.owner(PHONE) == account_of(opened)
    assert street.owner(EMAIL) == siti.id
    assert street.services.registrations.me(account_of(opened)).registration is None
    assert street.services.registrations.registrant(siti.id)
    assert street.told(siti) == ['account_changed {"change":"contact_removed"}']
    assert account_of(street.sign_in(PHONE, Device())) == account_of(opened)
    assert account_of(street.sign_in(EMAIL, Device())) == siti.id
    street.consistent(siti)


def test_fresh_takes_neither_a_recently_proved_number_nor_a_mailbox(street: Street) -> None:
    siti = street.account("siti", PHONE, proved=timedelta(days=59))
    budi = street.account("budi", EMAIL, proved=100 * STALE)
    assert account_of(street.sign_in(PHONE, Device(), fresh=True)) == siti.id
    assert account_of(street.sign_in(EMAIL, Device(), fresh=True)) == budi.id


def test_a_waiting_contact_is_refused_or_opens_a_new_account(street: Street) -> None:
    siti = street.account("siti", EMAIL)
    street.add(street.session(siti, timedelta()), PHONE)
    with pytest.raises(ContactWaits) as refusal:
        street.sign_in(PHONE, Device())
    assert refusal.value.facts == {"from_at": f"{street.now + WAIT:%Y-%m-%dT%H:%M:%SZ}"}
    opened = street.sign_in(PHONE, Device(), fresh=True)
    assert opened.new_account
    street.now += WAIT
    assert street.owner(PHONE) == account_of(opened)
    street.consistent(siti)


def test_a_removed_contact_begins_a_new_account(street: Street) -> None:
    siti = street.account("siti", EMAIL, PHONE)
    street.remove(street.session(siti), PHONE)
    assert street.sign_in(PHONE, Device()).new_account
    street.now += timedelta(hours=1)
    assert street.owner(EMAIL) == siti.id


@pytest.mark.parametrize("way", ["other", "passkey", "identity", "fresh"])
@SOME_OR_ALL
def test_a_request_that_died_at_any_call_opens_one_session_when_repeated(
    street: Street, monkeypatch: pytest.MonkeyPatch, way: str, picked: Callable[[list[int]], list[int]]
) -> None:
    def begun(number: int) -> tuple[str, SessionForm]:
        phone, email = f"+62812000{number:05d}", f"siti-{number}@example.org"
        account = street.account(f"siti {number}", phone, email, proved=STALE)
        if way == "identity":
            street.services.registration_store  # noqa: B018 - binds the table
            form = replace(SITI, nik=f"317409570895{number + 1:04d}", phone=f"0812000{number:05d}")
            street.services.register(account.id, form, street.now)
            more: dict[str, Any] = {"identity": IdentityForm(nik=form.nik, birth_date=form.birth_date)}
        elif way == "passkey":
            passkey = Passkey()
            street.added(street.session(account), passkey)
            more = {"other_passkey": street.signed(passkey)}
        else:
            more = {"other_code": street.entered(email)} if way == "other" else {"fresh": True}
        return account.id, SessionForm(code=street.entered(phone), **more)

    street.sign_in("first@example.org", Device())
    calls, device = Calls(monkeypatch), Device()
    account_id, form = begun(0)
    calls.reset()
    street.enter(form, device)
    operations = [operation for _, operation in calls.made]
    number = 0
    for at in picked(worth_it(operations)):
        for where in ("before", "after"):
            number += 1
            account_id, form = begun(number)
            assert calls.dies(lambda form=form: street.enter(form, device), where, at)
            opened = street.enter(form, device)
            assert (account_of(opened) == account_id) is (way != "fresh"), (at, where)
            assert street.alive(opened) == 1 + (way == "passkey"), "with the one that added the passkey"
            street.refresh(opened, device)


def test_nobody_is_named_in_a_log(street: Street, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "chalicelib")
    street.account("siti", PHONE, EMAIL, proved=STALE)
    for more in ({}, {"identity": WRONG}, {"other_code": street.entered(EMAIL)}):
        try:
            street.sign_in(PHONE, Device(), **more)
        except (MoreProofNeeded, IdentityUnconfirmed) as refusal:
            logging.getLogger("chalicelib").info("refused", extra={"said": str(refusal)})
    said = str([vars(record) for record in caplog.records])
    for secret in (PHONE, EMAIL, SITI.nik, str(SITI.birth_date)):
        assert secret not in said


def test_a_device_known_by_a_passkey_opens_a_stale_number(street: Street) -> None:
    siti = street.account("siti", PHONE, proved=STALE)
    device = Device()
    with pytest.raises(MoreProofNeeded):
        street.sign_in(PHONE, device)
    street.by_passkey(siti.id, device)
    assert account_of(street.sign_in(PHONE, device)) == siti.id


def test_a_swapped_sim_opens_the_account_but_changes_nothing_for_three_days(street: Street) -> None:
    siti = street.account("siti", PHONE, EMAIL)
    owner = street.session(siti)
    opened = street.sign_in(PHONE, Device(), fresh=True)
    assert account_of(opened) == siti.id, "a number that is in use is nobody else's"
    thief = street.store.session(siti.id, opened.session_id)
    assert thief is not None
    street.add(thief, "thief@example.com")
    street.remove(thief, EMAIL)
    assert street.contacts(siti) == {masked(PHONE), masked(EMAIL)}
    for change in street.pending(siti):
        street.services.deny_change(siti.id, change.change_id, street.now)
    street.services.contacts.remove(owner, street.id_of(siti.id, PHONE), street.now)
    with pytest.raises(SessionExpired):
        street.services.sessions.require(siti.id, thief.id, asked(None, "GET", "/me/contacts", street.now), street.now)
    street.now += 2 * WAIT
    assert street.contacts(siti) == {masked(EMAIL)}
    assert street.sign_in(PHONE, Device()).new_account, "the SIM opens nothing of hers any more"
    street.consistent(siti)
