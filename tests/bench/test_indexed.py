"""The double answers queries of tables and of their indexes as moto does, page by page, and scans."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import boto3
from moto import mock_aws

from bench.aws.indexed import IndexedTables, indexes
from bench.aws.tables import create_tables
from tests.conftest import REGION

STAGE = "double"
TABLE = f"gelombang-{STAGE}-waves"
CONDITIONS = [
    "{0} = :p",
    "{0} = :p AND {1} < :a",
    "{0} = :p AND {1} <= :a",
    "{0} = :p AND {1} > :a",
    "{0} = :p AND {1} >= :a",
    "{0} = :p AND {1} = :a",
    "{0} = :p AND {1} BETWEEN :a AND :b",
    "{0} = :p AND begins_with ({1}, :a)",
]


def item(dice: random.Random) -> dict[str, Any]:
    """An item that may be in the index `potential`."""
    found = {"pk": {"S": dice.choice("pq")}, "sk": {"S": f"{dice.randrange(100):02d}"}, "n": {"N": "1"}}
    if dice.random() < 0.7:
        found |= {"potential_shard": {"S": dice.choice("pq")}, "buy_by": {"S": f"{dice.randrange(30):02d}"}}
    return found


def pages(query: Any, asked: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Every page of a query, to its end."""
    found, start = [], {}
    while True:
        answer = query(**asked, **start)
        found.append(answer["Items"])
        if "LastEvaluatedKey" not in answer or len(found) > 60:
            return found
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def in_order(rows: list[Any]) -> list[Any]:
    """By their places in the index, and in the table."""
    return sorted(rows, key=lambda one: (one.get("buy_by", {}).get("S", ""), one["pk"]["S"], one["sk"]["S"]))


def test_queries_are_answered_as_moto_does() -> None:
    dice, double = random.Random(0), IndexedTables(STAGE)
    with mock_aws():
        client = boto3.client("dynamodb", REGION)
        assert sorted(create_tables(client, STAGE)) == sorted(indexes(STAGE))
        for _ in range(150):
            given = item(dice)
            client.put_item(TableName=TABLE, Item=given)
            double.items[TABLE, given["pk"]["S"], given["sk"]["S"]] = given
            if dice.random() < 0.2:
                gone = item(dice)
                client.delete_item(TableName=TABLE, Key={name: gone[name] for name in ("pk", "sk")})
                double.items.pop((TABLE, gone["pk"]["S"], gone["sk"]["S"]), None)
        found = 0
        for _ in range(150):
            keys, more = dice.choice([(("pk", "sk"), {}), (("potential_shard", "buy_by"), {"IndexName": "potential"})])
            low, high = sorted((f"{dice.randrange(30):02d}", f"{dice.randrange(100):02d}"))
            values = {":p": {"S": dice.choice("pq")}, ":a": {"S": low}, ":b": {"S": high}}
            condition = dice.choice(CONDITIONS).format(*keys)
            asked = {
                "TableName": TABLE,
                "KeyConditionExpression": condition,
                "ExpressionAttributeValues": {name: value for name, value in values.items() if name in condition},
                "ScanIndexForward": dice.random() < 0.5,
                "Limit": dice.choice([3, 1000]),
                **more,
            }
            theirs = [one for page in pages(client.query, asked) for one in page]
            mine = [one for page in pages(lambda **all_: double._query("Query", all_), asked) for one in page]
            # Rows of one place in an index come in any order.
            assert in_order(theirs) == in_order(mine), asked
            assert [one.get(keys[1]) for one in theirs] == [one.get(keys[1]) for one in mine], asked
            found += len(mine)
        assert found > 500
        scan = {"TableName": TABLE, "ProjectionExpression": "pk,sk,buy_by"}
        assert in_order(client.scan(**scan)["Items"]) == in_order(double._scan(scan)["Items"])


WRITES: list[dict[str, Any]] = [
    {"UpdateExpression": "SET n = n + :one, s = :new REMOVE gone", "ReturnValues": "ALL_OLD"},
    {"UpdateExpression": "ADD n :one, names :more", "ReturnValues": "ALL_NEW"},
    {"UpdateExpression": "DELETE names :more", "ReturnValues": "ALL_NEW"},
    {"Item": {"s": {"S": "another"}}, "ReturnValues": "ALL_OLD"},
]


def test_what_was_read_stays_as_it_was_whatever_is_written_afterwards() -> None:
    key = {"pk": {"S": "p"}, "sk": {"S": "1"}}
    whole = {"n": {"N": "1"}, "s": {"S": "old"}, "gone": {"BOOL": True}, "names": {"SS": ["a", "b"]}}
    potential = {"potential_shard": {"S": "q"}, "buy_by": {"S": "1"}}
    values = {":one": {"N": "1"}, ":new": {"S": "new"}, ":more": {"SS": ["b"]}}
    by = {"TableName": TABLE, "ExpressionAttributeValues": {":p": key["pk"], ":q": potential["potential_shard"]}}
    reads: list[tuple[str, dict[str, Any]]] = [
        ("GetItem", {"TableName": TABLE, "Key": key}),
        ("BatchGetItem", {"RequestItems": {TABLE: {"Keys": [key]}}}),
        ("Query", {**by, "KeyConditionExpression": "pk = :p"}),
        ("Query", {**by, "KeyConditionExpression": "potential_shard = :q", "IndexName": "potential"}),
        ("Scan", {"TableName": TABLE}),
    ]
    for write in WRITES:
        for in_transaction in (False, True):
            double = IndexedTables(STAGE)
            double.put(TABLE, {**key, **whole, **potential})
            before = [double._dynamodb(*deepcopy(read)) for read in reads]
            copies = deepcopy(before)
            asked = {"TableName": TABLE, **(write if "Item" in write else {**write, "Key": key})}
            asked |= {"Item": {**key, **write["Item"]}} if "Item" in write else {"ExpressionAttributeValues": values}
            kind = "Put" if "Item" in write else "Update"
            call = (
                ("TransactWriteItems", {"TransactItems": [{kind: asked}]}) if in_transaction else (f"{kind}Item", asked)
            )
            assert double._dynamodb(*call)[0] == 200
            assert before == copies, call
            assert double._dynamodb(*reads[0]) != before[0], "what is read next is new"
