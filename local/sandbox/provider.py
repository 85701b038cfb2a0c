"""The sandbox provider (FSP): a real HTTP server on loopback that speaks Xendit's Payouts API, with its own books.

`python -m local.sandbox.provider --port 8001 --seed demo --faults '{"timeout_after_rate": 0.1}'`, or
`with Sandbox("seed") as fsp:`.

    POST /v2/payouts                              an instruction (header Idempotency-key, basic authentication)
    GET  /v2/payouts?reference_id=R               every payout of a reference
    POST /bank_account_data_requests              under which name an account is held (banks only)
    GET  /transactions?types=&updated[gte]=&...   the list of transactions, in pages
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
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
import msgspec
import urllib3

from .provider_books import Books, Fault, Faults, Refusal
from .server import JsonHandler, Loopback

log = logging.getLogger(__name__)

ANNOUNCED_AT_ONCE = 4
"""How many webhooks are sent at the same time; the others wait."""


class Sandbox(Loopback):
    """The provider as a context manager. An empty `api_key` accepts anybody. Leaving it ends calls that hang."""

    def __init__(
        self,
        seed: str,
        port: int = 0,
        *,
        api_key: str = "",
        path: str = ":memory:",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(_Handler, port)
        self.books = Books(seed, clock, path)
        self.stopping = threading.Event()
        self.authorization = f"Basic {base64.b64encode(f'{api_key}:'.encode()).decode()}" if api_key else None
        self._announcing = threading.Semaphore(ANNOUNCED_AT_ONCE)
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=10), retries=False)

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        super().__exit__()
        self.books.close()

    def announce(self, reference: str, delay_s: float) -> None:
        """Send the webhook of a final status after `delay_s`: once, twice or never, as the faults decide."""
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


class _Handler(JsonHandler):
    def do_POST(self) -> None:  # noqa: N802 - as the standard library has it
        sandbox: Sandbox = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path.rstrip("/")
        if path == "/v2/payouts":
            key = self.headers.get("Idempotency-key") or ""
            self._provide("send", key, lambda: self._send(key, body))
        elif path == "/bank_account_data_requests":
            self._provide("inquiry", hashlib.sha256(body).hexdigest(), lambda: sandbox.books.inquire(body))
        elif path == "/sandbox/settings":
            self.answer(*_outcome(lambda: self._configure(body)))
        elif path == "/sandbox/accounts":
            sandbox.books.open_accounts(json.loads(body))
            self.answer(200, {})
        elif path.startswith("/sandbox/payouts/") and path.endswith("/reversal"):
            self.answer(*_outcome(lambda: self._reverse(path.split("/")[3])))
        else:
            self.answer(404, {"error_code": "NOT_FOUND"})

    def do_GET(self) -> None:  # noqa: N802 - as the standard library has it
        books, url = self.server.owner.books, urlsplit(self.path)
        path, query = url.path.rstrip("/"), parse_qs(url.query)
        reference = query.get("reference_id", [""])[0]
        if path == "/v2/payouts":
            self._provide("status", reference, lambda: books.of_reference(reference))
        elif path == "/transactions":
            self._provide("list", query.get("after_id", [reference])[0], lambda: page(books.transactions(), query))
        elif path == "/sandbox/books":
            self.answer(200, books.report())
        else:
            self.answer(404, {"error_code": "NOT_FOUND"})

    def _provide(self, call: str, key: str, work: Callable[[], Any]) -> None:
        """Answer a call of the provider's API, or fail as the books decide."""
        sandbox: Sandbox = self.server.owner
        if sandbox.authorization not in (None, self.headers.get("Authorization")):
            self.answer(401, {"error_code": "INVALID_API_KEY", "message": "The API key is not valid"})
            return
        fault = sandbox.books.fault(call, key)
        status, answer = 0, None
        if fault.has_effect or call != "send":
            status, answer = _outcome(work)
        match fault:
            case Fault.NONE:
                self.answer(status, answer)
            case Fault.ERROR_BEFORE:
                self.answer(503, {"error_code": "SERVER_ERROR", "message": "Try again later"})
            case Fault.ERROR_AFTER:
                self.answer(500, {"error_code": "SERVER_ERROR", "message": "Something went wrong"})
            case Fault.TIMEOUT_BEFORE | Fault.TIMEOUT_AFTER:
                sandbox.stopping.wait(sandbox.books.faults.hang_s)
                self.close_connection = True

    def _send(self, key: str, body: bytes) -> dict[str, Any]:
        sandbox: Sandbox = self.server.owner
        answer = sandbox.books.send(key, body)
        sandbox.announce(answer["reference_id"], sandbox.books.faults.settle_ms / 1000)
        return answer

    def _configure(self, body: bytes) -> dict[str, Any]:
        faults = self.server.owner.books.configure(msgspec.json.decode(body, type=dict[str, Any]))
        return {**msgspec.to_builtins(faults), "callback_token": ""}

    def _reverse(self, reference: str) -> dict[str, Any]:
        self.server.owner.books.reverse(reference)
        self.server.owner.announce(reference, 0)
        return {"reference_id": reference, "status": "REVERSED"}


def _outcome(work: Callable[[], Any]) -> tuple[int, Any]:
    try:
        return 200, work()
    except Refusal as refusal:
        return refusal.status, refusal.body
    except msgspec.DecodeError as error:
        return 400, {"error_code": "API_VALIDATION_ERROR", "message": str(error)}


# The list of transactions, filtered and in pages


def page(transactions: Sequence[dict[str, Any]], query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One page of `transactions`, which are sorted newest first. Raises `Refusal`.

    It follows https://docs.xendit.co/apidocs/list-transactions. A page has at most 50 lines, 10 by default. While
    `has_more`, the next one starts after `after_id`. Both ends of a range of time are inclusive. `reference_id` also
    finds parts of a reference.
    """
    asked = query.get("limit", ["10"])[0]
    if not asked.isdigit() or not 1 <= int(asked) <= 50:
        raise _no_filter("limit")
    limit = int(asked)
    found = [each for each in transactions if _asked_for(each, query)]
    if "after_id" in query:
        # The line may have changed and no longer match the filter, so its place in the whole list counts.
        order = {each["id"]: place for place, each in enumerate(transactions)}
        if query["after_id"][0] not in order:
            raise _no_filter("after_id")
        found = [each for each in found if order[each["id"]] > order[query["after_id"][0]]]
    return {"has_more": len(found) > limit, "data": found[:limit], "links": []}


def _asked_for(each: Mapping[str, Any], query: Mapping[str, Sequence[str]]) -> bool:
    return (
        each["type"] in query.get("types", [each["type"]])
        and each["status"] in query.get("statuses", [each["status"]])
        and all(part in each["reference_id"] for part in query.get("reference_id", ()))
        and all(_within(each[field], field, query) for field in ("created", "updated"))
    )


def _within(value: str, field: str, query: Mapping[str, Sequence[str]]) -> bool:
    since, until = (query.get(f"{field}[{end}]", [value])[0] for end in ("gte", "lte"))
    return _when(since) <= datetime.fromisoformat(value) <= _when(until)


def _when(raw: str) -> datetime:
    try:
        return datetime.fromisoformat(raw)
    except ValueError as error:
        raise _no_filter("a range of time") from error


def _no_filter(what: str) -> Refusal:
    return Refusal(400, "API_VALIDATION_ERROR", f"Not a filter: {what}")


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
