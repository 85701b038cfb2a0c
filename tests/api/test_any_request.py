"""Schemathesis asks every operation all that the document allows and much that it forbids (`schemathesis.toml`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from click.testing import CliRunner
from msgspec.structs import replace
from schemathesis.cli import schemathesis as command

import app as application
from chalicelib.accounts.sessions.rules import Session
from chalicelib.config import Programme, Settings
from chalicelib.ids import derived_id
from chalicelib.training import signatures
from local.sandbox.provider import Sandbox
from tests.builders.training import paying_months
from tests.e2e.gateway import HOLDER, Call, Gateway, serving
from tests.e2e.refusals import SUCCESSES
from tests.e2e.world import application_over_http

RULES = Path(__file__).with_name("schemathesis.toml")


ONCE = {"DELETE /me", "DELETE /me/sessions", "PUT /me/registration"}
"""What a person does once."""


class Citizen(requests.auth.AuthBase):
    """Signs in whose it is that is asked for, else somebody who graduated, or is new: in sessions without a key, which
    need no proof.
    """

    def __init__(self, gateway: Gateway, graduate: str, owners: Mapping[str, str]) -> None:
        self._gateway = gateway
        self._graduate = graduate
        self._owners = owners

    @cache  # noqa: B019 - of one test
    def _sign_in(self, person: str) -> str:
        now = self._gateway.now
        self._gateway.session(person)  # with which an account is made
        session = Session(person, derived_id("keyless", person), None, "phone", "email", now, now, None)
        assert self._gateway.services.account_store.add_session(session)
        return self._gateway.services.access_tokens.issue(person, session.id, None, now, 10**6)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        route = f"{request.method} {request.path_url.partition('?')[0]}"
        asked = f"{request.path_url} {request.body!r}"
        if route in ONCE:
            person = self._gateway.stranger()
        else:
            person = next((person for value, person in self._owners.items() if value in asked), self._graduate)
        request.headers["Authorization"] = f"Bearer {self._sign_in(person)}"
        return request


def provider(request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["x-callback-token"] = "test-callback-token"
    return request


class Partner(requests.auth.AuthBase):
    """Signs what is about to be sent."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        path, _, query = request.path_url.partition("?")
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        now = self._gateway.now
        request.headers.update(signatures.sign(*self._gateway.partner, request.method, path, raw, now, query))
        return request


OPERATIONS = {f"{one.method} {one.path}": one for one in application.app.operations}
KNOWN = {"code", "secret", "redeem_code", "card_number", "attended_at", "completed_at", "month"}
"""What only who was told can send, besides ids."""


NEVER = {
    "GET /openapi.json",  # is read, and not asked
    "POST /sessions/refreshes",  # takes a proof of a key
    "POST /me/passkeys",  # takes what only an authenticator makes
    "POST /registry/on-search",  # takes what only the registry signs
    "POST /me/presence",  # takes what only the national ID signs, for a code that counts once
    "POST /partners/presences",  # is an office's, and those who ask are another kind of partner
}
"""Operations that no request of this kind can succeed in."""


@dataclass
class There:
    """What is there to be asked for, by operation and parameter; and whose it is."""

    values: dict[str, dict[str, str | int]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)

    def add(self, route: str, call: Call) -> None:
        """What a request that succeeds names in its path and its body."""
        named = zip(route.partition(" ")[2].split("/"), call.path.split("/"), strict=False)
        found = {f"path.{name[1:-1]}": value for name, value in named if name.startswith("{")}
        found |= dict(known(call.body, "body"))
        if call.person:
            self.owners |= dict.fromkeys(found.values(), call.person)
        whole = {name: int(value) for name, value in found.items() if name == "path.number"}
        self.values[OPERATIONS[route].handler] = {**found, **whole}
        self.bodies[route] = call.body

    def into_examples(self, document: dict[str, Any]) -> None:
        """Makes the examples of the document such requests, so that none succeeds by luck only."""
        for route, body in self.bodies.items():
            method, _, path = route.partition(" ")
            operation, found = document["paths"][path][method.lower()], self.values[OPERATIONS[route].handler]
            for parameter in operation.get("parameters", []):
                if (name := f"path.{parameter.get('name')}") in found:
                    parameter["example"] = found[name]
            if body is not None:
                operation["requestBody"]["content"]["application/json"]["example"] = body

    def rules(self) -> str:
        """For each operation, that most values are of what is there."""
        lines = [RULES.read_text()]
        for handler, found in self.values.items():
            names = {name: f"{handler}_{at}" for at, name in enumerate(found)}
            lines += [f"[dictionaries.{names[name]}]\nvalues = [{json.dumps(found[name])}]" for name in found]
            lines += ["[[operations]]", f'include-operation-id = "{handler}"', "[operations.parameters]"]
            lines += [f'"{name}" = {{ dictionary = "{names[name]}", probability = 0.8 }}' for name in found]
        return "\n".join(lines)


