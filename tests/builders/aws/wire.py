"""A client with given answers, for calls by `json_protocol` and by botocore."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session
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
from pynamodb.models import Model

from chalicelib.aws import dynamodb
from chalicelib.aws.json_protocol import OPERATIONS, Wire

REGION = "ap-southeast-3"
PATIENT = Config(parameter_validation=False, retries={"total_max_attempts": 3, "mode": "standard"})
SESSION = get_session()
"""One for all clients, as each would read the models of services again."""
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
        self.client: Any = SESSION.create_client(service, REGION, **EXAMPLES, config=PATIENT)
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


def ours(all_legs: list[Any]) -> None:
    with dynamodb.Transaction(REGION) as tx:
        for kind, *leg in all_legs:
            if kind == "check":
                tx.check("leg", Thing, (leg[0], leg[1]), leg[2])
            else:
                getattr(tx, kind)("leg", *leg)


def seen(call: Callable[[], Any]) -> Any:
    try:
        answer = call()
    except ClientError as error:
        return type(error).__name__, error.response, error.operation_name
    except Exception as error:  # noqa: BLE001 - what it is, is what is compared
        return type(error), str(error)
    answer.pop("ResponseMetadata", None)
    return answer
