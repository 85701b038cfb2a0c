"""The sandbox provider (FSP): a real HTTP server on loopback that speaks Xendit's Payouts API, with its own books.

`python -m local.sandbox.provider --port 8001 --seed demo --faults '{"timeout_after_rate": 0.1}'`, or
`with Sandbox("seed") as fsp:`.

    POST /v2/payouts                              an instruction (header Idempotency-key, basic authentication)
    GET  /v2/payouts?reference_id=R               every payout of a reference
    POST /bank_account_data_requests              under which name an account is held (banks only)
    GET  /transactions?types=&updated[gte]=&...   the list of transactions, in pages (`fsp_transactions`)
    GET  /sandbox/books                           every payout, what has really moved, totals
    POST /sandbox/settings                        change some of `Faults`
    POST /sandbox/accounts                        open accounts: [{"code", "account_number", "holder_name"}, ...]
    POST /sandbox/payouts/R/reversal              the money of a succeeded payout comes back
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
import msgspec
import urllib3

from .provider_books import Books, Fault, Faults, Refusal

log = logging.getLogger(__name__)

ANNOUNCED_AT_ONCE = 4
"""Webhooks that are on their way at the same time; the others wait."""


class Sandbox:
    """The provider, in threads of this process. `port` 0 takes a free one; `api_key` empty accepts anybody."""

    def __init__(
        self,
        seed: str,
        port: int = 0,
        *,
        api_key: str = "",
        path: str = ":memory:",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.books = Books(seed, clock, path)
        self.stopping = threading.Event()
        self.authorization = f"Basic {base64.b64encode(f'{api_key}:'.encode()).decode()}" if api_key else None
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._announcing = threading.Semaphore(ANNOUNCED_AT_ONCE)
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=10), retries=False)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; calls that hang are let go."""
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.books.close()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def announce(self, reference: str, delay_s: float) -> None:
        """Post the webhook of a final status after a while; one that gets lost is lost, as webhooks are."""
        faults = self.books.faults
        for _ in range(self.books.arrivals(reference) if faults.callback_url else 0):
            timer = threading.Timer(delay_s, self._post, (faults, reference))
            timer.daemon = True
            timer.start()

    def _post(self, faults: Faults, reference: str) -> None:
        if self.stopping.is_set():
            return
        event = {"event": "payout.updated", "business_id": "sandbox", "data": {"reference_id": reference}}
        headers = {"x-callback-token": faults.callback_token, "Content-Type": "application/json"}
        try:
            with self._announcing:
                self._http.request("POST", faults.callback_url, body=json.dumps(event).encode(), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            log.info("sandbox_webhook_lost", extra={"error": type(error).__name__})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        super().__init__(address, _Handler)
        self.sandbox = sandbox

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was killed while it waited is no error here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path.rstrip("/")
        if path == "/v2/payouts":
            self._payout(body)
        elif path == "/bank_account_data_requests":
            self._inquiry(body)
        elif path == "/sandbox/settings":
            self._settings(body)
        elif path == "/sandbox/accounts":
            self.server.sandbox.books.open_accounts(json.loads(body))
            self._answer(200, {})
        elif path.startswith("/sandbox/payouts/") and path.endswith("/reversal"):
            self._reversal(path.split("/")[3])
        else:
            self._answer(404, {"error_code": "NOT_FOUND"})

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = url.path.rstrip("/")
        if path == "/v2/payouts":
            self._status(parse_qs(url.query).get("reference_id", [""])[0])
        elif path == "/transactions":
            self._transactions(parse_qs(url.query))
        elif path == "/sandbox/books":
            self._answer(200, self.server.sandbox.books.report())
        else:
            self._answer(404, {"error_code": "NOT_FOUND"})

    def _payout(self, body: bytes) -> None:
        if not self._authorized():
            return
        books = self.server.sandbox.books
        key = self.headers.get("Idempotency-key") or ""
        fault = books.fault("send", key)
        status, answer = 0, {}
        if fault.has_effect:
            try:
                status, answer = 200, books.send(key, body)
                self.server.sandbox.announce(answer["reference_id"], books.faults.settle_ms / 1000)
            except Refusal as refusal:
                status, answer = refusal.status, refusal.body
        self._answer_or_not(fault, status, answer)

    def _status(self, reference: str) -> None:
        if not self._authorized():
            return
        books = self.server.sandbox.books
        self._answer_or_not(books.fault("status", reference), 200, books.of_reference(reference))

    def _inquiry(self, body: bytes) -> None:
        if not self._authorized():
            return
        books = self.server.sandbox.books
        try:
            status, answer = 200, books.inquire(body)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        self._answer_or_not(books.fault("inquiry", hashlib.sha256(body).hexdigest()), status, answer)

    def _transactions(self, query: dict[str, list[str]]) -> None:
        if not self._authorized():
            return
        books = self.server.sandbox.books
        fault = books.fault("list", query.get("after_id", query.get("reference_id", [""]))[0])
        try:
            self._answer_or_not(fault, 200, books.transactions(query))
        except Refusal as refusal:
            self._answer_or_not(fault, refusal.status, refusal.body)

    def _settings(self, body: bytes) -> None:
        try:
            faults = self.server.sandbox.books.configure(msgspec.json.decode(body, type=dict[str, Any]))
        except msgspec.DecodeError as error:
            self._answer(400, {"error_code": "API_VALIDATION_ERROR", "message": str(error)})
        else:
            self._answer(200, msgspec.to_builtins(faults) | {"callback_token": ""})

    def _reversal(self, reference: str) -> None:
        try:
            self.server.sandbox.books.reverse(reference)
        except Refusal as refusal:
            self._answer(refusal.status, refusal.body)
        else:
            self.server.sandbox.announce(reference, 0)
            self._answer(200, {"reference_id": reference, "status": "REVERSED"})

    def _authorized(self) -> bool:
        expected = self.server.sandbox.authorization
        if expected is None or self.headers.get("Authorization") == expected:
            return True
        self._answer(401, {"error_code": "INVALID_API_KEY", "message": "The API key is not valid"})
        return False

    def _answer_or_not(self, fault: Fault, status: int, answer: Any) -> None:
        match fault:
            case Fault.NONE:
                self._answer(status, answer)
            case Fault.ERROR_BEFORE:
                self._answer(503, {"error_code": "SERVER_ERROR", "message": "Try again later"})
            case Fault.ERROR_AFTER:
                self._answer(500, {"error_code": "SERVER_ERROR", "message": "Something went wrong"})
            case Fault.TIMEOUT_BEFORE | Fault.TIMEOUT_AFTER:
                self.server.sandbox.stopping.wait(self.server.sandbox.books.faults.hang_s)
                self.close_connection = True

    def _answer(self, status: int, answer: Any) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing: request lines would fill the demo's screen."""


@click.command()
@click.option("--port", default=0, help="0 takes a free one.")
@click.option("--seed", default="sandbox", help="Which calls go wrong follows from it.")
@click.option("--books", "path", default=":memory:", help="A SQLite file that outlives the process.")
@click.option("--api-key", default="", help="Accept this key only.", envvar="FSP_API_KEY")
@click.option("--faults", default="{}", help="Faults as JSON, such as '{\"fail_rate\": 0.1}'.")
def main(port: int, seed: str, path: str, api_key: str, faults: str) -> None:
    """Run the sandbox provider until it is interrupted."""
    with Sandbox(seed, port, api_key=api_key, path=path) as sandbox:
        sandbox.books.configure(json.loads(faults))
        click.echo(sandbox.url)
        threading.Event().wait()


if __name__ == "__main__":
    main()
