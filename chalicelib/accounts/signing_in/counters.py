"""Counters whose conditional write both checks and counts. pynamodb is not used, as it hides the item of a refusal."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from pynamodb.models import Model

from ...aws import dynamodb
from .items import SignInsTable

_TABLE: type[Model] = SignInsTable

Values = dict[str, int | str]
"""Values by their names in expressions, such as `:limit`."""


def write(
    key: tuple[str, str], change: str, values: Values, condition: str = "", returns: str = "ALL_OLD"
) -> tuple[dict[str, Any], bool]:
    """Update an item of the table sign-ins by expressions. Returns the item, and whether the condition held.

    If it did not, the item is the present one. After `ClientError` or `BotoCoreError` the outcome is unknown.
    """
    asked: dict[str, Any] = {
        "TableName": _TABLE.Meta.table_name,
        "Key": _key(key),
        "UpdateExpression": change,
        "ExpressionAttributeValues": {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()
        },
        "ReturnValues": returns,
    }
    if condition:
        asked |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    try:
        item: dict[str, Any] = dynamodb.call(_TABLE.Meta.region, "UpdateItem", asked).get("Attributes", {})
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        answer: Any = error.response
        return answer.get("Item", {}), False
    return item, True


def read(key: tuple[str, str]) -> dict[str, Any]:
    """The item in DynamoDB's form; empty if there is none."""
    asked = {"TableName": _TABLE.Meta.table_name, "Key": _key(key), "ConsistentRead": True}
    item: dict[str, Any] = dynamodb.call(_TABLE.Meta.region, "GetItem", asked).get("Item", {})
    return item


def number(item: dict[str, Any], name: str) -> int:
    """The value of a counter; 0 if nothing was counted."""
    return int(item[name]["N"]) if name in item else 0


def below(name: str, limit: str) -> str:
    """The condition that a counter is below a limit."""
    return f"(attribute_not_exists({name}) OR {name} < {limit})"


def _key(key: tuple[str, str]) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
