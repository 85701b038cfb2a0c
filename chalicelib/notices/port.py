"""What every domain may tell a person by: `tell`, once for each event. Plain Python; the e-mail is this domain's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

Facts = Mapping[str, str | int]
"""What a text needs: numbers of waves, amounts in whole rupiah (`..._idr`), instants as `clock.iso`. No names."""


class Kind(StrEnum):
    """What a person is told."""

    CHOSEN = "chosen"
    NOT_CHOSEN = "not_chosen"
    PURCHASE_DEADLINE = "purchase_deadline"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    SURVEY_OPEN = "survey_open"
    SURVEY_DEADLINE = "survey_deadline"
    REVOKED = "revoked"
    GRIEVANCE_ANSWERED = "grievance_answered"
    ADDRESS_GIVEN = "address_given"
    ADDRESS_CHANGED = "address_changed"
    DETAILS_CHANGED = "details_changed"


NEEDS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        Kind.CHOSEN: frozenset({"wave", "training_idr", "buy_by"}),
        Kind.NOT_CHOSEN: frozenset({"wave", "reason", "next_opens_at"}),
        Kind.PURCHASE_DEADLINE: frozenset({"buy_by"}),
        Kind.PAID: frozenset({"for", "amount_idr"}),
        Kind.PAYMENT_FAILED: frozenset({"for", "amount_idr", "reason"}),
        Kind.SURVEY_OPEN: frozenset({"closes_at", "amount_idr"}),
        Kind.SURVEY_DEADLINE: frozenset({"closes_at", "amount_idr"}),
        Kind.REVOKED: frozenset({"wave"}),
        Kind.GRIEVANCE_ANSWERED: frozenset({"number"}),
        Kind.ADDRESS_GIVEN: frozenset(),
        Kind.ADDRESS_CHANGED: frozenset({"pay_from_at"}),
        Kind.DETAILS_CHANGED: frozenset({"what"}),
    }
)
"""The facts that a kind's text is made of, exactly these. `amount_idr` of a survey is 0 where it is voluntary."""


Told = tuple[str, Kind, str, Facts]
"""Whom, of what kind, by which event, with which facts: what `tell` takes."""


class Notices(Protocol):
    """The port: `services.notices` is one."""

    def tell(self, registrant_id: str, kind: Kind, event: str, facts: Facts) -> None:
        """Tell a person, once for each `event` of theirs; doing it again, or half of it again, changes nothing.

        Names of events: `chosen/<wave>`, `not_chosen/<wave>`, `revoked/<wave>`, `survey_open/<survey id>`, and so on:
        the kind and what it is about. Returns when it is safely kept; the mail follows. Raises ValueError if `facts`
        are not those that `NEEDS` names.
        """

    def tell_all(self, told: Iterable[Told]) -> int:
        """Tell many, each as `tell` does, and queue their mails together; returns how many of them were new."""
