"""The term of the journal's lines (`retention.acts_days`): whole days go, and heads and acts on the roster stay."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ..aws.dynamodb import call

log = logging.getLogger(__name__)

_KINDS = ("LINE", "SEEN")


def first_kept(now: datetime, days: int) -> date:
    """The first UTC day of which the lines stay."""
    return (now.astimezone(UTC) - timedelta(days=days)).date()


def end_lines(
    table: str, region: str, days: int
) -> Callable[[Sequence[Mapping[str, Any]], datetime], Mapping[str, int]]:
    """What ends the lines that are older: of rows in DynamoDB's own form, a conditional write for each."""

    def end(rows: Sequence[Mapping[str, Any]], now: datetime) -> Mapping[str, int]:
        first, gone = first_kept(now, days).isoformat(), 0
        for row in rows:
            kind, _, day = row["pk"]["S"].partition("#")
            if kind in _KINDS and day < first:
                asked = {
                    "TableName": table,
                    "Key": {"pk": row["pk"], "sk": row["sk"]},
                    "ConditionExpression": "attribute_not_exists (pk) OR #at < :first",
                    "ExpressionAttributeNames": {"#at": "at"},
                    "ExpressionAttributeValues": {":first": {"S": first}},
                }
                try:
                    call(region, "DeleteItem", asked)
                    gone += 1
                except ClientError as error:
                    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                        raise
                    # Somebody put a line of another day over one: it stays to be looked at, and holds up nothing.
                    log.error("line_of_another_day", extra={"day": day[:10]})
        return {"acts": gone}

    return end
