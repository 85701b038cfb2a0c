"""(b) The smallest join possible: Powertools' REST resolver, and one conditional put with boto3 without any check.

It does not look whether the person is registered and may join or whether a wave is open, and stores no region.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from botocore.config import Config
from botocore.exceptions import ClientError

WAVE = 54

_config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
_dynamodb: Any = boto3.client("dynamodb", os.environ["AWS_REGION"], config=_config)
_app = APIGatewayRestResolver()


@_app.post("/waves/current/entries")
def join() -> tuple[dict[str, Any], int]:
    context = _app.current_event.request_context
    joined_at = datetime.fromtimestamp(context.request_time_epoch / 1000, UTC).isoformat(timespec="milliseconds")
    entry = {
        "pk": {"S": f"E#{WAVE}#{context.authorizer.principal_id}"},
        "sk": {"S": "ENTRY"},
        "ticket": {"B": secrets.token_bytes(32)},
        "joined_at": {"S": joined_at},
    }
    try:
        _dynamodb.put_item(
            TableName="gelombang-bench-waves",
            Item=entry,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        answer: Any = error.response
        if answer["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return _receipt(answer["Item"]), 200
    return _receipt(entry), 201


def _receipt(entry: dict[str, Any]) -> dict[str, Any]:
    return {"wave": WAVE, "ticket": entry["ticket"]["B"].hex(), "joined_at": entry["joined_at"]["S"]}


handler = _app.resolve
