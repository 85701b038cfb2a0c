"""AWS for accounts, in memory. Each call may be spoilt, and other tasks may run before it.

The stores are the real ones. The benchmarks' double of DynamoDB answers where their requests would leave the process.
It evaluates conditions and updates as DynamoDB does.
"""

from __future__ import annotations

import hmac
import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError, ReadTimeoutError
from cryptography.hazmat.primitives.asymmetric import ec

from bench.aws.endpoint import Endpoint
from bench.aws.expressions import Item, holds
from chalicelib.aws import clients, dynamodb
from tests.builders.accounts.accounts import in_der, public_in_der

from ..ports import Errors, MemoryQueue, Nature, Port

_READS = {"GetItem", "BatchGetItem", "Query"}
_CODE = re.compile(r"\b\d{6}\b")
_LINK = re.compile(r"/changes/([a-z2-7]{26})\b")
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def refusal(code: str, status: int = 400, **more: Any) -> ClientError:
    """An error as botocore raises it."""
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, "call")


def _errors(service: str) -> Errors:
    return Errors(lambda: refusal("ThrottlingException"), lambda: ReadTimeoutError(endpoint_url=service))


class Cloud:
    """`delivered` is told of every code that a channel took, and `noticed` of every link to deny something."""

    def __init__(self, nature: Nature, dice: random.Random, clock: Callable[[], datetime]) -> None:
        self._nature = nature
        self._dice = dice
        self._clock = clock
        self._before: dict[tuple[str, str, str], Item | None] = {}
        self.tables = Endpoint()
        self.codes = MemoryQueue(nature, dice)
        self.notices = MemoryQueue(nature, dice)
        self.kms = Kms()
        self.delivered: Callable[[str, str], None] = lambda _contact, _code: None
        self.noticed: Callable[[str, str], None] = lambda _contact, _token: None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """In AWS's place."""
        with (
            patch.object(dynamodb, "call", self._dynamodb),
            patch.object(clients, "client", self._client),
        ):
            yield

    def expire(self) -> None:
        """What DynamoDB does hours after an item's time, or minutes."""
        now = self._clock().timestamp()
        for key, item in list(self.tables.items.items()):
            if "expires_at" in item and float(item["expires_at"]["N"]) <= now:
                del self.tables.items[key]

    def _dynamodb(self, _region: str | None, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        port = Port.TRANSACTION if operation.startswith("Transact") else Port.WRITE
        port = Port.GET if operation in _READS else port
        return self._nature.call(port, _named(operation, asked), lambda: self._answer(operation, asked), _DYNAMODB)

    def _answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        items = self.tables.items
        if operation == "GetItem" and not asked.get("ConsistentRead") and self._dice.random() < 0.5:
            key = asked["TableName"], asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"]
            stale = self._before.get(key, items.get(key))
            return {"Item": stale} if stale else {}
        if "IndexName" in asked:
            return self._unsent(asked)
        if operation not in _READS:
            self._before |= {key: items.get(key) for key in _keys(asked)}
        status, answer = self.tables._dynamodb(operation, asked)
        self.tables.calls.clear()
        if status == 200:
            return answer
        raise refusal(answer.pop("__type").partition("#")[2], **answer)

    def _unsent(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The one index: notices that wait or are being sent."""
        shards = [value["S"] for value in asked["ExpressionAttributeValues"].values()]
        own = [item for item in self.tables.items.values() if item.get("unsent_shard", {}).get("S") in shards]
        found = [item for item in own if holds(asked, item, "KeyConditionExpression")]
        keys = [{name: item[name] for name in ("pk", "sk", "unsent_shard", "updated_at")} for item in found]
        return {"Items": keys, "Count": len(keys), "ScannedCount": len(keys)}

    def _client(self, service: str, _region: str, attempts: int = 2) -> Any:
        match service:
            case "kms":
                return self._calls(Port.KEYS, self.kms)
            case "sqs":
                return self._calls(Port.ENQUEUE, SimpleNamespace(send_message_batch=self._send, **_QUEUES))
            case "sesv2":
                return self._calls(Port.SEND, SimpleNamespace(send_email=self._mail))
            case "sns":
                return self._calls(Port.SEND, SimpleNamespace(publish=self._sms))
        raise ValueError(f"{service} has no part in the simulation")

    def _calls(self, port: Port, service: Any) -> Any:
        """A client, each of whose calls may be spoilt."""
        nature, errors = self._nature, _errors(port)

        class Client:
            def __getattr__(self, operation: str) -> Callable[..., Any]:
                act = getattr(service, operation)
                return lambda **asked: nature.call(port, operation, lambda: act(**asked), errors)

        return Client()

    def _send(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - SQS's own names
        queue = self.codes if "codes" in QueueUrl else self.notices
        queue.put([entry["MessageBody"] for entry in Entries])
        return {}

    def _mail(self, Destination: Any, Content: Any, **_: Any) -> dict[str, str]:  # noqa: N803 - SES's own names
        return self._handed_over(Destination["ToAddresses"][0], Content["Simple"]["Body"]["Text"]["Data"])

    def _sms(self, PhoneNumber: str, Message: str, **_: Any) -> dict[str, str]:  # noqa: N803 - SNS's own names
        return self._handed_over(PhoneNumber, Message)

    def _handed_over(self, contact: str, text: str) -> dict[str, str]:
        if link := _LINK.search(text):
            self.noticed(contact, link[1])
        elif code := _CODE.search(text):
            self.delivered(contact, code[0])
        return {"MessageId": "1"}


class Kms:
    """What the key service does, in the clear."""

    def __init__(self) -> None:
        self._made = 0
        self.named: dict[bytes, str] = {}
        """What each mac was asked for: of the key of a sign-in's codes, its id."""

    def generate_mac(self, KeyId: str, Message: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - KMS's own names
        mac = hmac.digest(KeyId.encode(), Message, "sha256")
        self.named[mac] = Message.decode().partition("\0")[2]
        return {"Mac": mac}

    def generate_data_key(self, EncryptionContext: dict[str, str], **_: Any) -> dict[str, bytes]:  # noqa: N803
        self._made += 1
        plain = sha256(f"{self._made}".encode()).digest()
        return {"Plaintext": plain, "CiphertextBlob": _wrapped(EncryptionContext, plain)}

    def generate_data_key_pair_without_plaintext(
        self,
        EncryptionContext: dict[str, str],  # noqa: N803
        **_: Any,
    ) -> dict[str, bytes]:
        self._made += 1
        private, public = key_pair(json.dumps(EncryptionContext))
        return {"PublicKey": public, "PrivateKeyCiphertextBlob": _wrapped(EncryptionContext, private)}

    def decrypt(self, CiphertextBlob: bytes, EncryptionContext: dict[str, str], **_: Any) -> dict[str, bytes]:  # noqa: N803
        context, _, plain = bytes(CiphertextBlob).partition(b"\0")
        if json.loads(context) != EncryptionContext:
            raise refusal("InvalidCiphertextException")
        return {"Plaintext": plain}


def _wrapped(context: dict[str, str], plain: bytes) -> bytes:
    return json.dumps(context).encode() + b"\0" + plain


@cache
def key_pair(name: str) -> tuple[bytes, bytes]:
    """A key pair of P-256 in DER that follows from its name: private, public."""
    secret = int.from_bytes(sha256(name.encode()).digest()) % (_P256_ORDER - 1) + 1
    key = ec.derive_private_key(secret, ec.SECP256R1())
    return in_der(key), public_in_der(key)


def _keys(asked: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Of the items that a request may write."""
    for one in asked.get("TransactItems", [{"": asked}]):
        for leg in one.values():
            key = leg.get("Key") or leg["Item"]
            yield leg["TableName"], key["pk"]["S"], key["sk"]["S"]


def _named(operation: str, asked: dict[str, Any]) -> str:
    """What a request is about, for who reads a schedule."""
    if operation == "TransactWriteItems":
        legs = [_named(kind, leg) for one in asked["TransactItems"] for kind, leg in one.items()]
        return "transaction of " + ", ".join(legs)
    key = asked.get("Key") or asked.get("Item")
    if key is None:
        return operation
    return f"{operation} {key['pk']['S'][:8]} {key['sk']['S'][:14]}"


_DYNAMODB = Errors(
    lambda: refusal("ProvisionedThroughputExceededException"), lambda: ReadTimeoutError(endpoint_url="dynamodb")
)
_QUEUES = {"get_queue_attributes": lambda **_: {"Attributes": {"ApproximateNumberOfMessages": "0"}}}
