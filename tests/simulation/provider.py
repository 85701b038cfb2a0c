"""A provider in memory that speaks Xendit's Payouts API v2, written from its documentation and not from our adapter.

The real adapter (`xendit.Xendit`) talks to it over `Transport`, which stands where urllib3's pool was.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from urllib3.exceptions import ReadTimeoutError

from .ports import Errors, Nature, Port

_WAITING = ("ACCEPTED", "ACCEPTED", "REQUESTED", "LOCKED", "A_WORD_THAT_IS_NEW")
_FAILURES = (
    None,
    None,
    None,
    "TEMPORARY_TRANSFER_ERROR",
    "DESTINATION_MAXIMUM_LIMIT",
    "A_CODE_THAT_IS_NEW",
    "SLS_RECIPIENT",
    "INSUFFICIENT_BALANCE",
)
_REFUSALS = ("CHANNEL_UNAVAILABLE", "RECIPIENT_ACCOUNT_NUMBER_ERROR", "INSUFFICIENT_BALANCE")
HOUR = 3600


@dataclass
class Habits:
    """How it behaves; rates are shares."""

    fails: float = 0.0
    """Of the payouts."""
    reverses: float = 0.0
    """Of the paid ones: the money comes back hours or days later."""
    slow: float = 0.3
    """Of the payouts: settled minutes or hours after acceptance, the others at once."""
    lags: float = 0.0
    """Of the status queries: answered by a copy that is up to two hours old."""
    refuses: float = 0.0
    """Of the sendings of a new key: refused without a payout."""
    deducts: float = 0.0
    """Of the payouts: another amount is moved than was asked for (a little less)."""
    broken_accounts: frozenset[str] = frozenset()
    """Payouts to these always fail."""


@dataclass
class Payout:
    """One payout; what becomes of it is set when it is accepted, and shows when the time has come."""

    key: str
    body: bytes
    reference: str
    account: str
    kind: str
    amount: int
    accepted_at: float
    settles_at: float
    word: str
    succeeds: bool
    reverses_at: float = float("inf")
    failure_code: str | None = None

    def status(self, at: float) -> str:
        """Its status at an instant, not before its acceptance."""
        if at < self.settles_at:
            return self.word
        if not self.succeeds:
            return "FAILED"
        return "REVERSED" if at >= self.reverses_at else "SUCCEEDED"

    def alive(self, at: float) -> bool:
        """Whether it has moved money, or may yet."""
        return self.status(at) not in {"FAILED", "REVERSED"}

    def net(self, at: float) -> int:
        """What has left and not come back."""
        return self.amount if self.status(at) == "SUCCEEDED" else 0


@dataclass(frozen=True)
class Reply:
    """What urllib3 gives of a response."""

    status: int
    data: bytes


@dataclass
class Provider:
    """`heard` is told of every sending that arrives, `accepted` of every new payout.

    `held_under`: the name on an account.
    """

    dice: random.Random
    clock: Callable[[], float]
    key_lifetime_s: float
    habits: Habits = field(default_factory=Habits)
    payouts: list[Payout] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Keys of which a sending was refused."""
    heard: Callable[[str, bytes], None] = lambda _key, _body: None
    accepted: Callable[[Payout], None] = lambda _payout: None
    held_under: Callable[[str], str] = str

    def handle(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Reply:
        """One request."""
        parts = urlsplit(url)
        if not headers.get("Authorization", "").startswith("Basic "):
            return _refusal(401, "INVALID_API_KEY")
        if parts.path == "/bank_account_data_requests":
            return self._inquire(json.loads(body or b"")["bank_account_number"])
        if method == "POST":
            return self._create(headers.get("Idempotency-key", ""), body or b"")
        return self._find(parse_qs(parts.query)["reference_id"][0])

    def of_key(self, key: str) -> list[Payout]:
        """Every payout that was ever made under a key."""
        return [each for each in self.payouts if each.key == key]

    def events(self, at: float) -> Iterable[tuple[str, str]]:
        """What has been announced by an instant: reference and status, of each change."""
        for each in self.payouts:
            for when in (each.settles_at, each.reverses_at if each.succeeds else float("inf")):
                if when <= at:
                    yield each.reference, each.status(when)

    def stranger(self, key: str) -> None:
        """Another system that pays from the same account happens to use a key and a reference that look like ours."""
        now = self.clock()
        if not self.of_key(key):
            self.payouts.append(Payout(key, b"", key, "another's", "", 1_000, now, now, "ACCEPTED", succeeds=True))

    def _create(self, key: str, body: bytes) -> Reply:
        now = self.clock()
        key = key or f"made-up-{len(self.payouts)}"
        self.heard(key, body)
        for known in self.payouts:
            if known.key == key and now - known.accepted_at < self.key_lifetime_s:
                return _refusal(409, "DUPLICATE_ERROR") if known.body != body else _reply(known, "ACCEPTED")
        if self.dice.random() < self.habits.refuses:
            self.refused.add(key)
            return _refusal(400, self.dice.choice(_REFUSALS))
        payout = self._new(key, body, json.loads(body), now)
        self.payouts.append(payout)
        self.accepted(payout)
        return _reply(payout, "ACCEPTED")

    def _new(self, key: str, body: bytes, asked: dict[str, Any], now: float) -> Payout:
        dice, habits = self.dice, self.habits
        account = asked["channel_properties"]["account_number"]
        settles_at = now + (dice.choice([20, 400, HOUR, 9 * HOUR]) if dice.random() < habits.slow else 0)
        return Payout(
            key=key,
            body=body,
            reference=asked["reference_id"],
            account=account,
            kind=asked["description"].split()[-1],
            amount=asked["amount"] - (2_500 if dice.random() < habits.deducts else 0),
            accepted_at=now,
            settles_at=settles_at,
            word=dice.choice(_WAITING),
            succeeds=account not in habits.broken_accounts and dice.random() >= habits.fails,
            failure_code="INVALID_DESTINATION" if account in habits.broken_accounts else dice.choice(_FAILURES),
            reverses_at=settles_at + dice.choice([60, HOUR, 30 * HOUR])
            if dice.random() < habits.reverses
            else float("inf"),
        )

    def _inquire(self, account: str) -> Reply:
        if self.dice.random() < self.habits.lags:
            return Reply(200, json.dumps({"status": "PENDING"}).encode())
        return Reply(
            200, json.dumps({"status": "SUCCESS", "bank_account_holder_name": self.held_under(account)}).encode()
        )

    def _find(self, reference: str) -> Reply:
        at = self.clock()
        if self.dice.random() < self.habits.lags:
            at -= self.dice.choice([10, 300, 1_800, 2 * HOUR])
        found = [each for each in self.payouts if each.reference == reference and each.accepted_at <= at]
        return Reply(200, json.dumps({"data": [_shown(each, each.status(at)) for each in found]}).encode())


class Transport:
    """In place of `urllib3.PoolManager`: the wire to the provider, on which requests and replies get lost."""

    def __init__(self, provider: Provider, nature: Nature, dice: random.Random) -> None:
        self._provider = provider
        self._nature = nature
        self._dice = dice

    def request(self, method: str, url: str, *, body: bytes | None, headers: dict[str, str], **_patience: Any) -> Reply:
        if method == "GET":
            port, what = Port.STATUS, url.rpartition("=")[2]
        else:
            port, what = (
                (Port.SEND if "Idempotency-key" in headers else Port.INQUIRY),
                headers.get("Idempotency-key", ""),
            )
        named = f"{port} {what[:4]}{what[26:]}"

        def handle() -> Reply:
            reply = self._provider.handle(method, url, headers, body)
            if self._nature.note is not len:
                self._nature.note(f"  the provider answers {reply.status} {reply.data.decode()}")
            return reply

        try:
            return self._nature.call(port, named, handle, _WIRE)
        except _Throttled:
            return self._dice.choice([_refusal(429, "RATE_LIMIT"), Reply(503, b"<html>Service Unavailable</html>")])


class _Throttled(Exception):
    pass


def _timed_out() -> Exception:
    nobody: Any = None  # the pool is not looked at
    return ReadTimeoutError(nobody, "/v2/payouts", "Read timed out.")


_WIRE = Errors(_Throttled, _timed_out)


def _refusal(status: int, code: str) -> Reply:
    return Reply(status, json.dumps({"error_code": code, "message": ""}).encode())


def _reply(payout: Payout, status: str) -> Reply:
    return Reply(200, json.dumps(_shown(payout, status)).encode())


def _shown(payout: Payout, status: str) -> dict[str, Any]:
    shown = {"id": f"disb-{payout.key}", "reference_id": payout.reference, "amount": payout.amount, "status": status}
    return shown | ({"failure_code": payout.failure_code} if status == "FAILED" and payout.failure_code else {})
