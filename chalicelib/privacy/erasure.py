"""Erasing people: what is due of it each hour, and again after a table was restored.

A deletion that is due is carried out in steps, each of which may be repeated. If something of the person's came up in
the meantime, it ends and they are told why. Else nobody can sign in to the account any more. When no access token of it
can live any longer, and nothing of theirs is under way, the person is entered in a list outside the tables. Then their
addresses go from SES's own list, and their rows are deleted: within each domain those that are found through others
first, and the account last. Who was given a place keeps what the draw and the books need, and the keyed hash of their
NIK.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

import msgspec
from botocore.exceptions import ClientError
from msgspec import Struct
from msgspec.structs import replace

from ..aws import dynamodb
from ..aws.errands import Errand, State
from ..clock import iso
from ..time_budget import OutOfTime, TimeBudget
from ..values import Value
from .rules import Held, Part, Row, kept_of, register, stays

log = logging.getLogger(__name__)

ONE_PERSON_S = 60
"""Nobody's erasure is begun with less time left than this: some hundred calls."""

TOKENS_LIVE = timedelta(minutes=15)
"""An access token and the authorizer's answer live six minutes after the session's end."""

WAITS = timedelta(hours=6)
"""A draw takes days: who waits for its end is looked at again after so long."""

_AT_ONCE = 8
"""People who are erased at once after a restore; a client keeps ten connections."""

_PAGE = _AT_ONCE
"""People who are erased before it is seen whether it is late. At one call of SES a second 24 people took 49 s, and 90 s
with two addresses each.
"""

_SEGMENTS = 1_024
"""Parts of each table: with ten million people a part has some 40 MB."""

_ONE_RUN = timedelta(hours=1)
"""No try to erase a person takes so long."""

_ENTRIES = ("session", "passkey", "passkey_guard", "contact", "issuer")
"""By what a person signs in."""

_NEVER_GIVEN = {"RESERVED", "LAPSED"}
"""As `waves.places.place_rules.UNCONFIRMED`."""

_OWNERS = ("account_id", "registrant", "registrant_id", "filed_by")


class Due(Protocol):
    """A deletion that is due: `accounts.DueDeletion`."""

    @property
    def account_id(self) -> str: ...
    @property
    def closed_at(self) -> datetime | None: ...
    @property
    def begun_at(self) -> datetime | None: ...


class Deletions(Protocol):
    """Which are due; `accounts.Deletions`."""

    def due(self, now: datetime) -> Iterator[Any]: ...
    def stands(self, one: Any) -> bool: ...
    def used(self, one: Any, now: datetime) -> bool: ...
    def end(self, one: Any, because: str | None) -> None: ...
    def close(self, one: Any, now: datetime) -> None: ...
    def begin(self, one: Any, now: datetime) -> None: ...
    def done(self, one: Any) -> None: ...
    def put_off(self, one: Any, until: datetime) -> None: ...


class Erased(Value, frozen=True):
    """Who was erased, in a bucket that no restore of a table touches. `s3` gives a client."""

    s3: Callable[[], Any]
    bucket: str

    def add(self, person: str, now: datetime) -> None:
        """Enter somebody; again changes the time only."""
        self.s3().put_object(Bucket=self.bucket, Key=f"erasures/{person}", Body=iso(now).encode())

    def all(self, since: datetime | None = None, after: str = "") -> Iterator[str]:
        """Everybody who was entered, or entered again, since then, in order from behind `after` on; page by page."""
        asked = {"Bucket": self.bucket, "Prefix": "erasures/", "StartAfter": f"erasures/{after}"}
        for page in self.s3().get_paginator("list_objects_v2").paginate(**asked):
            for one in page.get("Contents", ()):
                if since is None or one["LastModified"] >= since:
                    yield str(one["Key"]).removeprefix("erasures/")


class NotErased(Exception):
    """A replay came to its end, but some people could not be erased; the log has the types of the errors."""


class Replay(Struct, frozen=True):
    """What is erased again: with `restored_to` only those who still had rows then, as each try to erase somebody enters
    them first; from behind the person or the part of the tables at which a run before ended, how many it erased, and
    how many it could not.
    """

    restored_to: datetime | None = None
    after: str = ""
    erased: int = 0
    failed: int = 0


class Replayed(Struct, frozen=True):
    """How many people of the list were erased, behind what to go on (nothing: it is at its end), and how many could not
    be erased.
    """

    erased: int = 0
    after: str = ""
    failed: int = 0


