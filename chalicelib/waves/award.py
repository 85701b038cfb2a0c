"""From a drawn wave to beneficiaries.

Each entry whose turn comes gets an outcome that is written once and never changes. Turns come in one order, which
follows from the draw and the outcomes, and the next turn waits for the outcome of the one before. So a run that died
is gone on with by walking the same way again past what is decided, and two runs at once end alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Protocol

from ..config import Programme
from ..errors import DomainError, Unavailable
from ..ids import Randomness
from ..registration.rules import Registrant
from ..registration.rules import Standing as Registered
from . import published
from .beneficiaries import BeneficiaryStore, CardTaken
from .draw import leaf
from .drawing import Drawing
from .entries import EntryStore
from .errors import ListChanged
from .publication import Publication
from .rules import Beneficiary, BeneficiaryState, Draw, Outcome, Wave, closing_day
from .selection import Selection, Substitution
from .tick import Tick

ONE_AWARD_S = 5
"""An award is not begun with less time left than this: three calls, each with its retries."""


class Registrations(Protocol):
    """What the award asks of registration."""

    def registrant(self, registrant_id: str) -> Registrant: ...
    def check_still_eligible(self, registrant: Registrant, day: date) -> None: ...
    def mark_beneficiary(self, registrant_id: str, wave: int) -> None: ...


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

    def run(self, wave: Wave, draw: Draw, regular_number: int, tick: Tick) -> int:
        """Settle every seat and publish the substitutions; returns how many seats were taken.

        `regular_number` tells the scheme. Raises `TimeShort` or `Unavailable` with what was decided so far recorded,
        `ListChanged` when a published leaf has no entry.
        """
        selection = self._drawing.selection(wave, draw.seed)
        scheme = self._programme.scheme(regular_number).version
        people, outcomes = self._entrants(wave)
        # What was decided before is the beginning of the walk. Its last award may lack the mark that follows one.
        last_known: str | None = None

        def mark_last_known() -> None:
            nonlocal last_known
            if last_known is not None:
                self._registrations.mark_beneficiary(last_known, wave.number)
            last_known = None

        def decide(holder: bytes, seat: str) -> Outcome:
            nonlocal last_known
            if holder not in people:
                raise ListChanged(wave=wave.number)
            outcome = outcomes.get(holder)
            if outcome is None:
                mark_last_known()
                return self._decide(wave, people[holder], seat, scheme, tick)
            if outcome is Outcome.CHOSEN:
                last_known = people[holder]
            return outcome

        substitutions = follow(selection, decide)
        mark_last_known()
        self._publication.put(wave.number, published.substitutions_file(substitutions))
        return sum(1 for _ in selection.winners())

    def _entrants(self, wave: Wave) -> tuple[dict[bytes, str], dict[bytes, Outcome]]:
        """Whose each leaf is, and what was decided of it. 250 bytes a leaf: 2.5 GB for a wave of ten million."""
        people: dict[bytes, str] = {}
        outcomes: dict[bytes, Outcome] = {}
        for one in self._entries.candidates(wave.number):
            own = leaf(wave.number, one.region, one.ticket)
            people[own] = one.registrant_id
            if one.outcome is not None:
                outcomes[own] = one.outcome
        return people, outcomes

    def _decide(self, wave: Wave, registrant_id: str, seat: str, scheme: str, tick: Tick) -> Outcome:
        tick.need(ONE_AWARD_S)
        registrant = self._eligible(registrant_id, closing_day(wave.closes_at))
        if registrant is None:
            return self._entries.refuse(wave.number, registrant_id, Outcome.INELIGIBLE)
        beneficiary = Beneficiary(
            registrant_id=registrant_id,
            wave=wave.number,
            card_number="",
            scheme=scheme,
            seat=seat,
            state=BeneficiaryState.POTENTIAL,
            awarded_at=tick.now(),
        )
        outcome = self._award(beneficiary, registrant.kk_mac)
        if outcome is None:
            outcome = self._entries.outcome(wave.number, registrant_id)
        elif outcome is not Outcome.CHOSEN:
            outcome = self._entries.refuse(wave.number, registrant_id, outcome)
        if outcome is Outcome.CHOSEN:
            self._registrations.mark_beneficiary(registrant_id, wave.number)
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
    substitutions = []
    for out, outcome in drawn:
        while outcome is not Outcome.CHOSEN:
            substitution = selection.substitute(out, outcome.value)
            substitutions.append(substitution)
            if substitution.incoming is None:
                break
            out = substitution.incoming
            outcome = decide(out, substitution.seat)
    return substitutions
