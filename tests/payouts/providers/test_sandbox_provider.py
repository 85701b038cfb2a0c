"""The sandbox provider as a client sees it, and the application's adapter with it and with worse servers."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from chalicelib.money import Rupiah
from chalicelib.payouts import alarm_words, rules
from chalicelib.payouts.providers import xendit
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Answer, Entitlement, Kind, Outcome, State
from chalicelib.registration.rules import FinancialAddress
from local.sandbox.provider import Sandbox
from tests.conftest import ROOT, T0

KEY = "xnd-test"
PATIENT_S = 20
"""No test but the one about hanging may depend on how busy the machine is."""
ID = rules.entitlement_id(54, "ani", Kind.INCENTIVE)
REFERENCE = f"{ID}-1"
OWED = Entitlement(ID, "ani", 54, Kind.INCENTIVE, Rupiah(600_000), State.DUE, 0, 1, None, T0, T0)


class Bank:
    """A sandbox with a clock of its own and a client of it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.fsp = Xendit(sandbox.url, PATIENT_S, lambda: KEY)

    def body(self, account: str = "1234567890", reference: str = REFERENCE) -> bytes:
        return self.fsp.render(reference, OWED, FinancialAddress("BCA", account, "Ani"))

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        answer = urllib3.request(
            "POST",
            f"{self.sandbox.url}{path}",
            body=body,
            headers={**urllib3.make_headers(basic_auth=f"{KEY}:"), **headers},
            retries=False,
        )
        return answer.status, answer.json()

    def set(self, **faults: object) -> None:
        assert self.post("/sandbox/settings", json.dumps(faults).encode())[0] == 200

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = urllib3.request("GET", f"{self.sandbox.url}/sandbox/books", retries=False).json()
        return found


@pytest.fixture
def clock() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def bank(clock: list[float]) -> Iterator[Bank]:
    with Sandbox("seed", api_key=KEY, clock=lambda: clock[0]) as sandbox:
        yield Bank(sandbox)


def test_the_same_key_and_bytes_pay_once_and_give_the_object_as_it_was_at_first(bank):
    first = bank.post("/v2/payouts", bank.body(), **{"Idempotency-key": REFERENCE})
    assert bank.fsp.status(REFERENCE) == Answer(Outcome.SUCCEEDED, "SUCCEEDED", Rupiah(600_000))
    again = bank.post("/v2/payouts", bank.body(), **{"Idempotency-key": REFERENCE})
    assert again == first
    assert again[1]["status"] == "ACCEPTED", "a repeated sending tells nothing of how it went"
    assert bank.report["totals"] == {"payouts": 1, "moved_idr": 600_000, "statuses": {"SUCCEEDED": 1}}


def test_the_same_key_with_other_bytes_is_a_duplicate_error(bank):
    bank.fsp.send(REFERENCE, bank.body())
    status, answer = bank.post("/v2/payouts", bank.body("999"), **{"Idempotency-key": REFERENCE})
    assert (status, answer["error_code"]) == (409, "DUPLICATE_ERROR")
    assert bank.fsp.send(REFERENCE, bank.body("999")) == Answer(Outcome.DUPLICATE, "DUPLICATE_ERROR")
    assert bank.report["totals"]["payouts"] == 1


def test_a_blank_key_pays_each_time_so_the_adapter_cannot_send_one(bank):
    for _ in range(2):
        bank.post("/v2/payouts", bank.body(), **{"Idempotency-key": " "})
    assert bank.report["totals"]["moved_idr"] == 1_200_000
    assert bank.fsp.status(REFERENCE).outcome is Outcome.DUPLICATE

    for blank in ("", " ", "\t"):
        with pytest.raises(ValueError, match="idempotency key"):
            bank.fsp.send(blank, bank.body())
    assert bank.report["totals"]["payouts"] == 2


def test_a_forgotten_key_pays_again(bank, clock):
    bank.fsp.send(REFERENCE, bank.body())
    clock[0] += 86_400
    bank.fsp.send(REFERENCE, bank.body())
    assert bank.report["totals"]["moved_idr"] == 1_200_000


def test_the_bytes_are_the_same_for_the_same_facts_and_hold_whole_rupiah(bank):
    assert bank.body() == bank.body()
    assert json.loads(bank.body()) == {
        "reference_id": REFERENCE,
        "channel_code": "ID_BCA",
        "channel_properties": {"account_number": "1234567890", "account_holder_name": "Ani"},
        "amount": 600_000,
        "currency": "IDR",
        "description": "Gelombang 54 INCENTIVE",
    }


@pytest.mark.parametrize(
    ("fault", "booked"),
    [("timeout_before_rate", 0), ("error_before_rate", 0), ("timeout_after_rate", 1), ("error_after_rate", 1)],
)
def test_each_fault_is_an_unknown_outcome_and_is_in_the_books_or_not(bank, fault, booked):
    bank.set(**{fault: 1.0})
    assert bank.fsp.send(REFERENCE, bank.body()).outcome is Outcome.UNKNOWN
    assert bank.fsp.status(REFERENCE).outcome is Outcome.UNKNOWN
    bank.set(**{fault: 0.0})
    assert len(bank.report["payouts"]) == booked
    assert (bank.fsp.status(REFERENCE).outcome is Outcome.NOT_FOUND) == (booked == 0)


