"""A double of DynamoDB, KMS and SQS for benchmarks, with its tables in memory. It answers in one of two ways.

Inside the process it takes the place of botocore's connection. The client does all its real work but HTTP. The time
spent here is counted, so that it can be subtracted. Over HTTP on loopback it answers from another process, so its time
is none of the client's. It answers only what the benchmarked paths use. Any other call is an error, so a new call is
noticed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import zlib
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache, cached_property
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from .expressions import Item, Unplayed, holds, updated

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
_ON_FAILURE = "ReturnValuesOnConditionCheckFailure"
_ERROR = "com.amazonaws.dynamodb.v20120810#"
_PARTITION = re.compile(r"\(?[#\w]+ = (:\w+)")


class Call(NamedTuple):
    """One request, and the capacity that DynamoDB would bill for it."""

    operation: str
    read_units: float = 0
    write_units: int = 0
    """Write units of the table itself."""
    index_units: int = 0
    """Write units of its indexes, which are billed in addition."""
    service: str = "DynamoDB"


@dataclass(frozen=True)
class Index:
    """A global secondary index: its two keys, and the other attributes that it holds (None: all)."""

    keys: tuple[str, str]
    kept: frozenset[str] | None = frozenset()
    name: str = ""

    def entry(self, item: Item | None) -> Item | None:
        """What the index holds of an item; None if the item is not in the index."""
        if item is None or any(key not in item for key in self.keys):
            return None
        if self.kept is None:
            return item
        return {name: value for name, value in item.items() if name in self.names}

    @cached_property
    def names(self) -> frozenset[str]:
        """What it holds, if not all."""
        return frozenset({"pk", "sk", *self.keys}) | (self.kept or frozenset())

    def units(self, before: Item | None, after: Item | None) -> int:
        """The units that a write of an item costs in this index: none if its entry stays the same, two if it moves."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        moved = old is not None and new is not None and any(old[key] != new[key] for key in self.keys)
        if moved or old is None or new is None:
            return sum(_write_units(entry) for entry in (old, new) if entry is not None)
        return max(_write_units(old), _write_units(new))


