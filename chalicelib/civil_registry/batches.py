"""Batches of questions that a registry office takes and answers as files, where it has no interface.

One person proposes a batch and another writes its file; one imports the answer and another approves it. An answer is
applied whole or not at all, and each row judges the version that was sent. No file is kept, only its sums. The file is
written and read in parts, as a batch may have a million rows (`batch_file.PART`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

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

SOURCE = "file"
ROWS_MAX = 1_000_000
_PARTITION = "BATCHES"
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
    """The record of a batch; nothing in it is personal. `found`: how many rows the answer judges so, by state.

    `parts`: the SHA-256 of each part of the answer that was imported.
    """

    id: str
    state: BatchState
    reason: str
    maker: str
    made_at: datetime
    rows_max: int
    version: int = 1
    rows: int = 0
    sent_by: str | None = None
    sent_at: datetime | None = None
    parts: list[str] | None = None
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
    sent_by = UnicodeAttribute(null=True)
    sent_at = InstantAttribute(null=True)
    parts = JsonAttribute[list[str]](list[str], null=True)
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

    def questions(self, batch_id: str, by: str, row: int, after: str = "") -> tuple[bytes, list[str], str]:
        """The next rows of the file of a batch that another person proposed: who waits for an answer now.

        `row` rows were written before. Returns the rows, whom each is about, and after what the next ones begin, empty
        after the last (`Verifications.page_waiting`). Raises `BatchBySamePerson`.
        """
        batch = self._to_send(batch_id, by)
        waiting, after = self._verifications.page_waiting(after, min(batch_file.PART, batch.rows_max - row))
        asked = self._side_by_side(self._judge.asked, waiting)
        niks = [(one.person.nik, one.version) for one in asked if one is not None and not one.confirmed]
        rows = batch_file.questions(row + 1, niks, self._references(batch))
        people = [version.registrant_id for _, version in niks]
        return rows, people, after if row + len(niks) < batch.rows_max else ""

    def sent(self, batch_id: str, by: str, rows: int, now: datetime) -> Batch:
        """Keep that the file was written, with so many rows. It is written once: if it is lost, give the batch up."""
        batch = self._to_send(batch_id, by)
        return self._change(replace(batch, state=BatchState.SENT, rows=rows, sent_by=by, sent_at=now))

    def part(self, raw: bytes, of: str, *states: BatchState) -> tuple[Batch, str]:
        """Whose answer a part is of, and its SHA-256. `of`: the batch of the parts before it, if there are any.

        Raises `UnknownBatch`, `AnotherAnswer`, and as `batch_file.control_of`.
        """
        control = batch_file.control_of(raw)
        if of not in ("", control.batch):
            raise AnotherAnswer()
        return self._in(control.batch, *states), control.sha256

    def count(self, batch: Batch, raw: bytes, number: int) -> Counter[str]:
        """What a part of an answer says of how many. Nothing is changed. Raises what `batch_file.read` raises."""
        return Counter(word for word, _, _ in self._side_by_side(self._judged, self._read(batch, raw, number)))

    def take_in(self, batch: Batch, parts: Sequence[str], found: dict[str, int], by: str, now: datetime) -> Batch:
        """Propose to apply an answer, all of whose parts were counted; another one takes the place of the first."""
        answered = replace(batch, state=BatchState.ANSWERED, parts=list(parts), answered_by=by, answered_at=now)
        return self._change(replace(answered, found=found))

    def standing(self, raw: bytes, of: str, number: int, by: str) -> Batch:
        """The batch of whose imported answer this is the part with a number.

        Raises as `part`, `BatchBySamePerson`.
        """
        batch, sha256 = self.part(raw, of, BatchState.ANSWERED)
        if (batch.parts or [])[number : number + 1] != [sha256]:
            raise AnotherAnswer()
        if same_person(batch.answered_by or "", by):
            raise BatchBySamePerson()
        return batch

    def apply(self, batch: Batch, raw: bytes, number: int) -> Counter[str]:
        """Apply a part that is `standing`; returns how many rows were kept, and how many were not.

        A repeat finishes one that broke off: what was kept before is no longer asked about.
        """
        return Counter(self._side_by_side(self._keep, self._read(batch, raw, number)))

    def applied(self, batch: Batch, by: str, now: datetime) -> Batch:
        """Keep that every part was applied."""
        return self._change(replace(batch, state=BatchState.APPLIED, decided_by=by, decided_at=now))

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
        if asked is None or self._judge.keep(asked, Verification(word), SOURCE, answer.record):
            return word
        return "changed_meanwhile"

    def _side_by_side(self, do: Callable[[T], R], rows: Iterable[T]) -> Iterator[R]:
        with ThreadPoolExecutor(_WORKERS) as pool:
            yield from pool.map(do, rows)

    def _read(self, batch: Batch, raw: bytes, number: int) -> list[Answer]:
        return batch_file.read(raw, number, batch.rows, self._references(batch))

    def _to_send(self, batch_id: str, by: str) -> Batch:
        batch = self._in(batch_id, BatchState.PROPOSED)
        if same_person(batch.maker, by):
            raise BatchBySamePerson()
        return batch

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
