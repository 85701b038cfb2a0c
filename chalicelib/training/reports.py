"""What partners report of a training: the code taken in, attendance, months of it, completion. Each may come any number
of times.

But for what pays, it is not asked whether the participant still has their place: it is not revoked while a purchase
stands.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec.structs import asdict, replace

from ..aws.dynamodb import LegsFailed, Transaction
from ..config import Programme
from ..errors import Unavailable
from ..payouts.ledger.store import ENTITLEMENT_LEG
from ..payouts.plans.plan_rules import INCENTIVES
from ..payouts.plans.store import STOPPED_LEG
from ..payouts.service import Payouts
from ..registration.service import Registrations
from ..waves.rules import LOST
from ..waves.service import Waves
from . import rules, wire
from .errors import AttendanceNotPaid, CardMismatch, CertificateAlreadyUsed, ParticipantBlocked, RedeemCodeUnknown
from .partners import PartnerStore
from .rules import AttendedMonth, Partner, Training, TrainingState
from .store import CERTIFICATE_LEG, TRAINING_LEG, TrainingStore
from .wire import (
    AttendanceForm,
    AttendedMonthForm,
    AttendedMonthView,
    CompletionForm,
    RedemptionForm,
    RedemptionView,
)

log = logging.getLogger(__name__)

UNUSUAL = "partner_unusual"
"""Rings (infrastructure/alarms.py)."""

TRIES = 3
"""How often a report is decided again because the training changed meanwhile: it has only so many steps."""

Decided = tuple[Training, Callable[[Transaction], None]] | None
"""The training after a report, and the function that adds the legs to write it; None if this was reported before."""


class Reports:
    """The use cases. Another partner's code counts as unknown.

    A partner's clock may differ from ours by `partners.clock_skew_s`, either way.
    """

    def __init__(
        self,
        store: TrainingStore,
        partners: PartnerStore,
        waves: Waves,
        registrations: Registrations,
        payouts: Payouts,
        programme: Programme,
        seen: Callable[[str, str, str], None],
    ) -> None:
        """`seen` records that a partner asks about a person's training."""
        self._store = store
        self._seen = seen
        self._waves = waves
        self._registrations = registrations
        self._payouts = payouts
        self._partners = partners
        self._rules = programme.training
        self._unusual = programme.partners.unusual
        self._skew = timedelta(seconds=programme.partners.clock_skew_s)

    def validate(self, partner: Partner, form: RedemptionForm) -> RedemptionView:
        """Whether a code may be taken in. Five reads, and a line for the participant to see (`GET /me/readers`).

        Raises, in this order: `RedeemCodeUnknown`, `CardMismatch`, `TrainingCancelled`, `ParticipantBlocked`.
        """
        training = self._of(partner, form.redeem_code)
        self._seen(partner.id, training.id, training.registrant_id)
        self._check_redeemable(training, form.card_number)
        return wire.redemption_view(training)

    def redeem(self, partner: Partner, form: RedemptionForm, now: datetime) -> tuple[RedemptionView, bool]:
        """Take a code in: from now on the purchase stands. True if it is new. Raises as `validate`."""

        def step(training: Training) -> Decided:
            self._check_redeemable(training, form.card_number)
            if training.redeemed_at is not None:
                return None
            after = replace(training, state=TrainingState.REDEEMED, redeemed_at=rules.to_milliseconds(now))
            return after, lambda tx: self._store.add_step(tx, training, after.state, redeemed_at=now)

        return self._report(partner, form.redeem_code, step)

    def attend(self, partner: Partner, form: AttendanceForm, now: datetime) -> tuple[RedemptionView, bool]:
        """Record that the participant was there; True if it is new.

        Raises, in this order: `RedeemCodeUnknown`, `ReportedOtherwise`, `WrongTrainingState`, `ReportedInFuture`,
        `ReportedTooEarly`.
        """
        attended_at = rules.to_milliseconds(form.attended_at)

        def step(training: Training) -> Decided:
            if training.attended_at is not None:
                rules.check_same_report(training.attended_at, attended_at)
                return None
            rules.check_next(training, TrainingState.ATTENDED)
            rules.check_reported_at(attended_at, training.purchased_at - self._skew, now + self._skew)
            after = replace(training, state=TrainingState.ATTENDED, attended_at=attended_at.astimezone(UTC))
            return after, lambda tx: self._store.add_step(tx, training, after.state, attended_at=attended_at)

        return self._report(partner, form.redeem_code, step)

    def attend_month(self, partner: Partner, form: AttendedMonthForm, now: datetime) -> tuple[AttendedMonthView, bool]:
        """Record on how many days of a month the participant was there, and make the month's payment due; True if new.

        Months come in any order, each once, at most as many as the scheme pays. A month and its entitlement, under the
        next number, are one transaction; then the payment is queued. If the function dies in between, the sweep finds
        the entitlement. Raises, in this order: `RedeemCodeUnknown`, `ReportedOtherwise`, `WrongTrainingState`,
        `ReportedInFuture`, `ReportedTooEarly`, `TooManyDays`, `AttendanceNotPaid`, `ParticipantBlocked`.
        """
        behind = 0
        for _ in range(TRIES):
            training = self._of(partner, form.redeem_code)
            person = training.registrant_id
            months = self._store.months(person, training.wave)
            if known := months.get(form.month):
                rules.check_same_report((known.training_id, known.days), (training.id, form.days))
                return wire.month_view(form.redeem_code, known), False
            rules.check_month(training, form.month, form.days, now)
            beneficiary = self._waves.beneficiaries.at(person, training.wave)
            if beneficiary is None or beneficiary.state in LOST:
                raise ParticipantBlocked()
            times, number = self._payouts.incentives_by("attendance", beneficiary), len(months) + 1
            if number > times:
                raise AttendanceNotPaid(times=times)
            if self._registrations.is_excluded(person):
                raise ParticipantBlocked()
            month = AttendedMonth(form.month, training.id, form.days, number, rules.to_milliseconds(now))
            try:
                with self._store.transaction() as tx:
                    self._store.add_month(tx, training, month)
                    self._waves.beneficiaries.check_takes_part(tx, beneficiary)
                    # The ledger has a number that no month here has: this table was restored to an earlier time.
                    lost, kind = number == behind, INCENTIVES[number - 1]
                    due = None if lost else self._payouts.entitle(tx, beneficiary, kind, now, form.days)
            except LegsFailed as failed:
                if STOPPED_LEG in failed.legs:
                    raise ParticipantBlocked() from failed
                behind = number if ENTITLEMENT_LEG in failed.legs else 0
                continue
            if due is not None:
                self._payouts.queue.send([due])
            return wire.month_view(form.redeem_code, month), True
        raise Unavailable()

    def complete(self, partner: Partner, form: CompletionForm, now: datetime) -> tuple[RedemptionView, bool]:
        """Record a completion and its certificate; True if it is new.

        Raises, in this order: `RedeemCodeUnknown`, `ReportedOtherwise`, `WrongTrainingState`, `ReportedInFuture`,
        `ReportedTooEarly`, `CompletedTooSoon`, `AttendedLater`, `CertificateAlreadyUsed`.
        """
        completed_at, certificate = rules.to_milliseconds(form.completed_at), form.certificate_number

        def step(training: Training) -> Decided:
            if training.completed_at is not None:
                recorded = (training.completed_at, training.certificate_number)
                rules.check_same_report(recorded, (completed_at, certificate))
                return None
            rules.check_next(training, TrainingState.COMPLETED)
            rules.check_reported_at(completed_at, training.attended_at or training.purchased_at, now + self._skew)
            rules.check_hours(training, completed_at, self._rules, now)
            if training.months:
                months = self._store.months(training.registrant_id, training.wave)
                rules.check_months(training, months.values(), completed_at)
            after = replace(
                training,
                state=TrainingState.COMPLETED,
                completed_at=completed_at.astimezone(UTC),
                certificate_number=certificate,
            )
            return after, lambda tx: self._store.add_completion(tx, training, certificate, completed_at)

        return self._report(partner, form.redeem_code, step, lambda training: self._watch(training, now))

    def _watch(self, training: Training, now: datetime) -> None:
        """Ring when a partner attests far more, or far quicker, than its courses allow.

        It comes after the report: a death in between loses one count, and no report.
        """
        quick = rules.is_quick(training, self._rules, self._unusual, now)
        day = self._partners.count(training.partner_id, training.hours, now, quick=quick)
        if rules.is_unusual(day, self._unusual):
            log.warning(UNUSUAL, extra={"partner": training.partner_id, **asdict(day)})

    def _report(
        self,
        partner: Partner,
        redeem_code: str,
        step: Callable[[Training], Decided],
        then: Callable[[Training], None] = lambda _: None,
    ) -> tuple[RedemptionView, bool]:
        """Read, decide, and write on the condition that what was read still holds; otherwise start again."""
        for _ in range(TRIES):
            training = self._of(partner, redeem_code)
            decided = step(training)
            if decided is None:
                return wire.redemption_view(training), False
            after, write = decided
            try:
                with self._store.transaction() as tx:
                    write(tx)
            except LegsFailed as failed:
                if CERTIFICATE_LEG in failed.legs and TRAINING_LEG not in failed.legs:
                    raise CertificateAlreadyUsed() from failed
                continue
            then(after)
            return wire.redemption_view(after), True
        raise Unavailable()

    def _of(self, partner: Partner, redeem_code: str) -> Training:
        training = self._store.by_code(redeem_code)
        if training is None or training.partner_id != partner.id:
            raise RedeemCodeUnknown()
        return training

    def _check_redeemable(self, training: Training, card_number: str) -> None:
        beneficiary = self._waves.beneficiaries.at(training.registrant_id, training.wave)
        if beneficiary is None or beneficiary.card_number != card_number:
            raise CardMismatch()
        rules.check_redeemable(training)
        if training.redeemed_at is not None:
            return
        if beneficiary.state in LOST or self._registrations.is_excluded(training.registrant_id):
            raise ParticipantBlocked()
