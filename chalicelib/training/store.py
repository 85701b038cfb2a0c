"""The training table: what people bought and what became of it, their accounts, redeem codes and certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.models import Model

from ..aws.dynamodb import Transaction, find
from ..clock import iso, parse_iso
from ..registration.vault import MacKind, PersonKey, SealKind
from .rules import Review, Training, TrainingAccount, TrainingState, certificate

TRAINING_LEG = "training"
ACCOUNT_LEG = "account"
CERTIFICATE_LEG = "certificate"

_ACCOUNT = "ACCOUNT"


class TrainingTable(Model):
    """The table; its items are the subclasses."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class TrainingItem(TrainingTable):
    """`T#<registrant>` / training id: a purchase and what became of it."""

    course_id = UnicodeAttribute()
    partner_id = UnicodeAttribute()
    partner_name = UnicodeAttribute()
    code = UnicodeAttribute()
    title = UnicodeAttribute()
    skills = UnicodeSetAttribute()
    price_idr = NumberAttribute()
    hours = NumberAttribute(null=True)
    redeem_code = UnicodeAttribute()
    state = UnicodeAttribute()
    purchased_at = UnicodeAttribute()
    cancelled_at = UnicodeAttribute(null=True)
    redeemed_at = UnicodeAttribute(null=True)
    attended_at = UnicodeAttribute(null=True)
    completed_at = UnicodeAttribute(null=True)
    sealed_certificate = BinaryAttribute(legacy_encoding=False, null=True)
    rating = NumberAttribute(null=True)
    sealed_review = BinaryAttribute(legacy_encoding=False, null=True)
    reviewed_at = UnicodeAttribute(null=True)


class AccountItem(TrainingTable):
    """`T#<registrant>` / `ACCOUNT`: the balance, and counts of the trainings. Begins with the first purchase."""

    balance_idr = NumberAttribute()
    purchases = NumberAttribute()
    completed = NumberAttribute(null=True)
    first_completed_at = UnicodeAttribute(null=True)


class CodeItem(TrainingTable):
    """`CODE#<redeem code>` / `CODE`: which training it stands for."""

    registrant_id = UnicodeAttribute()
    training_id = UnicodeAttribute()


class CertificateItem(TrainingTable):
    """`CERT#<mac of partner and certificate>` / `CERT`: which training it proves."""

    registrant_id = UnicodeAttribute()
    training_id = UnicodeAttribute()


class _OwnedItem(TrainingTable):
    """Whatever a person's partition holds, each item as its own kind."""

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        kind = AccountItem if data["sk"]["S"] == _ACCOUNT else TrainingItem
        return kind.from_raw_data(data)


@dataclass(frozen=True)
class Owned:
    """All that a person bought, in order of purchase, and their account: None before the first purchase."""

    account: TrainingAccount | None
    trainings: list[Training]


@dataclass(frozen=True)
class Sealing:
    """A person's own key, which costs a read and a KMS call, and the keyed hash of a number, which costs a call."""

    key: Callable[[str], PersonKey]
    mac: Callable[[MacKind, str], str]


