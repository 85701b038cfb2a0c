"""The journal of administration: who did what, on whom, why and with what outcome. Lines are added and never changed.

A line is written before its act, so no act is without one; a second line has the outcome. An act without its second
line died half-way. The functions may put lines and read them, and none may update or delete one
(`infrastructure/grants.py`). IAM cannot demand the condition of a put, so a line that was overwritten is found by the
heads that are published.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile

from msgspec.structs import replace
from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ..aws.attributes import InstantAttribute, JsonAttribute, item_of
from ..aws.dynamodb import save_if
from ..aws.table import Table
from ..ids import Randomness, derived_id, random_id, shard
from ..structs import fill
from ..values import Value
from .errors import PersonalDataInLine

PARTNER = "partner/"
"""What a line says of a partner who acts, before their id."""

DONE, ASKED, GOES_ON = "done", "asked", "goes_on"
"""Outcomes of what was not refused: it was done; it waits for somebody's yes; time ran out, and it is sent again."""

SHARDS = 8
"""Over how many partitions a day's lines of administrators are spread by who acts, and looks of partners by at whom."""

LASTS = timedelta(minutes=5)
"""An act's end comes sooner than this after it began: nothing takes longer than half a minute."""

_LINE, _SEEN = "LINE", "SEEN"
"""The API may put looks alone: it can neither forge a line of an administrator nor hold one up."""

_NIK = r"\d(?:[ .-]?\d){15}"
_PHONE = (
    r"(?:\+?62[ .()-]{0,2}|0)8\d{1,2}[ .()-]{0,2}\d{3,4}[ .-]?\d{2,5}"
    r"|\+62[ .()-]{0,2}\d{2,3}[ .()-]{0,2}\d{3,4}[ .-]?\d{2,4}"
)
# A signature or a digest in hex may have any digits between its letters.
_IN_REASONS, _IN_IDS = (
    (re.compile(rf"(?<!{edge})(?:{_NIK})(?!{edge})"), re.compile(rf"(?<!{edge})(?:{_PHONE})(?!{edge})"))
    for edge in (r"\d", r"\w")
)
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_MESSAGE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id of a message of SQS, which is of nobody and may look like a phone number."""
_PERSON = re.compile(r"[a-z2-7]{26}|(?!.*\d{8})[0-9a-z-]{1,64}")


class JournalTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class Line(Value, frozen=True, omit_defaults=True):
    """What one person did, or began to do.

    `person` is who acts (docs/administration.md), `arn` the identity that they used; `route` is the command. `about`
    are ids, `registrant` is set if the act looks at one person or changes them. `proposal` is the digest of the rows
    that were shown and approved. `outcome` is `DONE`, `ASKED`, `GOES_ON` or a refusal's code. In later lines of one act
    `of` is the id of the first: it ended, or it is about somebody whom it found.
    """

    at: datetime
    person: str
    arn: str
    route: str
    about: tuple[str, ...] = ()
    registrant: str | None = None
    reason: str | None = None
    proposal: str | None = None
    outcome: str | None = None
    of: str | None = None
    id: str = ""


class ReadersIndex(GlobalSecondaryIndex["LineItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """The lines about one registrant, by time. Sparse."""

    class Meta:
        index_name = "readers"
        projection = AllProjection()

    registrant = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class LineItem(JournalTable):
    """`LINE#<UTC day>#<shard of who acts>` or `SEEN#<UTC day>#<shard of at whom>` / `<instant>#<place>#<id>`."""

    id = UnicodeAttribute()
    at = InstantAttribute()
    person = UnicodeAttribute()
    arn = UnicodeAttribute()
    route = UnicodeAttribute()
    about: JsonAttribute[tuple[str, ...]] = JsonAttribute(tuple[str, ...])
    registrant = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    proposal = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute(null=True)
    of = UnicodeAttribute(null=True)

    readers = ReadersIndex()


class Journal:
    """Adds lines and reads them."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness

    def write(self, line: Line) -> Line:
        """Add a line to the UTC day of its instant; returns it with its id. One put.

        Raises `PersonalDataInLine`, and pynamodb's `PutError`; then the act may not be done.
        """
        _check(line)
        new = replace(line, id=random_id(self._randomness))
        _add(new, _LINE, line.person)
        return new

    def end(
        self, begun: Line, outcome: str, now: datetime, about: tuple[str, ...] = (), proposal: str | None = None
    ) -> Line:
        """Add how an act ended; `about` are ids that it made, `proposal` is what was approved. One put."""
        ended = {"outcome": outcome, "of": begun.id, "about": about, "proposal": proposal}
        return self.write(replace(begun, at=now, reason=None, **ended))

    def seen(self, partner: str, route: str, about: str, registrant: str, now: datetime) -> None:
        """Add that a partner looked at what is kept of a person, once for each UTC day and the same look. One put.

        The line's instant is the beginning of the day. Raises as `write`; then nothing may be shown.
        """
        at = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        line_id = derived_id("seen/1", partner, route, about, registrant, at.date().isoformat())
        line = Line(at, f"{PARTNER}{partner}", partner, route, (about,), registrant, outcome=DONE, id=line_id)
        _check(line)
        _add(line, _SEEN, registrant)

    def of_day(self, day: date, after: str = "", *, partners: bool = True) -> Iterator[tuple[str, Line]]:
        """The lines of a UTC day after the one with this key, in their order; with partners' looks, if asked for.

        Each with its key, which has more digits of its instant than the line itself. A query for each of its
        partitions, eight or 16, paged.
        """
        kinds = (_LINE, _SEEN) if partners else (_LINE,)
        every = (_partition(kind, day.isoformat(), f"{number:02d}") for kind in kinds for number in range(SHARDS))
        found = (LineItem.query(one, LineItem.sk > after if after else None, consistent_read=True) for one in every)
        return ((item.sk, _line(item)) for item in heapq.merge(*found, key=lambda item: item.sk))

    def acts(
        self, days: Iterable[date], after: str, *, partners: bool, begins: Callable[[str], None] = lambda _: None
    ) -> Iterator[tuple[str, Line, Line | None]]:
        """The lines of days that follow each other, but for the ends of acts, after the one with this key.

        Each with its key and the end of its act; None if it died half-way. An act that began before midnight ends
        after it. `begins` is called before each later day, also of those without lines, with what to go on after.
        """
        waiting, ended = deque[tuple[str, Line]](), dict[str, Line]()
        for sk, line in self._lines(list(days), after, partners=partners):
            at = line.at if isinstance(line, Line) else datetime.combine(line, time(), UTC)
            if isinstance(line, Line) and line.of and line.outcome:
                ended[line.of] = line
            elif isinstance(line, Line):
                waiting.append((sk, line))
            while waiting:
                first, one = waiting[0]
                end = ended.get(_act(one))
                if end is None and one.outcome is None and one.at > at - LASTS:
                    break
                waiting.popleft()
                yield first, one, end
            if not isinstance(line, Line) and not waiting:
                begins(sk)
        yield from ((sk, one, ended.get(_act(one))) for sk, one in waiting)

    def _lines(self, days: Sequence[date], after: str, *, partners: bool) -> Iterator[tuple[str, Line | date]]:
        """As `of_day`, of several days, with each day but the first before its lines.

        Then the ends of acts in the first minutes of the next one.
        """
        for day in days:
            if day != days[0] and day.isoformat() > after:
                yield day.isoformat(), day
            if day.isoformat() >= after[:10]:
                yield from self.of_day(day, after, partners=partners)
        if days:
            last = datetime.combine(days[-1] + timedelta(days=1), time(), UTC)
            late = takewhile(lambda one: one[1].at < last + LASTS, self.of_day(last.date(), partners=False))
            yield from ((sk, one) for sk, one in late if one.of and one.outcome)

    def of_person(self, registrant: str) -> Iterator[Line]:
        """Who looked at or changed what is kept of a person, the newest first, each with its outcome; paged.

        None as the outcome: the act died half-way, or goes on. An act of the last second may be missing.
        """
        ended = dict[str, str]()
        for item in LineItem.readers.query(registrant, scan_index_forward=False):
            line = _line(item)
            if line.of and line.outcome:
                ended[line.of] = line.outcome
            else:
                yield replace(line, outcome=ended.get(_act(line), line.outcome))


