"""Declaration, document and behaviour agree: every refusal that an endpoint declares is met, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError
from chalice.test import HTTPResponse
from openapi_schema_validator import OAS31Validator, oas31_format_checker

import app as application
from chalicelib.accounts.tokens.tokens import Tokens
from chalicelib.civil_registry.wire import OnSearch
from chalicelib.config import Programme
from chalicelib.errors import NotFound
from chalicelib.payouts.wire import FspHint
from chalicelib.web import edge, problems
from chalicelib.web.edge import BODY_LIMIT_BYTES, Operation
from tests.conftest import every_error

from .gateway import DURING, Call, Gateway, serving_alone
from .refusals import REFUSALS, SUCCESSES

OPERATIONS: dict[str, Operation] = {f"{one.method} {one.path}": one for one in application.app.operations}
ERRORS = {error.code: error for error in every_error()}
COMMON = {
    "malformed_request",
    "unknown_field",
    "body_too_large",
    "unsupported_media_type",
    "not_signed_in",
    "temporarily_unavailable",
    "too_many_requests",
    "unexpected",
}
"""What the gateway and the web edge refuse on every route of a kind; some routes have reasons of their own too."""
OPEN_TO_SEE = {
    "employment",
    "education",
    "province",
    "regency",
    "consent_version",
    "course",
    "attended_at",
    "completed_at",
}
"""The fields of a body that do not tell who sent it."""
NIK = "3174095708950001"
"""Sent where it must not come back."""

Refusal = tuple[int, str, tuple[str, str]]
"""Status, code, and the words in Indonesian and English."""
WRONG_MEDIA_TYPE: Refusal = (
    415, "unsupported_media_type", ("Kirimkan application/json.", "Please send application/json."),
)  # fmt: skip
MISTAKE: Refusal = (500, "unexpected", (problems.unexpected("id")["detail"], problems.unexpected("en")["detail"]))
PAGES = {*(f"GET /{name}" for name in ("", "dashboard", "draws", "status", "docs", "sw.js"))}
ALONE = {"GET /openapi.json", "GET /assets/{build}/{folder}/{module}", *PAGES}
"""Routes that need nothing outside: only the gateway can say that they are unavailable."""


@pytest.fixture(scope="module")
def shared(programme: Programme) -> Iterator[Gateway]:
    """One cloud for all tests here; each of them brings people of its own."""
    with serving_alone(programme) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Gateway) -> Gateway:
    shared.now = DURING
    return shared


@pytest.fixture(scope="module")
def document(shared: Gateway) -> Any:
    return shared.ok(Call("GET /openapi.json"))


@pytest.fixture(scope="module")
def documented(document: Any) -> dict[str, dict[int, set[str]]]:
    """By route and status, the codes that `/openapi.json` names."""
    paths = document["paths"]
    return {
        f"{method.upper()} {path}": {
            int(status): set(answer["description"].split(", "))
            for status, answer in described["responses"].items()
            if int(status) >= 400
        }
        for path, methods in paths.items()
        for method, described in methods.items()
    }


def refusal(code: str) -> Refusal:
    return ERRORS[code].status, code, (ERRORS[code].indonesian, ERRORS[code].english)


def refused(gateway: Gateway, call: Call, kind: Refusal, **sent: Any) -> Iterator[HTTPResponse]:
    """The answers to a call in both languages; each must be this refusal, with every fact that its words need."""
    status, code, texts = kind
    for language, text in (("id", texts[0]), ("en", texts[1])):
        answer = gateway.send(call, language, **sent)
        problem = json.loads(answer.body)
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), problem
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["type"] == problems.TYPE_PREFIX + code
        assert problem["title"] == problems._TITLES[status][language == "en"]
        assert problem["detail"] == text.format_map(problems.in_words(problem, language))
        yield answer


def assert_tells_nothing_of(call: Call, answer: HTTPResponse) -> None:
    """Neither a value that was sent nor the digits that matter of a number appears in the answer."""
    told = answer.body.decode() + str(answer.headers)
    for name, value in (call.body or {}).items():
        if isinstance(value, str) and name not in OPEN_TO_SEE:
            assert value not in told, name
            digits = re.sub(r"\D", "", value)[-8:]
            assert len(digits) < 8 or digits not in re.sub(r"\D", "", told), name


# Declared refusals


def test_every_refusal_that_is_declared_is_provoked_here_and_no_other():
    declared = {
        (route, error.code)
        for route, operation in OPERATIONS.items()
        for error in (*operation.refuses, *([NotFound] if "{" in operation.path else []))
    }
    assert {(route, code) for route, codes in REFUSALS.items() for code in codes} == declared


def test_the_openapi_document_names_exactly_these_refusals(documented):
    named = {route: set().union(*codes.values()) - COMMON for route, codes in documented.items()}
    assert named == {route: REFUSALS.get(route, {}).keys() - COMMON for route in OPERATIONS}


@pytest.mark.parametrize(("route", "code"), [(route, code) for route, codes in REFUSALS.items() for code in codes])
def test_a_declared_refusal_is_met_in_both_languages_and_tells_nothing_personal(gateway, documented, route, code):
    call = REFUSALS[route][code](gateway)
    assert call.route == route
    assert code in documented[route][ERRORS[code].status]
    final = ERRORS[code].cache_s
    for answer in refused(gateway, call, refusal(code)):
        assert answer.headers["Cache-Control"] == (f"public, max-age={final}" if final else "no-store")
        assert_tells_nothing_of(call, answer)


# What all routes of a kind refuse


class Away:
    """Services that cannot be had, but for who a token speaks for."""

    def __init__(self, gateway: Gateway, error: Exception) -> None:
        self.admission = gateway.services.admission
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


@pytest.mark.parametrize("route", OPERATIONS)
def test_every_route_gives_the_common_refusals_of_its_kind(gateway, documented, monkeypatch, route):
    """Strangers, wrong bodies, an outage (503) and a mistake of ours (500)."""
    call, operation = SUCCESSES[route](gateway), OPERATIONS[route]
    if operation.who == "citizen":
        for header in wrong_tokens(gateway, call.person):
            # What API Gateway turns into a 401, by its template for UNAUTHORIZED.
            with pytest.raises(edge.Unauthorized, match=r"^Unauthorized$"):
                gateway.send(call, headers={"authorization": header})
        assert "not_signed_in" in documented[route][401]
    answer = gateway.send(call, asked=f"?nomor={NIK}")
    unknown = 401 if call.partner else 200 if operation.query is edge.Anything else 400
    assert (answer.status_code, NIK in answer.body.decode()) == (unknown, False)
    taken = {"malformed_request", "unknown_field"} if operation.body is edge.Ignored else set()
    taken |= {"unknown_field"} if operation.body in (FspHint, OnSearch) else set()
    assert (415 in documented[route]) == (operation.body not in (None, edge.Ignored))
    for kind, sent in (
        (refusal("malformed_request"), {"body": b'{"'}),
        (refusal("unknown_field"), {"body": json.dumps({**(call.body or {}), "nomor": NIK}).encode()}),
        (refusal("body_too_large"), {"body": b" " * (BODY_LIMIT_BYTES + 1)}),
        (WRONG_MEDIA_TYPE, {"headers": {"content-type": "text/xml"}}),
    ):
        status, code, _ = kind
        if code not in taken and code in documented[route].get(status, ()):
            assert not any(NIK in answer.body.decode() for answer in refused(gateway, call, kind, **sent))
        else:
            assert gateway.send(call, **sent).status_code in operation.answers
    for kind, error in (
        (refusal("temporarily_unavailable"), ConnectTimeoutError(endpoint_url=f"https://{NIK}")),
        (MISTAKE, ZeroDivisionError(NIK)),
    ):
        if route not in ALONE:
            monkeypatch.setattr(application, "services", lambda error=error: Away(gateway, error))
            assert not any(NIK in answer.body.decode() for answer in refused(gateway, call, kind))
            assert kind[1] in documented[route][kind[0]]


def wrong_tokens(gateway: Gateway, person: str) -> list[str]:
    """Authorizations that are none, each for another reason; the tests of tokens and of admission have more."""
    tokens, session, now = gateway.services.access_tokens, gateway.session(person), gateway.now
    elsewhere = Tokens(gateway.services.signing_keys, "https://elsewhere.invalid")
    return [
        "",
        "Bearer",
        "Bearer forged",
        f"Basic {gateway.token(person)}",
        f"Bearer {gateway.token(person)[:-4]}AAAA",
        f"Bearer {tokens.issue(person, session.id, session.jkt, now - timedelta(seconds=300), 300)}",
        f"Bearer {tokens.issue_device('00' * 32, gateway.device.jkt, now)}",
        f"Bearer {elsewhere.issue(person, session.id, session.jkt, now, 300)}",
    ]


# Successes


def test_every_route_succeeds_here():
    assert SUCCESSES.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("route", ["GET /statistics", "GET /statistics/waves/{number}", "GET /statistics.csv"])
def test_the_statistics_may_be_kept_by_any_cache_for_five_minutes(gateway, route):
    assert gateway.send(SUCCESSES[route](gateway)).headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("route", OPERATIONS)
def test_a_route_answers_as_declared_and_a_repeat_of_what_is_new_gives_the_same(gateway, document, route):
    """201 with the thing made; again, where 200 is declared too, 200 with the same thing."""
    answers = OPERATIONS[route].answers
    call = SUCCESSES[route](gateway)
    first = gateway.send(call)
    assert first.status_code == next(iter(answers)), first.body
    kind = answers[first.status_code]
    if kind is None:
        assert first.body == b""
    elif isinstance(kind, edge.Text):
        assert first.headers["Content-Type"] == f"{kind.media_type}; charset=utf-8"
        assert first.body
    else:
        msgspec.json.decode(first.body, type=kind)
        method, path = route.split(" ")
        described = document["paths"][path][method.lower()]["responses"][str(first.status_code)]["content"]
        schema = described["application/json"]["schema"] | {"components": document["components"]}
        OAS31Validator(schema, format_checker=oas31_format_checker).validate(first.json_body)
    if {200, 201} <= answers.keys():
        again = gateway.send(call)
        assert (again.status_code, again.json_body) == (200, first.json_body)
