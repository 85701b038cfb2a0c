"""A partner reads who applied, page after page in one second, and nobody turns its page into another."""

from __future__ import annotations

import pytest

import app as application
from chalicelib.config import Programme, Settings

from .gateway import DURING, Call, Gateway
from .refusals.jobs import APPLICANTS, applying


@pytest.fixture
def gateway(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    gateway = Gateway(cloud, programme)
    gateway.now = DURING
    monkeypatch.setattr(application, "services", lambda: gateway.services)
    monkeypatch.setattr(application.app, "clock", gateway.clock)
    return gateway


def test_all_pages_may_be_read_in_one_second_and_each_only_once(gateway: Gateway) -> None:
    vacancy = gateway.vacancy()
    applications = [gateway.ok(applying(vacancy, gateway.graduated().person))["application_id"] for _ in range(3)]
    path, second = f"/partners/vacancies/{vacancy}/applicants", gateway.now
    query, read = {"limit": "1"}, []
    while True:
        call = Call(APPLICANTS, path=path, query=dict(query), partner=gateway.partner, signed_at=second)
        page = gateway.ok(call)
        assert gateway.send(call).json_body["code"] == "partner_request_replayed"
        read += page["applicants"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(read) == len(applications) == 3


def test_a_signature_is_of_its_own_page_only(gateway: Gateway) -> None:
    vacancy = gateway.vacancy()
    path = f"/partners/vacancies/{vacancy}/applicants"
    overheard = Call(APPLICANTS, path=path, query={"limit": "1"}, partner=gateway.partner, signed_at=gateway.now)
    for query in ("", "?limit=2", "?limit=1&limit=1", "?limit=1&cursor=", "?LIMIT=1"):
        assert gateway.send(overheard, asked=query).json_body["code"] == "partner_signature_invalid", query
    assert gateway.send(overheard, asked="?limi%74=1").json_body == {"applicants": [], "next_cursor": None}
