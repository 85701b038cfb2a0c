"""Sending codes from the queue: after failures, delays and repeats the code that arrives is the right one."""

from __future__ import annotations

import json
import logging

import boto3
import pytest
from chalice.test import Client
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

import app as application
from chalicelib.accounts.contacts.contact import Contact
from chalicelib.accounts.delivery.sms_costs import SmsCosts
from chalicelib.accounts.errors import CodeExpired
from chalicelib.notices.ses import NeverTaken, NotTaken, OutcomeUnknown
from tests.builders.accounts.sign_ins import ADDRESS, SITI, SignInsWorld, offering_sms
from tests.builders.aws.calls import stated
from tests.builders.crashes import SOME_OR_ALL, Calls

NUMBER = "+6281234567890"


def progress(signing: SignInsWorld, started) -> str:
    return signing.sign_ins.progress(started.sign_in.id, signing.now).state


def test_a_sent_code_is_accepted_and_lives_ten_minutes_from_its_sending(signing: SignInsWorld):
    started = signing.start()
    signing.later(1800)
    assert signing.deliver() == []
    [(to, _, sign_in_id)] = signing.channel.taken
    assert (to, sign_in_id) == (Contact("email", SITI), started.sign_in.id)
    assert progress(signing, started) == "sent"
    signing.later(599)
    assert signing.judge(started, signing.channel.codes[0])
    signing.later(1)
    with pytest.raises(CodeExpired):
        signing.judge(started, signing.channel.codes[0])


def test_a_message_that_comes_twice_sends_nothing_more(signing: SignInsWorld):
    started = signing.start()
    for _ in range(3):
        signing.sender.serve(started.sign_in.budget_id, "2026-11-24")
    assert len(signing.channel.taken) == 1


def test_a_recorded_code_is_not_sent_again_after_a_crash(signing: SignInsWorld):
    started = signing.start()
    signing.sign_ins.store.handed_over(started.sign_in.id, 1, signing.now)
    assert signing.deliver() == []
    assert signing.channel.taken == []
    assert signing.sign_ins.budgets.waiting(started.sign_in.budget_id, "2026-11-24") is None


@pytest.mark.parametrize("where", ["before", "after"])
@SOME_OR_ALL
def test_after_a_crash_at_any_call_the_repeated_message_sends_the_same_code(signing, monkeypatch, where, picked):
    calls = Calls(monkeypatch)
    signing.sender.serve(signing.start("first@example.org").sign_in.budget_id, "2026-11-24")  # what a process keeps
    signing.channel.taken.clear()
    started = signing.start()
    calls.reset()
    signing.sender.serve(started.sign_in.budget_id, "2026-11-24")
    points = range(len(calls.made))
    for at in picked(points):
        signing.channel.taken.clear()
        started = signing.start(f"person-{at}@example.org")
        budget_id = started.sign_in.budget_id
        assert calls.dies(lambda budget_id=budget_id: signing.sender.serve(budget_id, "2026-11-24"), where, at)
        signing.sender.serve(budget_id, "2026-11-24")
        assert set(signing.channel.codes) == {signing.code(started)}
        assert len(signing.channel.codes) <= 2
        assert signing.judge(started, signing.code(started))
        assert signing.sign_ins.budgets.waiting(budget_id, "2026-11-24") is None
    assert len(points) > 4


def test_a_channel_that_refuses_for_now_is_tried_again(signing: SignInsWorld, caplog):
    started = signing.start()
    signing.sender.serve("nobody", "2026-11-24")
    signing.channel.plan = [NotTaken("TooManyRequestsException"), NotTaken("SendingPausedException")]
    for _ in range(2):
        assert len(signing.deliver()) == 1
        assert progress(signing, started) == "queued"
    signing.later(300)
    assert signing.deliver() == []
    assert signing.judge(started, signing.channel.codes[0])
    assert [record.levelno for record in caplog.records if record.message == "code_not_taken"] == [logging.ERROR] * 2


@pytest.mark.parametrize(("contact", "more"), [(SITI, []), ("081234567890", ["UpdateItem", "UpdateItem"])])
def test_sending_a_code_makes_these_calls_besides_the_channels(signing: SignInsWorld, monkeypatch, contact, more):
    world = SignInsWorld(signing.settings, offering_sms(signing.services.programme))
    world.sign_ins.contact(world.start("first@example.org").sign_in)  # what a process keeps
    started, costs = world.start(contact), SmsCosts(world.rules.sms)
    sender = world.sender
    world.channel.plan = [lambda: costs.allows(NUMBER, world.now)] if more else []
    calls = Calls(monkeypatch)
    sender.serve(started.sign_in.budget_id, "2026-11-24")
    made = [operation for _, operation in calls.made]
    assert made == ["GetItem", "GetItem", "GenerateMac", *more, "UpdateItem", "UpdateItem", "GetItem"]
    assert len(made) + 1 == stated("a code by SMS" if more else "a code by mail")