def _key(line: Line) -> str:
    """By which the lines of a day are in their order. Of a line that was read it is another: `at` is kept shorter."""
    instant = line.at.astimezone(UTC).isoformat(timespec="microseconds")  # as many digits always, to be sorted
    place = 0 if line.of is None else 1 if line.outcome is None else 2  # in which an act's own lines come
    return f"{instant}#{place}#{line.id}"


def _act(line: Line) -> str:
    return line.of or line.id


def _add(line: Line, kind: str, spread_by: str) -> None:
    sk = _key(line)
    # If there is such a line, a try of this very put wrote it, and its answer was lost, or it is said once a day.
    pk = _partition(kind, sk[:10], shard(spread_by, SHARDS))
    save_if(item_of(LineItem, pk, sk, line), LineItem.pk.does_not_exist())


def _partition(kind: str, day: str, number: str) -> str:
    return f"{kind}#{day}#{number}"


def _line(item: LineItem) -> Line:
    return fill(Line, item)


def _check(line: Line) -> None:
    named = [one for one in (line.registrant, *line.about) if one and not _MESSAGE.fullmatch(one)]
    if line.registrant and not _PERSON.fullmatch(line.registrant):
        raise PersonalDataInLine()
    if any(_is_personal(one, *_IN_IDS) for one in named) or _is_personal(line.reason or "", *_IN_REASONS):
        raise PersonalDataInLine()


def _is_personal(text: str, nik: re.Pattern[str], phone: re.Pattern[str]) -> bool:
    return bool(phone.search(text) or _MAIL.search(text)) or any(_is_nik(found[0]) for found in nik.finditer(text))


def _is_nik(written: str) -> bool:
    """Sixteen digits; in groups they are one only with a day (of a woman: 40 more) and a month of birth."""
    digits = re.sub(r"\D", "", written)
    return digits == written or (1 <= int(digits[6:8]) % 40 <= 31 and 1 <= int(digits[8:10]) <= 12)
