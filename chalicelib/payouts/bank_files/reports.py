"""What a bank's report says of transfers, matched by reference, judged, and kept as the answer to the status query.

A report is believed where it is about an approved file's transfer, of the same amount, and denies nothing that was said
before. Everything else is reported and applied to nothing. A rejection lets the money be sent again, so it takes two
people whose reports say the same of the transfer; one whose reason is only told in words, or is that the bank has it
already, fails nothing: two people decide. What is believed is kept first; then the worker looks at the entitlement, and
the ledger settles by its usual path. So an import may die at any place, and is simply done again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ...clock import Clock
from ...errors import DomainError
from ...registration.service import Registrations
from .. import alarm_words, rules
from ..errors import Superseded, UnknownEntitlement
from ..ledger.store import PayoutStore
from ..rules import Answer, Entitlement, Hold, Move, Outcome, State
from ..worker import Worker
from .report_lines import MOVED, OVER, Finding, Line, Problem, WholeFile, finding, once_each
from .store import RAIL, BankStore, Batch, BatchState, Note, Word

log = logging.getLogger(__name__)

_UNHEARD = Note()
_AT_THE_BANK = {BatchState.APPROVED, BatchState.RECALLED}
"""Of a file that was recalled a report is believed too: then the bank has it after all."""


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

    @property
    def over(self) -> bool:
        """Whether the attempt is taken for failed or was given up, so that money may be sent again."""
        if self.entitlement is None:
            return False
        failed = self.note.word is not None and self.note.word.answer.outcome is Outcome.FAILED
        ended = rules.nothing_alive(self.entitlement) or self.entitlement.state is State.CANCELLED
        return failed or ended or self.n < self.entitlement.n


_AFTER = {
    Outcome.PENDING: MOVED | OVER | {Outcome.PENDING},
    Outcome.REJECTED: MOVED | OVER | {Outcome.PENDING},
    Outcome.SUCCEEDED: MOVED | {Outcome.PENDING, Outcome.REJECTED},
    Outcome.REVERSED: MOVED | {Outcome.PENDING, Outcome.REJECTED},
    Outcome.FAILED: OVER | {Outcome.PENDING},
}
"""What may be said after each word without denying it; an earlier word that comes late changes nothing. Of what was
paid a repetition may be rejected."""

_RANK = {Outcome.PENDING: 0, Outcome.REJECTED: 0, Outcome.SUCCEEDED: 1, Outcome.FAILED: 1, Outcome.REVERSED: 2}


class BankReports:
    """See the module."""

    def __init__(self, store: BankStore, ledger: PayoutStore, worker: Worker, registrations: Registrations) -> None:
        self._store = store
        self._ledger = ledger
        self._worker = worker
        self._registrations = registrations

    def take_in(
        self,
        statements: Sequence[Line | WholeFile],
        source: Source,
        clock: Clock,
        progress: Callable[[Sequence[Line]], Iterable[Line]] = iter,
    ) -> Imported:
        """Judge each statement of a report; keep what is believed, and settle by it.

        A long report takes longer than those who follow the ledger look back: each line has an instant of its own.
        """
        batches = {each.id: each for each in self._store.batches()}
        findings: list[Finding] = []
        lines = list(once_each(self._each(statements, batches, findings), findings))
        tally = Counter[bool]()
        unsettled = 0
        for line in progress(lines):
            now = clock()
            judged = self._take(line, batches, source, now)
            problem = judged if isinstance(judged, Problem) else None if line.of_all else line.fault
            if problem is not None:
                findings.append(finding(line, problem))
            if not isinstance(judged, Problem):
                tally[judged] += 1
                unsettled += not self._settled(line, findings, now)
        found = tuple(sorted(findings, key=lambda each: (each.number, each.reference or "")))
        return Imported(tally[True], tally[False], unsettled, found)

    def said(self, reference: str) -> Iterator[tuple[Word, str]]:
        """The bank's words on a transfer, each with its text in clear, for people: two where they deny each other."""
        known = self._known(reference, {})
        for word in (known.note.word, known.note.paid):
            if word is not None and known.entitlement is not None:
                sealed, owner = word.narrative, known.entitlement.registrant_id
                yield word, self._registrations.unseal(owner, sealed).decode() if sealed else ""

    def _each(
        self, statements: Sequence[Line | WholeFile], batches: Mapping[str, Batch], findings: list[Finding]
    ) -> Iterator[Line]:
        """The lines, with a statement about a whole file said of each of its transfers that has no line of its own."""
        lines = [each for each in statements if isinstance(each, Line)]
        own = {each.reference for each in lines}
        for one in statements:
            if isinstance(one, Line):
                yield one
                continue
            batch = batches.get(one.file)
            listed = self._store.references(one.file) if batch else ()
            rest = [each for each in listed if each not in own]
            if batch and not rest:
                continue
            strangers = own - set(listed)
            problem = _judge_whole(one, batch, [each.outcome for each in lines if each.reference in strangers])
            told = problem or one.fault
            if told is not None:
                findings.append(Finding(one.number, told, None, one.word, one.narrative))
            # What the bank has or paid of a file that was given up is looked at one by one.
            has = one.outcome is Outcome.SUCCEEDED or one.fault is Problem.DUPLICATE
            if problem is None or (problem is Problem.NOT_IN_A_FILE and has):
                line = Line(one.number, None, one.outcome, one.word, one.file, fault=one.fault, of_all=True)
                for reference in rest:
                    yield replace(line, reference=reference, narrative=one.narrative)

    def _take(self, line: Line, batches: Mapping[str, Batch], source: Source, now: datetime) -> Problem | bool:
        """Keep a line's word if it is believed; True if that is news."""
        while True:
            known = self._known(line.reference, batches)
            problem = judge(line, known)
            if problem is not None:
                paid = _paid_all_the_same(line, known, problem, batches)
                if not self._kept_back(line, known, source, now, paid=paid, has=_has_already(line, known, problem)):
                    continue
                return problem
            word = _news(line, known, source)
            if word is None:
                return False
            assert line.reference is not None and known.entitlement is not None  # noqa: S101, PT018 - believed
            if word.answer.outcome is Outcome.FAILED:
                first = self._store.first_importer(line.reference, known.note.batch or "", word, now)
                if rules.same_person(first, source.by):
                    return Problem.ONE_PERSON
            if line.narrative and word.answer.outcome is Outcome.REJECTED:
                sealed = self._registrations.seal(known.entitlement.registrant_id, line.narrative.encode())
                word = replace(word, narrative=sealed)
            if self._store.say(line.reference, word, known.note, now):
                return True
            # Another import kept a word at this moment: judged again by what there is now.

    def _kept_back(self, line: Line, known: Known, source: Source, now: datetime, *, paid: bool, has: bool) -> bool:
        """Keep of what is applied to nothing that the bank has or paid it; False if it moved meanwhile."""
        if paid:
            return self._stopped(line, known, source, now)
        word = _news(line, known, source) if has else None
        return word is None or line.reference is None or self._store.say(line.reference, word, known.note, now)

    def _stopped(self, line: Line, known: Known, source: Source, now: datetime) -> bool:
        """Hold what the bank says it paid and nobody expects, so that it is not sent again before two people have
        looked; then keep that it said so. False if it moved meanwhile.
        """
        entitlement = known.entitlement
        assert line.reference is not None and entitlement is not None  # noqa: S101, PT018 - it has a problem of its own
        if known.note.paid is not None:
            return True
        if entitlement.state not in rules.AT_REST and entitlement.hold is not Hold.DUPLICATE:
            try:
                self._ledger.move(entitlement, Move(State.HELD, line.word, Hold.DUPLICATE), now)
            except Superseded:
                return False
            log.error(alarm_words.CONTRADICTED, extra={"entitlement": entitlement.id, "reason": line.word})
        word = Word(Answer(Outcome.SUCCEEDED, line.word, entitlement.amount_idr), source.sha256, source.by)
        self._store.deny(line.reference, word, now)
        return True

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

    def _settled(self, line: Line, findings: list[Finding], now: datetime) -> bool:
        """Let the worker look, if the bank's word calls for a transition; False if it could not do it now."""
        known = self._known(line.reference, {})
        if known.entitlement is None or known.note.word is None or known.n != known.entitlement.n:
            return True
        if not rules.after_status(known.entitlement, known.note.word.answer):
            return True
        if rules.taken_for_failed(known.entitlement):
            # Two people decided so after this line was judged.
            findings.append(finding(line, Problem.CONTRADICTS))
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
        return Problem.NO_REFERENCE
    if entitlement is None or known.n > entitlement.n:
        return Problem.UNKNOWN_REFERENCE
    if line.fault is not None and line.outcome is not Outcome.REJECTED:
        return line.fault
    if known.n == entitlement.n and entitlement.rail != RAIL:
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


