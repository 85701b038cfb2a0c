"""One JSON line for each fact, in the form of Powertools; never personal data.

Domains log with the standard library: `log.info("wave_frozen", extra={"wave": 54, "entries": 949210})`. A line of level
ERROR is for a person: it is counted, and its count rings.
"""

from __future__ import annotations

import json
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


_NOT_EXTRA = {*vars(logging.makeLogRecord({})), "message", "asctime", "level", "location", "timestamp"}


def configure(service: str) -> None:
    """Send every record of level INFO and above to standard output as one JSON line. Called once, by app.py."""
    root = logging.getLogger()
    root.handlers = [handler(service, sys.stdout)]
    root.setLevel(logging.INFO)
    for noisy in ("botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def handler(service: str, stream: TextIO) -> logging.Handler:
    """The handler that writes records as lines of JSON."""
    lines = logging.StreamHandler(stream)
    lines.setFormatter(_Lines(service))
    lines.addFilter(count_errors)
    return lines


class _Lines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": f"{at:%Y-%m-%d %H:%M:%S},{int(record.msecs):03d}+0000",
            "service": self._service,
            **extras(record),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = self.formatException(record.exc_info)
            line["exception_name"] = record.exc_info[0].__name__
        line["xray_trace_id"] = os.environ.get("_X_AMZN_TRACE_ID", "").split(";")[0].removeprefix("Root=") or None
        told = {name: value for name, value in line.items() if value is not None}
        return json.dumps(told, default=str, separators=(",", ":"), ensure_ascii=False)


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """The facts of a record."""
    return {name: value for name, value in vars(record).items() if name not in _NOT_EXTRA}


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
