"""`gelombang trigger`: run a scheduled function of a deployed stage now, instead of waiting for its schedule."""

from __future__ import annotations

import json
import uuid
from typing import Any

import click
from botocore.config import Config

from chalicelib.clock import iso, utc_now

from ..deployment import stages
from ..terminal import stage_option


@click.command()
@stage_option
@click.argument("function")
def trigger(stage: str, function: str) -> None:
    """Run a scheduled FUNCTION of the stage now, such as expire_places, with its own rights, and wait for it.

    Every one of them does what is due and nothing else, so that a run too many changes nothing.
    """
    fire(stage, function)
    click.echo(f"{function} has run")


# A step may take a quarter of an hour; asking again would begin it a second time.
_PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1})


def fire(stage: str, function: str) -> None:
    """Invoke a scheduled function with the event its schedule would send, and wait for it.

    Raises `ClickException` with the type of the error it died of.
    """
    aws = stages.connect()
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "gelombang.admin",
        "account": "",
        "time": iso(utc_now()),
        "region": aws.region,
        "resources": [],
        "detail": {},
    }
    answer = aws.client("lambda", _PATIENT).invoke(
        FunctionName=f"gelombang-{stage}-{function}", Payload=json.dumps(event).encode()
    )
    if answer.get("FunctionError"):
        died: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        raise click.ClickException(f"{function} failed: {died.get('errorType', answer['FunctionError'])}")