def test_an_undeliverable_code_is_shown_as_such_and_not_sent_again(signing: SignInsWorld):
    started = signing.start()
    signing.sender.serve("nobody", "2026-11-24")
    signing.channel.plan = [NeverTaken("BadRequestException")]
    assert signing.deliver() == []
    assert progress(signing, started) == "undeliverable"
    signing.sender.serve(started.sign_in.budget_id, "2026-11-24")
    assert signing.channel.taken == []


def test_a_code_of_unknown_delivery_is_accepted(signing: SignInsWorld):
    started = signing.start()
    signing.sender.serve("nobody", "2026-11-24")
    signing.channel.plan = [OutcomeUnknown("ReadTimeoutError")]
    assert signing.deliver() == []
    assert signing.judge(started, signing.code(started))
    signing.later(60)
    signing.sign_ins.again(started.sign_in.id, started.secret, ADDRESS, signing.now)
    assert signing.deliver() == []
    assert signing.channel.codes == [signing.code(started, 2)]


def test_of_several_waiting_sign_ins_of_a_contact_the_last_gets_its_code(signing: SignInsWorld):
    first, second = signing.start(), signing.start()
    assert signing.deliver() == []
    assert signing.channel.codes == [signing.code(second)]
    assert (progress(signing, first), progress(signing, second)) == ("queued", "sent")


def test_a_sign_in_started_during_a_sending_is_served_too(signing: SignInsWorld):
    first = signing.start()
    signing.sender.serve("nobody", "2026-11-24")
    begun = []
    signing.channel.plan = [lambda: begun.append(signing.start())]
    assert signing.deliver() == []
    assert signing.channel.codes == [signing.code(first), signing.code(begun[0])]
    assert signing.queued() == []


def test_the_consumer_waits_for_a_sign_in_not_stored_yet(signing: SignInsWorld, monkeypatch):
    store = signing.sign_ins.store
    written = []
    monkeypatch.setattr(store, "put", written.append)
    started = signing.start()
    monkeypatch.undo()
    monkeypatch.setattr(signing, "pauses", pauses := [])
    signing.sender._sleep = lambda seconds: (pauses.append(seconds), store.put(written[0]))
    assert signing.deliver() == []
    assert pauses == [1]
    assert signing.judge(started, signing.channel.codes[0])


def test_a_start_that_died_half_way_is_dropped(signing: SignInsWorld, monkeypatch):
    monkeypatch.setattr(signing.sign_ins.store, "put", lambda _: None)
    started = signing.start()
    assert signing.deliver() == []
    assert signing.channel.taken == []
    assert signing.sign_ins.budgets.waiting(started.sign_in.budget_id, "2026-11-24") is None


def test_nothing_is_sent_for_a_sign_in_that_is_over(signing: SignInsWorld):
    signing.start()
    signing.later(3600)
    assert signing.deliver() == []
    assert signing.channel.taken == []


def test_nothing_personal_is_logged(signing: SignInsWorld, caplog):
    caplog.set_level(logging.DEBUG, "chalicelib")
    started = signing.start()
    signing.sender.serve("nobody", "2026-11-24")
    signing.channel.plan = [NotTaken("x"), NeverTaken("x")]
    signing.deliver()
    signing.deliver()
    logged = "".join(repr(vars(record)) for record in caplog.records)
    for secret in (SITI, "siti", signing.code(started), started.secret, started.sign_in.contact_mac):
        assert secret not in logged
    assert "code_not_taken" in logged


def test_the_functions_send_by_ses_and_hear_of_a_bounce(signing: SignInsWorld, monkeypatch):
    region = signing.settings.region
    boto3.client("sesv2", region).create_email_identity(EmailIdentity=signing.settings.mail_domain)
    monkeypatch.setattr(application, "services", lambda: signing.services)
    monkeypatch.setattr(application.app, "clock", lambda: signing.now)
    started = signing.start()
    with Client(application.app) as client:
        answer = client.lambda_.invoke("send_code", client.events.generate_sqs_event([*signing.queued(), "no message"]))
        [mail] = ses_backends[DEFAULT_ACCOUNT_ID][region].sent_messages
        assert len(answer.payload["batchItemFailures"]) == 1  # `generate_sqs_event` gives every record the same id
        assert mail.destinations["ToAddresses"] == [SITI]
        assert signing.code(started) in mail.body
        assert signing.judge(started, signing.code(started))
        for kind in ("Transient", "Permanent"):
            bounce = {"bounceType": kind}
            report = {"eventType": "Bounce", "bounce": bounce, "mail": {"tags": {"sign_in": [started.sign_in.id]}}}
            client.lambda_.invoke("mail_feedback", client.events.generate_sns_event(json.dumps(report)))
            assert progress(signing, started) == ("sent" if kind == "Transient" else "undeliverable")
