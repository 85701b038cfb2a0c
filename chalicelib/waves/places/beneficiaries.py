"""Beneficiaries: one place of a person at a time, at most two on a family card, each with a card of their own.

The latest place of a person is one item, so two awards at once cannot both follow the same one. Where a programme lets
a person be chosen again, the award that does so keeps the place before as an item of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace
from pynamodb.expressions.condition import Condition

from ...aws.attributes import item_of
from ...aws.dynamodb import LegsFailed, Transaction, find, get_batch, update_if
from ..entries import UNDECIDED, EntryItem, entry_item
from ..rules import LOST, Beneficiary, BeneficiaryState, Deadline, EntryOutcome, shard_of, sources
from .items import (
    BeneficiaryItem,
    CardItem,
    FamilyItem,
    beneficiary_of,
    earlier_sk,
    family_item,
    latest_item,
    on_card,
    person_of,
    place_pk,
    room,
    whole_second,
)

BENEFICIARY_LEG = "beneficiary"
EARLIER_LEG = "earlier"


class CardTaken(Exception):
    """The card number belongs to somebody else; nothing was written."""


NOT_GIVEN = frozenset({BeneficiaryState.LAPSED, BeneficiaryState.PASSED})
"""A person whose latest place is one of these may be given another."""

NO_CAP = 1_000
"""More people than any family card has."""


class BeneficiaryStore:
    """`family_card_cap`: the most beneficiaries on a family card, without those who were revoked; None: any number."""

    def __init__(self, transaction: Callable[[], Transaction], family_card_cap: int | None) -> None:
        self._transaction = transaction
        self._cap = family_card_cap or NO_CAP

    def award(
        self,
        beneficiary: Beneficiary,
        kk_mac: str,
        before: Beneficiary | None = None,
        earn: Callable[[Transaction], object] = bool,
        *,
        certain: bool = False,
    ) -> EntryOutcome | None:
        """Make a beneficiary of an entry's registrant; one transaction holds all conditions.

        `before` is the place that this one follows: ALREADY_BENEFICIARY if the person has another, or none is given,
        but for one that lapsed, or passed to another with a NIK.
        The person counts to the family card of their entry; `kk_mac` is the one they have now, nearly always the same.
        That one counts if it is `certain`: the civil registry confirmed it.
        Returns CHOSEN, or why nothing was written: ALREADY_BENEFICIARY or FAMILY_CARD, or None if another run of this
        award has written the entry's outcome already. `earn` adds what the award makes due. Raises `CardTaken`.
        """
        try:
            with self._transaction() as tx:
                self._add_legs(tx, beneficiary, kk_mac, before, certain=certain)
                earn(tx)
        except LegsFailed as failed:
            # The order matters: when the same award is tried again, the legs of the beneficiary and of the card fail
            # because of the first award. That must not be taken for a reason.
            if "entry" in failed.legs:
                entry = failed.legs["entry"] or {}
                other = not certain and "kk" in entry and "outcome" not in entry
                joined_with = entry["kk"]["B"].hex() if other else kk_mac
                return None if joined_with == kk_mac else self.award(beneficiary, joined_with, before, earn)
            if BENEFICIARY_LEG in failed.legs and (latest := self.of(beneficiary.registrant_id)) is not None:
                changed = before is not None and latest.wave == before.wave  # meanwhile
                if latest != before and (changed or latest.state in NOT_GIVEN):
                    return self.award(beneficiary, kk_mac, latest, earn, certain=certain)
            if {BENEFICIARY_LEG, EARLIER_LEG} & failed.legs.keys():
                return EntryOutcome.ALREADY_BENEFICIARY
            if "family" in failed.legs:
                return EntryOutcome.FAMILY_CARD
            if "card" in failed.legs:
                raise CardTaken from failed
            # What the award makes due is due already: the table of waves was restored to an earlier time.
            return self.award(beneficiary, kk_mac, before, certain=certain)
        return EntryOutcome.CHOSEN

    def of(self, registrant_id: str) -> Beneficiary | None:
        """A person's latest place, if they were chosen."""
        item = find(BeneficiaryItem, place_pk(registrant_id), "BENEFICIARY")
        return beneficiary_of(item) if item else None

    def at(self, registrant_id: str, wave: int) -> Beneficiary | None:
        """The place that a wave gave to a person. A read, and one more for an earlier place."""
        latest = self.of(registrant_id)
        if latest is None or latest.wave == wave:
            return latest
        item = find(BeneficiaryItem, place_pk(registrant_id), earlier_sk(wave))
        return beneficiary_of(item) if item else None

    def at_many(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Beneficiary]:
        """The places that waves gave, by person and wave; one call for each 100, and one for 100 earlier places."""
        wanted = dict.fromkeys(keys)
        latest = self.of_many(dict.fromkeys(person for person, _ in wanted))
        found = {(one.registrant_id, one.wave): one for one in latest}
        earlier = [(place_pk(person), earlier_sk(wave)) for person, wave in wanted if (person, wave) not in found]
        places = map(beneficiary_of, get_batch(BeneficiaryItem, earlier))
        found |= {(one.registrant_id, one.wave): one for one in places}
        return {key: found[key] for key in wanted if key in found}

    def places(self, registrant_id: str) -> list[Beneficiary]:
        """All places of a person, the latest first. A read, and one for each earlier place."""
        found, sk = list[Beneficiary](), "BENEFICIARY"
        while sk and (item := find(BeneficiaryItem, place_pk(registrant_id), sk)):
            found.append(beneficiary_of(item))
            sk = earlier_sk(item.follows) if item.follows is not None else ""
        return found

    def of_many(self, registrant_ids: Iterable[str]) -> list[Beneficiary]:
        """The latest places of those of them who were ever chosen, in the given order; one call for each 100."""
        keys = [(place_pk(registrant_id), "BENEFICIARY") for registrant_id in registrant_ids]
        found = {item.pk: beneficiary_of(item) for item in get_batch(BeneficiaryItem, keys)}
        return [found[pk] for pk, _ in keys if pk in found]

    def roster(self, wave: int, shard: str) -> Iterator[Beneficiary]:
        """Every beneficiary of a wave in a shard ("00" to "63"), ascending by id; by an index, so moments late."""
        return map(beneficiary_of, BeneficiaryItem.roster.query(f"{wave}#{shard}"))

    def potential(self, shard: str, until: datetime) -> Iterator[Deadline]:
        """The people whose deadline is at `until` or before, the earliest first; by an index, moments late.

        They are RESERVED, POTENTIAL, and for a while REVOKED and LAPSED: `of_many` tells the state.
        """
        due = BeneficiaryItem.buy_by <= whole_second(until)
        for item in BeneficiaryItem.potential.query(shard, due):
            yield Deadline(person_of(item), item.buy_by)

    def holders(self, kk_mac: str) -> list[str]:
        """Beneficiaries who joined with a family card and were not revoked, in order of their ids. One read."""
        item = find(FamilyItem, family_item(kk_mac).pk, "HOLDERS")
        return sorted(item.holders or ()) if item else []

    # Legs of others' transactions, for changes of a registration

    def card_holder(self, card_number: str) -> str | None:
        """Whose card it is. One read."""
        card = find(CardItem, f"C#{card_number}", "CARD")
        return card.registrant_id if card else None

    def check_absent(self, tx: Transaction, leg: str, registrant_id: str) -> None:
        """Add the leg that holds while the person was never chosen."""
        tx.check(leg, BeneficiaryItem, (place_pk(registrant_id), "BENEFICIARY"), BeneficiaryItem.pk.does_not_exist())

    def move_card(
        self, tx: Transaction, leg: str, registrant_id: str, beneficiary: Beneficiary | None, kk_mac: str
    ) -> None:
        """Count a person to another family card, if their place is still as `beneficiary` says."""
        if beneficiary is None:
            self.check_absent(tx, leg, registrant_id)
        elif beneficiary.state not in LOST and beneficiary.kk_mac != kk_mac:
            item = latest_item(registrant_id)
            as_read = ~BeneficiaryItem.state.is_in(*sorted(LOST)) & on_card(beneficiary.kk_mac)
            tx.update(leg, item, [BeneficiaryItem.kk_mac.set(kk_mac)], as_read)
            _leave(tx, "left", beneficiary)
            tx.update("come", family_item(kk_mac), [FamilyItem.holders.add({registrant_id})])

    # Legs of others' transactions. They fail as `BENEFICIARY_LEG` where the state is no longer the one that was read,
    # or another place followed meanwhile.

    def activate(self, tx: Transaction, beneficiary: Beneficiary, until: datetime, now: datetime) -> None:
        """A purchase keeps the place: ACTIVE; a graduate stays one. `until`: the deadline that it met.

        The leg fails if the place was revoked meanwhile, or its deadline moved.
        """
        state = BeneficiaryItem.state
        if beneficiary.state is BeneficiaryState.GRADUATED:
            self.check_as_read(tx, beneficiary)
            return
        acts = [state.set(BeneficiaryState.ACTIVE), BeneficiaryItem.potential_shard.remove()]
        if until != beneficiary.buy_by:
            acts += [BeneficiaryItem.buy_by.set(until), BeneficiaryItem.put_off_at.set(now)]
        as_read = (state == BeneficiaryState.POTENTIAL) & (BeneficiaryItem.buy_by == beneficiary.buy_by)
        unlost = _same(beneficiary) & ((state == BeneficiaryState.ACTIVE) | as_read)
        tx.update(BENEFICIARY_LEG, _place(beneficiary), acts, unlost)

    def deactivate(self, tx: Transaction, beneficiary: Beneficiary) -> None:
        """The only purchase is taken back: ACTIVE becomes POTENTIAL again, with the deadline there was.

        It does not check the deadline: a person who cancels after it would lose the place at once.
        """
        tx.update(
            BENEFICIARY_LEG,
            _place(beneficiary),
            [
                BeneficiaryItem.state.set(BeneficiaryState.POTENTIAL),
                BeneficiaryItem.potential_shard.set(shard_of(beneficiary.registrant_id)),
            ],
            _same(beneficiary) & (BeneficiaryItem.state == BeneficiaryState.ACTIVE),
        )

    def graduate(self, tx: Transaction, beneficiary: Beneficiary, now: datetime) -> None:
        """The first training is completed and reviewed: ACTIVE becomes GRADUATED."""
        tx.update(
            BENEFICIARY_LEG,
            _place(beneficiary),
            [
                BeneficiaryItem.state.set(BeneficiaryState.GRADUATED),
                BeneficiaryItem.graduated_at.set(now),
            ],
            _same(beneficiary) & BeneficiaryItem.state.is_in(*sources(BeneficiaryState.GRADUATED)),
        )

    def check_takes_part(self, tx: Transaction, beneficiary: Beneficiary) -> None:
        """Hold while the place is ACTIVE or GRADUATED."""
        takes_part = BeneficiaryItem.state.is_in(BeneficiaryState.ACTIVE, BeneficiaryState.GRADUATED)
        tx.check(BENEFICIARY_LEG, BeneficiaryItem, _keys(beneficiary), _same(beneficiary) & takes_part)

    def check_as_read(self, tx: Transaction, beneficiary: Beneficiary, leg: str = BENEFICIARY_LEG) -> None:
        """Hold while the place is in the state that was read, and followed by another only if it was so then."""
        as_read = _same(beneficiary) & (BeneficiaryItem.state == beneficiary.state)
        tx.check(leg, BeneficiaryItem, _keys(beneficiary), as_read)

    # A NIK that passed

    def close(self, place: Beneficiary, to: str, now: datetime) -> bool:
        """Let nobody use a person's latest place any more, as it goes `to` another; False if it is not as read."""
        state = BeneficiaryItem.state
        try:
            with self._transaction() as tx:
                tx.update(
                    BENEFICIARY_LEG,
                    latest_item(place.registrant_id),
                    [
                        state.set(BeneficiaryState.PASSED),
                        BeneficiaryItem.passed_from.set(place.state),
                        BeneficiaryItem.passed_to.set(to),
                        BeneficiaryItem.revoked_at.set(now),
                        BeneficiaryItem.potential_shard.remove(),
                    ],
                    _same(place) & (state == place.state) & on_card(place.kk_mac),
                )
                _leave(tx, "family", place)
        except LegsFailed:
            return False
        return True

    def take_over(self, tx: Transaction, place: Beneficiary, before: Beneficiary | None) -> None:
        """Add the legs that give a closed place to the owner of the NIK, in place of `before` if that is as read.

        Their family card may have any number of beneficiaries, as when one of them changes their card.
        """
        follows = None
        if before is not None:
            follows = before.follows if before.wave == place.wave else before.wave
        _put_place(tx, replace(place, follows=follows), before)
        if place.kk_mac is not None:
            tx.update("family", family_item(place.kk_mac), [FamilyItem.holders.add({place.registrant_id})])

    # Revocation

    def confirm(self, tx: Transaction, reserved: Beneficiary, confirmed: Beneficiary, kk_mac: str) -> None:
        """The civil registry knows the person: the reserved place is theirs, as in `confirmed`, and counts on this
        family card. The leg `family` fails if that has its most without them.
        """
        state, potential = BeneficiaryItem.state, confirmed.state is BeneficiaryState.POTENTIAL
        person, holders = reserved.registrant_id, FamilyItem.holders
        fits = holders.does_not_exist() | room(self._cap) | (holders.contains(person) & room(self._cap + 1))
        tx.update("family", family_item(kk_mac), [holders.add({person})], fits)
        if reserved.kk_mac != kk_mac:
            _leave(tx, "left", reserved)
        tx.update(
            BENEFICIARY_LEG,
            latest_item(reserved.registrant_id),
            [
                state.set(confirmed.state),
                BeneficiaryItem.awarded_at.set(confirmed.awarded_at),
                BeneficiaryItem.buy_by.set(confirmed.buy_by),
                BeneficiaryItem.kk_mac.set(kk_mac),
                *([] if potential else [BeneficiaryItem.potential_shard.remove()]),
            ],
            (state == BeneficiaryState.RESERVED) & (BeneficiaryItem.wave == reserved.wave) & on_card(reserved.kk_mac),
        )

    def put_off(self, tx: Transaction, beneficiary: Beneficiary, buy_by: datetime, now: datetime) -> None:
        """Give a POTENTIAL person until `buy_by`, unless something came between."""
        as_read = (BeneficiaryItem.state == BeneficiaryState.POTENTIAL) & (BeneficiaryItem.buy_by == beneficiary.buy_by)
        later = [BeneficiaryItem.buy_by.set(buy_by), BeneficiaryItem.put_off_at.set(now)]
        tx.update(BENEFICIARY_LEG, latest_item(beneficiary.registrant_id), later, as_read)

    def revoke(
        self,
        tx: Transaction,
        beneficiary: Beneficiary,
        seq: int,
        now: datetime,
        lost: BeneficiaryState = BeneficiaryState.REVOKED,
        because: str | None = None,
    ) -> None:
        """No purchase came in time, or no confirmation (LAPSED): the family card is free again. The index `potential`
        keeps the person until the place is passed on. An ACTIVE place lapses without a deadline: its NIK is another's.
        """
        state = BeneficiaryItem.state
        may_be = state.is_in(*sources(lost)) & (BeneficiaryItem.buy_by <= whole_second(now))
        if (beneficiary.state, lost) == (BeneficiaryState.ACTIVE, BeneficiaryState.LAPSED):
            may_be = _same(beneficiary) & (state == BeneficiaryState.ACTIVE)
        tx.update(
            BENEFICIARY_LEG,
            latest_item(beneficiary.registrant_id),
            [
                state.set(lost),
                BeneficiaryItem.revoked_at.set(now),
                BeneficiaryItem.revoked_seq.set(seq),
                *([BeneficiaryItem.lost_because.set(because)] if because else []),
            ],
            may_be & on_card(beneficiary.kk_mac),
        )
        _leave(tx, "family", beneficiary)

    def unlist(self, registrant_id: str) -> None:
        """Take a person whose place went to another off the index `potential`: nothing is left to do for it."""
        item, lost = latest_item(registrant_id), BeneficiaryItem.state.is_in(*sorted(LOST))
        update_if(item, [BeneficiaryItem.potential_shard.remove()], lost)

    def _add_legs(
        self, tx: Transaction, beneficiary: Beneficiary, kk_mac: str, before: Beneficiary | None, *, certain: bool
    ) -> None:
        person = beneficiary.registrant_id
        _put_place(tx, replace(beneficiary, kk_mac=kk_mac, follows=before.wave if before else None), before)
        tx.update(
            "family",
            family_item(kk_mac),
            [FamilyItem.holders.add({person})],
            FamilyItem.holders.does_not_exist() | room(self._cap) | FamilyItem.holders.contains(person),
        )
        tx.update(
            "entry",
            entry_item(beneficiary.wave, person),
            [EntryItem.outcome.set(EntryOutcome.CHOSEN), EntryItem.seat.set(beneficiary.seat)],
            UNDECIDED
            if certain
            else UNDECIDED & (EntryItem.kk.does_not_exist() | (EntryItem.kk == bytes.fromhex(kk_mac))),
        )


