"""The adapter's account inquiry: against the sandbox provider, and against answers that it never gives."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from chalicelib.payouts.providers.provider import Inquiry, InquiryOutcome
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.registration.rules import FinancialAddress
from local.sandbox.provider import Sandbox
from local.sandbox.provider_books import SOMEBODY_ELSE
from tests.payouts.providers.test_sandbox_provider import KEY, PATIENT_S, Bank, http, serving

ANI = FinancialAddress("BCA", "1234567890", "Ani Lestari")


@pytest.fixture
def bank() -> Iterator[Bank]:
    with Sandbox("seed", api_key=KEY) as sandbox:
        bank = Bank(sandbox)
        account = {"code": ANI.code, "account_number": ANI.account_number, "holder_name": ANI.holder_name}
        assert bank.post("/sandbox/accounts", json.dumps([account]).encode())[0] == 200
        yield bank


def test_an_account_is_found_under_its_holders_name_as_banks_write_it(bank):
    assert bank.fsp.inquire(ANI) == Inquiry(InquiryOutcome.FOUND, "ANI LESTARI")


@pytest.mark.parametrize(
    "address", [FinancialAddress("BCA", "999999", "Ani"), FinancialAddress("BNI", "1234567890", "")]
)
def test_an_account_that_nobody_opened_is_not_found(bank, address):
    assert bank.fsp.inquire(address) == Inquiry(InquiryOutcome.NOT_FOUND)


@pytest.mark.parametrize("code", ["OVO", "GOPAY", "DANA", "LINKAJA"])
def test_of_wallets_no_names_are_known(bank, code):
    assert bank.fsp.inquire(FinancialAddress(code, "+6281234567890", "Ani")) == Inquiry(InquiryOutcome.NOT_OFFERED)


def test_some_accounts_are_unknown_or_somebody_elses_by_their_last_digits(bank):
    bank.set(unknown_suffix="7890")
    assert bank.fsp.inquire(ANI) == Inquiry(InquiryOutcome.NOT_FOUND)
    bank.set(unknown_suffix="", other_name_suffix="7890")
    assert bank.fsp.inquire(ANI) == Inquiry(InquiryOutcome.FOUND, SOMEBODY_ELSE)
    bank.set(other_name_suffix="", holder_name="Budi")
    assert bank.fsp.inquire(FinancialAddress("BNI", "5550001", "")) == Inquiry(InquiryOutcome.FOUND, "BUDI")


@pytest.mark.parametrize(
    "fault",
    ["timeout_before_rate", "timeout_after_rate", "error_before_rate", "error_after_rate", "inquiry_pending_rate"],
)
def test_each_fault_is_no_answer(bank, fault):
    bank.set(**{fault: 1.0})
    assert bank.fsp.inquire(ANI) == Inquiry(InquiryOutcome.UNKNOWN)
    bank.set(**{fault: 0.0})
    assert bank.fsp.inquire(ANI).outcome is InquiryOutcome.FOUND


def test_an_inquiry_is_in_nobodys_books(bank):
    bank.fsp.inquire(ANI)
    assert bank.report["payouts"] == []


def test_a_wrong_api_key_is_no_answer_and_nobody_there_is_none_either(bank):
    assert Xendit(bank.sandbox.url, PATIENT_S, lambda: "wrong").inquire(ANI) == Inquiry(InquiryOutcome.UNKNOWN)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = Xendit(f"http://127.0.0.1:{unused.getsockname()[1]}", 0.5, lambda: KEY)
        assert nobody.inquire(ANI) == Inquiry(InquiryOutcome.UNKNOWN)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"bank_code": 1, "bank_account_number": "1"}'])
def test_a_question_that_is_not_whole_is_refused(bank, body):
    assert bank.post("/bank_account_data_requests", body)[0] == 400


UNKNOWN = Inquiry(InquiryOutcome.UNKNOWN)
ANSWERS = [
    ("200 OK", {"status": "SUCCESS", "bank_account_holder_name": "ANI"}, Inquiry(InquiryOutcome.FOUND, "ANI")),
    ("201 Created", {"status": "SUCCESS", "account_holder_name": "ANI"}, Inquiry(InquiryOutcome.FOUND, "ANI")),
    (
        "200 OK",
        {"status": "COMPLETED", "result": {"is_found": True, "account_holder_name": "ANI"}},
        Inquiry(InquiryOutcome.FOUND, "ANI"),
    ),
    ("200 OK", {"status": "COMPLETED", "result": {"is_found": False}}, Inquiry(InquiryOutcome.NOT_FOUND)),
    ("200 OK", {"status": "FAILURE", "failure_reason": "X"}, Inquiry(InquiryOutcome.NOT_FOUND)),
    ("200 OK", {"status": "FAILED", "bank_account_holder_name": "ANI"}, Inquiry(InquiryOutcome.NOT_FOUND)),
    ("200 OK", {"status": "PENDING", "bank_account_holder_name": "ANI"}, UNKNOWN),
    ("200 OK", {"status": "BRAND_NEW", "bank_account_holder_name": "ANI"}, UNKNOWN),
    ("200 OK", {"status": "SUCCESS"}, UNKNOWN),
    ("200 OK", {"status": "SUCCESS", "bank_account_holder_name": "  "}, UNKNOWN),
    ("200 OK", {"status": "SUCCESS", "bank_account_holder_name": 7, "result": 7}, UNKNOWN),
    ("200 OK", {"status": ["SUCCESS"], "bank_account_holder_name": "ANI"}, UNKNOWN),
    ("200 OK", ["SUCCESS"], UNKNOWN),
    ("400 Bad Request", {"error_code": "BANK_CODE_NOT_SUPPORTED_ERROR"}, Inquiry(InquiryOutcome.NOT_OFFERED)),
    ("400 Bad Request", {"error_code": "API_VALIDATION_ERROR"}, UNKNOWN),
    ("400 Bad Request", {"error_code": ["BANK_CODE_NOT_SUPPORTED_ERROR"]}, UNKNOWN),
    ("403 Forbidden", {"error_code": "REQUEST_FORBIDDEN_ERROR"}, UNKNOWN),
    ("404 Not Found", {}, UNKNOWN),
    ("429 Too Many Requests", {}, UNKNOWN),
    ("302 Found", {"status": "SUCCESS", "bank_account_holder_name": "ANI"}, UNKNOWN),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_how_an_answer_is_read(status, body, expected, caplog):
    caplog.set_level("INFO")
    with serving(lambda _: http(status, json.dumps(body))) as url:
        assert Xendit(url, PATIENT_S, lambda: KEY).inquire(ANI) == expected
    assert "ANI" not in str([record.__dict__ for record in caplog.records if record.name.startswith("chalicelib")])


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", http("200 OK", "<html>"), http("200 OK", "null")])
def test_what_cannot_be_read_is_no_answer(raw):
    with serving(lambda _: raw) as url:
        assert Xendit(url, PATIENT_S, lambda: KEY).inquire(ANI) == UNKNOWN


def test_the_question_is_the_account_and_no_name_is_sent():
    heard: list[bytes] = []

    def answer(raw: bytes) -> bytes:
        heard.append(raw)
        return http("200 OK", "{}")

    with serving(answer) as url:
        Xendit(url, PATIENT_S, lambda: KEY).inquire(ANI)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /bank_account_data_requests ")
    assert json.loads(body) == {"bank_account_number": "1234567890", "bank_code": "BCA"}
