"""The one way this project talks to DynamoDB: tables bound at wiring time, transactions with named legs.

A domain's `store.py` derives its items from one table class and turns what this module raises into domain errors.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import TracebackType
from typing import Any, TypeVar
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from pynamodb.connection import Connection
from pynamodb.exceptions import (
    GetError,
    PutError,
    PynamoDBException,
    QueryError,
    TransactWriteError,
    UpdateError,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.projection import create_projection_expression
from pynamodb.expressions.update import Action, Update
from pynamodb.models import Model

from ..errors import Unavailable
from . import clients, json_protocol
from .table import Table

M = TypeVar("M", bound=Model)

CONFLICT_TRIES = 5
"""How often a transaction that met another one on the same items is tried before the caller is told to come back."""

BATCH = 100
"""Keys of a batch get."""

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 2
_RETRIES = 2

_SHOWN = "ReturnValuesOnConditionCheckFailure"
_CONDITION = "ConditionalCheckFailed"
_CONFLICT = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


def bind(table: type[Model], name: str, region: str) -> None:
    """Give a table class its table. Called by `wiring` only: at import no name is known and none is looked up."""
    own = {"table_name": name, "region": region}
    table.Meta = type("Meta", (Table.Meta,), own)  # type: ignore[assignment]  # its items inherit it
    for kind in (table, *table.__subclasses__()):
        # An item class makes a connection that knows its own indexes; it must not find that of the table, made before.
        if "_connection" not in vars(kind):
            kind._connection = None
        connection = kind._get_connection()
        seam = _Seam(region)
        seam._tables = connection.connection._tables
        connection.connection = seam


class _Seam(Connection):
    """What pynamodb calls through: every operation of every table goes to the one client of its region."""

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        # Without an id, signals and the consumed capacity: pynamodb adds them, and nobody here reads them.
        return call(self.region, operation_name, operation_kwargs)

    def query(self, table_name: str, hash_key: str, **given: Any) -> dict[str, Any]:  # type: ignore[override]
        # What pynamodb asks, at a third of its price: the key of a partition is a text, and equal to one value. Its
        # tables give all the rest by name.
        read, names = "#0 = :0", {_partition_key(self._tables[table_name], given["index_name"]): "#0"}
        values: dict[str, Any] = {":0": {"S": hash_key}}
        if given["range_key_condition"] is not None:
            read = f"({read} AND {given['range_key_condition'].serialize(names, values)})"
        asked = {"TableName": table_name, "KeyConditionExpression": read, "ExpressionAttributeValues": values}
        if given["filter_condition"] is not None:
            asked["FilterExpression"] = given["filter_condition"].serialize(names, values)
        if given["attributes_to_get"]:
            asked["ProjectionExpression"] = create_projection_expression(given["attributes_to_get"], names)
        asked |= {told: given[name] for name, told in _OF_QUERY.items() if given[name]}
        if given["scan_index_forward"] is not None:
            asked["ScanIndexForward"] = given["scan_index_forward"]
        asked["ExpressionAttributeNames"] = {short: name for name, short in names.items()}
        try:
            return self.dispatch("Query", asked)
        except (BotoCoreError, ClientError) as error:
            raise QueryError(f"Failed to query items: {error}", error) from error


@cache
def _partition_key(table: Any, index: str | None) -> str:
    return str(table.get_index_hash_keyname(index) if index else table.hash_keyname)


_OF_QUERY = {
    "consistent_read": "ConsistentRead",
    "exclusive_start_key": "ExclusiveStartKey",
    "index_name": "IndexName",
    "limit": "Limit",
    "select": "Select",
}


def call(region: str | None, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What DynamoDB answers. Raises `ClientError` or `BotoCoreError`. Every call of this project passes here, or by
    `query_body`.
    """
    return json_protocol.call(_client(region), operation, asked)


class _Connection(Connection):
    """pynamodb's, with the client of the process's own session."""

    @property
    def session(self) -> Session:
        return clients.session()


@cache
def _connection(region: str) -> Connection:
    # Shared by all tables: a client costs 40 ms and a TLS handshake of its own, an operation a few milliseconds.
    return _Connection(
        region=region,
        connect_timeout_seconds=CONNECT_TIMEOUT_S,
        read_timeout_seconds=READ_TIMEOUT_S,
        max_retry_attempts=_RETRIES,
    )


def _client(region: str | None) -> Any:
    assert region is not None, "bound"  # noqa: S101 - for the type checker: pynamodb's own types may lack it
    # The connection makes itself a new client if it got one without credentials.
    with clients.making:
        return _connection(region).client


