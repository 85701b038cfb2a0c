"""Bank files in the ledger's table: which attempts are in which file, and what the bank said of each.

None of it is personal: references, sums, hashes and the IAM identities of who did what.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice

from msgspec.structs import replace
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from ...aws.attributes import DayAttribute, EnumAttribute, InstantAttribute, RupiahAttribute, WholeAttribute, item_of
from ...aws.dynamodb import LegsFailed, Transaction, find, get_batch, save_if, update_if
from ...clock import iso, parse_iso, wib_date
from ...ids import PERSON
from ...money import Rupiah
from ...structs import fill
from ...values import Value
from ..errors import BatchMoved, UnknownBatch
from ..ledger import items
from ..ledger.items import Head, PayoutsTable, partition
from ..ledger.records import unsettled_shards
from ..rules import Answer, Entitlement, Outcome, State, entitlement_of
from .report_lines import MOVED

RAIL = "bank-file"
_BATCHES = "BANKFILES"
_NOTHING = Rupiah(0)
_PAGE = 100


class BatchState(StrEnum):
    """How far a file is."""

    COLLECTING = "COLLECTING"
    """Its attempts are being collected; the next export continues it."""
    PROPOSED = "PROPOSED"
    """Complete; waits for the approval of another person than its maker."""
    APPROVED = "APPROVED"
    """May be written and handed to the bank."""
    RECALLED = "RECALLED"
    """Approved, but one person says that the bank does not have it; waits for another person to say the same."""
    REJECTED = "REJECTED"
    """The bank does not have it; its attempts are free for another file."""


class Batch(Value, frozen=True):
    """A file's record; `count`, `sum_idr` and `sha256` (of its bytes) are there once it is no longer COLLECTING."""

    id: str
    state: BatchState
    maker: str
    made_at: datetime
    execute_on: date
    count: int = 0
    sum_idr: Rupiah = _NOTHING
    sha256: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None
    recalled_by: str | None = None


class Word(Value, frozen=True):
    """What the bank said of one transfer; `booking` is its own reference for the debit, `said_in` the file's hash."""

    answer: Answer
    said_in: str
    imported_by: str
    booking: str | None = None
    narrative: bytes | None = None
    """The bank's own text of a rejection, sealed for the person."""
    duplicate: bool = False
    """Whether the bank has ever rejected it as something that it has already."""


class BankNote(Value, frozen=True):
    """What is known of one attempt: the file that it is in, and the bank's latest word."""

    batch: str | None = None
    word: Word | None = None
    paid: Word | None = None
    """The word that it paid, if that contradicts `said`, or what people have decided."""

    @property
    def counts(self) -> Word | None:
        """The word that tells where the money is."""
        moved = self.word is not None and self.word.answer.outcome in MOVED
        return self.word if moved or self.paid is None else self.paid

    @property
    def rejected(self) -> bool:
        """Whether the bank said only that it rejects the transfer, in words alone."""
        word = self.word
        return self.paid is None and word is not None and word.answer.outcome is Outcome.REJECTED and not word.duplicate


class _NoteItem(PayoutsTable):
    """`P#<entitlement>` / `BANK#<n>`: beside the attempt itself. `paid_...`: a word "paid" that contradicts others."""

    batch = UnicodeAttribute(null=True)
    outcome = EnumAttribute(Outcome, null=True)
    fact = UnicodeAttribute(null=True)
    amount_idr = RupiahAttribute(null=True)
    booking = UnicodeAttribute(null=True)
    said_in = UnicodeAttribute(null=True)
    imported_by = UnicodeAttribute(null=True)
    narrative = BinaryAttribute(null=True, legacy_encoding=False)
    duplicate = BooleanAttribute(null=True)
    paid_fact = UnicodeAttribute(null=True)
    paid_in = UnicodeAttribute(null=True)
    paid_by = UnicodeAttribute(null=True)


_SAID = ("outcome", "fact", "amount_idr", "booking", "said_in", "imported_by", "narrative", "duplicate")
"""The attributes of a note that hold the bank's word."""


class _BatchItem(PayoutsTable):
    """`BANKFILES` / `<batch>`."""

    state = EnumAttribute(BatchState)
    maker = UnicodeAttribute()
    made_at = InstantAttribute()
    execute_on = DayAttribute()
    transfers = WholeAttribute(default=0)
    sum_idr = RupiahAttribute(default=_NOTHING)
    sha256 = UnicodeAttribute(default="")
    decided_by = UnicodeAttribute(null=True)
    decided_at = InstantAttribute(null=True)
    recalled_by = UnicodeAttribute(null=True)


class _ReferencesItem(PayoutsTable):
    """`BANKFILE#<batch>` / `REFERENCES`: its transfers in their order, with spaces between (32 bytes each)."""

    references = UnicodeAttribute()


class _SaidItem(PayoutsTable):
    """`BANKWORDS#<WIB day>` / `<instant>#<reference>`: that the bank's word on a transfer was kept then."""


