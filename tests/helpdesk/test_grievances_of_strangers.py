"""Anybody with an account may complain, even before a registration, and the text is encrypted too."""

from __future__ import annotations

from datetime import date
from typing import Any

import boto3
import pytest
from cryptography.exceptions import InvalidTag

from chalicelib import wiring
from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError, Unavailable
from chalicelib.helpdesk.rules import AboutRegistration, Category
from chalicelib.helpdesk.wire import GrievanceForm, GrievanceView
from chalicelib.registration import errors
from chalicelib.registration.account_keys import AccountKeys
from chalicelib.registration.exclusions.service import ExclusionList
from chalicelib.registration.rules import Employment
from tests.builders.registration import SITI, form, other_form
from tests.conftest import T0

TEXT = "NIK saya 3174095708950001 sudah dipakai orang lain."
ADMIN = "arn:aws:iam::123456789012:user/dewi"


@pytest.fixture
def services(cloud: Settings, programme: Programme) -> wiring.Services:
    return wiring.Services(cloud, programme)


def complain(services: wiring.Services, who: str, text: str = TEXT) -> GrievanceView:
    return services.helpdesk.file(who, GrievanceForm(AboutRegistration(), Category.ELIGIBILITY, text), T0)[0]


REFUSED: dict[type[DomainError], dict[str, Any]] = {
    errors.NikAlreadyRegistered: {"phone": "081311112222"},
    errors.PhoneAlreadyUsed: {"nik": other_form(7).nik},
    errors.Excluded: {"nik": other_form(8).nik, "phone": "081311112222"},
    errors.UnderAge: {"birth_date": date(2010, 1, 31)},
    errors.OverAge: {"birth_date": date(1950, 1, 31)},
    errors.ExcludedOccupation: {"employment": Employment.POLICE},
    errors.InFormalEducation: {"employment": Employment.STUDENT},
}


def test_a_refused_person_can_complain_and_gets_the_answer_and_its_mail(services):
    services.register("siti", SITI, T0)
    police = ExclusionList("police", "1", T0.date())
    services.exclusion_lists.import_list(police, ["nik", other_form(8).nik], "arn", "a decree", lambda: T0)
    for refusal, changes in REFUSED.items():
        who = refusal.code
        with pytest.raises(refusal):
            services.register(who, form(**changes), T0)
        number = complain(services, who).number
        assert complain(services, who).number == number, "a second click"
        assert [one.text for one in services.helpdesk.of(who)] == [TEXT]
        assert services.helpdesk.show(number).text == TEXT
        assert services.helpdesk.escalate(number, "check the KTP", ADMIN, T0)
        assert services.helpdesk.answer(number, "Sudah kami perbaiki.", ADMIN, T0)
        [seen] = services.helpdesk.of(who)
        assert (seen.state, seen.answer.text) == ("ANSWERED", "Sudah kami perbaiki.")
        sqs = boto3.client("sqs", services.settings.region)
        [mail] = sqs.receive_message(QueueUrl=services.settings.mails_queue_url)["Messages"]
        assert who in mail["Body"]
        sqs.delete_message(QueueUrl=services.settings.mails_queue_url, ReceiptHandle=mail["ReceiptHandle"])


def test_texts_from_before_and_after_the_registration_can_be_read(services):
    complain(services, "siti")
    services.register("siti", SITI, T0)
    complain(services, "siti", "Yang lain.")
    assert {one.text for one in services.helpdesk.of("siti")} == {TEXT, "Yang lain."}
    services.register("budi", other_form(7), T0)
    complain(services, "budi")
    assert [one.text for one in services.helpdesk.of("budi")] == [TEXT]


@pytest.mark.parametrize("who_is_first", ["a registration", "another complaint"])
def test_a_key_written_meanwhile_is_used(services, monkeypatch, who_is_first):
    keep = AccountKeys._keep

    def overtaken(self: AccountKeys, registrant_id: str, wrapped: bytes) -> bool:
        monkeypatch.setattr(AccountKeys, "_keep", keep)
        if who_is_first == "a registration":
            services.register("siti", SITI, T0)
        else:
            complain(services, "siti", "Lebih dulu.")
        return keep(self, registrant_id, wrapped)

    monkeypatch.setattr(AccountKeys, "_keep", overtaken)
    complain(services, "siti")
    assert TEXT in {one.text for one in services.helpdesk.of("siti")}


def test_a_request_that_always_loses_races_is_answered_with_503(services, monkeypatch):
    monkeypatch.setattr(AccountKeys, "_keep", lambda *_: False)
    with pytest.raises(Unavailable):
        complain(services, "siti")


def test_texts_are_stored_encrypted_and_destroying_the_key_erases_them(services, cloud):
    complain(services, "siti")
    scan = boto3.client("dynamodb", cloud.region).scan
    stored = str([scan(TableName=cloud.table(name))["Items"] for name in ("helpdesk", "registrations")])
    assert "3174095708950001" not in stored
    table = boto3.resource("dynamodb", cloud.region).Table(cloud.table("registrations"))
    table.delete_item(Key={"pk": "R#siti", "sk": "KEY"})
    with pytest.raises(InvalidTag):
        services.helpdesk.of("siti")
