"""Files of transfers for a bank, by two people: the maker collects and proposes one, another person approves it.

An attempt is in one file at most: a conditional write puts it into its file before the file is complete. A file is
recorded before its attempts are in it. If an export dies half-way the file stays COLLECTING, and the next export
continues it. A file's bytes depend on its record and its attempts alone; the second person approves their SHA-256.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import cache

import msgspec
from msgspec.structs import replace

from ...figures.benefits import BankFileRules
from ...ids import Randomness, comparable, random_id
from ...registration.service import Registrations
from ...values import Value
from .. import rules
from ..controls.limits import PauseStore
from ..errors import BatchDiffers, BatchMoved, BatchNotNow, BatchOutdated, PayoutsPaused, SamePerson
from ..ledger.store import PayoutStore
from ..rules import Entitlement, State, entitlement_of, reference
from .store import BankNote, BankStore, Batch, BatchState
from .transfers import Order, Transfer

log = logging.getLogger(__name__)

Write = Callable[[Order], bytes]
"""Makes the file's bytes: the same order gives the same bytes."""

Progress = Callable[[Sequence[str]], Iterable[str]]
"""Passes on what it is given, and may end it by an error; the next export then continues."""

_PART = 500
"""Transfers of a file whose people are told at once."""

_WORKERS = 8
"""Instructions that are opened at once, each with a call of KMS: some 500 a second."""


class Exported(Value, frozen=True):
    """The file that was made or continued; None: nothing was found that waits. `after`: there was no time to look on
    behind this place; "" if all of it was looked at, or there is a file.
    """

    batch: Batch | None
    after: str = ""


