"""What is given to NIKs while they are claimed: places of a wave, their plans, and what a bank pays.

Whom a wave draws is given a place directly, as the draw is proven elsewhere; whatever follows is the product's.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from bench.aws.expressions import Item
from chalicelib.figures.schemes import Payment
from chalicelib.payouts.controls.administration import Administration, PayoutStores
from chalicelib.payouts.controls.proposals import Decision, ProposalStore
from chalicelib.payouts.ledger import items
from chalicelib.payouts.plans.plan_rules import INCENTIVES, Stop
from chalicelib.payouts.rules import (
    AT_REST,
    WAITING,
    Authority,
    Entitlement,
    Hold,
    Kind,
    State,
    entitlement_id,
    entitlement_of,
    needs_another_look,
)
from chalicelib.payouts.service import AtAward
from chalicelib.registration.claims.claim_rules import Proof, proof
from chalicelib.registration.exclusions import rows as exclusions
from chalicelib.registration.rules import Registrant, Standing, Verification
from chalicelib.waves.places.confirmation import Confirmation
from chalicelib.waves.places.items import BeneficiaryItem, beneficiary_of
from chalicelib.waves.places.nik_claims import EntriesOfNik
from chalicelib.waves.places.place_rules import given
from chalicelib.waves.rules import LOST, Beneficiary, BeneficiaryState, Entry, Wave, WaveState, place
from chalicelib.waves.store import WaveItem
from tests.builders.people import beneficiary
from tests.conftest import T0

from ..accounts.processes import PROGRAMME as _PROGRAMME
from .bank import Bank
from .world import FUNCTION_S, World

WAVE = 54
LIST = "officials/2026-11/2026-11-01"
MAKER, CHECKER = "arn:aws:iam::1:user/hana", "arn:aws:iam::1:user/joko"
_PAYMENTS = (Payment(kind="INCENTIVE", trigger="award", amount_idr=900_000, times=3),)
SCHEME = replace(_PROGRAMME.schemes[-1], version="monthly", training_idr=0, payments=_PAYMENTS)
PROGRAMME = replace(
    _PROGRAMME,
    schemes=(*_PROGRAMME.schemes, SCHEME),
    payouts=replace(_PROGRAMME.payouts, month_s=2 * 86_400, key_lifetime_s=10**8),
)
"""Three months are paid from the award on, and a month is two days. The bank forgets no key."""

_MAY_BE_HELD = {State.DUE, State.FAILED}
What = tuple[str, Kind]
"""An instalment of a place, whoever has it: whose entry won the place, and the kind."""


class Places:
    """One wave, its places, and the money."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(f"places {seed}")
        self.drawn: list[str] = []
        self.closed_at = T0
        self.given = False
        self.payees: set[str] = set()
        self.lost: set[str] = set()
        """Whose place is to follow their NIK."""
        self.stay: set[str] = set()
        """Whose place is to lapse unless it was paid for, as their NIK is with somebody who has a place."""
        self.listed: dict[str, int] = {}
        """NIKs of the exclusion list, and how many writes there had been when it was imported."""
        self.retracted: set[str] = set()
        self.stopped: dict[str, int] = {}
        """The number of the first instalment that two have yet to let come, by the entry that won the place."""
        services = world.services
        self.store = services.payout_store
        self.bank = Bank(world, self.dice, self.store, self._sent)
        stores = PayoutStores(self.store, ProposalStore(), None, None, None)  # type: ignore[arg-type]  # asked for nothing
        self.desk = Administration(stores, None, services.payout_queue, PROGRAMME.payouts)  # type: ignore[arg-type]  # never asked
        self.confirmation = Confirmation(
            PROGRAMME, services.transaction, services.waves.beneficiaries, services.registrations, services.notices,
            AtAward(services.payouts),
        )  # fmt: skip
        entries = EntriesOfNik(services.waves, services._wave_store, services._entries, services.waves.beneficiaries)
        world.waves.given = entries.given

    # What happens

    def draw(self) -> None:
        """The wave closes with some of the holders in it; then it gives them their places."""
        world = self.world
        if self.drawn and not self.given and world.now - self.closed_at > timedelta(seconds=FUNCTION_S):
            people = world.profiles()
            rate, world.nature.rate = world.nature.rate, 0.0
            for who in self.drawn:
                if people[who].claimed_at is None:
                    self._award(people[who])
            world.nature.rate, world.awaiting, self.given = rate, set(), True
        elif not self.drawn:
            self.drawn = [who for who in world.holders().values() if self.dice.random() < 0.8]
            world.awaiting, self.closed_at = set(self.drawn), world.now

    def _award(self, who: Registrant) -> None:
        services, now = self.world.services, self.world.now
        # Nobody in the registry has the number that somebody mistyped: they may have waited since the wave before.
        wave = WAVE - (who.verification is Verification.UNKNOWN_NIK and self.dice.random() < 0.5)
        seat = beneficiary(
            who.id, wave=wave, scheme=SCHEME.version, card_number=f"{self.drawn.index(who.id):016}", awarded_at=now,
            state=BeneficiaryState.RESERVED, buy_by=now.replace(microsecond=0),
        )  # fmt: skip
        confirmed = services.registrations.is_confirmed(who)
        if confirmed:
            seat = given(seat, SCHEME, PROGRAMME.training, now)
        services._entries.join(Entry(wave, who.id, 31, bytes(32), T0 - timedelta(days=38), who.kk_mac))
        earn = (lambda tx: services.payouts.entitle(tx, seat, Kind.INCENTIVE, now)) if confirmed else bool
        services.waves.beneficiaries.award(seat, who.kk_mac, earn=earn)
        if confirmed:
            services.registrations.set_standing(
                who.id, Standing.BENEFICIARY, place(self._wave(wave), SCHEME, now, PROGRAMME.training)
            )

    def _wave(self, number: int) -> Wave:
        found = self.world.services._wave_store.wave(number)
        assert found is not None
        return found

    def begin(self) -> None:
        """The records of the wave, and of the one before, are there."""
        assert self.world.services._wave_store  # binds the table
        for wave in (WAVE - 1, WAVE):
            WaveItem(
                "WAVES", f"{wave:06d}", state=WaveState.SETTLED, opens_at=T0 - timedelta(days=40), quota=9, reserved=0,
                closes_at=T0 - timedelta(days=37), weights={}, scheme=SCHEME.version,
            ).save()  # fmt: skip

    def work(self) -> None:
        """Any of what is done for places, by functions or by people."""
        rare = self.dice.choice([self.list_, self.stop, self.go_on])
        self.dice.choice([self.pay, self.pay, self.pay, self.instal, self.confirm, self.hold, self.decide, rare])()

    def pay(self, this: Entitlement | None = None) -> None:
        """A worker takes up one of what is open, or `this`."""
        one, now = this or self._one(lambda head: needs_another_look(head.state, head.hold)), self.world.now
        if one is not None:
            self.world.start(f"pay {one.id[:4]}", lambda: self.bank.look(one, now))

    def _sent(self, one: Entitlement, who: Registrant | None, began: int) -> None:
        self.payees.add(one.registrant_id)
        if who is None:
            return
        if self._is_held(self._what(one)):
            self.world.wrong.append("what an administrator held is paid, and no two released it")
        if proof(who) is Proof.NONE:
            self.world.wrong.append("somebody unconfirmed is paid")
        if self.listed.get(who.nik_mac, began + 1) <= began:
            self.world.wrong.append("somebody on an exclusion list is paid")

    def list_(self) -> None:
        """An exclusion list names a NIK, or is retracted. Two passes of a retraction come to the same as one."""
        macs = sorted(self.world.holders())
        if not macs:
            return
        mac = self.dice.choice(macs)
        names = self.listed.pop(mac, None) is None
        self.retracted.discard(mac)

        def work() -> None:
            if names:
                exclusions.exclude(mac, LIST)
                self.listed[mac] = self.world.cloud.written
            else:
                exclusions.take_off(mac, LIST)
                self.retracted.add(mac)

        self.world.start("a list is imported" if names else "a list is retracted", work)

    def stop(self) -> None:
        """An administrator ends what comes by month: somebody dropped out, or died."""
        begun = [one for one in self.places().values() if one.state is BeneficiaryState.ACTIVE]
        if not begun:
            return
        who, now, told = self.dice.choice(begun).registrant_id, self.world.now, Authority(MAKER, "told us")
        why = self.dice.choice([Stop.DROPPED_OUT, Stop.DIED])

        def work() -> None:
            for plan in self.world.services.stop_plan(who, why, told, now):
                self.stopped[self._entry(plan.registrant_id)] = plan.number

        self.world.start("stop", work)

    def go_on(self) -> None:
        """Two let a stopped plan go on."""
        services, now, stopped = self.world.services, self.world.now, list(self.stopped)
        holders = [one.registrant_id for one in self.places().values() if one.state is BeneficiaryState.ACTIVE]
        again = [who for who in holders if self._entry(who) in stopped]
        if not again:
            return
        who = self.dice.choice(again)

        def work() -> None:
            seen = services.propose_to_continue(who, Authority(MAKER, "back"), now)
            self.stopped.pop(self._entry(who), None)
            services.continue_plan(seen, CHECKER, now)

        self.world.start("a plan goes on", work)

    def instal(self) -> None:
        """The job of the plans."""
        now = self.world.now
        self.world.start("instalments", lambda: self.world.services.plans.run(now, FUNCTION_S))

    def confirm(self) -> None:
        """The nightly look at the places that wait."""
        now, waiting = self.world.now, [one for one in self.places().values() if one.state is BeneficiaryState.RESERVED]
        if waiting:
            one = self.dice.choice(waiting)
            self.world.start("confirm", lambda: self.confirmation.lost_as(one, self._wave(one.wave), now))

    def hold(self) -> None:
        """An administrator holds what is due."""
        one, now = (
            self._one(lambda head: head.state in _MAY_BE_HELD or head.hold in WAITING),
            self.world.now,
        )
        if one is not None:
            self.world.start("hold", lambda: self.desk.hold(one.id, MAKER, "a thief?", now))

    def decide(self) -> None:
        """Two administrators decide about what was written off, or release what one held."""
        one, now = self._one(lambda head: head.hold in {Hold.WRITTEN_OFF, Hold.ADMIN}), self.world.now
        if one is None:
            return
        decision = Decision.RETRY if one.n == 0 and self.dice.random() < 0.5 else Decision.WRITE_OFF
        decision = Decision.RELEASE if one.hold is Hold.ADMIN else decision

        def work() -> None:
            self.desk.propose(one.id, decision, MAKER, "seen", now)
            self.desk.approve(one.id, CHECKER, now)

        self.world.start("two decide", work)

    def rest(self) -> None:
        """Half a day in which whatever is open goes on."""
        if self.dice.random() < 0.3:
            self.hold()
            self.world.run()
        if self.dice.random() < 0.2:
            self.dice.choice([self.list_, self.stop, self.go_on])()
            self.world.run()
        for one in self._heads():
            if needs_another_look(one.state, one.hold):
                self.pay(one)
                self.world.run()
        self.instal()
        self.confirm()
        if self.dice.random() < 0.5:
            self.decide()
        self.world.run()

    # What must hold

    def passed(self, before: str, after: str) -> None:
        """A NIK has passed just now; who has a place of their own gets no other."""
        alive = {who for who, one in self.places().items() if one.state not in LOST}
        self.lost -= {after}
        (self.stay if after in alive else self.lost).update({before} & alive)

    def check(self, seen: Counter[str], invented: set[str]) -> None:
        """At the end: every place, plan and open payment is with the holder of its NIK, and was paid once."""
        places = self.places()
        seen.update(f"places {one.state.name}" for one in places.values())
        seen["plans stopped"] += len(self.stopped)
        seen["owners with a place of their own"] += len(self.stay)
        alive = {who: one for who, one in places.items() if one.state not in LOST}
        self._check_places(places, alive)
        self._check_plans(alive)
        if self.payees & invented:
            self.world.fail("somebody invented was paid")
        self._check_paid_once(seen)

    def _check_places(self, places: dict[str, Beneficiary], alive: dict[str, Beneficiary]) -> None:
        if any(one.state is BeneficiaryState.PASSED and one.passed_to not in places for one in places.values()):
            self.world.fail("a place was lost on its way to the owner of the NIK")
        begun = {who for who, one in alive.items() if one.state is not BeneficiaryState.RESERVED}
        others = begun - self._holding()
        if self.lost & alive.keys() or others - self.stay:
            self.world.fail("a place is with somebody who does not hold the NIK")
        used = {one.registrant_id for one in self._heads() if one.state is State.PAID or one.instead_of}
        if others - used:
            self.world.fail("a place is kept that was not paid for, and whose NIK is with somebody who has a place")

    def _check_plans(self, alive: dict[str, Beneficiary]) -> None:
        heads, holding = {one.id: one for one in self._heads()}, self._holding()
        rows = self.world.rows("PLAN#", "")
        next_ = {pk.removeprefix("PLAN#"): int(item["number"]["N"]) for (pk, _), item in rows.items()}
        if not next_.keys() <= alive.keys():
            self.world.fail("a former holder's plan runs on")
        for who, one in alive.items():
            kinds = INCENTIVES[: next_.get(who, SCHEME.payments[0].times + 1) - 1]
            due = one.state is BeneficiaryState.ACTIVE and who not in self.stay
            if due and not all(entitlement_id(one.wave, who, kind) in heads for kind in kinds):
                self.world.fail("an instalment of a place never became due")
        open_ = {one.registrant_id for one in heads.values() if one.state not in AT_REST}
        if not open_ <= alive.keys():
            self.world.fail("what is open did not follow the NIK")
        if (next_.keys() | open_) & self.stay - holding:
            self.world.fail("a place earns on whose NIK is with somebody who has a place")
        for head in heads.values():
            from_ = self.stopped.get(self._entry(head.registrant_id))
            if from_ is not None and INCENTIVES.index(head.kind) + 1 >= from_:
                self.world.fail("a stopped plan went on, and no two let it")

    def _check_paid_once(self, seen: Counter[str]) -> None:
        again = Counter(what for what, item in self._events() if item["reason"]["S"] == "decided_retry")
        heads = {one.id: one for one in self._heads()}
        paid = [heads[str(entitlement_of(key))] for key in self.bank.paid]
        for what, times in Counter(map(self._what, paid)).items():
            seen["instalments paid"] += times
            if times > 1 + again[what]:
                self.world.fail("an instalment was paid twice, and no two decided it")
        seen["paid again by two"] += sum(again.values())
        people = self.world.profiles()
        held = {people[one.registrant_id].nik_mac for one in heads.values() if one.hold is Hold.EXCLUDED}
        seen["held for a list"] += len(held)
        if held & self.retracted:
            self.world.fail("a list that was retracted still holds money")

    def _is_held(self, what: What) -> bool:
        """Whether an administrator held a payment, and no two have decided about it since."""
        items = [item for one, item in self._events() if one == what]
        held = max((one["at"]["S"] for one in items if one.get("hold") == {"S": Hold.ADMIN}), default="")
        return held > max((one["at"]["S"] for one in items if "maker" in one), default="")

    def _events(self) -> list[tuple[What, Item]]:
        """The histories of all payments, with what is paid."""
        of = {one.id: self._what(one) for one in self._heads()}
        return [(of[pk.removeprefix("P#")], item) for (pk, _), item in self.world.rows("P#", "EVENT#").items()]

    def _what(self, one: Entitlement) -> What:
        return self._entry(one.registrant_id), one.kind

    def _entry(self, who: str) -> str:
        """Whose entry won the place that somebody has, or had."""
        return self.places()[who].entry_of or who

    def _holding(self) -> set[str]:
        return set(self.world.holders().values())

    def places(self) -> dict[str, Beneficiary]:
        """Everybody's latest place, by account."""
        rows = self.world.rows("B#", "BENEFICIARY").values()
        return {one.registrant_id: one for one in (beneficiary_of(BeneficiaryItem.from_raw_data(row)) for row in rows)}

    def _heads(self) -> list[Entitlement]:
        return [items.from_head(items.Head.from_raw_data(row)) for row in self.world.rows("P#", "HEAD").values()]

    def _one(self, wanted: Callable[[Entitlement], bool]) -> Entitlement | None:
        found = [one for one in self._heads() if wanted(one)]
        return self.dice.choice(found) if found else None
