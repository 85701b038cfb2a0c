"""What a scheme pays, in numbered instalments, and when each month's falls due. Pure.

A month's instalment falls due on the WIB day of the first one, or on the last day of a month that is too short for it.
It is counted from the first one always, so a short month moves no later one: 31 January, 28 February, 31 March.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec.structs import replace

from ...clock import WIB
from ...figures.schemes import Scheme
from ...money import Rupiah, rupiah
from ...values import Value
from ...waves.rules import Beneficiary
from ..errors import NotInScheme


class Kind(StrEnum):
    """What a person is paid for; each is paid once. The numbers are those of a payment plan's instalments."""

    INCENTIVE = "INCENTIVE"
    """The first, or the only one."""
    INCENTIVE_2 = "INCENTIVE_2"
    INCENTIVE_3 = "INCENTIVE_3"
    INCENTIVE_4 = "INCENTIVE_4"
    INCENTIVE_5 = "INCENTIVE_5"
    INCENTIVE_6 = "INCENTIVE_6"
    INCENTIVE_7 = "INCENTIVE_7"
    INCENTIVE_8 = "INCENTIVE_8"
    INCENTIVE_9 = "INCENTIVE_9"
    INCENTIVE_10 = "INCENTIVE_10"
    INCENTIVE_11 = "INCENTIVE_11"
    INCENTIVE_12 = "INCENTIVE_12"
    SURVEY_1 = "SURVEY_1"
    SURVEY_2 = "SURVEY_2"
    SURVEY_3 = "SURVEY_3"


SURVEYS = tuple(kind for kind in Kind if kind.name.startswith("SURVEY"))
INCENTIVES = tuple(kind for kind in Kind if kind not in SURVEYS)
"""In the order of their instalments, as `SURVEYS` is."""


def kinds(scheme: Scheme) -> tuple[Kind, ...]:
    """All that a person can be paid under a scheme, each once."""
    return INCENTIVES[: scheme.incentives] + SURVEYS[: scheme.surveys]


def amount(kind: Kind, scheme: Scheme, region: int, days: int | None = None) -> Rupiah:
    """The amount of one entitlement under the scheme of the person's wave, for a person of a province.

    `days` that the person attended, where those are paid. Raises `NotInScheme`.
    """
    payment = scheme.payment("SURVEY" if kind in SURVEYS else "INCENTIVE")
    if payment is None or kind not in kinds(scheme):
        raise NotInScheme(scheme=scheme.version, kind=kind.value)
    return rupiah(payment.idr(region, days))


class Stop(StrEnum):
    """Why a plan ended early. What is not yet due never comes; what is due stays."""

    DROPPED_OUT = "DROPPED_OUT"
    DIED = "DIED"
    REVOKED = "REVOKED"
    EXCLUDED = "EXCLUDED"
    """The person is on an exclusion list for good. While a list may be retracted, months come and are held."""


class Plan(Value, frozen=True):
    """A person's monthly instalments: number `number` falls due at `due_at`, which is None if nothing comes any more.

    `scheme` is the version that the person keeps, `region` the province of their entry. `first_at` and `due_at` are in
    whole seconds; nothing but the first falls due after `ends_at`. A stopped plan of number 1 has not begun. That a
    stopped one goes on was proposed by `maker` (an ARN), because of `note`, at `made_at`.
    """

    registrant_id: str
    wave: int
    region: int
    scheme: str
    first_at: datetime
    number: int
    due_at: datetime | None
    ends_at: datetime | None = None
    stopped: Stop | None = None
    stopped_at: datetime | None = None
    maker: str | None = None
    note: str | None = None
    made_at: datetime | None = None

    @property
    def kind(self) -> Kind:
        """As which kind the next instalment is paid."""
        return INCENTIVES[self.number - 1]


class Instalment(Value, frozen=True):
    """One payment that is still to come."""

    kind: Kind
    amount_idr: Rupiah
    due_at: datetime


def is_monthly(scheme: Scheme) -> bool:
    """Whether more incentives follow the first one by month."""
    payment = scheme.payment("INCENTIVE")
    return payment is not None and payment.trigger in {"review", "award"} and payment.times > 1


def unbegun(who: Beneficiary, scheme: Scheme, first_at: datetime) -> Plan:
    """A person's plan while the first incentive is not entitled, which falls due then."""
    payment, first = scheme.payment("INCENTIVE"), first_at.replace(microsecond=0)
    days = payment.ends_after_days if payment else None
    ends_at = who.awarded_at + timedelta(days=days) if days else None
    return Plan(who.registrant_id, who.wave, who.region, who.scheme, first, 1, first, ends_at)


def begun(who: Beneficiary, scheme: Scheme, now: datetime, month_s: int | None) -> Plan | None:
    """The plan of a person whose first incentive falls due now; None if their scheme pays no more by month."""
    return moved_on(unbegun(who, scheme, now), scheme, month_s) if is_monthly(scheme) else None


def moved_on(plan: Plan, scheme: Scheme, month_s: int | None) -> Plan:
    """The plan once its instalment `number` is entitled."""
    return _waiting(replace(plan, number=plan.number + 1), scheme, month_s)


def stopped(plan: Plan, why: Stop, now: datetime) -> Plan:
    return replace(plan, due_at=None, stopped=why, stopped_at=now)


def continued(plan: Plan, who: Beneficiary, scheme: Scheme, month_s: int | None) -> Plan | None:
    """A stopped plan that goes on, with all that fell due meanwhile; None if it has not begun.

    A person who was reviewed while stopped gets the first incentive as of then.
    """
    if plan.number > 1:
        ended = replace(plan, stopped=None, stopped_at=None, maker=None, note=None, made_at=None)
        return _waiting(ended, scheme, month_s)
    payment = scheme.payment("INCENTIVE")
    if payment is None or payment.trigger != "review" or who.graduated_at is None:
        return None
    return unbegun(who, scheme, who.graduated_at)


def _waiting(plan: Plan, scheme: Scheme, month_s: int | None) -> Plan:
    """The plan with the time at which its instalment `number` falls due."""
    due_at = months_after(plan.first_at, plan.number - 1, month_s)
    over = plan.number > scheme.incentives or (plan.ends_at is not None and due_at > plan.ends_at)
    return replace(plan, due_at=None if over else due_at)


def to_come(plan: Plan, scheme: Scheme, month_s: int | None) -> list[Instalment]:
    """What is not yet due of a plan, the next one first."""
    found = []
    while plan.due_at is not None:
        found.append(Instalment(plan.kind, amount(plan.kind, scheme, plan.region), plan.due_at))
        plan = moved_on(plan, scheme, month_s)
    return found


def months_after(first: datetime, months: int, month_s: int | None = None) -> datetime:
    """The instant so many months later, at the same time of the WIB day; a stage may play a month as `month_s` seconds.

    The day is that of `first`, or the last one of a shorter month.
    """
    if month_s is not None:
        return first + timedelta(seconds=months * month_s)
    wib = first.astimezone(WIB)
    years, month = divmod(wib.month - 1 + months, 12)
    year, month = wib.year + years, month + 1
    return wib.replace(year=year, month=month, day=min(wib.day, monthrange(year, month)[1])).astimezone(UTC)
