"""Limits on the cost of SMS: a sum for each day, and the closing of prefixes whose numbers enter no codes.

`M#<WIB day>` / `SPENT` has the rupiah spent. `P#<prefix>` / `<WIB day>` has the codes sent to numbers with a prefix,
and those entered. In "SMS pumping" a fraudster who earns by received SMS requests many to a range of their own numbers,
and enters none.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from ...clock import wib_date
from ...figures.people import SmsRules
from ..signing_in import counters

log = logging.getLogger(__name__)

DAY_STOP = "sms_day_stop_reached"
PREFIX_SHUT = "sms_prefix_shut"
PREFIX_LENGTH = 8
"""Characters of a prefix of a number in E.164: operator and one or two digits more, so 100,000 numbers or more."""
_KEPT = timedelta(days=3)


class SmsCosts:
    def __init__(self, rules: SmsRules) -> None:
        self._rules = rules

    def allows(self, number: str, now: datetime) -> bool:
        """Count a message and its price before it is sent. Returns False, and rings, if it may not be. Two writes."""
        rules = self._rules
        counted = self._count(number, "sent", now)
        sent, entered = counters.number(counted, "sent"), counters.number(counted, "entered")
        if sent > rules.prefix_min and entered * 100 < sent * rules.prefix_entered_percent:
            log.error(PREFIX_SHUT, extra={"prefix": number[:PREFIX_LENGTH], "sent": sent, "entered": entered})
            return False
        within = self._spend(rules.day_stop_idr, now)
        if not within:
            log.error(DAY_STOP)
        return within

    def allows_notice(self, now: datetime) -> bool:
        """Count the price of a notice. Returns False once half of the day's sum is spent, as codes need the rest.

        One write.
        """
        return self._spend(self._rules.day_stop_idr // 2, now)

    def _spend(self, stop_idr: int, now: datetime) -> bool:
        price_idr = self._rules.price_idr
        _, within = counters.write(
            (f"M#{wib_date(now)}", "SPENT"),
            "ADD spent :price SET expires_at = :gone",
            {":price": price_idr, ":most": stop_idr - price_idr + 1, ":gone": _gone(now)},
            counters.below("spent", ":most"),
        )
        return within

    def entered(self, number: str, now: datetime) -> None:
        """Count that a code sent to this number was entered. One write."""
        self._count(number, "entered", now)

    @staticmethod
    def _count(number: str, what: str, now: datetime) -> dict[str, Any]:
        key = f"P#{number[:PREFIX_LENGTH]}", f"{wib_date(now)}"
        change = f"ADD {what} :one SET expires_at = :gone"
        return counters.write(key, change, {":one": 1, ":gone": _gone(now)}, returns="ALL_NEW")[0]


def _gone(now: datetime) -> int:
    return int((now + _KEPT).timestamp())
