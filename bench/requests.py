"""Events as API Gateway makes them, and the handlers that the benchmarks give them to."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from chalicelib.waves.rules import Beneficiary, BeneficiaryState

from .aws.endpoint import Endpoint
from .aws.expressions import Item
from .harness import ENVIRONMENT, REGISTRATION

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

NOW = datetime(2023, 6, 2, 6, 0, tzinfo=UTC)
"""An hour after the first wave opened."""
REGISTRATIONS = "gelombang-bench-registrations"
CONTEXT = SimpleNamespace(
    function_name="bench",
    aws_request_id="bench",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:ap-southeast-3:123456789012:function:bench",
)
HANDLERS = {
    "gelombang": "app:app",
    "(a) Powertools": "bench.alternatives.powertools:handler",
    "(b) one put": "bench.alternatives.one_put:handler",
    "(c) FastAPI": "bench.alternatives.fastapi_mangum:handler",
    "(d) pynamodb": "bench.alternatives.chalice_pynamodb:handler",
}
"""The handlers that answer `POST /waves/current/entries`: a module and the function that Lambda calls in it."""

_HEADERS = {
    "Accept": "application/json",
    "Accept-Language": "id-ID,id;q=0.9,en;q=0.8",
    "Authorization": "Bearer " + "x" * 900,
    "Content-Type": "application/json",
    "Host": "abcdefghij.execute-api.ap-southeast-3.amazonaws.com",
    "User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36",
    "X-Amzn-Trace-Id": "Root=1-674294c0-000000000000000000000000",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
}


def beneficiary(person: str, state: BeneficiaryState, now: datetime) -> Beneficiary:
    """A beneficiary who got a seat at `now`."""
    return Beneficiary(
        registrant_id=person,
        wave=143,
        card_number="0000000000000000",
        scheme="2023",
        seat="open",
        state=state,
        awarded_at=now,
        region=31,
        buy_by=now + timedelta(days=15),
    )


def event(method: str, path: str, person: str, now: datetime, body: Any = None) -> dict[str, Any]:
    """The event of API Gateway (REST, proxy integration) for a request of a signed-in person."""
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": _HEADERS,
        "multiValueHeaders": {name: [value] for name, value in _HEADERS.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "path": "/api" + path,
            "stage": "api",
            "requestId": "bench",
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "identity": {"sourceIp": "203.0.113.7"},
            "authorizer": {"principalId": person},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def join_event(person: str, now: datetime) -> dict[str, Any]:
    return event("POST", "/waves/current/entries", person, now)


def handler(named: str) -> Handler:
    """The handler that `module:name` names."""
    module, _, name = named.partition(":")
    found: Handler = getattr(importlib.import_module(module), name)
    return found


def expect(answer: dict[str, Any], status: int) -> Any:
    """The answer's body. Raises `RuntimeError` for any other status."""
    if answer["statusCode"] != status:
        raise RuntimeError(f"answered {answer['statusCode']} instead of {status}: {answer['body']}")
    return json.loads(answer["body"])


def registered() -> Item:
    """The item of a registration, written by the application. Call it in a process of its own."""
    os.environ.update(ENVIRONMENT)
    endpoint, app = Endpoint(), handler(HANDLERS["gelombang"])
    with endpoint.installed():
        expect(app(event("PUT", "/me/registration", "first", NOW, REGISTRATION), CONTEXT), 201)
    profile = endpoint.item(REGISTRATIONS, "R#first", "PROFILE")
    assert profile is not None
    return profile


def profile_of(person: str, profile: Item) -> Item:
    """The same registration for another person."""
    return {**profile, "pk": {"S": f"R#{person}"}}
