"""Batches of questions that a registry office takes and answers as files, where it has no interface.

One person proposes a batch and another writes its file; one imports the answer and another approves it. An answer is
applied whole or not at all, and each row judges the version that was sent. No file is kept, only its sums.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace
from pynamodb.attributes import UnicodeAttribute

from ..aws.attributes import EnumAttribute, InstantAttribute, JsonAttribute, WholeAttribute, item_of
from ..aws.dynamodb import find, save_if
from ..ids import Randomness, random_id, same_person
from ..registration.items import RegistrationsTable
from ..registration.rules import Verification
from ..structs import fill
from ..values import Value
from . import batch_file
from .batch_file import Answer, References
from .errors import AnotherAnswer, BatchBySamePerson, BatchMoved, BatchStands, NoAnswer, UnknownBatch

if TYPE_CHECKING:
    from ..registration.verifications import Verifications
    from ..vault import Vault
    from .service import Asked, Judge

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[list[Any]], Iterable[Any]]
"""Yields the rows and shows how far it is."""

SOURCE = "file"
ROWS_MAX = 1_000_000
_PARTITION = "BATCHES"
_PART = 1_000
_WORKERS = 8
"""Registrations that are opened or written at once, each with a call of KMS."""


class BatchState(StrEnum):
    """How far a batch is."""

    PROPOSED = "PROPOSED"
    SENT = "SENT"
    """Its file was written."""
    ANSWERED = "ANSWERED"
    """An answer was imported and waits for another person."""
    APPLIED = "APPLIED"
    GIVEN_UP = "GIVEN_UP"


STANDING = frozenset({BatchState.PROPOSED, BatchState.SENT, BatchState.ANSWERED})


class Batch(Value, frozen=True):
    """The record of a batch; nothing in it is personal. `found`: how many rows the answer judges so, by state."""

    id: str
    state: BatchState
    reason: str
    maker: str
    made_at: datetime
    rows_max: int
    version: int = 1
    rows: int = 0
    sha256: str | None = None
    sent_by: str | None = None
    sent_at: datetime | None = None
    answer_sha256: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    found: dict[str, int] | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


class BatchItem(RegistrationsTable):
    """`BATCHES` / `<id>`."""

    state = EnumAttribute(BatchState)
    reason = UnicodeAttribute()
    maker = UnicodeAttribute()
    made_at = InstantAttribute()
    rows_max = WholeAttribute()
    version = WholeAttribute()
    rows = WholeAttribute()
    sha256 = UnicodeAttribute(null=True)
    sent_by = UnicodeAttribute(null=True)
    sent_at = InstantAttribute(null=True)
    answer_sha256 = UnicodeAttribute(null=True)
    answered_by = UnicodeAttribute(null=True)
    answered_at = InstantAttribute(null=True)
    found = JsonAttribute[dict[str, int]](dict[str, int], null=True)
    decided_by = UnicodeAttribute(null=True)
    decided_at = InstantAttribute(null=True)


class Batches:
    """`by` is the caller's IAM identity (ARN). Any method may raise `BatchMoved`: another person came first."""

    def __init__(self, judge: Judge, verifications: Verifications, vault: Vault, randomness: Randomness) -> None:
        self._judge = judge
        self._verifications = verifications
        self._vault = vault
        self._randomness = randomness

    def all(self) -> list[Batch]:
        """Every batch, newest first. One query."""
        found = (fill(Batch, item, id=item.sk) for item in BatchItem.query(_PARTITION, consistent_read=True))
        return sorted(found, key=lambda one: one.made_at, reverse=True)

    def batch(self, batch_id: str) -> Batch:
        """Raises `UnknownBatch`."""
        item = find(BatchItem, _PARTITION, batch_id)
        if item is None:
            raise UnknownBatch()
        return fill(Batch, item, id=item.sk)

    def propose(self, rows_max: int, by: str, reason: str, now: datetime) -> Batch:
        """Propose a batch of at most that many rows. Raises `BatchStands` while one is not decided."""
        standing = [one for one in self.all() if one.state in STANDING]
        if standing:
            raise BatchStands(batch=standing[0].id)
        batch = Batch(random_id(self._randomness), BatchState.PROPOSED, reason, by, now, rows_max)
        return self._save(batch)

    def export(self, batch_id: str, by: str, now: datetime, progress: Progress = iter) -> tuple[Batch, bytes]:
        """The file of a batch that another person proposed: who waits for an answer now. Raises `BatchBySamePerson`.

        The record is kept first. If the file is lost, give the batch up.
        """
        batch = self._in(batch_id, BatchState.PROPOSED)
        if same_person(batch.maker, by):
            raise BatchBySamePerson()
        waiting = list(self._verifications.all_waiting(batch.rows_max))
        asked = self._side_by_side(self._judge.asked, progress(waiting))
        rows = ((one.person.nik, one.version) for one in asked if one is not None and not one.confirmed)
        control, raw = batch_file.write(batch.id, rows, self._references(batch))
        sent = replace(batch, state=BatchState.SENT, rows=control.rows, sha256=control.sha256, sent_by=by, sent_at=now)
        return self._change(sent), raw

    def take_in(self, raw: bytes, by: str, now: datetime, progress: Progress = iter) -> Batch:
        """Read an answer, count what it says, and propose to apply it; another answer takes the place of the first.

        Nothing of a registration is changed. Raises what `batch_file.read` raises, and `UnknownBatch`.
        """
        batch = self._in(batch_file.control_of(raw).batch, BatchState.SENT, BatchState.ANSWERED)
        answers = batch_file.read(raw, batch.rows, self._references(batch))
        found = Counter(word for word, _, _ in self._side_by_side(self._judged, progress(answers)))
        digest = hashlib.sha256(raw).hexdigest()
        answered = replace(batch, state=BatchState.ANSWERED, answer_sha256=digest, answered_by=by, answered_at=now)
        return self._change(replace(answered, found=dict(found)))

    def standing(self, raw: bytes, by: str) -> Batch:
        """The batch whose imported answer is this very file. Raises `AnotherAnswer`, `BatchBySamePerson`."""
        batch = self._in(batch_file.control_of(raw).batch, BatchState.ANSWERED)
        if hashlib.sha256(raw).hexdigest() != batch.answer_sha256:
            raise AnotherAnswer()
        if same_person(batch.answered_by or "", by):
            raise BatchBySamePerson()
        return batch

    def approve(self, raw: bytes, by: str, now: datetime, progress: Progress = iter) -> dict[str, int]:
        """Apply the answer that another person imported; returns how many rows were kept, and how many were not.

        A repeat finishes one that broke off: what was kept before is no longer asked about. Raises as `standing`.
        """
        batch = self.standing(raw, by)
        answers = batch_file.read(raw, batch.rows, self._references(batch))
        kept = Counter(self._side_by_side(self._keep, progress(answers)))
        self._change(replace(batch, state=BatchState.APPLIED, decided_by=by, decided_at=now))
        return dict(kept)

    def give_up(self, batch_id: str, by: str, reason: str, now: datetime) -> Batch:
        """Give a batch up: its answer is refused from then on, and who waits comes into the next one."""
        batch = self._in(batch_id, *STANDING)
        given_up = replace(batch, state=BatchState.GIVEN_UP, decided_by=by, decided_at=now)
        return self._change(replace(given_up, reason=f"{batch.reason}; {reason}"))

    def _judged(self, answer: Answer) -> tuple[str, Asked | None, NoAnswer | None]:
        """A state; without a registration `changed_meanwhile`, or `not_answered`: with why, if what is compared is
        lacking.
        """
        asked = self._judge.asked(answer.version)
        if asked is None:
            return "changed_meanwhile", None, None
        if answer.found is None:
            return "not_answered", None, None
        try:
            return self._judge.state(asked, answer.record), asked, None
        except NoAnswer as undecided:
            return "not_answered", asked, undecided

    def _keep(self, answer: Answer) -> str:
        word, asked, undecided = self._judged(answer)
        if asked is not None and undecided is not None:
            self._judge.leave(asked, undecided)
            return word
        if asked is None or self._judge.keep(asked, Verification(word), SOURCE):
            return word
        return "changed_meanwhile"

    def _side_by_side(self, do: Callable[[T], R], rows: Iterable[T]) -> Iterator[R]:
        with ThreadPoolExecutor(_WORKERS) as pool:
            # In parts, because a batch may have a million rows.
            given = iter(rows)
            while part := list(islice(given, _PART)):
                yield from pool.map(do, part)

    def _references(self, batch: Batch) -> References:
        return References(bytes.fromhex(self._vault.mac("batch", batch.id)))

    def _in(self, batch_id: str, *states: BatchState) -> Batch:
        batch = self.batch(batch_id)
        if batch.state not in states:
            raise BatchMoved(state=batch.state)
        return batch

    def _change(self, batch: Batch) -> Batch:
        return self._save(replace(batch, version=batch.version + 1))

    def _save(self, batch: Batch) -> Batch:
        before = batch.version - 1
        as_read = BatchItem.version == before if before else BatchItem.pk.does_not_exist()
        if not save_if(item_of(BatchItem, _PARTITION, batch.id, batch), as_read):
            raise BatchMoved(state=self.batch(batch.id).state)
        return batch
