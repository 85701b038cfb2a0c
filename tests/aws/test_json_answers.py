"""Calls by `json_protocol` compared with botocore's: the same answers, errors and retries."""

from __future__ import annotations

import base64
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import (
    ChecksumError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pynamodb.exceptions import GetError, TransactWriteError, UpdateError

from chalicelib.aws import dynamodb
from chalicelib.aws.json_protocol import OPERATIONS, Wire
from chalicelib.errors import Unavailable
from tests.builders.aws.wire import (
    ALL,
    EACH,
    ERROR,
    Reply,
    Server,
    Thing,
    as_json,
    least,
    ours,
    refusal,
    reply,
    seen,
    ways,
)

BYTES = {"raw": {"B": base64.b64encode(b"\x00\xff").decode()}, "word": {"S": "B"}}
CANCELED = {
    "CancellationReasons": [
        {"Code": "ConditionalCheckFailed", "Message": "no", "Item": {**BYTES, "n": {"N": "1"}}},
        {"Code": "None"},
    ]
}
REPLIES: dict[str, list[Reply]] = {
    "canceled": [refusal("TransactionCanceledException", **CANCELED)],
    "a condition": [refusal("ConditionalCheckFailedException", Item=BYTES)],
    "not valid": [refusal("ValidationException")],
    "throttled for ever": [refusal("ThrottlingException")],
    "throttled once": [refusal("ProvisionedThroughputExceededException"), reply(200, {})],
    "in progress": [refusal("TransactionInProgressException"), reply(200, {})],
    "credentials have expired": [refusal("ExpiredTokenException")],
    "the clock is wrong": [refusal("InvalidSignatureException")],
    "the clock is wrong, by another name": [refusal("RequestExpired")],
    "broken for ever": [reply(500, {"__type": ERROR + "InternalServerError"})],
    "no JSON": [(503, b"<html>busy</html>", {})],
    "busy once": [(503, b"", {}), reply(200, {})],
    "damaged once": [(200, b"{}", {"x-amz-crc32": "1"}), reply(200, {})],
    "no checksum": [(200, b"{}", {})],
    "late once": [ReadTimeoutError(endpoint_url="e"), reply(200, {})],
    "late for ever": [ReadTimeoutError(endpoint_url="e")],
    "never there": [ConnectTimeoutError(endpoint_url="e")],
    "dropped once": [ConnectionClosedError(endpoint_url="e"), reply(200, {})],
    "no such host": [EndpointConnectionError(endpoint_url="e")],
    "the proxy is broken": [ProxyConnectionError(proxy_url="p", error="no")],
    "a bug": [ZeroDivisionError()],
}


class Events:
    """The events of an operation that others may listen to, in order, from when its request is made."""

    def __init__(self, client: Any, operation: str) -> None:
        self._client, self._made = client, list[str]()
        service = client.meta.service_model.service_id.hyphenize()
        self._names = [f"{event}.{service}.{operation}" for event in ("before-send", "after-call")]
        for name in self._names:
            client.meta.events.register_first(name, self._note)

    def _note(self, event_name: str, **_: Any) -> None:
        self._made.append(event_name)

    def end(self) -> list[str]:
        for name in self._names:
            self._client.meta.events.unregister(name, self._note)
        return self._made


@pytest.mark.parametrize(
    ("name", "service", "operation"),
    [
        (name, service, operation)
        for name, (service, operation) in product(REPLIES, EACH)
        if service == "dynamodb" or name != "damaged once"  # KMS sends no checksums
    ],
)
@pytest.mark.usefixtures("no_pause")
def test_answers_errors_and_retries_equal_those_of_the_ordinary_client(name: str, service: str, operation: str) -> None:
    server, results = Server(service), []
    for call in ways(server):
        events = Events(server.client, operation)
        server.answer_with(*REPLIES[name])
        results.append((seen(lambda call=call: call(operation, least(operation))), server.sent, events.end()))
    assert results[0] == results[1]
    assert all(sent == as_json(least(operation)) for sent in results[0][1])


def test_an_answer_that_stays_damaged_is_an_error(server: Server) -> None:
    server.answer_with((200, b"{}", {"x-amz-crc32": "1"}))
    with pytest.raises(ChecksumError):
        Wire(server.client).call("TransactWriteItems", {})
    assert len(server.sent) == 3


def test_retries_use_the_clients_quota_and_successes_refill_it(server: Server) -> None:
    """As botocore has it: a service that is down is not called three times as often by everyone."""
    wire = Wire(server.client)
    server.answer_with(ReadTimeoutError(endpoint_url="e"))
    for _ in range(200):
        seen(lambda: wire.call("BatchGetItem", {}))
    assert len(server.sent) < 400, "the quota ran out"
    server.answer_with()
    for _ in range(50):
        wire.call("BatchGetItem", {})
    server.answer_with(ReadTimeoutError(endpoint_url="e"))
    seen(lambda: wire.call("BatchGetItem", {}))
    assert len(server.sent) == 3


texts = st.text(max_size=3) | st.sampled_from(["B", "BS", '"B"'])
encoded = st.binary(max_size=5).map(lambda raw: base64.b64encode(raw).decode())
scalars = st.one_of(
    texts.map(lambda text: {"S": text}),
    st.integers().map(lambda number: {"N": str(number)}),
    encoded.map(lambda text: {"B": text}),
    st.booleans().map(lambda truth: {"BOOL": truth}),
    st.just({"NULL": True}),
    st.lists(texts, max_size=2).map(lambda all_texts: {"SS": all_texts}),
    st.lists(encoded, max_size=2).map(lambda all_texts: {"BS": all_texts}),
)
names = st.sampled_from(["B", "BS", "S", "M", "n"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda all_values: {"L": all_values}),
        st.dictionaries(names, inner, max_size=2).map(lambda more: {"M": more}),
    ),
    max_leaves=5,
)
items = st.dictionaries(names, values, max_size=3)
ANSWERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "GetItem": lambda item: {"Item": item},
    "Query": lambda item: {"Items": [item, item], "Count": 2, "ScannedCount": 3, "LastEvaluatedKey": item},
    "Scan": lambda item: {"Items": [], "Count": 0, "ScannedCount": 3, "LastEvaluatedKey": item},
    "BatchGetItem": lambda item: {"Responses": {"things": [item]}, "UnprocessedKeys": {"BS": {"Keys": [item]}}},
    "BatchWriteItem": lambda item: {"UnprocessedItems": {"BSS": [{"PutRequest": {"Item": item}}]}},
    "TransactGetItems": lambda item: {"Responses": [{"Item": item}, {}]},
    **dict.fromkeys(("PutItem", "UpdateItem", "DeleteItem"), lambda item: {"Attributes": item}),
}


