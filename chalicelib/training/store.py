"""The training table: what people bought and what became of it, their accounts, redeem codes and certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from ..aws.attributes import EnumAttribute, InstantAttribute, TextsAttribute, WholeAttribute, item_of
from ..aws.dynamodb import Transaction, find
from ..aws.table import Table
from ..structs import fill
from ..values import Value
from ..vault import MacKind, PersonKey, SealKind
from .rules import AttendedMonth, Review, Training, TrainingAccount, TrainingState, certificate

TRAINING_LEG = "training"
ACCOUNT_LEG = "account"
CERTIFICATE_LEG = "certificate"

_ACCOUNT = "ACCOUNT#"


class TrainingTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class TrainingItem(TrainingTable):
    """`T#<registrant>` / training id: a purchase and what became of it."""

    course_id = UnicodeAttribute()
    partner_id = UnicodeAttribute()
    partner_name = UnicodeAttribute()
    code = UnicodeAttribute()
    title = UnicodeAttribute()
    skills = TextsAttribute()
    price_idr = WholeAttribute()
    hours = WholeAttribute(default=0)
    redeem_code = UnicodeAttribute()
    state = EnumAttribute(TrainingState)
    purchased_at = InstantAttribute()
    cancelled_at = InstantAttribute(null=True)
    redeemed_at = InstantAttribute(null=True)
    attended_at = InstantAttribute(null=True)
    completed_at = InstantAttribute(null=True)
    sealed_certificate = BinaryAttribute(legacy_encoding=False, null=True)
    rating = WholeAttribute(null=True)
    sealed_review = BinaryAttribute(legacy_encoding=False, null=True)
    reviewed_at = InstantAttribute(null=True)
    months = WholeAttribute(null=True)
    wave = WholeAttribute()


class AccountItem(TrainingTable):
    """`T#<registrant>` / `ACCOUNT#<wave, 6 digits>`: the balance of a place, and counts of its trainings. Exists from
    the first purchase on.
    """

    balance_idr = WholeAttribute()
    purchases = WholeAttribute()
    completed = WholeAttribute(null=True)
    first_completed_at = InstantAttribute(null=True)


class CodeItem(TrainingTable):
    """`CODE#<redeem code>` / `CODE`: which training it stands for."""

    registrant_id = UnicodeAttribute()
    training_id = UnicodeAttribute()


class MonthItem(TrainingTable):
    """`M#<registrant>` / `<wave, 6 digits>#2026-03`: on how many days of that month the person was at which training
    of that wave's place.
    """

    training_id = UnicodeAttribute()
    days = WholeAttribute()
    number = WholeAttribute()
    reported_at = InstantAttribute()


class CertificateItem(TrainingTable):
    """`CERT#<mac of partner and certificate>` / `CERT`: the training whose certificate it is."""

    registrant_id = UnicodeAttribute()
    training_id = UnicodeAttribute()


class _OwnedItem(TrainingTable):
    """Every item of a person's partition, each read as its own kind."""

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        kind = AccountItem if is_account(data["sk"]["S"]) else TrainingItem
        return kind.from_raw_data(data)


class Owned(Value, frozen=True):
    """All that a person bought, in order of purchase, and their accounts by wave, each from the first purchase on."""

    accounts: dict[int, TrainingAccount]
    trainings: list[Training]