class TrainingStore:
    """Reads and the legs of conditional writes. `transaction` makes a new, empty transaction.

    A certificate's number and a review's text lie sealed with their person's key. It is opened once for each read, and
    only where there is something to open.
    """

    def __init__(self, transaction: Callable[[], Transaction], seals: Sealing) -> None:
        self.transaction = transaction
        self._seals = seals

    def owned(self, registrant_id: str) -> Owned:
        """One consistent query, and the person's key where there is something to open."""
        account, trainings = None, []
        key = cache(self._seals.key)
        for item in _OwnedItem.query(f"T#{registrant_id}", consistent_read=True):
            if isinstance(item, AccountItem):
                account = _account(item)
            elif isinstance(item, TrainingItem):
                trainings.append(_training(item, key))
        return Owned(account, sorted(trainings, key=lambda one: (one.purchased_at, one.id)))

    def skills(self, registrant_id: str) -> frozenset[str]:
        """What a person's completed courses taught. One consistent query; nothing is opened."""
        items = _OwnedItem.query(f"T#{registrant_id}", consistent_read=True)
        completed = (
            one for one in items if isinstance(one, TrainingItem) and one.state == TrainingState.COMPLETED.value
        )
        return frozenset().union(*(one.skills for one in completed))

    def training(self, registrant_id: str, training_id: str) -> Training | None:
        """One training of one person, by a consistent read."""
        item = find(TrainingItem, f"T#{registrant_id}", training_id)
        return _training(item, cache(self._seals.key)) if item else None

    def by_code(self, redeem_code: str) -> Training | None:
        """The training of a redeem code. Two consistent reads, or one."""
        item = find(CodeItem, f"CODE#{redeem_code}", "CODE")
        return self.training(item.registrant_id, item.training_id) if item else None

    def account(self, registrant_id: str) -> TrainingAccount | None:
        """A person's account, by a consistent read; None before the first purchase."""
        item = find(AccountItem, f"T#{registrant_id}", _ACCOUNT)
        return _account(item) if item else None

    def accounts(self, registrant_ids: Iterable[str]) -> dict[str, TrainingAccount]:
        """The accounts of many, of those who ever bought something; one call for each hundred."""
        keys = [(f"T#{registrant_id}", _ACCOUNT) for registrant_id in registrant_ids]
        return {item.pk.removeprefix("T#"): _account(item) for item in AccountItem.batch_get(keys)}

    # Legs

    def add_purchase(self, tx: Transaction, training: Training, opening: TrainingAccount) -> None:
        """Take the price from the balance (that of `opening`, if this is the first purchase), never below zero."""
        person, price = training.registrant_id, training.price_idr
        tx.put(TRAINING_LEG, _item(training), TrainingItem.pk.does_not_exist())
        code = CodeItem(f"CODE#{training.redeem_code}", "CODE", registrant_id=person, training_id=training.id)
        tx.put("code", code, CodeItem.pk.does_not_exist())
        enough = AccountItem.balance_idr >= price
        tx.update(
            ACCOUNT_LEG,
            AccountItem(f"T#{person}", _ACCOUNT),
            [
                AccountItem.balance_idr.set((AccountItem.balance_idr | opening.balance_idr) - price),
                AccountItem.purchases.add(1),
            ],
            # Whether the opening balance is enough, the caller has seen.
            AccountItem.pk.does_not_exist() | enough,
        )

    def add_cancellation(self, tx: Transaction, training: Training, purchases: int, now: datetime) -> None:
        """Give the price back; fails in `ACCOUNT_LEG` if the person has not just so many purchases any more."""
        self.add_step(tx, training, TrainingState.CANCELLED, cancelled_at=iso(now))
        tx.update(
            ACCOUNT_LEG,
            AccountItem(f"T#{training.registrant_id}", _ACCOUNT),
            [AccountItem.balance_idr.add(training.price_idr), AccountItem.purchases.add(-1)],
            AccountItem.purchases == purchases,
        )

    def add_completion(self, tx: Transaction, training: Training, number: str, completed_at: datetime) -> None:
        """Note the completion and its certificate; fails in `CERTIFICATE_LEG` if the partner gave that before."""
        sealed = self._seals.key(training.registrant_id).seal("certificate/1", number.encode())
        self.add_step(tx, training, TrainingState.COMPLETED, completed_at=iso(completed_at), sealed_certificate=sealed)
        guard = self._seals.mac("certificate", f"{training.partner_id}\0{number}")
        proof = CertificateItem(
            f"CERT#{guard}",
            "CERT",
            registrant_id=training.registrant_id,
            training_id=training.id,
        )
        tx.put(CERTIFICATE_LEG, proof, CertificateItem.pk.does_not_exist())
        account = AccountItem(f"T#{training.registrant_id}", _ACCOUNT)
        tx.update(ACCOUNT_LEG, account, [AccountItem.completed.add(1)], AccountItem.pk.exists())

    def add_review(self, tx: Transaction, training: Training, review: Review) -> None:
        """Write the first review of a completed training; fails where there is one already."""
        sealed = self._seals.key(training.registrant_id).seal("review/1", review.text.encode())
        tx.update(
            TRAINING_LEG,
            TrainingItem(f"T#{training.registrant_id}", training.id),
            [
                TrainingItem.rating.set(review.rating),
                TrainingItem.sealed_review.set(sealed),
                TrainingItem.reviewed_at.set(iso(review.reviewed_at)),
            ],
            (TrainingItem.state == TrainingState.COMPLETED.value) & TrainingItem.reviewed_at.does_not_exist(),
        )

    def add_graduation(self, tx: Transaction, training: Training) -> None:
        """Note when the training was completed that made its participant a graduate, once."""
        tx.update(
            ACCOUNT_LEG,
            AccountItem(f"T#{training.registrant_id}", _ACCOUNT),
            [AccountItem.first_completed_at.set(iso(certificate(training).completed_at))],
            AccountItem.pk.exists() & AccountItem.first_completed_at.does_not_exist(),
        )

    def add_step(self, tx: Transaction, training: Training, to: TrainingState, **facts: str | bytes) -> None:
        """Take a training to its next state, with facts about it; fails if it is not where it was read any more."""
        tx.update(
            TRAINING_LEG,
            TrainingItem(f"T#{training.registrant_id}", training.id),
            [TrainingItem.state.set(to.value), *(getattr(TrainingItem, name).set(facts[name]) for name in facts)],
            TrainingItem.state == training.state.value,
        )


