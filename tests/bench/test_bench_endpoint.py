"""The benchmark's stand-in for DynamoDB bills as DynamoDB does and answers nothing that it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bench.endpoint import Call, Endpoint, Index, Item, Unplayed, item_size

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


def test_an_item_is_put_once_and_a_transaction_costs_twice_and_writes_all_or_nothing(
    endpoint: Endpoint, client: Any
) -> None:
    other = {"pk": {"S": "c"}, "sk": {"S": "d"}, "x": {"S": "x" * 1500}}
    legs = [
        {"Put": {"TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
        for item in (KEY, other)
    ]
    client.put_item(Item=KEY, **PUT)
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        client.put_item(Item=KEY, **PUT)
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        client.transact_write_items(TransactItems=legs)
    assert ("t", "c", "d") not in endpoint.items
    client.transact_write_items(TransactItems=legs[1:])
    assert endpoint.items["t", "c", "d"] == other
    assert [call.write_units for call in endpoint.calls] == [1, 1, 6, 4]


def test_a_batch_sends_what_is_asked_for_and_is_billed_for_the_whole_item(endpoint: Endpoint, client: Any) -> None:
    endpoint.items["t", "a", "b"] = {**KEY, "x": {"S": "x" * 5000}, "y": {"S": "y"}}
    asked = {"Keys": [KEY], "ConsistentRead": True, "ProjectionExpression": "pk,y,z"}
    found = client.batch_get_item(RequestItems={"t": asked})
    assert found["Responses"] == {"t": [{"pk": {"S": "a"}, "y": {"S": "y"}}]}
    assert endpoint.calls == [Call("BatchGetItem", 2, 0)]


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, {"open": "A", "at": "1"}, 1),
        (None, {"at": "1"}, 0),
        ({"open": "A", "at": "1"}, {"open": "A", "at": "1", "other": "x"}, 0),
        ({"open": "A", "at": "1", "kept": "x"}, {"open": "A", "at": "1", "kept": "y"}, 1),
        ({"open": "A", "at": "1"}, {"open": "A", "at": "2"}, 2),
        ({"open": "A", "at": "1"}, {"at": "1"}, 1),
    ],
)
def test_an_index_pays_for_what_changes_in_it(before: dict[str, str] | None, after: dict[str, str], units: int) -> None:
    index = Index(("open", "at"), frozenset({"kept"}))

    def item(plain: dict[str, str]) -> Item:
        return {**KEY, **{name: {"S": value} for name, value in plain.items()}}

    assert index.units(item(before) if before is not None else None, item(after)) == units


def test_what_is_not_known_is_an_error_and_not_a_guess(client: Any) -> None:
    with pytest.raises(Unplayed):
        client.delete_item(TableName="t", Key=KEY)
    with pytest.raises(Unplayed):
        client.update_item(
            TableName="t",
            Key=KEY,
            UpdateExpression="SET x = :0",
            ExpressionAttributeValues={":0": {"N": "1"}},
        )
