"""Figures that are counted by the very write that asks for them. pynamodb does not tell what a refused one met."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from pynamodb.models import Model

from ...aws import dynamodb
from .items import SignInsTable

_TABLE: type[Model] = SignInsTable

Values = dict[str, int | str]
"""By name in the expressions, `:limit`."""


def write(
    key: tuple[str, str], change: str, values: Values, condition: str = "", returns: str = "ALL_OLD"
) -> tuple[dict[str, Any], bool]:
    """Update an item of the table sign-ins by DynamoDB's own expressions: the item, and whether the condition held.

    If it did not, the item is as it stands. Raises `ClientError` or `BotoCoreError`, which leave the outcome unknown.
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
    """The item as DynamoDB has it; empty if there is none."""
    asked = {"TableName": _TABLE.Meta.table_name, "Key": _key(key), "ConsistentRead": True}
    item: dict[str, Any] = dynamodb.call(_TABLE.Meta.region, "GetItem", asked).get("Item", {})
    return item


def number(item: dict[str, Any], name: str) -> int:
    """A figure; 0 if nothing was counted."""
    return int(item[name]["N"]) if name in item else 0


def below(name: str, limit: str) -> str:
    """The condition that a figure is below a limit."""
    return f"(attribute_not_exists({name}) OR {name} < {limit})"


def _key(key: tuple[str, str]) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
