"""Beneficiaries: once in a lifetime, at most so many on a family card, each with a card of their own."""

from __future__ import annotations

from collections.abc import Callable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition, size

from ..clock import iso, parse_iso
from ..dynamo import LegsFailed, Transaction
from .entries import UNDECIDED, EntryItem, entry_item
from .errors import UnknownCard
from .rules import Beneficiary, BeneficiaryState, Outcome
from .store import WavesTable


class BeneficiaryItem(WavesTable):
    """`B#<registrant>` / `BENEFICIARY`."""

    wave = NumberAttribute()
    card_number = UnicodeAttribute()
    scheme = UnicodeAttribute()
    seat = UnicodeAttribute()
    state = UnicodeAttribute()
    awarded_at = UnicodeAttribute()


class FamilyItem(WavesTable):
    """`K#<kk mac>` / `HOLDERS`: the beneficiaries that a family card had when they were chosen."""

    holders = UnicodeSetAttribute(null=True)


class CardItem(WavesTable):
    """`C#<card>` / `CARD`: whose card it is."""

    registrant_id = UnicodeAttribute()


class CardTaken(Exception):
    """The card number has been given to another; nothing was written."""


class BeneficiaryStore:
    """`family_card_cap`: beneficiaries on one family card, ever."""

    def __init__(self, transaction: Callable[[], Transaction], family_card_cap: int) -> None:
        self._transaction = transaction
        self._cap = family_card_cap

    def award(self, beneficiary: Beneficiary, kk_mac: str) -> Outcome | None:
        """Make a beneficiary of an entry's registrant, all conditions held in one transaction.

        Returns CHOSEN, or why nothing was written: ALREADY_BENEFICIARY or FAMILY_CARD, or None when the entry has its
        outcome already (by another run of this same award: the entry tells which). Raises `CardTaken`.
        """
        try:
            with self._transaction() as tx:
                self._add_legs(tx, beneficiary, kk_mac)
        except LegsFailed as failed:
            # Ranked: a replay finds its own beneficiary and its own card in the way, which must not count.
            if "entry" in failed.legs:
                return None
            if "beneficiary" in failed.legs:
                return Outcome.ALREADY_BENEFICIARY
            if "family" in failed.legs:
                return Outcome.FAMILY_CARD
            raise CardTaken from failed
        return Outcome.CHOSEN

    def of(self, registrant_id: str) -> Beneficiary | None:
        """Who was chosen, if they were."""
        try:
            item = BeneficiaryItem.get(f"B#{registrant_id}", "BENEFICIARY", consistent_read=True)
        except BeneficiaryItem.DoesNotExist:
            return None
        return Beneficiary(
            registrant_id=registrant_id,
            wave=int(item.wave),
            card_number=item.card_number,
            scheme=item.scheme,
            seat=item.seat,
            state=BeneficiaryState(item.state),
            awarded_at=parse_iso(item.awarded_at),
        )

    def by_card(self, card_number: str) -> Beneficiary:
        """Whose card it is. Raises `UnknownCard`."""
        try:
            card = CardItem.get(f"C#{card_number}", "CARD", consistent_read=True)
        except CardItem.DoesNotExist as error:
            raise UnknownCard() from error
        beneficiary = self.of(card.registrant_id)
        if beneficiary is None:
            raise UnknownCard()
        return beneficiary

    def _add_legs(self, tx: Transaction, beneficiary: Beneficiary, kk_mac: str) -> None:
        person = beneficiary.registrant_id
        item = BeneficiaryItem(
            f"B#{person}",
            "BENEFICIARY",
            wave=beneficiary.wave,
            card_number=beneficiary.card_number,
            scheme=beneficiary.scheme,
            seat=beneficiary.seat,
            state=beneficiary.state.value,
            awarded_at=iso(beneficiary.awarded_at),
        )
        card = CardItem(f"C#{beneficiary.card_number}", "CARD", registrant_id=person)
        tx.put("beneficiary", item, BeneficiaryItem.pk.does_not_exist())
        tx.put("card", card, CardItem.pk.does_not_exist())
        tx.update(
            "family",
            FamilyItem(f"K#{kk_mac}", "HOLDERS"),
            [FamilyItem.holders.add({person})],
            FamilyItem.holders.does_not_exist() | _room(self._cap),
        )
        tx.update(
            "entry",
            entry_item(beneficiary.wave, person),
            [EntryItem.outcome.set(Outcome.CHOSEN.value), EntryItem.seat.set(beneficiary.seat)],
            UNDECIDED,
        )


def _room(cap: int) -> Condition:
    held: Condition = size(FamilyItem.holders) < cap  # type: ignore[no-untyped-call]  # pynamodb leaves it untyped
    return held
