"""What a bank's report says of transfers: matched by reference, judged, and kept as the answer to the status query.

A line is believed if it is about a transfer in an approved file, has the same amount, and contradicts nothing that was
said before. Every other line is reported and not applied. A rejection lets the money be sent again, so it takes two
people whose reports say the same of the transfer. A rejection in words alone, or because the bank has the transfer
already, fails nothing: two people decide. What is believed is kept first; then the worker settles the entitlement in
its usual way. So an import may die anywhere, and is simply done again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from ...clock import Clock
from ...errors import DomainError
from ...registration.service import Registrations
from ...values import Value
from .. import alarm_words, rules
from ..errors import Superseded, UnknownEntitlement
from ..ledger.store import PayoutStore
from ..rules import Answer, Entitlement, Hold, Move, Outcome, State
from ..worker import Worker
from .report_lines import MOVED, OVER, Finding, Line, Problem, WholeFile, finding, once_each
from .store import RAIL, BankNote, BankStore, Batch, BatchState, Word

log = logging.getLogger(__name__)

_UNHEARD = BankNote()
_AT_THE_BANK = {BatchState.APPROVED, BatchState.RECALLED}
"""A report on a recalled file is believed too: then the bank has it after all."""


class Source(Value, frozen=True):
    """The report's SHA-256, and who imports it (ARN)."""

    sha256: str
    by: str


@dataclass
class Imported:
    """What an import did: how many lines were new, how many were known, and which were not applied."""

    news: int = 0
    known: int = 0
    unsettled: int = 0
    """Kept, but the worker could not settle it now: the sweep will."""
    findings: list[Finding] = field(default_factory=list)


class KnownTransfer(Value, frozen=True):
    """What the ledger has of a line's transfer; `entitlement` is None if it has nothing."""

    entitlement: Entitlement | None = None
    n: int = 0
    note: BankNote = _UNHEARD
    batch: Batch | None = None

    @property
    def over(self) -> bool:
        """Whether the attempt counts as failed or was given up, so that money may be sent again."""
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
"""What may follow each word without contradicting it. An earlier word that arrives late changes nothing. A repetition
of a transfer that was paid may be rejected.
"""

_RANK = {Outcome.PENDING: 0, Outcome.REJECTED: 0, Outcome.SUCCEEDED: 1, Outcome.FAILED: 1, Outcome.REVERSED: 2}


class BankReports:
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
        lines_of: Callable[[Sequence[Line]], Iterable[Line]] = iter,
        done: Imported | None = None,
    ) -> Imported:
        """Judge each statement of a report; keep what is believed, and settle by it.

        `lines_of` says which of the lines are taken; `done` has what became of them, also if it ends with an error.
        Each line has its own instant, because a long import takes longer than the overlap with which others follow the
        ledger.
        """
        batches = {each.id: each for each in self._store.batches()}
        done = done or Imported()
        findings = done.findings
        lines = list(once_each(self._each(statements, batches, findings), findings))
        for line in lines_of(lines):
            now = clock()
            judged = self._take(line, batches, source, now)
            problem = judged if isinstance(judged, Problem) else None if line.of_all else line.fault
            if problem is not None:
                findings.append(finding(line, problem))
            if not isinstance(judged, Problem):
                done.news += judged
                done.known += not judged
                done.unsettled += not self._settled(line, findings, now)
        findings.sort(key=lambda each: (each.number, each.reference or ""))
        return done

    def concerned(self, lines: Iterable[Line]) -> set[str]:
        """Whose transfers are named. A batch get for each hundred lines."""
        named = {rules.entitlement_of(each.reference or "") for each in lines}
        return {each.registrant_id for each in self._ledger.batch(one for one in named if one)}

    def said(self, reference: str) -> Iterator[tuple[Word, str]]:
        """The bank's words on a transfer, for people, each with its text in clear; two if they contradict."""
        known = self._known(reference, {})
        for word in (known.note.word, known.note.paid):
            if word is not None and known.entitlement is not None:
                sealed, owner = word.narrative, known.entitlement.registrant_id
                yield word, self._registrations.unseal(owner, sealed).decode() if sealed else ""

    def _each(
        self, statements: Sequence[Line | WholeFile], batches: Mapping[str, Batch], findings: list[Finding]
    ) -> Iterator[Line]:
        """The lines, with a statement about a whole file as a line for each transfer that has none of its own."""
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
            # If the bank has, or paid, a file that was given up, each transfer is judged by itself.
            has = one.outcome is Outcome.SUCCEEDED or one.fault is Problem.DUPLICATE
            if problem is None or (problem is Problem.NOT_IN_A_FILE and has):
                line = Line(one.number, None, one.outcome, one.word, one.file, fault=one.fault, of_all=True)
                for reference in rest:
                    yield replace(line, reference=reference, narrative=one.narrative)

    def _keep_word(self, line: Line, known: KnownTransfer, source: Source, now: datetime) -> bool:
        """Keep the word that the bank has a transfer; False if somebody else wrote meanwhile and the line must be
        judged again.
        """
        word = _news(line, known, source)
        return word is None or line.reference is None or self._store.say(line.reference, word, known.note, now)

    def _take(self, line: Line, batches: Mapping[str, Batch], source: Source, now: datetime) -> Problem | bool:
        """Keep a line's word if it is believed; True if it is new."""
        while True:
            known = self._known(line.reference, batches)
            problem = judge(line, known)
            if problem is not None:
                # A line that is not applied may still tell that the bank paid or has the transfer: that is kept.
                if _paid_all_the_same(line, known, problem, batches):
                    kept = self._stopped(line, known, source, now)
                else:
                    kept = not _has_already(line, known, problem) or self._keep_word(line, known, source, now)
                if kept:
                    return problem
                continue
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
            # Another import kept a word meanwhile: judge again by what is there now.

    def _stopped(self, line: Line, known: KnownTransfer, source: Source, now: datetime) -> bool:
        """Hold what the bank unexpectedly says it paid, so that it is not sent again before two people have looked;
        then keep the bank's word. False if the entitlement moved meanwhile.
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

    def _known(self, reference: str | None, batches: Mapping[str, Batch]) -> KnownTransfer:
        entitlement_id = rules.entitlement_of(reference) if reference else None
        if reference is None or entitlement_id is None:
            return KnownTransfer()
        try:
            entitlement = self._ledger.get(entitlement_id)
        except UnknownEntitlement:
            return KnownTransfer()
        note = self._store.note(reference)
        return KnownTransfer(entitlement, int(reference.rpartition("-")[2]), note, batches.get(note.batch or ""))

    def _settled(self, line: Line, findings: list[Finding], now: datetime) -> bool:
        """Let the worker look, if the bank's word calls for a transition; False if it could not do it now."""
        known = self._known(line.reference, {})
        if known.entitlement is None or known.note.word is None or known.n != known.entitlement.n:
            return True
        if not rules.after_status(known.entitlement, known.note.word.answer):
            return True
        if rules.follows_a_failure(known.entitlement):
            # Two people decided so after this line was judged.
            findings.append(finding(line, Problem.CONTRADICTS))
        try:
            self._worker.process(known.entitlement.id, now)
        except DomainError as error:
            log.warning("bank_word_not_settled", extra={"entitlement": known.entitlement.id, "reason": error.code})
            return False
        return True


