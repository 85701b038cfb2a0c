"""`GET /me/readers`: who looked at what is kept of a person, or changed it, when and why.

Administrators' acts and partners' looks are lines of the journal. What was sent to the payment provider and the civil
registry, and what partners reported, says so itself: its rows have the instants (`Kept.told_to`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from ..ids import derived_id
from ..structs import fill
from ..values import Value
from .rules import Held, Part, kept_of, register
from .wire import ReaderList, ReaderQuery, ReaderView, bilingual

_NAMES = ("partner_name", "rail", "verification_source")
"""Where a row says who it was."""


class Look(Value, frozen=True):
    """One look or change. `who` is among `Register.lookers`; `name` is an organisation's, never an administrator's.

    `act`: the command or route, or the kind of what was sent or reported and the attribute with its instant.
    `reason`: in the words of who acted. `outcome`: `done`, a refusal's code, or None (not known).
    """

    at: datetime
    who: str
    name: str | None
    act: str
    reason: str | None = None
    outcome: str | None = None


class Readers:
    """`lines` gives the looks that the journal has of a person; `parts` the rows that say themselves who had them."""

    def __init__(self, lines: Callable[[str], Iterable[Look]], parts: Iterable[Part]) -> None:
        self._lines = lines
        self._parts = tuple(parts)

    def of(self, person: str, query: ReaderQuery, now: datetime) -> ReaderList:
        """A page, the newest first; it begins anew if the look after which it begins is gone."""
        every = [*self._lines(person), *(look for part in self._parts for look in _told(part(person, now)))]
        views = [_view(one) for one in sorted(every, key=lambda one: (one.at, one.who, one.act), reverse=True)]
        last = [number for number, one in enumerate(views, 1) if one.reader_id == query.cursor]
        rest = views[last[0] if last else 0 :]
        shown = rest[: query.limit]
        return ReaderList(shown, shown[-1].reader_id if len(rest) > len(shown) else None)


def _told(held: Iterable[Held]) -> Iterator[Look]:
    for one in held:
        kept = kept_of(one)
        for attribute, who in kept.told_to.items():
            if attribute in one.row and kept.told_if in one.row:
                at = datetime.fromisoformat(one.row[attribute]["S"]).astimezone(UTC)
                name = next((one.row[field]["S"] for field in _NAMES if field in one.row), None)
                yield Look(at, who, name, f"{one.kind}.{attribute}", outcome="done")


def _view(look: Look) -> ReaderView:
    words = bilingual(register().lookers[look.who])
    key = derived_id("reader/1", look.at.isoformat(), look.who, look.name or "", look.act, look.reason or "")
    return fill(ReaderView, look, reader_id=key, reader=look.who, reader_words=words)
