"""One schedule of accounts: a seed alone decides what happens in which order."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import accumulate

from chalicelib.accounts.wire import SessionList

from ..oracle import Violation
from ..schedule import MOST_AT_ONCE, Played
from .episodes import DAY_S, Episodes
from .people import THIEF, Handset, Held, Waiting
from .thief import Thief
from .town import Town
from .world import World

PERSONS = ("ani", "budi", "citra")
PASSKEYS = 4
"""The most that a person makes for an account."""


def play(seed: int, note: Callable[[str], None] = len) -> Played:
    """Play a schedule to its end, or to the first step after which something is wrong."""
    played = Played(seed)
    schedule = Schedule(seed, note)
    world = schedule.world
    with world.installed():
        try:
            schedule.run()
        except Violation as violation:
            note(f"WRONG: {violation}")
        finally:
            world.scheduler.finish()
    played.steps, played.wrong = world.scheduler.step, world.oracle.wrong
    played.injected, played.seen = world.nature.injected, world.oracle.seen
    return played


class Schedule:
    """People sign in, look, sign out; somebody else tries to get in."""

    def __init__(self, seed: int, note: Callable[[str], None]) -> None:
        self.dice = random.Random(f"accounts {seed}")
        self.world = World(self.dice, note)
        dice, world = self.dice, self.world
        self.persons = PERSONS[: dice.randrange(1, 4)]
        for number, person in enumerate(self.persons):
            world.readers[f"{person}@example.org"] = person
            if dice.random() < 0.6:
                world.readers[f"+62812345678{number:02}"] = person
            if dice.random() < 0.3:
                world.readers[f"{person}@example.net"] = person
            for _ in range(dice.randrange(1, 4)):
                world.handset(person, keyless=dice.random() < 0.25)
        world.readers["thief@example.net"] = THIEF
        self.thief = Thief(world)
        self.town = Town(world, self.persons)
        self.episodes = Episodes(self.town, self.thief)
        self._actions, self._weights = self._climate()

    def run(self) -> None:
        """Trouble, then rest."""
        world, dice = self.world, self.dice
        if dice.random() < 0.5:
            self._settle()
        self._weather()
        for person in self.persons:
            for by in self.town.handsets(person)[:2]:
                world.begin(by, self.town.contacts(person)[0])
        for _ in range(dice.randrange(200, 1_000)):
            if world.scheduler.tasks and (dice.random() < 0.8 or len(world.scheduler.tasks) >= MOST_AT_ONCE):
                world.scheduler.resume()
            else:
                dice.choices(self._actions, cum_weights=self._weights)[0]()
            self.town.look()
        while world.scheduler.tasks and dice.random() < 0.97:
            world.scheduler.resume()
            self.town.look()
        world.scheduler.finish()
        self._rest()

    def _settle(self) -> None:
        """In some schedules everybody has been there for days."""
        for person in self.persons:
            by = self.town.handsets(person)[0]
            self.town.must_get_in(by, self.town.contacts(person)[0])
            if by.held is not None and self.dice.random() < 0.5:
                self.world.passkeys.make(by, by.held)
                self.town.run()
        self.world.later(self.dice.choice([0, 3_600, self.world.rules.young_session_s]))

    def _weather(self) -> None:
        """How many faults there are in this schedule."""
        dice, world = self.dice, self.world
        world.nature.rate = dice.choice([0.0, 0.03, 0.08, 0.08, 0.2])
        world.nature.outage_rate = dice.choice([0.0, 0.0, 0.3])
        world.nature.late_rate = dice.choice([0.0, 0.5])
        world.scheduler.stay = dice.choice([0.0, 0.5, 0.9])
        world.lost_answers = dice.choice([0.0, 0.1, 0.4])

    def _climate(self) -> tuple[list[Callable[[], None]], list[float]]:
        """How much of what there is in this schedule; most have too much of something."""
        dice, world = self.dice, self.world
        much = lambda: dice.choice([0.3, 1.0, 1.0, 3.0])  # noqa: E731
        weights = {
            self._begin: 6 * much(),
            lambda: world.deliver(dice.choice([1, 1, 2, 5])): 20.0,
            lambda: world.deliver(dice.choice([1, 2, 5]), notices=True): 8.0,
            world.sweep: 0.2,
            self._enter: 16 * much(),
            self._enter_everywhere: 4 * much(),
            self._again: 2 * much(),
            self._refresh: 6 * much(),
            self._use: 6 * much(),
            self._admit: 3 * much(),
            self._sign_out: 1.5 * much(),
            self._wait: 5 * much(),
            self._spoil_queue: 3 * much(),
            world.cloud.expire: 0.5,
            self._new_handset: 0.7,
            self._add_contact: 8 * much(),
            self._remove_contact: 2 * much(),
            self._cancel_changes: 1.5 * much(),
            self._passkey: 6 * much(),
            self._mistype: 1 * much(),
            self.thief.guess: 3 * much(),
            self.thief.borrow_code: 2 * much(),
            self.thief.steal_tokens: 3 * much(),
            self.thief.replay: 2 * much(),
            self.thief.replay_passkey: 1 * much(),
            self.thief.bomb: 0.4 * much(),
        }
        return list(weights), list(accumulate(weights.values()))

    def _begin(self, person: str | None = None) -> None:
        who = person or self.dice.choice(self.persons)
        by = self.dice.choice(self.town.handsets(who))
        if len(by.waiting) < 3:
            self.world.begin(by, self.dice.choice(self.town.contacts(who)))
        else:
            by.waiting.pop(0)

    def _mistype(self) -> None:
        """Somebody types another's contact."""
        world, dice = self.world, self.dice
        by = dice.choice(self.town.handsets(dice.choice(self.persons)))
        world.begin(by, dice.choice(list(world.readers)))

    def _enter(self) -> None:
        """Somebody types the last code of their mailbox, or that of just this sign-in, or a wrong one; or twice."""
        world, dice = self.world, self.dice
        found = self._some_waiting(sent=dice.random() < 0.9)
        if found is None:
            return
        by, waiting = found
        mine = world.reader(waiting.contact) == by.owner
        messages = [m for m in world.messages if m.contact == waiting.contact] if mine else []
        own = self.world.codes_of(waiting) if mine else []
        if own and dice.random() < 0.9:
            code = own[-1] if dice.random() < 0.9 else own[0]
        elif messages and dice.random() < 0.5:
            code = messages[-1].code
        elif dice.random() < 0.1:
            code = self.thief.wrong_code(waiting.id)
        else:
            return
        for _ in range(dice.choice([1, 1, 1, 2])):
            world.enter(by, waiting, code)
        if dice.random() < 0.3 and waiting in by.waiting:
            by.waiting.remove(waiting)

    def _enter_everywhere(self) -> None:
        """All who wait for a code of one contact, and have theirs, enter it at once."""
        found = self._some_waiting(sent=True)
        if found is None:
            return
        for by in self.town.handsets(self.world.reader(found[1].contact)):
            for waiting in by.waiting:
                if waiting.contact == found[1].contact and self.world.codes_of(waiting):
                    self.world.enter(by, waiting, self.world.codes_of(waiting)[-1])

    def _again(self) -> None:
        found = self._some_waiting()
        if found is not None:
            self.world.again(*found)

    def _refresh(self) -> None:
        found = self._some_held()
        if found is not None:
            self.world.refresh(*found)

    def _use(self) -> None:
        """A route that reads the session: it looks at, or changes, something."""
        found = self._some_held()
        if found is not None:
            self.world.use(*found, self.dice.choice(["GET", "POST"]))

    def _admit(self) -> None:
        found = self._some_held()
        if found is not None:
            self.world.admit(*found)

    def _sign_out(self) -> None:
        """Here, on another of one's phones, or everywhere."""
        found = self._some_held()
        if found is None:
            return
        by, held = found
        others = [one.held for one in self.town.handsets(by.owner) if one.held and one.held.account == held.account]
        self.world.sign_out(by, held, self.dice.choice([held.id, self.dice.choice(others or [held]).id, None]))

    def _add_contact(self) -> None:
        """Somebody adds another contact of theirs to the account that a phone of theirs is signed in to."""
        held = self.town.all_held()
        ready = [
            (by, one, w) for by, one in held for w in by.adding if one.contact != w.contact and self.world.codes_of(w)
        ]
        if ready:
            by, one, waiting = ready[-1]
            by.adding.remove(waiting)
            for _ in range(self.dice.choice([1, 1, 2])):
                self.world.add_contact(by, one, waiting, self.world.codes_of(waiting)[-1])
        elif held:
            by, one = self.dice.choice(held)
            others = [contact for contact in self.town.contacts(by.owner) if contact != one.contact]
            if others:
                self.world.begin(by, self.dice.choice(others), by.keep_for_adding)

    def _remove_contact(self) -> None:
        found = self._some_held()
        if found is not None:
            self.world.remove_contact(*found, self.dice.choice(self.town.contacts(found[0].owner)))

    def _cancel_changes(self) -> None:
        found = self._some_held()
        if found is not None:
            self.world.cancel_changes(*found)

    def _passkey(self) -> None:
        """Somebody makes a passkey, signs in with one on any phone of theirs, or removes one."""
        dice, passkeys, found = self.dice, self.world.passkeys, self._some_held()
        person = dice.choice(self.persons)
        own, what = passkeys.of(person), dice.random()
        if what < 0.65 and own:
            passkeys.sign_in(dice.choice(self.town.handsets(person)), dice.choice(own))
        elif found is not None:
            by, held = found
            mine = [one for one in passkeys.of(by.owner) if one.account == held.account]
            if mine and (what > 0.85 or len(mine) >= PASSKEYS):
                passkeys.remove(by, held, dice.choice(mine))
            else:
                passkeys.make(by, held)

    def _new_handset(self) -> None:
        """One is lost, and another one bought."""
        world, dice = self.world, self.dice
        who = dice.choice(self.persons)
        if len(self.town.handsets(who)) > 2:
            dice.choice(self.town.handsets(who)).lost = True
        world.handset(who, keyless=dice.random() < 0.25)

    def _wait(self) -> None:
        self.world.later(self.dice.choice(_WAITS if self.dice.random() < 0.98 else _LONG_WAITS))

    def _spoil_queue(self) -> None:
        """A message is doubled, or that of a code lost; or the dead-letter queue is redriven."""
        cloud, dice = self.world.cloud, self.dice
        queue = dice.choice([cloud.codes, cloud.codes, cloud.notices])
        queue.redrive() if dice.random() < 0.3 else None
        if queue.waiting:
            message = dice.choice(queue.waiting)
            keep = queue is cloud.notices or dice.random() < 0.6
            queue.put([message.body]) if keep else queue.waiting.remove(message)

    def _rest(self) -> None:
        """The faults end, and the thief goes on: who has a contact or a known phone gets in."""
        world = self.world
        nature = world.nature
        nature.rate = nature.outage_rate = nature.late_rate = world.lost_answers = 0.0
        world.cloud.codes.redrive()
        world.cloud.notices.redrive()
        self.town.drain()
        self.town.post()
        world.news.at_rest()
        self.town.look()
        self._while_bombed()
        world.later(DAY_S + 3_600)
        for episode in (self.episodes.robbery, self.episodes.false_recovery, self.episodes.resold):
            if self.dice.random() < 0.3:
                episode(self.dice.choice(self.town.mailboxes()))
                world.later(DAY_S)
        if self.dice.random() < 0.5:
            self.episodes.second_contact(self.dice.choice(self.town.mailboxes()))
        # Whatever waits has begun, or ended.
        world.later(world.rules.young_session_s + DAY_S)
        leads: dict[str, str] = {}
        for contact in self.town.mailboxes():
            by = world.handset(world.reader(contact))
            self.town.must_get_in(by, contact)
            leads[contact] = by.held.account if by.held else ""
        self.town.each(world.refresh)
        self.episodes.passkeys()
        if self.dice.random() < 0.5:
            self.episodes.stranger(leads)
        if self.dice.random() < 0.3:
            self.episodes.true_recovery(self.dice.choice(self.town.mailboxes()))
        if self.dice.random() < 0.05:
            self.episodes.many_phones(self.town.mailboxes()[0])
        self._count_sessions()
        if self.dice.random() < 0.3:
            self.episodes.seasons()
        self._sign_out_at_last()

    def _while_bombed(self) -> None:
        """Nobody else takes the codes of a phone that has signed in before."""
        contact = self.dice.choice(self.town.mailboxes())
        self.thief.exhaust(contact)
        for by in self.town.handsets(self.world.reader(contact)):
            if by.device is not None and contact in by.tokens and self._may_still(by, contact):
                self.town.must_get_in(by, contact)

    def _sign_out_at_last(self) -> None:
        """Who signs out everywhere is out everywhere."""
        world = self.world
        for contact in self.town.mailboxes():
            self.town.must_get_in(next(iter(self.town.handsets(world.reader(contact)))), contact)
        self.town.each(lambda by, held: world.sign_out(by, held, None))
        self.town.each(world.refresh)
        self.town.each(lambda by, held: world.use(by, held, "GET"))
        self.thief.use_old_codes()
        self.town.run()
        self.town.try_passkeys(world.passkeys.all)
        world.later(world.rules.access_token_s + 1)
        self.town.each(world.admit)

    def _may_still(self, by: Handset, contact: str) -> bool:
        """Whether the budget of a known handset cannot be used up."""
        taken, now, rules = self.world.asked_by, self.world.now, self.world.rules
        return (
            taken[by.name, contact, f"{now:%F %H}"] + 1 < rules.codes_per_hour
            and taken[by.name, contact, f"{now:%F}"] + 1 < rules.codes_per_day
            and taken[by.name, contact, f"{now:%F} tries"] < rules.contact_failures
        )

    def _count_sessions(self) -> None:
        """Nobody has more sessions than they may."""
        world = self.world
        for _, held in self.town.all_held():
            listed: list[SessionList] = []
            world.list_sessions(held.account, listed.append)
            self.town.run()
            if listed and len(listed[0].sessions) > world.rules.sessions_max:
                world.oracle.say(f"an account has {len(listed[0].sessions)} sessions")
        self.town.look()

    def _some_waiting(self, *, sent: bool = False) -> tuple[Handset, Waiting] | None:
        life = timedelta(hours=1, minutes=5)
        found = [
            (by, waiting)
            for by in self.world.handsets
            for waiting in by.waiting
            if by.owner in self.persons and not by.lost and self.world.now < waiting.at + life
            if not sent or self.world.codes_of(waiting)
        ]
        return self.dice.choice(found) if found else None

    def _some_held(self) -> tuple[Handset, Held] | None:
        found = self.town.all_held()
        return self.dice.choice(found) if found else None


_WAITS = (1, 1, 1, 5, 5, 10, 10, 10, 20, 29, 30, 65, 65, 65, 65, 200, 310, 560, 610, 3_700, 90_000)
_LONG_WAITS = (4 * DAY_S, 30 * DAY_S, 91 * DAY_S)