def judge(line: Line, known: KnownTransfer) -> Problem | None:
    """Why a line is not applied; None if it is believed."""
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


def _paid_all_the_same(line: Line, known: KnownTransfer, problem: Problem, batches: Mapping[str, Batch]) -> bool:
    """Whether a line that is not applied says "paid" of a transfer that might be sent again."""
    if line.outcome is not Outcome.SUCCEEDED or known.entitlement is None or known.batch is None:
        return False
    match problem:
        case Problem.CONTRADICTS | Problem.NOT_LATEST | Problem.NOT_IN_A_FILE:
            return True
        case Problem.OTHER_FILE:
            return known.over or line.file in batches
        case Problem.AMOUNT:
            # A smaller booking is the bank's fee for the rejection.
            return known.over and line.amount is not None and line.amount > known.entitlement.amount_idr
        case _:
            return known.over and problem in {Problem.PAID_TWICE, Problem.TWICE}


def _has_already(line: Line, known: KnownTransfer, problem: Problem) -> bool:
    """Whether the bank says that it has a transfer of a file that was given up: then no other file may have it."""
    elsewhere = problem in {Problem.NOT_IN_A_FILE, Problem.OTHER_FILE}
    return elsewhere and line.fault is Problem.DUPLICATE and known.batch is not None


def _denies(line: Line, known: KnownTransfer, entitlement: Entitlement) -> Problem | None:
    """Why a line contradicts what was said and done before; None if it does not."""
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
    """Whether a word says more than the kept one.

    "Pending" and a rejection without proof replace each other, and the latest import counts. A bank that rejected only
    a repetition says afterwards that the transfer is pending.
    """
    if said is None:
        return True
    open_ = {outcome, said.answer.outcome} == {Outcome.PENDING, Outcome.REJECTED}
    return open_ or _RANK[outcome] > _RANK[said.answer.outcome]


def _news(line: Line, known: KnownTransfer, source: Source) -> Word | None:
    """The word to keep of a line that is believed; None if nothing in it is new."""
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
        # A status report or the return told of the payment before; now a second debit can be told from this one.
        return replace(said, booking=line.booking)
    return None


def _judge_whole(statement: WholeFile, batch: Batch | None, others: Iterable[Outcome | None]) -> Problem | None:
    """Why a statement about a whole file is believed of no transfer. `others`: what is said under names that are not in
    the file; each may be any of its transfers, cut or misread.
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