class _RejectionItem(PayoutsTable):
    """`P#<entitlement>` / `BANKSAID#<n>#<file>#<word>`: who first imported a rejection (ARN), when, in which report."""

    imported_by = UnicodeAttribute()
    imported_at = InstantAttribute()
    said_in = UnicodeAttribute()


class BankStore:
    """Reads and writes bank files and words. Reads are consistent, except of the index of what waits for a file."""

    def __init__(self, region: str) -> None:
        self._region = region

    def answer(self, reference: str) -> Answer | None:
        """What the bank said of a reference, with one read; None if nothing.

        DUPLICATE if the bank says that it paid a transfer that it had rejected, or that was not waiting for it.
        """
        note = self.note(reference)
        word = note.counts
        if word is None:
            return None
        return replace(word.answer, outcome=Outcome.DUPLICATE) if word is note.paid else word.answer

    def awaiting(self, after: str = "") -> Iterator[tuple[str, list[Entitlement]]]:
        """The entitlements whose latest attempt is SENDING by this rail, from behind a place in the index on.

        Page by page with its last place, those that were not looked at for longest first. A query for each partition,
        paged, and a batch get for each page.
        """
        since = (Head.updated_at >= after.partition("#")[0]) if after else None
        shards = (shard for shard, seldom in unsettled_shards() if seldom)
        found = heapq.merge(*(Head.unsettled.query(one, since, page_size=_PAGE) for one in shards), key=_place)
        rest = (row for row in found if _place(row) > after)
        while page := list(islice(rest, _PAGE)):
            heads = get_batch(Head, [(row.pk, "HEAD") for row in page])
            entitlements = map(items.from_head, heads)
            on_their_way = (each for each in entitlements if each.state is State.SENDING and each.rail == RAIL)
            yield _place(page[-1]), sorted(on_their_way, key=lambda each: (each.changed_at, each.id))

    def note(self, reference: str) -> BankNote:
        """What is known of a reference; an empty note if nothing."""
        return self.notes([reference]).get(reference, BankNote())

    def notes(self, references: Iterable[str]) -> dict[str, BankNote]:
        """What is known of references of our making; one batch get for each hundred."""
        by_keys = {_keys(each): each for each in references}
        rows = get_batch(_NoteItem, list(by_keys))
        return {by_keys[row.pk, row.sk]: _to_note(row) for row in rows}

    def mark(self, reference: str, batch: str, before: BankNote) -> bool:
        """Put an attempt into a file; True also if it is in this file already.

        False if the bank knows of it, or if it is in a file other than that of `before`, which does not count. A
        rejection in words alone that belongs to the file of `before` is removed.
        """
        free = _NoteItem.batch.does_not_exist() | (_NoteItem.batch == batch)
        unknown = _NoteItem.outcome.does_not_exist()
        if before.batch is not None:
            free |= _NoteItem.batch == before.batch
            in_words = (_NoteItem.outcome == Outcome.REJECTED) & _NoteItem.duplicate.does_not_exist()
            unknown |= in_words & (_NoteItem.batch == before.batch)
        unknown &= _NoteItem.paid_fact.does_not_exist()
        gone: dict[str, None] = dict.fromkeys(_SAID)
        return _update(_NoteItem(*_keys(reference)), {"batch": batch, **gone}, free & unknown)

    def say(self, reference: str, word: Word, before: BankNote, now: datetime) -> bool:
        """Keep the bank's word; False if another import kept one since `before` was read.

        The time is kept first, so that a reading by time finds every word.
        """
        self._said(reference, now)
        said: dict[str, str | int | bytes | bool | None] = {
            "outcome": word.answer.outcome,
            "fact": word.answer.fact,
            "amount_idr": word.answer.amount_idr,
            "booking": word.booking,
            "said_in": word.said_in,
            "imported_by": word.imported_by,
            "narrative": word.narrative,
            "duplicate": word.duplicate or None,
        }
        unchanged = _NoteItem.batch == before.batch
        if before.word is None:
            unchanged &= _NoteItem.outcome.does_not_exist()
        else:
            said_before = before.word.answer
            unchanged &= (_NoteItem.outcome == said_before.outcome) & (_NoteItem.fact == said_before.fact)
        return _update(_NoteItem(*_keys(reference)), said, unchanged)

    def deny(self, reference: str, word: Word, now: datetime) -> None:
        """Keep the word that the bank paid beside its earlier word; only the first such word is kept."""
        self._said(reference, now)
        said = {"paid_fact": word.answer.fact, "paid_in": word.said_in, "paid_by": word.imported_by}
        _update(_NoteItem(*_keys(reference)), said, _NoteItem.paid_fact.does_not_exist())

    def first_importer(self, reference: str, batch: str, word: Word, now: datetime) -> str:
        """Who first imported a report that says this of a transfer in this file: `word.imported_by` if nobody had.

        Only what is said counts, not a report's name, time or hash: two people who each download a report have
        different files.
        """
        pk, sk = _keys(reference)
        keys = (pk, f"BANKSAID#{sk.removeprefix('BANK#')}#{batch}#{word.answer.fact}")
        item = _RejectionItem(*keys, imported_by=word.imported_by, imported_at=now, said_in=word.said_in)
        free = _RejectionItem.pk.does_not_exist()
        if word.imported_by.startswith(PERSON):  # who imported it before there was a roster compares with nobody on it
            free |= ~_RejectionItem.imported_by.startswith(PERSON)
        if save_if(item, free):
            return word.imported_by
        return _RejectionItem.get(*keys, consistent_read=True).imported_by

    def said_between(self, since: datetime, until: datetime) -> dict[str, datetime]:
        """References of which a word was kept from `since` to before `until`, each with the latest time."""
        found: dict[str, datetime] = {}
        day = wib_date(since)
        while day <= wib_date(until):
            for row in _SaidItem.query(_said_on(day), consistent_read=True):
                at, _, reference = row.sk.partition("#")
                if since <= parse_iso(at) < until:
                    found[reference] = max(parse_iso(at), found.get(reference, since))
            day += timedelta(days=1)
        return found

    def _said(self, reference: str, now: datetime) -> None:
        _SaidItem(_said_on(wib_date(now)), f"{iso(now)}#{reference}").save()

    def begin(self, batch: Batch, references: Sequence[str]) -> None:
        """Record a new file before any attempt is in it, so that the next export finds one that died half-way."""
        with Transaction(self._region) as tx:
            tx.put("batch", _to_item(batch), _BatchItem.pk.does_not_exist())
            tx.put("references", _to_references(batch.id, references))

    def complete(self, batch: Batch, references: Sequence[str]) -> None:
        """End COLLECTING, with the references that stayed. Raises `BatchMoved`."""
        try:
            with Transaction(self._region) as tx:
                tx.put("batch", _to_item(batch), _BatchItem.state == BatchState.COLLECTING)
                tx.put("references", _to_references(batch.id, references))
        except LegsFailed as failed:
            raise BatchMoved(batch=batch.id) from failed

    def decide(self, batch: Batch, decided: Batch) -> None:
        """Approve or reject a file as it was read. Raises `BatchMoved`."""
        try:
            with Transaction(self._region) as tx:
                as_read = (_BatchItem.state == batch.state) & (_BatchItem.sha256 == batch.sha256)
                tx.put("batch", _to_item(decided), as_read)
        except LegsFailed as failed:
            raise BatchMoved(batch=batch.id) from failed

    def batch(self, batch: str) -> Batch:
        """One file's record. Raises `UnknownBatch`."""
        item = find(_BatchItem, _BATCHES, batch)
        if item is None:
            raise UnknownBatch(batch=batch)
        return _to_batch(item)

    def batches(self) -> list[Batch]:
        """Every file, the oldest first."""
        found = (_to_batch(item) for item in _BatchItem.query(_BATCHES, consistent_read=True))
        return sorted(found, key=lambda each: (each.made_at, each.id))

    def references(self, batch: str) -> tuple[str, ...]:
        return tuple(_ReferencesItem.get(f"BANKFILE#{batch}", "REFERENCES", consistent_read=True).references.split())


