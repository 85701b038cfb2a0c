"""AWS for a whole year, in memory: tables with their indexes, keys, queues, mails, topics and published files.

The stores are the real ones. A queue hands its messages out in any order, and some of them twice.
"""

from __future__ import annotations

import hmac
import io
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgspec

from bench.aws.indexed import IndexedTables
from chalicelib import at_once
from chalicelib.aws import clients, dynamodb
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.providers.xendit_statements import XenditStatements
from tests.builders.aws.rights import Right, given, needed

from ..accounts.cloud import Kms, refusal

STAGE = "year"
TWICE = 0.02
"""Of a queue's messages."""


class Keys(Kms):
    """The key service, which keeps nothing."""

    def generate_mac(self, KeyId: str, Message: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - KMS's own names
        return {"Mac": hmac.digest(KeyId.encode(), Message, "sha256")}

    def encrypt(self, Plaintext: bytes, EncryptionContext: dict[str, str], **_: Any) -> dict[str, bytes]:  # noqa: N803
        return {"CiphertextBlob": json.dumps(EncryptionContext).encode() + b"\0" + Plaintext}


class Files:
    """The buckets: `written` has each file with its instant."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._writes = 0
        self.written: dict[tuple[str, str], tuple[bytes, datetime, str]] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes, **asked: Any) -> dict[str, Any]:  # noqa: N803 - S3's names
        key = Bucket, Key
        seen = self.written[key][2] if key in self.written else None
        if ("IfNoneMatch" in asked and seen) or ("IfMatch" in asked and asked["IfMatch"] != seen):
            raise refusal("PreconditionFailed", 412)
        self._writes += 1
        self.written[key] = Body, self._clock().replace(microsecond=0), f'"{self._writes}"'
        return {}

    def get_object(self, Bucket: str, Key: str, Range: str = "") -> dict[str, Any]:  # noqa: N803
        if (Bucket, Key) not in self.written:
            raise refusal("NoSuchKey", 404)
        body, at, version = self.written[Bucket, Key]
        if Range:
            first, _, last = Range.removeprefix("bytes=").partition("-")
            body = body[int(first) : int(last) + 1]
        return {"Body": io.BytesIO(body), "LastModified": at, "ETag": version}

    def get_paginator(self, _operation: str) -> Files:
        return self

    def paginate(self, Bucket: str, Prefix: str, StartAfter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803
        written = ((key, at) for (bucket, key), (_, at, _) in self.written.items() if bucket == Bucket)
        found = sorted(one for one in written if one[0] > StartAfter)
        yield {"Contents": [{"Key": key, "LastModified": at} for key, at in found if key.startswith(Prefix)]}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"ContentLength": len(self.get_object(Bucket, Key)["Body"].getvalue())}


class Cloud:
    """`heard` is told of each announcement, `mailed` of each mail: to whom, and its subject."""

    def __init__(self, dice: random.Random, clock: Callable[[], datetime], provider: Any) -> None:
        self._dice = dice
        self._provider = provider
        self.tables = IndexedTables(STAGE)
        self._one_call = Lock()  # erasures are repeated by several threads
        self.calls = 0
        self.queues: dict[str, list[str]] = {}
        self.files = Files(clock)
        self.kms = Keys()
        self.sent = 0
        self.announced: list[dict[str, Any]] = []
        self.needed: dict[str, set[Right]] = defaultdict(set)
        """By function: the rights of the calls that it made."""
        self._known: set[tuple[Any, ...]] = set()
        """The kinds of calls whose rights are among these."""
        self._acts = ""

    @contextmanager
    def acting(self, function: str) -> Iterator[None]:
        """What is done within is done by a function."""
        self._acts = function
        try:
            yield
        finally:
            self._acts = ""

    def missing(self) -> list[str]:
        """What functions did without a right to it. Moto and this cloud let everybody do everything."""
        return [
            f"{function} has no right to {action} on {name}"
            for function, rights in self.needed.items()
            for action, name in sorted(rights - given(function))
        ]

    @contextmanager
    def installed(self) -> Iterator[None]:
        """In AWS's and the provider's place, everything in one thread."""
        http = property(lambda _: self._provider, lambda _, pool: None)
        with (
            patch.object(dynamodb, "call", self._dynamodb),
            patch.object(dynamodb, "query_body", self._body),
            patch.object(clients, "client", self._client),
            patch("concurrent.futures.ThreadPoolExecutor", OneThread),
            patch.object(at_once, "_pool", OneThread),
            patch.object(Xendit, "_http", http, create=True),
            patch.object(XenditStatements, "_http", http, create=True),
        ):
            yield

    def take(self, queue: str) -> list[str]:
        """All messages of a queue, in any order; a few come twice."""
        bodies = self.queues.pop(queue, [])
        bodies += [body for body in bodies if self._dice.random() < TWICE]
        self._dice.shuffle(bodies)
        return bodies

    def put(self, queue: str, bodies: Iterable[str]) -> None:
        """Messages into a queue."""
        self.queues.setdefault(queue, []).extend(bodies)

    def _dynamodb(self, _region: str | None, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        if self._acts:
            self._hold(operation, asked)
        with self._one_call:
            status, answer = self.tables._dynamodb(operation, asked)
            self.tables.calls.clear()
        if status == 200:
            return answer
        raise refusal(answer.pop("__type").partition("#")[2], **answer)

    def _hold(self, operation: str, asked: dict[str, Any]) -> None:
        tables: Iterable[Any] = (asked.get("IndexName"), asked["TableName"]) if "TableName" in asked else ()
        if not tables:
            legs = ((kind, one["TableName"]) for leg in asked.get("TransactItems", ()) for kind, one in leg.items())
            tables = *asked.get("RequestItems", ()), *legs
        if (kind_of_call := (self._acts, operation, *tables)) not in self._known:
            self._known.add(kind_of_call)
            self.needed[self._acts].update(needed(operation, asked))

    def _body(self, table: Any, asked: dict[str, Any]) -> bytes:
        return msgspec.json.encode(self._dynamodb(None, "Query", {"TableName": table.Meta.table_name, **asked}))

    def _client(self, service: str, _region: str, attempts: int = 2, mode: str = "") -> Any:
        match service:
            case "kms":
                return self.kms
            case "s3":
                return self.files
            case "sqs":
                return SimpleNamespace(send_message_batch=self._send, get_queue_attributes=self._waiting)
            case "sesv2":
                return SimpleNamespace(send_email=self._mail, delete_suppressed_destination=self._unsuppress)
            case "sns":
                return SimpleNamespace(publish=self._publish)
            case "secretsmanager":
                return SimpleNamespace(get_secret_value=lambda **_: {"SecretString": _SECRET})
        raise ValueError(f"{service} has no part in the simulation")

    def _send(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - SQS's own names
        self._need("sqs:SendMessage", QueueUrl)
        self.put(QueueUrl, [entry["MessageBody"] for entry in Entries])
        return {}

    def _waiting(self, QueueUrl: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._need("sqs:GetQueueAttributes", QueueUrl)
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(self.queues.get(QueueUrl, ())))}}

    def _need(self, action: str, queue_url: str) -> None:
        if self._acts:
            self.needed[self._acts].add((action, queue_url.rpartition("/")[2].removesuffix("_queue_url")))

    def _mail(self, **_: Any) -> dict[str, str]:
        self.sent += 1
        return {"MessageId": "1"}

    def _unsuppress(self, EmailAddress: str) -> None:  # noqa: N803 - SES's own names
        """Nobody's mail bounces here, so no address is on the list."""
        if self._acts:
            self.needed[self._acts].update(needed("DeleteSuppressedDestination", {}))
        raise refusal("NotFoundException", 404, message=EmailAddress)

    def _publish(self, Message: str, **_: Any) -> dict[str, str]:  # noqa: N803 - SNS's own names
        self.announced.append(json.loads(Message))
        return {"MessageId": "1"}


_SECRET = '{"api_key": "key", "callback_token": "token"}'


class OneThread:
    """In place of a pool of threads: each task is done when it is submitted."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> OneThread:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            done.set_exception(error)
        return done