def _item(training: Training) -> TrainingItem:
    return TrainingItem(
        f"T#{training.registrant_id}",
        training.id,
        course_id=training.course_id,
        partner_id=training.partner_id,
        partner_name=training.partner_name,
        code=training.code,
        title=training.title,
        skills=set(training.skills),
        price_idr=training.price_idr,
        hours=training.hours,
        redeem_code=training.redeem_code,
        state=training.state.value,
        purchased_at=iso(training.purchased_at),
    )


def _training(item: TrainingItem, key: Callable[[str], PersonKey]) -> Training:
    person = item.pk.removeprefix("T#")

    def opened(kind: SealKind, sealed: bytes | None) -> str | None:
        return None if sealed is None else key(person).unseal(kind, sealed).decode()

    review = None
    if item.reviewed_at is not None:
        review = Review(int(item.rating), opened("review/1", item.sealed_review) or "", parse_iso(item.reviewed_at))
    return Training(
        registrant_id=person,
        id=item.sk,
        course_id=item.course_id,
        partner_id=item.partner_id,
        partner_name=item.partner_name,
        code=item.code,
        title=item.title,
        skills=frozenset(item.skills),
        price_idr=int(item.price_idr),
        hours=int(item.hours or 0),
        redeem_code=item.redeem_code,
        state=TrainingState(item.state),
        purchased_at=parse_iso(item.purchased_at),
        cancelled_at=_instant(item.cancelled_at),
        redeemed_at=_instant(item.redeemed_at),
        attended_at=_instant(item.attended_at),
        completed_at=_instant(item.completed_at),
        certificate_number=opened("certificate/1", item.sealed_certificate),
        review=review,
    )


def _account(item: AccountItem) -> TrainingAccount:
    return TrainingAccount(
        balance_idr=int(item.balance_idr),
        purchases=int(item.purchases),
        completed=int(item.completed or 0),
        first_completed_at=_instant(item.first_completed_at),
    )


def _instant(text: str | None) -> datetime | None:
    return parse_iso(text) if text else None
