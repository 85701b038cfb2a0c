"""Trainings: partners attest them, participants review them, and the first review makes the incentive due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from ..dynamo import LegsFailed
from ..errors import NotFound
from ..ids import Randomness, random_id
from ..payouts.rules import Kind
from ..payouts.service import Payouts
from ..waves.errors import BeneficiaryRevoked
from ..waves.rules import Beneficiary, BeneficiaryState
from . import rules, signatures, wire
from .errors import PartnerRevoked, SignatureInvalid
from .partners import PartnerKeys
from .rules import Completion, Partner, Review
from .store import REVIEW_LEG, TrainingStore
from .wire import CompletionForm, ReviewForm, TrainingView

# A seen request is remembered this much longer than its time is accepted, against clocks that differ.
REMEMBERED_MARGIN_S = 3600


class Beneficiaries(Protocol):
    """Who was chosen; waves answers."""

    def beneficiary(self, registrant_id: str) -> Beneficiary | None:
        """The person's place, None if they were never chosen."""

    def beneficiary_by_card(self, card_number: str) -> Beneficiary:
        """Raises `UnknownCard`."""


class Training:
    """The use cases. `clock_skew_s`: how far a signed request's time may be off, either way."""

    def __init__(
        self,
        store: TrainingStore,
        keys: PartnerKeys,
        beneficiaries: Beneficiaries,
        payouts: Payouts,
        clock_skew_s: int,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._keys = keys
        self._beneficiaries = beneficiaries
        self._payouts = payouts
        self._clock_skew_s = clock_skew_s
        self._randomness = randomness

    # Partners

    def add_partner(self, name: str, now: datetime) -> tuple[Partner, str]:
        """A new partner and its signing key in hex. The key is shown here and never again."""
        partner_id = random_id(self._randomness)
        key = self._randomness(signatures.KEY_BYTES)
        partner = Partner(partner_id, name, self._keys.seal(partner_id, key), now)
        self._store.add_partner(partner)
        return partner, key.hex()

    def partners(self) -> list[Partner]:
        """Every partner, the revoked ones too, oldest first."""
        return sorted(self._store.partners(), key=lambda partner: partner.created_at)

    def revoke_partner(self, partner_id: str, now: datetime) -> None:
        """Refuse the partner's requests from now on; what it attested stands. Again is harmless. Raises `NotFound`."""
        self._store.revoke_partner(partner_id, now)

    def authenticate(self, method: str, path: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Partner:
        """Whose request this is, accepted once. `path` is the resource path, without stage or query.

        Raises, in this order: `SignatureMissing`, `SignatureExpired`, `SignatureInvalid` (an unknown partner looks the
        same), `PartnerRevoked` (told only to who holds the key), `RequestReplayed`.
        """
        claimed = signatures.claim(headers, now, self._clock_skew_s)
        partner = self._store.partner(claimed.partner_id)
        if partner is None:
            raise SignatureInvalid()
        if not signatures.is_signed(claimed, self._keys.open(partner, now), method, path, body):
            raise SignatureInvalid()
        if partner.revoked_at is not None:
            raise PartnerRevoked()
        expires_at = int(claimed.timestamp) + self._clock_skew_s + REMEMBERED_MARGIN_S
        self._store.remember_request(partner.id, claimed.signature, random_id(self._randomness), expires_at)
        return partner

    # Completions

    def complete(self, partner: Partner, form: CompletionForm, now: datetime) -> tuple[TrainingView, bool]:
        """Record what a partner attests; True if it is new. The same report again gives the same answer.

        Raises, in this order: `CertificateAlreadyUsed`, `UnknownCard`, `BeneficiaryRevoked`, `CompletedInFuture`,
        `CompletedBeforeAward`. A report that was accepted stays accepted, whatever became of the person since.
        """
        recorded = self._store.completion_by_certificate(partner.id, form.certificate_number)
        if recorded is not None:
            return _reported_again(recorded, form), False
        beneficiary = _standing(self._beneficiaries.beneficiary_by_card(form.card_number))
        rules.check_completed_at(form.completed_at, beneficiary.awarded_at, now)
        training = Completion(
            registrant_id=beneficiary.registrant_id,
            training_id=rules.training_id(partner.id, form.certificate_number),
            partner_id=partner.id,
            partner_name=partner.name,
            card_number=form.card_number,
            course=form.course,
            certificate_number=form.certificate_number,
            completed_at=rules.to_milliseconds(form.completed_at).astimezone(UTC),
            reported_at=rules.to_milliseconds(now),
        )
        try:
            self._store.record(training)
        except LegsFailed:
            # The same certificate came a moment earlier, by another request.
            recorded = self._store.completion_by_certificate(partner.id, form.certificate_number)
            if recorded is None:
                raise
            return _reported_again(recorded, form), False
        return wire.partner_view(training), True

    def of(self, registrant_id: str) -> list[TrainingView]:
        """A person's completed trainings with their reviews, oldest report first; one query."""
        return [wire.own_view(training) for training in self._store.completions(registrant_id)]

    # Reviews

    def review(
        self, registrant_id: str, training_id: str, form: ReviewForm, now: datetime
    ) -> tuple[TrainingView, bool]:
        """Store a person's review of their own training, once; True if it is new.

        The person's first review makes the incentive due, in the same transaction; then its payment is queued. A crash
        in between loses nothing: the entitlement is unsettled, and the sweep queues it. The same review again gives
        the same answer.

        Raises `NotFound` (no such training, or another's), `AlreadyReviewed`, `BeneficiaryRevoked`.
        """
        training = self._store.completion(registrant_id, training_id)
        if training is None:
            raise NotFound()
        if training.review is not None:
            return _reviewed_again(training, training.review, form), False
        beneficiary = self._beneficiaries.beneficiary(registrant_id)
        if beneficiary is None:
            raise NotFound()
        review = Review(form.rating, form.text, rules.to_milliseconds(now))
        try:
            entitlement_id = self._write_review(training, review, _standing(beneficiary), now)
        except LegsFailed:
            # Another request of the same person came a moment earlier.
            training = self._store.completion(registrant_id, training_id)
            if training is None or training.review is None:
                raise
            return _reviewed_again(training, training.review, form), False
        if entitlement_id is not None:
            self._payouts.enqueue(entitlement_id)
        return wire.own_view(replace(training, review=review)), True

    def _write_review(
        self, training: Completion, review: Review, beneficiary: Beneficiary, now: datetime
    ) -> str | None:
        """The new entitlement's id, or None if the person had it. Raises `LegsFailed` if there is a review already."""
        try:
            with self._store.transaction() as tx:
                self._store.add_review(tx, training, review)
                return self._payouts.entitle(tx, beneficiary, Kind.INCENTIVE, now)
        except LegsFailed as failed:
            if REVIEW_LEG in failed.legs:
                raise
        # Only the entitlement stood in the way: an earlier review made the incentive due.
        with self._store.transaction() as tx:
            self._store.add_review(tx, training, review)
        return None


def _standing(beneficiary: Beneficiary) -> Beneficiary:
    if beneficiary.state is BeneficiaryState.REVOKED:
        raise BeneficiaryRevoked()
    return beneficiary


def _reported_again(recorded: Completion, form: CompletionForm) -> TrainingView:
    rules.check_same_facts(recorded, form.card_number, form.course, form.completed_at)
    return wire.partner_view(recorded)


def _reviewed_again(training: Completion, review: Review, form: ReviewForm) -> TrainingView:
    rules.check_same_review(review, form.rating, form.text)
    return wire.own_view(training)
