"""Checks what must hold after each step. It counts money by person and kind, and does not know the service's rules."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.errors import DomainError
from chalicelib.payouts.controls.limits import names
from chalicelib.payouts.ledger.records import Event
from chalicelib.payouts.rules import NEXT, Entitlement, Hold, Kind, State

from .provider import Payout
from .store import Line

if TYPE_CHECKING:
    from .world import World

EXPECTED = (DomainError, PynamoDBException, BotoCoreError, ClientError, LegsFailed)
"""What a call may end with: refusals, and what the faults look like."""

MAY_BE_ALIVE = {Hold.KEY_EXPIRED, Hold.REFUSED, Hold.DUPLICATE, Hold.AMOUNT_DIFFERS}
MOVED_NOTHING = {Hold.ACCOUNT_REFUSED, Hold.OUR_SIDE}
FOR_PEOPLE = {Hold.ADMIN, Hold.DUPLICATE, Hold.AMOUNT_DIFFERS}
OPENED_BY_TWO = {State.CANCELLED, State.REVERSED}


class Violation(AssertionError):
    """The promise was broken."""


class Oracle:
    """Is told of every write and of every instruction that reaches the provider; `wrong` is what it found."""

    def __init__(self, world: World, amounts: dict[Kind, int]) -> None:
        self._world = world
        self._amounts = {kind.value: amount for kind, amount in amounts.items()}
        self._sealed: dict[str, bytes] = {}
        self._stored_at: dict[str, float] = {}
        self._claimed: Counter[str] = Counter()
        self._highest: dict[str, int] = {}
        self._paused_at: int | None = None
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def committed(self, id_: str, before: Entitlement | None) -> None:
        """After each atomic write to an entitlement."""
        head, lines = self._world.table.heads.get(id_), self._world.table.lines[id_]
        if head is None or head.seq not in lines or len(lines) != head.seq:
            self._say(f"{id_[:4]}: HEAD and its history are not in step")
            return
        line = lines[head.seq]
        authority = line.event.authority
        people = f" by {'two' if authority.maker else 'one'}" if authority else ""
        self.seen[f"{shown(before) if before else '(none)'} -> {shown(head)}{people}"] += 1
        if before is None:
            self._check_new(head)
        else:
            self._check_transition(before, head, line)
            self._check_people(before, line.event)
        self._check_truth(head, line)
        if line.attempt is not None:
            self._check_claim(head, line)

    def heard(self, key: str, body: bytes) -> None:
        """An instruction has reached the provider."""
        sealed = self._sealed.get(key)
        if sealed is None:
            self._say(f"{key!r} was sent and is no stored attempt")
        elif sealed.partition(b"\0")[2][::-1] != body:
            self._say(f"{key!r} was sent with other bytes than were stored")
        elif (account := json.loads(body)["channel_properties"]["account_number"]) in self._world.people.unlike:
            self._say(f"{key!r} was sent to an account of another name")
        elif self._world.now < self._world.people.waits.get(account, self._world.now):
            self._say(f"{key!r} was sent to an account that waits")
        elif self._world.provider.clock() - self._stored_at[key] >= self._world.provider.key_lifetime_s:
            self._say(f"{key!r} was sent after its life")
        self._check_not_paused("sent")

    def accepted(self, payout: Payout) -> None:
        """The provider has made a payout: it is alive until it failed or came back."""
        now, person = self._world.provider.clock(), self._world.people.owners.get(payout.account)
        if person is None:
            return
        of_person = self._of(person, payout.kind)
        if sum(each.alive(now) for each in of_person) > 1:
            self._say(f"{person} has two live instructions for {payout.kind}")
        if sum(each.net(now) for each in of_person) > self._amounts[payout.kind]:
            self._say(f"{person} was paid twice for {payout.kind}")

    def looked(self) -> None:
        """After each step: since when workers could have seen the pause, and how high the ceilings were."""
        if self._world.table.pause is None:
            self._paused_at = None
        elif self._paused_at is None:
            self._paused_at = self._world.scheduler.step

    def unexpected(self, where: str, error: Exception) -> None:
        """Service code ended with an error."""
        if isinstance(error, DomainError):
            self.seen[f"refused: {error.code}"] += 1
        if not isinstance(error, EXPECTED):
            self._say(f"{where}: {type(error).__name__}: {error}")

    def ceiling(self, name: str, amount_idr: int) -> None:
        """An administrator sets a ceiling; what was taken before stays taken."""
        self._highest[name] = max(self._limit(name), amount_idr)

    def at_rest(self) -> None:
        """The faults are over and time has passed: nothing is stuck, and both books say the same."""
        keys = {each.key for each in self._world.provider.payouts if each.account in self._world.people.owners}
        if not keys <= self._sealed.keys():
            self._say("the provider has a payout that the ledger has no attempt of")
        paid: defaultdict[tuple[str, str], int] = defaultdict(int)
        for head in self._world.table.heads.values():
            self._check_rest(head)
            paid[head.registrant_id, head.kind.value] += head.amount_idr if head.state is State.PAID else 0
        now = self._world.provider.clock()
        for (person, kind), amount in paid.items():
            net = sum(each.net(now) for each in self._of(person, kind))
            held = any(
                head.hold in FOR_PEOPLE
                for head in self._world.table.heads.values()
                if (head.registrant_id, head.kind.value) == (person, kind)
            )
            if net != amount and not held:
                self._say(f"{person} {kind}: the ledger has {amount}, the provider {net}")

    def _check_new(self, head: Entitlement) -> None:
        same = [
            each
            for each in self._world.table.heads.values()
            if (each.registrant_id, each.kind) == (head.registrant_id, head.kind)
        ]
        if len(same) > 1 or (head.state, head.n, head.seq) != (State.DUE, 0, 1):
            self._say(f"{head.registrant_id} is entitled twice to {head.kind}")

    def _check_transition(self, before: Entitlement, after: Entitlement, line: Line) -> None:
        event = line.event
        if after.state not in NEXT[before.state]:
            self._say(f"{before.state} -> {after.state} is no transition")
        if (after.seq, event.seq, event.before) != (before.seq + 1, before.seq + 1, before.state):
            self._say(f"{shown(before)} -> {shown(after)} does not follow: seq {before.seq}, {after.seq}, {event}")
        if (event.state, event.n, event.hold) != (after.state, after.n, after.hold):
            self._say(f"the line of {shown(after)} says {event}")
        if after.n != before.n + (after.state is State.SENDING) or (line.attempt is None) != (after.n == before.n):
            self._say(f"{shown(before)} -> {shown(after)}: attempts {before.n}, {after.n}")
        if (before.registrant_id, before.kind, before.amount_idr) != (
            after.registrant_id,
            after.kind,
            after.amount_idr,
        ):
            self._say("an entitlement is another's")

    def _check_people(self, before: Entitlement, event: Event) -> None:
        """What no worker may decide, and what takes two."""
        by_two = event.reason.startswith("decided_") or before.state in OPENED_BY_TWO
        if (by_two or before.hold in FOR_PEOPLE) and event.authority is None:
            self._say(f"{shown(before)} -> {event.state} without a person")
        if by_two and event.authority is not None:
            maker = event.authority.maker
            if maker is None or _name(maker) == _name(event.authority.by):
                self._say(f"{shown(before)} -> {event.state} by one person")

    def _check_truth(self, head: Entitlement, line: Line) -> None:
        """What the ledger says of the money is so at the provider."""
        now, key = self._world.provider.clock(), f"{head.id}-{head.n}"
        own = [each for each in self._world.provider.of_key(key) if each.account in self._world.people.owners]
        words = {each.status(now) for each in own}
        if head.state is State.PAID and not words & {"SUCCEEDED", "REVERSED"}:
            self._say(f"PAID, and the provider says {words}")
        if head.state is State.REVERSED and "REVERSED" not in words:
            self._say(f"REVERSED, and the provider says {words}")
        refused = head.hold in MOVED_NOTHING and key in self._world.provider.refused
        if (head.state is State.FAILED or head.hold in MOVED_NOTHING) and not words and not refused:
            spent = now - self._first_sent(head)
            if line.event.authority is None or spent < self._world.provider.key_lifetime_s:
                self._say("FAILED, and the provider knows nothing of it")
        over = head.state in {State.DUE, State.FAILED, State.CANCELLED}
        if over or (head.state is State.HELD and head.hold not in MAY_BE_ALIVE):
            alive = [each.key for each in self._of(head.registrant_id, head.kind.value) if each.alive(now)]
            if alive:
                self._say(f"{shown(head)}, and {alive} is alive")

    def _check_claim(self, head: Entitlement, line: Line) -> None:
        attempt = line.attempt
        assert attempt is not None
        if attempt.key in self._sealed or not attempt.key.strip():
            self._say(f"the key {attempt.key!r} is no new one")
        self._sealed[attempt.key] = attempt.sealed_body
        self._stored_at[attempt.key] = attempt.first_sent_at.timestamp()
        for name in names(head, attempt.first_sent_at):
            self._claimed[name] += head.amount_idr
            if self._claimed[name] > self._limit(name):
                self._say(f"{name}: {self._claimed[name]} claimed of {self._limit(name)}")
        self._check_not_paused("claimed")
        task, since = self._world.scheduler.current, self._world.people.excluded.get(head.registrant_id)
        if task is not None and since is not None and since < task.since:
            self._say(f"claimed for {head.registrant_id}, who is excluded")

    def _check_not_paused(self, what: str) -> None:
        task, paused_at = self._world.scheduler.current, self._paused_at
        paused = self._world.table.pause is not None and paused_at is not None
        if paused and task is not None and paused_at < task.since:
            self._say(f"{what} by {task.name} while payouts were paused")

    def _check_rest(self, head: Entitlement) -> None:
        now, people = self._world.provider.clock(), self._world.people
        key = f"{head.id}-{head.n}"
        own = self._world.provider.of_key(key)
        moved_nothing = {each.status(now) for each in own} == {"FAILED"} or (
            not own and key in self._world.provider.refused
        )
        waits: dict[Hold | None, Callable[[], bool]] = {
            Hold.NO_ADDRESS: lambda: head.registrant_id not in people.given,
            Hold.EXCLUDED: lambda: head.registrant_id in people.excluded,
            Hold.UNVERIFIED: lambda: people.given[head.registrant_id].account_number in people.unlike,
            # Not for longer than until the next attempt by itself, or for good if each fails.
            Hold.ACCOUNT_REFUSED: lambda: moved_nothing,
            Hold.OUR_SIDE: lambda: moved_nothing,
            # Unknown there: nobody can say how it ended but people.
            Hold.KEY_EXPIRED: lambda: not own,
            Hold.REFUSED: lambda: not own,
        }
        at_rest = head.state in {State.PAID, State.CANCELLED, State.REVERSED} or head.hold in FOR_PEOPLE
        if not at_rest and not (head.state is State.HELD and waits.get(head.hold, bool)()):
            self._say(f"{head.registrant_id} {head.kind} is stuck: {shown(head)}")
        reversed_ = any(each.status(now) == "REVERSED" for each in own)
        if head.state is State.PAID and reversed_:
            self._say(f"{head.registrant_id} {head.kind} is PAID, and the money came back")

    def _of(self, person: str, kind: str) -> list[Payout]:
        owners = self._world.people.owners
        return [
            each for each in self._world.provider.payouts if each.kind == kind and owners.get(each.account) == person
        ]

    def _first_sent(self, head: Entitlement) -> float:
        attempt = self._world.table.lines[head.id][head.attempt_seq].attempt
        return attempt.first_sent_at.timestamp() if attempt else 0.0

    def _limit(self, name: str) -> int:
        ceilings = self._world.rules.ceilings
        return self._highest.get(name, ceilings.day_idr if name.startswith("DAY#") else ceilings.envelope_idr)

    def _say(self, what: str) -> None:
        self.wrong.append(what)


def shown(head: Entitlement) -> str:
    """`HELD(ADMIN)`."""
    return f"{head.state}({head.hold})" if head.hold else head.state.value


def _name(identity: str) -> str:
    """Whose an identity is: the name at its end, however it is spelt and whatever the role."""
    return identity.split("/")[-1].strip().lower()
