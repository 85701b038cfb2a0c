"""(a) Powertools' REST resolver and its logger, with boto3's three calls."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.logging import correlation_paths

from . import three_calls
from .rules import Refused, moment

_logger = Logger(service="join")
_app = APIGatewayRestResolver()


@_app.post("/waves/current/entries")
def join() -> tuple[dict[str, Any], int]:
    event = _app.current_event
    try:
        return three_calls.join(event.request_context.authorizer.principal_id, moment(event["requestContext"]))
    except Refused as refusal:
        raise ServiceError(409, str(refusal)) from refusal


@_logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return _app.resolve(event, context)