def item_size(item: Item) -> int:
    """The bytes of an item by DynamoDB's rules: names and values. A number takes one byte and half a byte a digit."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    (kind, content), *_ = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.strip("-").replace(".", "").strip("0")) + 1) // 2 + 1
        case "B":
            return len(content if isinstance(content, bytes) else base64.b64decode(content))
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(each.encode()) for each in content)
    raise Unplayed(kind)


def _write_units(item: Item) -> int:
    return max(1, -(-item_size(item) // WRITE_UNIT_BYTES))


def _read_units(item: Item | None) -> int:
    return max(1, -(-item_size(item or {}) // READ_UNIT_BYTES))


_SQS = {"Attributes": {"ApproximateNumberOfMessages": "0"}}
"""The answer to every call to a queue: nothing waits in it."""
_SERVICES = {"DynamoDB_20120810": "DynamoDB", "TrentService": "KMS", "AmazonSQS": "SQS"}


class Endpoint:
    """Tables in memory. `calls` and `spent_s` (CPU seconds of answers inside the process) grow until `take` is called.

    `indexes` maps the name of a table to its indexes.
    """

    def __init__(self, indexes: Mapping[str, Sequence[Index]] = MappingProxyType({})) -> None:
        self._indexes = indexes
        self.items: MutableMapping[tuple[str, str, str], Item] = {}
        self.metered = True
        self.calls: list[Call] = []
        self.spent_s = 0.0
        self._counting = Lock()

    def put(self, table: str, item: Item) -> None:
        """Store an item without recording a call."""
        self.items[_key(table, item)] = item

    def item(self, table: str, pk: str, sk: str) -> Item | None:
        return self.items.get((table, pk, sk))

    def take(self) -> tuple[tuple[Call, ...], float]:
        """The calls and the CPU seconds since `take` was called last."""
        taken = tuple(self.calls), self.spent_s
        self.calls, self.spent_s = [], 0.0
        return taken

    @contextmanager
    def installed(self) -> Iterator[None]:
        """A context in which this endpoint answers inside the process."""
        with patch.object(URLLib3Session, "send", lambda _session, request: self.send(request)):
            yield

    def serve(self) -> str:
        """Answer over HTTP from a thread until this process ends. Returns the address."""
        answer = self.answer

        class Connection(StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                while self.rfile.readline():
                    lines = iter(self.rfile.readline, b"\r\n")
                    asked = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
                    body = self.rfile.read(int(asked[b"content-length"]))
                    status, told = answer(asked[b"x-amz-target"].decode(), body)
                    headers = {
                        "Server": "Server",
                        "Date": formatdate(usegmt=True),
                        **_headers(zlib.crc32(told)),
                        "Content-Length": str(len(told)),
                        "Connection": "keep-alive",
                        "x-amzn-RequestId": "0123456789ABCDEFGHIJKLMNOPQRSTUVVV4KQNSO5AEMVJF66Q9ASUAAJG",
                    }
                    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                    self.wfile.write(f"HTTP/1.1 {status} OK\r\n{head}\r\n".encode() + told)

        server = ThreadingTCPServer(("127.0.0.1", 0), Connection)
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    def send(self, request: Any) -> AWSResponse:
        """Answer as botocore's session would, and count the time spent here."""
        started = time.thread_time()
        answer = self._answer(request)
        with self._counting:
            self.spent_s += time.thread_time() - started
        return answer

    def answer(self, target: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of an answer. `target` is the value of the header `X-Amz-Target`."""
        named, operation = target.split(".")
        service, asked = _SERVICES[named], json.loads(body)
        if service == "DynamoDB":
            before = len(self.calls)
            status, told = self._dynamodb(operation, asked)
            if asked.get("ReturnConsumedCapacity", "NONE") != "NONE" and status == 200:
                told["ConsumedCapacity"] = _consumed(asked, self.calls[before])
        else:
            self.calls.append(Call(operation, service=service))
            status, told = 200, _SQS if service == "SQS" else _kms(operation, asked)
        return status, json.dumps(told).encode()

    def _answer(self, request: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        status, body = self.answer(target.decode() if isinstance(target, bytes) else target, request.body)
        return json_answer(request.url, body, status)

    def _dynamodb(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match operation:
            case "GetItem":
                found = self.items.get(_key(asked["TableName"], asked["Key"]))
                self.calls.append(Call(operation, self._reading(found) / _share(asked)))
                return 200, {"Item": _projected(found, asked)} if found else {}
            case "BatchGetItem":
                return 200, {"Responses": self._batch(operation, asked["RequestItems"]), "UnprocessedKeys": {}}
            case "Query":
                return 200, self._query(operation, asked)
            case "PutItem" | "UpdateItem" | "DeleteItem":
                return self._write(operation, asked)
            case "TransactWriteItems":
                return self._transaction(operation, asked["TransactItems"])
        raise Unplayed(operation)

    def _found(self, key: tuple[str, str, str]) -> Item | None:
        return self.items.get(key)

    def _batch(self, operation: str, asked: dict[str, Any]) -> dict[str, list[Item]]:
        answer: dict[str, list[Item]] = {}
        units = 0.0
        for table, wanted in asked.items():
            found = [self._found(_key(table, keys)) for keys in wanted["Keys"]]
            units += sum(map(self._reading, found)) / _share(wanted)
            answer[table] = [_projected(item, wanted) for item in found if item is not None]
        self.calls.append(Call(operation, units))
        return answer

    def _query(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """One page of the items of a partition whose sort keys match, in the order asked for."""
        condition = asked["KeyConditionExpression"]
        partition = _PARTITION.match(condition)
        if partition is None or asked.keys() & {"ExclusiveStartKey", "FilterExpression", "IndexName"}:
            raise Unplayed(str(asked))
        pk = asked["ExpressionAttributeValues"][partition[1]]["S"]
        own = sorted(key for key in self.items if key[:2] == (asked["TableName"], pk))
        found = [item for key in own if holds(asked, item := self.items[key], "KeyConditionExpression")]
        found = found[:: 1 if asked.get("ScanIndexForward", True) else -1][: asked.get("Limit")]
        size = sum(map(item_size, found)) if self.metered else 0
        self.calls.append(Call(operation, max(1, -(-size // READ_UNIT_BYTES)) / _share(asked)))
        return {"Count": len(found), "ScannedCount": len(found), "Items": [_projected(item, asked) for item in found]}

    def _write(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        table = asked["TableName"]
        key = _key(table, asked.get("Item") or asked["Key"])
        before = self.items.get(key)
        if not holds(asked, before):
            # A refused write is billed too, by the size of the item that is there.
            self.calls.append(Call(operation, 0, self._writing(before or {})))
            shown = {"Item": before} if before and asked.get(_ON_FAILURE) == "ALL_OLD" else {}
            return 400, {"__type": _ERROR + "ConditionalCheckFailedException", **shown}
        after = _after(operation, asked, before)
        units = max(self._writing(before or {}), self._writing(after or {}))
        self.calls.append(Call(operation, 0, units, self._index_units(table, before, after)))
        self._set(key, after)
        returned = {"ALL_OLD": before, "ALL_NEW": after, "NONE": None}[asked.get("ReturnValues", "NONE")]
        return 200, {"Attributes": returned} if returned else {}

    def _transaction(self, operation: str, legs: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        units = index_units = 0
        written: dict[tuple[str, str, str], Item | None] = {}
        reasons = []
        for leg in legs:
            ((kind, asked),) = leg.items()
            key = _key(asked["TableName"], asked.get("Item") or asked["Key"])
            before = self.items.get(key)
            refused = {"Item": before} if before and asked.get(_ON_FAILURE) == "ALL_OLD" else {}
            reason = {"Code": "None"} if holds(asked, before) else {"Code": "ConditionalCheckFailed", **refused}
            reasons.append(reason)
            after = before if kind == "ConditionCheck" else _after(f"{kind}Item", asked, before)
            units += 2 * max(self._writing(before or {}), self._writing(after or {}))
            if kind != "ConditionCheck":
                index_units += self._index_units(asked["TableName"], before, after)
                written[key] = after
        failed = any(reason["Code"] != "None" for reason in reasons)
        self.calls.append(Call(operation, 0, units, 0 if failed else index_units))
        if failed:
            return 400, {"__type": _ERROR + "TransactionCanceledException", "CancellationReasons": reasons}
        for key, after in written.items():
            self._set(key, after)
        return 200, {}

    def _set(self, key: tuple[str, str, str], item: Item | None) -> None:
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item

    def _writing(self, item: Item) -> int:
        return _write_units(item) if self.metered else 0

    def _reading(self, item: Item | None) -> int:
        return _read_units(item) if self.metered else 0

    def _index_units(self, table: str, before: Item | None, after: Item | None) -> int:
        if not self.metered:
            return 0
        return sum(index.units(before, after) for index in self._indexes.get(table, ()))


_WRAPPED = base64.b64encode(bytes(184)).decode()


@cache
def key_pair() -> tuple[bytes, bytes]:
    """A new private key of P-256 and its public key, in the form in which KMS returns them."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    return private, key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)


def _kms(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    plain = base64.b64encode(bytes(32)).decode()
    match operation:
        case "GenerateMac":
            mac = hmac.digest(b"bench", base64.b64decode(asked["Message"]), hashlib.sha256)
            return {"Mac": base64.b64encode(mac).decode()}
        case "GenerateDataKey":
            return {"Plaintext": plain, "CiphertextBlob": _WRAPPED}
        case "GenerateDataKeyPairWithoutPlaintext":
            private, public = (base64.b64encode(key).decode() for key in key_pair())
            return {"PublicKey": public, "PrivateKeyCiphertextBlob": private}
        case "Decrypt":
            blob = asked["CiphertextBlob"]
            return {"Plaintext": plain if blob == _WRAPPED else blob}
    raise Unplayed(operation)


def _consumed(asked: dict[str, Any], call: Call) -> Any:
    """The consumed capacity of a call in DynamoDB's form. If it used several tables, each shows the sum of all."""
    units = call.read_units + call.write_units + call.index_units
    tables = asked.get("RequestItems") or {
        one["TableName"]: None for leg in asked.get("TransactItems", ()) for one in leg.values()
    }
    if not tables:
        return {"TableName": asked["TableName"], "CapacityUnits": units}
    return [{"TableName": table, "CapacityUnits": units} for table in tables]


def _share(asked: dict[str, Any]) -> int:
    """How many reads one read unit pays for: 1 if they are consistent, else 2."""
    return 1 if asked.get("ConsistentRead") else 2


def _after(operation: str, asked: dict[str, Any], before: Item | None) -> Item | None:
    """The item after a write; None if it is gone."""
    match operation:
        case "PutItem":
            put: Item = asked["Item"]
            return put
        case "UpdateItem":
            return updated(asked, before)
        case "DeleteItem":
            return None
    raise Unplayed(operation)


def _projected(item: Item, asked: dict[str, Any]) -> Item:
    """The attributes of an item that were asked for; all if none were named."""
    wanted = asked.get("ProjectionExpression")
    if wanted is None:
        return item
    names = asked.get("ExpressionAttributeNames", {})
    plain = (names.get(name.strip(), name.strip()) for name in wanted.split(","))
    return {name: item[name] for name in plain if name in item}


def _key(table: str, item: Item) -> tuple[str, str, str]:
    return table, item["pk"]["S"], item["sk"]["S"] if "sk" in item else ""


def json_answer(url: str, body: bytes, status: int = 200, checksum: int | None = None) -> AWSResponse:
    headers: Any = _headers(zlib.crc32(body) if checksum is None else checksum)
    return AWSResponse(url, status, headers, Whole(body))


def _headers(checksum: int) -> dict[str, str]:
    return {"Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": str(checksum)}


class Whole:
    """A body in memory with the methods of urllib3's response."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body
