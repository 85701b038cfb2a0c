"""Calls to SES: their content and rate, and the meaning of its answers."""

from __future__ import annotations

import json
from functools import partial
from traceback import format_exception

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from chalicelib.aws import clients
from chalicelib.notices.ses import NeverTaken, NotTaken, OutcomeUnknown, Pace, SesMail, Suppressed
from chalicelib.notices.texts import MailText
from tests.conftest import REGION

URL = "https://email.example"
ADDRESS = "siti+1@example.org"


class Wire:
    """Answers every request at the edge of botocore: with a status and a code, or an exception."""

    def __init__(self, client, status: int = 200, code: str = "", error: Exception | None = None) -> None:
        self.bodies: list[dict] = []
        self._status, self._code, self._error = status, code, error
        client.meta.events.register("before-send.sesv2.*", self._send)

    def _send(self, request, **_):
        self.bodies.append(json.loads(request.body))
        if self._error is not None:
            raise self._error
        body = b'{"MessageId": "m-1"}' if self._status == 200 else b'{"message": "siti@example.org is bad"}'
        answer = AWSResponse(URL, self._status, {"x-amzn-ErrorType": self._code}, None)
        answer._content = body
        return answer


def mail(client) -> SesMail:
    return SesMail(client, "Gelombang <kabar@g.example>", "gelombang-test-mails", Pace(1000, lambda _: None))


def send(client, url: str | None = None) -> str:
    return mail(client).send("siti@example.org", MailText("Halo", "Isi"), "person-1_c0", url)


def test_a_mail_has_a_tag_for_its_person_and_a_reminder_an_unsubscribe_link():
    client = clients.client("sesv2", REGION, attempts=1)
    wire = Wire(client)

    assert send(client) == "m-1"
    assert send(client, "https://api/unsubscriptions/x") == "m-1"

    first, reminder = wire.bodies
    assert first["FromEmailAddress"] == "Gelombang <kabar@g.example>"
    assert first["EmailTags"] == [{"Name": "registrant", "Value": "person-1_c0"}]
    assert first["ConfigurationSetName"] == "gelombang-test-mails"
    assert "Headers" not in first["Content"]["Simple"]
    assert reminder["Content"]["Simple"]["Headers"] == [
        {"Name": "List-Unsubscribe", "Value": "<https://api/unsubscriptions/x>"},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]


@pytest.mark.parametrize(
    ("wire", "meaning"),
    [
        ({"status": 429, "code": "TooManyRequestsException"}, NotTaken),
        ({"status": 400, "code": "SendingPausedException"}, NotTaken),
        ({"status": 400, "code": "MessageRejected"}, NotTaken),  # also: the sender is not verified yet
        ({"status": 403, "code": "AccessDeniedException"}, NotTaken),
        ({"status": 400, "code": "BadRequestException"}, NeverTaken),
        ({"status": 500, "code": "InternalFailure"}, OutcomeUnknown),
        ({"status": 503, "code": "ServiceUnavailable"}, OutcomeUnknown),
        ({"error": ReadTimeoutError(endpoint_url=URL)}, OutcomeUnknown),
        ({"error": EndpointConnectionError(endpoint_url=URL)}, NotTaken),
        ({"error": ConnectTimeoutError(endpoint_url=URL)}, NotTaken),
        ({"error": NoCredentialsError()}, NoCredentialsError),
        ({"error": ParamValidationError(report="x")}, ParamValidationError),
    ],
)
def test_each_answer_of_ses_is_classified_and_nothing_is_retried(wire, meaning):
    client = clients.client("sesv2", REGION, attempts=1)
    asked = Wire(client, **wire)

    with pytest.raises(meaning) as refused:
        send(client)
    assert len(asked.bodies) == 1, "the library must not repeat a call that may have been taken"
    assert "siti" not in str(refused.value)
    if meaning is OutcomeUnknown and "error" in wire:
        ordinary = clients.client("sesv2", REGION)
        asked = Wire(ordinary, **wire)
        with pytest.raises(meaning):
            send(ordinary)
        assert len(asked.bodies) == 2, "an ordinary client would have sent it twice"


def test_mails_are_sent_evenly_within_the_rate():
    now, waits = [100.0], []

    def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))
        now[0] += seconds

    pace = Pace(4, sleep, lambda: now[0])
    for _ in range(3):
        pace.wait()
    now[0] += 10  # a pause is not made up for
    pace.wait()
    pace.wait()

    assert waits == [0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (200, "", None),
        (404, "NotFoundException", None),
        (400, "BadRequestException", None),
        (403, "AccessDeniedException", NotTaken),
        (429, "TooManyRequestsException", NotTaken),
        (503, "ServiceUnavailable", NotTaken),
    ],
)
def test_an_address_is_taken_off_the_list_of_ses_or_not_yet_without_a_word_of_it(status, code, meaning):
    with Stubber(ses := clients.client("sesv2", REGION, attempts=1)) as stub:
        asked = {"EmailAddress": ADDRESS}
        if status == 200:
            stub.add_response("delete_suppressed_destination", {}, asked)
        else:
            stub.add_client_error("delete_suppressed_destination", code, ADDRESS, status, None, asked)
        taken_off = partial(Suppressed(ses).remove, ADDRESS)
        if meaning is None:
            taken_off()
        else:
            with pytest.raises(meaning) as refused:
                taken_off()
            assert "siti" not in "".join(format_exception(refused.value))
        stub.assert_no_pending_responses()


def test_an_address_in_the_url_of_a_failed_call_is_not_told():
    client, urls = clients.client("sesv2", REGION, attempts=1), list[str]()

    def fails(request, **_):
        urls.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    client.meta.events.register("before-send.sesv2.*", fails)
    with pytest.raises(NotTaken) as refused:
        Suppressed(client).remove(ADDRESS)
    assert [url.partition("/v2")[2] for url in urls] == ["/email/suppression/addresses/siti%2B1%40example.org"]
    assert "siti" not in "".join(format_exception(refused.value))
