"""The restriction of what is done with a registration, at its owner's word (UU 27/2022, articles 11 and 41)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from ..errors import Unavailable
from .errors import NotRegistered
from .items import TRIES
from .store import RegistrationOvertaken, RegistrationStore
from .verifications import Verifications


class Restrictions:
    """`others` carries a restriction, or its end, into what other domains keep; it may be called again."""

    def __init__(
        self, store: RegistrationStore, verifications: Verifications, others: Callable[[str, datetime | None], None]
    ) -> None:
        self._store = store
        self._verifications = verifications
        self._others = others

    def of(self, person: str) -> datetime | None:
        """Since when; None: not restricted. One read. Raises `NotRegistered`."""
        who = self._store.registrant(person)
        if who is None:
            raise NotRegistered()
        return who.restricted_at

    def set(self, person: str, restricted: bool, now: datetime) -> datetime | None:
        """Restrict, or end it, at once; returns since when. Again changes nothing, and ends what a death left undone.

        A read, a transaction of 3 items if it is a change, and what `others` takes. Raises `NotRegistered`.
        """
        for _ in range(TRIES):
            record = self._store.record(person)
            if record is None:
                raise NotRegistered()
            since = record.registrant.restricted_at
            if restricted == (since is not None):
                self._others(person, since)
                return since
            registrant = replace(record.registrant, restricted_at=now if restricted else None, updated_at=now)
            ask_from = self._verifications.ask_from(registrant, now)
            after = record.changed(registrant, ask_from)
            try:
                self._store.save(after, [], unless_excluded=False)
            except RegistrationOvertaken:
                continue
            self._verifications.ask_about(after)
            self._others(person, registrant.restricted_at)
            return registrant.restricted_at
        raise Unavailable()