def _paid_all_the_same(line: Line, known: Known, problem: Problem, batches: Mapping[str, Batch]) -> bool:
    """Whether a line that is applied to nothing says that a transfer was paid which might be sent again."""
    if line.outcome is not Outcome.SUCCEEDED or known.entitlement is None or known.batch is None:
        return False
    match problem:
        case Problem.CONTRADICTS | Problem.NOT_LATEST | Problem.NOT_IN_A_FILE:
            return True
        case Problem.OTHER_FILE:
            return known.over or line.file in batches
        case Problem.AMOUNT:
            # Less is the bank's fee for the rejection.
            return known.over and line.amount is not None and line.amount > known.entitlement.amount_idr
        case _:
            return known.over and problem in {Problem.PAID_TWICE, Problem.TWICE}


def _has_already(line: Line, known: Known, problem: Problem) -> bool:
    """Whether the bank says of a file that was given up that it has the transfer: then no other file may have it."""
    elsewhere = problem in {Problem.NOT_IN_A_FILE, Problem.OTHER_FILE}
    return elsewhere and line.fault is Problem.DUPLICATE and known.batch is not None


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
    if not _goes_on(line.outcome, said):
        return None
    if known.n != entitlement.n:
        return Problem.NOT_LATEST
    answer = Answer(line.outcome, line.word, entitlement.amount_idr)
    given_up = rules.nothing_alive(entitlement) or entitlement.state is State.CANCELLED
    denied = rules.contradicts(entitlement, answer) or (line.outcome is Outcome.SUCCEEDED and given_up)
    return Problem.CONTRADICTS if denied else None


