"""The nightly comparison with the providers: every WIB day since the last compared one, each with a report.

A slice that is done is kept. A day is done once its report is written. So a run may die anywhere, meet another or be
days late: the next one continues. Nothing is repaired: the findings are for people.

Memory holds the lines of one slice and the hour before it, of each provider, and the ledger's payments of the slice: a
few hundred bytes each, some 100 MB if a day's 100,000 payments are all in one slice. The ledger is read by its index of
news and by batch gets of the entitlements in the lines, never by a scan.

The last day that is done is kept in the ledger's table, slices and reports in S3. A day's report has one name, so a
second write replaces it. None of it is personal data, and the bucket is not public.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from msgspec import Struct

from ...aws.attributes import DayAttribute
from ...aws.dynamodb import find, save_if
from ...aws.errands import Errand
from ...aws.errands import State as Stands
from ...clock import iso
from ...logs import metric
from ...time_budget import OutOfTime, TimeBudget
from .. import rules
from ..alarm_words import DIFFERENCES_METRIC
from ..errors import DayNotOver, StatementUnreadable
from ..ledger.items import PayoutsTable
from ..ledger.records import NEWS_SHARDS, News
from ..ledger.store import PayoutStore
from ..providers.provider import Entry, StatementLine, Statements
from ..rules import Entitlement, State
from . import day_rules
from .day_rules import GRACE, DayReport, DayTotals, Slice, SlicePart, Subject
from .whole_ledger import payment

log = logging.getLogger(__name__)

SLICE_S = 500.0
"""The time that a slice needs at most: 2,000 pages of a statement, and the look-ups."""

PAGE = 100
"""Lines of news read at a time."""

LOOKUPS = 1000
"""How many references of one slice and provider are looked up one by one: a call each, some three minutes together.

