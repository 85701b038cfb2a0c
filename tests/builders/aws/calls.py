"""Wraps all calls to AWS (by botocore's clients and by `json_protocol`), so that tests can count or spoil them.

It also empties queues and tables, and reads the numbers of calls in `docs/costs.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from pynamodb.models import Model

from chalicelib.aws.json_protocol import Wire
from tests.conftest import REGION, ROOT

Call = Callable[[Any, str, Any], Any]
"""A call to AWS: the client, the name of the operation, its parameters."""


def wrap_calls(monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Call], Call]) -> None:
    """Replace every call to AWS by what `wrap` makes of it."""
    by_client: Any = BaseClient._make_api_call

    def lean(by_wire: Any) -> Any:
        def call(wire: Wire, operation: str, parameters: Any) -> Any:
            return wrap(lambda _, operation, parameters: by_wire(wire, operation, parameters))(
                wire.client, operation, parameters
            )

        return call

    monkeypatch.setattr(BaseClient, "_make_api_call", wrap(by_client))
    monkeypatch.setattr(Wire, "call", lean(Wire.call))
    monkeypatch.setattr(Wire, "body", lean(Wire.body))


def drained(queue_url: str) -> list[dict[str, Any]]:
    """Every message that waits in a queue; gone from it."""
    sqs, taken = boto3.client("sqs", REGION), list[dict[str, Any]]()
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, AttributeNames=["All"]).get(
        "Messages"
    ):
        for message in messages:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        taken += messages
    return taken


def wipe(*tables: type[Model]) -> None:
    """Empty tables: moto copies whole ones for every transaction."""
    for table in tables:
        with table.batch_write() as batch:
            for item in list(table.scan()):
                batch.delete(item)


def stated(row: str) -> int:
    """The number of calls that the page has in the row that begins so."""
    (line,) = [line for line in (ROOT / "docs/costs.md").read_text().splitlines() if line.startswith(f"| {row}")]
    found = re.match(r"\d+", line.split(" | ")[1])
    assert found
    return int(found[0])
