"""docs/partners.md: its code signs as the server does, its worked example is right, its refusals are all there are."""

from __future__ import annotations

import hashlib
import re
from base64 import b32decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from chalice.test import Client

import app as application
from chalicelib.clock import parse_iso
from chalicelib.training import errors, signatures
from chalicelib.training.partners import PartnerKeys
from chalicelib.training.rules import Partner
from tests.builders.training import PERSON, scene
from tests.conftest import ROOT

PAGE = (ROOT / "docs/partners.md").read_text().split("\n## Vacancies\n")[0]
PARTNER = "partner234partner234partne"
PATH = "/partners/training-completions"
TIMES = [parse_iso(f"2026-11-{time}Z") for time in ("24T03:00:00", "24T03:00:10", "24T09:00:00", "27T10:00:00")]
"""When the four requests of the example are sent."""


def example() -> list[str]:
    """The blocks of the worked example."""
    worked = PAGE.split("## A worked example")[1].split("\n## ")[0]
    return re.findall(r"^```\n(.*?)\n```$", worked, re.DOTALL | re.MULTILINE)


KEY, REDEMPTION, VALIDATED, REDEEMED, ATTENDANCE, ATTENDED, COMPLETION, TEXT, SIGNATURE, COMPLETED = example()


def signed_headers() -> Callable[..., dict[str, str]]:
    """The function that the page gives partners to copy."""
    found = re.search(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)
    function: Callable[..., dict[str, str]] = names["signed_headers"]
    return function


def test_the_code_of_the_page_signs_as_the_server_expects():
    assert PARTNER in PAGE
    body, now = COMPLETION.encode(), TIMES[3]
    headers = signed_headers()(PARTNER, KEY, "POST", PATH, body, now=now.timestamp())
    assert headers == signatures.sign(PARTNER, KEY, "POST", PATH, body, now)
    assert headers["Gelombang-Signature"] == SIGNATURE
    claimed = signatures.claim(headers, now, 300)
    assert signatures.is_signed(claimed, bytes.fromhex(KEY), "POST", PATH, "", body)


def test_the_worked_example_shows_the_text_that_is_signed():
    body = COMPLETION.encode()
    assert f"these {len(body)} bytes" in PAGE
    lines = ["gelombang1", "POST", PATH, "", str(int(TIMES[3].timestamp())), hashlib.sha256(body).hexdigest()]
    assert TEXT.split("\n") == lines


def test_the_requests_of_the_page_are_answered_as_it_says(cloud, programme, monkeypatch):
    """Also each a second time, a second later: 200, and the same answer."""
    stage = scene(cloud, programme)
    services = stage.services
    sealed = PartnerKeys(stage.kms, cloud.data_key).seal(PARTNER, bytes.fromhex(KEY))
    stage.partner = Partner(PARTNER, "Pelatihan Jaya", sealed, TIMES[0])
    services._partner_store.add(stage.partner)
    code = b32decode("GELOMBANG2345672")
    monkeypatch.setattr(services, "_randomness", lambda size: (code * 2)[:size])
    stage.buy(stage.course(code="PY-101"), now=PERSON.awarded_at)
    monkeypatch.setattr(application, "services", lambda: services)

    def post(path: str, body: str, now: datetime) -> tuple[int, str]:
        monkeypatch.setattr(application.app, "clock", lambda: now)
        headers = signed_headers()(PARTNER, KEY, "POST", path, body.encode(), now=now.timestamp())
        headers["content-type"] = "application/json"
        answer = Client(application.app).http.request("POST", path, headers=headers, body=body.encode())
        return answer.status_code, answer.body.decode()

    assert all(f"{time:%Y-%m-%dT%H:%M:%SZ}" in PAGE for time in TIMES)
    for path, body, now, status, told in (
        ("/partners/redemptions/validations", REDEMPTION, TIMES[0], 200, VALIDATED),
        ("/partners/redemptions", REDEMPTION, TIMES[1], 201, REDEEMED),
        ("/partners/training-attendances", ATTENDANCE, TIMES[2], 201, ATTENDED),
        (PATH, COMPLETION, TIMES[3], 201, COMPLETED),
    ):
        assert f"`POST {path}`" in PAGE
        assert post(path, body, now) == (status, told)
        assert post(path, body, now.replace(second=now.second + 1)) == (200, told)


def test_a_query_is_signed_as_the_page_says_however_it_is_sent(cloud, programme, monkeypatch):
    services = scene(cloud, programme).services
    partner, key = services.partners.add("Pelatihan Jaya", TIMES[0])
    table = PAGE.split("| sent | signed |")[1].split("\n\n")[0]
    rows = [re.findall(r"`(.*?)`", line) for line in table.splitlines()[2:]]
    assert len(rows) == 9
    monkeypatch.setattr(application, "services", lambda: services)

    def ask(query: str, headers: dict[str, str]) -> str:
        return str(Client(application.app).http.get(f"/partners/vacancies{query}", headers=headers).json_body["code"])

    now = TIMES[0]
    for *sent, signed in rows:
        pairs = [
            (unquote(name), unquote(value)) for name, _, value in (one.partition("=") for one in signed.split("&"))
        ]
        for query in (*sent, f"?{signed}"):
            now += timedelta(seconds=1)
            monkeypatch.setattr(application.app, "clock", lambda now=now: now)
            headers = signed_headers()(partner.id, key, "GET", "/partners/vacancies", query=pairs, now=now.timestamp())
            assert ask(f"{query}&q=2", headers) == "partner_signature_invalid"
            # The signature is good, the query no list's: who signed has been believed.
            assert ask(query, headers) in {"unknown_field", "malformed_request"}, query


def test_the_page_lists_every_refusal_with_its_status():
    for error in {*errors.REDEMPTION, *errors.ATTENDANCE, *errors.COMPLETION}:
        row = next(line for line in PAGE.splitlines() if line.startswith("|") and f"`{error.code}`" in line)
        assert f"| {error.status} |" in row
