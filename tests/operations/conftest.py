"""The watch of a stage, at work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

import app as application
from chalicelib.wiring import Services
from tests.builders.aws.alarms import CloudWatch
from tests.conftest import T0
from tests.e2e.world import invoke

MINUTE = timedelta(minutes=1)
LOOK = 5 * MINUTE
DELAY = 3 * LOOK
"""From a promise's last minute to its alarm, at most: till the next look, and two periods of CloudWatch."""


class OnDuty:
    """The watch of a stage, its alarms, and a clock that tests move."""

    def __init__(self, services: Services, patch: pytest.MonkeyPatch) -> None:
        self.services = services
        self.now = T0
        self.cloudwatch = CloudWatch()
        patch.setattr(application, "services", lambda: services)
        patch.setattr(application.app, "clock", lambda: self.now)
        patch.setenv("AWS_LAMBDA_FUNCTION_NAME", "gelombang-test-watch")

    def fire(self, function: str, now: datetime) -> None:
        """Run a function as its schedule does."""
        self.now = now
        with self.cloudwatch.listening():
            invoke(function)

    def rings(self, job: str, now: datetime) -> bool:
        """Whether a promise's alarm rings, if there were the two last looks before `now`."""
        for ago in (2 * LOOK, LOOK):
            self.fire("watch", now - ago)
        return self.cloudwatch.rings(f"{job}-late", now)

    def promised(self, job: str) -> timedelta:
        """How late a job may be."""
        return MINUTE * self.cloudwatch.alarms[f"{job}-late"]["Threshold"]

    def rings_in_time(self, job: str, due: datetime) -> None:
        """Assert that what was due is let be for as long as is promised, and rings soon after that."""
        assert not self.rings(job, due + self.promised(job))
        assert self.rings(job, due + self.promised(job) + DELAY)

    def late(self, job: str) -> dict[str, Any]:
        """The last line about a job."""
        return [line for line in self.cloudwatch.lines if line.get("Job") == job][-1]


@pytest.fixture
def on_duty(cloud, programme, monkeypatch) -> OnDuty:
    return OnDuty(Services(cloud, programme, lambda: T0), monkeypatch)