Above that the statement as a whole is wrong; what is missing is then reported without a look-up.
"""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Behind(Exception):
    """A day has been over for more than a whole day and is not compared. The function ends with it, so that an alarm
    rings.
    """


class NightlyComparison:
    """See the module. `namespace` is where the stage's metrics are."""

    def __init__(self, comparison: DayComparison, store: DayStore, namespace: str) -> None:
        self._comparison = comparison
        self._store = store
        self._namespace = namespace

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Compare what is over at `now` and fits into `deadline_s` seconds; returns whether nothing is left.

        Raises `StatementUnreadable`, and `Behind` if the time is up with a day before the latest still to do. The first
        run ever begins with the latest day that is over.
        """
        budget = TimeBudget(now, deadline_s, seconds)
        latest = day_rules.latest_over(now)
        done = self._store.last_done()
        day = latest if done is None else done + _DAY
        try:
            while day <= latest:
                self._day(day, now, budget)
                day += _DAY
        except OutOfTime:
            log.info("reconciliation_goes_on_later", extra={"day": str(day)})
            if day < latest:
                raise Behind(str(day)) from None
            return False
        return True

    def again(
        self, errand: Errand, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic
    ) -> Iterator[Errand]:
        """Compare the day that an errand is about, whatever was compared before, for `deadline_s` seconds at most.

        Its slices are kept under its own id. A statement that cannot be read ends it. Raises `DayNotOver`.
        """
        budget, day = TimeBudget(now, deadline_s, seconds), date.fromisoformat(errand.about)
        try:
            answered = Answered(day_rules.whole(day, self._parts(day, now, budget, f"{errand.id}/")))
        except OutOfTime:
            yield msgspec.structs.replace(errand, state=Stands.PAUSES)
            return
        except StatementUnreadable as error:
            answered = Answered(unreadable=str(error.facts["fact"]))
        yield msgspec.structs.replace(errand, state=Stands.DONE, found=msgspec.to_builtins(answered))

    def _day(self, day: date, now: datetime, budget: TimeBudget) -> None:
        report = day_rules.whole(day, self._parts(day, now, budget))
        self._store.put_report(day, day_rules.as_csv(report))
        self._tell(report, now)
        self._store.mark_done(day)

    def _parts(self, day: date, now: datetime, budget: TimeBudget, under: str = "") -> list[SlicePart]:
        """What each slice came to; one that was not kept before is compared. Raises `OutOfTime`."""
        parts = []
        for piece in self._comparison.slices(day, now):
            part = self._store.part(day, under + piece.name)
            if part is None:
                budget.need(SLICE_S)
                part = self._comparison.part(piece, budget.now())
                self._store.put_part(day, under + piece.name, part)
            parts.append(part)
        return parts

    def _tell(self, report: DayReport, now: datetime) -> None:
        """Log one line, with the metric in it; an ERROR if there is any difference.

        A run that dies right after it logs the same day again, which is better than not at all.
        """
        count = len(report.found)
        extra = {"day": str(report.day), **metric(self._namespace, DIFFERENCES_METRIC, count, now)}
        log.log(logging.ERROR if count else logging.INFO, "payouts_reconciled", extra=extra)


class Answered(Struct, frozen=True):
    """What came of it: a report, or why a statement could not be read."""

    report: DayReport | None = None
    unreadable: str = ""


class DayComparison:
    """Compares one slice after another, and keeps the last lines, so that each is read once.

    `statements`: each provider's, by the provider's name. `each_place` as for `whole_ledger.payment`.
    """

    def __init__(self, ledger: PayoutStore, statements: Mapping[str, Statements], *, each_place: bool = False) -> None:
        self._ledger = ledger
        self._each_place = each_place
        self._statements = statements
        self._readers = {rail: _Reader(each) for rail, each in statements.items()}

    def slices(self, day: date, now: datetime) -> list[Slice]:
        """The slices of a day. Raises `DayNotOver` unless all of them can be compared."""
        latest = day_rules.latest_over(now)
        if day > latest:
            raise DayNotOver(day=str(day), latest=str(latest))
        return day_rules.slices(day)

    def part(self, piece: Slice, now: datetime) -> SlicePart:
        """Compare one slice, both ways. Raises `StatementUnreadable`."""
        settled_by = now - GRACE
        windows = {
            rail: reader.lines(piece.since - day_rules.BEFORE, piece.since, piece.until + day_rules.SKEW)
            for rail, reader in self._readers.items()
        }
        totals, subjects = DayTotals(), dict[tuple[str, str], Subject]()
        for news, subject in self._recorded(piece):
            totals += day_rules.count_event(news.state, news.amount_idr)
            subjects[subject.rail, subject.reference] = subject
        for rail, lines in windows.items():
            inside = [line for line in lines if piece.since <= line.updated_at < piece.until]
            totals = sum(map(day_rules.count, inside), totals)
            for subject in self._subjects(rail, {line.reference for line in inside}):
                subjects[rail, subject.reference] = subject
        found, received = [], list[tuple[str, str]]()
        for rail, grouped in ((rail, day_rules.grouped(lines)) for rail, lines in windows.items()):
            own = [subject for (at, _), subject in subjects.items() if at == rail]
            for subject, lines in self._complete(rail, own, grouped, settled_by):
                found += day_rules.judge(subject, lines, settled_by, each_place=self._each_place)
                if subject.entitlement is not None:
                    who = payment(subject.entitlement, each_place=self._each_place)
                    received += [(who, line.id) for line in lines if line.entry is Entry.SUCCEEDED]
        return SlicePart(totals, found, received)

    def _recorded(self, piece: Slice) -> Iterator[tuple[News, Subject]]:
        """What the ledger recorded as PAID or REVERSED in a slice, each with its attempt."""
        for shard in NEWS_SHARDS:
            # The index compares instants as texts, which may be wrong by up to a second at either end.
            after = iso(piece.since - _SECOND)
            while page := self._ledger.transitions(shard, after, piece.until + _SECOND, PAGE):
                for news, entitlement in page:
                    if news.state in {State.PAID, State.REVERSED} and piece.since <= news.at < piece.until:
                        yield news, self._attempt_of(news, entitlement)
                after = page[-1][0].key

    def _attempt_of(self, news: News, entitlement: Entitlement) -> Subject:
        if entitlement.changed_at == news.at:
            n, rail = entitlement.n, entitlement.rail
        else:
            # It went on since: the money came back, and two administrators may have let another attempt follow.
            events = self._ledger.events(entitlement.id)
            n = next(each.n for each in events if (each.at, each.state) == (news.at, news.state))
            rail = next(each.rail for each in self._ledger.attempts(entitlement.id) if each.n == n)
        if rail is None or rail not in self._statements:
            raise StatementUnreadable(fact=f"no_statement_of_{rail}")
        return Subject(rail, rules.reference(entitlement.id, n), entitlement)

    def _subjects(self, rail: str, references: Iterable[str]) -> Iterator[Subject]:
        """The references with their entitlements."""
        entitlements = {each: rules.entitlement_of(each) for each in references}
        ids = {each for each in entitlements.values() if each is not None}
        heads = {each.id: each for each in self._ledger.batch(ids)}
        for reference, id_ in entitlements.items():
            yield Subject(rail, reference, heads.get(id_) if id_ else None)

    def _complete(
        self, rail: str, subjects: Sequence[Subject], window: Mapping[str, list[StatementLine]], settled_by: datetime
    ) -> Iterator[tuple[Subject, list[StatementLine]]]:
        """Each subject with its lines: those of the window if they agree, otherwise all there are.

        The ledger is then read again after the provider, so that it is not behind the lines.
        """
        doubtful: list[Subject] = []
        for subject in subjects:
            lines = window.get(subject.reference, [])
            doubt = day_rules.judge(subject, lines, settled_by) or day_rules.needs_a_look(subject, lines)
            if doubt and subject.entitlement is not None and len(doubtful) < LOOKUPS:
                doubtful.append(subject)
            else:
                yield subject, lines
        looked_up = self._statements[rail].of([each.reference for each in doubtful])
        for subject in self._subjects(rail, [each.reference for each in doubtful]):
            lines = [*window.get(subject.reference, []), *looked_up.get(subject.reference, [])]
            yield subject, day_rules.grouped(lines).get(subject.reference, [])


class _Reader:
    """Reads the lines of a moving window; what was in the last window is not read again."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._lines: list[StatementLine] = []
        self._since: datetime | None = None
        self._until: datetime | None = None

    def lines(self, since: datetime, middle: datetime, until: datetime) -> list[StatementLine]:
        """The lines of a window that does not begin before the last one.

        What is before `middle`, where a slice begins, is read by itself. A line without a readable time counts as of
        the beginning of what was asked for; otherwise it would be in no slice.
        """
        if self._since is None or self._until is None or not self._since <= since <= self._until:
            self._lines, self._since, self._until = list(self._statements.between(since, middle)), since, middle
        fresh = list(self._statements.between(self._until, until))
        self._lines = [line for line in self._lines if line.updated_at >= since] + fresh
        self._since, self._until = since, max(until, self._until)
        return self._lines


