"""From a drawn wave to beneficiaries, and from a revoked place to the next in line.

Each entry whose turn comes gets an outcome that is written once and never changes. Turns come in one order, which
follows from the draw and the outcomes, and the next turn waits for the outcome of the one before. So a run that died
is gone on with by walking the same way again past what is decided, and two runs at once end alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Protocol

from ..config import Programme
from ..errors import DomainError, Unavailable
from ..ids import Randomness
from ..registration.errors import NotRegistered
from ..registration.rules import Registrant
from ..registration.rules import Standing as Registered
from .beneficiaries import BeneficiaryStore, CardTaken
from .draw import leaf
from .drawing import Drawing
from .entries import Candidate, EntryStore
from .errors import ListChanged
from .publication import Publication
from .rules import REVOKED_PLACE, Beneficiary, BeneficiaryState, Draw, Outcome, Wave, buy_by, closing_day
from .selection import Selection, Substitution
from .tick import Tick

ONE_AWARD_S = 5
"""An award is not begun with less time left than this: three calls, each with its retries."""


class Registrations(Protocol):
    """What the award asks of registration."""

    def registrant(self, registrant_id: str) -> Registrant: ...
    def check_still_eligible(self, registrant: Registrant, day: date) -> None: ...
    def mark_beneficiary(self, registrant_id: str, wave: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the seats of a wave went: how many are taken, and who took each revoked one (None: nobody was left)."""

    chosen: int
    successors: tuple[str | None, ...]


class Award:
    """Gives each seat to the first in its order who may have it."""

    def __init__(
        self,
        entries: EntryStore,
        beneficiaries: BeneficiaryStore,
        registrations: Registrations,
        drawing: Drawing,
        publication: Publication,
        programme: Programme,
        randomness: Randomness,
    ) -> None:
        self._entries = entries
        self._beneficiaries = beneficiaries
        self._registrations = registrations
        self._drawing = drawing
        self._publication = publication
        self._programme = programme
        self._randomness = randomness

    def run(self, wave: Wave, draw: Draw, regular_number: int, tick: Tick, revoked: Sequence[str] = ()) -> Walk:
        """Settle every seat, pass on the `revoked` places in their order, and publish the substitutions.

        `regular_number` tells the scheme; `revoked` are the registrants of the wave's log, from its first line on.
        Raises `TimeShort` or `Unavailable` with what was decided so far recorded, `ListChanged` when a published leaf
        has no entry, `Contradiction` when what is published does not begin as this does.
        """
        selection = self._drawing.selection(wave, draw.seed)
        scheme = self._programme.scheme(regular_number).version
        entrants = _Entrants(wave.number, self._entries.candidates(wave.number), frozenset(revoked))
        # What was decided before is the beginning of the walk. Its last award may lack the mark that follows one.
        last_known: str | None = None

        def mark_last_known() -> None:
            nonlocal last_known
            if last_known is not None:
                self._mark(last_known, wave.number)
            last_known = None

        def decide(holder: bytes, seat: str) -> Outcome:
            nonlocal last_known
            region, registrant_id = entrants.whose(holder)
            outcome = entrants.outcomes.get(holder)
            if outcome is None:
                mark_last_known()
                return self._decide(wave, registrant_id, region, seat, scheme, tick)
            if outcome is Outcome.CHOSEN:
                last_known = registrant_id
            return outcome

        substitutions = follow(selection, decide)
        chains = [pass_on(selection, decide, entrants.leaf_of(who), REVOKED_PLACE) for who in revoked]
        mark_last_known()
        self._publication.put_substitutions(wave.number, [*substitutions, *chain.from_iterable(chains)])
        taken = [links[-1].incoming for links in chains]
        successors = tuple(entrants.whose(leaf)[1] if leaf is not None else None for leaf in taken)
        return Walk(sum(1 for _ in selection.winners()), successors)

    def _decide(self, wave: Wave, registrant_id: str, region: int, seat: str, scheme: str, tick: Tick) -> Outcome:
        tick.need(ONE_AWARD_S)
        registrant = self._eligible(registrant_id, closing_day(wave.closes_at))
        if registrant is None:
            return self._entries.refuse(wave.number, registrant_id, Outcome.INELIGIBLE)
        awarded_at = tick.now()
        beneficiary = Beneficiary(
            registrant_id=registrant_id,
            wave=wave.number,
            card_number="",
            scheme=scheme,
            seat=seat,
            state=BeneficiaryState.POTENTIAL,
            awarded_at=awarded_at,
            region=region,
            buy_by=buy_by(awarded_at, self._programme.training),
        )
        outcome = self._award(beneficiary, registrant.kk_mac)
        if outcome is None:
            outcome = self._entries.outcome(wave.number, registrant_id)
        elif outcome is not Outcome.CHOSEN:
            outcome = self._entries.refuse(wave.number, registrant_id, outcome)
        if outcome is Outcome.CHOSEN:
            self._mark(registrant_id, wave.number)
        return outcome

    def _eligible(self, registrant_id: str, day: date) -> Registrant | None:
        try:
            registrant = self._registrations.registrant(registrant_id)
            self._registrations.check_still_eligible(registrant, day)
        except Unavailable:
            raise
        except DomainError:
            return None
        return None if registrant.standing is Registered.REVOKED else registrant

    def _mark(self, registrant_id: str, wave: int) -> None:
        with suppress(NotRegistered):  # whoever has gone since cannot join, which is all that the mark prevents
            self._registrations.mark_beneficiary(registrant_id, wave)

    def _award(self, beneficiary: Beneficiary, kk_mac: str) -> Outcome | None:
        while True:
            try:
                return self._beneficiaries.award(replace(beneficiary, card_number=self._card_number()), kk_mac)
            except CardTaken:
                continue

    def _card_number(self) -> str:
        return f"{int.from_bytes(self._randomness(8), 'big') % 10**16:016d}"