def test_a_call_that_hangs_is_given_up_in_time(bank):
    bank.set(timeout_after_rate=1.0, hang_s=30)
    hasty = Xendit(bank.sandbox.url, 0.5, lambda: KEY)
    assert hasty.send(REFERENCE, bank.body()) == Answer(Outcome.UNKNOWN, "ReadTimeoutError")
    assert bank.report["totals"]["payouts"] == 1


def test_an_unreachable_provider_is_an_unknown_outcome():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        fsp = Xendit(f"http://127.0.0.1:{unused.getsockname()[1]}", 0.5, lambda: KEY)
        assert fsp.send(REFERENCE, b"{}").outcome is Outcome.UNKNOWN


def test_only_first_attempts_fail_by_rate(bank):
    bank.set(fail_rate=1.0)
    for n in (1, 2):
        bank.fsp.send(f"{ID}-{n}", bank.body(reference=f"{ID}-{n}"))
    assert [bank.fsp.status(f"{ID}-{n}").outcome for n in (1, 2)] == [Outcome.FAILED, Outcome.SUCCEEDED]


def test_a_reversal_takes_the_money_back(bank):
    bank.fsp.send(REFERENCE, bank.body())
    assert bank.post(f"/sandbox/payouts/{REFERENCE}/reversal", b"")[0] == 200
    assert bank.fsp.status(REFERENCE).outcome is Outcome.REVERSED
    assert bank.report["totals"]["moved_idr"] == 0
    assert bank.post(f"/sandbox/payouts/{REFERENCE}/reversal", b"")[0] == 404


def test_the_seed_decides_which_calls_fail():
    def outcomes(seed: str) -> list[Outcome]:
        with Sandbox(seed) as sandbox:
            bank = Bank(sandbox)
            bank.set(error_before_rate=0.5)
            return [bank.fsp.send(f"{ID}-{n}", bank.body(reference=f"{ID}-{n}")).outcome for n in range(1, 21)]

    assert outcomes("one") == outcomes("one")
    assert outcomes("one") != outcomes("two")
    assert set(outcomes("one")) == {Outcome.PENDING, Outcome.UNKNOWN}


def test_a_wrong_api_key_creates_nothing_and_fails_nothing(bank):
    intruder = Xendit(bank.sandbox.url, PATIENT_S, lambda: "wrong")
    assert intruder.send(REFERENCE, bank.body()) == Answer(Outcome.UNKNOWN, "http_401")
    assert intruder.status(REFERENCE) == Answer(Outcome.UNKNOWN, "http_401")
    assert bank.report["totals"]["payouts"] == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"reference_id": "x"}'])
def test_an_incomplete_request_is_refused(bank, body):
    assert bank.fsp.send(REFERENCE, body) == Answer(Outcome.REFUSED, "API_VALIDATION_ERROR")


def test_a_setting_that_is_not_known_is_refused(bank):
    assert bank.post("/sandbox/settings", b'{"fail_rat": 1}')[0] == 400


def test_a_file_keeps_the_books(tmp_path):
    file = str(tmp_path / "books.sqlite")
    with Sandbox("seed", path=file) as sandbox:
        Bank(sandbox).fsp.send(REFERENCE, Bank(sandbox).body())
    with Sandbox("seed", path=file) as sandbox:
        assert Bank(sandbox).report["totals"]["moved_idr"] == 600_000


def test_a_final_status_is_announced_with_the_token():
    heard: list[bytes] = []
    done = threading.Event()

    def answer(raw: bytes) -> bytes:
        heard.append(raw)
        done.set()
        return http("200 OK", "{}")

    with serving(answer) as url, Sandbox("seed") as sandbox:
        bank = Bank(sandbox)
        bank.set(callback_url=f"{url}/webhooks/fsp", callback_token="secret-token")
        bank.fsp.send(REFERENCE, bank.body())
        assert done.wait(60)
    assert b"x-callback-token: secret-token" in heard[0]
    assert REFERENCE.encode() in heard[0]


def test_the_sandbox_runs_as_a_program():
    command = [sys.executable, "-m", "local.sandbox.provider", "--seed", "s", "--faults", '{"error_before_rate": 1.0}']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            url = process.stdout.readline().strip()
            assert Xendit(url, PATIENT_S, lambda: "").status(REFERENCE) == Answer(Outcome.UNKNOWN, "http_503")
        finally:
            process.terminate()


# The adapter against answers that the sandbox never gives.


def http(status: str, body: str) -> bytes:
    raw = body.encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode() + raw


def request(connection: socket.socket) -> bytes:
    """One whole request, body and all."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += connection.recv(65_536)
    head, _, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(answer: Any) -> Iterator[str]:
    """A server that reads one request a connection and answers with any bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(answer(request(connection)))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(2)


