"""The adapter to Xendit's Payouts API, version 2, and to servers that speak it (the sandbox of `local/` does).

Source: https://docs.xendit.co/apidocs/create-payout, .../get-all-payouts and /docs/payout-status-lifecycle. A repeated
key with the same body returns the object as it was at first; with another body DUPLICATE_ERROR. Without a key the
provider makes one up and pays each time, so a blank key is refused before anything is sent.

Account inquiry: its Name Validator (https://xendit.github.io/xendit-kb/name-validator/), `POST
/bank_account_data_requests` with `bank_account_number` and `bank_code`. It knows all Indonesian banks and no wallets.
Its status is SUCCESS with the holder's name, PENDING while the bank has not answered (the same request later returns
the answer), or FAILURE if the bank does not know the account. Its successor says COMPLETED with a `result`; both are
read.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from ...aws import clients
from ...money import Rupiah
from ...registration.rules import FinancialAddress
from .. import alarm_words
from ..rules import Answer, Entitlement, Outcome
from .provider import Inquiry, InquiryOutcome

log = logging.getLogger(__name__)

_OUTCOMES = {
    "ACCEPTED": Outcome.PENDING,
    "PENDING": Outcome.PENDING,
    "PENDING_COMPLIANCE_ASSESSMENT": Outcome.PENDING,
    "REQUESTED": Outcome.PENDING,
    "READY": Outcome.PENDING,
    "LOCKED": Outcome.PENDING,
    "SUCCEEDED": Outcome.SUCCEEDED,
    "FAILED": Outcome.FAILED,
    "CANCELLED": Outcome.FAILED,
    "EXPIRED": Outcome.FAILED,
    "COMPLIANCE_REJECTED": Outcome.FAILED,
    "REVERSED": Outcome.REVERSED,
}
_UNREADABLE = "unreadable"
_NOT_OFFERED = {"BANK_CODE_NOT_SUPPORTED", "BANK_CODE_NOT_SUPPORTED_ERROR"}
WORD = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
"""A provider's own word; other text may hold personal data."""


_decoder = msgspec.json.Decoder(float_hook=Decimal)
"""Amounts are never floats."""

_DIGITS = 18
"""More digits than any amount has: a number like 1e999999999 must not be written out."""


def authorization(api_key: Callable[[], str]) -> dict[str, str]:
    """The header of basic authentication: the key as the user, without a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{api_key()}:".encode()).decode()}


def parse(raw: bytes) -> Any:
    """The JSON of an answer; None if it is not JSON."""
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError:
        return None


def amount(raw: Any) -> Rupiah | None:
    """Whole rupiah, however it is written (600000, 600000.0, "600000"); None for anything else."""
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= _DIGITS:
        raw = int(raw)
    if isinstance(raw, Decimal) and raw.adjusted() < _DIGITS and raw == raw.to_integral_value():
        raw = int(raw)
    return Rupiah(raw) if type(raw) is int and raw >= 0 else None


class Xendit:
    """`timeout_s` bounds connecting and each wait for bytes; nothing is retried here, the ledger decides that.

    `inquiry_timeout_s` bounds inquiries, for which somebody waits; None means `timeout_s`. `api_key` is called at each
    request, so that building this costs no look-up.
    """

    rail = "xendit-v2"

    def __init__(
        self, url: str, timeout_s: float, api_key: Callable[[], str], inquiry_timeout_s: float | None = None
    ) -> None:
        import urllib3  # 40 ms that a function which pays nobody need not spend

        self._url = f"{url.rstrip('/')}/v2/payouts"
        self._inquiry_url = f"{url.rstrip('/')}/bank_account_data_requests"
        patience = timeout_s if inquiry_timeout_s is None else inquiry_timeout_s
        self._inquiry_timeout = urllib3.Timeout(connect=patience, read=patience)
        self._api_key = api_key
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s), retries=False)
        self._http_error = urllib3.exceptions.HTTPError

    def inquire(self, address: FinancialAddress) -> Inquiry:
        """POST the account. Asking again is harmless, though each question costs a fee. No name is ever logged."""
        question = {"bank_account_number": address.account_number, "bank_code": address.code}
        answer = self._call(
            "POST",
            self._inquiry_url,
            {"Content-Type": "application/json"},
            msgspec.json.encode(question),
            timeout=self._inquiry_timeout,
        )
        if isinstance(answer, Answer):
            return Inquiry(InquiryOutcome.UNKNOWN)
        status, parsed = answer
        if status in {200, 201, 202} and isinstance(parsed, dict):
            return _inquiry(parsed)
        code = _word(parsed.get("error_code")) if isinstance(parsed, dict) else _UNREADABLE
        if status in {400, 422} and code in _NOT_OFFERED:
            return Inquiry(InquiryOutcome.NOT_OFFERED)
        log.warning("fsp_inquiry_unknown", extra={"fact": f"http_{status}", "code": code})
        return Inquiry(InquiryOutcome.UNKNOWN)

    def render(self, reference: str, entitlement: Entitlement, address: FinancialAddress) -> bytes:
        """JSON with the fields always in the same order. The description may show on the person's statement."""
        instruction = {
            "reference_id": reference,
            "channel_code": f"ID_{address.code}",
            "channel_properties": {
                "account_number": address.account_number,
                "account_holder_name": address.holder_name,
            },
            "amount": entitlement.amount_idr,
            "currency": "IDR",
            "description": f"Gelombang {entitlement.wave} {entitlement.kind.value}",
        }
        return msgspec.json.encode(instruction)

    def send(self, key: str, body: bytes) -> Answer:
        """POST the instruction. A blank key is a ValueError: the provider would make one up and pay each time."""
        if not key.strip():
            raise ValueError("a sending needs an idempotency key")
        answer = self._call("POST", self._url, {"Idempotency-key": key, "Content-Type": "application/json"}, body)
        if isinstance(answer, Answer):
            return answer
        status, parsed = answer
        if status in {200, 201, 202}:
            return _payout(parsed, key)
        # Only the provider's own words count: a proxy's error page says nothing of the payout.
        code = _word(parsed.get("error_code")) if isinstance(parsed, dict) else _UNREADABLE
        if code == "DUPLICATE_ERROR":
            return Answer(Outcome.DUPLICATE, code)
        if status in {400, 422} and code != _UNREADABLE:
            return Answer(Outcome.REFUSED, code)
        return _unknown(f"http_{status}")

    def status(self, reference: str) -> Answer:
        """GET every payout of a reference. The provider does not keep references unique: two payouts are an alarm."""
        if not reference.strip():
            raise ValueError("a status query needs a reference")
        answer = self._call("GET", f"{self._url}?reference_id={quote(reference, safe='')}", {}, None)
        if isinstance(answer, Answer):
            return answer
        status, parsed = answer
        if status == 404 and isinstance(parsed, dict) and parsed.get("error_code") == "DATA_NOT_FOUND":
            return Answer(Outcome.NOT_FOUND, "not_found")
        if status != 200:
            return _unknown(f"http_{status}")
        found = parsed.get("data") if isinstance(parsed, dict) else parsed
        if not isinstance(found, list):
            return _unknown("malformed")
        if not found:
            return Answer(Outcome.NOT_FOUND, "not_found")
        if len(found) > 1:
            return Answer(Outcome.DUPLICATE, "reference_known_twice")
        return _payout(found[0], reference)

    def _call(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, **patience: Any
    ) -> Answer | tuple[int, Any]:
        headers = authorization(self._api_key) | headers
        try:
            response = self._http.request(method, url, body=body, headers=headers, redirect=False, **patience)
            return response.status, parse(response.data)
        except self._http_error as error:
            return _unknown(type(error).__name__)


