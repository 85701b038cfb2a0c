"""How many codes a contact may be sent and how often they may be guessed, and which sign-in of it waits for a code.

`B#<budget>` / `<UTC day>`: `codes`, `h00` to `h23` (codes by hour), `failures`, `t<place>` (tries of a code), `waiting`
and `waiting_since`. A contact has one budget that everybody shares, and one for each device that it knows. Each figure
is counted by the conditional write that asks for it: many requests at once get no more than one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ..aws import dynamodb
from ..clock import iso, parse_iso
from ..config import AccountRules
from ..ids import derived_id
from .errors import CodeUsedUp, TooManyCodes, TooManyTries
from .sign_in_items import SignInsTable

_KEPT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Place:
    """Which code of its budget on a UTC day it is, the first being 1. Its tries are counted there."""

    day: str
    number: int

    def __str__(self) -> str:
        return f"{self.day}/{self.number}"


def parse_place(text: str) -> Place:
    """The inverse of `str`."""
    day, _, number = text.partition("/")
    return Place(day, int(number))


@dataclass(frozen=True, slots=True)
class Tries:
    """How often each code was tried, and how often any code of its contact, both with this time."""

    of_codes: tuple[int, ...]
    failures: int


def budget_of(contact_mac: str, device_key: str | None) -> str:
    """The budget of a contact: that of a device which it knows, or the one of all others."""
    return derived_id("budget/1", contact_mac, device_key or "")


class Budgets:
    """Every method is one write or one read of one item."""

    def __init__(self, rules: AccountRules, region: str) -> None:
        self._rules = rules
        self._region = region

    def take(self, budget_id: str, sign_in_id: str, now: datetime) -> tuple[Place, datetime | None]:
        """Count a code, and let this sign-in wait for it in place of another of the same budget.

        Returns the code's place, and since when the budget had a sign-in waiting before. Raises `TooManyCodes` or
        `TooManyTries`.
        """
        hour = f"h{now:%H}"
        less = [f"(attribute_not_exists({name}) OR {name} < :{name})" for name in ("codes", hour, "failures")]
        limits = (self._rules.codes_per_day, self._rules.codes_per_hour, self._rules.contact_failures)
        old, done = self._write(
            budget_id,
            f"{now:%Y-%m-%d}",
            f"ADD codes :one, {hour} :one SET waiting = :it, waiting_since = if_not_exists(waiting_since, :now), "
            "expires_at = :gone",
            " AND ".join(less),
            {
                **{f":{name}": _n(limit) for name, limit in zip(("codes", hour, "failures"), limits, strict=True)},
                **{":one": _n(1), ":it": {"S": sign_in_id}, ":now": {"S": iso(now)}},
                ":gone": _n(int((now + _KEPT).timestamp())),
            },
        )
        codes = _number(old, "codes")
        if done:
            since = parse_iso(old["waiting_since"]["S"]) if "waiting_since" in old else None
            return Place(f"{now:%Y-%m-%d}", codes + 1), since
        if _number(old, "failures") >= self._rules.contact_failures:
            raise TooManyTries(retry_after_s=_until_next_day(now))
        whole_day = codes >= self._rules.codes_per_day
        raise TooManyCodes(retry_after_s=_until_next_day(now) if whole_day else _until_next_hour(now))

    def waiting(self, budget_id: str, day: str) -> str | None:
        """The sign-in that waits for a code."""
        asked = {"TableName": SignInsTable.Meta.table_name, "Key": _key(budget_id, day), "ConsistentRead": True}
        item = dynamodb.call(self._region, "GetItem", asked).get("Item", {})
        return item["waiting"]["S"] if "waiting" in item else None

    def served(self, budget_id: str, day: str, sign_in_id: str) -> bool:
        """Let a sign-in wait no more. False if another one waits in its place by now."""
        return self._no_more(budget_id, day, sign_in_id, "", {})

    def not_queued(self, budget_id: str, sign_in_id: str, now: datetime) -> None:
        """Take back that a sign-in waits, as nobody was told. The code's place is not used again."""
        hour = f"h{now:%H}"
        self._no_more(budget_id, f"{now:%Y-%m-%d}", sign_in_id, f" ADD {hour} :back", {":back": _n(-1)})

    def try_codes(self, budget_id: str, places: Sequence[Place], now: datetime) -> Tries:
        """Count a try of each of some codes of one day, of which the last decides whether there is another try.

        A right code is counted as a failure, too, until `forgive`. Raises `CodeUsedUp` or `TooManyTries`; nothing may
        be compared then, nor if the write fails otherwise.
        """
        names = [f"t{place.number}" for place in places]
        new, done = self._write(
            budget_id,
            places[-1].day,
            "ADD failures :one, " + ", ".join(f"{name} :one" for name in names),
            f"(attribute_not_exists({names[-1]}) OR {names[-1]} < :tries) AND "
            "(attribute_not_exists(failures) OR failures < :failures)",
            {":one": _n(1), ":tries": _n(self._rules.code_tries), ":failures": _n(self._rules.contact_failures)},
            returns="ALL_NEW",
        )
        if done:
            return Tries(tuple(_number(new, name) for name in names), _number(new, "failures"))
        if _number(new, names[-1]) >= self._rules.code_tries:
            raise CodeUsedUp()
        raise TooManyTries(retry_after_s=_until_next_day(now))

    def forgive(self, budget_id: str, day: str) -> None:
        """Take back a failure that was none."""
        self._write(budget_id, day, "ADD failures :back", "attribute_exists(failures)", {":back": _n(-1)})

    def _no_more(self, budget_id: str, day: str, sign_in_id: str, more: str, values: dict[str, Any]) -> bool:
        it = {":it": {"S": sign_in_id}}
        _, done = self._write(budget_id, day, f"REMOVE waiting, waiting_since{more}", "waiting = :it", it | values)
        return done

    def _write(
        self, budget_id: str, day: str, change: str, condition: str, values: dict[str, Any], returns: str = "ALL_OLD"
    ) -> tuple[dict[str, Any], bool]:
        """The item as DynamoDB has it, and whether the condition held; if it did not, as it stands."""
        asked = {
            "TableName": SignInsTable.Meta.table_name,
            "Key": _key(budget_id, day),
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValues": returns,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            return dynamodb.call(self._region, "UpdateItem", asked).get("Attributes", {}), True
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            answer: Any = error.response
            return answer.get("Item", {}), False


def _key(budget_id: str, day: str) -> dict[str, Any]:
    return {"pk": {"S": f"B#{budget_id}"}, "sk": {"S": day}}


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _number(item: dict[str, Any], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _until_next_hour(now: datetime) -> int:
    return 3600 - now.minute * 60 - now.second


def _until_next_day(now: datetime) -> int:
    return _until_next_hour(now) + 3600 * (23 - now.hour)
