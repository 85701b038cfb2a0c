"""Telling people: each event and each mail once despite crashes; bounces and unsubscribing."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from chalice.test import Client
from msgspec.structs import asdict

import app as application
from admin.deployment import stages
from chalicelib.errors import NotFound
from chalicelib.notices import ses
from chalicelib.notices.rules import DOUBTS_MAX, Kind, NoticeState
from chalicelib.notices.service import SENDING_LIMIT_S
from chalicelib.notices.ses import NeverTaken, NotTaken, OutcomeUnknown, Pace, SesMail
from chalicelib.notices.wire import ReminderForm
from infrastructure.functions import FUNCTIONS
from tests.builders.commands import invoke
from tests.builders.crashes import Crash, die
from tests.builders.notices import DEADLINE, PAID, PostOffice, report, sent_by_moto
from tests.conftest import REGION

LATER = timedelta(seconds=SENDING_LIMIT_S + 1)


def test_a_person_is_told_in_their_language_once(cloud, programme):
    office = PostOffice(cloud, programme, faked=False)
    siti, john = office.person("siti@example.org"), office.person("john@example.org", language="en")
    for person in (siti, john, siti, john):
        office.tell(person)

    messages = office.receive()
    bodies = {each["body"] for each in messages}
    assert bodies == {f'{{"v":1,"registrant_id":"{one}","event":"chosen/60"}}' for one in (siti, john)}
    assert len(messages) == 2, "and says nothing of a person but an id"
    assert office.deliver(messages + messages) == []

    mails = {mail.destinations["ToAddresses"][0]: mail for mail in sent_by_moto(REGION)}
    assert len(sent_by_moto(REGION)) == 2
    assert mails["siti@example.org"].subject == "Selamat, Anda terpilih di gelombang 60"
    assert mails["john@example.org"].subject == "Congratulations, you were chosen in wave 60"
    assert "Rp3.500.000" in mails["john@example.org"].body
    assert mails["siti@example.org"].source == "Gelombang <kabar@gelombang.example>"
    assert office.state(siti) is office.state(john) is NoticeState.SENT


def test_unknown_facts_are_refused_before_anything_is_stored(office):
    with pytest.raises(ValueError, match="buy_by"):
        office.tell("person", facts={"wave": 60})
    assert office.store.notice("person", "chosen/60") is None


@pytest.mark.parametrize("dies", [Crash(), die], ids=["before the mail went out", "after it"])
def test_a_mail_is_sent_again_if_the_sender_dies_after_its_claim(office, dies):
    siti = office.person("siti@example.org")
    office.tell(siti)
    messages = office.receive()
    office.ses.plan = [dies]

    with pytest.raises(Crash):
        office.deliver(messages)
    assert office.state(siti) is NoticeState.SENDING
    assert office.deliver(messages) == [], "the claim may still be in somebody's hands"
    assert office.services.notices.sweep() == 0
    office.now += LATER
    assert office.services.notices.sweep() == 1
    assert office.deliver() == []

    assert len(office.ses.taken) == (1 if isinstance(dies, Crash) else 2)
    assert office.state(siti) is NoticeState.SENT


@pytest.mark.parametrize("dies", [True, False], ids=["the function dies", "SES does not answer"])
def test_a_mail_of_unknown_outcome_is_given_up_with_an_error(office, caplog, dies):
    siti = office.person("siti@example.org")
    office.tell(siti)
    messages = office.receive()
    again = [messages[0]["messageId"]]
    for _ in range(2 * DOUBTS_MAX):
        office.ses.plan = [NotTaken("Throttled")]
        assert office.deliver(messages) == again
    for n in range(DOUBTS_MAX):
        office.ses.plan = [Crash() if dies else OutcomeUnknown("ReadTimeoutError")]
        if dies:
            with pytest.raises(Crash):
                office.deliver(messages)
            office.now += LATER
            assert office.services.notices.sweep() == (n < DOUBTS_MAX - 1)
        else:
            assert office.deliver(messages) == (again if n < DOUBTS_MAX - 1 else [])
    assert office.state(siti) is NoticeState.UNKNOWN
    assert [each.levelname for each in caplog.records if each.message == "mail_outcome_unknown"] == [
        *["WARNING"] * (DOUBTS_MAX - 1),
        "ERROR",
    ]


@pytest.mark.parametrize(
    ("code", "level"), [("AccessDeniedException", "ERROR"), ("TooManyRequestsException", "WARNING")]
)
def test_a_mail_that_ses_refuses_for_good_rings(office, caplog, code, level):
    siti = office.person("siti@example.org")
    office.tell(siti)
    with Stubber(ses := boto3.client("sesv2", office.cloud.region)) as stub:
        stub.add_client_error("send_email", code)
        office.services.mailer._mail = SesMail(ses, "x@example.org", "set", Pace(100))
        assert len(office.deliver()) == 1
    assert office.state(siti) is NoticeState.QUEUED, "nothing is lost"
    assert [each.levelname for each in caplog.records if each.message == "mail_not_taken"] == [level]


def test_a_claim_expires_only_after_the_longest_life_of_a_function():
    [timeout_s] = [function.timeout_s for function in FUNCTIONS if function.name == "send_mail"]
    assert 2 * timeout_s < SENDING_LIMIT_S


def test_a_mail_that_may_have_been_sent_is_sent_again(office):
    siti, budi, ani = (office.person(f"{name}@example.org") for name in ("siti", "budi", "ani"))
    for person in (siti, budi, ani):
        office.tell(person)
        office.ses.plan.append(
            {siti: OutcomeUnknown("ReadTimeoutError"), budi: NotTaken("Throttled"), ani: NeverTaken("Bad")}[person]
        )
    in_order = sorted(office.receive(), key=lambda each: [siti, budi, ani].index(_person(each)))

    assert office.deliver(in_order) == [each["messageId"] for each in in_order[:2]]
    assert [office.state(each) for each in (siti, budi, ani)] == [
        NoticeState.QUEUED,
        NoticeState.QUEUED,
        NoticeState.REFUSED,
    ]
    assert office.deliver(in_order) == []
    assert [each[0] for each in office.ses.taken] == ["siti@example.org", "budi@example.org"]
    assert office.state(siti) is NoticeState.SENT


def test_a_lost_message_is_queued_again_when_nothing_else_waits(office, monkeypatch):
    office.now = office.now.replace(microsecond=412)  # in the first millisecond of a second
    siti, budi = office.person("siti@example.org"), office.person("budi@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(
            "chalicelib.aws.queues.Queue.send",
            lambda *_: (_ for _ in ()).throw(ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage")),
        )
        office.tell(siti)  # the queue is out of reach: it is kept, and the caller goes on
    office.now += LATER
    office.tell(budi)

    assert office.services.notices.sweep() == 0, "a message waits, so a wave's results may be on their way"
    assert office.deliver() == []
    assert office.services.notices.sweep() == 1
    assert office.services.notices.sweep() == 0, "it waits in the queue again"
    assert office.deliver() == []
    assert [each[0] for each in office.ses.taken] == ["budi@example.org", "siti@example.org"]


def test_a_bounced_or_complaining_mailbox_is_marked_by_the_messages_tag_and_left_alone(office, monkeypatch):
    siti, budi, ani = (office.person(f"{name}@example.org") for name in ("siti", "budi", "ani"))
    ses.take_report(report("Bounce", siti, bounceType="Permanent"), office.services.bounces, office.now)
    ses.take_report(report("Bounce", budi, bounceType="Transient"), office.services.bounces, office.now)
    ses.take_report(report("Complaint", ani), office.services.bounces, office.now)
    ses.take_report("not JSON", office.services.bounces, office.now)
    for person in (siti, budi, ani):
        office.tell(person)

    assert office.deliver() == []
    assert [each[0] for each in office.ses.taken] == ["budi@example.org"]
    assert office.state(siti) is office.state(ani) is NoticeState.CLOSED

    stage = stages.Stage("test", "https://api.invalid", office.cloud)
    monkeypatch.setattr(stages, "load", lambda _: stage)
    monkeypatch.setattr(stages, "caller", lambda: "arn:aws:iam::123456789012:user/ani")
    monkeypatch.setattr(stage.services.registrations, "registrant", lambda _: None)
    told = json.loads(invoke(["mailbox", "show", "--stage", "test", siti, "--json"]).stdout)
    assert told["closed_contacts"] == [{"contact": "c0", "since": "2026-11-24T03:00:00Z", "because": "bounce"}]
    assert (told["mailbox"], told["refused_kinds"]) == ("closed", [])
    office.services.own_notices.remind(siti, ReminderForm(survey_open=False, survey_deadline=False), office.now)
    reopened = invoke(["mailbox", "reopen", "--stage", "test", siti, "--reason", "trial"])
    assert "mailbox          open" in reopened.output
    assert "refused kinds    survey_deadline, survey_open" in reopened.output
    office.tell(siti, Kind.PAID, "paid/1", PAID)
    office.deliver()
    assert office.state(siti, "paid/1") is NoticeState.SENT


def test_reminders_end_with_a_click_and_payments_do_not(office):
    siti = office.person("siti@example.org")
    office.tell(siti, Kind.PURCHASE_DEADLINE, "purchase_deadline/60/432000", DEADLINE)
    office.tell(siti, Kind.PAID, "paid/1", PAID)
    office.deliver()
    urls = {text.subject: url for _, text, url, _ in office.ses.taken}
    url = urls.pop("Tinggal 15 hari untuk membeli pelatihan pertama")
    assert url.startswith("https://api.invalid/unsubscriptions/")
    assert list(urls.values()) == [None]
    token = url.rpartition("/")[2]

    page = office.services.unsubscriptions.page(token)
    assert '<form method="post">' in page
    assert office.store.mailbox(siti).unsubscribed_at is None, "a program that opens links has changed nothing"
    for _ in range(2):
        assert "tidak akan menerima" in office.services.unsubscriptions.end(token, office.now)
    office.tell(siti, Kind.PURCHASE_DEADLINE, "purchase_deadline/60/86400", DEADLINE)
    office.tell(siti, Kind.PAID, "paid/2", PAID)
    office.deliver()

    assert office.state(siti, "purchase_deadline/60/86400") is NoticeState.UNSUBSCRIBED
    assert office.state(siti, "paid/2") is NoticeState.SENT
    assert office.store.give_token(siti, "another") == token, "a person keeps one link"
    with pytest.raises(NotFound):
        office.services.unsubscriptions.end("another", office.now)


def test_a_person_sees_what_they_were_told_and_chooses_each_kind_of_reminder(office):
    siti = office.person("siti@example.org")
    own, before = (
        office.services.own_notices,
        dict.fromkeys(("purchase_deadline", "survey_open", "survey_deadline"), True),
    )
    office.tell(siti, Kind.PAID, "paid/1", PAID)
    office.deliver()
    office.now += timedelta(minutes=1)
    assert asdict(own.remind(siti, ReminderForm(purchase_deadline=False), office.now)) == before | {
        "purchase_deadline": False
    }
    office.tell(siti, Kind.PURCHASE_DEADLINE, "purchase_deadline/60/432000", DEADLINE)
    office.deliver()

    seen = own.of(siti)
    assert [(one.kind, one.state) for one in seen.notices] == [
        (Kind.PURCHASE_DEADLINE, NoticeState.UNSUBSCRIBED),
        (Kind.PAID, NoticeState.SENT),
    ]
    assert (len(seen.notices[0].sent_to), len(seen.notices[1].sent_to)) == (0, 1)
    assert seen.notices[1].facts == PAID
    assert seen.reminders.purchase_deadline is False

    office.store.unsubscribe(siti, office.now)
    assert asdict(own.of(siti).reminders) == dict.fromkeys(before, False)
    changed = own.remind(siti, ReminderForm(survey_open=True, purchase_deadline=True), office.now)
    assert asdict(changed) == before | {"survey_deadline": False}
    assert asdict(own.remind(siti, ReminderForm(survey_deadline=True), office.now)) == before
    assert own.remind(siti, ReminderForm(), office.now) == own.of(siti).reminders
    assert own.of("somebody else").notices == []
    off = own.remind(siti, ReminderForm(purchase_deadline=False, survey_open=False, survey_deadline=False), office.now)
    assert asdict(off) == dict.fromkeys(before, False)
    assert office.store.mailbox(siti).unsubscribed_at == office.now


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=b",
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
        ),
    ],
)
def test_a_mail_program_ends_reminders_by_either_form_of_one_click(office, monkeypatch, content_type, body):
    monkeypatch.setattr(application, "services", lambda: office.services)
    monkeypatch.setattr(application.app, "clock", lambda: office.now)
    token = office.store.give_token("siti", "a" * 26)
    with Client(application.app) as client:
        path, headers = f"/unsubscriptions/{token}", {"Content-Type": content_type}
        answer = client.http.post(path, headers=headers, body=body.encode())

    assert answer.status_code == 200
    assert office.store.mailbox("siti").unsubscribed_at == office.now


def test_an_outdated_mail_or_one_without_a_recipient_is_not_sent(office):
    siti, budi = office.person("siti@example.org"), office.person("+6281234567890")
    office.tell(siti, Kind.PURCHASE_DEADLINE, "d", {"buy_by": "2026-11-24T03:00:00Z"})
    for person in (budi, "no-such-account"):
        office.tell(person)

    assert office.deliver() == []
    assert office.ses.taken == []
    assert office.state(siti, "d") is NoticeState.EXPIRED
    assert office.state(budi) is office.state("no-such-account") is NoticeState.NO_ADDRESS


def test_a_foreign_message_becomes_a_dead_letter_and_one_about_a_deleted_notice_does_not(office):
    bad = {"messageId": "bad", "body": '{"v":2}'}
    forgotten = {"messageId": "forgotten", "body": '{"v":1,"registrant_id":"x","event":"chosen/1"}'}

    assert office.deliver([bad, forgotten]) == ["bad"]


def test_the_functions_pass_their_events_to_the_services(office, monkeypatch):
    monkeypatch.setattr(application, "services", lambda: office.services)
    monkeypatch.setattr(application.app, "clock", lambda: office.now)
    siti = office.person("siti@example.org")
    office.tell(siti)
    with Client(application.app) as client:
        bodies = [each["body"] for each in office.receive()]
        sent = client.lambda_.invoke("send_mail", client.events.generate_sqs_event(bodies))
        bounce = report("Bounce", siti, bounceType="Permanent")
        client.lambda_.invoke("mail_feedback", client.events.generate_sns_event(bounce))

    assert sent.payload == {"batchItemFailures": []}
    assert office.state(siti) is NoticeState.SENT
    assert {name: closed.because for name, closed in office.store.mailbox(siti).closed.items()} == {"c0": "bounce"}


def _person(record) -> str:
    return record["body"].split('"')[5]
