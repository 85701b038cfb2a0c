"""Long time-outs for calls to an emulator: a busy machine answers late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from chalicelib.aws import clients, dynamodb

PATIENT_S = 120


@contextmanager
def patience() -> Iterator[None]:
    """Inside the block, the clients that this process makes wait so long for a connection and for an answer."""
    late: dict[str, Any] = {"CONNECT_TIMEOUT_S": PATIENT_S, "READ_TIMEOUT_S": PATIENT_S}
    with patch.multiple(clients, **late), patch.multiple(dynamodb, **late):
        yield
