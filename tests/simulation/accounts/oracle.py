"""Checks what must hold after each step. It knows who reads which mailbox and has which phone, but not the stores."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.accounts.errors import CodeExpired, CodeUsed, SessionExpired, WrongCode
from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.errors import DomainError

from ..oracle import Violation

if TYPE_CHECKING:
    from chalicelib.accounts.wire import ContactView

    from .people import Handset, Held, Message, Waiting
    from .world import World

EXPECTED = (DomainError, PynamoDBException, BotoCoreError, ClientError, LegsFailed)
"""What a call may end with: refusals, and what the faults look like."""

__all__ = ["Oracle", "Violation"]


@dataclass
class Known:
    """A session that somebody was given. Times are those of requests: `used` of the last that was answered."""

    account: str
    owner: str
    handset: str
    sign_in_id: str
    refresh_token: str | None
    opened_at: datetime
    used_at: datetime
    asked_at: datetime
    ending: bool = False
    """Somebody has asked to end it, or to end all; it need not have worked."""
    ended_step: int | None = None
    """When an answer said that it was ended."""
    ended_at: datetime | None = None
    stolen: bool = False


@dataclass
class Oracle:
    """Is told of every answer; `wrong` is what it found."""

    world: World
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    sessions: dict[str, Known] = field(default_factory=dict)
    people: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Of each account, who was let in."""
    account_of: dict[tuple[str, str], str] = field(default_factory=dict)
    """The account that a person had by a contact."""
    proofs: set[str] = field(default_factory=set)
    """Those that were taken."""
    given_up: set[str] = field(default_factory=set)
    """Accounts that were robbed, and whose owners have no contact there by which they could defend them."""
    all_ending: Counter[str] = field(default_factory=Counter)
    """Requests under way that end every session of an account."""
    moved: set[str] = field(default_factory=set)
    """Contacts that somebody has tried to add or to remove: they need not lead to one account for good."""
    added_by: set[str] = field(default_factory=set)
    """Sign-ins whose codes were used for that."""
    earliest: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """From when on a contact may sign in to an account, by any of the sessions that asked to add it."""
    earliest_end: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """From when on a contact may have ended, by any of the sessions that asked to remove it."""
    pending: dict[tuple[str, str], datetime | None] = field(default_factory=dict)
    """From when on a contact that was added, in an account, signs in; None: that was cancelled."""
    compared: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each code was compared with what somebody typed."""
    codes_taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Codes that strange devices were promised, by contact and UTC hour."""
    maybe_opened: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Sign-ins whose right codes were entered, by who reads the contact: each may have begun a session."""

    def say(self, what: str) -> None:
        self.wrong.append(what)

    def unexpected(self, where: str, error: Exception) -> None:
        """Service code ended with an error."""
        if isinstance(error, DomainError):
            self.seen[f"refused: {error.code}"] += 1
        if not isinstance(error, EXPECTED):
            self.say(f"{where}: {type(error).__name__}: {error}")

    def comparing(self, of: tuple[str, int]) -> None:
        """A code is about to be compared."""
        self.compared[of] += 1
        if self.compared[of] > self.world.rules.code_tries:
            self.say(f"code {of[1]} of a sign-in was compared {self.compared[of]} times")

    def promised(self, contact: str, known: bool, now: datetime) -> None:
        """A start was answered with 202."""
        self.seen["sign-in begun" + (" by a known device" if known else "")] += 1
        if known:
            return
        self.codes_taken[contact, f"{now:%F}"] += 1
        self.codes_taken[contact, f"{now:%F %H}"] += 1
        rules = self.world.rules
        if self.codes_taken[contact, f"{now:%F %H}"] > rules.codes_per_hour:
            self.say(f"{contact} was promised more codes than an hour has")
        if self.codes_taken[contact, f"{now:%F}"] > rules.codes_per_day:
            self.say(f"{contact} was promised more codes than a day has")

    def opened(self, by: Handset, waiting: Waiting, code: str, held: Held, asked_at: datetime, step: int) -> None:
        """`POST /sessions` was answered with a session."""
        self.seen["session opened"] += 1
        world = self.world
        right = [m for m in world.messages if m.sign_in_id == waiting.id and m.code == code]
        life = timedelta(seconds=world.rules.code_lifetime_s)
        if not any(asked_at < m.at + life for m in right):
            self.say(f"{by.name} got in by a code that " + ("is too old" if right else "nobody was sent"))
        reader = world.reader(waiting.contact)
        before = next((id_ for id_, one in self.sessions.items() if one.sign_in_id == waiting.id), None)
        if before is not None and by.device is None and self.sessions[before].refresh_token is None:
            # Nothing tells two clients without a key apart that know the secret and the code: it is one session.
            self._again(by, before, held, step, same=True)
            return
        if by.owner != reader and not world.was_told(by, waiting):
            self.say(f"{by.name} got in by {waiting.contact}, which {reader} reads")
        if before is not None:
            self._again(by, before, held, step)
        else:
            self.begun(by, held, asked_at, stolen=by.owner != reader)
        self._check_pending(waiting.contact, held.account, asked_at)
        if by.owner == reader:
            self._at_home(by.owner, waiting.contact, held.account)

    def begun(self, by: Handset, held: Held, asked_at: datetime, *, stolen: bool) -> None:
        """A new session was given to somebody."""
        self.world.news.opened(by, held)
        token, at = held.opened.refresh_token, asked_at
        self.sessions[held.id] = Known(
            held.account, by.owner, by.name, held.sign_in_id, token, at, at, at, stolen=stolen
        )

    def _again(self, by: Handset, before: str, held: Held, step: int, *, same: bool = False) -> None:
        known = self.sessions[before]
        self.seen["session asked for again"] += 1
        if known.handset != by.name and not same:
            self.say(f"a used code worked again, on {by.name} after {known.handset}")
        elif (before, known.refresh_token, known.account) != (held.id, held.opened.refresh_token, held.account):
            self.say(f"a used code opened another session of {by.name}")
        if known.ended_step is not None and known.ended_step < step:
            self.say("a used code worked again after its session was ended")

    def _at_home(self, person: str, contact: str, account: str) -> None:
        """A person was let in by a contact: always to the same account, where nobody else is."""
        kept = self.account_of.setdefault((person, contact), account)
        if kept != account and contact not in self.moved:
            self.say(f"{person} came by {contact} to another account than before")
        self.lives_with(person, account)

    def lives_with(self, person: str, account: str) -> None:
        """A person was let in to an account: nobody else may be there."""
        self.people[account].add(person)
        if len(self.people[account]) > 1 and account not in self.given_up:
            self.say(f"{sorted(self.people[account])} share an account")

    def moving(self, contact: str) -> None:
        """Somebody asks to add or to remove a contact, so that it need not lead to one account for good."""
        self.moved.add(contact)

    def adding(self, held: Held, contact: str, sign_in_id: str) -> None:
        """Somebody asks to add a contact: it may sign in at once, or when this session would be old enough."""
        self.moving(contact)
        self.added_by.add(sign_in_id)
        earliest = self.begins_with(held)
        self.earliest[contact, held.account] = min(earliest, self.earliest.get((contact, held.account), earliest))

    def begins_with(self, held: Held) -> datetime:
        """From when on what a session changes may take effect."""
        young = timedelta(seconds=self.world.rules.young_session_s)
        old_at = self.sessions[held.id].opened_at + young
        return max(self.world.now, old_at)

    def contact_added(self, by: Handset, held: Held, contact: str, view: ContactView, now: datetime) -> None:
        """`POST /me/contacts` was answered."""
        self.seen["contact added" + (" for later" if view.signs_in_from else "")] += 1
        begins = view.signs_in_from or now
        if begins < self.earliest[contact, held.account]:
            self.say(f"{by.name} added a contact by a young session, and it signs in too early")
        self.pending[contact, held.account] = begins

    def removing(self, held: Held, contact: str) -> None:
        """Somebody asks to remove a contact: it may go at once, or when this session would be old enough."""
        self.moving(contact)
        ends = self.begins_with(held)
        self.earliest_end[contact, held.account] = min(ends, self.earliest_end.get((contact, held.account), ends))

    def contact_removed(self, held: Held, contact: str, view: ContactView, now: datetime) -> None:
        """`DELETE /me/contacts/{id}` was answered."""
        self.seen["contact removed"] += 1
        if (view.signs_in_until or now) < self.earliest_end[contact, held.account] and view.signs_in_from is None:
            self.say("a contact was removed by a young session, and ends too early")

    def changes_cancelled(self, account: str) -> None:
        """Somebody has taken back whatever waited."""
        for contact, of in self.pending:
            begins = self.pending[contact, of]
            if of == account and begins is not None and begins > self.world.now:
                self.pending[contact, of] = None

    def _check_pending(self, contact: str, account: str, asked_at: datetime) -> None:
        if (contact, account) in self.pending:
            begins = self.pending[contact, account]
            if begins is None or asked_at < begins:
                self.say(
                    f"{contact} signed in to an account where it " + ("was cancelled" if begins is None else "waits")
                )

    def code_refused(
        self, by: Handset, waiting: Waiting, known: list[Message], error: Exception, asked_at: datetime
    ) -> None:
        """`POST /sessions` was refused. `known`: the messages with its code that were handed over before it began."""
        life = timedelta(seconds=self.world.rules.code_lifetime_s)
        last = max((m.sending for m in self.world.messages if m.sign_in_id == waiting.id), default=0)
        fresh = [m for m in known if asked_at < m.at + life and m.sending >= last - 1]
        mine = next((one for one in self.sessions.values() if one.sign_in_id == waiting.id), None)
        # A code that was tried too often is compared no more: nobody knows then that it is the one that was typed.
        good = [m for m in fresh if not self.world.is_used_up(m)]
        if isinstance(error, WrongCode) and good and waiting in by.waiting and not self.world.is_telling(waiting):
            self.say(f"{by.name} typed the code that was sent, and was told that it is wrong")
        if isinstance(error, CodeExpired) and fresh and by.owner == self.world.reader(waiting.contact):
            self.say(f"{by.name} typed a code that was sent lately, and was told that it is too old")
        if (
            isinstance(error, CodeUsed)
            and waiting.id not in self.added_by
            and mine is not None
            and mine.handset == by.name
            and not self._may_be_over(mine)
        ):
            self.say(f"{by.name} asked again for its session, and lost it")

    def refreshed(self, by: Handset, session_id: str, asked_at: datetime, step: int, what: str) -> None:
        """A session was used: a refresh, or a request to a route that reads it."""
        self.seen[what] += 1
        known = self.sessions.get(session_id)
        if known is None:
            return
        if known.handset != by.name:
            self.say(f"{what}: a session of {known.handset} worked for {by.name}")
        if known.ended_step is not None and known.ended_step < step:
            self.say(f"{what}: an ended session worked")
        rules = self.world.rules
        if known.refresh_token is None:
            over = known.opened_at + timedelta(seconds=rules.keyless_lifetime_s)
        else:
            over = known.asked_at + timedelta(seconds=rules.session_lifetime_s)
        if asked_at >= over:
            self.say(f"{what}: a session worked that was left unused")
        known.used_at = max(known.used_at, asked_at)
        known.asked_at = max(known.asked_at, asked_at)

    def proved(self, proof: str, what: str) -> None:
        """A proof was taken for something that changes something."""
        if proof in self.proofs:
            self.say(f"{what}: a proof worked twice")
        self.proofs.add(proof)

    def use_refused(self, by: Handset, session_id: str, error: Exception, asked_at: datetime, what: str) -> None:
        """A session did not work for the handset that holds it."""
        known = self.sessions.get(session_id)
        if known is None or known.handset != by.name or not isinstance(error, SessionExpired):
            return
        self.seen[f"{what}: over"] += 1
        if not self._may_be_over(known, asked_at):
            self.say(f"{what}: {by.name} has lost its session")

    def admitted(self, session_id: str, token_at: datetime, now: datetime, step: int) -> None:
        """An access token was taken by the authorizer."""
        self.seen["token admitted"] += 1
        known = self.sessions.get(session_id)
        if known is None:
            return
        rules = self.world.rules
        if known.refresh_token is None:
            if known.ended_step is not None and known.ended_step < step:
                self.say("a token of a session without a key worked after its end")
            if now >= known.opened_at + timedelta(seconds=rules.keyless_lifetime_s):
                self.say("a token of a session without a key worked after a day")
        elif now >= token_at + timedelta(seconds=rules.access_token_s):
            self.say("an access token worked after its time")

    def ended(self, session_ids: list[str], asked_at: datetime, step: int) -> None:
        """An answer said that these are over."""
        for session_id in session_ids:
            known = self.sessions.get(session_id)
            if known is not None and known.ended_step is None:
                self.seen["session ended"] += 1
                known.ended_step, known.ended_at = step, asked_at

    def of(self, account: str) -> list[str]:
        """The sessions of an account that anybody knows of."""
        return [id_ for id_, one in self.sessions.items() if one.account == account]

    def ending(self, session_ids: list[str]) -> None:
        """Somebody asks to end these."""
        for session_id in session_ids:
            if session_id in self.sessions:
                self.sessions[session_id].ending = True

    def _may_be_over(self, known: Known, now: datetime | None = None) -> bool:
        rules = self.world.rules
        if known.ending or self.all_ending[known.account]:
            return True
        if len(self.maybe_opened[known.owner]) > rules.sessions_max:
            return True
        at = now or self.world.now
        if known.refresh_token is None:
            return at >= known.opened_at + timedelta(seconds=rules.keyless_lifetime_s)
        return at >= known.used_at + timedelta(seconds=rules.session_lifetime_s)