class BankFiles:
    """See the module. `by` is the caller's IAM identity (ARN), `now` an aware UTC instant."""

    def __init__(
        self,
        store: BankStore,
        ledger: PayoutStore,
        pause: PauseStore,
        registrations: Registrations,
        file_rules: BankFileRules,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._pause = pause
        self._registrations = registrations
        self.rules = file_rules
        self._randomness = randomness

    def propose(
        self,
        by: str,
        execute_on: date,
        write: Write,
        now: datetime,
        progress: Progress = iter,
        after: str = "",
        is_late: Callable[[], bool] = lambda: False,
    ) -> Exported:
        """Collect what is SENDING and in no file, the longest waiting first; or complete a file that was begun before.

        What waits is read until a file is full. When it is late, the file has what was found; if that is nothing, the
        next call goes on from `after`.

        Raises `PayoutsPaused`, or `BatchMoved` if somebody else rejected the file meanwhile.
        """
        self._check_not_paused()
        begun = next((each for each in self._store.batches() if each.state is BatchState.COLLECTING), None)
        if begun is not None:
            return Exported(self._complete(begun, write, progress))
        chosen = list[Entitlement]()
        for place, page in self.waiting(after):
            chosen += page
            if len(chosen) >= self.rules.transfers_max or (chosen and is_late()):
                break
            if is_late():
                return Exported(None, place)
        if not chosen:
            return Exported(None)
        listed = [reference(each.id, each.n) for each in chosen[: self.rules.transfers_max]]
        batch = Batch(random_id(self._randomness), BatchState.COLLECTING, by, now, execute_on)
        self._store.begin(batch, listed)
        return Exported(self._complete(batch, write, progress))

    def approve(self, batch_id: str, by: str, write: Write, now: datetime) -> bytes:
        """Approve a file, unless it is approved already, and return its bytes: the same every time.

        Raises `BatchOutdated` once anything is known of an attempt in it: the bank has the file and must not get it
        again, or the attempt was settled in another way. Raises `BatchDiffers` if the bytes, count or sum are not those
        that were proposed; also `PayoutsPaused`, `UnknownBatch`, `BatchNotNow`, `SamePerson` and `BatchMoved`.
        """
        batch = self._to_approve(batch_id, by)
        proposed = batch.state is BatchState.PROPOSED
        references = self._store.references(batch.id)
        raw = self._checked(batch, references, write)
        self._check_still_due(batch, references)
        if proposed:
            self._store.decide(batch, replace(batch, state=BatchState.APPROVED, decided_by=by, decided_at=now))
            log.warning("bank_file_approved", extra={"batch": batch.id, "by": by, "sha256": batch.sha256})
        return raw

    def concerned(self, batch_id: str, by: str, parts: Callable[[int], Iterable[int]] = range) -> Iterator[set[str]]:
        """Whose transfers are in a file that somebody is to have, part by part: a batch get for each hundred.

        `parts` says which of so many parts are still to be told. Raises as `approve`, but for what the file has in it.
        """
        references = self._store.references(self._to_approve(batch_id, by).id)
        for part in parts(-(-len(references) // _PART)):
            here = references[part * _PART : (part + 1) * _PART]
            yield {each.registrant_id for each in self._ledger.batch(_entitlement(one) for one in here)}

    def _to_approve(self, batch_id: str, by: str) -> Batch:
        self._check_not_paused()
        batch = self._store.batch(batch_id)
        if batch.state not in {BatchState.PROPOSED, BatchState.APPROVED}:
            raise BatchNotNow(batch=batch.id, state=batch.state.value, action="approve")
        if batch.state is BatchState.PROPOSED and rules.same_person(by, batch.maker):
            raise SamePerson()
        return batch

    def reject(self, batch_id: str, by: str, now: datetime) -> Batch:
        """Give up a file, one's own or another's; its attempts are free for the next one.

        It takes two people to say that the bank does not have an approved file: the first recalls it, the second
        rejects it. For such a file this raises `SamePerson`, and `BatchOutdated` if anything is known of an attempt in
        it, except a rejection in words alone. Raises `UnknownBatch`, `BatchNotNow` and `BatchMoved` for any file.
        """
        batch = self._store.batch(batch_id)
        after = replace(batch, state=BatchState.REJECTED, decided_by=by, decided_at=now)
        match batch.state:
            case BatchState.REJECTED:
                raise BatchNotNow(batch=batch.id, state=batch.state.value, action="reject")
            case BatchState.APPROVED:
                after = replace(batch, state=BatchState.RECALLED, recalled_by=by)
            case BatchState.RECALLED if not comparable(by, batch.recalled_by or ""):
                after = replace(batch, recalled_by=by)  # recalled before there was a roster: recall it anew
            case BatchState.RECALLED if rules.same_person(by, batch.recalled_by or ""):
                raise SamePerson()
        if batch.state in {BatchState.APPROVED, BatchState.RECALLED}:
            self._check_still_due(batch, self._store.references(batch.id), rejected=False)
        self._store.decide(batch, after)
        log.warning("bank_file_given_up", extra={"batch": batch.id, "by": by, "state": after.state.value})
        return after

    def waiting(self, after: str = "") -> Iterator[tuple[str, list[Entitlement]]]:
        """What is SENDING by this rail and in no file that counts; pages, order and `after` as `BankStore.awaiting`."""
        free = self._free()
        for place, page in self._store.awaiting(after):
            named = {reference(each.id, each.n): each for each in page}
            notes = self._store.notes(named)
            yield place, [each for name, each in named.items() if free(name, notes.get(name, BankNote()))]

    def _complete(self, batch: Batch, write: Write, progress: Progress) -> Batch:
        """Put every attempt into the file, leave out those that another file took, and record count, sum and hash."""
        free = self._free()
        listed = self._store.references(batch.id)
        notes = self._store.notes(listed)
        inside = {each for each in listed if notes.get(each, BankNote()).batch == batch.id}
        for each in progress([each for each in listed if each not in inside]):
            before = notes.get(each, BankNote())
            if self._store.mark(each, batch.id, before if free(each, before) else BankNote()):
                inside.add(each)
        kept = [each for each in listed if each in inside]
        order = self._order(batch, kept)
        state = BatchState.PROPOSED if kept else BatchState.REJECTED
        raw = write(order) if kept else b""
        sha256 = hashlib.sha256(raw).hexdigest()
        complete = replace(batch, state=state, count=len(kept), sum_idr=order.sum_idr, sha256=sha256)
        try:
            self._store.complete(complete, kept)
        except BatchMoved:
            # Another export completed it at the same time, with the same bytes.
            ended = self._store.batch(batch.id)
            if ended.sha256 != sha256:
                raise
            return ended
        return complete

    def _free(self) -> Callable[[str, BankNote], bool]:
        """Tells whether an attempt is in no file that counts, and the bank knows nothing of it.

        A file counts unless it was rejected, or completed without the attempt. The latter happens when another export
        continued the file at the same time and put the attempt in too late.
        """
        files = {each.id: each.state for each in self._store.batches()}
        listed = cache(lambda batch: frozenset(self._store.references(batch)))

        def free(reference: str, note: BankNote) -> bool:
            if note.counts is not None and not note.rejected:
                return False
            if note.batch is None:
                return True
            match files.get(note.batch):
                case BatchState.PROPOSED | BatchState.APPROVED | BatchState.RECALLED:
                    return reference not in listed(note.batch)
                case state:
                    return state is BatchState.REJECTED

        return free

    def _checked(self, batch: Batch, references: Sequence[str], write: Write) -> bytes:
        order = self._order(batch, references)
        raw = write(order)
        found = {
            "count": (len(order.transfers), batch.count),
            "sum": (order.sum_idr, batch.sum_idr),
            "sha256": (hashlib.sha256(raw).hexdigest(), batch.sha256),
        }
        for what, (now, then) in found.items():
            if now != then:
                raise BatchDiffers(batch=batch.id, what=what)
        return raw

    def _check_still_due(self, batch: Batch, references: Sequence[str], *, rejected: bool = True) -> None:
        """Raise `BatchOutdated` if an attempt is settled or heard of (`rejected`: or rejected in words alone)."""
        waiting = {
            reference(each.id, each.n)
            for each in self._ledger.batch(_entitlement(one) for one in references)
            if each.state is State.SENDING
        }
        notes = self._store.notes(references).items()
        heard = {name for name, note in notes if note.counts is not None and (rejected or not note.rejected)}
        moved = len(set(references) - (waiting - heard))
        if moved:
            raise BatchOutdated(batch=batch.id, moved=moved)

    def _order(self, batch: Batch, references: Sequence[str]) -> Order:
        people = {each.id: each for each in self._ledger.batch(_entitlement(one) for one in references)}
        with ThreadPoolExecutor(_WORKERS, "bank-file") as pool:
            transfers = tuple(pool.map(lambda one: self._transfer(people[_entitlement(one)], one), references))
        return Order(batch.id, batch.made_at, batch.execute_on, transfers)

    def _transfer(self, entitlement: Entitlement, reference: str) -> Transfer:
        stored = next(each for each in self._ledger.attempts(entitlement.id) if each.key == reference)
        body = self._registrations.unseal(entitlement.registrant_id, stored.sealed_body)
        return msgspec.json.decode(body, type=Transfer)

    def _check_not_paused(self) -> None:
        if self._pause.get() is not None:
            raise PayoutsPaused()


def _entitlement(reference: str) -> str:
    found = entitlement_of(reference)
    if found is None:
        raise ValueError("not a reference of this ledger")
    return found