def payout(**changes: object) -> str:
    return json.dumps([{"reference_id": REFERENCE, "status": "SUCCEEDED", "amount": 600_000} | changes])


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("200 OK", payout(), Answer(Outcome.SUCCEEDED, "SUCCEEDED", Rupiah(600_000))),
        ("200 OK", '{"data": ' + payout() + "}", Answer(Outcome.SUCCEEDED, "SUCCEEDED", Rupiah(600_000))),
        ("200 OK", payout(amount=600_000.0), Answer(Outcome.SUCCEEDED, "SUCCEEDED", Rupiah(600_000))),
        ("200 OK", payout(amount="600000"), Answer(Outcome.SUCCEEDED, "SUCCEEDED", Rupiah(600_000))),
        ("200 OK", payout(amount=600_000.5), Answer(Outcome.SUCCEEDED, "SUCCEEDED", None)),
        ("200 OK", payout(amount=True), Answer(Outcome.SUCCEEDED, "SUCCEEDED", None)),
        ("200 OK", payout(status="LOCKED"), Answer(Outcome.PENDING, "LOCKED", Rupiah(600_000))),
        (
            "200 OK",
            payout(status="COMPLIANCE_REJECTED"),
            Answer(Outcome.FAILED, "COMPLIANCE_REJECTED", Rupiah(600_000)),
        ),
        ("200 OK", payout(status="BRAND_NEW"), Answer(Outcome.PENDING, "BRAND_NEW", Rupiah(600_000))),
        ("200 OK", payout(status="Ani 0812"), Answer(Outcome.PENDING, "unreadable", Rupiah(600_000))),
        ("200 OK", payout(status=7), Answer(Outcome.UNKNOWN, "malformed")),
        ("200 OK", payout(reference_id="another"), Answer(Outcome.UNKNOWN, "malformed")),
        ("200 OK", "[]", Answer(Outcome.NOT_FOUND, "not_found")),
        ("200 OK", "[7]", Answer(Outcome.UNKNOWN, "malformed")),
        ("200 OK", "{}", Answer(Outcome.UNKNOWN, "malformed")),
        ("200 OK", "null", Answer(Outcome.UNKNOWN, "malformed")),
        ("200 OK", "<html>", Answer(Outcome.UNKNOWN, "malformed")),
        ("404 Not Found", '{"error_code": "DATA_NOT_FOUND"}', Answer(Outcome.NOT_FOUND, "not_found")),
        ("404 Not Found", "<html>", Answer(Outcome.UNKNOWN, "http_404")),
        ("302 Found", "", Answer(Outcome.UNKNOWN, "http_302")),
        ("429 Too Many Requests", "", Answer(Outcome.UNKNOWN, "http_429")),
    ],
)
def test_each_status_answer_is_read_and_an_unknown_one_rings(status, body, expected, caplog):
    with serving(lambda _: http(status, body)) as url:
        assert Xendit(url, PATIENT_S, lambda: KEY).status(REFERENCE) == expected
    rung = [record.status for record in caplog.records if record.message == alarm_words.STATUS_UNKNOWN]
    assert rung == ([expected.fact] if expected.fact in {"BRAND_NEW", "unreadable"} else [])


@pytest.mark.parametrize(
    ("raw", "fact"),
    [
        (b"", "ProtocolError"),
        (b"nonsense\r\n\r\n", "ProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "ProtocolError"),
        (http("200 OK", "{}"), "malformed"),
        (http("400 Bad Request", "<html>"), "http_400"),
    ],
)
def test_a_sending_with_an_implausible_answer_has_an_unknown_outcome(raw, fact):
    with serving(lambda _: raw) as url:
        assert Xendit(url, PATIENT_S, lambda: KEY).send(REFERENCE, b"{}") == Answer(Outcome.UNKNOWN, fact)


@pytest.mark.parametrize("written", ["600000", "600000.0", "6e5", "6.00000E+5", '"600000"'])
def test_whole_rupiah_are_read_however_they_are_written(written: str) -> None:
    assert xendit.amount(xendit.parse(written.encode())) == 600_000


def test_an_amount_beyond_float_precision_is_read_exactly() -> None:
    assert xendit.amount(xendit.parse(b"9007199254740993.0")) == 9_007_199_254_740_993


@pytest.mark.parametrize(
    "written",
    ["600000.5", "-1", "-1.0", "1e400", "1e999999999", "true", "null", "[]", '"6e5"', f'"{"9" * 5000}"', '""'],
)
def test_anything_else_is_no_amount(written: str) -> None:
    assert xendit.amount(xendit.parse(written.encode())) is None


def test_an_answer_that_is_not_json_is_unknown() -> None:
    assert xendit.parse(b"<html>") is None


def test_the_key_is_the_user_and_there_is_no_password() -> None:
    assert xendit.authorization(lambda: "key") == {"Authorization": "Basic a2V5Og=="}
