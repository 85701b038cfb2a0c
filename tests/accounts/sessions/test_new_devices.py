"""A device that signs in to an account which did not know it: who hears of it, once, and what they can do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.accounts.errors import MoreProofNeeded, SessionExpired
from chalicelib.accounts.sessions.rules import Account
from chalicelib.accounts.wire import SessionForm, SessionOpened
from chalicelib.aws.queues import Queue
from chalicelib.errors import Unavailable
from chalicelib.notices import mailer
from chalicelib.notices.service import NoticeService
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.contacts import EMAIL, OTHER_EMAIL, PHONE, WAIT
from tests.builders.accounts.passkeys import Passkey
from tests.builders.accounts.sessions import account_of
from tests.builders.accounts.streets import Street
from tests.builders.aws.calls import drained
from tests.builders.crashes import Calls, Crash
from tests.builders.notices import Phones, Ses

SUBJECT = "Perangkat baru masuk ke akun Anda"
STALE = timedelta(days=61)


@pytest.fixture
def ses(street: Street) -> Ses:
    street.services.mailer._mail, street.services.mailer._sms = Ses(), Phones()
    return street.services.mailer._mail


def heard(street: Street, ses: Ses) -> list[str]:
    """To whom it was said that a device is new, once for each mail."""
    messages = drained(street.settings.mails_queue_url)
    records = [{"messageId": each["MessageId"], "body": each["Body"]} for each in messages]
    assert mailer.consume(records * 2, street.services.mailer, lambda: street.now) == {"batchItemFailures": []}
    taken, ses.taken = ses.taken, []
    return sorted(to for to, written, _, _ in taken if written.subject == SUBJECT)


def test_the_first_session_of_an_account_is_news_to_nobody(street: Street, ses: Ses) -> None:
    for device in (Device(), None):
        opened = street.sign_in(f"new-{device is None}@example.org", device)
        assert opened.new_account
        street.now += timedelta(days=1)
    assert heard(street, ses) == []


def test_every_contact_is_told_once_of_an_unknown_device(street: Street, ses: Ses) -> None:
    siti = street.account("siti", EMAIL, OTHER_EMAIL)
    device, other = Device(), Device()
    form = SessionForm(code=street.entered(EMAIL))
    for _ in range(2):  # the answer is lost, and asked for again
        street.enter(form, device)
    assert heard(street, ses) == sorted([EMAIL, OTHER_EMAIL])
    street.now += timedelta(minutes=5)
    street.refresh(street.enter(form, device), device)
    opened = street.sign_in(OTHER_EMAIL, device)
    street.services.sessions.end_all(siti.id, street.now)
    street.now += timedelta(days=30)
    street.sign_in(EMAIL, device)
    assert heard(street, ses) == [], "it is known, by whatever contact, and after it signed out"
    assert account_of(opened) == siti.id
    street.sign_in(EMAIL, other)
    assert heard(street, ses) == sorted([EMAIL, OTHER_EMAIL])


def test_the_mail_says_what_kind_of_device_and_when_in_the_persons_language(street: Street, ses: Ses) -> None:
    siti = street.account("siti", EMAIL)
    opened = street.sign_in(EMAIL, Device())
    [kept] = [one for one in street.store.of(siti.id).sessions if one.id == opened.session_id]
    street.now += timedelta(hours=5)
    messages = drained(street.settings.mails_queue_url)
    mailer.consume([{"messageId": "m", "body": messages[0]["Body"]}], street.services.mailer, lambda: street.now)
    [(_, written, _, _)] = ses.taken
    assert kept.device == "phone"
    assert "Pada Selasa, 24 November 2026 pukul 10.00 WIB akun Anda dibuka dari sebuah ponsel" in written.body
    assert "/changes/" in written.body
    for secret in (EMAIL, siti.id, opened.session_id):
        assert secret not in written.body


def test_only_a_device_that_the_account_knows_changes_the_language_that_it_is_written_in(street: Street) -> None:
    siti, device = street.account("siti", EMAIL), Device()
    street.sign_in(EMAIL, device)
    street.language = "en"
    for other in (Device(), None):
        street.sign_in(EMAIL, other)
    assert language(street, siti) == "id", "its owner is warned in words that they read"
    for _ in range(2):
        street.sign_in(EMAIL, device)
        assert language(street, siti) == "en"
    street.language = "id"
    street.sign_in(EMAIL, device)
    assert language(street, siti) == "id"


def language(street: Street, account: Account) -> str:
    kept = street.store.account(account.id)
    assert kept is not None
    return kept.language


def test_a_client_without_a_key_is_new_each_time(street: Street, ses: Ses) -> None:
    street.account("siti", EMAIL)
    for _ in range(2):
        street.sign_in(EMAIL, None)
        assert heard(street, ses) == [EMAIL]


def test_a_passkey_makes_a_device_known_too(street: Street, ses: Ses) -> None:
    siti = street.account("siti", EMAIL)
    device = Device()
    opened = street.by_passkey(siti.id, device)
    assert heard(street, ses) == [EMAIL]
    street.now += timedelta(minutes=5)
    street.refresh(opened, device)
    street.sign_in(EMAIL, device)
    assert heard(street, ses) == []


def test_a_device_that_never_got_its_session_is_new_still(
    street: Street, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request died after it stored the session, and the device begins anew, by a code or by a passkey."""
    siti = street.account("siti", EMAIL)

    def dies(*_: object) -> None:
        raise Crash

    ways = (lambda device: street.sign_in(EMAIL, device), lambda device: street.by_passkey(siti.id, device))
    for device, again in zip((Device(), Device()), ways, strict=True):
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(NoticeService, "tell_sign_in", dies)
            again(device)
        assert heard(street, ses) == []
        again(device)
        assert heard(street, ses) == [EMAIL]


