"""The lean way to DynamoDB against the ordinary one: the same requests, the same answers, errors and repetitions."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.exceptions import ChecksumError, ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st
from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import GetError, TransactWriteError, UpdateError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.aws import dynamodb
from chalicelib.aws.dynamodb_protocol import Wire
from chalicelib.errors import Unavailable

REGION = "ap-southeast-3"
ERROR = "com.amazonaws.dynamodb.v20120810#"
Reply = tuple[int, bytes, dict[str, str]] | Exception


class Thing(Model):
    class Meta:
        table_name = "things"
        region = REGION

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    n = NumberAttribute(default=0)
    words = UnicodeAttribute(null=True, attr_name="w")
    raw = BinaryAttribute(legacy_encoding=False, null=True)
    tags = UnicodeSetAttribute(null=True)
    done = BooleanAttribute(null=True)
    lines = ListAttribute(null=True)
    more = MapAttribute(null=True)


def reply(status: int, body: dict[str, Any], **headers: str) -> Reply:
    raw = json.dumps(body).encode()
    return status, raw, {"x-amz-crc32": str(zlib.crc32(raw)), "x-amzn-RequestId": "R", **headers}


def refusal(code: str, **more: Any) -> Reply:
    return reply(400, {"__type": ERROR + code, "message": "no", **more})


class Server:
    """Gives its replies in turn, the last one for ever, to whoever sends through a client; notes what was sent."""

    def __init__(self) -> None:
        connection = Connection(
            region=REGION,
            max_retry_attempts=2,
            aws_access_key_id="AKID",
            aws_secret_access_key="secret",  # an example
            aws_session_token="token",
        )
        self.client: Any = connection.client
        self.connection = connection
        self.client.meta.events.register("before-send.dynamodb", self._answer)
        self.answer_with()

    def answer_with(self, *replies: Reply) -> None:
        self.replies = list(replies) or [reply(200, {})]
        self.sent: list[dict[str, Any]] = []

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(json.loads(request.body))
        found = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(found, Exception):
            raise found
        status, body, headers = found

        class Raw:
            def stream(self) -> Iterator[bytes]:
                yield body

        return AWSResponse(request.url, status, headers, Raw())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    server = Server()
    monkeypatch.setattr(dynamodb, "_connection", lambda _region: server.connection)
    return server


keys = st.text(min_size=1, max_size=8)
things = st.builds(
    Thing,
    keys,
    keys,
    n=st.integers(-(10**12), 10**12),
    words=st.none() | st.text(min_size=1),
    raw=st.none() | st.binary(min_size=1),
    tags=st.none() | st.sets(st.text(min_size=1), min_size=1),
    done=st.none() | st.booleans(),
    lines=st.none() | st.lists(st.text() | st.integers(-9, 9)),
    more=st.none() | st.dictionaries(st.sampled_from("abc"), st.text() | st.integers(-9, 9)),
)
simple = st.one_of(
    st.just(Thing.pk.exists()),
    st.just(Thing.pk.does_not_exist()),
    st.integers(-9, 9).map(lambda n: Thing.n >= n),
    st.text(min_size=1).map(lambda text: Thing.words == text),
    st.binary(min_size=1).map(lambda raw: Thing.raw == raw),
    st.lists(st.text(min_size=1), min_size=1, max_size=3).map(lambda texts: Thing.words.is_in(*texts)),
)
conditions = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: two[0] & two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=4,
)
actions = st.lists(
    st.one_of(
        st.integers(-9, 9).map(lambda n: Thing.n.add(n)),
        st.text(min_size=1).map(lambda text: Thing.words.set(text)),
        st.text(min_size=1).map(lambda text: Thing.words.set(Thing.words | text)),
        st.just(Thing.done.remove()),
    ),
    min_size=1,
    max_size=3,
)
legs = st.one_of(
    st.tuples(st.just("check"), keys, keys, conditions),
    st.tuples(st.just("delete"), things, st.none() | conditions),
    st.tuples(st.just("put"), things, st.none() | conditions),
    st.tuples(st.just("update"), things, actions, st.none() | conditions),
)


def ours(all_legs: list[Any]) -> None:
    with dynamodb.Transaction(REGION) as tx:
        for kind, *leg in all_legs:
            if kind == "check":
                tx.check("leg", Thing, (leg[0], leg[1]), leg[2])
            else:
                getattr(tx, kind)("leg", *leg)


def pynamodbs(all_legs: list[Any], connection: Connection) -> None:
    with TransactWrite(connection=connection) as tx:
        for kind, *leg in all_legs:
            if kind == "check":
                tx.condition_check(Thing, leg[0], leg[1], condition=leg[2])
            elif kind == "delete":
                tx.delete(leg[0], condition=leg[1])
            elif kind == "put":
                tx.save(leg[0], condition=leg[1], return_values="ALL_OLD")
            else:
                tx.update(leg[0], actions=leg[1], condition=leg[2], return_values="ALL_OLD")


def test_a_transaction_is_sent_as_pynamodb_and_botocore_send_it() -> None:
    server = Server()

    @settings(max_examples=150)
    @given(st.lists(legs, min_size=1, max_size=4))
    def compare(all_legs: list[Any]) -> None:
        server.answer_with()
        ours(all_legs)
        pynamodbs(all_legs, server.connection)
        lean, ordinary = server.sent
        assert ordinary.pop("ReturnConsumedCapacity") == "TOTAL", "which nobody here reads"
        assert lean.pop("ClientRequestToken") != ordinary.pop("ClientRequestToken")
        assert lean == ordinary

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamodb, "_connection", lambda _region: server.connection)
        compare()


@pytest.mark.parametrize("address", [None, "http://localhost:8000", "http://Name:80/", "https://name:443"])
def test_the_signature_is_botocores(address: str | None) -> None:
    client: Any = Connection(REGION, address, aws_access_key_id="AKID", aws_secret_access_key="secret").client
    wire = Wire(client)

    @given(st.binary(), st.sampled_from(["TransactWriteItems", "BatchGetItem"]), st.none() | st.just("token/+="))
    def compare(body: bytes, operation: str, token: str | None) -> None:
        client._request_signer._credentials = Credentials("AKID", "secret", token)
        request = wire._signed(operation, body)
        headers: Any = dict(request.headers)
        signature = headers.pop("Authorization")
        del headers["Content-Length"]  # added after the signature, as botocore does
        expected = AWSRequest("POST", request.url, headers, body)
        moment = datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("botocore.auth.get_current_datetime", lambda: moment)
            SigV4Auth(client._request_signer._credentials, "dynamodb", REGION).add_auth(expected)
        assert signature == expected.headers["Authorization"]

    compare()


def test_without_credentials_nothing_is_sent(server: Server) -> None:
    server.client._request_signer._credentials = None
    with pytest.raises(NoCredentialsError):
        Wire(server.client).call("BatchGetItem", {})
    assert server.sent == []


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
    "in progress": [refusal("TransactionInProgressException"), reply(200, {})],
    "broken for ever": [reply(500, {"__type": ERROR + "InternalServerError"})],
    "no JSON": [(503, b"<html>busy</html>", {})],
    "busy once": [(503, b"", {}), reply(200, {})],
    "damaged once": [(200, b"{}", {"x-amz-crc32": "1"}), reply(200, {})],
    "no checksum": [(200, b"{}", {})],
    "late once": [ReadTimeoutError(endpoint_url="e"), reply(200, {})],
    "late for ever": [ReadTimeoutError(endpoint_url="e")],
    "never there": [ConnectTimeoutError(endpoint_url="e")],
    "a bug": [ZeroDivisionError()],
}


def seen(call: Callable[[], Any]) -> Any:
    try:
        answer = call()
    except ClientError as error:
        return type(error).__name__, error.response, error.operation_name
    except Exception as error:  # noqa: BLE001 - what it is, is what is compared
        return type(error), str(error)
    answer.pop("ResponseMetadata", None)
    return answer


@pytest.mark.parametrize("name", REPLIES)
def test_answers_errors_and_repetitions_are_the_ordinary_clients(server: Server, name: str) -> None:
    asked = {"TransactItems": [], "ClientRequestToken": "once"}
    results = []
    for call in (Wire(server.client).call, server.client._make_api_call):
        server.answer_with(*REPLIES[name])
        results.append((seen(lambda call=call: call("TransactWriteItems", dict(asked))), server.sent))
    assert results[0] == results[1]
    assert all(sent == asked for sent in results[0][1]), "every try is the same transaction"


def test_an_answer_that_stays_damaged_is_none(server: Server) -> None:
    server.answer_with((200, b"{}", {"x-amz-crc32": "1"}))
    with pytest.raises(ChecksumError):
        Wire(server.client).call("TransactWriteItems", {})
    assert len(server.sent) == 3


def test_retries_are_paid_from_the_quota_and_successes_fill_it(server: Server) -> None:
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


@pytest.mark.parametrize("item", [BYTES, {"n": {"N": "1"}, "list": {"L": [{"S": 'a "B"'}, {"NULL": True}]}}])
def test_a_read_answers_what_the_ordinary_client_reads(server: Server, item: dict[str, Any]) -> None:
    server.answer_with(reply(200, {"Responses": {"things": [item]}, "UnprocessedKeys": {}}))
    lean, ordinary = (
        seen(lambda call=call: call("BatchGetItem", {"RequestItems": {}}))
        for call in (Wire(server.client).call, server.client._make_api_call)
    )
    assert lean == ordinary


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


def test_what_failed_otherwise_is_pynamodbs_error_with_its_cause(server: Server) -> None:
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


def test_what_a_batch_left_out_is_asked_again(server: Server) -> None:
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
