"""Declaration, document and behaviour agree: every refusal that an endpoint declares is met, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError
from chalice.test import HTTPResponse
from cryptography.hazmat.primitives.asymmetric import rsa

import app as application
from chalicelib.config import Programme
from chalicelib.errors import NotFound
from chalicelib.web import edge, problems
from chalicelib.web.edge import BODY_LIMIT_BYTES, Operation
from tests.builders.errors import every_error

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
ALONE = {"GET /openapi.json", "GET /health"}
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
def documented(shared: Gateway) -> dict[str, dict[int, set[str]]]:
    """By route and status, the codes that `/openapi.json` names."""
    paths = shared.ok(Call("GET /openapi.json"))["paths"]
    return {
        f"{method.upper()} {path}": {
            int(status): set(answer["description"].split(", "))
            for status, answer in described["responses"].items()
            if int(status) >= 400
        }
        for path, methods in paths.items()
        for method, described in methods.items()
    }


def refused(answer: HTTPResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that must be this refusal."""
    problem = json.loads(answer.body)
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), problem
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == problems.TYPE_PREFIX + code
    return problem


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


def test_the_document_names_these_refusals_besides_the_common_ones(documented):
    named = {route: set().union(*codes.values()) - COMMON for route, codes in documented.items()}
    assert named == {route: REFUSALS.get(route, {}).keys() - COMMON for route in OPERATIONS}


@pytest.mark.parametrize(("route", "code"), [(route, code) for route, codes in REFUSALS.items() for code in codes])
def test_a_declared_refusal_is_met_in_both_languages_and_tells_nothing_personal(gateway, documented, route, code):
    call = REFUSALS[route][code](gateway)
    assert call.route == route
    status, texts = ERRORS[code].status, (ERRORS[code].indonesian, ERRORS[code].english)
    assert code in documented[route][status]
    for language, text in zip(("id", "en"), texts, strict=True):
        answer = gateway.send(call, language)
        problem = refused(answer, status, code)
        assert problem["detail"] == text.format_map(problem), "every fact that the text needs is there"
        final = ERRORS[code].cache_s
        assert answer.headers["Cache-Control"] == (f"public, max-age={final}" if final else "no-store")
        assert_tells_nothing_of(call, answer)


# What all routes of a kind refuse


@pytest.mark.parametrize(
    ("route", "code"),
    [(route, code) for route in OPERATIONS for code in ("malformed_request", "unknown_field", "body_too_large")],
)
def test_a_wrong_body_is_refused_as_documented(gateway, documented, route, code):
    call = SUCCESSES[route](gateway)
    status, texts = ERRORS[code].status, (ERRORS[code].indonesian, ERRORS[code].english)
    body = {
        "malformed_request": b'{"',
        "unknown_field": json.dumps({**(call.body or {}), "nomor": "3174095708950001"}).encode(),
        "body_too_large": b" " * (BODY_LIMIT_BYTES + 1),
    }[code]
    if code not in documented[route].get(status, ()):
        assert gateway.send(call, body=body).status_code in OPERATIONS[route].answers
        return
    for language, text in zip(("id", "en"), texts, strict=True):
        answer = gateway.send(call, language, body=body)
        problem = refused(answer, status, code)
        assert problem["detail"] == text.format_map(problem)
        assert "3174095708950001" not in answer.body.decode()


@pytest.mark.parametrize("route", OPERATIONS)
def test_another_media_type_is_refused_where_there_is_a_body_and_documented(gateway, documented, route):
    call = SUCCESSES[route](gateway)
    headers = {"content-type": "text/xml"}
    if OPERATIONS[route].body in (None, edge.Ignored):
        assert gateway.send(call, headers=headers).status_code in OPERATIONS[route].answers
        assert 415 not in documented[route]
        return
    answers = [gateway.send(call, language, headers=headers) for language in ("id", "en")]
    details = [refused(answer, 415, "unsupported_media_type")["detail"] for answer in answers]
    assert details == ["Kirimkan application/json.", "Please send application/json."]
    assert "unsupported_media_type" in documented[route][415]


@pytest.mark.parametrize("route", [route for route, operation in OPERATIONS.items() if operation.who == "citizen"])
def test_a_citizens_route_admits_nobody_without_a_token_of_the_pool(gateway, documented, route):
    call = SUCCESSES[route](gateway)
    person, stranger = call.person, rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wrong = [
        "",
        "Bearer",
        "Bearer forged",
        f"Basic {gateway.token(person)}",
        f"Bearer {gateway.token(person, key=stranger)}",
        f"Bearer {gateway.token(person, exp=int(gateway.now.timestamp()))}",
        f"Bearer {gateway.token(person, token_use='id')}",
        f"Bearer {gateway.token(person, client_id='another')}",
    ]
    for header in wrong:
        # What API Gateway turns into a 401, by its template for UNAUTHORIZED.
        with pytest.raises(edge.Unauthorized, match=r"^Unauthorized$"):
            gateway.send(call, headers={"authorization": header})
    assert gateway.send(call).status_code in OPERATIONS[route].answers
    assert "not_signed_in" in documented[route][401]


class Away:
    """Services that cannot be had, but for who a token speaks for."""

    def __init__(self, gateway: Gateway, error: Exception) -> None:
        self.tokens = gateway.services.tokens
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


@pytest.mark.parametrize("route", sorted(OPERATIONS.keys() - ALONE))
@pytest.mark.parametrize(
    ("error", "status", "code", "details"),
    [
        (ConnectTimeoutError(endpoint_url="https://3174095708950001"), 503, "temporarily_unavailable",
         [ERRORS["temporarily_unavailable"].indonesian, ERRORS["temporarily_unavailable"].english]),
        (ZeroDivisionError("3174095708950001"), 500, "unexpected",
         [problems.unexpected(language)["detail"] for language in ("id", "en")]),
    ],
    ids=["out_of_reach", "mistake"],
)  # fmt: skip
def test_an_outage_is_503_and_a_mistake_of_ours_500(
    gateway, documented, monkeypatch, route, error, status, code, details
):
    call = SUCCESSES[route](gateway)
    monkeypatch.setattr(application, "services", lambda: Away(gateway, error))
    answers = [gateway.send(call, language) for language in ("id", "en")]
    assert [refused(answer, status, code)["detail"] for answer in answers] == details
    assert code in documented[route][status]
    assert not any("3174095708950001" in answer.body.decode() for answer in answers)


# Successes


def test_every_route_succeeds_here():
    assert SUCCESSES.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("route", ["GET /statistics", "GET /statistics/waves/{number}", "GET /statistics.csv"])
def test_the_statistics_may_be_kept_by_any_cache_for_five_minutes(gateway, route):
    assert gateway.send(SUCCESSES[route](gateway)).headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("route", OPERATIONS)
def test_a_route_answers_as_declared_and_a_repeat_of_what_is_new_gives_the_same(gateway, route):
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
    if {200, 201} <= answers.keys():
        again = gateway.send(call)
        assert (again.status_code, again.json_body) == (200, first.json_body)
