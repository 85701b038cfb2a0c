"""The sandbox provider's books, and its faults: everything but HTTP.

It shares no code with the application, so that comparing the two books proves something.
"""

from __future__ import annotations

import hmac
import json
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

MINIMUM_IDR = 10_000
"""A smaller payout is refused, as by the real provider."""

WALLETS = {"OVO", "GOPAY", "DANA", "LINKAJA"}
"""The wallets. The real provider does not know the names of their owners."""

SOMEBODY_ELSE = "PT MAJU BERSAMA"

STATUSES = {"ACCEPTED": "PENDING", "SUCCEEDED": "SUCCESS", "FAILED": "FAILED", "REVERSED": "REVERSED"}
"""The status of a transaction in the list, by the status of its payout."""


class Faults(Struct, frozen=True, forbid_unknown_fields=True):
    """How the sandbox misbehaves. Rates are shares of calls from 0 to 1; together they are at most 1."""

    fail_suffix: str = "0000"
    """Payouts to account numbers with this ending always fail. Empty: none."""
    fail_code: str = "INVALID_DESTINATION"
    """The failure code of these: one that the provider gives if the person's account is the cause."""
    fail_rate: float = 0.0
    """Share of first attempts (references that end in -1) that fail with a code for a network that was down."""
    timeout_before_rate: float = 0.0
    """Share of calls that are never answered and have had no effect."""
    timeout_after_rate: float = 0.0
    """Share of sendings that are accepted and never answered."""
    error_before_rate: float = 0.0
    """Share of calls answered 503 without effect."""
    error_after_rate: float = 0.0
    """Share of sendings that are accepted and answered 500."""
    blind_rate: float = 0.0
    """Share of status queries that are answered as if the payout were not known yet."""
    hang_s: float = 0.0
    """How long an unanswered call hangs before the connection is closed."""
    settle_ms: int = 0
    """Milliseconds from the acceptance to the final status."""
    holder_name: str = ""
    """The holder of accounts that nobody has opened here. Empty: such accounts do not exist."""
    other_name_suffix: str = ""
    """Account numbers with this ending are held by somebody else. Empty: none."""
    unknown_suffix: str = ""
    """Account numbers with this ending do not exist. Empty: none."""
    inquiry_pending_rate: float = 0.0
    """Share of inquiries that the bank has not answered yet."""
    key_lifetime_s: int = 86_400
    """Seconds until a key is forgotten; after that the same call pays again."""
    webhook_lost_rate: float = 0.0
    """Share of announcements that never arrive."""
    webhook_twice_rate: float = 0.0
    """Share of announcements that arrive twice."""
    callback_url: str = ""
    """Where final statuses are announced; empty: nowhere."""
    callback_token: str = ""


class Fault(StrEnum):
    """What happens to one call."""

    NONE = "none"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"

    @property
    def has_effect(self) -> bool:
        """Whether the call is carried out in spite of the fault."""
        return self not in {Fault.TIMEOUT_BEFORE, Fault.ERROR_BEFORE}


