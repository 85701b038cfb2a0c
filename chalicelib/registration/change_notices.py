"""The mails to a person, at the mailbox of their account, about a changed address, name, phone or NIK.

A stolen session can change them but not the mailbox, so the notice is kept in the transaction of the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from ..aws.dynamodb import Transaction
from ..clock import iso
from ..notices.rules import Facts, Kind
from .rules import PersonalData
from .store import Legs

if TYPE_CHECKING:
    from ..notices.service import NoticeService

ChangeNotice = tuple[str, Kind, Facts]
"""Event, kind and facts of one notice."""


def event(what: str, now: datetime) -> str:
    """The name of a change of a registration, which its person sees.

    The version is not in it: that grows with the registry's answers too, which a claimant does not learn.
    """
    return f"{what}/{iso(now)}"


def of_details(before: PersonalData, after: PersonalData, now: datetime) -> list[ChangeNotice]:
    """The notices of a change of a registration."""
    changed = [what for what in ("name", "phone", "nik") if getattr(before, what) != getattr(after, what)]
    return [(event(f"{what}_changed", now), Kind.DETAILS_CHANGED, {"what": what}) for what in changed]


def of_address(version: int, pay_from: datetime | None, *, full_wait: bool) -> list[ChangeNotice]:
    """The notice of a financial address's new version, if it is not paid to before `pay_from`, whoever confirms it
    (`full_wait`).
    """
    if pay_from is None:
        return [(f"{Kind.ADDRESS_GIVEN}/{version}", Kind.ADDRESS_GIVEN, {})]
    kind = Kind.ADDRESS_WAITING if full_wait else Kind.ADDRESS_CHANGED
    return [(address_changed(version), kind, {"pay_from_at": iso(pay_from)})]


def address_changed(version: int) -> str:
    """The event of a financial address that is not paid to yet."""
    return f"{Kind.ADDRESS_CHANGED}/{version}"


@contextmanager
def telling(
    notices: NoticeService, registrant_id: str, told: Sequence[ChangeNotice], *others: Legs | None
) -> Iterator[Legs]:
    """The legs that keep notices with a change, after the legs of `others`; mails are queued after the change.

    The instant, or an address's version, in an event's name makes it one change's. After the table was restored
    versions come again, and are told anew.
    """

    def legs(tx: Transaction) -> None:
        for more in others:
            if more is not None:
                more(tx)
        for name, kind, facts in told:
            notices.keep(tx, registrant_id, kind, name, facts, anew=True)

    yield legs
    if told:
        notices.enqueue([(registrant_id, name) for name, _, _ in told])