def _put_place(tx: Transaction, place: Beneficiary, before: Beneficiary | None) -> None:
    """Add the legs of a person's latest place, with its card; `before`, if as read, stays as an earlier one."""
    person, waits = place.registrant_id, {BeneficiaryState.RESERVED, BeneficiaryState.POTENTIAL}
    shard = shard_of(person)
    item = item_of(
        BeneficiaryItem,
        place_pk(person),
        "BENEFICIARY",
        place,
        roster_shard=f"{place.wave}#{shard}",
        potential_shard=shard if place.state in waits else None,
    )
    if before is None:
        tx.put(BENEFICIARY_LEG, item, BeneficiaryItem.pk.does_not_exist())
    else:
        as_read = (BeneficiaryItem.wave == before.wave) & (BeneficiaryItem.state == before.state)
        tx.put(BENEFICIARY_LEG, item, as_read & on_card(before.kk_mac))
    if before is not None and before.wave != place.wave:
        roster = f"{before.wave}#{shard}"
        kept = item_of(BeneficiaryItem, place_pk(person), earlier_sk(before.wave), before, roster_shard=roster)
        tx.put(EARLIER_LEG, kept, BeneficiaryItem.pk.does_not_exist())
    card = CardItem(f"C#{place.card_number}", "CARD", registrant_id=person)
    tx.put("card", card, CardItem.pk.does_not_exist())


def _leave(tx: Transaction, leg: str, place: Beneficiary) -> None:
    """Add the leg that no longer counts a place on its family card, if it counts on any."""
    if place.kk_mac is not None:
        tx.update(leg, family_item(place.kk_mac), [FamilyItem.holders.delete({place.registrant_id})])


def _keys(place: Beneficiary) -> tuple[str, str]:
    return place_pk(place.registrant_id), earlier_sk(place.wave) if place.followed else "BENEFICIARY"


def _place(place: Beneficiary) -> BeneficiaryItem:
    return BeneficiaryItem(*_keys(place))


def _same(place: Beneficiary) -> Condition:
    """Of the latest place's item: no other one has followed."""
    same: Condition = BeneficiaryItem.wave == place.wave
    return same
