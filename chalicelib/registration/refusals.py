"""Refusals that tell something about somebody else's number: so many an account and WIB day, and no more."""

from __future__ import annotations

from datetime import datetime

from .. import clock
from ..errors import DomainError
from .errors import TooManyRefusals
from .store import RegistrationStore


class Refusals:
    """See the module. `most`: how many of a day are told."""

    def __init__(self, store: RegistrationStore, most: int) -> None:
        self._store = store
        self.most = most

    def count(self, registrant_id: str, now: datetime) -> bool:
        """Count a refusal that tells about somebody else's number; False if the WIB day's refusals are used up.

        One write, before the refusal is told, so that requests at once are not told more than may be.
        """
        return self._store.count_refusal(registrant_id, clock.wib_date(now), self.most)

    def counted(self, registrant_id: str, refusal: DomainError, now: datetime) -> DomainError:
        """What to raise: the refusal, counted, or that there were too many."""
        return refusal if self.count(registrant_id, now) else self.too_many()

    def too_many(self) -> TooManyRefusals:
        return TooManyRefusals(refusals_max=self.most)
