"""Every route is authenticated or on an explicit list; the document and the router agree; handlers stay short."""

from __future__ import annotations

import ast

import msgspec
import pytest

import app as application
from chalicelib.web import openapi
from tests.conftest import ROOT

PUBLIC = {
    ("GET", "/"),
    ("GET", "/dashboard"),
    ("GET", "/assets/{build}/{folder}/{module}"),
    ("GET", "/sw.js"),
    ("GET", "/.well-known/jwks.json"),
    ("POST", "/sign-ins"),
    ("GET", "/sign-ins/{sign_in_id}"),
    ("POST", "/sign-ins/{sign_in_id}/codes"),
    ("POST", "/passkey-challenges"),
    ("POST", "/sessions"),
    ("POST", "/sessions/refreshes"),
    ("GET", "/courses"),
    ("GET", "/courses/{course_id}"),
    ("GET", "/vacancies"),
    ("GET", "/waves"),
    ("GET", "/waves.ics"),
    ("GET", "/feed.atom"),
    ("GET", "/unsubscriptions/{token}"),
    ("POST", "/unsubscriptions/{token}"),
    ("GET", "/changes/{token}"),
    ("POST", "/changes/{token}/confirmation"),
    ("POST", "/changes/{token}/denial"),
    ("GET", "/waves/current"),
    ("GET", "/waves/{number}"),
    ("GET", "/waves/{number}/entries/{leaf}/proof"),
    ("GET", "/waves/{number}/verify"),
    ("GET", "/statistics"),
    ("GET", "/statistics/waves/{number}"),
    ("GET", "/statistics.csv"),
    ("GET", "/references/{list_name}"),
    ("GET", "/openapi.json"),
    ("GET", "/health"),
    ("GET", "/status.json"),
    ("GET", "/draws"),
    ("GET", "/status"),
    ("GET", "/docs"),
}
SIGNED = {
    ("POST", "/partners/redemptions/validations"): "partner",
    ("POST", "/partners/redemptions"): "partner",
    ("POST", "/partners/training-attendances"): "partner",
    ("POST", "/partners/attended-months"): "partner",
    ("POST", "/partners/training-completions"): "partner",
    ("POST", "/partners/presences"): "partner",
    ("POST", "/partners/vacancies"): "partner",
    ("GET", "/partners/vacancies"): "partner",
    ("PUT", "/partners/vacancies/{vacancy_id}"): "partner",
    ("POST", "/partners/vacancies/{vacancy_id}/closure"): "partner",
    ("GET", "/partners/vacancies/{vacancy_id}/applicants"): "partner",
    ("POST", "/webhooks/fsp"): "provider",
    ("POST", "/registry/on-search"): "registry",
}


ALL = {(method, path): entry for path, of in application.app.routes.items() for method, entry in of.items()}
ROUTES = {route: entry for route, entry in ALL.items() if route[0] != "HEAD"}
DECLARED = {(operation.method, operation.path): operation.who for operation in application.app.operations}


@pytest.mark.parametrize("route", sorted(ROUTES), ids=" ".join)
def test_a_route_has_the_authorizer_unless_it_is_on_the_list(route):
    who = "public" if route in PUBLIC else SIGNED.get(route, "citizen")
    assert DECLARED[route] == who
    assert ROUTES[route].authorizer is (application.app.citizen if who == "citizen" else None)


def test_whatever_may_be_got_may_be_asked_for_its_headers_by_the_same_people():
    heads = {path: entry.authorizer for (method, path), entry in ALL.items() if method == "HEAD"}
    assert heads == {path: entry.authorizer for (method, path), entry in ROUTES.items() if method == "GET"}


def test_the_lists_and_the_document_have_every_route_and_no_other():
    from openapi_spec_validator import OpenAPIV31SpecValidator  # half a second's work, for one of the workers

    document = msgspec.json.decode(msgspec.json.encode(openapi.document(application.app.operations, "0", "/")))
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == ROUTES.keys() == DECLARED.keys()
    assert ROUTES.keys() >= PUBLIC | SIGNED.keys()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_handler_of_the_table_of_contents_has_at_most_four_lines():
    tree = ast.parse((ROOT / "app.py").read_text())
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        body = [node for node in function.body if not isinstance(getattr(node, "value", None), ast.Constant)]
        lines = body[-1].end_lineno - body[0].lineno + 1
        assert lines <= 4, f"{function.name} has {lines} lines"