def _inquiry(parsed: dict[str, Any]) -> Inquiry:
    """A name, or the provider's own word that there is no such account; anything else is no answer yet."""
    result = parsed.get("result")
    result = result if isinstance(result, dict) else {}
    names = (
        parsed.get("bank_account_holder_name"),
        parsed.get("account_holder_name"),
        result.get("account_holder_name"),
    )
    name = next((name for name in names if isinstance(name, str) and name.strip()), None)
    match parsed.get("status"):
        case "FAILURE" | "FAILED":
            return Inquiry(InquiryOutcome.NOT_FOUND)
        case "SUCCESS" | "COMPLETED" if result.get("is_found") is False:
            return Inquiry(InquiryOutcome.NOT_FOUND)
        case "SUCCESS" | "COMPLETED" if name is not None:
            return Inquiry(InquiryOutcome.FOUND, name)
        case status:
            log.info("fsp_inquiry_unknown", extra={"fact": _word(status)})
            return Inquiry(InquiryOutcome.UNKNOWN)


def _payout(parsed: Any, reference: str) -> Answer:
    """An answer from a payout object; one that is not about `reference`, or has no status, is not believed."""
    if not isinstance(parsed, dict) or parsed.get("reference_id") != reference:
        return _unknown("malformed")
    word = parsed.get("status")
    if not isinstance(word, str):
        return _unknown("malformed")
    outcome = _OUTCOMES.get(word)
    if outcome is None:
        log.warning(alarm_words.STATUS_UNKNOWN, extra={"reference": reference, "status": _word(word)})
        outcome = Outcome.PENDING
    if word == "FAILED" and "failure_code" in parsed:
        word = parsed["failure_code"]
    return Answer(outcome, _word(word), amount(parsed.get("amount")))


def _word(raw: Any) -> str:
    """A provider's word for a log or the history; other text is replaced."""
    return raw if isinstance(raw, str) and WORD.fullmatch(raw) else _UNREADABLE


def _unknown(fact: str) -> Answer:
    log.warning("fsp_outcome_unknown", extra={"fact": fact})
    return Answer(Outcome.UNKNOWN, fact)


class _Secret(Struct, frozen=True):
    api_key: str
    callback_token: str


class ProviderSecret:
    """`{"api_key": ..., "callback_token": ...}` under one id. It is read when first needed; most functions never do."""

    def __init__(self, secret_id: str, region: str) -> None:
        self._id = secret_id
        self._region = region

    def api_key(self) -> str:
        """The key of our account at the provider."""
        return self._secret.api_key

    def callback_token(self) -> str:
        """What the provider's webhooks must carry."""
        return self._secret.callback_token

    @cached_property
    def _secret(self) -> _Secret:
        client = clients.client("secretsmanager", self._region)
        return msgspec.json.decode(client.get_secret_value(SecretId=self._id)["SecretString"], type=_Secret)
