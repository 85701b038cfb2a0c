"""The lean way to DynamoDB and KMS against the ordinary one: the same requests, answers, errors and repetitions."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import (
    ChecksumError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
)
from botocore.session import get_session
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

from chalicelib.aws import dynamodb, json_protocol
from chalicelib.aws.json_protocol import OPERATIONS, Wire
from chalicelib.errors import Unavailable

REGION = "ap-southeast-3"
PATIENT = Config(parameter_validation=False, retries={"total_max_attempts": 3, "mode": "standard"})
EXAMPLES = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret", "aws_session_token": "token"}
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

    def __init__(self, service: str = "dynamodb") -> None:
        self.client: Any = get_session().create_client(service, REGION, **EXAMPLES, config=PATIENT)
        self.connection = Connection(REGION)
        self.connection._client = self.client
        self.client.meta.events.register(f"before-send.{service}", self._answer)
        self.answer_with()

    def answer_with(self, *replies: Reply) -> None:
        self.replies = list(replies) or [reply(200, {})]
        self.sent: list[dict[str, Any]] = []
        self.operations: list[str] = []
        self.authorization = ""

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(json.loads(request.body))
        told = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
        self.operations.append(told["X-Amz-Target"].partition(".")[2])
        self.authorization = told["Authorization"]
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


def ways(server: Server) -> list[Callable[[str, dict[str, Any]], Any]]:
    """The lean way and the ordinary one, through one client."""
    return [Wire(server.client).call, server.client._make_api_call]


def least(operation: str) -> dict[str, Any]:
    """What every request of an operation has."""
    if operation == "GenerateMac":
        return {"KeyId": "alias/key", "MacAlgorithm": "HMAC_SHA_256", "Message": b"\x00\xff"}
    if operation in OPERATIONS["kms"]:
        return {"KeyId": "alias/key", "EncryptionContext": {"registrant": "one"}}
    if operation.startswith("Batch"):
        return {"RequestItems": {}}
    if operation.startswith("Transact"):
        # With a token every try is the same transaction; the ordinary client would make one up.
        token = {"ClientRequestToken": "once"} if operation == "TransactWriteItems" else {}
        return {"TransactItems": [], **token}
    return {"TableName": "things"}


def as_json(asked: dict[str, Any]) -> Any:
    return json.loads(msgspec.json.encode(asked))


EACH = [(service, one) for service, all_of_it in OPERATIONS.items() for one in sorted(all_of_it)]
ALL = pytest.mark.parametrize(("service", "operation"), EACH)
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

    @settings(max_examples=50)
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


def delete_and_put(thing: Thing) -> None:
    with Thing.batch_write() as batch:
        batch.save(thing)
        batch.delete(Thing("other", thing.sk))


USES: dict[str, Callable[[Thing, Any, Any], object]] = {
    "GetItem": lambda thing, *_: dynamodb.find(Thing, thing.pk, thing.sk),
    "PutItem": lambda thing, condition, _: thing.save(condition),
    "UpdateItem": lambda thing, condition, changes: Thing(thing.pk, thing.sk).update(changes, condition),
    "DeleteItem": lambda thing, condition, _: thing.delete(condition),
    "Query": lambda thing, condition, _: list(Thing.query(thing.pk, Thing.sk > thing.sk, condition, limit=3)),
    "Scan": lambda _, condition, __: list(Thing.scan(condition)),
    "BatchGetItem": lambda thing, *_: list(Thing.batch_get([(thing.pk, thing.sk), ("other", thing.sk)])),
    "BatchWriteItem": lambda thing, *_: delete_and_put(thing),
}
"""What a table class is asked for, by the operation that this becomes."""
NOTHING: dict[str, Any] = {
    "Attributes": {},
    "Items": [],
    "Count": 0,
    "ScannedCount": 0,
    "Responses": {"things": []},
    "UnprocessedKeys": {},
    "UnprocessedItems": {},
}
"""An answer to any of them."""


@pytest.mark.parametrize("operation", USES)
def test_what_pynamodb_asks_for_is_sent_as_botocore_sends_it(operation: str) -> None:
    server = Server()

    @settings(max_examples=25)
    @given(things, conditions, actions)
    def compare(thing: Thing, condition: Any, changes: Any) -> None:
        sent = []
        for lean in (True, False):
            json_protocol.lean = lean
            server.answer_with(reply(200, NOTHING))
            USES[operation](thing, condition, changes)
            sent.append((server.operations, server.sent))
        assert sent[0] == sent[1]
        assert sent[0][0] == [operation]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamodb, "_connection", lambda _region: server.connection)
        patch.setattr(json_protocol, "lean", True)
        dynamodb.bind(Thing, "things", REGION)
        compare()


@ALL
@pytest.mark.usefixtures("server")
def test_who_changes_credentials_between_two_calls_is_followed(service: str, operation: str) -> None:
    server = Server(service)
    for key in ("OLD", "NEW"):
        server.client._request_signer._credentials = Credentials(key, "secret")
        for call in ways(server):
            server.answer_with()
            call(operation, least(operation))
            assert f"Credential={key}/" in server.authorization
    server.client._request_signer._credentials = None
    server.answer_with()
    for call in ways(server):
        with pytest.raises(NoCredentialsError):
            call(operation, least(operation))
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


def seen(call: Callable[[], Any]) -> Any:
    try:
        answer = call()
    except ClientError as error:
        return type(error).__name__, error.response, error.operation_name
    except Exception as error:  # noqa: BLE001 - what it is, is what is compared
        return type(error), str(error)
    answer.pop("ResponseMetadata", None)
    return answer


@pytest.mark.parametrize(
    ("name", "service", "operation"),
    [
        (name, service, operation)
        for name, (service, operation) in product(REPLIES, EACH)
        if service == "dynamodb" or name != "damaged once"  # KMS sends no checksums
    ],
)
@pytest.mark.usefixtures("server")
def test_answers_errors_and_repetitions_are_the_ordinary_clients(name: str, service: str, operation: str) -> None:
    server, results = Server(service), []
    for call in ways(server):
        events = Events(server.client, operation)
        server.answer_with(*REPLIES[name])
        results.append((seen(lambda call=call: call(operation, least(operation))), server.sent, events.end()))
    assert results[0] == results[1]
    assert all(sent == as_json(least(operation)) for sent in results[0][1])


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
def test_what_is_no_json_is_read_as_the_ordinary_client_reads_it(service: str, operation: str) -> None:
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
