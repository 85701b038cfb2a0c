"""The adapter's account inquiry and list of transactions, against the sandbox and answers that it never gives."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from chalicelib.money import Rupiah
from chalicelib.payouts.errors import StatementUnreadable
from chalicelib.payouts.providers.provider import Entry, Inquiry, InquiryOutcome, StatementLine
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.providers.xendit_statements import TRIES, XenditStatements
from chalicelib.registration.rules import FinancialAddress
from local.sandbox.provider import Sandbox
from local.sandbox.provider_books import SOMEBODY_ELSE
from tests.payouts.providers.test_sandbox_provider import KEY, PATIENT_S, Bank, http, serving

SINCE = datetime(2026, 11, 20, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)


class Listed:
    """A sandbox with a clock of its own, and the adapter that reads its list."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.statements = XenditStatements(sandbox.url, 20, lambda: KEY, lambda _: None)

    def pay(self, reference: str, account: str = "1234567890") -> None:
        channel = {"account_number": account, "account_holder_name": "Ani"}
        body = {"reference_id": reference, "channel_code": "ID_BCA", "channel_properties": channel}
        self.sandbox.books.send(reference, json.dumps(body | {"amount": 600_000, "currency": "IDR"}).encode())

    def get(self, **query: object) -> tuple[int, dict[str, Any]]:
        answer = urllib3.request(
            "GET",
            f"{self.sandbox.url}/transactions",
            fields={
                name.replace("__", "[") + ("]" if "__" in name else ""): str(value) for name, value in query.items()
            },
            headers=urllib3.make_headers(basic_auth=f"{KEY}:"),
            retries=False,
        )
        return answer.status, answer.json()

    def references(self, since: datetime = SINCE, until: datetime = UNTIL) -> list[str]:
        return [line.reference for line in self.statements.between(since, until)]


@pytest.fixture
def clock() -> list[float]:
    return [SINCE.timestamp()]


@pytest.fixture
def listed(clock: list[float]) -> Iterator[Listed]:
    with Sandbox("seed", api_key=KEY, clock=lambda: clock[0]) as sandbox:
        yield Listed(sandbox)


def test_a_list_has_ten_lines_unless_asked_and_fifty_at_most(listed):
    for number in range(60):
        listed.pay(f"r-{number}")
    assert len(listed.get()[1]["data"]) == 10
    status, page = listed.get(limit=50)
    assert (status, len(page["data"]), page["has_more"]) == (200, 50, True)
    assert listed.get(limit=51)[0] == 400
    rest = listed.get(limit=50, after_id=page["data"][-1]["id"])[1]
    assert (len(rest["data"]), rest["has_more"]) == (10, False)
    assert len({each["id"] for each in page["data"] + rest["data"]}) == 60


def test_a_line_has_all_facts_of_a_transaction(listed):
    listed.pay("r-1")
    (line,) = listed.get(types="DISBURSEMENT")[1]["data"]
    assert line["id"].startswith("txn_")
    assert (line["status"], line["cashflow"], line["currency"], line["amount"]) == (
        "SUCCESS",
        "MONEY_OUT",
        "IDR",
        600_000,
    )
    assert listed.get(types="PAYMENT")[1]["data"] == []
    assert listed.get(statuses="REVERSED")[1]["data"] == []
    assert listed.get(updated__gte="yesterday")[0] == 400
    assert listed.get(after_id="txn_nobody")[0] == 400


def test_all_pages_are_read(listed):
    names = [f"r-{number}" for number in range(151)]
    for name in names:
        listed.pay(name)
    assert sorted(listed.references()) == sorted(names)


def test_a_line_belongs_to_the_time_of_its_latest_change(listed, clock):
    listed.sandbox.books.configure({"settle_ms": 90 * 60 * 1000})
    listed.pay("r-1")
    assert [line.entry for line in listed.statements.between(SINCE, UNTIL)] == [Entry.PENDING]
    clock[0] += 2 * 3600
    assert listed.references() == []
    later = (UNTIL, UNTIL + timedelta(hours=1))
    assert [line.entry for line in listed.statements.between(*later)] == [Entry.SUCCEEDED]
    clock[0] += 3600
    listed.sandbox.books.reverse("r-1")
    assert listed.references(*later) == []
    assert listed.statements.of(["r-1"])["r-1"][0].entry is Entry.REVERSED


