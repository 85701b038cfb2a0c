"""A start does not show whether there is an account: answers, calls and messages are the same."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from chalice.test import HTTPResponse

from chalicelib.accounts.delivery.texts import CodeText
from chalicelib.config import Programme, Settings
from tests.builders.accounts.contacts import Household
from tests.builders.accounts.sign_ins import SignInsWorld
from tests.builders.crashes import Calls
from tests.conftest import T0
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, serving

# Of one length: an answer may have the length of what was sent.
KNOWN, UNKNOWN = "siti@example.org", "budi@example.org"


def without_ids(answer: HTTPResponse) -> tuple[int, str, dict[str, str]]:
    """All that an answer tells, but what is random in it."""
    body = re.sub(r'"(sign_in_id|secret)":"[a-z0-9]+"', r'"\1":"X"', answer.body.decode())
    return answer.status_code, body, dict(answer.headers)


def tour(gateway: Gateway, contact: str) -> list[tuple[int, str, dict[str, str]]]:
    """Every answer on the way: begun, looked at, again too soon, again, wrong secret, and as often as may be."""
    gateway.now = T0
    begin = Call(routes.START, {"contact": contact, "device": "phone"})
    first = gateway.send(begin)
    sign_in_id, secret = first.json_body["sign_in_id"], first.json_body["secret"]
    again = Call(routes.SEND_AGAIN, {"secret": secret}).at(sign_in_id)
    sent = [first, gateway.send(Call(routes.SIGN_IN_PROGRESS).at(sign_in_id)), gateway.send(again)]
    gateway.services.sign_ins.store.handed_over(sign_in_id, 1, gateway.now)
    gateway.now = T0.replace(minute=5)
    sent += [gateway.send(again), gateway.send(again.but(body={"secret": "0" * 64}))]
    sent += [gateway.send(begin) for _ in range(6)]
    return [without_ids(answer) for answer in sent]


def test_answers_and_calls_are_the_same_with_and_without_an_account(
    cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch
):
    Household(cloud, programme).account("siti", KNOWN)
    with serving(cloud, programme) as gateway:
        tour(gateway, "first@example.org")  # what a process keeps
        calls = Calls(monkeypatch)
        told = {}
        for contact in (KNOWN, UNKNOWN):
            calls.reset()
            told[contact] = tour(gateway, contact), list(calls.made)
    assert told[KNOWN] == told[UNKNOWN]
    assert {status for status, _, _ in told[KNOWN][0]} == {202, 200, 429, 404}


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_message_is_the_same_but_for_its_code(cloud: Settings, programme: Programme, language):
    house = Household(cloud, programme)
    house.account("siti", KNOWN)
    for contact in (KNOWN, UNKNOWN):
        house.start(contact)
    assert house.deliver() == []
    texts = [text for _, text, _ in house.channel.taken]
    assert len(texts) == 2
    for part in ("subject", "mail", "sms"):
        one, other = (re.sub(r"\d{6}", "CODE", getattr(text, part)) for text in texts)
        assert one == other


def test_a_flooded_person_signs_in_by_a_sent_code_or_from_a_known_device(signing: SignInsWorld):
    own, before = signing.sent(device_key="own"), signing.sent()
    strangers: list[Callable[[], object]] = [signing.start] * 50
    refused = [one for one in map(outcome, strangers) if one == "too_many_codes"]
    assert len(refused) == 50 - (signing.rules.codes_per_hour - 1)
    assert signing.judge(before, signing.code(before))
    assert signing.judge(own, signing.code(own))
    assert signing.deliver() == []
    # No more than one message of the strangers waited: the person's mailbox has three codes, not fifty.
    assert len(signing.channel.taken) <= 3
    assert isinstance(signing.channel.taken[0][1], CodeText)


def outcome(act: Callable[[], object]) -> str:
    from chalicelib.errors import DomainError

    try:
        act()
    except DomainError as error:
        return error.code
    return "begun"
