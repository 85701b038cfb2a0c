"""Calls to KMS."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..errors import Unavailable
from .clients import is_passing


class Kms:
    """`client` returns botocore's KMS client, and is called when it is first needed. Threads may call at once."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = cache(client)
        self._asking = Lock()

    def ask(self, operation: str, **parameters: object) -> dict[str, Any]:
        """The answer of KMS to an operation such as `generate_mac`. Raises `Unavailable` when KMS is late or busy."""
        with self._asking:  # many threads may use a client, but only one may make it
            kms = self._client()
        try:
            answer: dict[str, Any] = getattr(kms, operation)(**parameters)
        except (BotoCoreError, ClientError) as error:
            if is_passing(error):
                raise Unavailable() from error
            raise
        return answer