def test_the_end_of_a_range_of_time_is_exclusive(listed, clock):
    for offset_s, name in ((0, "first"), (3599.999, "last"), (3600, "next")):
        clock[0] = SINCE.timestamp() + offset_s
        listed.pay(name)
    clock[0] += 60
    assert sorted(listed.references()) == ["first", "last"]
    assert listed.references(UNTIL, UNTIL + timedelta(hours=1)) == ["next"]


def test_a_reference_is_not_found_by_a_part_of_it(listed):
    for name in ("r-1", "r-10", "r-11"):
        listed.pay(name)
    assert [line.reference for line in listed.statements.of(["r-1", "r-2"])["r-1"]] == ["r-1"]
    assert listed.statements.of(["r-2"])["r-2"] == []


def test_a_failing_page_is_retried_a_limited_number_of_times(listed):
    listed.pay("r-1")
    listed.sandbox.books.configure({"error_before_rate": 0.5})
    assert listed.references() == ["r-1"]
    listed.sandbox.books.configure({"error_before_rate": 1.0})
    with pytest.raises(StatementUnreadable, match="http_503"):
        listed.references()


def test_a_wrong_key_is_not_tried_again(listed):
    intruder = XenditStatements(listed.sandbox.url, 20, lambda: "wrong", pytest.fail)
    with pytest.raises(StatementUnreadable, match="http_401"):
        list(intruder.between(SINCE, UNTIL))


# Against answers that the sandbox never gives.

LINE = {
    "id": "txn_1",
    "reference_id": "r-1",
    "status": "SUCCESS",
    "cashflow": "MONEY_OUT",
    "currency": "IDR",
    "amount": 600_000,
    "created": "2026-11-20T00:00:01.000Z",
    "updated": "2026-11-20T00:00:02.000Z",
}


def read(page: object) -> list[StatementLine]:
    """What the adapter makes of one page, given as JSON or as bytes of a body."""
    body = page if isinstance(page, str) else json.dumps(page)
    with serving(lambda _: http("200 OK", body)) as url:
        return list(XenditStatements(url, 20, lambda: KEY, lambda _: None).between(SINCE, UNTIL))


@pytest.mark.parametrize(
    ("changes", "entry", "word", "amount"),
    [
        ({}, Entry.SUCCEEDED, "SUCCESS", 600_000),
        ({"amount": 600_000.0}, Entry.SUCCEEDED, "SUCCESS", 600_000),
        ({"amount": 600_000.5}, Entry.SUCCEEDED, "SUCCESS", None),
        ({"amount": "much"}, Entry.SUCCEEDED, "SUCCESS", None),
        ({"status": "VOIDED"}, Entry.FAILED, "VOIDED", 600_000),
        ({"status": "BRAND_NEW"}, Entry.UNREADABLE, "BRAND_NEW", 600_000),
        ({"status": "Ani 0812"}, Entry.UNREADABLE, "unreadable", 600_000),
        ({"status": None}, Entry.UNREADABLE, "unreadable", 600_000),
        ({"cashflow": "MONEY_IN"}, Entry.UNREADABLE, "SUCCESS", 600_000),
        ({"currency": "USD"}, Entry.UNREADABLE, "SUCCESS", 600_000),
        ({"reference_id": None}, Entry.UNREADABLE, "SUCCESS", 600_000),
        ({"reference_id": "Ani Holder"}, Entry.UNREADABLE, "SUCCESS", 600_000),
        ({"updated": "soon"}, Entry.UNREADABLE, "SUCCESS", 600_000),
        ({"updated": None, "created": "2026-11-01T00:00:00Z"}, Entry.UNREADABLE, "SUCCESS", 600_000),
    ],
)
def test_each_line_is_read_and_none_is_left_out(changes, entry, word, amount):
    (line,) = read({"data": [LINE | changes], "has_more": False})
    assert (line.entry, line.word, line.amount_idr) == (entry, word, amount and Rupiah(amount))
    assert "Ani" not in repr(line)


def test_a_change_within_the_last_millisecond_is_asked_for_and_belongs_to_its_own_time():
    asked: list[bytes] = []
    lines = [LINE | {"updated": "2026-11-20T00:59:59.999500Z"}, LINE | {"id": "2", "updated": "2026-11-20T01:00:00Z"}]

    def answer(raw: bytes) -> bytes:
        asked.append(raw)
        return http("200 OK", json.dumps({"data": lines, "has_more": False}))

    with serving(answer) as url:
        found = list(XenditStatements(url, 20, lambda: KEY, lambda _: None).between(SINCE, UNTIL))
    assert [line.id for line in found] == ["txn_1"]
    assert b"updated%5Blte%5D=2026-11-20T01%3A00%3A00Z" in asked[0]