class TrainingStore:
    """Reads and the legs of conditional writes. `transaction` makes a new, empty transaction.

    `key` gives a person's own key, for a read and a KMS call; `mac` the keyed hash of a number, for a call. A
    certificate's number and a review's text are sealed with their person's key. A read opens the key once, and only if
    anything is sealed.
    """

    def __init__(
        self,
        transaction: Callable[[], Transaction],
        key: Callable[[str], PersonKey],
        mac: Callable[[MacKind, str], str],
    ) -> None:
        self.transaction = transaction
        self._key = key
        self._mac = mac

    def owned(self, registrant_id: str) -> Owned:
        """One consistent query, and the person's key if anything is sealed."""
        accounts, trainings = {}, []
        key = cache(self._key)
        for item in _owned(registrant_id):
            if is_account(item.sk):
                accounts[int(item.sk.removeprefix(_ACCOUNT))] = fill(TrainingAccount, item)
            else:
                trainings.append(_training(item, key))
        return Owned(accounts, sorted(trainings, key=lambda one: (one.purchased_at, one.id)))

    def skills(self, registrant_id: str) -> frozenset[str]:
        """The skills of a person's completed courses. One consistent query; nothing is opened."""
        trainings = (one for one in _owned(registrant_id) if not is_account(one.sk))
        return frozenset().union(*(one.skills for one in trainings if one.state is TrainingState.COMPLETED))

    def training(self, registrant_id: str, training_id: str) -> Training | None:
        """One training of one person, by a consistent read."""
        item = find(TrainingItem, f"T#{registrant_id}", training_id)
        return _training(item, cache(self._key)) if item else None

    def by_code(self, redeem_code: str) -> Training | None:
        """The training of a redeem code. Two consistent reads, or one."""
        item = find(CodeItem, f"CODE#{redeem_code}", "CODE")
        return self.training(item.registrant_id, item.training_id) if item else None

    def account(self, registrant_id: str, wave: int) -> TrainingAccount | None:
        """The account of a wave's place, by a consistent read; None before the first purchase."""
        item = find(AccountItem, *_account_keys(registrant_id, wave))
        return fill(TrainingAccount, item) if item else None

    def accounts(self, registrant_ids: Iterable[str], wave: int) -> dict[str, TrainingAccount]:
        """The accounts of those who ever bought something by a wave's place; one call for each hundred."""
        keys = [_account_keys(registrant_id, wave) for registrant_id in registrant_ids]
        return {item.pk.removeprefix("T#"): fill(TrainingAccount, item) for item in AccountItem.batch_get(keys)}

    def months(self, registrant_id: str, wave: int) -> dict[str, AttendedMonth]:
        """The months that were reported of a wave's place, of any training. One consistent query."""
        place = f"{wave:06}#"
        found = MonthItem.query(f"M#{registrant_id}", MonthItem.sk.startswith(place), consistent_read=True)
        return {(month := item.sk.removeprefix(place)): fill(AttendedMonth, item, month=month) for item in found}

    def to_be_redeemed(self, registrant_id: str, wave: int) -> list[Training]:
        """What a person bought by a wave's place and no partner has taken in. One consistent query."""
        found = (one for one in _owned(registrant_id) if not is_account(one.sk) and one.wave == wave)
        return [_training(one, self._key) for one in found if one.state is TrainingState.PURCHASED]

    def set_balance(self, registrant_id: str, wave: int, balance_idr: int) -> None:
        """Say what may be spent by a wave's place that comes from another person. One write."""
        balance, purchases = AccountItem.balance_idr, AccountItem.purchases
        item = AccountItem(*_account_keys(registrant_id, wave))
        item.update([balance.set(balance_idr), purchases.set(purchases | 0)])

    # Legs

    def add_month(self, tx: Transaction, training: Training, month: AttendedMonth) -> None:
        """Record a month, once whatever the training; fails if the training is not as it was read."""
        person = training.registrant_id
        item = item_of(MonthItem, f"M#{person}", f"{training.wave:06}#{month.month}", month)
        tx.put("month", item, MonthItem.pk.does_not_exist())
        bought = TrainingItem(f"T#{person}", training.id)
        tx.update(TRAINING_LEG, bought, [TrainingItem.months.add(1)], _as_read(training))

    def add_purchase(self, tx: Transaction, training: Training, opening: TrainingAccount) -> None:
        """Take the price from the balance (that of `opening`, if this is the first purchase), never below zero."""
        person, price = training.registrant_id, training.price_idr
        bought = item_of(TrainingItem, f"T#{person}", training.id, training, months=None)
        tx.put(TRAINING_LEG, bought, TrainingItem.pk.does_not_exist())
        code = CodeItem(f"CODE#{training.redeem_code}", "CODE", registrant_id=person, training_id=training.id)
        tx.put("code", code, CodeItem.pk.does_not_exist())
        balance = AccountItem.balance_idr
        taken = [balance.set((balance | opening.balance_idr) - price), AccountItem.purchases.add(1)]
        # The caller has checked that the opening balance is enough.
        enough = AccountItem.pk.does_not_exist() | (balance >= price)
        tx.update(ACCOUNT_LEG, _account(training), taken, enough)

    def add_cancellation(self, tx: Transaction, training: Training, purchases: int, now: datetime) -> None:
        """Return the price; fails in `ACCOUNT_LEG` if the person no longer has exactly `purchases` purchases."""
        self.add_step(tx, training, TrainingState.CANCELLED, cancelled_at=now)
        tx.update(
            ACCOUNT_LEG,
            _account(training),
            [AccountItem.balance_idr.add(training.price_idr), AccountItem.purchases.add(-1)],
            AccountItem.purchases == purchases,
        )

    def add_completion(self, tx: Transaction, training: Training, number: str, completed_at: datetime) -> None:
        """Record the completion and its certificate; fails in `CERTIFICATE_LEG` if the partner used that before."""
        sealed = self._key(training.registrant_id).seal("certificate/1", number.encode())
        self.add_step(tx, training, TrainingState.COMPLETED, completed_at=completed_at, sealed_certificate=sealed)
        guard = self._mac("certificate", certificate_guard(training.partner_id, number))
        proof = item_of(CertificateItem, f"CERT#{guard}", "CERT", training, training_id=training.id)
        tx.put(CERTIFICATE_LEG, proof, CertificateItem.pk.does_not_exist())
        account = _account(training)
        tx.update(ACCOUNT_LEG, account, [AccountItem.completed.add(1)], AccountItem.pk.exists())

    def add_review(self, tx: Transaction, training: Training, review: Review) -> None:
        """Write the first review of a completed training; fails if there is one already."""
        sealed = self._key(training.registrant_id).seal("review/1", review.text.encode())
        tx.update(
            TRAINING_LEG,
            TrainingItem(f"T#{training.registrant_id}", training.id),
            [
                TrainingItem.rating.set(review.rating),
                TrainingItem.sealed_review.set(sealed),
                TrainingItem.reviewed_at.set(review.reviewed_at),
            ],
            (TrainingItem.state == TrainingState.COMPLETED) & TrainingItem.reviewed_at.does_not_exist(),
        )

    def add_graduation(self, tx: Transaction, training: Training) -> None:
        """Record when the training was completed that made its participant a graduate, once."""
        tx.update(
            ACCOUNT_LEG,
            _account(training),
            [AccountItem.first_completed_at.set(certificate(training).completed_at)],
            AccountItem.pk.exists() & AccountItem.first_completed_at.does_not_exist(),
        )

    def add_step(self, tx: Transaction, training: Training, to: TrainingState, **facts: datetime | bytes) -> None:
        """Take a training to its next state, with facts about it; fails if it is not as it was read."""
        tx.update(
            TRAINING_LEG,
            TrainingItem(f"T#{training.registrant_id}", training.id),
            [TrainingItem.state.set(to), *(getattr(TrainingItem, name).set(facts[name]) for name in facts)],
            _as_read(training),
        )