@ALL
def test_an_answer_that_is_not_json_is_read_as_by_the_ordinary_client(service: str, operation: str) -> None:
    server = Server(service)
    server.answer_with((200, b"<html>", {}))
    lean, ordinary = (seen(lambda call=call: call(operation, least(operation))) for call in ways(server))
    assert lean == ordinary


@pytest.mark.parametrize("operation", sorted(OPERATIONS["kms"]))
def test_keys_are_read_as_the_ordinary_client_reads_them(operation: str) -> None:
    server, secret = Server("kms"), base64.b64encode(b"\x00\xff").decode()
    server.answer_with(reply(200, {"KeyId": "k", "Plaintext": secret, "CiphertextBlob": secret, "Mac": secret}))
    lean, ordinary = (seen(lambda call=call: call(operation, least(operation))) for call in ways(server))
    assert {name: lean[name] for name in ordinary} == ordinary


@pytest.mark.parametrize("operation", ANSWERS)
def test_a_read_answers_what_the_ordinary_client_reads(operation: str) -> None:
    server = Server()

    @settings(max_examples=50)
    @given(items)
    def compare(item: dict[str, Any]) -> None:
        server.answer_with(reply(200, ANSWERS[operation](item)))
        lean, ordinary = (seen(lambda call=call: call(operation, least(operation))) for call in ways(server))
        assert lean == ordinary

    compare()


