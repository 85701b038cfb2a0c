"""What a bank's report says of transfers, matched by reference, judged, and kept as the answer to the status query.

A report is believed where it is about an approved file's transfer, of the same amount, and denies nothing that was said
before. Everything else is reported and applied to nothing. A rejection lets the money be sent again, so it takes two
people who import the same report. What is believed is kept first; then the worker looks at the entitlement, and the
ledger settles by its usual path. So an import may die at any place, and is simply done again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from ..clock import Clock
from ..errors import DomainError
from . import rules
from .bank_rail import BankFile
from .bank_store import BankStore, Batch, BatchState, Note, Word
from .errors import UnknownEntitlement
from .rules import Answer, Entitlement, Outcome, State
from .store import PayoutStore

log = logging.getLogger(__name__)

_UNHEARD = Note()
_AT_THE_BANK = {BatchState.APPROVED, BatchState.RECALLED}
"""Of a file that was recalled a report is believed too: then the bank has it after all."""


class Problem(StrEnum):
    """Why a line was applied to nothing."""

    UNKNOWN_REFERENCE = "unknown_reference"
    """Not an attempt of this ledger."""
    NO_REFERENCE = "no_reference"
    UNKNOWN_FILE = "unknown_file"
    OTHER_RAIL = "other_rail"
    """The attempt goes through another provider."""
    NOT_IN_A_FILE = "not_in_an_approved_file"
    OTHER_FILE = "other_file"
    """The bank names another file than the one that the transfer was in."""
    AMOUNT = "amount_differs"
    CURRENCY = "currency_differs"
    TOTALS = "totals_differ"
    """The bank's count or sum of a file is not ours."""
    UNKNOWN_WORD = "unknown_word"
    """A status that this programme does not know: the transfer stays pending."""
    TWICE = "twice_in_one_file"
    PAID_TWICE = "debited_twice"
    """Two debits for one transfer, by the bank's own references."""
    DUPLICATE = "rejected_as_duplicate"
    """The bank rejects what it takes for a repetition: the first may well be alive, so nothing has failed."""
    ONE_PERSON = "rejection_awaits_another_person"
    """Believed once another person has imported the same report."""
    NO_REASON = "whole_file_rejected_without_a_reason"
    CONTRADICTS = "contradicts_what_was_applied"
    NOT_LATEST = "not_the_latest_attempt"


@dataclass(frozen=True)
class Line:
    """One statement about one transfer. `number` is its line in the file; `outcome` None: in words not known.

    `word` is the bank's code, never free text. `fault` is what its reader found wrong with it.
    """

    number: int
    reference: str | None
    outcome: Outcome | None
    word: str
    file: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    booked: bool = False
    """Whether the statement is of a booking on our account."""
    booking: str | None = None
    """The bank's own reference of that booking."""
    fault: Problem | None = None

    @property
    def said(self) -> tuple[object, ...]:
        """All that it says, wherever it stands."""
        return self.outcome, self.word, self.file, self.amount, self.currency, self.booking, self.fault


@dataclass(frozen=True)
class WholeFile:
    """One statement about every transfer of a file, with the bank's count and sum of it if it names them."""

    number: int
    file: str
    outcome: Outcome | None
    word: str
    count: int | None = None
    total: Decimal | None = None
    fault: Problem | None = None


@dataclass(frozen=True)
class Finding:
    """A line that was applied to nothing, and why; `reference` only if it is one of our making."""

    number: int
    problem: Problem
    reference: str | None = None
    word: str = ""


@dataclass(frozen=True)
class Source:
    """The report's SHA-256, and who imports it (ARN)."""

    sha256: str
    by: str


@dataclass(frozen=True)
class Imported:
    """What an import did: how many lines were news, how many were not, and what was applied to nothing."""

    news: int
    known: int
    unsettled: int
    """Kept, but the worker could not settle it now: the sweep will."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Known:
    """What the ledger has of a line's transfer; no `entitlement`: nothing of the kind."""

    entitlement: Entitlement | None = None
    n: int = 0
    note: Note = _UNHEARD
    batch: Batch | None = None


class Work(Protocol):
    """The worker."""

    def process(self, entitlement_id: str, now: datetime) -> State: ...


Progress = Callable[[Sequence[Line]], Iterable[Line]]

