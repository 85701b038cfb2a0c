"""A thief who knows everybody's contacts and overhears much, and must never get in."""

from __future__ import annotations

from collections.abc import Callable

from .people import THIEF, Held, Waiting
from .world import World

BOMBS = 8
OWN = "thief@example.net"


class Thief:
    """Has a phone with a key and one without."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.phone = world.handset(THIEF)
        self._phones = [self.phone, world.handset(THIEF, keyless=True)]

    def wrong_code(self, sign_in_id: str) -> str:
        """One that none of a sign-in's is."""
        right = {self._world.right_code(sign_in_id, sending) for sending in (1, 2, 3)}
        return next(code for code in map("{:06d}".format, range(4)) if code not in right)

    def guess(self) -> None:
        """Begin with somebody's contact, and try codes: after as many as may be tried, the right one."""
        world, dice = self._world, self._world.dice
        own = [(by, waiting) for by in self._phones for waiting in by.waiting[-4:]]
        if not own or dice.random() < 0.3:
            world.begin(dice.choice(self._phones), dice.choice(list(world.readers)))
            return
        by, waiting = dice.choice(own)
        sent = [m.sending for m in world.messages if m.sign_in_id == waiting.id]
        if not sent and dice.random() < 0.9:
            return
        exhausted = sent and world.oracle.compared[waiting.id, sent[-1]] >= world.rules.code_tries
        code = world.right_code(waiting.id, sent[-1]) if exhausted else self.wrong_code(waiting.id)
        for _ in range(dice.choice([1, 3])):
            world.enter(by, waiting, code)

    def borrow_code(self) -> None:
        """Enter a code that somebody else was sent: for one's own sign-in, or for theirs without its secret."""
        world, dice = self._world, self._world.dice
        if not world.messages:
            return
        message = world.messages[-1] if dice.random() < 0.7 else dice.choice(world.messages)
        if world.reader(message.contact) == THIEF:
            return
        own = [waiting for waiting in self.phone.waiting if waiting.id != message.sign_in_id]
        if own and dice.random() < 0.4:
            world.enter(self.phone, own[-1], message.code)
            return
        # The secret is had for sign-ins that are over: a device's memory is looked at later.
        used = [waiting for waiting in world.begun if waiting.id == message.sign_in_id and self._is_used(waiting)]
        secret = used[0].secret if used and dice.random() < 0.8 else self._secret()
        stolen = Waiting(message.sign_in_id, secret, message.contact, world.now, known=False)
        world.enter(dice.choice(self._phones), stolen, message.code)

    def use_old_codes(self) -> None:
        """Enter every code that opened a session, with its secret, while it lives."""
        world = self._world
        for message in world.messages[-20:]:
            for waiting in world.begun:
                if waiting.id == message.sign_in_id and self._is_used(waiting):
                    world.enter(self.phone, waiting, message.code)

    def steal_tokens(self) -> None:
        """Use what a phone has said: its tokens, without its key."""
        world, dice = self._world, self._world.dice
        held = [one.held for one in world.handsets if one.held and one.owner != THIEF and one.device is not None]
        if not held:
            return
        stolen, by = dice.choice(held), dice.choice(self._phones)
        if dice.random() < 0.5:
            world.refresh(by, stolen)
        else:
            world.use(by, stolen, dice.choice(["GET", "POST"]))

    def replay(self) -> None:
        """Send once more what was sent and answered, word for word."""
        world = self._world
        heard = [
            one for one in world.sent[-8:] if one.request.headers and one.request.headers[0] in world.oracle.proofs
        ]
        if heard:
            world.replay(world.dice.choice(heard), self.phone)

    def replay_passkey(self) -> None:
        """Send once more what a passkey signed, after it opened a session."""
        if heard := self._world.passkeys.heard:
            self._world.passkeys.enter(self.phone, *self._world.dice.choice(heard[-8:]))

    def copy_passkeys(self, drain: Callable[[], None]) -> None:
        """Add keys that have the ids of others' passkeys, and name others' accounts with one's own."""
        world = self._world
        self.try_own_contact(drain)
        assert self.phone.held is not None
        for one in [one for one in world.passkeys.all if one.owner != THIEF and not one.leaving][:2]:
            world.passkeys.make(self.phone, self.phone.held, one.key.id)
            drain()
            for own in world.passkeys.of(THIEF):
                world.passkeys.sign_in(self.phone, own, user=one.account)
                world.passkeys.sign_in(self.phone, own)
                drain()

    def bomb(self) -> None:
        """Have as many codes sent to somebody as one can."""
        world = self._world
        contact = world.dice.choice(list(world.readers))
        for _ in range(BOMBS):
            world.begin(self.phone, contact)

    def exhaust(self, contact: str) -> None:
        """Ask until nothing is given any more, with nobody else about."""
        world = self._world
        for _ in range(world.rules.codes_per_hour + 1):
            world.begin(self.phone, contact)
            while world.scheduler.tasks:
                world.scheduler.resume()

    def phish(self, contact: str, drain: Callable[[], None]) -> Held | None:
        """Get a session of somebody who tells the code: that cannot be helped, only mended."""
        waiting = self._begin(contact, drain)
        codes = self._world.codes_of(waiting) if waiting else []
        if waiting is None or not codes:
            return None
        self._world.told[waiting.id] = THIEF
        before, self.phone.held = self.phone.held, None
        self._world.enter(self.phone, waiting, codes[-1])
        drain()
        stolen, self.phone.held = self.phone.held, before
        return stolen

    def own_code(self, drain: Callable[[], None]) -> tuple[Waiting, str]:
        """A code for the contact that the thief reads."""
        waiting = self._begin(OWN, drain)
        assert waiting is not None
        codes = self._world.codes_of(waiting)
        assert codes
        return waiting, codes[-1]

    def try_own_contact(self, drain: Callable[[], None]) -> None:
        """Sign in by it: wherever that leads, it must not be to somebody else."""
        self._world.enter(self.phone, *self.own_code(drain))
        drain()

    def _begin(self, contact: str, drain: Callable[[], None]) -> Waiting | None:
        begun: list[Waiting] = []
        self._world.begin(self.phone, contact, begun.append)
        drain()
        return begun[0] if begun else None

    def _is_used(self, waiting: Waiting) -> bool:
        return any(one.sign_in_id == waiting.id for one in self._world.oracle.sessions.values())

    def _secret(self) -> str:
        return self._world.dice.randbytes(32).hex()
