"""The benchmarks' doubles answer and bill as AWS does, and all ways of the draw have the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from pynamodb.connection import Connection

from bench.aws import draw_cloud
from bench.aws.draw_cloud import WAVE, Cloud, Pages
from bench.aws.endpoint import Call, Endpoint, Index, item_size
from bench.aws.expressions import Item, Unplayed
from bench.draw.steps import PlainEntry
from chalicelib.aws import dynamodb
from chalicelib.waves.entries import EntryItem, EntryStore
from chalicelib.waves.rules import SHARDS
from chalicelib.waves.store import WavesTable
from tests.waves.test_entry_reader import both

KEY: Item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
PUT = {"TableName": "t", "ConditionExpression": "attribute_not_exists(pk)"}


over_http = URLLib3Session.send


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def refused(client: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        client.put_item(Item=KEY, **PUT, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    return without_metadata(caught.value.response)


ASKED: list[Callable[[Any], dict[str, Any]]] = [
    lambda client: without_metadata(client.put_item(Item=KEY, **PUT, ReturnConsumedCapacity="TOTAL")),
    refused,
    lambda client: without_metadata(client.get_item(TableName="t", Key=KEY)),
    lambda client: without_metadata(
        client.query(TableName="t", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "a"}})
    ),
]


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


def test_an_unsupported_operation_is_an_error(client: Any) -> None:
    with pytest.raises(Unplayed):
        client.scan(TableName="t")
    for change in ("SET x = list_append(x, :0)", "SET x.y = :0", "SET x = y"):
        with pytest.raises(Unplayed):
            client.update_item(
                TableName="t", Key=KEY, UpdateExpression=change, ExpressionAttributeValues={":0": {"N": "1"}}
            )


def test_over_http_the_answers_are_the_same_and_the_calls_are_counted(endpoint: Endpoint, client: Any) -> None:
    served = Endpoint()
    far = boto3.client("dynamodb", "ap-southeast-3", endpoint_url=served.serve())
    inside = [ask(client) for ask in ASKED]
    with patch.object(URLLib3Session, "send", over_http):
        assert [ask(far) for ask in ASKED] == inside
    assert served.take() == (tuple(endpoint.calls), 0)
    assert served.take() == ((), 0)


NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ENTRIES = 1000
SMALL_PAGE = 1500
"""Bytes, instead of 1 MB: so that a partition of sixteen entries has two pages."""


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pages:
    monkeypatch.setattr(draw_cloud, "_PAGE_BYTES", SMALL_PAGE)
    draw_cloud.make(tmp_path, ENTRIES)
    return Pages(tmp_path)


@pytest.fixture
def cloud(pages: Pages, tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(pages, tmp_path / "bucket", NOW)
    with cloud.installed():
        yield cloud


def test_pages_with_and_without_names_hold_every_entry_once(cloud: Cloud, pages: Pages) -> None:
    dynamodb.bind(WavesTable, "gelombang-bench-waves", "ap-southeast-3")
    lean, ordinary = both(lambda: [list(EntryStore().pages(WAVE, shard)) for shard in range(SHARDS)])
    assert lean == ordinary
    rows = [row for shard in lean for page in shard for row in page]
    assert len({registrant for registrant, *_ in rows}) == len({ticket for _, _, ticket, _ in rows}) == ENTRIES
    assert pages.entries == ENTRIES
    assert len(cloud.calls) == 2 * len(pages.all) == 4 * SHARDS


def test_answers_without_names_are_smaller(cloud: Cloud, pages: Pages) -> None:
    dynamodb.bind(WavesTable, "gelombang-bench-waves", "ap-southeast-3")
    reader = EntryStore()
    for shard in range(SHARDS):
        named, nameless = list(reader.pages(WAVE, shard)), list(reader.tickets(WAVE, shard))
        assert sorted(ticket for page in named for _, _, ticket, _ in page) == sorted(
            ticket for undecided, _ in nameless for tickets in undecided.values() for ticket in tickets
        )
    assert pages.body_bytes < sum(page.named.length for page in pages.all) * 0.7


def test_a_page_is_billed_by_the_items_that_were_read(cloud: Cloud, pages: Pages) -> None:
    dynamodb.bind(WavesTable, "gelombang-bench-waves", "ap-southeast-3")
    list(EntryStore().pages(WAVE, 0))
    first, second = pages.all[:2]
    assert first.item_bytes <= SMALL_PAGE < first.item_bytes + first.item_bytes // first.entries
    assert [call.read_units for call in cloud.calls] == [1, 1]
    assert second.last is None


def test_a_person_without_a_profile_gets_a_copy_with_their_own_key(cloud: Cloud) -> None:
    cloud.person = {"pk": {"S": "R#first"}, "sk": {"S": "PROFILE"}, "nik_mac": {"S": "0" * 64}, "region": {"N": "31"}}
    keys = [{"pk": {"S": f"R#{name}"}, "sk": {"S": "PROFILE"}} for name in ("second", "third")]
    client = boto3.client("dynamodb", "ap-southeast-3")
    found = client.batch_get_item(RequestItems={"t": {"Keys": keys, "ConsistentRead": True}})["Responses"]["t"]
    assert [person["pk"]["S"] for person in found] == ["R#second", "R#third"]
    assert {person["region"]["N"] for person in found} == {"31"}
    assert len({person["nik_mac"]["S"] for person in found}) == 2


@pytest.fixture
def s3(cloud: Cloud) -> Any:
    return boto3.client("s3", "ap-southeast-3")


def test_an_object_is_read_as_it_was_put_and_a_missing_one_is_missing(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="bench", Key="draws/60/leaves/31.bin")
    body = bytes(range(256)) * 10_000
    s3.put_object(Bucket="bench", Key="draws/60/leaves/31.bin", Body=body)
    found = s3.get_object(Bucket="bench", Key="draws/60/leaves/31.bin")
    assert (found["Body"].read(), found["LastModified"]) == (body, NOW)


def test_a_conditional_put_of_an_object_obeys_its_condition(s3: Any) -> None:
    def put(body: bytes, **condition: str) -> Any:
        return s3.put_object(Bucket="bench", Key="note.txt", Body=body, **condition)

    tag = put(b"one", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(b"two", IfNoneMatch="*")
    put(b"three", IfMatch=tag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(b"four", IfMatch=tag)
    assert s3.get_object(Bucket="bench", Key="note.txt")["Body"].read() == b"three"


def test_an_unsupported_query_is_an_error(s3: Any) -> None:
    with pytest.raises(Unplayed):
        s3.list_objects_v2(Bucket="bench")
    with pytest.raises(Unplayed):
        boto3.client("dynamodb", "ap-southeast-3").query(
            TableName="gelombang-bench-waves",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": draw_cloud.partition(0)}},
            ProjectionExpression="sk",
            ConsistentRead=True,
        )


def test_the_plain_way_reads_with_pynamodbs_own_connection() -> None:
    dynamodb.bind(WavesTable, "gelombang-local-waves", "ap-southeast-3")
    assert type(PlainEntry._get_connection().connection) is Connection
    assert type(EntryItem._get_connection().connection) is not Connection