_AFTER = {
    Outcome.PENDING: frozenset({Outcome.PENDING, Outcome.SUCCEEDED, Outcome.FAILED, Outcome.REVERSED}),
    Outcome.SUCCEEDED: frozenset({Outcome.PENDING, Outcome.SUCCEEDED, Outcome.REVERSED}),
    Outcome.REVERSED: frozenset({Outcome.PENDING, Outcome.SUCCEEDED, Outcome.REVERSED}),
    Outcome.FAILED: frozenset({Outcome.PENDING, Outcome.FAILED}),
}
"""What may be said after each word without denying it; an earlier word that comes late changes nothing."""

_RANK = {Outcome.PENDING: 0, Outcome.SUCCEEDED: 1, Outcome.FAILED: 1, Outcome.REVERSED: 2}


class BankReports:
    """See the module."""

    def __init__(self, store: BankStore, ledger: PayoutStore, worker: Work) -> None:
        self._store = store
        self._ledger = ledger
        self._worker = worker

    def take_in(
        self,
        statements: Sequence[Line | WholeFile],
        source: Source,
        clock: Clock,
        progress: Progress = iter,
    ) -> Imported:
        """Judge each statement of a report; keep what is believed, and settle by it.

        A long report takes longer than those who follow the ledger look back: each line has an instant of its own.
        """
        batches = {each.id: each for each in self._store.batches()}
        alone = rules.same_person(self._store.first_importer(source.sha256, source.by, clock()), source.by)
        findings: list[Finding] = []
        lines = list(_once_each(self._each(statements, batches, findings), findings))
        tally = Counter[bool]()
        unsettled = 0
        for line in progress(lines):
            now = clock()
            judged = self._take(line, batches, source, now, alone=alone)
            if isinstance(judged, Problem):
                findings.append(_finding(line, judged))
                continue
            tally[judged] += 1
            unsettled += not self._settled(line, now)
        found = tuple(sorted(findings, key=lambda each: (each.number, each.reference or "")))
        return Imported(tally[True], tally[False], unsettled, found)

    def _each(
        self, statements: Iterable[Line | WholeFile], batches: Mapping[str, Batch], findings: list[Finding]
    ) -> Iterator[Line]:
        """The lines, with a statement about a whole file said of each of its transfers."""
        for one in statements:
            if isinstance(one, Line):
                yield one
                continue
            problem = _judge_whole(one, batches.get(one.file))
            if problem is not None:
                findings.append(Finding(one.number, problem, word=one.word))
                continue
            for reference in self._store.references(one.file):
                yield Line(one.number, reference, one.outcome, one.word, one.file)

    def _take(
        self, line: Line, batches: Mapping[str, Batch], source: Source, now: datetime, *, alone: bool
    ) -> Problem | bool:
        """Keep a line's word if it is believed; True if that is news. `alone`: only one person has imported this."""
        while True:
            known = self._known(line.reference, batches)
            problem = judge(line, known)
            if problem is not None:
                return problem
            word = _news(line, known, source)
            if word is None:
                return False
            if alone and word.answer.outcome is Outcome.FAILED:
                return Problem.ONE_PERSON
            if line.reference is not None and self._store.say(line.reference, word, known.note, now):
                return True
            # Another import kept a word at this moment: judged again by what there is now.

    def _known(self, reference: str | None, batches: Mapping[str, Batch]) -> Known:
        entitlement_id = rules.entitlement_of(reference) if reference else None
        if reference is None or entitlement_id is None:
            return Known()
        try:
            entitlement = self._ledger.get(entitlement_id)
        except UnknownEntitlement:
            return Known()
        note = self._store.note(reference)
        return Known(entitlement, int(reference.rpartition("-")[2]), note, batches.get(note.batch or ""))

    def _settled(self, line: Line, now: datetime) -> bool:
        """Let the worker look, if the bank's word calls for a transition; False if it could not do it now."""
        known = self._known(line.reference, {})
        if known.entitlement is None or known.note.word is None or known.n != known.entitlement.n:
            return True
        if not rules.after_status(known.entitlement, known.note.word.answer):
            return True
        try:
            self._worker.process(known.entitlement.id, now)
        except DomainError as error:
            log.warning("bank_word_not_settled", extra={"entitlement": known.entitlement.id, "reason": error.code})
            return False
        return True


