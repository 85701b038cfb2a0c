"""The join with boto3's client in the usual three calls: read the registrant, read the entry, put it if it is new."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.clock import iso
from chalicelib.draw.leaves import TICKET_BYTES
from chalicelib.waves.rules import shard_of

from .rules import REGION, REGISTRATIONS, WAVES, Refused, check_may_join, open_wave, receipt

_config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
_dynamodb: Any = boto3.client("dynamodb", REGION, config=_config)


def join(person: str, now: datetime) -> tuple[dict[str, Any], int]:
    """Join; returns the receipt and the status of the answer. Raises `Refused`."""
    wave = open_wave(now)
    key = {"pk": {"S": f"R#{person}"}, "sk": {"S": "PROFILE"}}
    profile = _dynamodb.get_item(TableName=REGISTRATIONS, Key=key, ConsistentRead=True).get("Item")
    if profile is None:
        raise Refused("not registered")
    birth_date = date.fromisoformat(profile["birth_date"]["S"])
    standing, employment, education = (profile[name]["S"] for name in ("standing", "employment", "education"))
    check_may_join(wave, standing, employment, education, birth_date)
    key = {"pk": {"S": f"E#{wave.number}#{shard_of(person)}"}, "sk": {"S": person}}
    joined = _dynamodb.get_item(TableName=WAVES, Key=key, ConsistentRead=True).get("Item")
    if joined is not None:
        return _receipt(wave.number, joined), 200
    entry = {
        **key,
        "ticket": {"B": secrets.token_bytes(TICKET_BYTES)},
        "region": {"N": profile["region"]["N"]},
        "joined_at": {"S": iso(now)},
    }
    _dynamodb.put_item(TableName=WAVES, Item=entry, ConditionExpression="attribute_not_exists(pk)")
    return _receipt(wave.number, entry), 201


def _receipt(wave: int, entry: dict[str, Any]) -> dict[str, Any]:
    return receipt(wave, int(entry["region"]["N"]), entry["ticket"]["B"], entry["joined_at"]["S"])
