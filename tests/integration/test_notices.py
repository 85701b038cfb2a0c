"""Telling people, on the real tables and queue."""

from __future__ import annotations

from datetime import timedelta

import boto3

from chalicelib.notices.port import Kind
from chalicelib.notices.rules import State
from chalicelib.wiring import Services
from tests.conftest import REGION, T0

PERSON = "5d9b0a3e-0000-4000-8000-000000000001"
CHOSEN = {"wave": 60, "training_idr": 3_500_000, "buy_by": "2026-12-09T17:00:00Z"}


def messages(cloud):
    sqs = boto3.client("sqs", REGION)
    got = []
    while batch := sqs.receive_message(QueueUrl=cloud.mails_queue_url, MaxNumberOfMessages=10).get("Messages"):
        got += batch
    return got


def test_a_person_is_told_an_event_once(cloud, programme):
    services = Services(cloud, programme, clock=lambda: T0)
    for _ in range(3):
        services.notices.tell(PERSON, Kind.CHOSEN, "chosen/60", CHOSEN)

    assert [m["Body"] for m in messages(cloud)] == ['{"v":1,"registrant_id":"%s","event":"chosen/60"}' % PERSON]
    assert services._notice_store.notice(PERSON, "chosen/60").state is State.QUEUED
