"""What the alternatives share with the application: its calendar, its rules and the content of a receipt."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import Any

from chalicelib.config import load_programme
from chalicelib.draw.leaves import leaf
from chalicelib.registration.rules import Education, Employment, check_eligible
from chalicelib.waves.calendar import Calendar, PlannedWave
from chalicelib.waves.rules import closing_day

REGISTRATIONS, WAVES = "gelombang-bench-registrations", "gelombang-bench-waves"
REGION = os.environ["AWS_REGION"]

_programme = load_programme("bench")
_calendar = Calendar(_programme.calendar)


class Refused(Exception):
    """The person may not join: status 409, as in the application."""


def moment(request_context: dict[str, Any]) -> datetime:
    """When API Gateway received a request."""
    return datetime.fromtimestamp(request_context["requestTimeEpoch"] / 1000, UTC)


def open_wave(now: datetime) -> PlannedWave:
    wave = _calendar.current(now)
    if wave is None:
        raise Refused("no wave is open")
    return wave


def check_may_join(wave: PlannedWave, standing: str, employment: str, education: str, birth_date: date) -> None:
    if standing != "REGISTERED":
        raise Refused("not allowed to join")
    day = closing_day(wave.closes_at)
    check_eligible(Employment(employment), Education(education), birth_date, day, _programme.eligibility)


def receipt(wave: int, region: int, ticket: bytes, joined_at: str) -> dict[str, Any]:
    return {
        "wave": wave,
        "ticket": ticket.hex(),
        "leaf": leaf(wave, region, ticket).hex(),
        "region": region,
        "joined_at": joined_at,
    }
