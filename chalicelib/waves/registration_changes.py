"""What waves have to say when a registration changes: registration stands before them and does not know them."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..aws.dynamodb import Transaction
from ..config import LONGEST_REQUEST_S, Programme
from ..registration.errors import FixedAfterAward, FrozenUntilSettled
from ..registration.store import OVERTAKEN_LEG, Legs
from .beneficiaries import BeneficiaryStore
from .calendar import Calendar
from .entries import EntryStore
from .rules import WaveState
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

    def unless_joined(self, registrant_id: str, now: datetime) -> Legs:
        """See that a person is in no wave that is not settled, and was never chosen; the legs hold it so.

        So a join that runs beside the change is written after it, or the change is decided again. Waves that open
        before the change must have been written are among them. Raises `FixedAfterAward`, `FrozenUntilSettled`.
        """
        waves = self._unsettled(now)
        if self._beneficiaries.of(registrant_id) is not None:
            raise FixedAfterAward()
        joined = [entry.wave for entry in self._entries.of(registrant_id, waves)]
        if joined:
            raise FrozenUntilSettled(wave=min(joined))

        def legs(tx: Transaction) -> None:
            self._entries.check_absent(tx, OVERTAKEN_LEG, registrant_id, waves)
            self._beneficiaries.check_absent(tx, OVERTAKEN_LEG, registrant_id)

        return legs

    def move_card(self, registrant_id: str, kk_mac: str) -> Legs:
        """The legs by which a beneficiary counts to another family card from now on, whoever holds that one.

        None for who was never chosen, or was revoked and counts to no card.
        """
        beneficiary = self._beneficiaries.of(registrant_id)
        return lambda tx: self._beneficiaries.move_card(tx, OVERTAKEN_LEG, registrant_id, beneficiary, kk_mac)

    def holders(self, kk_mac: str) -> list[str]:
        """Who counts to a family card: the beneficiaries who joined with it and were not revoked."""
        return self._beneficiaries.holders(kk_mac)

    def _unsettled(self, now: datetime) -> set[int]:
        calendar = Calendar(self._programme.calendar, self._store.exceptions()[1])
        soon = now + timedelta(seconds=LONGEST_REQUEST_S)
        plans = calendar.since(self._store.started_at() or now, soon)
        records = self._store.waves()
        settled = {wave.number for wave in records if wave.state is WaveState.SETTLED}
        return ({plan.number for plan in plans} | {wave.number for wave in records}) - settled
