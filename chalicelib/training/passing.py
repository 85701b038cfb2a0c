"""What was bought by a place when the place follows its NIK to another person (`waves.places.passing`)."""

from __future__ import annotations

from datetime import datetime

from ..aws.dynamodb import LegsFailed
from ..config import Programme
from ..waves.rules import Beneficiary
from .store import TrainingStore


class PassedCourses:
    """What no partner has taken in is cancelled. What was begun stays with whoever takes it, and its price stays spent:
    the owner has what is left of the balance.
    """

    def __init__(self, store: TrainingStore, programme: Programme) -> None:
        self._store = store
        self._opening = {scheme.version: scheme.training_idr for scheme in programme.schemes}

    def pass_on(self, place: Beneficiary, to: str, now: datetime) -> bool | None:
        """Let what is left of a place's balance follow it; whether any course was begun. None: try again.

        A query and a read; if anything was bought, a write, and a transaction for each purchase that is cancelled.
        """
        waiting = self._store.to_be_redeemed(place.registrant_id, place.wave)
        account = self._store.account(place.registrant_id, place.wave)
        if account is None:
            return False
        purchases, left = account.purchases, account.balance_idr
        try:
            for one in waiting:
                with self._store.transaction() as tx:
                    self._store.add_cancellation(tx, one, purchases, now)
                purchases, left = purchases - 1, left + one.price_idr
        except LegsFailed:
            return None
        self._store.set_balance(to, place.wave, left)
        return purchases > 0 or left < self._opening[place.scheme]