def test_a_malformed_line_is_reported_as_unreadable():
    assert [line.entry for line in read({"data": [7, None, "x", []], "has_more": False})] == [Entry.UNREADABLE] * 4


@pytest.mark.parametrize(
    "page",
    ["", "<html>", "null", "[]", "{}", {"data": []}, {"data": {}, "has_more": False}, {"data": [], "has_more": "no"}],
)
def test_a_possibly_incomplete_page_is_refused(page):
    with pytest.raises(StatementUnreadable, match="malformed"):
        read(page)


@pytest.mark.parametrize("data", [[], [LINE], [LINE | {"id": None}]])
def test_pages_that_lead_nowhere_end(data):
    with pytest.raises(StatementUnreadable, match="pages_do_not_go_on"):
        read({"data": data, "has_more": True})


def test_a_page_is_retried_with_growing_pauses():
    asked: list[bytes] = []
    pauses: list[float] = []

    def answer(raw: bytes) -> bytes:
        asked.append(raw)
        return http("429 Too Many Requests", "")

    with serving(answer) as url, pytest.raises(StatementUnreadable, match="http_429"):
        list(XenditStatements(url, 20, lambda: KEY, pauses.append).between(SINCE, UNTIL))
    assert len(asked) == TRIES
    assert pauses == [0.5, 1, 2, 4]
    assert b"updated%5Bgte%5D=2026-11-20T00%3A00%3A00Z&updated%5Blte%5D=2026-11-20T01%3A00%3A00Z" in asked[0]


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


@pytest.mark.parametrize("code", ["OVO", "GOPAY", "DANA", "LINKAJA"])
def test_the_holders_of_wallets_are_unknown(bank, code):
    assert bank.fsp.inquire(FinancialAddress(code, "+6281234567890", "Ani")) == Inquiry(InquiryOutcome.NOT_OFFERED)


def test_the_last_digits_make_an_account_unknown_or_somebody_elses(bank):
    bank.set(unknown_suffix="7890")
    assert bank.fsp.inquire(ANI) == Inquiry(InquiryOutcome.NOT_FOUND)
    bank.set(unknown_suffix="", other_name_suffix="7890")
    assert bank.fsp.inquire(ANI) == Inquiry(InquiryOutcome.FOUND, SOMEBODY_ELSE)
    bank.set(other_name_suffix="", holder_name="Budi")
    assert bank.fsp.inquire(FinancialAddress("BNI", "5550001", "")) == Inquiry(InquiryOutcome.FOUND, "BUDI")


def test_an_inquiry_is_not_in_the_books(bank):
    bank.fsp.inquire(ANI)
    assert bank.report["payouts"] == []


def test_a_wrong_api_key_or_an_unreachable_provider_gives_no_answer(bank):
    assert Xendit(bank.sandbox.url, PATIENT_S, lambda: "wrong").inquire(ANI) == Inquiry(InquiryOutcome.UNKNOWN)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = Xendit(f"http://127.0.0.1:{unused.getsockname()[1]}", 0.5, lambda: KEY)
        assert nobody.inquire(ANI) == Inquiry(InquiryOutcome.UNKNOWN)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"bank_code": 1, "bank_account_number": "1"}'])
def test_an_incomplete_inquiry_is_refused(bank, body):
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
def test_each_answer_to_an_inquiry_is_read(status, body, expected, caplog):
    caplog.set_level("INFO")
    with serving(lambda _: http(status, json.dumps(body))) as url:
        assert Xendit(url, PATIENT_S, lambda: KEY).inquire(ANI) == expected
    assert "ANI" not in str([record.__dict__ for record in caplog.records if record.name.startswith("chalicelib")])


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", http("200 OK", "<html>"), http("200 OK", "null")])
def test_an_unreadable_answer_is_no_answer(raw):
    with serving(lambda _: raw) as url:
        assert Xendit(url, PATIENT_S, lambda: KEY).inquire(ANI) == UNKNOWN


def test_an_inquiry_sends_the_account_and_no_name():
    heard: list[bytes] = []

    def answer(raw: bytes) -> bytes:
        heard.append(raw)
        return http("200 OK", "{}")

    with serving(answer) as url:
        Xendit(url, PATIENT_S, lambda: KEY).inquire(ANI)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /bank_account_data_requests ")
    assert json.loads(body) == {"bank_account_number": "1234567890", "bank_code": "BCA"}
