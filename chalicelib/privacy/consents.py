"""`GET /me/consents`, and taking a consent back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ..errors import NotFound
from .rules import Consent
from .wire import ConsentList, ConsentQuery, ConsentView, consent_view


class Consenting(Protocol):
    """The consents of one kind that people gave to one domain."""

    def consents(self, person: str) -> Sequence[Consent]:
        """The person's, those taken back too; the newest first."""

    def withdraw_consent(self, person: str, consent_id: str, now: datetime) -> None:
        """Take one of them back; a repeat changes nothing. Raises `NotFound`."""


class Consents:
    """By kind those who keep consents."""

    def __init__(self, kinds: Mapping[str, Consenting]) -> None:
        self._kinds = kinds

    def of(self, person: str, query: ConsentQuery) -> ConsentList:
        """A page; it begins anew if the consent after which it begins is none of the person's."""
        every = [one for kind in self._kinds.values() for one in kind.consents(person)]
        last = [number for number, one in enumerate(every, 1) if one.id == query.cursor]
        rest = every[last[0] if last else 0 :]
        shown = rest[: query.limit]
        return ConsentList(list(map(consent_view, shown)), shown[-1].id if len(rest) > len(shown) else None)

    def withdraw(self, person: str, consent_id: str, now: datetime) -> ConsentView:
        """Take a consent back; a repeat gives the same. Raises `NotFound`."""
        kind = self._kinds.get(consent_id.partition("-")[0])
        if kind is None:
            raise NotFound()
        kind.withdraw_consent(person, consent_id, now)
        return next(consent_view(one) for one in kind.consents(person) if one.id == consent_id)