def test_a_conflict_is_tried_again_as_another_transaction(server: Server) -> None:
    conflict = {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]}
    server.answer_with(refusal("TransactionCanceledException", **conflict), reply(200, {}))
    ours([("put", Thing("a", "b"), None)])
    first, second = server.sent
    assert first.pop("ClientRequestToken") != second.pop("ClientRequestToken")
    assert first == second
    server.answer_with(refusal("TransactionCanceledException", **conflict))
    with pytest.raises(Unavailable):
        ours([("put", Thing("a", "b"), None)])
    assert len(server.sent) == dynamodb.CONFLICT_TRIES


def test_other_failures_are_pynamodbs_errors_with_their_cause(server: Server) -> None:
    for found in (ReadTimeoutError(endpoint_url="e"), refusal("ValidationException")):
        calls: list[tuple[type[Exception], Callable[[], Any]]] = [
            (TransactWriteError, lambda: ours([("put", Thing("a", "b"), None)])),
            (GetError, lambda: dynamodb.get_batch(Thing, [("a", "b")])),
            (UpdateError, lambda: dynamodb.update_if(Thing("a", "b"), [Thing.n.add(1)], Thing.n >= 1)),
        ]
        for kind, call in calls:
            server.answer_with(found)
            with pytest.raises(kind) as caught:
                call()
            assert isinstance(caught.value.cause, ReadTimeoutError | ClientError)  # type: ignore[attr-defined]


def test_an_update_says_whether_its_condition_held(server: Server) -> None:
    asked = (Thing("a", "b"), [Thing.n.add(1)], Thing.n >= 1)
    assert dynamodb.update_if(*asked)
    server.answer_with(refusal("ConditionalCheckFailedException"))
    assert not dynamodb.update_if(*asked)
    server.answer_with()
    Thing._connection = None
    expected = Thing("a", "b").get_update_kwargs_from_instance(actions=asked[1], condition=asked[2])
    dynamodb.update_if(*asked)
    assert server.sent == [expected]


def test_keys_are_asked_for_by_the_hundred_and_each_once(server: Server) -> None:
    server.answer_with(reply(200, {"Responses": {"things": []}, "UnprocessedKeys": {}}))
    keys = [("a", f"{number:03}") for number in range(101)]
    assert dynamodb.get_batch(Thing, keys + keys) == dynamodb.get_batch(Thing, []) == []
    asked = [[key["sk"]["S"] for key in sent["RequestItems"]["things"]["Keys"]] for sent in server.sent]
    assert asked == [[sk for _, sk in keys[:100]], ["100"]]


def test_unprocessed_keys_of_a_batch_are_asked_for_again(server: Server) -> None:
    def item(sk: str) -> dict[str, Any]:
        return {"pk": {"S": "a"}, "sk": {"S": sk}, "n": {"N": "1"}}

    left = {"things": {"ConsistentRead": True, "Keys": [{"pk": {"S": "a"}, "sk": {"S": "c"}}]}}
    half = reply(200, {"Responses": {"things": [item("b")]}, "UnprocessedKeys": left})
    server.answer_with(half, reply(200, {"Responses": {"things": [item("c")]}, "UnprocessedKeys": {}}))
    found = dynamodb.get_batch(Thing, [("a", "b"), ("a", "c"), ("a", "d")])
    assert [thing.sk for thing in found] == ["b", "c"]
    first, second = (sent["RequestItems"] for sent in server.sent)
    assert first["things"]["ConsistentRead"] is True
    assert [key["sk"]["S"] for key in first["things"]["Keys"]] == ["b", "c", "d"]
    assert second == left
    server.answer_with(half)
    with pytest.raises(Unavailable):
        dynamodb.get_batch(Thing, [("a", "b"), ("a", "c")])
    assert len(server.sent) == dynamodb.CONFLICT_TRIES
