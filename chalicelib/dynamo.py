"""The one way this project talks to DynamoDB: tables bound at wiring time, transactions with named legs.

A domain's `store.py` derives its items from one table class and turns what this module raises into domain errors.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import cache
from types import TracebackType
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from .errors import Unavailable

CONFLICT_TRIES = 5
"""How often a transaction that met another one on the same items is tried before the caller is told to come back."""

_CONNECT_TIMEOUT_S = 1
_READ_TIMEOUT_S = 2
_RETRIES = 2

_CONDITION = "ConditionalCheckFailed"
_CONFLICT = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


def bind(table: type[Model], name: str, region: str) -> None:
    """Give a table class its table. Called by `wiring` only: at import no name is known and none is looked up."""
    table.Meta.table_name = name
    table.Meta.region = region
    table.Meta.connect_timeout_seconds = _CONNECT_TIMEOUT_S
    table.Meta.read_timeout_seconds = _READ_TIMEOUT_S
    table.Meta.max_retry_attempts = _RETRIES
    for kind in table.__subclasses__():
        # An item class makes a connection that knows its own indexes; it must not find that of the table, made before.
        if "_connection" not in vars(kind):
            kind._connection = None


@cache
def _connection(region: str) -> Connection:
    # Shared by all transactions: a client costs 40 ms and a TLS handshake of its own, a transaction a few milliseconds.
    return Connection(
        region=region,
        connect_timeout_seconds=_CONNECT_TIMEOUT_S,
        read_timeout_seconds=_READ_TIMEOUT_S,
        max_retry_attempts=_RETRIES,
    )


def is_condition_failure(error: PynamoDBException) -> bool:
    """Whether a single write was refused by its condition (and so wrote nothing)."""
    # Not by pynamodb's `cause_response_code`: a read that timed out has a `response` that is None, on which it fails.
    cause = error.cause
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "ConditionalCheckFailedException"


class LegsFailed(Exception):
    """A transaction wrote nothing because the conditions of these legs did not hold.

    `legs` maps the name of each failed leg to the item that stood in its way (DynamoDB's own form), None if there was
    none.
    """

    def __init__(self, legs: dict[str, dict[str, Any] | None]) -> None:
        super().__init__(", ".join(sorted(legs)))
        self.legs = legs


class Transaction:
    """Up to 100 writes that happen together or not at all, each leg with a name to tell failures apart.

    Used as a context manager: leaving the block commits. Legs of several domains may be added to one transaction.

    Raises `LegsFailed` (a condition did not hold; nothing was written) or `Unavailable` (conflicts or throttling
    outlasted every try; nothing was written). Any other error leaves the outcome unknown: the caller's replay must be
    safe.
    """

    def __init__(self, region: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._connection = _connection(region)
        self._sleep = sleep
        # pynamodb sends the legs in this order of kinds, whatever the order of the calls.
        self._legs: dict[str, list[tuple[str, Callable[[TransactWrite], None]]]] = {
            "check": [],
            "delete": [],
            "put": [],
            "update": [],
        }

    def check(self, leg: str, table: type[Model], keys: tuple[str, str], condition: Condition) -> None:
        """Require a condition on an item without writing it."""
        self._legs["check"].append((leg, lambda tx: tx.condition_check(table, *keys, condition=condition)))

    def delete(self, leg: str, item: Model, condition: Condition | None = None) -> None:
        """Delete an item."""
        self._legs["delete"].append((leg, lambda tx: tx.delete(item, condition=condition)))

    def put(self, leg: str, item: Model, condition: Condition | None = None) -> None:
        """Put an item whole."""
        self._legs["put"].append((leg, lambda tx: tx.save(item, condition=condition, return_values="ALL_OLD")))

    def update(self, leg: str, item: Model, actions: Sequence[Action], condition: Condition | None = None) -> None:
        """Change attributes of an item; its keys are read from `item`."""
        self._legs["update"].append(
            (
                leg,
                lambda tx: tx.update(item, actions=list(actions), condition=condition, return_values="ALL_OLD"),
            )
        )

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self._commit()

    def _commit(self) -> None:
        names = [name for legs in self._legs.values() for name, _ in legs]
        for attempt in range(CONFLICT_TRIES):
            try:
                with TransactWrite(connection=self._connection) as tx:
                    for legs in self._legs.values():
                        for _, add in legs:
                            add(tx)
                return
            except TransactWriteError as error:
                reasons = error.cancellation_reasons
                failed = {
                    name: reason.raw_item
                    for name, reason in zip(names, reasons, strict=False)
                    if reason is not None and reason.code == _CONDITION
                }
                if failed:
                    raise LegsFailed(failed) from error
                if not any(reason is not None and reason.code in _CONFLICT for reason in reasons):
                    raise
                # Full jitter: two writers that collided once must not collide in step again.
                self._sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - spreads load, guards nothing
        raise Unavailable()
