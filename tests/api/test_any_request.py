"""Schemathesis asks every operation all that the document allows and much that it forbids (`schemathesis.toml`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

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
from tests.builders.waves import WAVE
from tests.e2e.gateway import HOLDER, Gateway, serving
from tests.e2e.world import application_over_http

RULES = Path(__file__).with_name("schemathesis.toml")


class Citizen(requests.auth.AuthBase):
    """Signs in somebody who graduated, in a session without a key, so that no proof is needed."""

    def __init__(self, gateway: Gateway, person: str) -> None:
        self._gateway = gateway
        self._token = self._sign_in(person)

    def _sign_in(self, person: str) -> str:
        now = self._gateway.now
        self._gateway.session(person)  # with which an account is made
        session = Session(person, derived_id("keyless", person), None, "phone", "email", now, now, None)
        assert self._gateway.services.account_store.add_session(session)
        return self._gateway.services.access_tokens.issue(person, session.id, None, now, 10**6)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        ends_sessions = request.method == "DELETE" and request.path_url.startswith("/me/sessions")
        token = self._sign_in(self._gateway.stranger()) if ends_sessions else self._token
        request.headers["Authorization"] = f"Bearer {token}"
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


@pytest.fixture
def asked(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """The application over HTTP, and who may call it. Every request comes a second after the last one.

    Its address, and the rules for it with what is there to be asked for.
    """
    with Sandbox("api") as sandbox:
        sandbox.books.configure({"holder_name": HOLDER})
        with serving(replace(cloud, fsp_url=sandbox.url), programme) as gateway:

            def clock() -> datetime:
                gateway.now += timedelta(seconds=1)
                return gateway.now

            graduate = gateway.graduated()
            there = {
                "course_id": gateway.course,
                "list_name": "skills",
                "number": WAVE,
                "training_id": graduate.training_id,
                "vacancy_id": gateway.vacancy(),
            }
            signs = schemathesis.auth.set_from_requests
            signs(Citizen(gateway, graduate.person)).apply_to(path_regex="^/me|^/waves/current/entries")
            signs(Partner(gateway)).apply_to(path_regex="^/partners")
            monkeypatch.setattr(application.app, "clock", clock)
            with application_over_http(monkeypatch) as url:
                yield url, rules(there)
            schemathesis.auths.GLOBAL_AUTH_STORAGE.unregister()


def rules(there: Mapping[str, str | int]) -> str:
    """Of two parts of paths one is of something that is there."""
    lists = [f"[dictionaries.{name}]\nvalues = [{json.dumps(value)}]" for name, value in there.items()]
    used = [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.5 }}' for name in there]
    return "\n".join([RULES.read_text(), *lists, "[parameters]", *used])


@pytest.mark.api
def test_whatever_is_asked_the_answer_is_one_that_the_document_tells_of(asked: tuple[str, str], tmp_path: Path) -> None:
    url, said = asked
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(said)
    ran = CliRunner().invoke(command, ["--config-file", str(configuration), "run", f"{url}/openapi.json"])
    assert ran.exit_code == 0, ran.output
