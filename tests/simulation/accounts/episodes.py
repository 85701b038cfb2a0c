"""What happens to one person once the faults have ended: a number is sold again, an account is robbed or lost."""

from __future__ import annotations

from collections.abc import Callable

from .passkeys import Gone
from .people import THIEF, Handset, Waiting
from .thief import Thief
from .town import Town

DAY_S = 86_400


class Episodes:
    """Each is told with the contact of the person to whom it happens."""

    def __init__(self, town: Town, thief: Thief) -> None:
        self.town = town
        self.world = town.world
        self.dice = town.world.dice
        self.thief = thief

    def resold(self, contact: str) -> None:
        """Nobody uses a number for so long that it is sold to somebody else, who has no account yet."""
        world = self.world
        if not contact.startswith("+"):
            return
        world.later(world.rules.phone_trusted_s + DAY_S)
        world.readers[contact] = "dewi"
        world.oracle.moving(contact)
        self.town.must_get_in(world.handset("dewi"), contact)

    def false_recovery(self, contact: str) -> None:
        """Somebody who looks like them has shown papers to the help desk; they hear of it, and use their account."""
        world, person = self.world, self.world.reader(contact)
        mine, new = world.handset(person), self.thief.phone
        self.town.must_get_in(mine, contact)
        self.thief.try_own_contact(self.town.drain)
        if mine.held is None or not self._recovers(mine.held.account, new):
            return
        world.later(DAY_S)
        if self.dice.random() < 0.5 and mine.device is not None:
            world.refresh(mine, mine.held)
            self.town.run()
        else:
            self.town.must_get_in(world.handset(person), contact)
        world.later(world.rules.recovery_wait_s + 3_600)
        self.thief.try_own_contact(self.town.drain)
        self.town.look()

    def true_recovery(self, contact: str) -> None:
        """Somebody has lost every phone and every contact, and has a new mailbox; the help desk gives the account."""
        world, person = self.world, self.world.reader(contact)
        mine = world.handset(person)
        self.town.must_get_in(mine, contact)
        for one in self.town.handsets(person):
            one.lost = True
        for one in self.town.contacts(person):
            world.readers[one] = "nobody"
        new, by = f"{person}.new@example.org", world.handset(person)
        world.readers[new] = person
        self.town.must_get_in(by, new)
        assert mine.held is not None
        if self._recovers(mine.held.account, by):
            world.oracle.moving(new)
            world.oracle.ending(world.oracle.of(mine.held.account))
            barred = world.passkeys.barring(mine.held.account)
            world.later(world.rules.recovery_wait_s + 3_600)
            self.town.must_get_in(by, new)
            if by.held is None or by.held.account != mine.held.account:
                world.oracle.say(f"{person} did not get the account back")
            for one in barred:
                one.gone = Gone(world.now, world.scheduler.step, None)
            self.town.try_passkeys(barred)

    def _recovers(self, account: str, new: Handset) -> bool:
        """Two administrators agree that an account goes to the contact of another one. False if they may not."""
        if new.held is None or new.held.account == account:
            return False
        other = new.held.account
        self._in_a_storm(lambda: self.world.propose(account, other))
        self._in_a_storm(lambda: self.world.approve(account))
        return self.world.recovers(account)

    def _in_a_storm(self, act: Callable[[], object]) -> None:
        """Do it while many calls fail, and again, until it has worked."""
        for rate in (0.3, 0.3, 0.3, 0.0):
            self.world.nature.rate = rate
            act()
            self.town.run()

    def robbery(self, contact: str) -> None:
        """Somebody tells the thief a code. The thief adds a contact and removes theirs; they are told, and defend."""
        world, person = self.world, self.world.reader(contact)
        stolen = self.thief.phish(contact, self.town.drain)
        self.town.look()
        if stolen is None:
            return
        own = self.thief.own_code(self.town.drain)
        self._in_a_storm(lambda: world.add_contact(self.thief.phone, stolen, *own))
        self._in_a_storm(lambda: world.remove_contact(self.thief.phone, stolen, contact))
        self._in_a_storm(lambda: world.passkeys.make(self.thief.phone, stolen))
        world.later(self.dice.choice([3_600, DAY_S, 2 * DAY_S]) + 3_600)
        self.thief.try_own_contact(self.town.drain)
        by = world.handset(person)
        for mine in self.town.contacts(person):
            self.town.must_get_in(by, mine)
            if by.held is not None and by.held.account == stolen.account:
                break
        else:  # they have removed this contact themselves, so that it leads elsewhere by now
            world.oracle.given_up.add(stolen.account)
            return
        acts = [lambda: world.cancel_changes(by, by.held), lambda: world.sign_out(by, by.held, stolen.id)]
        for act in self.dice.sample(acts, 2):
            self._in_a_storm(act)
        world.refresh(self.thief.phone, stolen)
        self.town.run()
        world.later(world.rules.young_session_s + 3_600)
        self.thief.try_own_contact(self.town.drain)
        self.town.try_passkeys([one for one in world.passkeys.all if one.owner == THIEF])
        self.town.look()

    def passkeys(self) -> None:
        """Those that work sign in, and no other does. One is removed on a new phone, and works until that is old."""
        world, dice = self.world, self.dice
        working = [one for one in world.passkeys.all if one.owner != THIEF and one.works(world.now)]
        for one in working:
            self.town.must_sign_in(world.handset(one.owner), one)
        self.town.try_passkeys([one for one in world.passkeys.all if one.gone is not None][:4])
        if working and dice.random() < 0.5:
            self.thief.copy_passkeys(self.town.drain)
        if not working or dice.random() < 0.5:
            return
        one, by = working[0], world.handset(working[0].owner)
        self.town.must_sign_in(by, one)
        assert by.held is not None
        held = by.held
        self._in_a_storm(lambda: world.passkeys.remove(by, held, one))
        self.town.must_sign_in(world.handset(one.owner), one)
        world.later(world.rules.young_session_s + 1)
        self.town.try_passkeys([one])

    def second_contact(self, contact: str) -> None:
        """Somebody adds a new mailbox to their account while calls fail."""
        world, person = self.world, self.world.reader(contact)
        by, new = world.handset(person), f"{person}.second@example.org"
        world.readers[new] = person
        self.town.must_get_in(by, contact)
        begun: list[Waiting] = []
        world.begin(by, new, begun.append)
        self.town.drain()
        assert by.held is not None
        held, code = by.held, world.codes_of(begun[0])[-1]
        self._in_a_storm(lambda: world.add_contact(by, held, begun[0], code))

    def stranger(self, leads: dict[str, str]) -> None:
        """A phone that an account does not know signs in while calls fail: each of its contacts is told.

        `leads`: the account of each contact.
        """
        world, contact = self.world, self.dice.choice(list(leads))
        by = world.handset(world.reader(contact), keyless=self.dice.random() < 0.2)
        for rate in (0.1, 0.1, 0.1, 0.0):  # so that some die with the last call
            world.later(world.rules.code_again_after_s * 30)
            begun: list[Waiting] = []
            world.begin(by, contact, begun.append)
            self.town.drain()
            world.nature.rate = rate
            world.enter(by, begun[0], world.codes_of(begun[0])[-1])
            self.town.run()
            world.nature.rate = 0.0
            if by.held is not None:
                break
        assert by.held is not None
        queue = world.cloud.notices
        queue.put([message.body for message in queue.waiting])  # each comes twice, perhaps to two consumers at once
        self._in_a_storm(lambda: [world.deliver(1 + len(queue.waiting) // 2, notices=True) for _ in range(3)])
        self.town.post()
        world.news.must_know(by, by.held, [one for one, account in leads.items() if account == by.held.account])
        self.town.look()

    def many_phones(self, contact: str) -> None:
        """More than anybody may be signed in with."""
        world = self.world
        for _ in range(world.rules.sessions_max + 2):
            world.later(world.rules.code_again_after_s * 30)
            self.town.must_get_in(world.handset(world.reader(contact)), contact)

    def seasons(self) -> None:
        """Used once a month, sessions go on for half a year; then nobody uses them, and they are over."""
        for days in (30, 30, 30, 30, 91):
            self.world.later(days * DAY_S)
            self.town.each(self.world.refresh)