_ALL = Replay()
_TABLES = "#"
"""Begins what tells a part of the tables; no person's id does."""


class Erasure:
    """`parts` as in `Export`; `table` gives the name of a table; `under_way` says what of a person is not at its end,
    None if nothing is. `leave` takes a person out of a wave that is not settled. `forget` has a person's addresses
    forgotten outside the tables, as long as the account has them.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - built in one place, of what a person leaves traces in
        self,
        parts: Mapping[str, Part],
        table: Callable[[str], str],
        region: str,
        deletions: Deletions,
        erased: Erased,
        under_way: Callable[[str], str | None],
        leave: Callable[[str, datetime], None],
        forget: Callable[[str], None],
    ) -> None:
        self._parts = parts
        self._table = table
        self._region = region
        self._deletions = deletions
        self._erased = erased
        self._under_way = under_way
        self._leave = leave
        self._forget = forget

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Carry out the deletions that are due, for `deadline_s` seconds at most. Returns whether all are done.

        One that waits for a draw or for the last token counts as done. An error holds up nobody else; all are raised at
        the end in one `ExceptionGroup`.
        """
        budget, trouble = TimeBudget(now, deadline_s, seconds), list[Exception]()
        try:
            budget.need(ONE_PERSON_S)
            for one in self._deletions.due(now):
                budget.need(ONE_PERSON_S)
                try:
                    self._go_on(one, budget.now())
                except Exception as error:  # noqa: BLE001 - raised below, after the others
                    log.warning("erasure_failed", extra={"error": type(error).__name__})
                    trouble.append(error)
        except OutOfTime:
            log.info("erasures_go_on_later")
            return False
        if trouble:
            raise ExceptionGroup("people who could not be erased", trouble)
        return True

    def erase(self, person: str, now: datetime) -> None:
        """Erase a person; again does what is left. Everything else about them stays as the record says."""
        self._erased.add(person, now)
        self._forget(person)  # before the account goes: a run that died knows the addresses again
        chosen = self._was_chosen(person, now)
        for part in reversed(list(self._parts.values())):
            for held in reversed(list(part(person, now))):
                self._erase(held, person, chosen=chosen)

    def replay(self, now: datetime) -> Replayed:
        """Erase everybody of the list again, after a table was restored. Raises `NotErased`."""
        *_, done = self.replayed(now)
        return done

    def replayed(self, now: datetime, asked: Replay = _ALL, segments: int = 1) -> Iterator[Replayed]:
        """As `replay`, and how far it came after each page or part.

        A table that was restored alone has rows that were found through rows of another. So every table is read whole,
        in so many segments. The list is in memory while that goes on: some 100 bytes for each person.
        An error with a person holds up nobody else; the end then raises `NotErased`.
        """
        since, in_tables = asked.restored_to and asked.restored_to - _ONE_RUN, asked.after.startswith(_TABLES)
        rest = iter(()) if in_tables else self._erased.all(since, asked.after)
        count, failed = asked.erased, asked.failed
        with ThreadPoolExecutor(_AT_ONCE, "erasure") as pool:
            while page := list(islice(rest, _PAGE)):
                erased = sum(pool.map(lambda person: self._erase_again(person, now), page))
                count, failed = count + erased, failed + len(page) - erased
                yield Replayed(count, page[-1], failed)
        people, tables = set(self._erased.all(since)), sorted({kept.table for kept in register().kept.values()})
        all_ = f"{_TABLES}{len(tables)}"
        parts = [(f"{all_}/{table}/{number}", table, number) for table in tables for number in range(segments)]
        places = [place for place, *_ in parts]
        # A part of another release, which has more tables or fewer, is no place to go on: all tables are read again.
        begun = places.index(asked.after) + 1 if asked.after in places else 0
        for place, table, number in parts[begun:] if people else ():
            for row in dynamodb.every_row(self._table(table), self._region, number, segments):
                kind = kind_of(table, row)
                for person in people & _people_of(row) if kind else ():
                    self._erase(Held(kind, row), person, chosen=self._was_chosen(person, now))
            yield Replayed(count, place, failed)
        yield Replayed(count, failed=failed)
        if failed:
            raise NotErased(f"{failed} people")

    def replay_again(
        self, errand: Errand, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic
    ) -> Iterator[Errand]:
        """As `replay`, of an errand of the administration, for `deadline_s` seconds at most."""
        budget, found = TimeBudget(now, deadline_s, seconds), msgspec.convert(errand.found or Replayed(), Replayed)
        so_far = {"after": errand.after, "erased": found.erased, "failed": found.failed}
        asked = msgspec.convert({**errand.asked, **so_far}, Replay)
        try:
            for done in self.replayed(now, asked, _SEGMENTS):
                state = State.PAUSES if done.after else State.DONE
                yield replace(errand, state=state, after=done.after, found=msgspec.to_builtins(done))
                if done.after:
                    budget.need(ONE_PERSON_S)
        except OutOfTime:
            log.info("replay_goes_on_later")

    def _erase_again(self, person: str, now: datetime) -> bool:
        try:
            self.erase(person, now)
        except Exception as error:  # noqa: BLE001 - counted, and raised at the end of the replay
            log.warning("erasure_failed", extra={"error": type(error).__name__})
            return False
        return True

    def _go_on(self, one: Due, now: datetime) -> None:
        if one.begun_at is None:
            if not self._deletions.stands(one):
                self._deletions.done(one)
                return
            if one.closed_at is None and self._deletions.used(one, now):
                self._deletions.end(one, None)
                log.info("account_used_again")
                return
            because = self._under_way(one.account_id)
            if because is not None and one.closed_at is None:
                self._deletions.end(one, because)
                log.info("erasure_ended", extra={"because": because})
                return
            if because is not None:
                self._deletions.put_off(one, now + WAITS)
                log.warning("erasure_waits", extra={"because": because})
                return
            if one.closed_at is None:
                self._leave(one.account_id, now)
                self._close(one.account_id, now)
                self._deletions.close(one, now)
                return
            if now - one.closed_at < TOKENS_LIVE:
                return
            self._deletions.begin(one, now)
        self.erase(one.account_id, now)
        self._deletions.done(one)
        log.info("person_erased")

    def _was_chosen(self, person: str, now: datetime) -> bool:
        """Whether a place was ever given to a person, and not one that waits or has lapsed."""
        places = [held.row for held in self._parts["waves"](person, now) if held.kind == "place"]
        return any(row["state"]["S"] not in _NEVER_GIVEN for row in places)

    def _close(self, person: str, now: datetime) -> None:
        for held in reversed(list(self._parts["accounts"](person, now))):
            if held.kind in _ENTRIES:
                self._erase(held, person, chosen=False)

    def _erase(self, held: Held, person: str, *, chosen: bool) -> None:
        kept = kept_of(held)
        if kept.leaves:
            self._write(kept.table, held.row, "UpdateItem", f"DELETE {kept.leaves} :mine", {":mine": {"SS": [person]}})
            self._write(kept.table, held.row, "DeleteItem", None, {}, f"attribute_not_exists({kept.leaves})")
        elif stays(held, chosen=chosen):
            gone = [name for name in kept.strips if name in held.row]
            if gone:
                self._write(kept.table, held.row, "UpdateItem", f"REMOVE {', '.join(gone)}", {})
        else:
            self._write(kept.table, held.row, "DeleteItem", None, {})

    def _write(
        self,
        table: str,
        row: Row,
        operation: str,
        update: str | None,
        values: dict[str, Any],
        only_if: str = "attribute_exists(pk)",
    ) -> None:
        """Change or delete a row, if it still is about the same person."""
        owner = next((name for name in _OWNERS if name in row), None)
        condition = only_if + (f" AND {owner} = :owner" if owner else "")
        values |= {":owner": row[owner]} if owner else {}
        asked: dict[str, Any] = {
            "TableName": self._table(table),
            "Key": {"pk": row["pk"], "sk": row["sk"]},
            "ConditionExpression": condition,
        }
        asked |= {"UpdateExpression": update} if update else {}
        asked |= {"ExpressionAttributeValues": values} if values else {}
        try:
            dynamodb.call(self._region, operation, asked)
        except ClientError as error:
            # Gone, or another's by now.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def kind_of(table: str, row: Row) -> str:
    """The kind of a row that is kept under something else than its person; "" if it is none of these."""
    keys = {
        kept.key.partition("<")[0]: kind
        for kind, kept in register().kept.items()
        if kept.table == table and "#<registrant>" not in kept.key
    }
    fitting = [start for start in keys if f"{row['pk']['S']} / {row['sk']['S']}".startswith(start)]
    return keys[max(fitting, key=len)] if fitting else ""


def _people_of(row: Row) -> set[str]:
    owners = {row[name]["S"] for name in _OWNERS if "S" in row.get(name, {})}
    return owners | set(row.get("holders", {}).get("SS", ()))
