"""Which person has which names. Two people change it: one proposes a whole roster, another approves it.

While a stage has none, each name is a person of its own. What happened to it is a log in the journal's table: lines
are added and never changed, and the last roster that was approved holds. A name belongs to one person for good: whoever
proposed something under it before must not approve it as somebody else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from pynamodb.attributes import UnicodeAttribute

from .. import spreadsheets
from ..aws.attributes import EnumAttribute, InstantAttribute, JsonAttribute, item_of
from ..aws.dynamodb import save_if
from ..errors import Unavailable
from ..ids import PERSON
from ..structs import fill
from ..values import Value
from .errors import (
    MalformedRoster,
    NameOfAnother,
    NoRoster,
    NotOnRoster,
    RosterBySamePerson,
    RosterStands,
    RosterWithoutYou,
)
from .identity import Principal
from .journal import JournalTable

People = Mapping[str, tuple[str, ...]]
"""By a person's id their names, in small letters."""

_PARTITION = "ROSTER"
_COLUMNS = ["person", "name"]
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")


class RosterStep(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class RosterLine(Value, frozen=True):
    """One thing that was done to the roster: by whom (as it is kept elsewhere), under which name, and why."""

    step: RosterStep
    people: People
    by: str
    name: str
    reason: str
    at: datetime


PEOPLE_MIN = 3
"""Two change a roster; so one may leave, and the others can still take that one off it."""


class RosterItem(JournalTable):
    """`ROSTER` / `<number, 6 digits>`, from 0 on."""

    step = EnumAttribute(RosterStep)
    people: JsonAttribute[People] = JsonAttribute(dict[str, tuple[str, ...]])
    by = UnicodeAttribute()
    name = UnicodeAttribute()
    reason = UnicodeAttribute()
    at = InstantAttribute()


class Roster:
    """Reads the log and adds to it. `journal`'s table is bound."""

    def lines(self) -> list[RosterLine]:
        """Everything that was ever done to the roster, in order. One query, paged."""
        return [fill(RosterLine, item) for item in RosterItem.query(_PARTITION, consistent_read=True)]

    def caller(self, who: Principal) -> str:
        """Who acts, as it is kept: `person/<id>`, or the ARN while there is no roster. Raises `NotOnRoster`."""
        return _caller(self.lines(), who)

    def propose(self, people: People, who: Principal, reason: str, now: datetime) -> RosterLine:
        """Propose a roster. Raises `RosterStands`, `RosterWithoutYou`, `NameOfAnother`, `NotOnRoster`."""
        lines = self.lines()
        by, standing = _caller(lines, who), proposed(lines)
        if standing is not None:
            raise RosterStands(maker=standing.by)
        _person(who, people)
        _check_names(people, held(lines))
        return _add(lines, RosterLine(RosterStep.PROPOSED, people, by, who.name, reason, now))

    def approve(self, seen: RosterLine, who: Principal, now: datetime) -> RosterLine:
        """Let the roster hold that was looked at.

        Raises `NoRoster`, `RosterBySamePerson`, `RosterWithoutYou`, `NotOnRoster`.
        """
        lines = self.lines()
        by, standing = _caller(lines, who), _standing(lines)
        if standing != seen:
            raise NoRoster()
        # Compared by the new roster, by which two names may be one person's. Names of the present one stay as they are.
        if _person(who, standing.people) == _holders(standing.people)[standing.name]:
            raise RosterBySamePerson()
        return _add(lines, RosterLine(RosterStep.APPROVED, standing.people, by, who.name, standing.reason, now))

    def reject(self, who: Principal, reason: str, now: datetime) -> RosterLine:
        """Take back what is proposed, whoever proposed it. Raises `NoRoster`, `NotOnRoster`."""
        lines = self.lines()
        by, standing = _caller(lines, who), _standing(lines)
        return _add(lines, RosterLine(RosterStep.REJECTED, standing.people, by, who.name, reason, now))


def held(lines: Iterable[RosterLine]) -> list[People]:
    """Every roster that ever held, the present one last."""
    return [line.people for line in lines if line.step is RosterStep.APPROVED]


def proposed(lines: Sequence[RosterLine]) -> RosterLine | None:
    """What waits for another person."""
    return lines[-1] if lines and lines[-1].step is RosterStep.PROPOSED else None


def read(raw: bytes) -> People:
    """A roster from a CSV with the columns `person` and `name`, a line for each name.

    Raises `MalformedRoster`, `spreadsheets.NotCsv`, `NotUtf8`, `NotCommas`.
    """
    people: dict[str, tuple[str, ...]] = {}
    taken: dict[str, str] = {}
    try:
        for number, row in enumerate(csv.reader(spreadsheets.whole(spreadsheets.lines(raw)), strict=True), start=1):
            if number == 1:
                _require(row == _COLUMNS, 1, f"the columns are {' and '.join(_COLUMNS)}")
            elif row:
                _require(len(row) == len(_COLUMNS), number, "it has a person and a name")
                id_, name = row[0].strip(), row[1].strip().casefold()
                _require(bool(_ID.fullmatch(id_)), number, "an id has 1 to 40 small letters, digits, dots and hyphens")
                _require(bool(name) and name not in taken, number, "there is no name, or it is named twice")
                people[id_], taken[name] = (*people.get(id_, ()), name), id_
    except csv.Error:
        raise MalformedRoster(line=0, reason="a quote is left open") from None
    _require(len(people) >= PEOPLE_MIN, 0, f"it has fewer than {PEOPLE_MIN} people, and one who leaves may not end it")
    return people


def _caller(lines: Sequence[RosterLine], who: Principal) -> str:
    rosters = held(lines)
    if not rosters:
        return who.arn
    id_ = _holders(rosters[-1]).get(who.name)
    if id_ is None:
        raise NotOnRoster(name=who.name)
    return PERSON + id_


def _holders(people: People) -> dict[str, str]:
    """By name the person's id."""
    return {name: id_ for id_, names in people.items() for name in names}


def _standing(lines: Sequence[RosterLine]) -> RosterLine:
    found = proposed(lines)
    if found is None:
        raise NoRoster()
    return found


def _person(who: Principal, people: People) -> str:
    id_ = _holders(people).get(who.name)
    if id_ is None:
        raise RosterWithoutYou(name=who.name)
    return id_


def _check_names(people: People, rosters: Iterable[People]) -> None:
    """Raises `NameOfAnother` for a name that was another person's by any roster that held."""
    before = {name: id_ for roster in rosters for name, id_ in _holders(roster).items()}
    for name, id_ in _holders(people).items():
        if before.get(name, id_) != id_:
            raise NameOfAnother(name=name, person=before[name])


def _add(lines: Sequence[RosterLine], line: RosterLine) -> RosterLine:
    item = item_of(RosterItem, _PARTITION, f"{len(lines):06d}", line)
    if not save_if(item, RosterItem.pk.does_not_exist()):
        raise Unavailable()  # somebody else's line came first: look again
    return line


def _require(holds: bool, line: int, reason: str) -> None:
    if not holds:
        raise MalformedRoster(line=line, reason=reason)
