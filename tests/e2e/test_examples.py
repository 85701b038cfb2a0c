"""The examples of `/openapi.json` are requests that the application accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import app as application
from chalicelib.config import Programme
from chalicelib.web import decoding, openapi

from .gateway import Gateway, serving_alone
from .refusals import SUCCESSES

OPERATIONS = {f"{one.method} {one.path}": one for one in application.app.operations}
DOCUMENT = openapi.document(application.app.operations, "0", "https://api.example")
BODIES = {
    f"{method.upper()} {path}": of["requestBody"]["content"]["application/json"]["example"]
    for path, methods in DOCUMENT["paths"].items()
    for method, of in methods.items()
    if "application/json" in of.get("requestBody", {}).get("content", {})
}


OWN = {
    *("secret", "code", "presence_code", "token", "issuer", "credential", "refresh_token", "signature", "nik"),
    *("course_id", "vacancy_id", "redeem_code", "card_number", "answers"),
    *("attended_at", "completed_at", "month", "days"),
}
"""What no example can know: secrets, who it is, what is there, and when it was."""


@pytest.fixture
def gateway(programme: Programme) -> Iterator[Gateway]:
    with serving_alone(programme) as gateway:
        yield gateway


@pytest.mark.parametrize("route", BODIES)
def test_the_example_of_a_body_is_accepted(gateway: Gateway, route: str) -> None:
    call, example = SUCCESSES[route](gateway), BODIES[route]
    anybodys = {name: value for name, value in example.items() if name not in OWN}
    own = {name: value for name, value in call.body.items() if name in OWN and name in example}
    gateway.ok(call.but(body=anybodys | own))
    operation = OPERATIONS[route]
    assert operation.body is not None
    decoding.body(json.dumps(example).encode(), operation.body)