class Refusal(Exception):
    """A request that is answered with an error: HTTP status, `error_code` and a message."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(error_code)
        self.status = status
        self.body = {"error_code": error_code, "message": message}


_SCHEMA = """
create table if not exists payouts (
    key text not null, body blob not null, id text not null, reference text not null, channel text not null,
    account text not null, holder text not null, amount integer not null, description text not null,
    accepted_at real not null, settles_at real not null, outcome text not null, reversed_at real
);
create index if not exists payouts_key on payouts (key);
create index if not exists payouts_reference on payouts (reference);
create table if not exists accounts (code text, number text, holder text not null, primary key (code, number));
"""


class Books:
    """Every payout that was ever accepted, in SQLite; safe for threads.

    The seed, the key and how often the key was used decide what happens to a call, so a run can be repeated.
    `clock` gives Unix seconds.
    """

    def __init__(self, seed: str, clock: Callable[[], float], path: str = ":memory:") -> None:
        self.faults = Faults()
        self._seed = seed.encode()
        self._clock = clock
        self.calls = 0
        """The number of calls so far."""
        self.happened: Counter[str] = Counter()
        """What went wrong so far: "send timeout_after" and the like."""
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def configure(self, changes: dict[str, Any]) -> Faults:
        """Change some of the faults. Raises msgspec.ValidationError."""
        self.faults = msgspec.convert({**msgspec.to_builtins(self.faults), **changes}, Faults)
        return self.faults

    def fault(self, call: str, key: str) -> Fault:
        """What happens to the next call of this kind ("send", "status" or "inquiry") with a key."""
        dice = self._dice(self._nth(call, key))
        with self._lock:
            self.calls += 1
        faults = self.faults
        for rate, fault in (
            (faults.timeout_before_rate, Fault.TIMEOUT_BEFORE),
            (faults.error_before_rate, Fault.ERROR_BEFORE),
            (faults.timeout_after_rate, Fault.TIMEOUT_AFTER),
            (faults.error_after_rate, Fault.ERROR_AFTER),
        ):
            if dice < rate:
                self._count(f"{call} {fault.value}")
                return fault
            dice -= rate
        return Fault.NONE

    def arrivals(self, reference: str) -> int:
        """How often the next announcement about a reference arrives: never, once or twice."""
        dice = self._dice(self._nth("webhook", reference))
        if dice < self.faults.webhook_lost_rate:
            self._count("webhook lost")
            return 0
        if dice < self.faults.webhook_lost_rate + self.faults.webhook_twice_rate:
            self._count("webhook twice")
            return 2
        return 1

    def send(self, key: str, body: bytes) -> dict[str, Any]:
        """Accept an instruction and return the payout in its first state. Raises `Refusal`.

        A blank key is replaced by a new one, so each such call pays again, as at the real provider.
        """
        instruction = _instruction(body)
        key = key.strip() or str(uuid.uuid4())
        with self._lock:
            known = self._remembered(key)
            if known is None:
                self._accept(key, body, instruction)
                known = self._remembered(key)
        if known["body"] != body:
            raise Refusal(409, "DUPLICATE_ERROR", "The key has been used with another body")
        return self._payout(known, "ACCEPTED")

    def of_reference(self, reference: str) -> list[dict[str, Any]]:
        """Every payout of a reference, with its present status."""
        if self._dice(self._nth("blind", reference)) < self.faults.blind_rate:
            return []
        with self._lock:
            rows = self._db.execute("select * from payouts where reference = ? order by rowid", [reference]).fetchall()
        return [self._payout(row, self._status(row)) for row in rows]

    def open_accounts(self, accounts: Iterable[Mapping[str, str]]) -> None:
        """Open accounts (`code`, `account_number`, `holder_name`). If one is opened twice, the last holder has it."""
        rows = [(each["code"], each["account_number"], each["holder_name"]) for each in accounts]
        with self._lock:
            self._db.executemany("insert or replace into accounts values (?, ?, ?)", rows)

    def inquire(self, body: bytes) -> dict[str, Any]:
        """The holder of an account as banks write it: in capitals, at most 30 characters. Raises `Refusal`."""
        code, number = _question(body)
        answer = {"id": uuid.uuid4().hex, "bank_code": code, "bank_account_number": number}
        if self._dice(self._nth("pending", f"{code}|{number}")) < self.faults.inquiry_pending_rate:
            return answer | {"status": "PENDING"}
        holder = self._holder(code, number)
        if not holder:
            return answer | {"status": "FAILURE", "failure_reason": "INVALID_ACCOUNT_NUMBER"}
        return answer | {"status": "SUCCESS", "bank_account_holder_name": holder.upper()[:30]}

    def reverse(self, reference: str) -> None:
        """Let the money of a succeeded payout come back. Raises `Refusal`."""
        with self._lock:
            rows = self._db.execute("select * from payouts where reference = ?", [reference]).fetchall()
            if [self._status(row) for row in rows] != ["SUCCEEDED"]:
                raise Refusal(404, "DATA_NOT_FOUND", "No succeeded payout has this reference")
            self._db.execute("update payouts set reversed_at = ? where reference = ?", [self._clock(), reference])

    def transactions(self) -> list[dict[str, Any]]:
        """The list of transactions, the newest first."""
        with self._lock:
            rows = self._db.execute("select rowid, * from payouts order by accepted_at desc, rowid desc").fetchall()
        return [_transaction(row, *self._state(row)) for row in rows]

    def report(self) -> dict[str, Any]:
        """All payouts with the rupiah that really moved, and the totals."""
        with self._lock:
            rows = self._db.execute("select * from payouts order by rowid").fetchall()
        payouts = [self._line(row) for row in rows]
        statuses = Counter(line["status"] for line in payouts)
        moved = sum(line["moved_idr"] for line in payouts)
        return {"payouts": payouts, "totals": {"payouts": len(payouts), "moved_idr": moved, "statuses": statuses}}

    def _holder(self, code: str, number: str) -> str:
        faults = self.faults
        if faults.unknown_suffix and number.endswith(faults.unknown_suffix):
            return ""
        if faults.other_name_suffix and number.endswith(faults.other_name_suffix):
            return SOMEBODY_ELSE
        with self._lock:
            row = self._db.execute(
                "select holder from accounts where code = ? and number = ?", [code, number]
            ).fetchone()
        return str(row["holder"]) if row else faults.holder_name

    def _remembered(self, key: str) -> Any:
        since = self._clock() - self.faults.key_lifetime_s
        return self._db.execute(
            "select * from payouts where key = ? and accepted_at > ? order by rowid desc", [key, since]
        ).fetchone()

    def _accept(self, key: str, body: bytes, instruction: dict[str, Any]) -> None:
        now, channel = self._clock(), instruction["channel_properties"]
        self._db.execute(
            "insert into payouts (key, body, id, reference, channel, account, holder, amount, description, accepted_at,"
            " settles_at, outcome) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(key, body, f"disb-{uuid.uuid4()}", instruction["reference_id"], instruction["channel_code"]),
                *(channel["account_number"], channel["account_holder_name"], instruction["amount"]),
                *(instruction.get("description", ""), now, now + self.faults.settle_ms / 1000),
                self._outcome(instruction),
            ],
        )

    def _outcome(self, instruction: dict[str, Any]) -> str:
        faults, reference = self.faults, instruction["reference_id"]
        if faults.fail_suffix and instruction["channel_properties"]["account_number"].endswith(faults.fail_suffix):
            return "FAILED"
        unlucky = reference.endswith("-1") and self._dice(f"outcome|{reference}") < faults.fail_rate
        return "FAILED" if unlucky else "SUCCEEDED"

    def _state(self, row: sqlite3.Row) -> tuple[str, float]:
        """A payout's present status, and since when it has it, in Unix seconds."""
        if row["reversed_at"] is not None:
            return "REVERSED", row["reversed_at"]
        if self._clock() >= row["settles_at"]:
            return row["outcome"], row["settles_at"]
        return "ACCEPTED", row["accepted_at"]

    def _status(self, row: sqlite3.Row) -> str:
        return self._state(row)[0]

    def _line(self, row: sqlite3.Row) -> dict[str, Any]:
        status = self._status(row)
        return {
            "reference_id": row["reference"],
            "idempotency_key": row["key"],
            "channel_code": row["channel"],
            "account_number": row["account"],
            "amount": row["amount"],
            "status": status,
            "moved_idr": row["amount"] if status == "SUCCEEDED" else 0,
        }

    def _payout(self, row: sqlite3.Row, status: str) -> dict[str, Any]:
        accepted = datetime.fromtimestamp(row["accepted_at"], UTC).isoformat(timespec="milliseconds")
        payout = {
            "id": row["id"],
            "reference_id": row["reference"],
            "channel_code": row["channel"],
            "channel_properties": {"account_number": row["account"], "account_holder_name": row["holder"]},
            "amount": row["amount"],
            "currency": "IDR",
            "description": row["description"],
            "status": status,
            "created": accepted,
            "updated": accepted,
            "business_id": "sandbox",
        }
        if status != "FAILED":
            return payout
        broken = self.faults.fail_suffix and row["account"].endswith(self.faults.fail_suffix)
        return payout | {"failure_code": self.faults.fail_code if broken else "TEMPORARY_TRANSFER_ERROR"}

    def _nth(self, call: str, key: str) -> str:
        with self._lock:
            self._calls[f"{call}|{key}"] += 1
            return f"{call}|{key}|{self._calls[f'{call}|{key}']}"

    def _count(self, what: str) -> None:
        with self._lock:
            self.happened[what] += 1

    def _dice(self, text: str) -> float:
        """A pseudo-random number from 0 to 1 that follows from seed and text."""
        return int.from_bytes(hmac.digest(self._seed, text.encode(), "sha256")[:8]) / 2**64


