"""From a drawn wave to beneficiaries, and from a revoked place to the next in line.

Each entry whose turn comes gets an outcome that is written once and never changes. Turns come in one order, which
follows from the draw and the outcomes, and the next turn waits for the outcome of the one before. So a run that died
is gone on with by walking the same way again past what is decided, and two runs at once end alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from .deciding import Course, Decisions, Turn
from .drawing import Drawing
from .entries import EntryStore
from .publication import Publication
from .roster import Roster
from .rules import REVOKED_PLACE, Draw, Outcome, Wave
from .selection import Selection, Substitution
from .tick import Tick


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the seats of a wave went: how many are taken, and who took each revoked one (None: nobody was left)."""

    chosen: int
    successors: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Seats:
    """A drawn wave before its walk: the draw, and whose each leaf is."""

    selection: Selection
    roster: Roster

    def turns(self) -> list[Turn]:
        """Those whom the draw chose, in their order. Raises `ListChanged` when one of them has no entry."""
        return [self.turn(leaf, seat) for leaf, seat in self.selection.winners()]

    def turn(self, leaf: bytes, seat: str) -> Turn:
        """The turn of a leaf at a seat. Raises `ListChanged` when it has no entry."""
        holder = self.roster.whose(leaf)
        return Turn(holder.registrant_id, holder.region, seat, holder.outcome)


class Award:
    """Gives each seat to the first in its order who may have it."""

    def __init__(self, entries: EntryStore, drawing: Drawing, publication: Publication, decisions: Decisions) -> None:
        self._entries = entries
        self._drawing = drawing
        self._publication = publication
        self._decisions = decisions

    def run(self, wave: Wave, draw: Draw, regular_number: int, tick: Tick, revoked: Sequence[str] = ()) -> Walk:
        """Settle every seat, pass on the `revoked` places in their order, and publish the substitutions.

        `regular_number` tells the scheme; `revoked` are the registrants of the wave's log, from its first line on.
        Raises `TimeShort` or `Unavailable` with what was decided so far recorded, `ListChanged` when a published leaf
        has no entry, `Contradiction` when what is published does not begin as this does.
        """
        return self.walk(wave, self.seats(wave, draw, revoked), regular_number, tick, revoked)

    def seats(self, wave: Wave, draw: Draw, revoked: Sequence[str] = ()) -> Seats:
        """The draw again and every entry. Raises `ListChanged`."""
        selection = self._drawing.selection(wave, draw.seed)
        return Seats(selection, Roster(wave.number, partial(self._entries.pages, wave.number), frozenset(revoked)))

    def walk(self, wave: Wave, seats: Seats, regular_number: int, tick: Tick, revoked: Sequence[str] = ()) -> Walk:
        """As `run`, from the draw on. `seats` are read with the same `revoked`, and are used up."""
        selection, roster = seats.selection, seats.roster
        course = Course(self._decisions, wave, regular_number, tick)

        def decide(holder: bytes, seat: str) -> Outcome:
            return course.take(seats.turn(holder, seat))

        substitutions = follow(selection, decide)
        chains = [pass_on(selection, decide, roster.leaf_of(who), REVOKED_PLACE) for who in revoked]
        course.end()
        self._publication.put_substitutions(wave.number, [*substitutions, *chain.from_iterable(chains)])
        taken = [links[-1].incoming for links in chains]
        successors = tuple(roster.whose(leaf).registrant_id if leaf is not None else None for leaf in taken)
        return Walk(sum(1 for _ in selection.winners()), successors)


def follow(selection: Selection, decide: Callable[[bytes, str], Outcome]) -> list[Substitution]:
    """Take everyone's turn: `decide` says what became of a leaf at a seat, the same at every call.

    First all whom the draw chose, then each seat that fell free until it is taken or nobody is left: no substitute
    takes a family's last place from one who was drawn.
    """
    drawn = [(holder, decide(holder, seat)) for holder, seat in list(selection.winners())]
    return [
        link
        for out, outcome in drawn
        if outcome is not Outcome.CHOSEN
        for link in pass_on(selection, decide, out, outcome.value)
    ]


def pass_on(
    selection: Selection, decide: Callable[[bytes, str], Outcome], out: bytes, reason: str
) -> list[Substitution]:
    """Offer the seat of `out` to one after the other until it is taken or nobody is left (the last `incoming` is None).

    Raises `NotSeated` if `out` holds no seat.
    """
    links = []
    while True:
        link = selection.substitute(out, reason)
        links.append(link)
        if link.incoming is None:
            return links
        outcome = decide(link.incoming, link.seat)
        if outcome is Outcome.CHOSEN:
            return links
        out, reason = link.incoming, outcome.value
