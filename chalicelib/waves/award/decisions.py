"""What becomes of one whose turn has come, and the turns that one run takes.

An outcome is written once and never changes, so it does not matter who takes a turn, or how many do at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from ...config import Programme
from ...errors import DomainError, Unavailable
from ...ids import Randomness
from ...registration.errors import NotRegistered
from ...registration.rules import Registrant
from ...registration.rules import Standing as Registered
from ...time_budget import TimeBudget
from ..beneficiaries import BeneficiaryStore, CardTaken
from ..entries import EntryStore
from ..rules import Beneficiary, BeneficiaryState, EntryOutcome, Wave, buy_by, closing_day

if TYPE_CHECKING:
    from ...registration.service import Registrations

ONE_AWARD_S = 5
"""An award is not begun with less time left than this: three calls, each with its retries."""

AT_ONCE = 100
"""As many people as DynamoDB gives in one call."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is, from which province, at which seat (`open` or a region's code); the outcome, if one is known.

    An outcome that is not known may have been written meanwhile all the same.
    """

    registrant_id: str
    region: int
    seat: str
    known: EntryOutcome | None


class Decisions:
    """Decides turns."""

    def __init__(
        self,
        entries: EntryStore,
        beneficiaries: BeneficiaryStore,
        registrations: Registrations,
        programme: Programme,
        randomness: Randomness,
    ) -> None:
        self._entries = entries
        self._beneficiaries = beneficiaries
        self._registrations = registrations
        self._programme = programme
        self._randomness = randomness

    def decide(self, wave: Wave, regular_number: int, turn: Turn, budget: TimeBudget) -> EntryOutcome:
        """Give the seat to whose turn it is, if they may have it, or find the outcome that there is by now.

        `regular_number` tells the scheme. Raises `OutOfTime`, before anything is done, or `Unavailable`.
        """
        budget.need(ONE_AWARD_S)
        registrant = self._eligible(turn.registrant_id, closing_day(wave.closes_at))
        if registrant is None:
            return self._entries.refuse(wave.number, turn.registrant_id, EntryOutcome.INELIGIBLE)
        awarded_at = budget.now()
        beneficiary = Beneficiary(
            registrant_id=turn.registrant_id,
            wave=wave.number,
            card_number="",
            scheme=self._programme.scheme(regular_number).version,
            seat=turn.seat,
            state=BeneficiaryState.POTENTIAL,
            awarded_at=awarded_at,
            region=turn.region,
            buy_by=buy_by(awarded_at, self._programme.training),
        )
        outcome = self._award(beneficiary, registrant.kk_mac)
        if outcome is None:
            outcome = self._entries.outcome(wave.number, turn.registrant_id)
        elif outcome is not EntryOutcome.CHOSEN:
            outcome = self._entries.refuse(wave.number, turn.registrant_id, outcome)
        if outcome is EntryOutcome.CHOSEN:
            self.mark(turn.registrant_id, wave.number)
        return outcome

    def mark(self, registrant_id: str, wave: int) -> None:
        """Tell registration of one who was chosen; a repeat changes nothing."""
        with suppress(NotRegistered):  # whoever has gone since cannot join, which is all that the mark prevents
            self._registrations.mark_beneficiary(registrant_id, wave)

    def mark_left_out(self, turns: Sequence[Turn], wave: int, budget: TimeBudget) -> None:
        """Tell registration of those known to be chosen of whom it does not know: of each a run died just before that.

        One call for each 100, and one for each of them. Raises `OutOfTime`; the next one has the fewer to tell of.
        """
        chosen = [turn.registrant_id for turn in turns if turn.known is EntryOutcome.CHOSEN]
        for start in range(0, len(chosen), AT_ONCE):
            budget.need(ONE_AWARD_S)
            standings = self._registrations.standings(chosen[start : start + AT_ONCE])
            for who in (who for who, standing in standings.items() if standing is Registered.REGISTERED):
                budget.need(ONE_AWARD_S)
                self.mark(who, wave)

    def _eligible(self, registrant_id: str, day: date) -> Registrant | None:
        try:
            registrant = self._registrations.registrant(registrant_id)
            self._registrations.check_still_eligible(registrant, day)
        except Unavailable:
            raise
        except DomainError:
            return None
        return None if registrant.standing is Registered.REVOKED else registrant

    def _award(self, beneficiary: Beneficiary, kk_mac: str) -> EntryOutcome | None:
        while True:
            try:
                return self._beneficiaries.award(replace(beneficiary, card_number=self._card_number()), kk_mac)
            except CardTaken:
                continue

    def _card_number(self) -> str:
        return f"{int.from_bytes(self._randomness(8), 'big') % 10**16:016d}"


class AwardRun:
    """One run's way along the turns, in their order: past what is known, and on.

    What is known is the work of runs before. The last award of each may lack the mark that follows one: of a run along
    this same way that is the last one known. For those along other ways see `Decisions.mark_left_out`.
    """

    def __init__(self, decisions: Decisions, wave: Wave, regular_number: int, budget: TimeBudget) -> None:
        self._decisions = decisions
        self._wave = wave
        self._regular_number = regular_number
        self._budget = budget
        self._last_known: str | None = None

    def take(self, turn: Turn) -> EntryOutcome:
        """The outcome of the next turn. Raises as `Decisions.decide` does."""
        if turn.known is None:
            self.mark_last_known()
            return self._decisions.decide(self._wave, self._regular_number, turn, self._budget)
        if turn.known is EntryOutcome.CHOSEN:
            self._last_known = turn.registrant_id
        return turn.known

    def mark_last_known(self) -> None:
        """Tell registration of the last one known to be chosen: at the end, and before a turn that is decided."""
        if self._last_known is not None:
            self._decisions.mark(self._last_known, self._wave.number)
        self._last_known = None