def follow(selection: Selection, decide: Callable[[bytes, str], Outcome]) -> list[Substitution]:
    """Take everyone's turn: `decide` says what became of a leaf at a seat, the same at every call.

    First all whom the draw chose, then each seat that fell free until it is taken or nobody is left: no substitute
    takes a family's last place from one who was drawn.
    """
    drawn = [(holder, decide(holder, seat)) for holder, seat in list(selection.winners())]
    return [
        link
        for out, outcome in drawn
        if outcome is not Outcome.CHOSEN
        for link in pass_on(selection, decide, out, outcome.value)
    ]


def pass_on(
    selection: Selection, decide: Callable[[bytes, str], Outcome], out: bytes, reason: str
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
        if outcome is Outcome.CHOSEN:
            return links
        out, reason = link.incoming, outcome.value


class _Entrants:
    """Whose each leaf is, and what was decided of it. 200 bytes a leaf: 2 GB for a wave of ten million."""

    def __init__(self, wave: int, candidates: Iterable[Candidate], wanted: frozenset[str]) -> None:
        self._wave = wave
        self._people: dict[int, dict[bytes, str]] = {}
        self._leaves: dict[str, bytes] = {}
        self.outcomes: dict[bytes, Outcome] = {}
        for one in candidates:
            own = leaf(wave, one.region, one.ticket)
            self._people.setdefault(one.region, {})[own] = one.registrant_id
            if one.outcome is not None:
                self.outcomes[own] = one.outcome
            if one.registrant_id in wanted:
                self._leaves[one.registrant_id] = own

    def whose(self, own: bytes) -> tuple[int, str]:
        """The region and the registrant of an entry. Raises `ListChanged` if there is no such entry."""
        for region, people in self._people.items():
            if own in people:
                return region, people[own]
        raise ListChanged(wave=self._wave)

    def leaf_of(self, registrant_id: str) -> bytes:
        """The entry of one of those who are `wanted`. Raises `ListChanged` if there is none."""
        if registrant_id not in self._leaves:
            raise ListChanged(wave=self._wave)
        return self._leaves[registrant_id]