def test_a_session_that_only_used_up_a_code_makes_no_device_known(street: Street, ses: Ses) -> None:
    """Who sends a number's code with another contact's, and sends both again."""
    street.account("siti", PHONE, EMAIL, proved=STALE)
    device, code, other = Device(), street.entered(PHONE), street.entered(EMAIL)
    with pytest.raises(MoreProofNeeded):
        street.enter(SessionForm(code=code), device)
    assert heard(street, ses) == []
    form = SessionForm(code=code, other_code=other)
    for _ in range(2):
        street.enter(form, device)
    assert EMAIL in heard(street, ses)


def denied(street: Street, account: Account, opened: SessionOpened) -> None:
    street.services.deny_change(account.id, opened.session_id, street.now)


def test_the_link_signs_out_the_device_and_cancels_only_its_changes(street: Street, ses: Ses) -> None:
    siti = street.account("siti", EMAIL, OTHER_EMAIL)
    device, owner = Device(), street.session(siti, timedelta(hours=1))
    opened = street.sign_in(EMAIL, device)
    thief = street.store.session(siti.id, opened.session_id)
    assert thief is not None
    street.add(thief, "thief@example.com")
    street.remove(thief, OTHER_EMAIL)
    street.added(thief, Passkey())
    street.add(owner, "work@example.org")
    for _ in range(2):
        denied(street, siti, opened)
    assert len(street.pending(siti)) == 1, "the owner's own stays"
    with pytest.raises(SessionExpired):
        street.refresh(opened, device)
    street.now += WAIT
    assert {one.id for one in street.store.of(siti.id).sessions if one.ended_at is None} == {owner.id}
    street.consistent(siti)


def test_a_denied_change_takes_back_all_that_its_device_asked_for(street: Street) -> None:
    siti = street.account("siti", EMAIL, OTHER_EMAIL)
    thief = street.session(siti, timedelta())
    street.add(thief, "thief@example.com")
    street.remove(thief, OTHER_EMAIL)
    street.services.deny_change(siti.id, street.pending(siti)[0].change_id, street.now)
    assert street.pending(siti) == []


@pytest.mark.parametrize("where", ["before", "after"])
def test_after_a_crash_at_the_message_sending_the_code_again_queues_it(
    street: Street, ses: Ses, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    street.account("siti", EMAIL)
    street.account("budi", OTHER_EMAIL)
    street.sign_in("first@example.org", Device())
    form, device, calls = SessionForm(code=street.entered(EMAIL)), Device(), Calls(monkeypatch)
    probe = SessionForm(code=street.entered(OTHER_EMAIL))
    calls.reset()
    street.enter(probe, Device())
    at = calls.made.index(("sqs", "SendMessageBatch"))
    heard(street, ses)
    assert calls.dies(lambda: street.enter(form, device), where, at)
    calls.reset()
    street.enter(form, device)
    assert heard(street, ses) == [EMAIL]


def test_no_new_device_gets_in_while_nobody_can_be_told(
    street: Street, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.account("siti", EMAIL)
    form, device = SessionForm(code=street.entered(EMAIL)), Device()

    def down(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs.invalid")

    with monkeypatch.context() as patch:
        patch.setattr(Queue, "send", down)
        with pytest.raises(Unavailable):
            street.enter(form, device)
    street.enter(form, device)
    assert heard(street, ses) == [EMAIL]


def test_a_message_about_no_session_says_nothing(street: Street, ses: Ses) -> None:
    siti = street.account("siti", EMAIL)
    street.services.notices.tell_sign_in(siti.id, "a" * 26)
    assert heard(street, ses) == []
    assert street.told(siti) == []
