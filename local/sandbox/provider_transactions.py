"""The sandbox's `GET /transactions`: what its books hold as a list of transactions, filtered and in pages.

By the semantics of https://docs.xendit.co/apidocs/list-transactions: the newest first, at most 50 a page (10 unless
asked), on from `after_id` while `has_more`; both ends of a range of time are inclusive; `reference_id` finds parts too.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

LIMIT_MAX = 50
LIMIT = 10
STATUSES = {"ACCEPTED": "PENDING", "SUCCEEDED": "SUCCESS", "FAILED": "FAILED", "REVERSED": "REVERSED"}


class BadQuery(Exception):
    """A filter that cannot be read."""


def transaction(payout: Mapping[str, Any], status: str, updated_at: float) -> dict[str, Any]:
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


def page(transactions: Sequence[dict[str, Any]], query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One page of the transactions, which are given with the newest first. Raises `BadQuery`."""
    asked = query.get("limit", [str(LIMIT)])[0]
    if not asked.isdigit() or not 1 <= int(asked) <= LIMIT_MAX:
        raise BadQuery("limit")
    limit = int(asked)
    found = [each for each in transactions if _asked_for(each, query)]
    if "after_id" in query:
        # The line itself may have changed and no longer be among what is asked for: its place in the whole list counts.
        order = {each["id"]: place for place, each in enumerate(transactions)}
        if query["after_id"][0] not in order:
            raise BadQuery("after_id")
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
        raise BadQuery("a range of time") from error


def _text(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