def known(body: Any, at: str) -> Iterator[tuple[str, str]]:
    """What no generator can guess in a body, by the path there."""
    for name, value in body.items() if isinstance(body, dict) else ():
        if name.endswith("_id") or (name in KNOWN and isinstance(value, str)):
            yield f"{at}.{name}", value
        yield from known(value, f"{at}.{name}")


@pytest.fixture
def asked(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """The application over HTTP, and who may call it: its address, and the rules with what is there to be asked for.

    A request comes a millisecond after the last one, so that what a stage for trying allows for seconds stays allowed.
    """
    with Sandbox("api") as sandbox:
        sandbox.books.configure({"holder_name": HOLDER})
        with serving(replace(cloud, fsp_url=sandbox.url), paying_months(programme)) as gateway:

            def clock() -> datetime:
                gateway.now += timedelta(milliseconds=1)
                return gateway.now

            there = There()
            # What may be taken back for seconds only is made last, and the codes of sign-ins late.
            late = sorted(OPERATIONS, key=lambda route: "cancel" not in OPERATIONS[route].handler)
            for route in reversed(late):
                if "{" in route or OPERATIONS[route].body is not None:
                    there.add(route, SUCCESSES[route](gateway))
            signs = schemathesis.auth.set_from_requests
            citizen = Citizen(gateway, gateway.graduated().person, there.owners)
            signs(citizen).apply_to(path_regex="^/me")
            signs(Citizen(gateway, gateway.registered(), {})).apply_to(path_regex="^/waves/current/entries")
            signs(Partner(gateway)).apply_to(path_regex="^/partners")
            signs(provider).apply_to(path_regex="^/webhooks")
            monkeypatch.setattr(application.app, "clock", clock)

            @schemathesis.hook
            def before_load_schema(context: Any, document: dict[str, Any]) -> None:
                there.into_examples(document)

            with application_over_http(monkeypatch) as url:
                yield url, there.rules()
            schemathesis.hooks.unregister(before_load_schema)
            schemathesis.auths.GLOBAL_AUTH_STORAGE.unregister()


@pytest.fixture
def answered() -> Iterator[dict[str, Counter[int]]]:
    """How often each operation gave which answer."""
    found: dict[str, Counter[int]] = {route: Counter() for route in OPERATIONS}

    @schemathesis.hook
    def after_call(_context: Any, case: Any, response: Any) -> None:
        found[f"{case.operation.method.upper()} {case.operation.path}"][response.status_code] += 1

    yield found
    schemathesis.hooks.unregister(after_call)


@pytest.mark.api
def test_whatever_is_asked_the_answer_is_one_that_the_document_tells_of(
    asked: tuple[str, str], answered: dict[str, Counter[int]], tmp_path: Path
) -> None:
    url, said = asked
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(said)
    ran = CliRunner().invoke(command, ["--config-file", str(configuration), "run", f"{url}/openapi.json"])
    assert ran.exit_code == 0, ran.output
    never = {route for route, statuses in answered.items() if not any(status < 300 for status in statuses)}
    assert never <= NEVER, {route: dict(answered[route]) for route in never - NEVER}
