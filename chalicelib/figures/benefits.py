"""What people get and how they are paid, and what is asked and counted afterwards: sections of the figures."""

from typing import Annotated, Literal

from msgspec import Meta

from . import NotNegative, Positive, Section

Bic = Annotated[str, Meta(pattern="^[A-Z]{4}ID[A-Z0-9]{2}([A-Z0-9]{3})?$")]
BankText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9/?:().,'+ -]{1,70}$")]


class TrainingRules(Section, frozen=True):
    """`buy_within_days`: calendar days in WIB; the day of the award is day 1. A stage may count seconds instead.

    A programme in which nobody has to take a training may leave its figures out; a check finds them missing elsewhere.
    """

    hour_s: Positive
    """How long an hour of a course takes at least."""
    buy_within_days: NotNegative = 0
    cancel_within_s: NotNegative = 0
    """How long after a purchase it may be cancelled."""
    course_hours_min: NotNegative = 0
    price_per_hour_min_idr: NotNegative = 0
    """0: a course may cost nothing, such as a placement."""
    buy_within_s: Positive | None = None


class PayoutCode(Section, frozen=True):
    """A bank or wallet through which people may be paid; `rail` names the provider that pays into it."""

    kind: Literal["bank", "wallet"]
    rail: Literal["xendit-v2", "bank-file"]
    bic: Bic | None = None
    """Its code in a bank file; required there."""


class CeilingRules(Section, frozen=True):
    """The most that is sent on one WIB day, and for one wave's payments of one kind, unless an administrator sets
    another ceiling. A worker takes `block` payments at a time.
    """

    day_idr: Positive
    envelope_idr: Positive
    block: Positive


class BankFileRules(Section, frozen=True):
    """The payer in a bank file, in the characters that banks accept, and the most transfers in one file."""

    initiating_party: BankText
    debtor_name: BankText
    debtor_account: Annotated[str, Meta(pattern="^[0-9]{6,20}$")]
    debtor_bic: Bic
    transfers_max: Annotated[int, Meta(gt=0, le=5_000)]


class PayoutRules(Section, frozen=True):
    attempts_max: Positive
    key_lifetime_s: Positive
    resend_before_percent: Annotated[int, Meta(gt=0, lt=100)]
    requeue_after_s: Positive
    held_look_factor: Positive
    address_wait_s: Positive
    """From the change of a person's account to the first payment to it, unless they confirm it before."""
    retry_after_s: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """From an account's first, second, ... refusal to the next attempt; after the last figure, that long each time."""
    our_retry_after_s: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """The same if our own account was short."""
    failed_rest_s: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """From the first, second, ... passing failure to the next attempt."""
    fsp_timeout_s: Positive
    inquiry_timeout_s: Annotated[int, Meta(gt=0, le=2)]
    """As `fsp_timeout_s`, for an account inquiry, which is part of a person's request: that has `API_TIMEOUT_S`."""
    name_score_min: Annotated[int, Meta(ge=0, le=100)]
    """How alike, out of 100, the holder's name and the provider's must be."""
    ceilings: CeilingRules
    codes: dict[str, PayoutCode]
    bank_file: BankFileRules | None = None
    month_s: Positive | None = None
    """How long a stage plays a month between two instalments; None: as the calendar has it."""

    @property
    def kinds(self) -> dict[str, Literal["bank", "wallet"]]:
        """What each code is: a bank or a wallet."""
        return {name: code.kind for name, code in self.codes.items()}


class UnusualRules(Section, frozen=True):
    """Which completions of a partner on one WIB day ring.

    More than `hours` of courses; or at least `quick_min` quick ones that are `quick_percent` of all. A completion is
    quick if it took no more than `quick_within_percent` of the hours of the course.
    """

    hours: Positive
    quick_within_percent: Annotated[int, Meta(ge=100)]
    quick_percent: Annotated[int, Meta(gt=0, le=100)]
    quick_min: Positive


class PartnerRules(Section, frozen=True):
    clock_skew_s: Positive
    unusual: UnusualRules


class SurveyRules(Section, frozen=True):
    """When surveys open, in seconds from the first incentive's payment, and for how long; `questions`: the version.

    A programme that says none of these asks nobody, whatever a stage says.
    """

    comparison_after_s: Positive
    """From the settling of a wave to the survey of its comparison group of `comparison_size` people."""
    comparison_size: Positive
    questions: Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2})?$")] = ""
    after_s: Annotated[tuple[Positive, ...], Meta(max_length=3)] = ()
    open_s: NotNegative = 0
    remind_before_s: NotNegative = 0


class JobRules(Section, frozen=True):
    """`newest_per_skill`: from how many vacancies of each skill a person's matches are chosen."""

    open_days_max: Positive
    newest_per_skill: Annotated[int, Meta(gt=0, le=1500)]


class StatisticsRules(Section, frozen=True):
    """`final_after_days`: how long after it was settled a wave is counted for the last time."""

    final_after_days: Positive
