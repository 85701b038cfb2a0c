"""The consent to take part that a registration rests on, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import NotFound, Unavailable
from ..notices.rules import Kind
from ..privacy.rules import Consent
from . import change_notices
from .items import TRIES
from .store import RegistrationOvertaken, RegistrationStore

if TYPE_CHECKING:
    from ..notices.service import NoticeService
    from .verifications import Verifications

CONSENT = "registration"
"""The kind of the consent, and the id of the one that a person has."""


class RegistrationConsent:
    """Who took it back joins no wave and is chosen in none, until they give it again by `PUT /me/registration`.

    A place that they have stays theirs, with what is due for it.
    """

    def __init__(
        self, store: RegistrationStore, notices: Callable[[], NoticeService], verifications: Verifications
    ) -> None:
        self._store = store
        self._notices = notices
        self._verifications = verifications

    def consents(self, person: str) -> Sequence[Consent]:
        """The one of the registration; none without one. One read."""
        who = self._store.registrant(person)
        if who is None:
            return []
        given_at = who.consented_at or who.registered_at
        return [Consent(CONSENT, CONSENT, given_at, who.consent_withdrawn_at, version=who.consent_version)]

    def withdraw_consent(self, person: str, consent_id: str, now: datetime) -> None:
        """Take it back, and tell all contacts. A read and a transaction of 5 items; a repeat is a read.

        Raises `NotFound`.
        """
        for _ in range(TRIES):
            record = self._store.record(person)
            if record is None or consent_id != CONSENT:
                raise NotFound()
            if record.registrant.consent_withdrawn_at is not None:
                return
            registrant = replace(record.registrant, consent_withdrawn_at=now, updated_at=now)
            ask_from = self._verifications.ask_from(registrant, now)
            # Where nobody is to be asked any more, an answer that is under way does not count either.
            after = record.changed(registrant, ask_from, asks_anew=ask_from is None)
            told = [(change_notices.event("consent_changed", now), Kind.DETAILS_CHANGED, {"what": "consent"})]
            try:
                with change_notices.telling(self._notices(), person, told, None) as legs:
                    self._store.save(after, [], unless_excluded=False, others=legs)
                self._verifications.ask_about(after)
                return
            except RegistrationOvertaken:
                continue
        raise Unavailable()
