"""The training table: partners, requests seen, completions with their reviews, certificates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, UpdateError
from pynamodb.models import Model

from ..clock import iso, parse_iso
from ..dynamo import Transaction, is_condition_failure
from ..errors import NotFound
from .errors import RequestReplayed
from .rules import Completion, Partner, Review

REVIEW_LEG = "review"


class TrainingTable(Model):
    """The table; its items are the subclasses."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class PartnerItem(TrainingTable):
    """`PARTNERS` / id. One partition: they are few, rarely written, and listed by one query."""

    name = UnicodeAttribute()
    sealed_key = BinaryAttribute(legacy_encoding=False)
    created_at = UnicodeAttribute()
    revoked_at = UnicodeAttribute(null=True)


class NonceItem(TrainingTable):
    """`NONCE#<partner>#<signature>` / `NONCE`: a request that was accepted. `claim` tells whose write it was."""

    claim = UnicodeAttribute()
    expires_at = NumberAttribute()


class CertificateItem(TrainingTable):
    """`CERT#<partner>#<certificate>` / `CERT`: whose completion it proves."""

    registrant_id = UnicodeAttribute()
    training_id = UnicodeAttribute()


class TrainingItem(TrainingTable):
    """`T#<registrant>` / training id: a completion, and its review once there is one."""

    partner_id = UnicodeAttribute()
    partner_name = UnicodeAttribute()
    card_number = UnicodeAttribute()
    course = UnicodeAttribute()
    certificate_number = UnicodeAttribute()
    completed_at = UnicodeAttribute()
    reported_at = UnicodeAttribute()
    rating = NumberAttribute(null=True)
    review_text = UnicodeAttribute(null=True)
    reviewed_at = UnicodeAttribute(null=True)


class TrainingStore:
    """Reads and conditional writes. `transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self.transaction = transaction

    def add_partner(self, partner: Partner) -> None:
        """Store a new partner; its random id cannot be taken."""
        PartnerItem(
            "PARTNERS",
            partner.id,
            name=partner.name,
            sealed_key=partner.sealed_key,
            created_at=iso(partner.created_at),
        ).save(condition=PartnerItem.pk.does_not_exist())

    def partner(self, partner_id: str) -> Partner | None:
        """One consistent read, so that a revocation counts from the next request on."""
        try:
            return _partner(PartnerItem.get("PARTNERS", partner_id, consistent_read=True))
        except PartnerItem.DoesNotExist:
            return None

    def partners(self) -> list[Partner]:
        """Every partner, the revoked ones too."""
        return [_partner(item) for item in PartnerItem.query("PARTNERS", consistent_read=True)]

    def revoke_partner(self, partner_id: str, now: datetime) -> None:
        """Set the time of revocation, once. Raises `NotFound`."""
        revoked_at = PartnerItem.revoked_at
        try:
            PartnerItem("PARTNERS", partner_id).update(
                [revoked_at.set(revoked_at | iso(now))], condition=PartnerItem.pk.exists()
            )
        except UpdateError as error:
            if is_condition_failure(error):
                raise NotFound() from error
            raise

    def remember_request(self, partner_id: str, signature: str, claim: str, expires_at: int) -> None:
        """Mark a signature as used. Raises `RequestReplayed` if another request used it.

        `claim` is unique to this request: when the answer to the write is lost and the client library sends it again,
        the second write meets its own item and must not mistake it for a replay. `expires_at` (Unix seconds) only
        cleans up; an item that outlives it refuses a signature that is refused by its time anyway.
        """
        nonce = NonceItem(f"NONCE#{partner_id}#{signature}", "NONCE", claim=claim, expires_at=expires_at)
        try:
            nonce.save(condition=NonceItem.pk.does_not_exist() | (NonceItem.claim == claim))
        except PutError as error:
            if is_condition_failure(error):
                raise RequestReplayed() from error
            raise

    def completion_by_certificate(self, partner_id: str, certificate_number: str) -> Completion | None:
        """What a certificate proves, None if it was never reported. Two consistent reads, or one."""
        try:
            item = CertificateItem.get(f"CERT#{partner_id}#{certificate_number}", "CERT", consistent_read=True)
        except CertificateItem.DoesNotExist:
            return None
        return self.completion(item.registrant_id, item.training_id)

    def record(self, training: Completion) -> None:
        """Write a completion and its certificate together.

        Raises `dynamo.LegsFailed` if the certificate was reported before; nothing is written then.
        """
        with self.transaction() as tx:
            tx.put(
                "certificate",
                CertificateItem(
                    f"CERT#{training.partner_id}#{training.certificate_number}",
                    "CERT",
                    registrant_id=training.registrant_id,
                    training_id=training.training_id,
                ),
                condition=CertificateItem.pk.does_not_exist(),
            )
            tx.put("completion", _item(training), condition=TrainingItem.pk.does_not_exist())

    def completion(self, registrant_id: str, training_id: str) -> Completion | None:
        """One completion of one person, by a consistent read."""
        try:
            return _completion(TrainingItem.get(f"T#{registrant_id}", training_id, consistent_read=True))
        except TrainingItem.DoesNotExist:
            return None

    def completions(self, registrant_id: str) -> list[Completion]:
        """All completions of one person, oldest report first."""
        items = TrainingItem.query(f"T#{registrant_id}", consistent_read=True)
        return sorted((_completion(item) for item in items), key=lambda t: (t.reported_at, t.training_id))

    def add_review(self, tx: Transaction, training: Completion, review: Review) -> None:
        """Add the leg that writes the first review of a completion, and fails where there is one already."""
        tx.update(
            REVIEW_LEG,
            TrainingItem(f"T#{training.registrant_id}", training.training_id),
            [
                TrainingItem.rating.set(review.rating),
                TrainingItem.review_text.set(review.text),
                TrainingItem.reviewed_at.set(iso(review.reviewed_at)),
            ],
            condition=TrainingItem.pk.exists() & TrainingItem.reviewed_at.does_not_exist(),
        )


def _partner(item: PartnerItem) -> Partner:
    return Partner(
        id=item.sk,
        name=item.name,
        sealed_key=item.sealed_key,
        created_at=parse_iso(item.created_at),
        revoked_at=parse_iso(item.revoked_at) if item.revoked_at else None,
    )


def _item(training: Completion) -> TrainingItem:
    return TrainingItem(
        f"T#{training.registrant_id}",
        training.training_id,
        partner_id=training.partner_id,
        partner_name=training.partner_name,
        card_number=training.card_number,
        course=training.course,
        certificate_number=training.certificate_number,
        completed_at=iso(training.completed_at),
        reported_at=iso(training.reported_at),
    )


def _completion(item: TrainingItem) -> Completion:
    review = None
    if item.reviewed_at is not None:
        review = Review(int(item.rating), item.review_text, parse_iso(item.reviewed_at))
    return Completion(
        registrant_id=item.pk.removeprefix("T#"),
        training_id=item.sk,
        partner_id=item.partner_id,
        partner_name=item.partner_name,
        card_number=item.card_number,
        course=item.course,
        certificate_number=item.certificate_number,
        completed_at=parse_iso(item.completed_at),
        reported_at=parse_iso(item.reported_at),
        review=review,
    )
