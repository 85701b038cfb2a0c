"""From a drawn wave to beneficiaries, and from a revoked place to the next in line.

Each entry whose turn comes gets an outcome, which is written once and never changes, whichever run decides it. The
order of the turns depends on the draw and the outcomes alone. A turn waits for the outcome of the one before. When a
run dies, the next one walks the same way past what is decided. Two runs at once come to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from ..aws.dynamodb import Transaction
from ..config import Programme
from ..draw.selection import DrawResult, Selection, Substitution
from ..errors import DomainError, Unavailable
from ..ids import Randomness
from ..registration.errors import NotRegistered
from ..registration.rules import Registrant
from ..registration.rules import Standing as Registered
from ..time_budget import TimeBudget
from ..values import Value
from .entries import EntryStore
from .errors import AlreadyBeneficiary
from .places.beneficiaries import NOT_GIVEN, BeneficiaryStore, CardTaken
from .places.place_rules import UNCONFIRMED, card_number, confirms_cards, given, waits_until
from .publication.bucket import Publication
from .publication.draw_run import DrawRun
from .publication.leaf_owners import LeafOwners
from .rules import (
    REVOKED_PLACE,
    Beneficiary,
    BeneficiaryState,
    EntryOutcome,
    Wave,
    check_may_join,
    closing_day,
    place,
)

if TYPE_CHECKING:
    from ..registration.service import Registrations

ONE_AWARD_S = 5
"""An award is not begun with less time left than this: three calls, each with its retries."""

AT_ONCE = 100
"""As many people as DynamoDB gives in one call."""


class Turn(Value, frozen=True):
    """Whose turn it is, from which province, at which seat (`open` or a region's code); `known` is the outcome.

    Another run may have written an outcome meanwhile that is not known here.
    """

    registrant_id: str
    region: int
    seat: str
    known: EntryOutcome | None


class Earnings(Protocol):
    """What an award makes due under a scheme that pays from the award on (`wiring`)."""

    def entitle(self, tx: Transaction, beneficiary: Beneficiary) -> str:
        """Add it to the transaction of the award; returns its id."""

    def send(self, entitlement_id: str) -> None:
        """Queue it, once the transaction is committed."""


class Decisions:
    def __init__(
        self,
        entries: EntryStore,
        beneficiaries: BeneficiaryStore,
        registrations: Registrations,
        programme: Programme,
        randomness: Randomness,
        earnings: Earnings,
    ) -> None:
        self._entries = entries
        self._beneficiaries = beneficiaries
        self._registrations = registrations
        self._programme = programme
        self._randomness = randomness
        self._earnings = earnings
        self._schemes = {each.version: each for each in programme.schemes}

    def decide(self, wave: Wave, scheme: str, turn: Turn, budget: TimeBudget) -> EntryOutcome:
        """Give the seat to the person whose turn it is, if they may have it; or find the outcome that another run
        wrote.

        `scheme` is the version of the wave's. Raises `OutOfTime`, before anything is done, or `Unavailable`.
        """
        budget.need(ONE_AWARD_S)
        day = closing_day(wave.closes_at)
        registrant = self._eligible(turn.registrant_id, day, budget.now())
        if registrant is None:
            return self._entries.refuse(wave.number, turn.registrant_id, EntryOutcome.INELIGIBLE)
        awarded_at, confirmed = budget.now(), self._registrations.is_confirmed(registrant)
        from_award = self._schemes[scheme].begins_at_award
        beneficiary = Beneficiary(
            registrant_id=turn.registrant_id,
            wave=wave.number,
            card_number="",
            scheme=scheme,
            seat=turn.seat,
            state=BeneficiaryState.RESERVED,
            awarded_at=awarded_at,
            region=turn.region,
            buy_by=awarded_at.replace(microsecond=0),
        )
        if confirmed:
            beneficiary = given(beneficiary, self._schemes[scheme], self._programme.training, awarded_at)
        due: list[str] = []

        def earn(tx: Transaction) -> None:
            if confirmed and from_award:
                due[:] = [self._earnings.entitle(tx, beneficiary)]

        certain = confirmed and confirms_cards(self._registrations.has_registry, self._programme.registry)
        before = self._before(registrant, scheme, day)
        outcome = self._award(beneficiary, registrant.kk_mac, before, earn, certain=certain)
        another = outcome is None
        if outcome is None:
            outcome = self._entries.outcome(wave.number, turn.registrant_id)
        elif outcome is not EntryOutcome.CHOSEN:
            outcome = self._entries.refuse(wave.number, turn.registrant_id, outcome)
        if outcome is EntryOutcome.CHOSEN and not confirmed:
            # Who registered before there was a registry; if this is lost, the nightly look at the place does it.
            self._registrations.have_asked_about(turn.registrant_id, awarded_at)
        if outcome is EntryOutcome.CHOSEN and (another or confirmed):
            self.set_standing(turn.registrant_id, wave, scheme, None if another else awarded_at)
            for entitlement_id in due:
                self._earnings.send(entitlement_id)
        return outcome

    def set_standing(self, registrant_id: str, wave: Wave, scheme: str, awarded_at: datetime | None = None) -> None:
        """Set the standing of somebody who has a place, so that they join no other wave; a repeat changes nothing.

        One write; a read or two before it if `awarded_at` is not given. A place that is only reserved, or lapsed, gives
        no standing.
        """
        if awarded_at is None:
            there = self._beneficiaries.at(registrant_id, wave.number)
            if there is None or there.state in UNCONFIRMED | NOT_GIVEN:  # None: erased since
                return
            awarded_at = there.awarded_at
        with suppress(NotRegistered):  # who is no longer registered cannot join either
            seat = place(wave, self._schemes[scheme], awarded_at, self._programme.training)
            self._registrations.set_standing(registrant_id, Registered.BENEFICIARY, seat)

    def set_missing_standings(self, turns: Sequence[Turn], wave: Wave, scheme: str, budget: TimeBudget) -> None:
        """Set the standing of everybody who is known to be chosen, where an earlier run died before it did so.

        One read for each 100 people, and one write for each standing. Raises `OutOfTime`; the next run continues.
        """
        chosen = [turn.registrant_id for turn in turns if turn.known is EntryOutcome.CHOSEN]
        for start in range(0, len(chosen), AT_ONCE):
            budget.need(ONE_AWARD_S)
            waves = self._registrations.waves_of(chosen[start : start + AT_ONCE])
            for who in (who for who, latest in waves.items() if latest != wave.number):
                budget.need(ONE_AWARD_S)
                self.set_standing(who, wave, scheme)

    def _eligible(self, registrant_id: str, day: date, now: datetime) -> Registrant | None:
        try:
            registrant = self._registrations.registrant(registrant_id)
            self._registrations.check_still_eligible(registrant, day)
        except Unavailable:
            raise
        except DomainError:
            return None
        confirmed = self._registrations.is_confirmed(registrant)
        until = None if confirmed else waits_until(registrant, self._programme.registry, now)
        in_vain = until is not None and until <= now
        return None if in_vain or registrant.standing is Registered.REVOKED else registrant

    def _before(self, registrant: Registrant, scheme: str, day: date) -> Beneficiary | None:
        """The place that a new one may follow. None if there was none, or none may follow: then the award is refused.

        It is the place of which registration knows. The award holds only while that is still the person's latest.
        While it still waits for a purchase it is revoked rather than followed.
        """
        try:
            check_may_join(registrant, scheme, day, self._programme.eligibility)
        except AlreadyBeneficiary:
            return None
        latest = self._beneficiaries.of(registrant.id) if registrant.standing is Registered.BENEFICIARY else None
        if latest is None or latest.wave != registrant.beneficiary_wave or latest.state is BeneficiaryState.POTENTIAL:
            return None
        return latest

    def _award(
        self,
        beneficiary: Beneficiary,
        kk_mac: str,
        before: Beneficiary | None,
        earn: Callable[[Transaction], object],
        *,
        certain: bool,
    ) -> EntryOutcome | None:
        while True:
            try:
                numbered = replace(beneficiary, card_number=self._card_number())
                return self._beneficiaries.award(numbered, kk_mac, before, earn, certain=certain)
            except CardTaken:
                continue

    def _card_number(self) -> str:
        return card_number(self._randomness)


class Walk(Value, frozen=True):
    """Where the seats of a wave went: how many are taken, and who took each revoked one (None: nobody was left)."""

    chosen: int
    successors: tuple[str | None, ...]


class Seats(Value, frozen=True):
    """A drawn wave before its walk: the draw, the owner of each leaf, the registrants of the wave's log in order."""

    selection: Selection
    owners: LeafOwners
    revoked: Sequence[str]

    def turns(self) -> list[Turn]:
        """Those whom the draw chose, in their order. Raises `ListChanged` when one of them has no entry."""
        return [self.turn(own, seat) for own, seat in self.selection.winners()]

    def turn(self, own: bytes, seat: str) -> Turn:
        """The turn of a leaf at a seat. Raises `ListChanged` when it has no entry."""
        holder = self.owners.whose(own)
        return Turn(holder.registrant_id, holder.region, seat, holder.outcome)


class Award:
    """Gives each seat to the first person in its order who may have it."""

    def __init__(self, entries: EntryStore, drawing: DrawRun, publication: Publication, decisions: Decisions) -> None:
        self._entries = entries
        self._drawing = drawing
        self._publication = publication
        self._decisions = decisions

    def seats(self, wave: Wave, draw: DrawResult, revoked: Sequence[str] = ()) -> Seats:
        """The seats, from the draw made again and every entry. Raises `ListChanged`."""
        selection = self._drawing.selection(wave, draw.seed)
        owners = LeafOwners(wave.number, partial(self._entries.pages, wave.number), frozenset(revoked))
        return Seats(selection, owners, revoked)

    def walk(self, wave: Wave, seats: Seats, scheme: str, budget: TimeBudget) -> Walk:
        """Settle every seat, pass on the revoked places in their order, and publish the substitutions.

        `scheme` is the version of the wave's; `seats` are used up. Raises `OutOfTime` or `Unavailable`, with everything
        recorded that was decided before; `ListChanged` when a published leaf has no entry; `Contradiction` when the
        substitutions do not begin with the published ones.
        """
        selection, owners = seats.selection, seats.owners
        # Seats that are settled already were settled by earlier runs. After each award the person's standing is set in
        # registration. A walk that died between the two left out one person, the last that it chose.
        # `Decisions.set_missing_standings` does it for those whom batches of the queue left out.
        last_known: str | None = None

        def set_last_known() -> None:
            nonlocal last_known
            if last_known is not None:
                self._decisions.set_standing(last_known, wave, scheme)
            last_known = None

        def decide(holder: bytes, seat: str) -> EntryOutcome:
            nonlocal last_known
            turn = seats.turn(holder, seat)
            if turn.known is None:
                set_last_known()
                return self._decisions.decide(wave, scheme, turn, budget)
            if turn.known is EntryOutcome.CHOSEN:
                last_known = turn.registrant_id
            return turn.known

        substitutions = follow(selection, decide)
        chains = [offer_seat(selection, decide, owners.leaf_of(who), REVOKED_PLACE) for who in seats.revoked]
        set_last_known()
        self._publication.put_substitutions(wave.number, [*substitutions, *chain.from_iterable(chains)])
        taken = [links[-1].incoming for links in chains]
        successors = tuple(owners.whose(leaf).registrant_id if leaf is not None else None for leaf in taken)
        return Walk(sum(1 for _ in selection.winners()), successors)


def follow(selection: Selection, decide: Callable[[bytes, str], EntryOutcome]) -> list[Substitution]:
    """Let everyone have their turn: `decide` says what became of a leaf at a seat, the same at every call.

    First all whom the draw chose, then each free seat until it is taken or nobody is left. So no substitute takes a
    family's last place from a person who was drawn.
    """
    drawn = [(holder, decide(holder, seat)) for holder, seat in list(selection.winners())]
    return [
        link
        for out, outcome in drawn
        if outcome is not EntryOutcome.CHOSEN
        for link in offer_seat(selection, decide, out, outcome.value)
    ]


def offer_seat(
    selection: Selection, decide: Callable[[bytes, str], EntryOutcome], out: bytes, reason: str
) -> list[Substitution]:
    """Offer the seat of `out` to one after the other until it is taken or nobody is left (the last `incoming` is None).

    Raises `NotSeated` if `out` holds no seat.
    """
    links = []
    while True:
        link = selection.substitute(out, reason)
        links.append(link)
        if link.incoming is None:
            return links
        outcome = decide(link.incoming, link.seat)
        if outcome is EntryOutcome.CHOSEN:
            return links
        out, reason = link.incoming, outcome.value
