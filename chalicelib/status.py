"""How the service is, in public words: what the watch last found, by what people wait for.

The watch keeps its last look in one item, so asking costs one read and measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from .clock import iso

if TYPE_CHECKING:
    from .aws.job_progress import Gone, Look

LOOKED_WITHIN = timedelta(minutes=15)
"""The watch looks every five minutes. After three looks that did not come, nothing is known."""


class Part(StrEnum):
    """What people wait for."""

    DRAWS = "draws"
    RESULTS = "results"
    IDENTITY = "identity"
    PAYMENTS = "payments"
    MESSAGES = "messages"
    SURVEYS = "surveys"
    STATISTICS = "statistics"
    GRIEVANCES = "grievances"
    PRIVACY = "privacy"


JOBS: Mapping[Part, tuple[str, ...]] = {
    Part.DRAWS: ("step", "award", "expire_places"),
    Part.RESULTS: ("results",),
    Part.IDENTITY: ("registry", "sweep_registry"),
    Part.PAYMENTS: ("payouts", "sweep_payouts", "advance_plans", "reconcile_payouts"),
    Part.MESSAGES: ("write_notices",),
    Part.SURVEYS: ("open_surveys",),
    Part.STATISTICS: ("tally_statistics",),
    Part.GRIEVANCES: ("check_grievances",),
    Part.PRIVACY: ("erase_people", "end_terms", "publish_journal"),
}
"""Which promises of the watch a part depends on; a test asks that each has its part."""


GONE = ("accounts", "grievances", "evidence", "tickets", "acts")
"""What goes by its term, as those who end it count it."""


class Condition(StrEnum):
    """How a part, or the whole, is. `unknown`: the watch did not look in time, or could not measure it."""

    WELL = "well"
    LATE = "late"
    UNKNOWN = "unknown"


class PartView(Struct, frozen=True):
    """How one part of the service is."""

    part: Part
    condition: Condition
    late_since: str | None


class GoneView(Struct, frozen=True):
    """How much went because its term was over (docs/privacy.md), since the service began: `accounts` that their people
    were told would go, `grievances` long answered and `evidence` of appeals, `tickets` of waves whose audit is closed,
    `acts` in the journals of administrators. `ended_at`: when all of it was last looked through.
    """

    ended_at: str
    accounts: int
    grievances: int
    evidence: int
    tickets: int
    acts: int


class StatusView(Struct, frozen=True):
    """How the service is, as the watch found it at its last look, which it takes every five minutes."""

    condition: Condition
    looked_at: str | None
    parts: list[PartView]
    gone: GoneView | None = None


class HealthView(Struct, frozen=True):
    """That the application and its database answer, with how the jobs are; without the database it is 503."""

    status: Literal["ok"]
    jobs: Condition
    version: str


def of(look: Look | None, now: datetime, gone: Gone | None = None) -> StatusView:
    """`GET /status.json`: how the parts are at `now`, the worst of them, and what went by its term."""
    fresh = look is not None and now - look.looked_at <= LOOKED_WITHIN
    parts = [_part(part, look.late_since if look and fresh else {}) for part in Part]
    said = GoneView(iso(gone.ended_at), *(gone.gone.get(name, 0) for name in GONE)) if gone else None
    return StatusView(_worst(one.condition for one in parts), iso(look.looked_at) if look else None, parts, said)


def _part(part: Part, late_since: Mapping[str, datetime | None]) -> PartView:
    since = min((at for job in JOBS[part] if (at := late_since.get(job))), default=None)
    if since is not None:
        return PartView(part, Condition.LATE, iso(since))
    known = late_since.keys() >= set(JOBS[part])
    return PartView(part, Condition.WELL if known else Condition.UNKNOWN, None)


def _worst(conditions: Iterable[Condition]) -> Condition:
    found = set(conditions)
    return next((one for one in (Condition.LATE, Condition.UNKNOWN) if one in found), Condition.WELL)