def judge(line: Line, known: Known) -> Problem | None:
    """Why a line is applied to nothing; None: it is believed."""
    entitlement = known.entitlement
    if line.reference is None:
        return line.fault or Problem.NO_REFERENCE
    if entitlement is None or known.n > entitlement.n:
        return Problem.UNKNOWN_REFERENCE
    if line.fault is not None:
        return line.fault
    if known.n == entitlement.n and entitlement.rail != BankFile.rail:
        return Problem.OTHER_RAIL
    if known.batch is None or known.batch.state not in _AT_THE_BANK:
        return Problem.NOT_IN_A_FILE
    if line.file is not None and line.file != known.batch.id:
        return Problem.OTHER_FILE
    if line.currency is not None and line.currency != "IDR":
        return Problem.CURRENCY
    if line.amount is not None and line.amount != entitlement.amount_idr:
        return Problem.AMOUNT
    return _denies(line, known, entitlement)


def _denies(line: Line, known: Known, entitlement: Entitlement) -> Problem | None:
    """Whether a line says what cannot be true together with what was said and done before."""
    if line.outcome is None:
        return Problem.UNKNOWN_WORD
    said = known.note.word
    if said is not None:
        if line.outcome not in _AFTER[said.answer.outcome]:
            return Problem.CONTRADICTS
        if line.outcome is Outcome.SUCCEEDED and line.booking and said.booking and line.booking != said.booking:
            return Problem.PAID_TWICE
    news = said is None or _RANK[line.outcome] > _RANK[said.answer.outcome]
    if not news:
        return None
    if known.n != entitlement.n:
        return Problem.NOT_LATEST
    answer = Answer(line.outcome, line.word, entitlement.amount_idr)
    return Problem.CONTRADICTS if rules.contradicts(entitlement, answer) else None


def _news(line: Line, known: Known, source: Source) -> Word | None:
    """The word to keep of a line that is believed; None: all of it is known."""
    assert line.outcome is not None and known.entitlement is not None  # noqa: S101, PT018 - believed
    said = known.note.word
    answer = Answer(line.outcome, line.word, known.entitlement.amount_idr)
    if said is None or _RANK[line.outcome] > _RANK[said.answer.outcome]:
        booking = said.booking if said is not None and line.outcome is Outcome.REVERSED else line.booking
        return Word(answer, source.sha256, source.by, booking)
    if line.outcome is said.answer.outcome is Outcome.SUCCEEDED and line.booking and not said.booking:
        # Told before by a status report; a second debit can now be told from this one.
        return replace(said, booking=line.booking)
    return None


def _judge_whole(statement: WholeFile, batch: Batch | None) -> Problem | None:
    if batch is None:
        return Problem.UNKNOWN_FILE
    if statement.fault is not None:
        return statement.fault
    if batch.state not in _AT_THE_BANK:
        return Problem.NOT_IN_A_FILE
    if statement.count not in {None, batch.count} or statement.total not in {None, Decimal(batch.sum_idr)}:
        return Problem.TOTALS
    return Problem.UNKNOWN_WORD if statement.outcome is None else None


def _once_each(lines: Iterable[Line], findings: list[Finding]) -> Iterator[Line]:
    """The lines that stand alone for their transfer, and a debit followed by its return; all others are findings.

    One status that is said twice is one. Two bookings are two, unless the bank gives both the same reference.
    """
    by_reference: dict[str, list[Line]] = {}
    for line in lines:
        if line.reference is None:
            findings.append(_finding(line, line.fault or Problem.NO_REFERENCE))
        else:
            by_reference.setdefault(line.reference, []).append(line)
    for group in by_reference.values():
        said = list(
            {(each.number if each.booked and not each.booking else 0, *each.said): each for each in group}.values()
        )
        outcomes = [each.outcome for each in said]
        if len(said) == 1:
            yield said[0]
        elif all(each.booked for each in said) and sorted(map(str, outcomes)) == ["REVERSED", "SUCCEEDED"]:
            yield from sorted(said, key=lambda each: each.outcome is Outcome.REVERSED)
        else:
            twice = outcomes == [Outcome.SUCCEEDED] * len(said) and all(each.booked for each in said)
            problem = Problem.PAID_TWICE if twice else Problem.TWICE
            findings.extend(_finding(each, problem) for each in said)


def _finding(line: Line, problem: Problem) -> Finding:
    ours = line.reference is not None and rules.entitlement_of(line.reference) is not None
    return Finding(line.number, problem, line.reference if ours else None, line.word)