def find(kind: type[M], pk: str, sk: str, *, consistent: bool = True, only: Sequence[str] = ()) -> M | None:
    """An item, if there is one; `only` these attributes of it, by their names in the table. One read."""
    asked: dict[str, Any] = {"TableName": kind.Meta.table_name, "Key": _key(pk, sk), "ConsistentRead": consistent}
    if only:
        names = {f"#{place}": name for place, name in enumerate(only)}
        asked |= {"ProjectionExpression": ",".join(names), "ExpressionAttributeNames": names}
    try:
        item = call(kind.Meta.region, "GetItem", asked).get("Item")
    except (BotoCoreError, ClientError) as error:
        raise GetError(f"Failed to get item: {error}", error) from error
    return kind.from_raw_data(item) if item else None


def get_batch(table: type[M], keys: Sequence[tuple[str, str]], sleep: Callable[[float], None] = time.sleep) -> list[M]:
    """Those of these items that exist, in no order, read consistently; a call for each 100, unless DynamoDB leaves
    some out.

    Raises `Unavailable` (it left some out at every try) or pynamodb's `GetError`.
    """
    return list(map(table.from_raw_data, get_rows(table, keys, None, sleep)))


def get_rows(
    table: type[Model],
    keys: Sequence[tuple[str, str]],
    attributes: str | None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[dict[str, Any]]:
    """As `get_batch`, in DynamoDB's own form and with these attributes only: a projection, as `pk,standing`."""
    found, keys = list[dict[str, Any]](), list(dict.fromkeys(keys))  # DynamoDB refuses a key that is there twice
    for at in range(0, len(keys), BATCH):
        wanted: dict[str, Any] = {"ConsistentRead": True, "Keys": [_key(*each) for each in keys[at : at + BATCH]]}
        wanted |= {"ProjectionExpression": attributes} if attributes else {}
        found += _batch(table, wanted, sleep)
    return found


def _batch(table: type[Model], wanted: dict[str, Any], sleep: Callable[[float], None]) -> list[dict[str, Any]]:
    name, found = table.Meta.table_name, list[dict[str, Any]]()
    asked = {name: wanted}
    for attempt in range(CONFLICT_TRIES):
        try:
            answer = call(table.Meta.region, "BatchGetItem", {"RequestItems": asked})
        except (BotoCoreError, ClientError) as error:
            raise GetError(f"Failed to batch get items: {error}", error) from error
        found += answer["Responses"].get(name, [])
        asked = answer.get("UnprocessedKeys") or {}
        if not asked:
            return found
        sleep(_pause_s(attempt))
    raise Unavailable()


def rows_of(table: type[Model], pk: str) -> Iterator[dict[str, Any]]:
    """The rows of a partition in their order and in DynamoDB's own form, read consistently; a query for each page.

    Raises pynamodb's `QueryError`.
    """
    asked: dict[str, Any] = {
        "TableName": table.Meta.table_name,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
        "ConsistentRead": True,
    }
    while True:
        try:
            page = call(table.Meta.region, "Query", asked)
        except (BotoCoreError, ClientError) as error:
            raise QueryError(f"Failed to query items: {error}", error) from error
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def every_row(table: str, region: str, segment: int = 0, segments: int = 1) -> Iterator[dict[str, Any]]:
    """Every row of one of so many segments of a table, by its name, in DynamoDB's own form, read consistently."""
    asked: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
    asked |= {"Segment": segment, "TotalSegments": segments} if segments > 1 else {}
    while True:
        page = call(region, "Scan", asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def query_body(table: type[Model], asked: dict[str, Any]) -> bytes:
    """The JSON that a query of a table answers; `asked` as for DynamoDB's Query. Raises pynamodb's `QueryError`."""
    client, asked = _client(table.Meta.region), {"TableName": table.Meta.table_name, **asked}
    try:
        return json_protocol.body(client, "Query", asked)
    except (BotoCoreError, ClientError) as error:
        raise QueryError(f"Failed to query items: {error}", error) from error


def update_if(item: Model, actions: Sequence[Action], condition: Condition) -> bool:
    """Change attributes of an item, whose keys are read from `item`. False if the condition did not hold.

    Raises pynamodb's `UpdateError`, which leaves the outcome unknown. Not for what cannot be done twice: a try whose
    answer was lost is repeated, as by every client.
    """
    try:
        _update(item, actions, condition, {})
    except UpdateError as failure:
        if is_condition_failure(failure):
            return False
        raise
    return True


def updated(item: M, actions: Sequence[Action], condition: Condition | None = None) -> M:
    """Change attributes of an item; returns it whole, as it is now. Raises pynamodb's `UpdateError`."""
    return type(item).from_raw_data(_update(item, actions, condition, {"ReturnValues": "ALL_NEW"})["Attributes"])


def _update(
    item: Model, actions: Sequence[Action], condition: Condition | None, more: dict[str, Any]
) -> dict[str, Any]:
    try:
        return call(item.Meta.region, "UpdateItem", _asked(item, condition, {**_keys(item), **more}, actions))
    except (BotoCoreError, ClientError) as error:
        raise UpdateError(f"Failed to update item: {error}", error) from error


def save_if(item: Model, condition: Condition) -> bool:
    """Write an item whole. False if the condition did not hold. Raises pynamodb's `PutError`, as `update_if` does."""
    try:
        call(item.Meta.region, "PutItem", _asked(item, condition, {"Item": item.serialize()}))
    except (BotoCoreError, ClientError) as error:
        failure = PutError(f"Failed to put item: {error}", error)
        if is_condition_failure(failure):
            return False
        raise failure from error
    return True


def _asked(
    of: Model | type[Model], condition: Condition | None, more: dict[str, Any], actions: Sequence[Action] = ()
) -> dict[str, Any]:
    """A write of an item of a table, in DynamoDB's form; `more` has its keys or the item."""
    # What pynamodb asks, at half its price: it takes an item apart and looks up the types of keys, which are texts.
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    asked: dict[str, Any] = {"TableName": of.Meta.table_name, **more}
    if condition is not None:
        asked["ConditionExpression"] = condition.serialize(names, values)
    if actions:
        asked["UpdateExpression"] = Update(*actions).serialize(names, values)
    if names:
        asked["ExpressionAttributeNames"] = {short: name for name, short in names.items()}
    if values:
        asked["ExpressionAttributeValues"] = values
    return asked


def _keys(item: Any) -> dict[str, Any]:
    return {"Key": _key(item.pk, item.sk)}


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _pause_s(attempt: int) -> float:
    # Full jitter: two that collided once must not collide in step again.
    return random.uniform(0, 0.02 * 2**attempt)  # noqa: S311 - spreads load, guards nothing


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
        self._region = region
        self._sleep = sleep
        # They are sent in this order of kinds, whatever the order of the calls.
        self._legs: dict[str, list[tuple[str, dict[str, Any]]]] = {
            "ConditionCheck": [],
            "Delete": [],
            "Put": [],
            "Update": [],
        }

    def check(self, leg: str, table: type[Model], keys: tuple[str, str], condition: Condition) -> None:
        """Require a condition on an item without writing it."""
        self._legs["ConditionCheck"].append((leg, _asked(table, condition, {"Key": _key(*keys)})))

    def delete(self, leg: str, item: Model, condition: Condition | None = None) -> None:
        """Delete an item."""
        self._legs["Delete"].append((leg, _asked(item, condition, _keys(item))))

    def put(self, leg: str, item: Model, condition: Condition | None = None) -> None:
        """Put an item whole."""
        asked = _asked(item, condition, {"Item": item.serialize(), _SHOWN: "ALL_OLD"})
        self._legs["Put"].append((leg, asked))

    def update(self, leg: str, item: Model, actions: Sequence[Action], condition: Condition | None = None) -> None:
        """Change attributes of an item; its keys are read from `item`."""
        asked = _asked(item, condition, {**_keys(item), _SHOWN: "ALL_OLD"}, actions)
        self._legs["Update"].append((leg, asked))

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self._commit()

    def _commit(self) -> None:
        names = [name for legs in self._legs.values() for name, _ in legs]
        items = [{kind: asked} for kind, legs in self._legs.items() for _, asked in legs]
        for attempt in range(CONFLICT_TRIES):
            try:
                # A token of its own for each: what was refused for a conflict would be refused again by the old one.
                token = str(uuid4())
                call(self._region, "TransactWriteItems", {"ClientRequestToken": token, "TransactItems": items})
                return
            except (BotoCoreError, ClientError) as error:
                answer: Any = error.response if isinstance(error, ClientError) else {}
                reasons = answer.get("CancellationReasons", [])
                failed = {
                    name: reason.get("Item")
                    for name, reason in zip(names, reasons, strict=False)
                    if reason["Code"] == _CONDITION
                }
                if failed:
                    raise LegsFailed(failed) from error
                if _CONFLICT.isdisjoint(reason["Code"] for reason in reasons):
                    raise TransactWriteError("Failed to write transaction items", error) from error
                self._sleep(_pause_s(attempt))
        raise Unavailable()
