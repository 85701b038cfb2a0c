"""The benchmark's stand-in for DynamoDB bills as DynamoDB does and answers nothing that it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bench.endpoint import Call, Endpoint, Item, item_size

KEY: Item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
PUT = {"TableName": "t", "ConditionExpression": "attribute_not_exists(pk)"}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    with endpoint.installed():
        yield endpoint


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    return boto3.client("dynamodb", "ap-southeast-3")


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "é"}, 2),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "31"}, 2),
        ({"N": "600000"}, 2),
        ({"N": "123"}, 3),
        ({"B": "AAAA"}, 3),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
    ],
)
def test_an_item_is_as_large_as_its_names_and_values(value: dict[str, Any], size: int) -> None:
    assert item_size({"name": value}) == 4 + size


def test_reads_are_billed_by_4_kb_and_writes_by_1_kb(endpoint: Endpoint, client: Any) -> None:
    for sk, size in (("small", 1000), ("large", 5000)):
        client.put_item(Item={"pk": {"S": "a"}, "sk": {"S": sk}, "x": {"S": "x" * size}}, **PUT)
        for consistent in (True, False):
            client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": sk}}, ConsistentRead=consistent)
    client.get_item(TableName="t", Key=KEY, ConsistentRead=True)
    assert endpoint.calls == [
        Call("PutItem", 0, 1),
        Call("GetItem", 1, 0),
        Call("GetItem", 0.5, 0),
        Call("PutItem", 0, 5),
        Call("GetItem", 2, 0),
        Call("GetItem", 1, 0),
        Call("GetItem", 1, 0),
    ]


def test_an_item_is_put_once(client: Any) -> None:
    client.put_item(Item=KEY, **PUT)
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        client.put_item(Item=KEY, **PUT)


def test_an_update_keeps_what_is_there(endpoint: Endpoint, client: Any) -> None:
    asked = {
        "TableName": "t",
        "Key": KEY,
        "UpdateExpression": "SET #0 = if_not_exists (#0, :0)",
        "ExpressionAttributeNames": {"#0": "x"},
        "ReturnValues": "ALL_NEW",
    }
    for number in ("1", "2"):
        answer = client.update_item(ExpressionAttributeValues={":0": {"N": number}}, **asked)
        assert answer["Attributes"] == {**KEY, "x": {"N": "1"}}
    assert [call.write_units for call in endpoint.calls] == [1, 1]


def test_what_is_not_known_is_an_error_and_not_a_guess(client: Any) -> None:
    with pytest.raises(NotImplementedError):
        client.delete_item(TableName="t", Key=KEY)
    with pytest.raises(NotImplementedError):
        client.update_item(
            TableName="t",
            Key=KEY,
            UpdateExpression="SET x = :0",
            ExpressionAttributeValues={":0": {"N": "1"}},
        )