_KEYS = ("CONTROL", "RECONCILED")


class ReconciledItem(PayoutsTable):
    """`CONTROL` / `RECONCILED`."""

    day = DayAttribute()


def last_compared() -> date | None:
    """The latest WIB day that was compared with the providers; one consistent read of the bound table."""
    item = find(ReconciledItem, *_KEYS)
    return item.day if item else None


class DayStore:
    """Reads and writes what a comparison keeps. `s3` is a client."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def last_done(self) -> date | None:
        """The latest WIB day whose report is written; one consistent read."""
        return last_compared()

    def mark_done(self, day: date) -> None:
        """Record a day as done; a late run of an earlier day changes nothing."""
        later = ReconciledItem.pk.does_not_exist() | (ReconciledItem.day < day)
        save_if(ReconciledItem(*_KEYS, day=day), later)

    def part(self, day: date, name: str) -> SlicePart | None:
        """What a slice came to, if it is done."""
        body = self._get(_part_key(day, name))
        return None if body is None else msgspec.json.decode(body, type=SlicePart)

    def _get(self, key: str) -> Any:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def put_part(self, day: date, name: str, part: SlicePart) -> None:
        self._put(_part_key(day, name), msgspec.json.encode(part), "application/json")

    def put_report(self, day: date, body: bytes) -> None:
        """Write a day's report, in the place of an earlier one."""
        self._put(report_key(day), body, "text/csv; charset=utf-8")

    def _put(self, key: str, body: bytes, kind: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=kind)


def report_key(day: date) -> str:
    """The name of a day's report in the bucket."""
    return f"reconciliation/reports/{day}.csv"


def _part_key(day: date, name: str) -> str:
    return f"reconciliation/parts/{day}/{name}.json"
