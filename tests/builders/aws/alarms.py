"""A double of CloudWatch: it reads metrics from a function's log lines and evaluates the template's alarms."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import logs
from infrastructure import app_stack

STAGE = "test"
_STATISTICS = {"Maximum": max, "Sum": sum}


@dataclass(frozen=True)
class Point:
    """A number that CloudWatch took from a line."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    at: datetime
    value: int


def numbers(line: dict[str, Any]) -> Iterator[Point]:
    """The numbers of a line of JSON in the embedded metric format."""
    told = line.get("_aws", {"CloudWatchMetrics": []})
    for about in told["CloudWatchMetrics"]:
        at = datetime.fromtimestamp(told["Timestamp"] / 1000, UTC)
        for names in about["Dimensions"]:
            dimensions = {name: line[name] for name in names}
            for metric in about["Metrics"]:
                yield Point(about["Namespace"], metric["Name"], dimensions, at, line[metric["Name"]])


@dataclass
class CloudWatch:
    """The template's alarms, and all points so far."""

    points: list[Point] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        template = app_stack.merged()
        found = [one["Properties"] for one in template["Resources"].values() if one.get("Type", "").endswith("::Alarm")]
        self.alarms = {one["AlarmName"]["Fn::Sub"].removeprefix("gelombang-${Stage}-"): one for one in found}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take in what is logged inside the block, by the handler that functions have."""
        stream, root = io.StringIO(), logging.getLogger()
        handler, level = logs.handler("gelombang", stream), root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            for line in map(json.loads, stream.getvalue().splitlines()):
                self.lines.append(line)
                self.points += numbers(line)

    def rings(self, alarm: str, now: datetime) -> bool:
        """Whether an alarm is in ALARM: each of its last whole periods is over the threshold, or counts as such."""
        wanted = self.alarms[alarm]
        period = timedelta(seconds=wanted["Period"])
        end = datetime.fromtimestamp(now.timestamp() // wanted["Period"] * wanted["Period"], UTC)
        periods = [end - period * (n + 1) for n in range(wanted["EvaluationPeriods"])]
        return all(self._breaches(wanted, start, start + period) for start in periods)

    def rang(self, alarm: str) -> bool:
        """Whether an alarm was in ALARM at any time."""
        period = timedelta(seconds=self.alarms[alarm]["Period"])
        return any(self.rings(alarm, point.at + period) for point in self.points)

    def _breaches(self, wanted: dict[str, Any], start: datetime, end: datetime) -> bool:
        dimensions = {one["Name"]: one["Value"] for one in wanted.get("Dimensions", ())}
        values = [
            point.value
            for point in self.points
            if (point.namespace, point.name) == (f"gelombang-{STAGE}", wanted["MetricName"])
            and point.dimensions == dimensions
            and start <= point.at < end
        ]
        if not values:
            return bool(wanted["TreatMissingData"] == "breaching")
        assert wanted["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        return bool(_STATISTICS[wanted["Statistic"]](values) >= wanted["Threshold"])
