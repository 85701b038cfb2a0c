"""Asking the registry about registrations, at its rate. Two may ask about one version; one answer is kept.

A registry that is silent fails no message: the sweep queues the registration again, until there is an answer. So an
outage of days fills no dead-letter queue, and refuses nobody.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..aws import queues
from ..clock import Clock
from ..figures.people import RegistryRules
from ..registration.records import Record, person_of
from ..registration.rules import Employment, PersonalData, School, Verification
from ..registration.verifications import UNDECIDED_SHARDS, UNVERIFIED_SHARDS, Ask, Verifications, decode_message
from ..time_budget import OutOfTime, TimeBudget
from ..values import Hidden
from . import rules
from .errors import NoAnswer
from .registry import CivilRecord, CivilRegistry, Said, StudentsRegister

if TYPE_CHECKING:
    from ..registration.store import RegistrationStore
    from ..vault import Vault

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

SWEPT_EVERY = timedelta(minutes=5)
"""How often the sweep runs; it queues no more than the registry can be asked about meanwhile."""

PAGE = 100
"""Registrations that are put off before they are queued: so many wait once more if a sweep is cut off."""

PAGE_S = 10
"""No page is put off with less time left than this: as many writes, and their messages."""

FIRST_PART, FIRST_S = 0.9, 120
"""Of the messages of a sweep so many are left to `First`, and so many seconds."""

FILES_TAKE = timedelta(days=14)
"""How long an office has for a batch of files before anybody counts as waiting."""

IN_A_ROW = 8
"""So many questions of at most 100 people one of them can have refused in a row, halved from 100 to 1."""

LOOKED_AT = 25
"""Registrations of one partition of the index whose age is looked at."""


class Asked(Hidden, frozen=True):
    """A version of a registration that waits for an answer; `confirmed`: for that of the students' register alone."""

    record: Record
    person: PersonalData
    confirmed: bool = False

    @property
    def version(self) -> Ask:
        """Which version it is."""
        return Ask(self.record.registrant.id, self.record.version)


class Judge:
    """What an answer of the registry says of one version of a registration, however it came.

    `asks_students`: the students' register is asked about whom the civil registry confirms.
    """

    def __init__(
        self,
        store: RegistrationStore,
        verifications: Verifications,
        vault: Vault,
        figures: RegistryRules,
        clock: Clock,
        *,
        asks_students: bool = False,
    ) -> None:
        self._store = store
        self._verifications = verifications
        self._vault = vault
        self._figures = figures
        self._clock = clock
        self._asks_students = asks_students

    def asked(self, version: Ask) -> Asked | None:
        """A registration, opened; None if what was asked about this version was changed or answered meanwhile."""
        record = self._store.record(version.registrant_id)
        if record is None or not record.question <= version.version <= record.version:
            return None
        who, old = record.registrant, self._verifications.is_old(record.registrant.verified_at, self._clock())
        if not who.waits and not old:
            return None
        person = person_of(self._vault.open_key(version.registrant_id, record.wrapped_key), record)
        return Asked(record, person, who.verification is not Verification.PENDING and not old)

    def state(self, asked: Asked, found: CivilRecord | None) -> Verification:
        """What a record says of the registration. Raises `NoAnswer` if it lacks what is compared."""
        # Of somebody who has died nothing else is compared.
        if found is not None and not found.dead and (lacking := rules.missing(found, self._figures)):
            raise NoAnswer(f"without_{'_'.join(lacking)}", undecided=True)
        return rules.state_of(asked.record.registrant, asked.person, found, self._figures)

    def confirms(self, asked: Asked, said: Said) -> bool:
        """Whether the civil registry confirms a registration, and so the students' register is to be asked about it."""
        try:
            return not isinstance(said, NoAnswer) and self.state(asked, said) is Verification.VERIFIED
        except NoAnswer:
            return False

    def take(self, asked: Asked, said: Said, source: str, school: School | None = School.UNANSWERED) -> None:
        """Keep what the registries say of a registration, if it decides anything."""
        try:
            if isinstance(said, NoAnswer):
                raise said
            state = self.state(asked, said)
        except NoAnswer as silence:
            self.leave(asked, silence)
        else:
            self.keep(asked, state, source, said, school)

    def keep(
        self,
        asked: Asked,
        state: Verification,
        source: str,
        found: CivilRecord | None,
        school: School | None = School.UNANSWERED,
    ) -> bool:
        """Keep what was found; False if the registration was changed or answered meanwhile.

        `school` is of somebody whom the civil registry confirms.
        """
        student = asked.record.registrant.employment is Employment.STUDENT
        if state is not Verification.VERIFIED or not self._asks_students or student:
            school = None
        differs = rules.differing(asked.record.registrant, asked.person, found, self._figures)
        if school is School.STUDENT:
            state, differs = Verification.MISMATCH, frozenset({"employment"})
        kept = self._verifications.keep(asked.record, state, source, self._clock(), school, differs)
        log.info("registration_asked", extra={"state": state.value, "kept": kept})
        return kept

    def settle(self, asked: Asked, school: School | None) -> None:
        """Keep what the students' register says of somebody whom the civil registry confirmed before."""
        who = asked.record.registrant
        if school is School.STUDENT:
            self.keep(asked, Verification.VERIFIED, who.verification_source or "", None, school)
        elif school is None and who.verified_at is not None:
            given = Verification.VERIFIED, who.verification_source or "", who.verified_at
            self._verifications.keep(asked.record, *given)

    def leave(self, asked: Asked, silence: NoAnswer) -> None:
        """Leave a registration PENDING, as there is no answer or none that decides anything."""
        say(silence)
        if silence.undecided:
            self._verifications.leave_undecided(asked.record, silence.fact, self._clock())

    def left_alone(self, asked: Asked, fact: str) -> None:
        """Leave a registration PENDING that a register refuses to be asked about, to be asked about less often."""
        self._verifications.leave_undecided(asked.record, fact, self._clock())

    def queue(self, asked: Sequence[Asked]) -> None:
        """Queue these again, in one question."""
        self._verifications.ask((one.record.registrant.id, one.record.version) for one in asked)