def certificate_guard(partner_id: str, number: str) -> str:
    """What is hashed so that a partner uses the number of a certificate once."""
    return f"{partner_id}\0{number}"


def is_account(sk: str) -> bool:
    """Of a row of a person's partition: whether it is an account; else it is a training."""
    return sk.startswith(_ACCOUNT)


def _account_keys(registrant_id: str, wave: int) -> tuple[str, str]:
    return f"T#{registrant_id}", f"{_ACCOUNT}{wave:06}"


def _account(training: Training) -> AccountItem:
    return AccountItem(*_account_keys(training.registrant_id, training.wave))


def _owned(registrant_id: str) -> Iterable[Any]:
    return _OwnedItem.query(f"T#{registrant_id}", consistent_read=True)


def _as_read(training: Training) -> Condition:
    months = TrainingItem.months
    same = months == training.months if training.months else months.does_not_exist()
    as_read: Condition = (TrainingItem.state == training.state) & same
    return as_read


def _training(item: TrainingItem, key: Callable[[str], PersonKey]) -> Training:
    person = item.pk.removeprefix("T#")

    def opened(kind: SealKind, sealed: bytes | None) -> str | None:
        return None if sealed is None else key(person).unseal(kind, sealed).decode()

    text, number = opened("review/1", item.sealed_review), opened("certificate/1", item.sealed_certificate)
    review = None if item.reviewed_at is None else Review(item.rating, text or "", item.reviewed_at)
    return fill(Training, item, registrant_id=person, id=item.sk, certificate_number=number, review=review)
