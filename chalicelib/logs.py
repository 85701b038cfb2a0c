"""One JSON line for each fact, by Powertools' formatter; never personal data.

Domains log with the standard library: `log.info("wave_frozen", extra={"wave": 54, "entries": 949210})`. A line of level
ERROR is for a person: it is counted, and its count rings.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

ERRORS = "ErrorsLogged"
"""The metric of lines of level ERROR, by `Function`: one of `ALARMED`, or `others`."""

ALARMED = {
    "api": "api",
    "pay": "pay",
    "advance": "advance",
    "open_wave": "advance",
    "close_wave": "advance",
    "open_surveys": "open_surveys",
    "check_grievances": "check_grievances",
}
"""The names under which errors are counted of functions with an alarm of their own; the three of the step share one."""


def configure(service: str) -> None:
    """Send every record of level INFO and above to standard output as one JSON line. Called once, by app.py."""
    root = logging.getLogger()
    root.handlers = [handler(service, sys.stdout)]
    root.setLevel(logging.INFO)
    for noisy in ("botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def handler(service: str, stream: TextIO) -> logging.Handler:
    """The handler that writes records as lines of JSON."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter  # 20 ms that only app.py pays

    lines = logging.StreamHandler(stream)
    lines.setFormatter(LambdaPowertoolsFormatter(service=service, utc=True))
    lines.addFilter(count_errors)
    return lines


def metric(namespace: str, name: str, value: int, now: datetime, **dimensions: str) -> dict[str, Any]:
    """The part of a line from which CloudWatch takes a number (its embedded metric format)."""
    about = {"Namespace": namespace, "Dimensions": [list(dimensions)], "Metrics": [{"Name": name, "Unit": "Count"}]}
    told = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [about]}
    return {name: value, **dimensions, "_aws": told}


def count_errors(record: logging.LogRecord) -> bool:
    """A filter that drops nothing: it adds a metric to each record of level ERROR, once, beside any other."""
    stage, _, function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "").rpartition("-")
    if record.levelno >= logging.ERROR and stage and ERRORS not in vars(record):
        told = metric(
            stage, ERRORS, 1, datetime.fromtimestamp(record.created, UTC), Function=ALARMED.get(function, "others")
        )
        before = vars(record).get("_aws", {}).get("CloudWatchMetrics", [])
        told["_aws"]["CloudWatchMetrics"] = [*before, *told["_aws"]["CloudWatchMetrics"]]
        vars(record).update(told)
    return True
