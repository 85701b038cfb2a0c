"""What moto does not check: whether a function may make the calls to DynamoDB, SQS, KMS and S3 that it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import current_thread
from typing import Any

import pytest

from infrastructure.grants import GRANTS
from tests.builders.aws.calls import Call, wrap_calls

_ANSWERS = "process_request_thread"
"""In the name of a thread in which `socketserver` answers: what HTTP asks meanwhile is done with other rights."""

_within: list[object] = []
"""Whose rights are looked at: a function may invoke another, which has its own."""

Right = tuple[str, str]
"""An action, and the table, index (`notices/index/unsent`), queue or key without the name of the stage, or a folder."""

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
    """The rights on tables, indexes, queues, keys and folders that the policy of a function gives."""
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
    if operation in _FILES and "Bucket" in asked:
        yield _FILES[operation], asked["Key"].partition("/")[0]


def _given(function: str) -> Iterator[Right]:
    for grant in GRANTS[function]:
        for name in re.findall(r"gelombang-\$\{Stage\}-([a-z-]+(?:/index/[a-z-]+)?)", str(grant)):
            yield from ((action, name) for action in grant["Action"])
        for folder in re.findall(r"Bucket\}/([a-z-]+)/", str(grant)):
            yield from ((action, folder) for action in grant["Action"])


def _own(name: str) -> str:
    return name.split("-", 2)[2]
