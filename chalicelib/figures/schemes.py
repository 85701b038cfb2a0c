"""The schemes of a programme's file: what each pays to whom, and when. Typed as the figures are, and read with them."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from . import NotNegative, Positive

PaymentKind: TypeAlias = Literal["INCENTIVE", "SURVEY"]
Trigger: TypeAlias = Literal["review", "award", "attendance", "survey"]

TIMES_MAX = {"INCENTIVE": 12, "SURVEY": 3}
"""How often a scheme can pay a kind: the ledger has a name for each (`payouts.rules.Kind`)."""


class Payment(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of a scheme's payment plan: what is paid, what makes it due, and how often.

    `trigger`: `review` (the first reviewed training) and `award` pay once, and then monthly while the person takes
    part; `attendance` pays each month that a partner attested; `survey` each answered survey. Amounts are in whole
    rupiah: one for all, or by the two digits of the province with `amount_idr` elsewhere, or for each attended day.
    """

    kind: PaymentKind
    trigger: Trigger
    times: Positive
    amount_idr: Positive | None = None
    amounts_by_region: dict[Annotated[int, Meta(ge=11, le=99)], Positive] = {}
    day_idr: Positive | None = None
    ends_after_days: Positive | None = None
    """Nothing more falls due so many days after the award."""

    def __post_init__(self) -> None:
        most, monthly = TIMES_MAX[self.kind], self.trigger in {"review", "award"}
        rules = {
            "a SURVEY is triggered by `survey`, and nothing else is": (self.kind == "SURVEY")
            == (self.trigger == "survey"),
            f"{self.kind} is paid {most} times at most": self.times <= most,
            "a payment has either amount_idr or day_idr": (self.amount_idr is None) != (self.day_idr is None),
            "day_idr pays attended days: its trigger is `attendance`": self.day_idr is None
            or self.trigger == "attendance",
            "amounts_by_region needs amount_idr for all other provinces": not self.amounts_by_region
            or self.amount_idr is not None,
            "ends_after_days ends monthly payments: the trigger is `review` or `award`, with times above 1": monthly
            and self.times > 1
            if self.ends_after_days
            else True,
            "ends_after_days is before the last monthly payment": self.trigger != "award"
            or (self.ends_after_days or 366) >= 31 * (self.times - 1),
        }
        for reason, holds in rules.items():
            if not holds:
                raise ValueError(reason)

    def idr(self, region: int, days: int | None = None) -> int:
        """One payment to a person of this province; `days` that they attended, where days are paid."""
        if self.day_idr is None:
            return self.amounts_by_region.get(region, self.amount_idr or 0)
        if days is None:
            raise ValueError("a payment for attended days needs their number")
        return self.day_idr * days


class Scheme(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one version of the programme gives; `first_wave` is the first wave under it.

    Without `training_idr` there is no balance to spend on courses. A scheme that pays from the award on has none.
    """

    version: str
    first_wave: Positive
    training_idr: NotNegative
    payments: tuple[Payment, ...]

    def __post_init__(self) -> None:
        incentive = self.payment("INCENTIVE")
        if len({one.kind for one in self.payments}) < len(self.payments):
            raise ValueError("a kind has one line in payments, with its number of times")
        if self.surveys and not incentive:
            raise ValueError("a SURVEY opens some time after the first INCENTIVE: it needs one")
        if self.begins_at_award and self.training_idr:
            raise ValueError("payments from the award on have no purchase to wait for: training_idr is 0")

    def payment(self, kind: PaymentKind) -> Payment | None:
        return next((one for one in self.payments if one.kind == kind), None)

    def each_idr(self, kind: PaymentKind, region: int) -> int:
        """One payment of a kind to a person of a province; of attended days: one day. 0 if there is none."""
        payment = self.payment(kind)
        return payment.idr(region, 1) if payment else 0

    @property
    def begins_at_award(self) -> bool:
        """Whether a person takes part from the award on, and need not buy a training."""
        incentive = self.payment("INCENTIVE")
        return incentive is not None and incentive.trigger == "award"

    @property
    def lasts_days(self) -> int:
        """How long the months of a place last: from the award where payments begin with it, else from the deadline
        for the first purchase. A month that is attested or reviewed is paid after its end, so there is one more.
        """
        return 31 * (self.incentives - self.begins_at_award)

    @property
    def incentive_idr(self) -> int:
        """One incentive, where no other amount is set for the province; of attended days: one day."""
        incentive = self.payment("INCENTIVE")
        return (incentive.amount_idr or incentive.day_idr or 0) if incentive else 0

    @property
    def incentives(self) -> int:
        return incentive.times if (incentive := self.payment("INCENTIVE")) else 0

    @property
    def survey_idr(self) -> int:
        """One survey, where no other amount is set for the province."""
        return (survey.amount_idr or 0) if (survey := self.payment("SURVEY")) else 0

    @property
    def surveys(self) -> int:
        return survey.times if (survey := self.payment("SURVEY")) else 0
