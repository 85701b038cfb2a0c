"""The terms of what is kept about people: what is past its term goes, in rounds over everything that has one.

A round goes through its places page by page. Where it is, is recorded after each page, so a run that ends or dies is
continued by the next; a page that was half done is done again, which changes nothing more. The public is told what went
in all rounds that came to their end (`GET /status.json`).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from ..aws import dynamodb
from ..aws.attributes import InstantAttribute, JsonAttribute
from ..aws.clients import is_passing
from ..aws.dynamodb import Transaction, find
from ..aws.job_progress import RunsTable, TermsItem
from ..time_budget import OutOfTime, TimeBudget
from ..values import Value
from .rules import Row

log = logging.getLogger(__name__)

PAGE = 500
PAGE_S = 60
"""No page is begun with less time left than this: a page of writes, one after the other, and each with its retries."""

End = Callable[[Sequence[Row], datetime], Mapping[str, int]]
"""Ends what of these rows is past its term; returns how much of what went. Again ends nothing more."""


class Place(Value, frozen=True):
    """A table (by its name) or one partition of it, and who ends what is in it. At its end `done` is called.

    `end` is given whole rows, or `only` these attributes of them (a projection, as `pk,sk`). With `by_its_begin` all
    pages are judged by when the round began: else of a day that becomes due during the round a half would go.
    """

    table: str
    end: End
    pk: str = ""
    done: Callable[[datetime], None] | None = None
    by_its_begin: bool = False
    only: str = ""


class RoundItem(RunsTable):
    """`TERMS` / `ROUND`: the last round. `place`: where it is, "" at its end; `after`: the last row that was read."""

    began_at = InstantAttribute()
    place = UnicodeAttribute()
    after = JsonAttribute[dict[str, Any]](dict[str, Any])
    gone = JsonAttribute[dict[str, int]](dict[str, int])


class Terms:
    """`places` gives by name where a round goes, in the order of the names."""

    def __init__(
        self,
        places: Callable[[datetime], Mapping[str, Place]],
        region: str,
        transaction: Callable[[], Transaction],
        round_days: int,
    ) -> None:
        self._places = places
        self._region = region
        self._transaction = transaction
        self._every = timedelta(days=round_days)

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Continue the round that is due, for at most `deadline_s` seconds. Returns whether no round is left."""
        budget, item = TimeBudget(now, deadline_s, seconds), find(RoundItem, "TERMS", "ROUND")
        if item is not None and not item.place and now - item.began_at < self._every:
            return True
        if item is None or not item.place:
            item = RoundItem("TERMS", "ROUND", began_at=now, place=" ", after={}, gone={})
        try:
            for name, place in sorted(self._places(now).items()):
                if name >= item.place:
                    self._go_through(name, place, item, budget)
        except OutOfTime:
            log.info("terms_go_on_later", extra={"place": item.place})
            return False
        self._end(item, budget.now())
        return True

    def _go_through(self, name: str, place: Place, item: RoundItem, budget: TimeBudget) -> None:
        if name != item.place:
            item.place, item.after = name, {}
        while True:
            budget.need(PAGE_S)
            page = self._page(place, item.after)
            gone = _ended(name, place.end, page["Items"], item.began_at if place.by_its_begin else budget.now())
            item.gone = dict(Counter(item.gone) + gone)
            item.after = page.get("LastEvaluatedKey", {})
            if not item.after:
                break
            item.save()
        if place.done is not None:
            with _heard(name):
                place.done(budget.now())
        item.place, item.after = f"{name} ", {}  # behind this place, before the next
        item.save()

    def _page(self, place: Place, after: Mapping[str, Any]) -> dict[str, Any]:
        asked: dict[str, Any] = {"TableName": place.table, "Limit": PAGE, "ConsistentRead": bool(place.pk)}
        if place.pk:
            asked |= {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": place.pk}}}
        if place.only:
            asked["ProjectionExpression"] = place.only
        if after:
            asked["ExclusiveStartKey"] = after
        return dynamodb.call(self._region, "Query" if place.pk else "Scan", asked)

    def _end(self, item: RoundItem, now: datetime) -> None:
        before = find(TermsItem, "STATUS", "TERMS")
        gone = Counter(before.gone if before else {}) + Counter(item.gone)
        item.place = ""
        with self._transaction() as tx:
            tx.put("round", item)
            tx.put("count", TermsItem("STATUS", "TERMS", ended_at=now, gone=dict(gone)))
        log.info("terms_ended", extra={"gone": dict(item.gone)})


def _ended(name: str, end: End, rows: Sequence[Row], now: datetime) -> Counter[str]:
    """What went of a page. If it fails, each row is ended by itself, so that an odd one stays alone.

    What will pass is raised. The page is then done again.
    """
    try:
        return Counter(end(rows, now))
    except Exception as error:
        if is_passing(error):
            raise
    gone = Counter[str]()
    for row in rows:
        with _heard(name):
            gone += Counter(end([row], now))
    return gone


@contextmanager
def _heard(name: str) -> Iterator[None]:
    """What goes wrong here, and will the next time, is an error in the log, which rings; the round goes on."""
    try:
        yield
    except Exception as error:
        if is_passing(error):
            raise
        log.error("term_not_ended", extra={"place": name, "error": type(error).__name__})
