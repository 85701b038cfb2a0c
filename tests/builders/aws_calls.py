"""The two doors to AWS: botocore's clients, and the lean way to DynamoDB. Whoever counts or spoils calls holds both.

What `docs/costs.md` says, for tests that hold the application to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.aws.dynamodb_protocol import Wire
from tests.conftest import ROOT

Call = Callable[[Any, str, Any], Any]
"""A call to AWS: the client, the name of the operation, its parameters."""


def wrap_calls(monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Call], Call]) -> None:
    """Put around every call to AWS what `wrap` makes of it."""
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


def stated(row: str) -> int:
    """The number of calls that the page has in the row that begins so."""
    (line,) = [line for line in (ROOT / "docs/costs.md").read_text().splitlines() if line.startswith(f"| {row}")]
    found = re.match(r"\d+", line.split(" | ")[1])
    assert found
    return int(found[0])