def _place(row: Head) -> str:
    return f"{row.updated_at}#{row.pk}"


def _said_on(day: date) -> str:
    return f"BANKWORDS#{day}"


def _keys(reference: str) -> tuple[str, str]:
    entitlement = entitlement_of(reference)
    if entitlement is None:
        raise ValueError("not a reference of this ledger")
    return partition(entitlement), f"BANK#{int(reference.rpartition('-')[2]):04}"


def _update(item: _NoteItem, values: Mapping[str, str | int | bytes | bool | None], condition: Condition) -> bool:
    actions = [
        getattr(_NoteItem, name).set(value) if value is not None else getattr(_NoteItem, name).remove()
        for name, value in values.items()
    ]
    return update_if(item, actions, condition)


def _to_note(item: _NoteItem) -> BankNote:
    word = paid = None
    if item.outcome is not None:
        word = fill(Word, item, answer=fill(Answer, item), duplicate=bool(item.duplicate))
    if item.paid_fact is not None:
        paid = Word(Answer(Outcome.SUCCEEDED, item.paid_fact), item.paid_in, item.paid_by)
    return BankNote(item.batch, word, paid)


def _to_references(batch: str, references: Sequence[str]) -> _ReferencesItem:
    return _ReferencesItem(f"BANKFILE#{batch}", "REFERENCES", references=" ".join(references))


def _to_item(batch: Batch) -> _BatchItem:
    return item_of(_BatchItem, _BATCHES, batch.id, batch, transfers=batch.count)


def _to_batch(item: _BatchItem) -> Batch:
    return fill(Batch, item, id=item.sk, count=item.transfers)
