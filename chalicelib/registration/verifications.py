"""What the civil registry says of a registration, kept with it; and who is still to be asked about.

Where a stage has no registry nobody is asked, nobody waits, and corrections are not counted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from pynamodb.expressions.condition import Condition

from ..aws import dynamodb
from ..aws.clients import is_passing
from ..clock import iso
from ..errors import Unavailable
from ..ids import shard
from ..notices.rules import Kind
from ..values import Value
from .change_notices import event, telling
from .errors import TooManyCorrections
from .items import Corrected, Profile, RegisteredIndex, UnverifiedIndex, nik_pk, person_pk
from .records import Record
from .rules import DIFFERING, Place, Registrant, School, Standing, Verification
from .store import OVERTAKEN_LEG, UNVERIFIED, Legs

if TYPE_CHECKING:
    from ..aws.queues import Queue
    from ..figures.people import RegistryRules
    from ..notices.service import NoticeService

log = logging.getLogger(__name__)

UNVERIFIED_SHARDS = [f"{number:02d}" for number in range(UNVERIFIED)]
"""The partitions of the index of those who are to be asked about."""

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than any sweep."""

ENLISTED = 100
"""How many registrations are enlisted at once."""

_ASKED_BY = "pk,version,verification,verified_at,school,consent_withdrawn_at,ask_from"

UNDECIDED_SHARDS = [f"undecided-{each}" for each in UNVERIFIED_SHARDS]
"""Of the same index: those about whom the registry has answered, and decided nothing."""

WAITING_SHARDS = (*UNVERIFIED_SHARDS, *UNDECIDED_SHARDS)


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """A message, version 1: which version of a registration to ask about."""

    registrant_id: str
    version: int


class Asks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=2):
    """A message, version 2: which versions to ask about in one question, by the registrations' ids."""

    versions: dict[str, int]


def decode_message(body: str) -> list[Ask]:
    """What a message asks about. Raises msgspec.DecodeError for anything else, and for another version."""
    message = msgspec.json.decode(body, type=Ask | Asks)
    return [message] if isinstance(message, Ask) else [Ask(*one) for one in message.versions.items()]


class Waiting(Value, frozen=True):
    """A registration as the index has it: `since` when it waits, and from when a sweep may queue it again."""

    registrant_id: str
    version: int
    since: datetime
    ask_from: datetime
    undecided: bool = False


