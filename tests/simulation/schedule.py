"""One schedule: what happens in which order follows from a seed, and from nothing else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import accumulate
from unittest.mock import patch

from chalicelib.errors import DomainError
from chalicelib.figures.benefits import CeilingRules
from chalicelib.money import rupiah
from chalicelib.payouts import wire
from chalicelib.payouts.controls.limits import day_name
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.ledger import records as partitions
from chalicelib.payouts.rules import Authority, Hold, Kind, State
from chalicelib.payouts.service import consume

from . import admins
from .admins import PEOPLE
from .oracle import Violation
from .ports import Fault, Port
from .world import CALLBACK_TOKEN, Parts, World

MOST_AT_ONCE = 6
KINDS = (Kind.INCENTIVE, Kind.INCENTIVE, Kind.SURVEY_1)
PLENTY_IDR = 10**10


@dataclass
class Played:
    """What one schedule did."""

    seed: int
    steps: int = 0
    wrong: list[str] = field(default_factory=list)
    injected: Counter[tuple[Port, Fault]] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)


def play(seed: int, parts: Parts = Parts(), note: Callable[[str], None] = len) -> Played:  # noqa: B008 - frozen
    """Play a schedule to its end, or to the first step after which something is wrong."""
    played = Played(seed)
    with patch.object(partitions, "SHARDS", 1):  # a sweep asks every partition: with all 32 that is most of its calls
        schedule = Schedule(seed, parts, note)
        try:
            schedule.run()
        except Violation as violation:
            note(f"WRONG: {violation}")
        finally:
            schedule.world.scheduler.finish()
    world = schedule.world
    played.steps, played.wrong = world.scheduler.step, world.oracle.wrong
    played.injected, played.seen = world.nature.injected, world.oracle.seen
    return played


class Schedule:
    """People become entitled, and things happen."""

    def __init__(self, seed: int, parts: Parts, note: Callable[[str], None]) -> None:
        self.dice = random.Random(f"payouts {seed}")
        self.tight = self.dice.random() < 0.35
        ceilings = self._tight_ceilings() if self.tight else None
        self.world = World(self.dice, parts, ceilings, self._told(note))
        self.persons = [
            f"person-{number}" for number in range(self.dice.randrange(*((5, 8) if self.tight else (1, 5))))
        ]
        self._actions, self._weights = self._weather()

    def run(self) -> None:
        """Trouble, then rest."""
        world, dice = self.world, self.dice
        for person in self.persons:
            if dice.random() < 0.85:
                world.people.move(person, checked=dice.random() < 0.7)
            self._entitle(person, Kind.INCENTIVE)
        for _ in range(dice.randrange(150, 600)):
            if world.scheduler.tasks and (dice.random() < 0.8 or len(world.scheduler.tasks) >= MOST_AT_ONCE):
                world.scheduler.resume()
            else:
                dice.choices(self._actions, cum_weights=self._weights)[0]()
            self._look()
        while world.scheduler.tasks and dice.random() < 0.95:
            world.scheduler.resume()
            self._look()
        world.scheduler.finish()
        self._rest()

    def _tight_ceilings(self) -> CeilingRules:
        day, envelope = self.dice.choice([700_000, 1_300_000]), self.dice.choice([1_300_000, 1_900_000])
        return CeilingRules(day_idr=day, envelope_idr=envelope, block=self.dice.choice([1, 2, 3]))

    def _weather(self) -> tuple[list[Callable[[], None]], list[float]]:
        """How much of what there is in this schedule; most have too much of something."""
        dice, world = self.dice, self.world
        world.nature.rate = dice.choice([0.0, 0.03, 0.08, 0.08, 0.2])
        # Where little may be sent, a reply must be lost just at one of the few claims for a mistake to show.
        world.nature.lost_rate = dice.choice([0.3, 0.6]) if self.tight else 0.0
        world.nature.late_rate = dice.choice([0.0, 0.5])
        world.scheduler.stay = dice.choice([0.0, 0.5, 0.9])
        habits = world.provider.habits
        habits.fails = dice.choice([0.0, 0.1, 0.5])
        habits.reverses = dice.choice([0.0, 0.1, 0.5])
        habits.slow = dice.choice([0.0, 0.3, 0.8])
        habits.lags = dice.choice([0.0, 0.2, 0.5])
        habits.refuses = dice.choice([0.0, 0.0, 0.1, 0.4])
        habits.deducts = dice.choice([0.0, 0.0, 0.0, 0.2])
        if dice.random() < 0.2:
            habits.broken_accounts = frozenset({"0000000001"})
        much = lambda: dice.choice([0.3, 1.0, 1.0, 3.0])  # noqa: E731
        weights = {
            self._deliver: 40.0,
            self._sweep: 5 * much(),
            self._webhook: 8 * much(),
            self._wait: 9 * much(),
            partial(admins.decide, world): 10 * much(),
            partial(admins.pause_or_resume, world): 1 * much(),
            self._change_address: 2 * much(),
            self._look_again: 2 * much(),
            self._change_exclusion: 2 * much(),
            self._entitle: 3 * much(),
            self._spoil_queue: 5 * much(),
            world.land: 2.0,
            partial(admins.set_ceiling, world): 1.0,
            self._outage: 1.5 * much(),
            self._stranger: 0.1,
        }
        return list(weights), list(accumulate(weights.values()))

    def _deliver(self) -> None:
        idle = [consumer for consumer in self.world.consumers if not consumer.busy]
        if idle:
            self.dice.choice(idle).start(self.dice.choice([1, 1, 2, 5]))

    def _sweep(self) -> None:
        world = self.world
        world.scheduler.start("sweep", lambda: world.payouts.sweep(world.now), world.now.timestamp() + 60)

    def _entitle(self, person: str | None = None, kind: Kind | None = None) -> None:
        who, what = person or self.dice.choice(self.persons), kind or self.dice.choice(KINDS)
        self.world.scheduler.start(f"entitle {who} {what}", lambda: self.world.entitle(who, what))

    def _webhook(self) -> None:
        """The provider's own, again and out of order; or one with a forged token; or one that lies."""
        world, dice = self.world, self.dice
        events = list(world.provider.events(world.provider.clock()))
        forged = dice.random() < 0.2
        if events and dice.random() < 0.6:
            reference, status = dice.choice(events)
        elif world.table.heads:
            reference = f"{dice.choice(list(world.table.heads))}-{dice.randrange(1, 4)}"
            status = dice.choice(["SUCCEEDED", "FAILED", "REVERSED"])
        else:
            reference, status = "another's", "SUCCEEDED"
        if forged:
            world.scheduler.start("forged webhook", lambda: self._must_be_refused(reference, status))
        else:
            world.scheduler.start("webhook", lambda: world.webhook(CALLBACK_TOKEN, reference, status))

    def _must_be_refused(self, reference: str, status: str) -> None:
        try:
            self.world.webhook(self.dice.choice(["", "guessed"]), reference, status)
        except DomainError as refusal:
            self.world.oracle.unexpected("webhook", refusal)
        else:
            self.world.oracle.wrong.append("a webhook with a forged token was taken")

    def _wait(self) -> None:
        """Some time; now and then until just before or after an attempt may be sent no more, or its key is dead."""
        dice, ends = self.dice, list(self._ends_of_keys())
        if ends and min(ends) <= 200 and dice.random() < 0.6:
            self.world.later(min(ends) + dice.choice([20, 200]))
        elif ends and dice.random() < 0.3:
            self.world.later(max(1, dice.choice(ends) + dice.choice([-200, -100, 20])))
        else:
            self.world.later(dice.choice([1, 30, 30, 310, 310, 3_700, 3_700, 18_000, 70_000, 90_000]))

    def _ends_of_keys(self) -> Iterator[float]:
        """In how many seconds, if not at once."""
        world, life = self.world, self.world.rules.key_lifetime_s
        for head in world.table.heads.values():
            if head.state is State.SENDING or head.hold in {Hold.KEY_EXPIRED, Hold.REFUSED}:
                claim = world.table.lines[head.id][head.attempt_seq].event
                spent = (world.now - claim.at).total_seconds()
                for end in (life * world.rules.resend_before_percent / 100, life):
                    if end > spent:
                        yield end - spent

    def _change_address(self) -> None:
        """A new account; some have not been asked about yet, some are another's, and some were not confirmed."""
        checked, unlike = self.dice.random() < 0.5, self.dice.random() < 0.15
        wait = timedelta(seconds=self.world.rules.address_wait_s)
        pay_from = self.world.now + wait if self.dice.random() < 0.3 else None
        self.world.people.move(self.dice.choice(self.persons), checked=checked, unlike=unlike, pay_from=pay_from)

    def _look_again(self) -> None:
        """Somebody gives the same account once more, as it takes money now."""
        world, person = self.world, self.dice.choice(self.persons)
        world.scheduler.start(f"{person} says it is mended", lambda: world.look_again(person))

    def _change_exclusion(self) -> None:
        person, excluded = self.dice.choice(self.persons), self.world.people.excluded
        if excluded.pop(person, None) is None:
            excluded[person] = self.world.scheduler.step

    def _spoil_queue(self) -> None:
        """A message is doubled, lost, or forged; or the dead-letter queue is redriven."""
        queue, dice = self.world.queue, self.dice
        queue.redrive() if dice.random() < 0.2 else None
        if queue.waiting and dice.random() < 0.7:
            message = dice.choice(queue.waiting)
            queue.put([message.body]) if dice.random() < 0.6 else queue.waiting.remove(message)
        elif self.world.table.heads:
            anybody = wire.encode_message(dice.choice(list(self.world.table.heads)))
            queue.put([dice.choice([anybody, anybody, "{}", '{"v":2}', wire.encode_message("a" * 26)])])

    def _outage(self) -> None:
        """The provider hardly answers for a while, or does again."""
        nature = self.world.nature
        nature.outage_rate = 0.0 if nature.outage_rate else self.dice.choice([0.5, 0.9])
        nature.note("the provider is out of order" if nature.outage_rate else "the provider is in order again")

    def _stranger(self) -> None:
        """Somebody pays from the same account of the provider's, under the next key of ours, and another amount."""
        world = self.world
        if world.table.heads:
            head = self.dice.choice(list(world.table.heads.values()))
            world.provider.stranger(f"{head.id}-{head.n + 1}")

    def _rest(self) -> None:
        """The faults end, everything waited for comes, and time passes: two months of it at most."""
        world = self.world
        world.land_all()
        nature, habits = world.nature, world.provider.habits
        nature.rate = nature.outage_rate = nature.late_rate = nature.lost_rate = habits.lags = habits.refuses = 0.0
        self._look()
        if world.table.pause is not None:
            world.administration.resume(PEOPLE[0], "at rest", world.now)
        self._raise_ceilings()
        if self.dice.random() < 0.5:
            world.people.excluded.clear()
            for person in self.persons:
                world.people.given.get(person) or world.people.move(person)
        world.queue.redrive()
        unchanged, begun = 0, world.now
        while unchanged < 9 and world.now - begun < timedelta(days=60):
            before = self._progress()
            self._go_round()
            unchanged = unchanged + 1 if self._progress() == before else 0
        world.later(40 * 3_600)  # no money comes back later than that, so each reversal has its webhook
        for reference in dict.fromkeys(reference for reference, _ in world.provider.events(world.provider.clock())):
            world.webhook(CALLBACK_TOKEN, reference, "SUCCEEDED")
        self._deliver_all()
        for _ in range(12):
            # An account that refused money was tried again in the meantime: seen to its end too.
            if any(head.state in {State.SENDING, State.FAILED} for head in world.table.heads.values()):
                self._go_round()
        self._people_look()
        world.oracle.at_rest()
        self._look()

    def _people_look(self) -> None:
        """The provider knows a reference twice: no worker can learn that ours came back, so an alarm rings for two."""
        world = self.world
        for head in list(world.table.heads.values()):
            twice = len(world.provider.of_key(f"{head.id}-{head.n}")) > 1
            if twice and head.state is State.PAID and admins.is_true(world, head, Decision.REVERSED):
                world.administration.propose(head.id, Decision.REVERSED, PEOPLE[0], "as the books say", world.now)
                world.administration.approve(head.id, PEOPLE[1], world.now)

    def _progress(self) -> int:
        return sum(head.seq for head in self.world.table.heads.values())

    def _go_round(self) -> None:
        """Half a day later: a sweep, and all messages until none is left."""
        world = self.world
        world.later(13 * 3_600)
        if self.tight:
            self._raise_ceilings()
        world.payouts.sweep(world.now)
        self._deliver_all()

    def _deliver_all(self) -> None:
        world = self.world
        consumer = world.consumers[0]
        while batch := world.queue.take(5):
            records = [{"messageId": message.id, "body": message.body} for message in batch]
            failed = {each["itemIdentifier"] for each in consume(records, consumer, world.now)["batchItemFailures"]}
            world.queue.give_back([message for message in batch if message.id in failed])
        self._look()

    def _raise_ceilings(self) -> None:
        world = self.world
        for name in dict.fromkeys([day_name(world.now), *world.table.ceilings]):
            was = world.administration.ceiling(name)
            world.oracle.ceiling(name, PLENTY_IDR)
            plenty = Authority(PEOPLE[0], "to the end")
            world.administration.set_ceiling(name, was.ceiling_idr, rupiah(PLENTY_IDR), plenty, world.now)

    def _look(self) -> None:
        self.world.oracle.looked()
        if self.world.oracle.wrong:
            raise Violation(self.world.oracle.wrong[0])

    def _told(self, note: Callable[[str], None]) -> Callable[[str], None]:
        if note is len:
            return note

        def told(what: str) -> None:
            task = self.world.scheduler.current
            note(f"{self.world.scheduler.step:4} {task.name if task else '-':24} {what}")

        return told
