"""The double of DynamoDB evaluates expressions as moto does, and refuses what it does not support."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb import models
from moto.dynamodb.parsing.validators import UpdateExpressionValidator

from bench.aws.endpoint import Endpoint
from tests.conftest import REGION

KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
VALUES: dict[str, dict[str, Any]] = {
    ":one": {"N": "1"},
    ":ten": {"N": "10"},
    ":back": {"N": "-1"},
    ":a": {"S": "a"},
    ":ab": {"S": "ab"},
    ":set": {"SS": ["x", "y"]},
}
CONDITIONS = [
    "attribute_exists(n)",
    "attribute_not_exists(#s)",
    "n < :ten",
    "n >= :ten",
    "n BETWEEN :one AND :ten",
    "n = :ten",
    "#s = :a",
    "#s <> :a",
    "#s < :ab",
    "#s IN (:a, :ab)",
    "begins_with(#s, :a)",
    "contains(#set, :a)",
    "NOT n = :one",
    "size(#set) < :ten",
    "size(#s) > :one",
    "n = :a",
]
CHANGES = [
    "SET n = :ten",
    "SET n = n + :one",
    "SET n = if_not_exists(n, :ten) - :one, #s = :ab",
    "SET #s = if_not_exists(#s, :a)",
    "ADD n :back",
    "ADD n :one, m :ten SET #s = :a",
    "ADD #set :set",
    "DELETE #set :set",
    "REMOVE n, #s",
    "REMOVE n ADD m :one",
]
ITEMS: list[dict[str, Any]] = [
    {},
    {"n": {"N": "1"}, "s": {"S": "a"}},
    {"n": {"N": "10"}, "s": {"S": "abc"}, "set": {"SS": ["x", "z"]}},
    {"n": {"N": "9"}, "set": {"SS": ["a"]}, "b": {"S": "kept"}},
]


def mentioned(texts: dict[str, str]) -> dict[str, Any]:
    """An update's expressions with the names and values that they use, as DynamoDB wants them."""
    whole = set(re.findall(r"[:#]\w+", " ".join(texts.values())))
    used = {name: value for name, value in VALUES.items() if name in whole}
    names = {short: short[1:] for short in whole if short.startswith("#")}
    return (
        texts
        | ({"ExpressionAttributeValues": used} if used else {})
        | ({"ExpressionAttributeNames": names} if names else {})
    )


def by_double(double: Endpoint, asked: dict[str, Any]) -> Any:
    status, body = double.answer("DynamoDB_20120810.UpdateItem", json.dumps(asked).encode())
    told = json.loads(body)
    return told.get("Attributes", {}) if status == 200 else (told["__type"].partition("#")[2], told.get("Item"))


def by_moto(client: Any, asked: dict[str, Any]) -> Any:
    try:
        return client.update_item(**asked).get("Attributes", {})
    except ClientError as error:
        answer: Any = error.response
        return answer["Error"]["Code"], answer.get("Item")


def sorted_sets(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: sorted_sets(value) for name, value in answer.items()}
    return sorted(answer) if isinstance(answer, list) else answer


@pytest.mark.parametrize("block", range(4))
def test_updates_are_made_and_refused_as_moto_does(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "UpdateExpressionValidator", UpdateExpressionValidator)  # other tests' moto asks ours
    dice = random.Random(block)
    with mock_aws():
        client = boto3.client("dynamodb", REGION)
        attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
        client.create_table(
            TableName="t", AttributeDefinitions=attributes, KeySchema=keys, BillingMode="PAY_PER_REQUEST"
        )
        double, done = Endpoint(), 0
        for item in ITEMS:
            for _ in range(25):
                client.delete_item(TableName="t", Key=KEY)
                double.items.clear()
                if item:
                    client.put_item(TableName="t", Item=KEY | item)
                    double.put("t", KEY | item)
                one, other = dice.sample(CONDITIONS, 2)
                condition = dice.choice([one, f"{one} AND {other}", f"({one}) OR {other}", f"NOT ({one} OR {other})"])
                asked = {
                    "TableName": "t",
                    "Key": KEY,
                    "ReturnValues": dice.choice(["ALL_NEW", "ALL_OLD", "NONE"]),
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    **mentioned({"ConditionExpression": condition, "UpdateExpression": dice.choice(CHANGES)}),
                }
                if "= n " in asked["UpdateExpression"] and "n" not in item:
                    continue  # an error of the request, which the double does not play
                if any(f"size(#{name})" in condition and name not in item for name in ("s", "set")):
                    continue  # moto fails where DynamoDB says that the condition does not hold
                expected = sorted_sets(by_moto(client, asked))
                assert sorted_sets(by_double(double, asked)) == expected, asked
                left = client.get_item(TableName="t", Key=KEY).get("Item")
                assert sorted_sets(double.item("t", "a", "b")) == sorted_sets(left), asked
                done += isinstance(expected, dict)
        assert 10 < done < 90, "some are made, and some refused"
