"""What people send to the application's real handlers to sign in, and doubles of what is not measured."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from joserfc import jws
from joserfc.jwk import ECKey

from chalicelib.aws import clients

from .requests import CONTEXT, Handler, event, expect

_client = clients.client


class Device:
    """A phone with a key. `url` is the address of the API."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._key = ECKey.generate_key("P-256")
        public = self._key.as_dict(private=False)
        self._header = {
            "typ": "dpop+jwt",
            "alg": "ES256",
            "jwk": {name: public[name] for name in ("kty", "crv", "x", "y")},
        }

    def request(self, method: str, path: str, now: datetime, body: Any = None, session: Any = None) -> dict[str, Any]:
        """API Gateway's event of a request with a proof by the key. `session` is an answer of `POST /sessions`."""
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": self._url + path, "iat": int(now.timestamp())}
        given = event(method, path, session["refresh_token"].partition(".")[0] if session else "nobody", now, body)
        headers = dict(given["headers"])
        if session:
            claims["ath"] = _base64(hashlib.sha256(session["access_token"].encode()).digest())
            headers["Authorization"] = f"Bearer {session['access_token']}"
            given["requestContext"]["authorizer"]["session"] = session["session_id"]
        else:
            del given["requestContext"]["authorizer"]
        headers["DPoP"] = jws.serialize_compact(self._header, json.dumps(claims), self._key, algorithms=["ES256"])
        given["headers"], given["multiValueHeaders"] = headers, {name: [value] for name, value in headers.items()}
        return given


class Entrance:
    """The application with doubles: a mail service that accepts every code, and a queue that keeps its messages.

    Make it in the process in which it runs, after the environment is set.
    """

    def __init__(self, handler: Handler) -> None:
        import app

        self._app, self._handler = app, handler
        self.queued: list[str] = []
        self.codes: dict[str, str] = {}
        """The last code of each contact."""

    @cached_property
    def url(self) -> str:
        return str(self._app.services().settings.public_url)

    def start(self, contact: str, now: datetime, source: str) -> dict[str, Any]:
        """The event of `POST /sign-ins`."""
        given = event("POST", "/sign-ins", "nobody", now, {"contact": contact, "device": "phone"})
        del given["requestContext"]["authorizer"]
        given["requestContext"]["identity"]["sourceIp"] = source
        return given

    def ask(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._handler(given, CONTEXT)

    def send(self, bodies: list[str]) -> list[Any]:
        """Give messages to the consumer; returns its failures."""
        records = [
            {"messageId": str(number), "body": body, "eventSource": "aws:sqs"} for number, body in enumerate(bodies)
        ]
        answer: dict[str, Any] = self._app.send_code({"Records": records}, CONTEXT)
        return list(answer["batchItemFailures"])

    def sent(self, contact: str, now: datetime, source: str = "203.0.113.7") -> dict[str, Any]:
        """Start a sign-in and have its code sent. Returns the body of `POST /sessions` with it."""
        started = expect(self.ask(self.start(contact, now, source)), 202)
        self.send(self.take())
        return self.entered(started, contact)

    def entered(self, started: dict[str, Any], contact: str) -> dict[str, Any]:
        """The body of `POST /sessions` with the last code sent to the contact."""
        code = {"sign_in_id": started["sign_in_id"], "secret": started["secret"], "code": self.codes.pop(contact)}
        return {"code": code}

    def take(self) -> list[str]:
        """Remove all messages from the queue; returns them."""
        taken, self.queued = self.queued, []
        return taken

    @contextmanager
    def installed(self, kms: Any = None) -> Iterator[None]:
        """A context in which the doubles are installed, and `kms` replaces the client of KMS if it is given."""
        doubles = {
            "sqs": SimpleNamespace(send_message_batch=self._queue, get_queue_attributes=_nothing_waits),
            "sesv2": SimpleNamespace(send_email=self._mail),
        } | ({"kms": kms} if kms is not None else {})

        def client(service: str, region: str, *given: Any, **named: Any) -> Any:
            return doubles.get(service) or _client(service, region, *given, **named)

        from chalicelib.notices import ses

        # The limit on mails a second would slow down what is measured.
        with patch.object(clients, "client", client), patch.object(ses.Pace, "wait", lambda _pace: None):
            yield

    def _queue(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - SQS's own names
        if QueueUrl == self._app.services().settings.codes_queue_url:  # not the mails of new devices
            self.queued += [entry["MessageBody"] for entry in Entries]
        return {}

    def _mail(self, Destination: Any, Content: Any, **_: Any) -> dict[str, str]:  # noqa: N803 - SES's own names
        text = Content["Simple"]["Body"]["Text"]["Data"]
        (code,) = {word for word in text.replace(".", " ").split() if len(word) == 6 and word.isdigit()}
        self.codes[Destination["ToAddresses"][0]] = code
        return {"MessageId": "1"}


def _nothing_waits(**_: Any) -> dict[str, Any]:
    return {"Attributes": {"ApproximateNumberOfMessages": "0"}}


def _base64(raw: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
