"""AWS's side of a benchmark: DynamoDB and KMS answered inside the process, where botocore would open a connection.

Everything a client does is real, from the operation's arguments to the signed request and from the answer's bytes to
the item; only the socket is missing. Time spent here is counted, so that it can be taken off. Only what the benchmarked
paths use is answered; anything else is an error, so that a new call cannot go unnoticed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

Item = dict[str, dict[str, Any]]
"""An item in DynamoDB's own JSON: `{"pk": {"S": "..."}}`."""

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
_IF_NOT_EXISTS = re.compile(r"(#\w+) = if_not_exists \(\1, (:\w+)\)")


@dataclass(frozen=True)
class Call:
    """One request to DynamoDB and the capacity it would be billed."""

    operation: str
    read_units: float
    write_units: int


def item_size(item: Item) -> int:
    """The bytes of an item by DynamoDB's rules: names and values; a number is half a byte a digit and one more."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    (kind, content), *_ = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.strip("-").replace(".", "").strip("0")) + 1) // 2 + 1
        case "B":
            return len(base64.b64decode(content))
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(each.encode()) for each in content)
    raise NotImplementedError(kind)


class Endpoint:
    """Tables in memory. `calls` and `spent_s` (CPU seconds in here) grow until the caller resets them."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str, str], Item] = {}
        self.calls: list[Call] = []
        self.spent_s = 0.0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand where botocore's HTTP session is."""
        with patch.object(URLLib3Session, "send", lambda _session, request: self._send(request)):
            yield

    def _send(self, request: Any) -> AWSResponse:
        started = time.process_time()
        target = request.headers["X-Amz-Target"]
        service, operation = (target.decode() if isinstance(target, bytes) else target).split(".")
        asked = json.loads(request.body)
        status, answer = self._kms(operation, asked) if service == "TrentService" else self._dynamodb(operation, asked)
        body = json.dumps(answer).encode()
        headers: Any = {
            "Content-Type": "application/x-amz-json-1.0",
            "Content-Length": str(len(body)),
            "x-amzn-RequestId": "BENCH",
            "x-amz-crc32": str(zlib.crc32(body)),
        }
        self.spent_s += time.process_time() - started
        return AWSResponse(request.url, status, headers, _Raw(body))

    def _dynamodb(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match operation:
            case "GetItem":
                found = self.items.get(_key(asked["TableName"], asked["Key"]))
                units = max(1, -(-item_size(found or {}) // READ_UNIT_BYTES))
                self._count(operation, read_units=units if asked.get("ConsistentRead") else units / 2)
                return 200, {"Item": found} if found else {}
            case "PutItem":
                if asked.get("ConditionExpression") != "attribute_not_exists(pk)":
                    raise NotImplementedError("the only condition known here is attribute_not_exists(pk)")
                self._count(operation, written=asked["Item"])
                if _key(asked["TableName"], asked["Item"]) in self.items:
                    return 400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}
                self._put(asked["TableName"], asked["Item"])
                return 200, {}
            case "UpdateItem":
                after = self._updated(asked)
                self._count(operation, written=after)
                self._put(asked["TableName"], after)
                return 200, {"Attributes": after}
            case "TransactWriteItems":
                for put in (leg["Put"] for leg in asked["TransactItems"] if "Put" in leg):
                    self._count(operation, written=put["Item"], times=2)
                    self._put(put["TableName"], put["Item"])
                return 200, {}
        raise NotImplementedError(operation)

    def _updated(self, asked: dict[str, Any]) -> Item:
        expression = asked["UpdateExpression"]
        actions = _IF_NOT_EXISTS.findall(expression)
        if "ConditionExpression" in asked or len(actions) != expression.count("="):
            raise NotImplementedError("the only update known here is SET with if_not_exists, without a condition")
        names, values = asked["ExpressionAttributeNames"], asked["ExpressionAttributeValues"]
        before = self.items.get(_key(asked["TableName"], asked["Key"]), asked["Key"])
        set_now = {names[name]: values[value] for name, value in actions}
        return {**set_now, **before}

    def _kms(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match operation:
            case "GenerateMac":
                mac = hmac.digest(b"bench", base64.b64decode(asked["Message"]), hashlib.sha256)
                return 200, {"Mac": base64.b64encode(mac).decode()}
            case "GenerateDataKey":
                return 200, {
                    "Plaintext": base64.b64encode(bytes(32)).decode(),
                    "CiphertextBlob": base64.b64encode(bytes(184)).decode(),
                }
        raise NotImplementedError(operation)

    def _count(self, operation: str, read_units: float = 0, written: Item | None = None, times: int = 1) -> None:
        write_units = 0 if written is None else max(1, -(-item_size(written) // WRITE_UNIT_BYTES)) * times
        self.calls.append(Call(operation, read_units, write_units))

    def _put(self, table: str, item: Item) -> None:
        self.items[_key(table, item)] = item


def _key(table: str, item: Item) -> tuple[str, str, str]:
    return table, item["pk"]["S"], item["sk"]["S"]


class _Raw:
    """The body as urllib3's response gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body