def _question(body: bytes) -> tuple[str, str]:
    try:
        asked: dict[str, Any] = json.loads(body)
        code, number = asked["bank_code"], asked["bank_account_number"]
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(400, "API_VALIDATION_ERROR", "A field is missing") from error
    if not isinstance(code, str) or not isinstance(number, str) or not number:
        raise Refusal(400, "API_VALIDATION_ERROR", "A field is of the wrong type")
    if code in WALLETS:
        raise Refusal(400, "BANK_CODE_NOT_SUPPORTED_ERROR", "No names are known of this bank code")
    return code, number


def _instruction(body: bytes) -> dict[str, Any]:
    try:
        instruction: dict[str, Any] = json.loads(body)
        channel = instruction["channel_properties"]
        texts = [instruction[name] for name in ("reference_id", "channel_code")]
        texts += [channel[name] for name in ("account_number", "account_holder_name")]
        sound = all(isinstance(text, str) and text for text in texts) and texts[1].startswith("ID_")
        sound = sound and type(instruction["amount"]) is int and instruction["currency"] == "IDR"
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise Refusal(400, "API_VALIDATION_ERROR", "A field is missing or of the wrong type")
    if instruction["amount"] < MINIMUM_IDR:
        raise Refusal(400, "MINIMUM_TRANSFER_LIMIT_ERROR", "The amount is too small")
    return instruction


def _transaction(payout: sqlite3.Row, status: str, updated_at: float) -> dict[str, Any]:
    """A payout of the books as a transaction; `updated_at` in Unix seconds."""
    number = uuid.uuid5(uuid.NAMESPACE_URL, payout["id"])
    return {
        "id": f"txn_{number}",
        "product_id": payout["id"],
        "type": "DISBURSEMENT",
        "status": STATUSES[status],
        "channel_category": "BANK",
        "channel_code": payout["channel"].removeprefix("ID_"),
        "reference_id": payout["reference"],
        "account_identifier": payout["account"],
        "currency": "IDR",
        "amount": payout["amount"],
        "cashflow": "MONEY_OUT",
        "settlement_status": None,
        "business_id": "sandbox",
        "created": _text(payout["accepted_at"]),
        "updated": _text(updated_at),
    }


def _text(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
