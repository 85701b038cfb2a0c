"""Trainings: beneficiaries buy, cancel and review them, and the first one completed and reviewed makes a graduate.

Each decision is written on the condition that what was read still holds. If something came in between, all is read and
decided again. So a refusal is always about the present, and a repeat finds its own work done.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from ..aws.dynamodb import LegsFailed
from ..config import Programme
from ..errors import NotFound, Unavailable
from ..ids import Randomness
from ..payouts.service import Payouts
from ..registration.service import Registrations
from ..waves.places.place_rules import at_present, check_in_time, check_kept
from ..waves.rules import LOST, Beneficiary, BeneficiaryState
from ..waves.service import Waves
from . import rules, wire
from .courses import Courses
from .errors import AlreadyReviewed, BalanceTooLow, NotBeneficiary
from .rules import Certificate, Course, Partner, Review, Training, TrainingAccount, TrainingState
from .store import TrainingStore
from .wire import ReviewForm, TrainingList, TrainingView

REDEEM_CODE_BYTES = 10
"""80 random bits in 16 letters: impossible to guess, and short enough to read out."""

TRIES = 5
"""How often something is decided again before the person is asked to come back."""


class Trainings:
    def __init__(
        self,
        store: TrainingStore,
        courses: Courses,
        waves: Waves,
        registrations: Registrations,
        payouts: Payouts,
        programme: Programme,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._courses = courses
        self._waves = waves
        self._registrations = registrations
        self._payouts = payouts
        self._programme = programme
        self._rules = programme.training
        self._schemes = {scheme.version: scheme for scheme in programme.schemes}
        self._randomness = randomness

    # Buying

    def buy(self, registrant_id: str, course_id: str, now: datetime) -> tuple[TrainingView, bool]:
        """Buy a course from the balance; True if it is new. A repeat returns the purchase that stands, even if things
        changed since.

        The purchase, its price, its redeem code and the place that it keeps are one transaction. Raises, in this order:
        `NotBeneficiary`, `BeneficiaryRevoked`, `NotConfirmed`, `Excluded`, `PurchaseDeadlinePassed`, `UnknownCourse`,
        `CourseNotOffered`, `BalanceTooLow`.
        """
        for _ in range(TRIES):
            beneficiary = self._beneficiary(registrant_id)
            owned = self._store.owned(registrant_id)
            account = owned.accounts.get(beneficiary.wave) or self._opening(beneficiary)
            by_place = [one for one in owned.trainings if one.wave == beneficiary.wave]
            of_course = [one for one in by_place if one.course_id == course_id]
            for bought in of_course:
                if bought.state is not TrainingState.CANCELLED:
                    return self._view(bought, account, beneficiary), False
            check_kept(beneficiary)
            given = beneficiary.state is not BeneficiaryState.RESERVED
            registrant = self._registrations.check_may_spend(registrant_id, given=given)
            present = at_present(beneficiary, registrant, self._programme, now, confirmed=True)
            check_in_time(present, now)
            course, partner = self._courses.to_buy(course_id)
            if account.balance_idr < course.price_idr:
                raise BalanceTooLow(balance_idr=account.balance_idr, price_idr=course.price_idr)
            training = self._purchase(beneficiary, course, partner, len(of_course) + 1, now)
            try:
                with self._store.transaction() as tx:
                    self._store.add_purchase(tx, training, self._opening(beneficiary))
                    self._waves.beneficiaries.activate(tx, beneficiary, present.buy_by, now)
            except LegsFailed:
                continue
            return self._view(training, replace(account, purchases=account.purchases + 1), present), True
        raise Unavailable()

    def cancel(self, registrant_id: str, training_id: str, now: datetime) -> TrainingView:
        """Cancel a purchase and return its price to the balance, once; a repeat gives the same answer.

        If it was the only purchase, the place depends on the deadline for the first one again. Raises, in this order:
        `NotFound` (no such training, or another person's), `TrainingAlreadyRedeemed`, `CancellationTooLate`.
        """
        for _ in range(TRIES):
            owned = self._store.owned(registrant_id)
            training = next((one for one in owned.trainings if one.id == training_id), None)
            if training is None:
                raise NotFound()
            if training.state is TrainingState.CANCELLED:
                return wire.training_view(training, None)
            account, beneficiary = owned.accounts[training.wave], self._place(training)
            place_until = self._place_until(account, beneficiary)
            rules.check_cancellable(training, place_until, self._rules, now)
            try:
                with self._store.transaction() as tx:
                    self._store.add_cancellation(tx, training, account.purchases, now)
                    if place_until is not None:
                        self._waves.beneficiaries.deactivate(tx, beneficiary)
            except LegsFailed:
                continue
            cancelled = replace(training, state=TrainingState.CANCELLED, cancelled_at=rules.to_milliseconds(now))
            return wire.training_view(cancelled, None)
        raise Unavailable()

    # Reviews

    def review(
        self, registrant_id: str, training_id: str, form: ReviewForm, now: datetime
    ) -> tuple[TrainingView, bool]:
        """Store a person's review of their own completed training, once; True if it is new.

        The person's first review makes the person a graduate and, where the scheme says so, the incentive due, in the
        same transaction; then the payment is queued. If the function dies in between, the sweep finds the unsettled
        entitlement and queues it. The same review again gives the same answer.

        Raises, in this order: `NotFound` (no such training, or another person's), `AlreadyReviewed`, `NotCompleted`.
        """
        review = Review(form.rating, form.text, rules.to_milliseconds(now))
        failed: Collection[str] = ()
        for _ in range(TRIES):
            training = self._store.training(registrant_id, training_id)
            if training is None:
                raise NotFound()
            if training.review is not None:
                if (training.review.rating, training.review.text) != (form.rating, form.text):
                    raise AlreadyReviewed()
                return wire.training_view(training, None), False
            rules.check_reviewable(training)
            try:
                entitlement_id = self._write_review(training, review, self._place(training), now, failed)
            except LegsFailed as error:
                failed = error.legs
                continue
            if entitlement_id is not None:
                self._payouts.queue.send([entitlement_id])
            return wire.training_view(replace(training, review=review), None), True
        raise Unavailable()

    def _write_review(
        self, training: Training, review: Review, beneficiary: Beneficiary, now: datetime, failed: Collection[str]
    ) -> str | None:
        """Returns the new entitlement's id; None for a graduate, who has had it, where no review is paid, or if the
        place has passed to another.

        `failed`: legs of an earlier try. A person whose payments are stopped becomes a graduate without the money.
        """
        with self._store.transaction() as tx:
            self._store.add_review(tx, training, review)
            if beneficiary.state is BeneficiaryState.GRADUATED or beneficiary.state in LOST:
                return None
            self._store.add_graduation(tx, training)
            self._waves.beneficiaries.graduate(tx, beneficiary, now)
            if not self._payouts.incentives_by("review", beneficiary):
                return None
            return self._payouts.entitle_first(tx, beneficiary, now, failed)

    # What is known

    def of(self, registrant_id: str) -> TrainingList:
        """A person's trainings, oldest purchase first, and the balance of their latest place. One read, and one for
        each earlier place; a query if the person was chosen.

        The person's key is opened, too, if anything is sealed.
        """
        places = self._waves.beneficiaries.places(registrant_id)
        if not places:
            return TrainingList(balance_idr=None, trainings=[])
        owned, of_wave = self._store.owned(registrant_id), {one.wave: one for one in places}
        account = owned.accounts.get(places[0].wave) or self._opening(places[0])
        return TrainingList(
            balance_idr=rules.balance(places[0], account),
            trainings=[self._view(one, owned.accounts[one.wave], of_wave[one.wave]) for one in owned.trainings],
        )

    def balance(self, beneficiary: Beneficiary) -> int:
        """What a beneficiary may still spend, in rupiah; 0 once revoked. One read."""
        account = self._store.account(beneficiary.registrant_id, beneficiary.wave) or self._opening(beneficiary)
        return rules.balance(beneficiary, account)

    def skills_of(self, registrant_id: str) -> frozenset[str]:
        """The skills of a person's completed courses; one query."""
        return self._store.skills(registrant_id)

    def certificates_of(self, registrant_id: str) -> list[Certificate]:
        """A person's certificates, oldest purchase first; one query, and the person's key if there are any."""
        owned = self._store.owned(registrant_id)
        return [rules.certificate(one) for one in owned.trainings if one.state is TrainingState.COMPLETED]

    def _beneficiary(self, registrant_id: str) -> Beneficiary:
        beneficiary = self._waves.beneficiaries.of(registrant_id)
        if beneficiary is None:
            raise NotBeneficiary()
        return beneficiary

    def _place(self, training: Training) -> Beneficiary:
        """The place by which it was bought."""
        beneficiary = self._waves.beneficiaries.at(training.registrant_id, training.wave)
        if beneficiary is None:
            raise NotBeneficiary()
        return beneficiary

    def _opening(self, beneficiary: Beneficiary) -> TrainingAccount:
        return rules.opening_account(self._schemes[beneficiary.scheme])

    def _purchase(self, who: Beneficiary, course: Course, partner: Partner, n: int, now: datetime) -> Training:
        return Training(
            registrant_id=who.registrant_id,
            wave=who.wave,
            id=rules.training_id(who.registrant_id, who.wave, course.id, n),
            course_id=course.id,
            partner_id=partner.id,
            partner_name=partner.name,
            code=course.code,
            title=course.title,
            skills=course.skills,
            price_idr=course.price_idr,
            hours=course.hours,
            redeem_code=base64.b32encode(self._randomness(REDEEM_CODE_BYTES)).decode(),
            state=TrainingState.PURCHASED,
            purchased_at=rules.to_milliseconds(now),
        )

    def _view(self, training: Training, account: TrainingAccount, beneficiary: Beneficiary) -> TrainingView:
        place_until = self._place_until(account, beneficiary)
        return wire.training_view(training, rules.cancellable_until(training, place_until, self._rules))

    def _place_until(self, account: TrainingAccount, beneficiary: Beneficiary) -> datetime | None:
        """The deadline of a place that only one purchase keeps; None where there are more, or none is asked for."""
        needed = account.purchases == 1 and not self._schemes[beneficiary.scheme].begins_at_award
        return beneficiary.buy_by if needed else None
