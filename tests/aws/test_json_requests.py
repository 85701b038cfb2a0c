"""Calls by `json_protocol` compared with botocore's: the same requests, signatures and credentials."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given, settings
from hypothesis import strategies as st
from pynamodb.connection import Connection
from pynamodb.transactions import TransactWrite

from chalicelib.aws import dynamodb, json_protocol
from chalicelib.aws.json_protocol import Wire
from tests.builders.aws.wire import ALL, REGION, Server, Thing, least, ours, reply, ways

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
def test_the_signature_equals_botocores(address: str | None) -> None:
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
def test_requests_of_pynamodb_are_sent_as_by_botocore(operation: str) -> None:
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
def test_credentials_changed_between_two_calls_are_used(service: str, operation: str) -> None:
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
