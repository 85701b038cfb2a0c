"""The vacancies of docs/partners.md: the example is what the service answers, the refusals are all there are."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

import app as application
from chalicelib.clock import iso
from chalicelib.errors import NotFound
from chalicelib.jobs import wire
from chalicelib.jobs.rules import Vacancy
from chalicelib.jobs.service import Jobs
from chalicelib.training import errors, signatures
from chalicelib.training.rules import Partner
from chalicelib.web import edge
from tests.conftest import ROOT

PAGE = (ROOT / "docs/partners.md").read_text()
SECTION = PAGE.split("\n## Vacancies\n")[1].split("\n## ")[0]
POSTED, ANSWER, TEXT, SIGNATURE, APPLICANTS, PAGE_TEXT, PAGE_SIGNATURE = re.findall(
    r"^```\n(.*?)\n```$", SECTION, re.DOTALL | re.MULTILINE
)
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PARTNER = Partner("partner234partner234partne", "Kerja Jaya", b"", NOW)


class NewVacancies:
    """Takes every posting: it has none yet."""

    def vacancy(self, vacancy_id: str) -> None:
        return None

    def post(self, vacancy: Vacancy) -> bool:
        return True


def test_the_posting_of_the_page_is_answered_as_it_says(programme):
    store: Any = NewVacancies()
    nobody: Any = None
    jobs = Jobs(store, nobody, nobody, nobody, nobody, programme)
    view, new = jobs.post(PARTNER, edge.decode(POSTED.encode(), wire.PostingForm), NOW)
    assert new
    assert msgspec.json.encode(view).decode() == ANSWER


def test_the_closing_of_the_page_is_signed_over_the_path_with_the_id():
    vacancy = msgspec.json.decode(ANSWER)["vacancy_id"]
    path = f"/partners/vacancies/{vacancy}/closure"
    then = NOW + timedelta(minutes=1)
    headers = signatures.sign(PARTNER.id, KEY, "POST", path, b"", then)
    assert KEY in PAGE
    empty = hashlib.sha256(b"").hexdigest()
    assert TEXT.split("\n") == ["gelombang1", "POST", path, "", headers["Gelombang-Timestamp"], empty]
    assert headers["Gelombang-Signature"] == SIGNATURE
    claimed = signatures.claim(headers, then, 300)
    assert signatures.is_signed(claimed, bytes.fromhex(KEY), "POST", path, "", b"")


def test_the_next_page_of_the_page_is_signed_over_its_query():
    vacancy = msgspec.json.decode(ANSWER)["vacancy_id"]
    path = f"/partners/vacancies/{vacancy}/applicants"
    cursor = re.findall(r"If it is `(.*?)`", SECTION)[0]
    query = signatures.canonical_query([("limit", "10"), ("cursor", cursor)])
    then = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
    assert iso(then) in SECTION
    headers = signatures.sign(PARTNER.id, KEY, "GET", path, b"", then, query)
    empty = hashlib.sha256(b"").hexdigest()
    assert PAGE_TEXT.split("\n") == ["gelombang1", "GET", path, query, headers["Gelombang-Timestamp"], empty]
    assert headers["Gelombang-Signature"] == PAGE_SIGNATURE
    assert wire.key(msgspec.convert({"cursor": cursor}, wire.ApplicantQuery).cursor)


def test_the_answer_with_applicants_has_every_field_that_is_shown():
    shown = msgspec.json.decode(APPLICANTS, type=wire.ApplicantList)
    assert msgspec.json.encode(shown).decode() == APPLICANTS


def test_the_section_lists_every_request_and_every_refusal_with_its_status():
    asked = [op for op in application.app.operations if op.path.startswith("/partners/vacancies")]
    for operation in asked:
        assert f"| `{operation.method} {operation.path}" in SECTION
    for error in {NotFound, *(error for one in asked for error in one.refuses)} - set(errors.SIGNED):
        row = next(line for line in SECTION.splitlines() if line.startswith("|") and f"`{error.code}`" in line)
        assert f"| {error.status} |" in row


def test_the_limits_of_the_section_are_those_of_the_programme(programme):
    assert f"within {programme.jobs.open_days_max} days" in SECTION
    assert f"?limit={wire.PageQuery().limit}&" in SECTION
    assert f"?limit={wire.ApplicantQuery().limit}&" in SECTION
