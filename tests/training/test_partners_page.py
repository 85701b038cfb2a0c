"""docs/partners.md: its code signs as the server does, its worked example is right, its refusals are all there are."""

from __future__ import annotations

import hashlib
import re
from base64 import b32decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec
from chalice.test import Client

import app as application
from chalicelib.clock import iso, parse_iso
from chalicelib.errors import NotFound
from chalicelib.jobs import wire
from chalicelib.jobs.rules import Vacancy
from chalicelib.jobs.service import Jobs
from chalicelib.training import errors, signatures
from chalicelib.training.partners import PartnerKeys
from chalicelib.training.rules import Partner
from chalicelib.web import decoding
from tests.builders.training import PERSON, PLACED, scene
from tests.conftest import ROOT

TRAINING, VACANCIES = (ROOT / "docs/partners.md").read_text().split("\n## Vacancies\n")
VACANCIES = VACANCIES.split("\n## ")[0]
PARTNER = "partner234partner234partne"
PATH = "/partners/training-completions"
TIMES = [parse_iso(f"2026-11-{time}Z") for time in ("24T03:00:00", "24T03:00:10", "24T09:00:00", "27T10:00:00")]
TIMES.append(parse_iso("2026-12-01T03:00:00Z"))
"""When the five requests of the examples are sent."""


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)


KEY, REDEMPTION, VALIDATED, REDEEMED, ATTENDANCE, ATTENDED, COMPLETION, TEXT, SIGNATURE, COMPLETED = blocks(
    TRAINING.split("## A worked example")[1].split("\n## ")[0]
)
MONTH, COUNTED = blocks(TRAINING.split("## Months of attendance")[1].split("\n## ")[0])
POSTED, POSTING, CLOSURE_TEXT, CLOSURE_SIGNATURE, APPLICANTS, PAGE_TEXT, PAGE_SIGNATURE = blocks(VACANCIES)


def signed_headers() -> Callable[..., dict[str, str]]:
    """The function that the page gives partners to copy."""
    found = re.search(r"^```python\n(.*?)^```$", TRAINING, re.DOTALL | re.MULTILINE)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)
    return names["signed_headers"]


def check_signed(method: str, path: str, body: bytes, now: datetime, query: str, text: str, signature: str) -> None:
    """That the page's code and the server sign so, and that the page shows the text that is signed."""
    pairs = [tuple(pair.split("=")) for pair in query.split("&") if query]
    headers = signed_headers()(PARTNER, KEY, method, path, body, query=pairs, now=now.timestamp())
    assert headers == signatures.sign(PARTNER, KEY, method, path, body, now, query)
    assert headers["Gelombang-Signature"] == signature
    assert signatures.is_signed(signatures.claim(headers, now, 300), bytes.fromhex(KEY), method, path, query, body)
    lines = ["gelombang1", method, path, query, str(int(now.timestamp())), hashlib.sha256(body).hexdigest()]
    assert text.split("\n") == lines


def test_the_worked_examples_sign_as_the_server_expects():
    body = COMPLETION.encode()
    assert PARTNER in TRAINING
    assert f"these {len(body)} bytes" in TRAINING
    check_signed("POST", PATH, body, TIMES[3], "", TEXT, SIGNATURE)
    vacancy = f"/partners/vacancies/{msgspec.json.decode(POSTING)['vacancy_id']}"
    then = TIMES[0] + timedelta(minutes=1)
    check_signed("POST", f"{vacancy}/closure", b"", then, "", CLOSURE_TEXT, CLOSURE_SIGNATURE)
    cursor = re.findall(r"If it is `(.*?)`", VACANCIES)[0]
    assert wire.key(msgspec.convert({"cursor": cursor}, wire.ApplicantQuery).cursor)
    then = parse_iso("2026-11-26T03:00:00Z")
    assert iso(then) in VACANCIES
    query = signatures.canonical_query([("limit", "10"), ("cursor", cursor)])
    check_signed("GET", f"{vacancy}/applicants", b"", then, query, PAGE_TEXT, PAGE_SIGNATURE)


def test_the_requests_of_the_page_are_answered_as_it_says(cloud, programme, monkeypatch):
    """Also each a second time, a second later: 200, and the same answer."""
    monthly = msgspec.structs.replace(PLACED, version=PERSON.scheme, first_wave=1)
    stage = scene(cloud, msgspec.structs.replace(programme, schemes=(monthly,)))
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

    assert all(f"{time:%Y-%m-%dT%H:%M:%SZ}" in TRAINING for time in TIMES)
    for path, body, now, status, told in (
        ("/partners/redemptions/validations", REDEMPTION, TIMES[0], 200, VALIDATED),
        ("/partners/redemptions", REDEMPTION, TIMES[1], 201, REDEEMED),
        ("/partners/training-attendances", ATTENDANCE, TIMES[2], 201, ATTENDED),
        (PATH, COMPLETION, TIMES[3], 201, COMPLETED),
        ("/partners/attended-months", MONTH, TIMES[4], 201, COUNTED),
    ):
        assert f"`POST {path}`" in TRAINING
        assert post(path, body, now) == (status, told)
        assert post(path, body, now.replace(second=now.second + 1)) == (200, told)


def test_a_query_is_signed_as_the_page_says_however_it_is_sent(cloud, programme, monkeypatch):
    services = scene(cloud, programme).services
    partner, key = services.partners.add("Pelatihan Jaya", TIMES[0])
    table = TRAINING.split("| sent | signed |")[1].split("\n\n")[0]
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


class NewVacancies:
    """Takes every posting: it has none yet."""

    def vacancy(self, vacancy_id: str) -> None:
        return None

    def post(self, vacancy: Vacancy) -> bool:
        return True


def test_the_posting_of_the_page_is_answered_as_it_says_and_applicants_with_every_field(programme):
    nobody: Any = None
    jobs = Jobs(NewVacancies(), nobody, nobody, nobody, programme, nobody)
    form = decoding.body(POSTED.encode(), wire.PostingForm)
    view, new = jobs.post(Partner(PARTNER, "Kerja Jaya", b"", TIMES[0]), form, TIMES[0])
    assert new
    assert msgspec.json.encode(view).decode() == POSTING
    assert msgspec.json.encode(msgspec.json.decode(APPLICANTS, type=wire.ApplicantList)).decode() == APPLICANTS


def test_the_page_lists_every_request_every_refusal_with_its_status_and_the_limits(programme):
    asked = [op for op in application.app.operations if op.path.startswith("/partners/vacancies")]
    for operation in asked:
        assert f"| `{operation.method} {operation.path}" in VACANCIES
    refused = {NotFound, *(error for one in asked for error in one.refuses)} - set(errors.SIGNED)
    reported = {*errors.REDEMPTION, *errors.ATTENDANCE, *errors.MONTH, *errors.COMPLETION}
    for page, known in ((TRAINING, reported), (VACANCIES, refused)):
        for error in known:
            row = next(line for line in page.splitlines() if line.startswith("|") and f"`{error.code}`" in line)
            assert f"| {error.status} |" in row
    assert f"within {programme.jobs.open_days_max} days" in VACANCIES
    assert f"?limit={wire.PageQuery().limit}&" in VACANCIES
    assert f"?limit={wire.ApplicantQuery().limit}&" in VACANCIES
