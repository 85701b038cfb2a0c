"""The alternative: the same join with Powertools' REST resolver and a boto3 client, written in the usual three calls.

Read the registrant, read the entry, put the entry unless it exists. Calendar, eligibility and leaf are the project's
own pure functions, so that the two differ in the web edge, in the client and in the calls, and in nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from botocore.config import Config

from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.draw.leaves import TICKET_BYTES, leaf
from chalicelib.registration.rules import Employment, check_eligible
from chalicelib.waves.calendar import Calendar
from chalicelib.waves.rules import closing_day, shard_of

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def build(programme: Programme, settings: Settings) -> Handler:
    """A Lambda handler that answers `POST /waves/current/entries`."""
    app = APIGatewayRestResolver()
    calendar = Calendar(programme.calendar, ())
    config = Config(connect_timeout=1, read_timeout=3, retries={"max_attempts": 3})
    dynamodb: Any = boto3.client("dynamodb", settings.region, config=config)
    registrations, waves = settings.table("registrations"), settings.table("waves")

    @app.post("/waves/current/entries")
    def join() -> tuple[dict[str, Any], int]:
        context = app.current_event.request_context
        person = context.authorizer.principal_id
        now = datetime.fromtimestamp(context.request_time_epoch / 1000, UTC)
        wave = calendar.current(now)
        if wave is None:
            raise BadRequestError("no wave is open")
        key = {"pk": {"S": f"R#{person}"}, "sk": {"S": "PROFILE"}}
        profile = dynamodb.get_item(TableName=registrations, Key=key, ConsistentRead=True).get("Item")
        if profile is None:
            raise NotFoundError("not registered")
        if profile["standing"]["S"] != "REGISTERED":
            raise BadRequestError("not allowed to join")
        check_eligible(
            Employment(profile["employment"]["S"]),
            date.fromisoformat(profile["birth_date"]["S"]),
            closing_day(wave.closes_at),
            programme.eligibility,
        )
        key = {"pk": {"S": f"E#{wave.number}#{shard_of(person)}"}, "sk": {"S": person}}
        joined = dynamodb.get_item(TableName=waves, Key=key, ConsistentRead=True).get("Item")
        if joined is not None:
            return _receipt(wave.number, joined), 200
        entry = {
            **key,
            "ticket": {"B": secrets.token_bytes(TICKET_BYTES)},
            "region": {"N": profile["region"]["N"]},
            "joined_at": {"S": iso(now)},
        }
        dynamodb.put_item(TableName=waves, Item=entry, ConditionExpression="attribute_not_exists(pk)")
        return _receipt(wave.number, entry), 201

    return app.resolve


def _receipt(wave: int, entry: dict[str, Any]) -> dict[str, Any]:
    ticket, region = entry["ticket"]["B"], int(entry["region"]["N"])
    return {
        "wave": wave,
        "ticket": ticket.hex(),
        "leaf": leaf(wave, region, ticket).hex(),
        "region": region,
        "joined_at": entry["joined_at"]["S"],
    }