def _goes_on(outcome: Outcome, said: Word | None) -> bool:
    """Whether a word says more than what was kept. Of pending and of a rejection without proof the one imported last
    counts: where the bank rejected only a repetition, it is pending again.
    """
    if said is None:
        return True
    open_ = {outcome, said.answer.outcome} == {Outcome.PENDING, Outcome.REJECTED}
    return open_ or _RANK[outcome] > _RANK[said.answer.outcome]


def _news(line: Line, known: Known, source: Source) -> Word | None:
    """The word to keep of a line that is believed; None: all of it is known."""
    assert line.outcome is not None and known.entitlement is not None  # noqa: S101, PT018 - believed
    said = known.note.word
    answer = Answer(line.outcome, line.word, known.entitlement.amount_idr)
    repeated = said is not None and line.outcome is said.answer.outcome is Outcome.REJECTED and not said.duplicate
    if said is None or _goes_on(line.outcome, said) or (repeated and line.fault is Problem.DUPLICATE):
        debit = said.booking if said is not None else None
        booking = debit if line.outcome is Outcome.REVERSED else line.booking
        again = line.fault is Problem.DUPLICATE or (said is not None and said.duplicate)
        return Word(answer, source.sha256, source.by, booking, duplicate=again)
    moved = line.outcome is Outcome.SUCCEEDED and said.answer.outcome in MOVED
    if moved and line.booking and not said.booking:
        # Told before by a status report, or by its return; a second debit can now be told from this one.
        return replace(said, booking=line.booking)
    return None


def _judge_whole(statement: WholeFile, batch: Batch | None, others: Iterable[Outcome | None]) -> Problem | None:
    """Why a statement about a whole file is believed of none of it. `others`: what is said under names that are not in
    the file; each may be any of it, cut or misread.
    """
    if batch is None:
        return Problem.UNKNOWN_FILE
    if statement.fault is not None and statement.outcome is not Outcome.REJECTED:
        return statement.fault
    if batch.state not in _AT_THE_BANK:
        return Problem.NOT_IN_A_FILE
    other = statement.count not in {None, batch.count} or statement.total not in {None, Decimal(batch.sum_idr)}
    if other and statement.fault is not Problem.DUPLICATE:
        return Problem.TOTALS
    if statement.outcome is None:
        return Problem.UNKNOWN_WORD
    clear = statement.outcome is Outcome.PENDING or all(each is statement.outcome for each in others)
    return None if clear else Problem.TWICE
