"""Deletions of accounts that people asked for: each waits as a change that is told and can be cancelled, then is due.

What is due is found in one partition (`DELETIONS`), in order of time; the row of the account says whether it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from ..aws.attributes import item_of
from ..aws.dynamodb import LegsFailed, Transaction, find
from ..clock import iso, parse_iso
from ..errors import Unavailable
from ..figures.people import AccountRules
from ..ids import Randomness, derived_id, random_id
from ..structs import fill
from .contacts.changes import TRIES, Changes
from .items import DeletionItem, DueDeletionItem, account_pk
from .personal_data import last_used, of_account
from .rules import AskedChange, Change, DueDeletion
from .sessions.rules import Session

DELETIONS = "DELETIONS"
"""The partition of those that are to come."""


class Deletions:
    """All methods also raise `Unavailable`."""

    def __init__(
        self,
        changes: Changes,
        transaction: Callable[[], Transaction],
        figures: AccountRules,
        randomness: Randomness,
        warned_days: int,
    ) -> None:
        self._changes = changes
        self._transaction = transaction
        self._wait = timedelta(seconds=figures.young_session_s)
        self._warned = timedelta(days=warned_days)
        self._randomness = randomness

    def ask(self, session: Session, now: datetime, stays: Sequence[str]) -> AskedChange:
        """Delete the account after the wait of a young session, whatever session asks; all contacts are told,
        also what `stays` (as in `Changes.keep`).

        One that stands already is returned, also when it is due. One query, one transaction of 4 items.
        """
        return self._ask(session.account_id, session.id, now, now + self._wait, None, stays)

    def lapse(self, account_id: str, used_at: datetime, now: datetime, stays: Sequence[str]) -> AskedChange:
        """Delete an account that was last used at `used_at`, after its person was warned for some weeks; using it keeps
        it. Else as `ask`.
        """
        return self._ask(account_id, "", now, now + self._warned, used_at, stays)

    def _ask(
        self,
        account_id: str,
        session_id: str,
        now: datetime,
        at: datetime,
        used_at: datetime | None,
        stays: Sequence[str],
    ) -> AskedChange:
        for _ in range(TRIES):
            for standing in self._changes.recent(account_id, now):
                if standing.change is Change.ACCOUNT_DELETED:
                    return standing
            subject = derived_id("deletion/1", account_id)
            asked = AskedChange(random_id(self._randomness), Change.ACCOUNT_DELETED, subject, session_id, now, at)
            due = DueDeletionItem(DELETIONS, f"{iso(at)}#{account_id}", due_at=at, used_at=used_at)
            try:
                with self._transaction() as tx:
                    told = self._changes.keep(tx, account_id, asked, stays)
                    stands = DeletionItem(account_pk(account_id), "DELETION", due_at=at)
                    tx.put("deletion", stands, DeletionItem.pk.does_not_exist())
                    tx.put("due", due)
            except LegsFailed:
                continue
            self._changes.tell([told])
            return asked
        raise Unavailable()

    def due(self, now: datetime) -> Iterator[DueDeletion]:
        """Those that are due, in the order in which they are to be looked at, page by page."""
        until = DueDeletionItem.sk < iso(now)
        for item in DueDeletionItem.query(DELETIONS, until, consistent_read=True, page_size=100):
            look_at, _, account_id = item.sk.partition("#")
            yield fill(DueDeletion, item, account_id=account_id, look_at=parse_iso(look_at))

    def counted(self, now: datetime) -> tuple[int, int]:
        """How many are due, and how many of all wait with their sign-ins closed. A query for each 1 MB."""
        found = [item for item in DueDeletionItem.query(DELETIONS, consistent_read=True) if item.due_at <= now]
        return len(found), sum(item.closed_at is not None and item.begun_at is None for item in found)

    def put_off(self, one: DueDeletion, until: datetime) -> None:
        """Look at one again at `until` only, so that it holds up nobody. One transaction of 2 items."""
        later = item_of(DueDeletionItem, DELETIONS, f"{iso(until)}#{one.account_id}", one)
        with self._transaction() as tx:
            tx.delete("before", _due(one), DueDeletionItem.pk.exists())
            tx.put("later", later)

    def stands(self, one: DueDeletion) -> bool:
        """Whether it was not cancelled. One read."""
        item = find(DeletionItem, account_pk(one.account_id), "DELETION")
        return item is not None and item.due_at == one.due_at

    def used(self, one: DueDeletion, now: datetime) -> bool:
        """Whether the account lapsed and was used since. A query and a batch get."""
        return one.used_at is not None and last_used(of_account(one.account_id, now)) > one.used_at

    def end(self, one: DueDeletion, because: str | None) -> None:
        """End one that cannot be carried out any more, and tell all contacts why (None: there is nothing to tell).

        One query, a transaction of 4 items. Raises `LegsFailed`: another run was quicker.
        """
        with self._transaction() as tx:
            told = self._changes.end_deletion(one.account_id, one.due_at, because, tx)
            tx.delete("due", _due(one), DueDeletionItem.closed_at.does_not_exist())
        self._changes.tell(told)

    def close(self, one: DueDeletion, now: datetime) -> None:
        """Record that nobody can sign in any more. One write."""
        _due(one).update([DueDeletionItem.closed_at.set(now)])

    def begin(self, one: DueDeletion, now: datetime) -> None:
        """Record that the erasure begins: from now on it is only finished. One write."""
        _due(one).update([DueDeletionItem.begun_at.set(now)])

    def done(self, one: DueDeletion) -> None:
        """Forget it. One write."""
        _due(one).delete()


def _due(one: DueDeletion) -> DueDeletionItem:
    return item_of(DueDeletionItem, DELETIONS, f"{iso(one.look_at or one.due_at)}#{one.account_id}", one)
