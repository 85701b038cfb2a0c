"""The training table: what people bought and what became of it, their accounts, redeem codes and certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.models import Model

from ..clock import iso, parse_iso
from ..dynamo import Transaction
from .rules import Account, Review, State, Training, certificate

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
    certificate_number = UnicodeAttribute(null=True)
    rating = NumberAttribute(null=True)
    review_text = UnicodeAttribute(null=True)
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
    """`CERT#<partner>#<certificate>` / `CERT`: which training it proves."""

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

    account: Account | None
    trainings: list[Training]


class TrainingStore:
    """Reads and the legs of conditional writes. `transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self.transaction = transaction

    def owned(self, registrant_id: str) -> Owned:
        """One consistent query."""
        account, trainings = None, []
        for item in _OwnedItem.query(f"T#{registrant_id}", consistent_read=True):
            if isinstance(item, AccountItem):
                account = _account(item)
            elif isinstance(item, TrainingItem):
                trainings.append(_training(item))
        return Owned(account, sorted(trainings, key=lambda one: (one.purchased_at, one.id)))

    def training(self, registrant_id: str, training_id: str) -> Training | None:
        """One training of one person, by a consistent read."""
        try:
            return _training(TrainingItem.get(f"T#{registrant_id}", training_id, consistent_read=True))
        except TrainingItem.DoesNotExist:
            return None

    def by_code(self, redeem_code: str) -> Training | None:
        """The training of a redeem code. Two consistent reads, or one."""
        try:
            item = CodeItem.get(f"CODE#{redeem_code}", "CODE", consistent_read=True)
        except CodeItem.DoesNotExist:
            return None
        return self.training(item.registrant_id, item.training_id)

    def account(self, registrant_id: str) -> Account | None:
        """A person's account, by a consistent read; None before the first purchase."""
        try:
            return _account(AccountItem.get(f"T#{registrant_id}", _ACCOUNT, consistent_read=True))
        except AccountItem.DoesNotExist:
            return None

    def accounts(self, registrant_ids: Iterable[str]) -> dict[str, Account]:
        """The accounts of many, of those who ever bought something; one call for each hundred."""
        keys = [(f"T#{registrant_id}", _ACCOUNT) for registrant_id in registrant_ids]
        return {item.pk.removeprefix("T#"): _account(item) for item in AccountItem.batch_get(keys)}

    # Legs

    def add_purchase(self, tx: Transaction, training: Training, opening: Account) -> None:
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
        self._step(tx, training, State.CANCELLED, cancelled_at=iso(now))
        tx.update(
            ACCOUNT_LEG,
            AccountItem(f"T#{training.registrant_id}", _ACCOUNT),
            [AccountItem.balance_idr.add(training.price_idr), AccountItem.purchases.add(-1)],
            AccountItem.purchases == purchases,
        )

    def add_redemption(self, tx: Transaction, training: Training, now: datetime) -> None:
        """Note that the partner has taken the code in."""
        self._step(tx, training, State.REDEEMED, redeemed_at=iso(now))

    def add_attendance(self, tx: Transaction, training: Training, attended_at: datetime) -> None:
        """Note that the person was there."""
        self._step(tx, training, State.ATTENDED, attended_at=iso(attended_at))

    def add_completion(self, tx: Transaction, training: Training, number: str, completed_at: datetime) -> None:
        """Note the completion and its certificate; fails in `CERTIFICATE_LEG` if the partner gave that before."""
        self._step(tx, training, State.COMPLETED, completed_at=iso(completed_at), certificate_number=number)
        proof = CertificateItem(
            f"CERT#{training.partner_id}#{number}",
            "CERT",
            registrant_id=training.registrant_id,
            training_id=training.id,
        )
        tx.put(CERTIFICATE_LEG, proof, CertificateItem.pk.does_not_exist())
        account = AccountItem(f"T#{training.registrant_id}", _ACCOUNT)
        tx.update(ACCOUNT_LEG, account, [AccountItem.completed.add(1)], AccountItem.pk.exists())

    def add_review(self, tx: Transaction, training: Training, review: Review) -> None:
        """Write the first review of a completed training; fails where there is one already."""
        tx.update(
            TRAINING_LEG,
            TrainingItem(f"T#{training.registrant_id}", training.id),
            [
                TrainingItem.rating.set(review.rating),
                TrainingItem.review_text.set(review.text),
                TrainingItem.reviewed_at.set(iso(review.reviewed_at)),
            ],
            (TrainingItem.state == State.COMPLETED.value) & TrainingItem.reviewed_at.does_not_exist(),
        )

    def add_graduation(self, tx: Transaction, training: Training) -> None:
        """Note when the training was completed that made its participant a graduate, once."""
        tx.update(
            ACCOUNT_LEG,
            AccountItem(f"T#{training.registrant_id}", _ACCOUNT),
            [AccountItem.first_completed_at.set(iso(certificate(training).completed_at))],
            AccountItem.pk.exists() & AccountItem.first_completed_at.does_not_exist(),
        )

    def _step(self, tx: Transaction, training: Training, to: State, **facts: str) -> None:
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


def _training(item: TrainingItem) -> Training:
    review = None
    if item.reviewed_at is not None:
        review = Review(int(item.rating), item.review_text, parse_iso(item.reviewed_at))
    return Training(
        registrant_id=item.pk.removeprefix("T#"),
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
        state=State(item.state),
        purchased_at=parse_iso(item.purchased_at),
        cancelled_at=_instant(item.cancelled_at),
        redeemed_at=_instant(item.redeemed_at),
        attended_at=_instant(item.attended_at),
        completed_at=_instant(item.completed_at),
        certificate_number=item.certificate_number,
        review=review,
    )


def _account(item: AccountItem) -> Account:
    return Account(
        balance_idr=int(item.balance_idr),
        purchases=int(item.purchases),
        completed=int(item.completed or 0),
        first_completed_at=_instant(item.first_completed_at),
    )


def _instant(text: str | None) -> datetime | None:
    return parse_iso(text) if text else None
