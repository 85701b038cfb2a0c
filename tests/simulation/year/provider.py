"""The payment provider of a year, in memory. It speaks what Xendit's documentation says and finds payouts by key.

It stands where urllib3's pool was, so the real adapters talk to it.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.sandbox.provider import page
from local.sandbox.provider_books import STATUSES, WALLETS, Refusal, _text

from ..provider import Reply

DAY_S = 86_400


@dataclass(slots=True)
class Paid:
    """One payout. It settles at once or hours later."""

    reference: str
    account: str
    code: str
    amount: int
    accepted_at: float
    settles_at: float
    succeeds: bool

    def status(self, at: float) -> str:
        return "ACCEPTED" if at < self.settles_at else "SUCCEEDED" if self.succeeds else "FAILED"


class Provider:
    """`held_under` is the name on an account; accounts that end in four zeros take no money."""

    def __init__(self, dice: random.Random, clock: Callable[[], float], held_under: Callable[[str], str]) -> None:
        self._dice = dice
        self._clock = clock
        self._held_under = held_under
        self.payouts: dict[str, Paid] = {}
        self._in_order: list[tuple[float, str]] = []

    def request(self, method: str, url: str, *, body: bytes | None = None, headers: Any = None, **_: Any) -> Reply:
        """One request, as urllib3's pool takes it."""
        parts, now = urlsplit(url), self._clock()
        query = parse_qs(parts.query)
        if parts.path.endswith("/bank_account_data_requests"):
            return self._inquire(json.loads(body or b""))
        if parts.path.endswith("/transactions"):
            return self._transactions(query, now)
        if method == "POST":
            return self._create(headers["Idempotency-key"], json.loads(body or b""), now)
        found = self.payouts.get(query["reference_id"][0])
        return _reply(200, {"data": [_shown(found, found.status(now))] if found else []})

    def _create(self, key: str, asked: dict[str, Any], now: float) -> Reply:
        if key not in self.payouts:
            account = asked["channel_properties"]["account_number"]
            later = self._dice.choice([0, 0, 0, 20, 400, 3_600, 9 * 3_600])
            code = asked["channel_code"].removeprefix("ID_")
            succeeds = not account.endswith("0000") and self._dice.random() >= 0.01
            self.payouts[key] = Paid(key, account, code, asked["amount"], now, now + later, succeeds)
            self._in_order.append((now, key))
        return _reply(200, _shown(self.payouts[key], "ACCEPTED"))

    def _inquire(self, asked: dict[str, Any]) -> Reply:
        if asked["bank_code"] in WALLETS:
            return _reply(400, {"error_code": "BANK_CODE_NOT_SUPPORTED_ERROR", "message": ""})
        name = self._held_under(asked["bank_account_number"])
        return _reply(200, {"status": "SUCCESS", "bank_account_holder_name": name.upper()[:30]})

    def _transactions(self, query: dict[str, list[str]], now: float) -> Reply:
        keys = query.get("reference_id")
        if keys is None:
            from_day = _unix(query["updated[gte]"][0]) - DAY_S
            first, end = (
                bisect_left(self._in_order, (at, "")) for at in (from_day, _unix(query["updated[lte]"][0]) + 1)
            )
            keys = [key for _, key in self._in_order[first:end]]
        found = [_transaction(self.payouts[key], now) for key in reversed(keys) if key in self.payouts]
        try:
            return _reply(200, page(found, query))
        except Refusal as refusal:
            return _reply(refusal.status, refusal.body)


def _unix(iso: str) -> float:
    from chalicelib.clock import parse_iso

    return parse_iso(iso).timestamp()


def _reply(status: int, answer: Any) -> Reply:
    return Reply(status, json.dumps(answer).encode())


def _shown(payout: Paid, status: str) -> dict[str, Any]:
    shown = {"id": f"disb-{payout.reference}", "reference_id": payout.reference, "status": status}
    code = "INVALID_DESTINATION" if payout.account.endswith("0000") else "TEMPORARY_TRANSFER_ERROR"
    return shown | {"amount": payout.amount, **({"failure_code": code} if status == "FAILED" else {})}


def _transaction(payout: Paid, now: float) -> dict[str, Any]:
    status = payout.status(now)
    return {
        "id": f"txn_{payout.reference}",
        "type": "DISBURSEMENT",
        "status": STATUSES[status],
        "reference_id": payout.reference,
        "currency": "IDR",
        "amount": payout.amount,
        "cashflow": "MONEY_OUT",
        "created": _text(payout.accepted_at),
        "updated": _text(payout.accepted_at if status == "ACCEPTED" else payout.settles_at),
    }
