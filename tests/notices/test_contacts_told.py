"""Which contacts of a person are told: addresses and phones, who is not reached, and what then counts as told."""

from __future__ import annotations

import pytest

from chalicelib.notices import ses
from chalicelib.notices.rules import CHANGES, Kind, NoticeState
from chalicelib.notices.ses import NeverTaken, NotTaken, OutcomeUnknown
from tests.builders.notices import Phones, report

CHANGED = (Kind.DETAILS_CHANGED, "details_changed/1", {"what": "phone"})


def test_a_change_is_told_to_every_contact_and_everything_else_to_the_first_address(office):
    siti = office.person("+6281234567890", "siti@example.org", "siti@work.example")
    office.services.mailer._sms = phones = Phones()
    office.tell(siti)
    assert office.deliver() == []
    assert [(to, tag) for to, _, _, tag in office.ses.taken] == [("siti@example.org", f"{siti}_c1")]
    assert phones.taken == []

    office.ses.taken.clear()
    office.tell(siti, *CHANGED)
    assert office.deliver() == []
    assert [each[0] for each in office.ses.taken] == ["siti@example.org", "siti@work.example"]
    [(to, text)] = phones.taken
    assert to == "+6281234567890"
    assert text.startswith(f"Gelombang: {office.ses.taken[0][1].subject}. https://api.invalid/changes/")


def test_a_person_with_only_a_phone_gets_an_sms_if_sms_are_on(office):
    budi = office.person("+6281234567890")
    office.services.mailer._sms = phones = Phones()
    office.tell(budi)
    assert office.deliver() == []
    said = "Gelombang: Selamat, Anda terpilih di gelombang 60. https://api.invalid"
    assert phones.taken == [("+6281234567890", said)]
    assert office.state(budi) is NoticeState.SENT


LATER_AT = "2026-11-27T03:00:00Z"
OF_ACCOUNTS = {
    Kind.ACCOUNT_CHANGED: {"change": "contact_added"},
    Kind.ACCOUNT_CHANGING: {"change": "passkey_added", "takes_effect_at": LATER_AT},
    Kind.ACCOUNT_DELETING: {"takes_effect_at": LATER_AT, "reason": "asked", "stays": ""},
    Kind.ACCOUNT_KEPT: {"reason": "payment"},
    Kind.RECOVERY_BEGUN: {"takes_effect_at": LATER_AT},
    Kind.RECOVERY_ENDED: {},
    Kind.ADDRESS_GIVEN: {},
    Kind.ADDRESS_WAITING: {"pay_from_at": LATER_AT},
    Kind.SIGNED_IN: {"device": "phone", "signed_in_at": "2026-11-24T03:00:00Z"},
}


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("kind", OF_ACCOUNTS)
def test_a_person_with_only_a_phone_is_told_by_sms_with_the_link(office, kind, language):
    budi = office.person("+6281234567890", "+6281111111111", language=language)
    office.services.mailer._sms = phones = Phones()
    office.tell(budi, kind, f"{kind}/{'a' * 26}", OF_ACCOUNTS[kind])
    assert office.deliver() == []
    assert [to for to, _ in phones.taken] == ["+6281234567890", "+6281111111111"]
    texts = {text for _, text in phones.taken}
    assert len(texts) == 1
    said, _, link = texts.pop().rpartition(" ")
    assert link.startswith("https://api.invalid/changes/" if kind in CHANGES else "https://api.invalid")
    assert said.isascii()
    assert len(f"{said} {link}") <= 160, "one SMS"
    assert office.state(budi, f"{kind}/{'a' * 26}") is NoticeState.SENT
    assert office.ses.taken == []


@pytest.mark.parametrize("kind", OF_ACCOUNTS)
def test_a_person_with_only_a_phone_counts_as_not_told_without_sms(office, kind):
    """So money waits until an administrator has looked; of changes `GET /me/changes` tells at the next sign-in."""
    budi, event = office.person("+6281234567890"), f"{kind}/{'a' * 26}"
    office.tell(budi, kind, event, OF_ACCOUNTS[kind])
    assert office.deliver() == []
    assert office.state(budi, event) is NoticeState.NO_ADDRESS
    assert office.services.notices.told(budi, event) is None


@pytest.mark.parametrize("error", [NotTaken("Throttled"), OutcomeUnknown("ReadTimeoutError")])
def test_a_retry_writes_only_to_contacts_not_reached_yet(office, error):
    siti = office.person("siti@example.org", "siti@work.example")
    office.tell(siti, *CHANGED)
    messages = office.receive()
    office.ses.plan = [lambda: None, error]
    assert office.deliver(messages) == [messages[0]["messageId"]]
    assert office.deliver(messages) == []
    assert [each[0] for each in office.ses.taken] == ["siti@example.org", "siti@work.example"]
    assert office.state(siti, CHANGED[1]) is NoticeState.SENT


def test_a_person_counts_as_told_if_one_contact_kept_the_mail(office):
    siti = office.person("siti@example.org", "siti@work.example")
    office.tell(siti, *CHANGED)
    office.ses.plan = [NeverTaken("BadRequestException")]
    assert office.deliver() == []
    told = office.services.notices.told
    assert told(siti, CHANGED[1]) == office.now
    ses.take_report(report("Bounce", siti, "c0", bounceType="Permanent"), office.services.bounces, office.now)
    assert told(siti, CHANGED[1]) == office.now, "that was the other one's"
    ses.take_report(report("Bounce", siti, "c1", bounceType="Permanent"), office.services.bounces, office.now)
    assert told(siti, CHANGED[1]) is None
    office.tell(siti)
    assert office.deliver() == []
    assert office.state(siti) is NoticeState.CLOSED


def test_a_second_address_is_used_when_the_first_one_bounces(office):
    siti = office.person("siti@example.org", "siti@work.example")
    ses.take_report(report("Bounce", siti, "c0", bounceType="Permanent"), office.services.bounces, office.now)
    office.tell(siti)
    assert office.deliver() == []
    assert [each[0] for each in office.ses.taken] == ["siti@work.example"]
