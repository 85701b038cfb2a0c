"""People one after the other: each does something to its end, and gets in where they may."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chalicelib.accounts.errors import ContactWaits, MoreProofNeeded
from chalicelib.notices.rules import DOUBTS_MAX

from ..oracle import Violation
from .passkeys import Owned
from .people import THIEF, Handset, Held, Waiting
from .processes import PROGRAMME
from .world import World


class Town:
    """`persons` live here."""

    def __init__(self, world: World, persons: Sequence[str]) -> None:
        self.world = world
        self.persons = persons

    def each(self, act: Callable[[Handset, Held], None]) -> None:
        for by, held in self.all_held():
            act(by, held)
            self.run()

    def must_get_in(self, by: Handset, contact: str) -> None:
        """Within the limits, and to the account where its owner was before."""
        world = self.world
        begun: list[Waiting] = []
        world.begin(by, contact, begun.append)
        self.run()
        self.drain()
        if begun and not world.codes_of(begun[0]):
            # A message was lost, or a process died before it was sent: the button for another code is there for that.
            world.later(world.rules.code_again_after_s + 10)
            world.again(by, begun[0])
            self.drain()
        code = (world.codes_of(begun[0]) or [None])[-1] if begun else None
        held = by.held
        if code is not None:
            world.enter(by, begun[0], code)
            self.run()
            if isinstance(by.refusal, MoreProofNeeded | ContactWaits):
                # Nobody proved it for long, and this phone does not know it; or it will be another account's.
                world.oracle.moving(contact)
                world.enter(by, begun[0], code, fresh=True)
                self.run()
        if by.held is held:
            world.oracle.say(
                f"{by.name} has {contact} and does not get in " + ("by its code" if code else "for want of a code")
            )
        self.look()

    def must_sign_in(self, by: Handset, one: Owned) -> None:
        """By a passkey, without any code."""
        held = by.held
        self.world.passkeys.sign_in(by, one)
        self.run()
        if by.held is held:
            self.world.oracle.say(f"{by.name} has a passkey and does not get in")
        self.look()

    def try_passkeys(self, passkeys: Sequence[Owned]) -> None:
        """Sign in by each, whatever has become of it."""
        for one in passkeys:
            self.world.passkeys.sign_in(self.handsets(one.owner)[0], one)
            self.run()

    def post(self) -> None:
        """Until every notice is handed over, however often nobody knew whether one was."""
        world = self.world
        for _ in range(DOUBTS_MAX):
            while world.cloud.notices.waiting:
                world.deliver(10, notices=True)
                self.run()
            world.later(PROGRAMME.notices.requeue_after_s + 1)
            world.sweep()
            self.run()

    def drain(self) -> None:
        """Until no message waits."""
        world = self.world
        for _ in range(1_000):
            self.run()
            if not world.cloud.codes.waiting:
                return
            world.deliver(10)
        raise AssertionError("messages never end")

    def run(self) -> None:
        world = self.world
        while world.scheduler.tasks:
            world.scheduler.resume()
            self.look()

    def look(self) -> None:
        if self.world.oracle.wrong:
            raise Violation(self.world.oracle.wrong[0])

    def handsets(self, owner: str) -> list[Handset]:
        return [one for one in self.world.handsets if one.owner == owner and not one.lost]

    def contacts(self, owner: str) -> list[str]:
        return [contact for contact, reader in self.world.readers.items() if reader == owner]

    def mailboxes(self) -> list[str]:
        return [contact for contact, reader in self.world.readers.items() if reader not in {THIEF, "nobody"}]

    def all_held(self) -> list[tuple[Handset, Held]]:
        mine = [by for by in self.world.handsets if by.owner in self.persons and not by.lost]
        return [(by, by.held) for by in mine if by.held is not None]