class Refusals:
    """What becomes of a question that a register refuses: one of its people may be the cause, or the whole of it.

    A question of many is put again in halves, so whoever is the cause silences no other; refused alone, they are left
    undecided. After `IN_A_ROW` refusals the register is the cause: of each question one person alone is put again,
    which shows when it takes questions, and the others wait for the sweep. It counts in this process.

    A refusal that may pass (500) is put again in halves too; nobody is left undecided for it, and after `IN_A_ROW` of
    them all wait for the sweep.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._in_a_row = 0
        self._takes = False

    def end(self) -> None:
        """The register has taken a question."""
        self._in_a_row, self._takes = 0, True

    def divide(self, asked: Sequence[Asked], silence: NoAnswer) -> None:
        """A question got no answer. Nothing if the register did not refuse it."""
        if not silence.refused:
            return
        self._in_a_row += 1
        by_person, middle = self._in_a_row <= IN_A_ROW, len(asked) // 2
        if not middle:
            if by_person and self._takes and not silence.passes:
                self._judge.left_alone(asked[0], silence.fact)
            return
        alone = () if silence.passes else (asked[:1],)
        for part in (asked[:middle], asked[middle:]) if by_person else alone:
            self._judge.queue(part)


class Students:
    """Asks the students' register about whom the civil registry confirmed, at the same rate; without one, nobody."""

    def __init__(self, judge: Judge, register: StudentsRegister | None, wait: Callable[[], None]) -> None:
        self._judge = judge
        self._register = register
        self._refusals = Refusals(judge)
        self._wait = wait

    def ask(self, people: Sequence[Asked], *, again: bool = False) -> list[School | None]:
        """What it says of each, in one question. `again`: a question that it refuses is put again in halves."""
        if self._register is None or not people:
            return [None] * len(people)
        self._wait()
        try:
            found = self._register.find([one.person.nik for one in people])
        except NoAnswer as silence:
            if again:
                self._refusals.divide(people, silence)
            return [_school(silence)] * len(people)
        self._refusals.end()
        return [_school(said) for said in found]

    def settle(self, confirmed: Sequence[Asked], trouble: list[Exception]) -> None:
        """Ask about those who wait for its answer alone, and keep what it says."""
        answered = zip(confirmed, self.ask(confirmed, again=True), strict=True)
        each(lambda one: self._judge.settle(*one), answered, trouble)


class Verifier:
    """See the module. `wait` returns when the next question may be put."""

    def __init__(
        self, judge: Judge, registry: CivilRegistry, wait: Callable[[], None], students: StudentsRegister | None = None
    ) -> None:
        self._judge = judge
        self._registry = registry
        self._refusals = Refusals(judge)
        self._wait = wait
        self._students = Students(judge, students, wait)

    def process(self, versions: Sequence[Ask]) -> None:
        """Ask about these versions of registrations in one question, but for those that were changed or answered
        meanwhile, and keep the answers.
        """
        trouble: list[Exception] = []
        waiting = [one for one in each(self._judge.asked, versions, trouble) if one is not None]
        self._students.settle([one for one in waiting if one.confirmed], trouble)
        if asked := [one for one in waiting if not one.confirmed]:
            self._wait()
            try:
                found = self._registry.find([one.person.nik for one in asked])
            except NoAnswer as silence:
                say(silence)
                self._refusals.divide(asked, silence)
            else:
                self._refusals.end()
                self._take(list(zip(asked, found, strict=True)), trouble)
        if trouble:
            raise trouble[0]

    def _take(self, answered: Sequence[tuple[Asked, Said]], trouble: list[Exception]) -> None:
        sure = [one for one, said in answered if self._judge.confirms(one, said)]
        schools = dict(zip([one.version for one in sure], self._students.ask(sure), strict=True))
        source = self._registry.source
        each(lambda one: self._judge.take(*one, source, schools.get(one[0].version)), answered, trouble)


