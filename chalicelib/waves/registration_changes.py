"""What waves have to say when a registration changes. Registration comes before waves and does not import them."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..aws.dynamodb import Transaction
from ..config import LONGEST_REQUEST_S, Programme
from ..registration.errors import FixedAfterAward, FrozenUntilSettled
from ..registration.rules import Registrant
from ..registration.store import OVERTAKEN_LEG, Legs
from .calendar import Calendar
from .entries import EntryStore
from .errors import AlreadyBeneficiary, Barred
from .places.beneficiaries import NOT_GIVEN, BeneficiaryStore
from .plan_rules import scheme
from .rules import Beneficiary, BeneficiaryState, WaveState, check_may_join, closing_day
from .store import WaveStore


class RegistrationChanges:
    """All reads are fresh and consistent; a change is rare."""

    def __init__(
        self, programme: Programme, store: WaveStore, entries: EntryStore, beneficiaries: BeneficiaryStore
    ) -> None:
        self._programme = programme
        self._store = store
        self._entries = entries
        self._beneficiaries = beneficiaries

    def unless_joined(self, registrant: Registrant, now: datetime) -> Legs:
        """Check that a person is in no wave that is not settled, and was never chosen or may be chosen again by the
        wave that is open or comes next; the legs hold that.

        So a join at the same time is written after the change, or the change is decided again. Waves that open before
        the change must have been written are included. Raises `FixedAfterAward`, `FrozenUntilSettled`.
        """
        registrant_id, waves = registrant.id, self._unsettled(now)
        latest = self._beneficiaries.of(registrant_id)
        if latest is not None and not self._is_over(latest, registrant, now):
            raise FixedAfterAward()
        joined = [entry.wave for entry in self._entries.of(registrant_id, waves)]
        if joined:
            raise FrozenUntilSettled(wave=min(joined))

        def legs(tx: Transaction) -> None:
            self._entries.check_absent(tx, OVERTAKEN_LEG, registrant_id, waves)
            if latest is None:
                self._beneficiaries.check_absent(tx, OVERTAKEN_LEG, registrant_id)
            else:
                self._beneficiaries.check_as_read(tx, latest, OVERTAKEN_LEG)

        return legs

    def move_card(self, registrant_id: str, kk_mac: str) -> Legs:
        """The legs that count a beneficiary to another family card from now on, however many hold that card.

        None for a person who was never chosen, or was revoked and so counts to no card.
        """
        beneficiary = self._beneficiaries.of(registrant_id)
        return lambda tx: self._beneficiaries.move_card(tx, OVERTAKEN_LEG, registrant_id, beneficiary, kk_mac)

    def _is_over(self, latest: Beneficiary, registrant: Registrant, now: datetime) -> bool:
        if latest.state in NOT_GIVEN:
            return True
        calendar = self._calendar()
        wave = calendar.current(now) or calendar.next(now)
        known = registrant.beneficiary_wave == latest.wave and latest.state is not BeneficiaryState.POTENTIAL
        if wave is None or not known:
            return False
        day, version = closing_day(wave.closes_at), scheme(wave, calendar, self._programme)
        try:
            check_may_join(registrant, version, day, self._programme.eligibility)
        except (Barred, AlreadyBeneficiary):
            return False
        return True

    def _calendar(self) -> Calendar:
        return Calendar(self._programme.calendar, self._store.changes()[1])

    def _unsettled(self, now: datetime) -> set[int]:
        calendar = self._calendar()
        soon = now + timedelta(seconds=LONGEST_REQUEST_S)
        plans = calendar.since(self._store.started_at() or now, soon)
        records = self._store.waves()
        settled = {wave.number for wave in records if wave.state is WaveState.SETTLED}
        return ({plan.number for plan in plans} | {wave.number for wave in records}) - settled
