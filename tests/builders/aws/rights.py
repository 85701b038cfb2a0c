"""What moto does not check: whether a function has the rights on tables, queues, keys, files, secrets, mails, text
messages and topics that it uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import current_thread
from typing import Any

import pytest

from infrastructure.grants import GRANTS, SEND_SMS, UNSUPPRESS
from tests.builders.aws.calls import Call, wrap_calls

_ANSWERS = "process_request_thread"
"""In the name of a thread in which `socketserver` answers: what HTTP asks meanwhile is done with other rights."""

_within: list[object] = []
"""Whose rights are looked at: a function may invoke another, which has its own."""

Right = tuple[str, str]
"""An action, and the table, index (`notices/index/unsent`), queue, key, secret, topic or configuration set without the
name of the stage; or a folder, `EVERY_FILE` or `ANYBODY`.
"""

ANYBODY = "any phone number or address"
EVERY_FILE = "the list of every file"

_SERVICES = {
    "SendEmail": ("ses:SendEmail", "ConfigurationSetName"),
    "DeleteSuppressedDestination": ("ses:DeleteSuppressedDestination", ""),
    "Publish": ("sns:Publish", "TopicArn"),
    "GetSecretValue": ("secretsmanager:GetSecretValue", "SecretId"),
}
_FILES = {"GetObject": "s3:GetObject", "HeadObject": "s3:GetObject", "PutObject": "s3:PutObject"}


@contextmanager
def rights_of(function: str) -> Iterator[None]:
    """What is done within needs no right that the policy of a function does not give."""
    used, own = set[Right](), object()

    def watch(call: Call) -> Call:
        def watched(client: Any, operation: str, asked: Any) -> Any:
            if _ANSWERS not in current_thread().name and _within[-1:] == [own]:
                used.update(needed(operation, asked))
            return call(client, operation, asked)

        return watched

    with pytest.MonkeyPatch.context() as patch:
        wrap_calls(patch, watch)
        _within.append(own)
        try:
            yield
        finally:
            _within.remove(own)
    missing = used - given(function)
    assert not missing, f"{function} has no right to {sorted(missing)}"


def given(function: str) -> set[Right]:
    """The rights that the policy of a function gives."""
    return set(_given(function))


def needed(operation: str, asked: Mapping[str, Any]) -> Iterator[Right]:
    """The rights that a call needs."""
    for leg in asked.get("TransactItems", ()):
        for kind, one in leg.items():
            yield f"dynamodb:{kind}Item", _own(one["TableName"])
    for table in asked.get("RequestItems", ()):
        yield f"dynamodb:{operation}", _own(table)
    if "TableName" in asked:
        index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
        yield f"dynamodb:{operation}", _own(asked["TableName"]) + index
    if "QueueUrl" in asked:
        yield f"sqs:{operation.removesuffix('Batch')}", _own(asked["QueueUrl"].rpartition("/")[2])
    if "alias/" in asked.get("KeyId", ""):
        yield f"kms:{operation}", _own(asked["KeyId"].rpartition("alias/")[2])
    if operation in _SERVICES:
        action, name = _SERVICES[operation]
        yield action, _own(asked[name].rpartition(":")[2]) if name in asked else ANYBODY
    if operation in _FILES and "Bucket" in asked:
        yield _FILES[operation], _folder(asked["Key"])
    if operation.startswith("ListObject"):
        yield "s3:ListBucket", EVERY_FILE


def _given(function: str) -> Iterator[Right]:
    for grant in GRANTS[function]:
        for name in re.findall(r"gelombang-\$\{Stage\}-([a-z-]+(?:/index/[a-z-]+)?)", str(grant)):
            yield from ((action, name.removesuffix("-")) for action in grant["Action"])  # AWS adds to a secret's name
        if grant in (SEND_SMS, UNSUPPRESS):
            yield from ((action, ANYBODY) for action in grant["Action"])
        if "AnnouncementsTopic" in str(grant):
            yield from ((action, "announcements") for action in grant["Action"])
        for folder in re.findall(r"Bucket\}/([a-z_/-]+)/", str(grant)):
            yield from ((action, one) for action in grant["Action"] for one in _folders(folder))
        if "s3:ListBucket" in grant["Action"]:
            yield "s3:ListBucket", EVERY_FILE


def _folder(key: str) -> str:
    """The folder that a grant names: those of errands each have a function's name."""
    first, _, rest = key.partition("/")
    return f"{first}/{rest.partition('/')[0]}" if first == "errands" else first


def _folders(granted: str) -> Iterator[str]:
    yield from (f"{granted}/{function}" for function in GRANTS) if granted == "errands" else (granted,)


def _own(name: str) -> str:
    return name.split("-", 2)[2]