class Verifications:
    """See the module. `asks`: the stage has a registry; without a `queue` it answers in files."""

    def __init__(
        self,
        transaction: Callable[[], dynamodb.Transaction],
        queue: Queue | None,
        notices: Callable[[], NoticeService],
        figures: RegistryRules,
        *,
        asks: bool,
    ) -> None:
        self._transaction = transaction
        self._queue = queue
        self._asks = asks
        self._notices = notices
        self._again = timedelta(seconds=figures.ask_again_after_s)
        self.together = figures.persons_per_question
        self._holds = timedelta(seconds=figures.answer_holds_s)
        self._undecided_again = timedelta(seconds=figures.undecided_again_after_s)
        self._most = figures.corrections_max
        self._within = timedelta(seconds=figures.corrections_within_s)
        self._removed = timedelta(seconds=figures.removed_if_told_for_s)
        self._awaits_school = asks and figures.students.awaited

    @property
    def has_registry(self) -> bool:
        """Whether anybody is asked about, by whatever way."""
        return self._asks

    def confirms(self, registrant: Registrant) -> bool:
        """Whether the registry, if there is one, confirms a person, and the students' register, if it is awaited, has
        answered.
        """
        answered = registrant.school is not School.UNANSWERED or not self._awaits_school
        return not self._asks or (registrant.verification is Verification.VERIFIED and answered)

    def ask_from(self, registrant: Registrant, now: datetime) -> datetime | None:
        """From when a sweep may queue a registration that is saved and queued now; None if nobody is to be asked.

        Who took the consent back and has no place is not asked about, until they give it again.
        """
        takes_part = registrant.consent_withdrawn_at is None or registrant.standing is not Standing.REGISTERED
        asks = self._asks and registrant.waits and takes_part
        return now + self._again if asks else None

    def ask_about(self, saved: Record) -> None:
        """Queue a registration that was just saved, if it is to be asked about."""
        if saved.ask_from is not None:
            self.ask([(saved.registrant.id, saved.version)])

    def ask(self, versions: Iterable[tuple[str, int]]) -> bool:
        """Queue these versions of registrations, as many in a message as a question may be about.

        False if the queue did not take all; the sweep queues those that wait.
        """
        if self._queue is None:
            return True
        rest, bodies = iter(versions), []
        while some := dict(islice(rest, self.together)):
            one = Ask(*next(iter(some.items()))) if len(some) == 1 else Asks(some)
            bodies.append(msgspec.json.encode(one).decode())
        try:
            self._queue.send(bodies)
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_passing(error)):
                raise
            log.warning("registrations_not_queued", extra={"count": len(bodies)})
            return False
        return True

    def is_old(self, answered_at: datetime | None, now: datetime) -> bool:
        """Whether what a registry said then is so old that it is asked anew; until it answers, that counts."""
        return answered_at is not None and answered_at <= now - self._holds

    def to_ask(self, registrant_ids: Sequence[str], now: datetime) -> list[tuple[str, int]]:
        """Those of these people who wait for an answer or whose answer is old, with their versions.

        Who was never asked about is enlisted. One batch get for each 100, consistent, and a write for each of those.
        """
        keys = [(person_pk(one), "PROFILE") for one in registrant_ids]
        found = []
        for row in dynamodb.get_rows(Profile, keys, _ASKED_BY):
            who, waits = row["pk"]["S"].removeprefix(person_pk("")), row["verification"]["S"] == Verification.PENDING
            answered_at = datetime.fromisoformat(row["verified_at"]["S"]) if "verified_at" in row else None
            unanswered = "school" in row and row["school"]["S"] == School.UNANSWERED
            if "consent_withdrawn_at" in row or not (waits or unanswered or self.is_old(answered_at, now)):
                continue
            if waits and "ask_from" not in row:
                self.enlist_one(who, now)
            found.append((who, int(row["version"]["N"])))
        return found

    @property
    def by_queue(self) -> bool:
        """Whether each registration is queued to be asked about."""
        return self._queue is not None

    def backlog(self) -> int:
        """About how many messages nobody has received yet."""
        return 0 if self._queue is None else self._queue.waiting()

    def keep(
        self,
        record: Record,
        state: Verification,
        source: str,
        now: datetime,
        school: School | None = None,
        differs: frozenset[str] = frozenset(),
    ) -> bool:
        """Keep what a registry says of a registration, and tell the person if something differs.

        `school`: of a NIK and data that the civil registry confirmed. While it is UNANSWERED the sweep goes on asking.
        One transaction; False, and nothing is kept, if what was asked was changed or answered meanwhile, or who is to
        be told. Another change (a claim, a proof of presence, a place) leaves the answer as good as it was.
        """
        who, before = record.registrant.id, record.registrant.verification
        why = [Profile.school.remove() if school is None else Profile.school.set(school)]
        why.append(Profile.differs.set(differs) if differs else Profile.differs.remove())
        if {before, state} <= DIFFERING:
            # They were told, and from when they were counts; why is for administrators, and for who proved presence.
            if (school, differs) != (record.registrant.school, record.registrant.differs):
                dynamodb.update_if(Profile(person_pk(who), "PROFILE"), why, _same_question(record))
            return False
        said = [Profile.verification.set(state), Profile.verification_source.set(source)]
        # Later answers are kept in some states only, so their instant would tell a claimant which it is.
        if before is Verification.PENDING or record.registrant.claimed_at is None:
            said.append(Profile.verified_at.set(now))
        if state is Verification.VERIFIED:
            since = record.registrant.confirmed_at or record.registrant.verified_at
            said.append(Profile.confirmed_at.set((since if self.confirms(record.registrant) else None) or now))
        said += why
        done = [Profile.version.add(1), Profile.question.set(Profile.version + 1)]
        done += [Profile.undecided.remove(), Profile.undecided_at.remove()]
        if school is School.UNANSWERED:
            done += [Profile.unverified_shard.set(shard(who, UNVERIFIED)), Profile.ask_from.set(now)]
            done += [Profile.waits_since.set(Profile.waits_since | now)]
        else:
            done += [each.remove() for each in (Profile.unverified_shard, Profile.ask_from, Profile.waits_since)]
        as_asked = _same_question(record) & (Profile.verification == before)
        facts = {"tries": self._most, "days": self._within.days, "removed_days": self._removed.days}
        # Who claims a NIK is not told: see `wire.registration_view`.
        tells = state in DIFFERING and record.registrant.claimed_at is None
        if state in DIFFERING:
            as_asked &= Profile.claimed_at.does_not_exist() if tells else Profile.claimed_at.exists()
        told = [(event(Kind.DATA_DIFFERS, now), Kind.DATA_DIFFERS, facts)] if tells else []
        try:
            with telling(self._notices(), who, told) as legs, self._transaction() as tx:
                tx.update("profile", Profile(person_pk(who), "PROFILE"), [*said, *done], as_asked)
                legs(tx)
        except dynamodb.LegsFailed:
            return False
        return True

    def leave_undecided(self, asked: Record, fact: str, now: datetime) -> None:
        """Keep why the registry's answer decides nothing, and since when; it is asked again less often. One write;
        nothing if what was asked was changed or answered meanwhile.
        """
        said = [Profile.undecided.set(fact), Profile.undecided_at.set(Profile.undecided_at | now)]
        who = asked.registrant.id
        waits = [Profile.unverified_shard.set(f"undecided-{shard(who, UNVERIFIED)}")]
        waits.append(Profile.ask_from.set(now + self._undecided_again))
        as_asked = _same_question(asked) & (Profile.verification == Verification.PENDING)
        dynamodb.update_if(Profile(person_pk(who), "PROFILE"), [*said, *waits], as_asked)

    def undecided(self, limit: int) -> list[str]:
        """At most `limit` of the people about whom the registry has answered, and decided nothing. From the index."""
        rows = (row for each in UNDECIDED_SHARDS for row in self.waiting(each, FAR, limit))
        return [row.registrant_id for row in islice(rows, limit)]

    def add_place(self, tx: dynamodb.Transaction, leg: str, registrant_id: str, place: Place) -> None:
        """Add the leg that makes a beneficiary of a person whom the registry, if there is one, confirms, and whose NIK
        nobody contests; it fails for anybody else.
        """
        actions = [Profile.standing.set(Standing.BENEFICIARY), Profile.version.add(1), *Profile.of_place(place)]
        may = (Profile.standing != Standing.REVOKED) & Profile.claimed_at.does_not_exist()
        may &= Profile.contested_at.does_not_exist()
        if self.has_registry:
            may &= Profile.verification == Verification.VERIFIED
        if self._awaits_school:
            may &= Profile.school.does_not_exist()
        tx.update(leg, Profile(person_pk(registrant_id), "PROFILE"), actions, may)

    def waiting(self, shard: str, before: datetime, limit: int) -> Iterator[Waiting]:
        """At most `limit` registrations of a partition whose `ask_from` is before an instant, oldest first."""
        if not self._asks:
            return
        undecided = shard in UNDECIDED_SHARDS
        rows = Profile.unverified.query(shard, UnverifiedIndex.ask_from < before, limit=limit)
        for row in rows:
            yield Waiting(row.pk.removeprefix(person_pk("")), row.version, row.waits_since, row.ask_from, undecided)

    def page_waiting(self, after: str, limit: int) -> tuple[list[Ask], str]:
        """At most `limit` of the versions that wait for an answer, whenever a sweep may queue them. From the index.

        Also after what the next page begins, empty after the last; it begins with the number of a partition.
        """
        begun, _, key = after.partition("/")
        found: list[Ask] = []
        if not self._asks:
            return found, ""
        for number in range(int(begun or 0), len(WAITING_SHARDS)):
            begin = json.loads(key) if key else None
            rows = Profile.unverified.query(WAITING_SHARDS[number], limit=limit - len(found), last_evaluated_key=begin)
            found += [Ask(row.pk.removeprefix(person_pk("")), row.version) for row in rows]
            key = json.dumps(rows.last_evaluated_key) if rows.last_evaluated_key else ""
            if len(found) >= limit:
                return found, f"{number}/{key}" if key else f"{number + 1}/"
        return found, ""

    def put_off(self, row: Waiting, now: datetime) -> bool:
        """Move a row to the end of its partition; False if another sweep or an answer came first. One write."""
        item = Profile(person_pk(row.registrant_id), "PROFILE")
        again = now + (self._undecided_again if row.undecided else self._again)
        # Rows of before December 2026 spell the instant in another way: it sorts alike, but is not equal.
        return dynamodb.update_if(item, [Profile.ask_from.set(again)], Profile.ask_from <= now)

    def enlist(self, number: int, after: str, now: datetime) -> tuple[int, str]:
        """Have a page of one of `store.SHARDS` partitions asked about who registered before there was a registry.

        It begins after a registration's id. Returns how many, and after which one the next page begins, empty after the
        last one. The sweep queues them at the registry's rate. A repeat finds only who is left. One query, and a
        conditional write for each registration of the page.
        """
        rows = Profile.registered.query(f"{number:02d}", RegisteredIndex.pk > person_pk(after), limit=ENLISTED)
        ids = [row.pk.removeprefix(person_pk("")) for row in rows]
        return sum(self.enlist_one(one, now) for one in ids), ids[-1] if len(ids) == ENLISTED else ""

    def enlist_one(self, registrant_id: str, now: datetime) -> bool:
        """Have a person asked about who is PENDING and never was; False for anybody else. One conditional write."""
        unasked = Profile.ask_from.does_not_exist() & (Profile.verification == Verification.PENDING)
        # Who took the consent back is asked about only if money may still be due to them.
        unasked &= Profile.consent_withdrawn_at.does_not_exist() | (Profile.standing != Standing.REGISTERED)
        waits = [Profile.ask_from.set(now), Profile.waits_since.set(now)]
        waits.append(Profile.unverified_shard.set(shard(registrant_id, UNVERIFIED)))
        return dynamodb.update_if(Profile(person_pk(registrant_id), "PROFILE"), waits, unasked)

    def counting(self, before: Registrant, after: Registrant, now: datetime, *, claims: bool = False) -> Legs | None:
        """The legs that count a correction of what the registry did not confirm, by account and by NIK, old and new.

        None if it confirmed it or was not asked yet, unless the NIK is claimed. One batch get. Raises
        `TooManyCorrections`. Without a bound the registry's answers would tell a stranger's data, one guess after the
        other. A NIK that is claimed, before or with the correction (`claims`), does not count: strangers could use it
        up, and a claimant is told none of these answers.
        """
        if before.verification not in DIFFERING and before.claimed_at is None:
            return None
        niks = [nik_pk(before.nik_mac)] if before.claimed_at is None else []
        niks += [nik_pk(after.nik_mac)] if after.nik_mac != before.nik_mac and not claims else []
        keys = [(pk, "CORRECTIONS") for pk in (person_pk(before.id), *niks)]
        found = {item.pk: item for item in dynamodb.get_batch(Corrected, keys)}
        counted = []
        for pk, sk in keys:
            read = found.get(pk)
            latest = sorted(at for at in (read.times if read else ()) if at > now - self._within)
            if len(latest) >= self._most:
                raise TooManyCorrections(again_from=iso(latest[-self._most] + self._within))
            item = Corrected(pk, sk, times=[*latest, now], expires_at=now + self._within)
            counted.append((item, Corrected.pk.does_not_exist() if read is None else Corrected.times == read.times))

        def legs(tx: dynamodb.Transaction) -> None:
            for item, as_read in counted:
                tx.put(OVERTAKEN_LEG, item, as_read)

        return legs


def _same_question(record: Record) -> Condition:
    """That a registry would be asked today what it was asked about this version."""
    before = Profile.question.does_not_exist() & (Profile.version == record.version)  # kept by an earlier release
    same: Condition = (Profile.question == record.question) | before
    return same
