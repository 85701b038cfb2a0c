"""One schedule of claims on NIKs: a seed alone decides who types what, in which order, and what fails.

People register their own NIK, mistype another's, or take one with or without its owner's data. Registries are silent,
functions die, messages come twice and late. At the end of all trouble every NIK is with the most proof.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

from msgspec.structs import replace

from chalicelib.civil_registry.registry import CivilRecord
from chalicelib.ids import derived_id
from chalicelib.registration import records
from chalicelib.registration.claims.claim_rules import Proof, proof
from chalicelib.registration.errors import NikAlreadyRegistered, PhoneAlreadyUsed
from chalicelib.registration.rules import Registrant, Standing, Verification
from chalicelib.registration.wire import CorrectionForm, RegistrationForm
from tests.builders.registration import form

from ..oracle import Violation
from ..schedule import MOST_AT_ONCE, Played
from .places import PROGRAMME, Places
from .world import CLAIMS_WAIT, World

MAKER, CHECKER = "arn:aws:iam::1:user/hana", "arn:aws:iam::1:user/joko"
NAMES = ("Siti Aminah", "Budi Santoso", "Dewi Lestari", "Agus Wijaya", "Rina Marlina", "Joko Susilo")
INVENTED = {"invented", "squatter"}
HOUR = timedelta(hours=1)
WAITS = [timedelta(minutes=1), timedelta(minutes=5), HOUR, 6 * HOUR, 25 * HOUR]


class Actor:
    """Somebody with an account. `own`: the NIK that is theirs; None: they are nobody whom the registry knows."""

    def __init__(self, kind: str, account: str, typed: RegistrationForm, own: str | None) -> None:
        self.kind, self.account, self.typed, self.own = kind, account, typed, own
        self.right: RegistrationForm | None = None
        """What they type once they see that something differs."""


def play(seed: int, note: Callable[[str], None] = len) -> Played:
    """Play a schedule to its end, or to the first step after which something is wrong."""
    played = Played(seed)
    schedule = Schedule(seed, note, played)
    world = schedule.world
    with world.installed():
        try:
            schedule.run()
        except Violation as violation:
            note(f"WRONG: {violation}")
        finally:
            world.scheduler.finish()
    played.steps, played.wrong = world.scheduler.step, world.wrong
    played.injected = world.nature.injected
    return played


class Schedule:
    """Trouble, then rest."""

    def __init__(self, seed: int, note: Callable[[str], None], played: Played) -> None:
        self.dice = random.Random(f"claims {seed}")
        gives = seed % 2 == 1
        """In half of the schedules nobody is given anything: they are cheaper, and find as much of the claims."""
        self.world = World(self.dice, note, PROGRAMME) if gives else World(self.dice, note)
        self.places = Places(self.world, seed) if gives else None
        self.seen = played.seen
        self.actors: list[Actor] = []
        self.held: dict[str, str] = {}
        self.answers: dict[tuple[str, str], set[Verification]] = {}
        """What the registry was seen to say of somebody with a NIK."""
        self.before: dict[str, Registrant] = {}
        self.looked_at = 0
        self.macs: dict[str, str] = {}
        for number in range(self.dice.randrange(2, 5) if gives else self.dice.randrange(3, 7)):
            self._household(number)

    def run(self) -> None:
        world, dice = self.world, self.dice
        if self.places:
            self.places.begin()
        self.macs = {nik: world.services.vault.mac("nik", nik) for nik in world.registry.people}
        world.nature.rate = dice.choice([0.0, 0.02, 0.05, 0.15])
        world.scheduler.stay = dice.choice([0.0, 0.5, 0.9])
        actions: list[tuple[Callable[[], None], float]] = [
            (self._act, 6.0),
            (world.ask, 8.0),
            (world.sweep, dice.choice([0.5, 4.0])),
            (self._see, dice.choice([0.5, 4.0])),
            (self._wait, 2.0),
            (self._outage, 0.3),
            (self._marry, 0.3),
            (self._draw, 0.3),
        ]
        if self.places:
            actions += [(self.places.draw, 4.0), (self.places.work, 6.0), (self._see, 4.0), (self._wait, 2.0)]
        doing, weights = zip(*actions, strict=True)
        present = self._present()
        for actor in dice.sample(present, len(present)):
            self._type(actor)
        for _ in range(dice.randrange(150, 500)):
            if world.scheduler.tasks and (dice.random() < 0.8 or len(world.scheduler.tasks) >= MOST_AT_ONCE):
                world.scheduler.resume()
            else:
                dice.choices(doing, weights)[0]()
            self._look()
        world.scheduler.finish()
        self._rest()

    # Who there is

    def _household(self, number: int) -> None:
        """A NIK's owner, perhaps a twin of theirs, and perhaps those who type the same NIK."""
        dice = self.dice
        name = dice.choice(NAMES)
        own = form(nik=f"31740957089510{number:02}", name=name, kk=f"31740912031800{number:02}")
        self._born(own)
        if dice.random() < 0.9:
            typed = own
            if self.places is not None and dice.random() < 0.5:
                typed = dice.choice([replace(own, name="Salah Ketik"), replace(own, nik=f"31740957089550{number:02}")])
            owner = self._actor("owner", typed, own.nik)
            owner.right = own if typed is not own else None
        if dice.random() < (0.8 if self.places else 0.4):
            self._actor("thief", own, None)
        if dice.random() < 0.5:
            self._actor("squatter", replace(own, name="Orang Karangan"), None)
        if dice.random() < 0.4:
            twin = replace(own, nik=f"31740957089520{number:02}", name=f"{name.split()[0]} Kembar")
            self._born(twin)
            mistyped = self._actor("twin", replace(twin, nik=own.nik), twin.nik)
            mistyped.right = twin
        if dice.random() < 0.3:
            # Seen with a card of their own, they say that another NIK is theirs, too.
            greedy = replace(own, nik=f"31740957089540{number:02}", name="Tamak")
            self._born(greedy)
            self._actor("greedy", replace(greedy, kk="3174091203180099"), greedy.nik).right = own
        if dice.random() < 0.3:
            self._actor("invented", replace(own, nik=f"31740957089530{number:02}"), None)

    def _born(self, who: RegistrationForm) -> None:
        self.world.registry.people[who.nik] = CivilRecord(
            who.name, who.birth_date, who.kk, int(who.province), dead=False
        )

    def _actor(self, kind: str, typed: RegistrationForm, own: str | None) -> Actor:
        n = len(self.actors)
        # Some numbers were sold again: their new owner is refused, and gives another.
        phone = f"0812-0000-{self.dice.randrange(n) if n and self.dice.random() < 0.1 else n:04}"
        actor = Actor(kind, derived_id("sim", f"{n}"), replace(typed, phone=phone), own)
        self.actors.append(actor)
        return actor

    # What happens

    def _present(self) -> list[Actor]:
        """Who types anything by now. Where places are given, owners come once they are: a place is to pass to them."""
        if self.places is None or self.places.given:
            return self.actors
        return [one for one in self.actors if one.kind != "owner" or one.right is not None]

    def _act(self) -> None:
        self._type(self.dice.choice(self._present() or self.actors))

    def _type(self, actor: Actor) -> None:
        """Register, or correct what differs."""
        services, now = self.world.services, self.world.now
        known = self.world.profiles().get(actor.account)
        if known is not None and actor.right is not None and self._may_correct(known):
            actor.typed = replace(actor.right, phone=actor.typed.phone, claim_nik=actor.typed.claim_nik)

        def work() -> None:
            try:
                _, new = services.registrations.register(actor.account, actor.typed, now)
                self.seen[f"registrations of a {actor.kind}"] += new
            except NikAlreadyRegistered:
                actor.typed = replace(actor.typed, claim_nik=True)
                self.seen["refused for a NIK that is taken"] += 1
            except PhoneAlreadyUsed:
                actor.typed = replace(actor.typed, phone=f"0813-0000-{self.actors.index(actor):04}")
                self.seen["refused for a phone that was sold"] += 1

        self.world.start(f"{actor.kind} registers", work)

    @staticmethod
    def _may_correct(known: Registrant) -> bool:
        return known.claimed_at is not None or known.verification in {Verification.MISMATCH, Verification.UNKNOWN_NIK}

    def _see(self) -> None:
        """Two administrators see somebody with the card: only its owner has it."""
        known = self.world.profiles()
        owners = [one for one in self.actors if one.account in known and one.own == one.typed.nik]
        if not owners:
            return
        actor = self.dice.choice(owners[-3:])
        corrections, now = self.world.services.corrections, self.world.now
        if self.dice.random() < 0.5:
            work = lambda: corrections.propose(actor.account, CorrectionForm(presence="proven"), MAKER, "seen", now)  # noqa: E731
            self.world.start("an administrator sees somebody", work)
        else:

            def approve() -> None:
                shown = corrections.standing(actor.account)
                card = records.presence(str(actor.own), proven=True)
                if shown is not None and shown.changes["presence"][1] == card:
                    corrections.approve(actor.account, CHECKER, now, shown.proposal)

            self.world.start("another approves", approve)

    def _wait(self) -> None:
        self.world.later(self.dice.choice(WAITS))

    def _outage(self) -> None:
        self.world.registry.down = not self.world.registry.down

    def _marry(self) -> None:
        """Somebody is on another family card by now, and types it."""
        actor = self.dice.choice([one for one in self.actors if one.own] or self.actors)
        if actor.own is None or actor.typed.nik != actor.own:
            return
        kk = f"31740912031900{self.actors.index(actor):02}"
        self.world.registry.people[actor.own] = replace(self.world.registry.people[actor.own], kk=kk)
        actor.typed = replace(actor.typed, kk=kk)
        self.seen["marriages"] += 1

    def _draw(self) -> None:
        """A wave closes with some of them in it, or is settled."""
        self.world.drawing = {one.account for one in self.actors if self.dice.random() < 0.3}

    # What must hold

    def _look(self) -> None:
        """After every step in which something was written."""
        world = self.world
        if world.cloud.written == self.looked_at:
            return
        self.looked_at = world.cloud.written
        people, holders = world.profiles(), world.holders()
        for who, one in people.items():
            self.answers.setdefault((who, one.nik_mac), set()).add(one.verification)
            if (holders.get(one.nik_mac) == who) is not (one.claimed_at is None):
                world.fail(f"{who[:4]} does not hold what they do not claim")
        if strangers := [who for mac, who in holders.items() if who not in people or people[who].nik_mac != mac]:
            world.fail(f"{strangers[0][:4]} holds a NIK that is not their registration's")
        for mac, who in holders.items():
            before = self.held.get(mac)
            if before is not None and before != who and people[before].nik_mac == mac:
                self._passed(self.before[before], people[who])
        self.held, self.before = holders, people
        self._paid(people)

    def _paid(self, people: dict[str, Registrant]) -> None:
        """Who would be paid now, and who was seen."""
        world = self.world
        payable = [one for one in people.values() if one.verification is Verification.VERIFIED and not one.contested]
        if len({one.nik_mac for one in payable}) < len(payable):
            world.fail("two are paid for one NIK")
        for actor in self.actors:
            one = people.get(actor.account)
            if one and one.present_at and (actor.own is None or self.macs[actor.own] != one.nik_mac):
                world.fail("somebody was seen with another's card")
        invented = {one.account for one in self.actors if one.kind in INVENTED}
        if any(one.id in invented for one in payable):
            world.fail("somebody invented is paid")

    def _passed(self, before: Registrant, after: Registrant) -> None:
        world = self.world
        self.seen[f"NIKs that passed from {proof(before).name} to {proof(after).name}"] += 1
        if proof(after) <= proof(before):
            world.fail(f"a NIK passed from {proof(before).name} to {proof(after).name}")
        if after.present_at is None and before.verification is Verification.PENDING:
            world.fail("a NIK passed by data while the registry was silent about its holder")
        if after.present_at is None and Verification.VERIFIED in self.answers[before.id, before.nik_mac]:
            world.fail("a NIK passed by data from whom the registry had confirmed")
        if not [at for at in world.told(before.id, "passes") if world.now - at >= CLAIMS_WAIT - timedelta(minutes=5)]:
            world.fail("the holder was not told a day before")
        if world.now - max(world.told(before.id, "passed"), default=world.now - HOUR) >= HOUR:
            world.fail("the holder was not told that the NIK passed")
        if not world.told(after.id, "passed"):
            world.fail("the owner was not told")
        if self.places:
            self.places.passed(before.id, after.id)

    def _rest(self) -> None:
        """Nothing fails any more, days pass, and who never came comes: refused at first, then with a claim."""
        world = self.world
        world.nature.rate, world.registry.down, world.drawing, world.awaiting = 0.0, False, set(), set()
        world.cloud.registry.redrive()
        for half_day in range(12):
            world.later(13 * HOUR)
            for actor in self.actors if half_day < 2 else ():
                if actor.account not in world.profiles():
                    self._type(actor)
            for _ in range(4 if self.places and half_day in {2, 3} else 0):  # what was given is to pass, too
                self._see()
                world.run()
            world.sweep()
            world.run()
            while world.cloud.registry.waiting:
                world.ask()
                world.run()
            if self.places:
                self.places.rest()
            self._look()
        people, holders = world.profiles(), world.holders()
        self.seen["NIKs"] += len(holders)
        self.seen["registrations"] += len(people)
        for mac in {one.nik_mac for one in people.values()}:
            self._came_to(mac, people, holders)
        listed = {(one.nik_mac, one.id) for one in people.values() if one.contested}
        if world.claims() != listed:
            world.fail("the list of claims is not that of the claimants and contested holders")
        if self.places:
            self.places.check(self.seen, {one.account for one in self.actors if one.kind in INVENTED})

    def _came_to(self, mac: str, people: dict[str, Registrant], holders: dict[str, str]) -> None:
        """One NIK."""
        world, all_ = self.world, [one for one in people.values() if one.nik_mac == mac]
        if mac not in holders:
            world.fail("nobody holds a NIK that somebody claims")
        holder = people[holders[mac]]
        strongest = max(proof(one) for one in all_)
        if proof(holder) is not strongest:
            world.fail(f"a holder has {proof(holder).name} and somebody {strongest.name}")
        rivals = [one for one in all_ if one is not holder and proof(one) is strongest]
        if (holder.contested_at is not None) is not (bool(rivals) and strongest is not Proof.NONE):
            world.fail("a holder is contested who should not be, or is not who should")
        if any(one.verification is Verification.PENDING for one in all_):
            world.fail("somebody was never answered about")
        owners = [one for one in self.actors if one.own == one.typed.nik and people.get(one.account) in all_]
        seen = [one for one in owners if people[one.account].present_at is not None]
        if seen and holder.id not in {one.account for one in seen}:
            world.fail("the owner was seen, and somebody else has the NIK")
        self.seen["contested at the end"] += holder.contested_at is not None
        self.seen[f"held at the end by {strongest.name}"] += 1
        assert self.places or holder.standing is Standing.REGISTERED
        assert isinstance(holder.birth_date, date)
