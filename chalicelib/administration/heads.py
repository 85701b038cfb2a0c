"""The journal's daily heads: a hash over a day's lines and the head before, published, so that a changed past shows.

What was done to the roster on a day counts among its lines.

Each head stands for all days up to its own. Whoever keeps one, such as from the announcement, can tell whether any line
before it was rewritten, removed or added since (docs/administration.md has the bytes).
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from msgspec.structs import replace

from ..ids import derived_id
from ..time_budget import OutOfTime, TimeBudget
from ..values import Value
from .journal import Journal, Line
from .roster import Roster, RosterLine
from .terms import first_kept

log = logging.getLogger(__name__)

FILE = "journal/heads.jsonl"
"""In the results bucket: a line of JSON for each day."""

MARGIN = timedelta(minutes=15)
"""How long after its end a day may still get lines: a request that began in it ends within half a minute."""

DAY_S = 400
"""The time that one day may take, in seconds: a million lines."""

LOOKS_BACK = timedelta(days=30)
"""How far back the first run looks for the first day with lines."""

_DAY = timedelta(days=1)
_LATE = timedelta(hours=36)
"""From when on it is said that a day, from its beginning, has no head yet."""
_OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


class Head(Value, frozen=True):
    """`lines`: how many the day has, with those of the roster. `acts` and `roster` are a SHA-256 in hex of each kind.

    `days` is the term of `acts`. `head` is a SHA-256 of all this; `before` is the one before it, empty for the first.
    """

    day: date
    lines: int
    acts: str
    roster: str
    days: int
    before: str
    head: str


class Verdict(StrEnum):
    """What a day of the journal is compared with what was published."""

    SAME = "as published"
    REWRITTEN = "rewritten: as many lines, and not the same"
    REMOVED = "fewer lines than published"
    ADDED = "more lines than published"
    CHAIN = "the published head does not follow from its own line and the day before"
    MISSING = "no head is published"
    GONE = "lines gone by their term"
    HALF_GONE = "past its term, and some lines are left that cannot be compared: look again when end_terms is done"

    @property
    def is_well(self) -> bool:
        return self in (Verdict.SAME, Verdict.GONE)


class Found(Value, frozen=True):
    """A day, how many lines were published and are there now, and the verdict."""

    day: date
    published: int
    present: int
    verdict: Verdict


class Read(Value, frozen=True):
    """How far a day is read: how many lines, their digest, and the key of the last."""

    day: date
    count: int = 0
    digest: str = ""
    after: str = ""

    def with_line(self, line: Line | RosterLine, after: str = "") -> Read:
        """Each digest is of the one before and the line, so a day need not be read at once, nor be in memory."""
        raw = self.digest.encode() + msgspec.json.encode(line, order="sorted") + b"\n"
        return Read(self.day, self.count + 1, hashlib.sha256(raw).hexdigest(), after)


Pause = Callable[[Read], None]
"""Is told how far the day is read that is being compared, after each line; it may end it there by an exception."""


def head_of(before: str, acts: Read, roster: Iterable[RosterLine], days: int) -> Head:
    """The head of a day, from the head before and its lines in their order."""
    others = Read(acts.day)
    for line in roster:
        others = others.with_line(line)
    return _chained(Head(acts.day, acts.count + others.count, acts.digest, others.digest, days, before, ""))


def _chained(one: Head) -> Head:
    """With the head that its other fields have."""
    said = ("gelombang-journal/v2", one.before, one.day, one.lines, one.acts, one.roster, one.days)
    return replace(one, head=hashlib.sha256("".join(f"{part}\n" for part in said).encode()).hexdigest())


_ALL = Read(date.min)


class Heads:
    """`s3` and `sns` are botocore clients. Acts of days that are more than `days` ago go, and the roster's stay."""

    def __init__(self, journal: Journal, roster: Roster, s3: Any, bucket: str, sns: Any, topic: str, days: int) -> None:
        self._journal = journal
        self._roster = roster
        self._s3 = s3
        self._bucket = bucket
        self._sns = sns
        self._topic = topic
        self._days = days

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Announce and publish the head of each day that is over and has none; False if time was short.

        Announced first: a run that dies in between announces the same again. Of two runs at once one alone publishes.
        """
        budget = TimeBudget(now, deadline_s, seconds)
        while True:
            try:
                budget.need(DAY_S)
            except OutOfTime:
                log.info("heads_go_on_later")
                return False
            heads, version = self._read()
            day = heads[-1].day + _DAY if heads else self._first(now)
            if day > (now.astimezone(UTC) - MARGIN).date() - _DAY:
                return True
            new = self._head(heads[-1].head if heads else "", day)
            self._announce(new)
            self._put([*heads, new], version)

    def is_published(self, head: str) -> bool:
        """Whether a head that somebody kept is among those that are published. One read."""
        return any(one.head == head.strip().casefold() for one in self._read()[0])

    def verify(self, now: datetime, since: Read = _ALL, pause: Pause = lambda _: None) -> Iterator[Found]:
        """Compare each day, from where `since` stands on, with its published head. Seventeen queries for each day,
        paged.

        The acts of a day may be gone if they are past the term that its head has, and then all of them.
        """
        heads, _ = self._read()
        earlier: Head | None = None
        if heads:
            yield from self._before(heads[0].day, since, pause)
        for head in heads:
            if head.day >= since.day:
                yield self._compare(earlier, head, now, self._acts(head.day, since, pause))
            earlier = head
        day = max(since.day, earlier.day + _DAY if earlier else self._first(now))
        while day <= (now.astimezone(UTC) - _LATE).date():
            yield Found(day, 0, self._lines(day, since, pause), Verdict.MISSING)
            day += _DAY

    def _before(self, first: date, since: Read, pause: Pause) -> Iterator[Found]:
        """Days with lines of the month before the first head: the file may have lost its front."""
        day = max(since.day, first - LOOKS_BACK)
        while day < first:
            if present := self._lines(day, since, pause):
                yield Found(day, 0, present, Verdict.MISSING)
            day += _DAY

    def _compare(self, earlier: Head | None, head: Head, now: datetime, acts: Read) -> Found:
        present = head_of(head.before, acts, self._roster_of(head.day), head.days)
        verdict = Verdict.SAME
        follows = (earlier.head, earlier.day + _DAY) if earlier else ("", head.day)
        if (head.before, head.day) != follows or _chained(head) != head:
            verdict = Verdict.CHAIN
        elif present.lines > head.lines:
            verdict = Verdict.ADDED
        elif present.lines < head.lines:
            verdict = Verdict.REMOVED
            if head.day < first_kept(now, head.days) and present.roster == head.roster:
                verdict = Verdict.HALF_GONE if acts.count else Verdict.GONE
        elif present != head:
            verdict = Verdict.REWRITTEN
        return Found(head.day, head.lines, present.lines, verdict)

    def _head(self, before: str, day: date) -> Head:
        """Of a day, as its lines are now. Seventeen queries, paged."""
        return head_of(before, self._acts(day), self._roster_of(day), self._days)

    def _acts(self, day: date, since: Read = _ALL, pause: Pause = lambda _: None) -> Read:
        """A day's acts, read to their end; from where `since` stands, if it is of this day."""
        read = since if since.day == day else Read(day)
        for sk, line in self._journal.of_day(day, read.after):
            read = read.with_line(line, sk)
            pause(read)
        return read

    def _lines(self, day: date, since: Read, pause: Pause) -> int:
        """How many lines a day has, with those of the roster."""
        return self._acts(day, since, pause).count + sum(1 for _ in self._roster_of(day))

    def _roster_of(self, day: date) -> Iterator[RosterLine]:
        return (line for line in self._roster.lines() if line.at.date() == day)

    def _first(self, now: datetime) -> date:
        """The first day with lines of late, or the day that is over if there are none."""
        last = (now.astimezone(UTC) - MARGIN).date() - _DAY
        days = (last - LOOKS_BACK + _DAY * number for number in range(LOOKS_BACK.days))
        lines = ((day, chain(self._journal.of_day(day), self._roster_of(day))) for day in days)
        return next((day for day, found in lines if any(True for _ in found)), last)

    def _announce(self, head: Head) -> None:
        said = {"v": 1, "id": derived_id("journal-head/v1", head.head), "event": "journal_head"}
        self._sns.publish(
            TopicArn=self._topic,
            Message=json.dumps(said | msgspec.to_builtins(head)),
            MessageAttributes={"event": {"DataType": "String", "StringValue": "journal_head"}},
        )

    def _read(self) -> tuple[list[Head], str | None]:
        """The published heads, and the version of their file; none if there is no file."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=FILE)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return [], None
            raise
        return msgspec.json.Decoder(Head).decode_lines(answer["Body"].read()), answer["ETag"]

    def _put(self, heads: Sequence[Head], version: str | None) -> None:
        """Publish, unless somebody else did meanwhile."""
        unchanged = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        body = msgspec.json.Encoder().encode_lines(heads)
        told = {"ContentType": "application/jsonl", "CacheControl": "max-age=60"}
        try:
            self._s3.put_object(Bucket=self._bucket, Key=FILE, Body=body, **told, **unchanged)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _OVERTAKEN:
                raise
