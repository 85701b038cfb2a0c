"""The items of places: the place of a person, who counts to a family card, whose a card is."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from ...aws.attributes import EnumAttribute, InstantAttribute, WholeAttribute
from ...structs import fill
from ..rules import Beneficiary, BeneficiaryState
from ..store import WavesTable


class ByWaveIndex(GlobalSecondaryIndex["BeneficiaryItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Every beneficiary of a wave; the hash key is `<wave>#<shard>`."""

    class Meta:
        index_name = "roster"
        projection = AllProjection()

    roster_shard = UnicodeAttribute(hash_key=True)
    pk = UnicodeAttribute(range_key=True)


class PotentialIndex(GlobalSecondaryIndex["BeneficiaryItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Places whose deadline still matters, the earliest first: RESERVED, POTENTIAL, lost and not passed on. Sparse."""

    class Meta:
        index_name = "potential"
        projection = KeysOnlyProjection()

    potential_shard = UnicodeAttribute(hash_key=True)
    buy_by = InstantAttribute(range_key=True)


class BeneficiaryItem(WavesTable):
    """`B#<registrant>` / `BENEFICIARY`: the latest place of a person; `PLACE#<wave, 6 digits>`: an earlier one."""

    wave = WholeAttribute()
    card_number = UnicodeAttribute()
    scheme = UnicodeAttribute()
    seat = UnicodeAttribute()
    state = EnumAttribute(BeneficiaryState)
    awarded_at = InstantAttribute()
    region = WholeAttribute()
    buy_by = InstantAttribute()
    put_off_at = InstantAttribute(null=True)
    revoked_at = InstantAttribute(null=True)
    revoked_seq = WholeAttribute(null=True)
    lost_because = UnicodeAttribute(null=True)
    graduated_at = InstantAttribute(null=True)
    kk_mac = UnicodeAttribute(null=True)
    follows = WholeAttribute(null=True)
    entry_of = UnicodeAttribute(null=True)
    passed_to = UnicodeAttribute(null=True)
    passed_from = EnumAttribute(BeneficiaryState, null=True)
    roster_shard = UnicodeAttribute()
    potential_shard = UnicodeAttribute(null=True)
    roster: ClassVar[ByWaveIndex] = ByWaveIndex()
    potential: ClassVar[PotentialIndex] = PotentialIndex()


class FamilyItem(WavesTable):
    """`K#<kk mac>` / `HOLDERS`: the beneficiaries who joined with this family card and were not revoked."""

    holders = UnicodeSetAttribute(null=True)


class CardItem(WavesTable):
    """`C#<card>` / `CARD`: whose card it is; its number is given to nobody else."""

    registrant_id = UnicodeAttribute()


def earlier_sk(wave: int) -> str:
    """The sort key of a place that another one followed."""
    return f"PLACE#{wave:06d}"


def place_pk(registrant_id: str) -> str:
    return f"B#{registrant_id}"


def latest_item(registrant_id: str) -> BeneficiaryItem:
    """The keys of a person's latest place, to update it by."""
    return BeneficiaryItem(place_pk(registrant_id), "BENEFICIARY")


def family_item(kk_mac: str) -> FamilyItem:
    return FamilyItem(f"K#{kk_mac}", "HOLDERS")


def person_of(item: BeneficiaryItem) -> str:
    return item.pk.removeprefix("B#")


def beneficiary_of(item: BeneficiaryItem) -> Beneficiary:
    return fill(Beneficiary, item, registrant_id=person_of(item), followed=item.sk != "BENEFICIARY")


def on_card(kk_mac: str | None) -> Condition:
    """The place counts to this family card."""
    same: Condition = BeneficiaryItem.kk_mac.does_not_exist() if kk_mac is None else BeneficiaryItem.kk_mac == kk_mac
    return same


def room(cap: int) -> Condition:
    """Fewer than `cap` people count to the family card."""
    held: Condition = size(FamilyItem.holders) < cap  # type: ignore[no-untyped-call]  # pynamodb leaves it untyped
    return held


def whole_second(now: datetime) -> datetime:
    """As deadlines are kept, in whole seconds, so that texts compare as instants do: `by <= now` is `by <= second`."""
    return now.replace(microsecond=0)
