"""Log lines are those of Powertools' formatter, without its import."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib import logs


def record(message: str, *args: Any, **given: Any) -> logging.LogRecord:
    extra = given.pop("extra", None)
    return logging.getLogger("waves").makeRecord(
        "waves", logging.INFO, "step.py", 54, message, args, None, "advance", extra, **given
    )


def with_error() -> logging.LogRecord:
    try:
        raise ValueError("nothing")
    except ValueError:
        made = record("failed", extra={"wave": 54})
        made.exc_info = sys.exc_info()
        return made


@pytest.mark.parametrize(
    ("made", "trace"),
    [
        (record("wave_frozen", extra={"wave": 54, "entries": 949_210}), "Root=1-674294c0-0;Parent=1;Sampled=0"),
        (record("%s of %d – é", "two", 3, extra={"none": None, "kind": ValueError, "by": ["a", 1]}), ""),
        (record("given", extra={"service": "another", "location": "elsewhere", "level": "HIGH"}), "1-2"),
        (with_error(), ""),
    ],
)
def test_a_log_line_equals_that_of_powertools(made: logging.LogRecord, trace: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    lines = io.StringIO()
    logs.handler("gelombang", lines).handle(made)

    theirs = LambdaPowertoolsFormatter(service="gelombang", utc=True, serialize_stacktrace=False).format(made)

    assert lines.getvalue() == theirs + "\n"
    assert json.loads(theirs)["level"]
