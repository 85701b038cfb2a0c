"""Exclusion lists on the test's tables, and NIKs for them."""

from __future__ import annotations

from datetime import date

from chalicelib.registration.exclusions.service import ExclusionList
from tests.builders.registration import SITI
from tests.builders.registration import rows as table
from tests.builders.training import BUDI
from tests.conftest import T0

POLICE = ExclusionList("police", "2026-11", date(2026, 11, 1))
SIGNED = ("arn:aws:iam::123456789012:user/dewi", "letter 12 of the police", lambda: T0)
REASON = ("--reason", "letter 12")
NIKS = [SITI.nik, "3201010101900001", "3201014101900002"]
OFFICIALS = [f"32010{district}{day:02}01850017" for district in range(1, 5) for day in range(1, 13)]
"""48 NIKs."""


def rows(cloud):
    return {item["pk"]["S"]: sorted(item.get("lists", {}).get("SS", ())) for item in table(cloud, "X#")}


def retract(lists, clock=lambda: T0):
    """As one person proposes it and another approves."""
    lists.propose("police", "2026-11", *SIGNED[:2], T0)
    lists.retract("police", "2026-11", BUDI, clock)


def csv_of(niks, heading="nik"):
    return "\r\n".join([heading, *niks]).encode()
