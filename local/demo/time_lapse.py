"""Brings the close of a wave and the deadline of a purchase forward in the tables of the local stage.

A real stage waits for days. Deployed code knows nothing of this: it reads the real clock and its tables.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from chalicelib.clock import Clock, iso
from chalicelib.waves.beneficiaries import BeneficiaryItem
from chalicelib.waves.calendar import CalendarException
from chalicelib.waves.rules import SHARDS, BeneficiaryState, WaveState
from chalicelib.waves.store import ExceptionsItem, WaveItem
from chalicelib.wiring import Services

AHEAD = timedelta(seconds=1)
"""What the writing may take at first; if it took longer, it is done again with twice as much."""


def close_wave(services: Services, number: int, clock: Clock) -> datetime:
    """Let an open wave close as soon as every function will have read it; the first instant that is refused."""
    read_by_all = timedelta(seconds=services.programme.calendar.exceptions_cached_s)
    assert services.waves  # noqa: S101 - binds the tables
    ahead = AHEAD
    while True:
        at = _second_after(clock() + read_by_all + ahead)
        item = ExceptionsItem.get("CALENDAR", "EXCEPTIONS", consistent_read=True)
        exceptions = msgspec.json.decode(item.exceptions, type=list[CalendarException])
        changed = [replace(each, closes_at=at) if each.number == number else each for each in exceptions]
        item.update([ExceptionsItem.exceptions.set(msgspec.json.encode(changed).decode())])
        still = WaveItem.state == WaveState.OPEN.value
        WaveItem("WAVES", f"{number:06d}").update([WaveItem.closes_at.set(iso(at))], condition=still)
        if clock() + read_by_all <= at:
            return at
        ahead *= 2


def end_buying(services: Services, clock: Clock) -> datetime:
    """Let the deadline come of everyone who has not bought anything yet; its instant."""
    at = _second_after(clock() + AHEAD)
    for shard in range(SHARDS):
        for due in list(services.waves.potential(f"{shard:02d}", clock() + timedelta(days=365))):
            item = BeneficiaryItem(f"B#{due.registrant_id}", "BENEFICIARY")
            still = BeneficiaryItem.state == BeneficiaryState.POTENTIAL.value
            item.update([BeneficiaryItem.buy_by.set(iso(at))], condition=still)
    return at


def _second_after(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)