class Asking(Protocol):
    """What a message is given to."""

    def process(self, versions: Sequence[Ask]) -> None:
        """Ask about some versions of registrations. A registry that is silent raises nothing."""


def _school(said: bool | NoAnswer) -> School | None:
    if isinstance(said, NoAnswer):
        say(said, "students_register_silent")
        return School.UNANSWERED
    return School.STUDENT if said else None


def each(do: Callable[[T], R], rows: Iterable[T], trouble: list[Exception]) -> list[R]:
    """What `do` gives for each; one that fails holds up no other, and its error is added to `trouble`, to be raised."""
    done = []
    for row in rows:
        try:
            done.append(do(row))
        except Exception as error:  # noqa: BLE001 - the caller raises it, after the others
            trouble.append(error)
    return done


def say(silence: NoAnswer, what: str = "registry_silent") -> None:
    """Log why there is no answer: as an error if somebody must look."""
    level = logging.WARNING if silence.passes or silence.undecided else logging.ERROR
    log.log(level, what, extra={"fact": silence.fact})


class First(Protocol):
    """Queues those who come before all others (`waves.entrants`)."""

    def queue(self, now: datetime, most: int, deadline_s: float, seconds: Callable[[], float]) -> None:
        """Queue about `most` messages, within so many seconds."""


class Sweep:
    """Queues what has waited for an answer; `watch` asks it how long the oldest waits."""

    def __init__(self, verifications: Verifications, figures: RegistryRules, first: First) -> None:
        self._verifications = verifications
        self._figures = figures
        self._first = first

    def run(self, now: datetime, deadline_s: float = inf, seconds: Callable[[], float] = time.monotonic) -> int | None:
        """Queue again what was last queued `ask_again_after_s` ago, and return how many.

        A row is put off before it is queued: if the queueing is lost, a later sweep comes back to it. None if it is not
        done after `deadline_s`, and the next sweep continues; and, with nothing queued, while as many messages wait as
        the registry can be asked about until then. A registry that answers in files is asked by administrators alone.
        """
        budget = TimeBudget(now, deadline_s, seconds)
        if not self._verifications.by_queue:
            return 0
        most = int(self._figures.asks_per_s * SWEPT_EVERY.total_seconds())
        if (backlog := self._verifications.backlog()) >= most:
            log.warning("registrations_not_swept", extra={"waiting": backlog})
            return None
        self._first.queue(now, int(most * FIRST_PART) - backlog, min(deadline_s / 2, FIRST_S), seconds)
        queued, whole = 0, False
        with suppress(OutOfTime):
            for shard in (*UNVERIFIED_SHARDS, *UNDECIDED_SHARDS):
                rows = self._verifications.waiting(shard, now, -(-most // len(UNVERIFIED_SHARDS)))
                while page := list(islice(rows, PAGE)):
                    budget.need(PAGE_S)
                    again = [row for row in page if self._verifications.put_off(row, now)]
                    self._verifications.ask((row.registrant_id, row.version) for row in again)
                    queued += len(again)
            whole = True
        if queued:
            log.info("registrations_swept", extra={"queued": queued, "whole": whole})
        return queued if whole else None

    def waiting_since(self, now: datetime) -> datetime | None:
        """Since when the oldest registration waits, of those that a sweep would take up first; None if none does.

        Those about which the registry has answered, and decided nothing, are not among them.
        Where the registry answers in files, counted from when an answer could be there.
        """
        all_ = now + timedelta(seconds=2 * self._figures.ask_again_after_s)  # those that were queued just now, too
        rows = [row for shard in UNVERIFIED_SHARDS for row in self._verifications.waiting(shard, all_, LOOKED_AT)]
        oldest = min((row.since for row in rows), default=None)
        return oldest if oldest is None or self._verifications.by_queue else oldest + FILES_TAKE


def consume(records: Iterable[Mapping[str, Any]], verifier: Asking) -> dict[str, list[dict[str, str]]]:
    """Ask about the registrations of a batch of messages (see `queues.consume`)."""
    return queues.consume("registry", records, lambda body: verifier.process(decode_message(body)))
