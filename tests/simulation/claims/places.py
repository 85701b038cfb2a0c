"""What is given to NIKs while they are claimed: places of a wave, their plans, and what a bank pays.

Whom a wave draws is given a place directly, as the draw is proven elsewhere; whatever follows is the product's.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from bench.aws.expressions import Item
from chalicelib.figures.schemes import Payment
from chalicelib.payouts.controls.administration import Administration, PayoutStores
from chalicelib.payouts.controls.proposals import Decision, ProposalStore
from chalicelib.payouts.ledger import items
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.plans.plan_rules import INCENTIVES
from chalicelib.payouts.rules import Entitlement, Hold, Kind, Move, State, entitlement_id, reference
from chalicelib.payouts.service import AtAward
from chalicelib.registration.claims.claim_rules import Proof, proof
from chalicelib.registration.rules import Registrant, Standing
from chalicelib.waves.places.confirmation import Confirmation
from chalicelib.waves.places.items import BeneficiaryItem, beneficiary_of
from chalicelib.waves.places.nik_claims import EntriesOfNik
from chalicelib.waves.places.place_rules import given
from chalicelib.waves.rules import LOST, Beneficiary, BeneficiaryState, Entry, Wave, WaveState, place
from chalicelib.waves.store import WaveItem
from tests.builders.people import beneficiary
from tests.conftest import T0

from ..accounts.processes import PROGRAMME as _PROGRAMME
from .world import FUNCTION_S, World

WAVE = 54
MAKER, CHECKER = "arn:aws:iam::1:user/hana", "arn:aws:iam::1:user/joko"
_PAYMENTS = (Payment(kind="INCENTIVE", trigger="award", amount_idr=900_000, times=3),)
SCHEME = replace(_PROGRAMME.schemes[-1], version="monthly", training_idr=0, payments=_PAYMENTS)
PROGRAMME = replace(
    _PROGRAMME,
    schemes=(*_PROGRAMME.schemes, SCHEME),
    payouts=replace(_PROGRAMME.payouts, month_s=2 * 86_400),
)
"""Three months are paid from the award on, and a month is two days."""


class Places:
    """One wave, its places, and the money."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(f"places {seed}")
        self.drawn: list[str] = []
        self.closed_at = T0
        self.given = False
        self.paid: dict[str, tuple[str, Kind]] = {}
        """What the bank paid: NIK and kind by the reference of the attempt."""
        self.known_at: dict[str, datetime] = {}
        """From when on the bank says what became of an attempt, by its reference."""
        self.payees: set[str] = set()
        self.lost: set[str] = set()
        """Whose place is to follow their NIK."""
        services = world.services
        self.store = services.payout_store
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
        seat = beneficiary(
            who.id, wave=WAVE, scheme=SCHEME.version, card_number=f"{self.drawn.index(who.id):016}", awarded_at=now,
            state=BeneficiaryState.RESERVED, buy_by=now.replace(microsecond=0),
        )  # fmt: skip
        confirmed = services.registrations.is_confirmed(who)
        if confirmed:
            seat = given(seat, SCHEME, PROGRAMME.training, now)
        services._entries.join(Entry(WAVE, who.id, 31, bytes(32), T0 - timedelta(days=38), who.kk_mac))
        earn = (lambda tx: services.payouts.entitle(tx, seat, Kind.INCENTIVE, now)) if confirmed else bool
        services.waves.beneficiaries.award(seat, who.kk_mac, earn=earn)
        if confirmed:
            services.registrations.set_standing(
                who.id, Standing.BENEFICIARY, place(self._wave(), SCHEME, now, PROGRAMME.training)
            )

    def _wave(self) -> Wave:
        found = self.world.services._wave_store.wave(WAVE)
        assert found is not None
        return found

    def begin(self) -> None:
        """The record of the wave is there."""
        assert self.world.services._wave_store  # binds the table
        WaveItem(
            "WAVES", f"{WAVE:06d}", state=WaveState.SETTLED, opens_at=T0 - timedelta(days=40), quota=9, reserved=0,
            closes_at=T0 - timedelta(days=37), weights={}, scheme=SCHEME.version,
        ).save()  # fmt: skip

    def work(self) -> None:
        """Any of what is done for places, by functions or by people."""
        self.dice.choice([self.pay, self.pay, self.pay, self.instal, self.confirm, self.hold, self.decide])()

    def pay(self) -> None:
        """A worker takes up one of what is open."""
        one = self._one(lambda head: head.state in {State.DUE, State.FAILED, State.SENDING})
        if one is not None:
            self.world.start(f"pay {one.id[:4]}", lambda: self._pay(one.id))

    def _pay(self, id_: str) -> None:
        world, one, now = self.world, self.store.get(id_), self.world.now
        if one.state is State.SENDING:
            gone = one.changed_at + timedelta(seconds=FUNCTION_S)  # whoever claimed it
            if now > max(gone, self.known_at.get(reference(one.id, one.n), gone)):
                self._ask(one)
        elif one.state in {State.DUE, State.FAILED}:
            registrations = world.services.registrations
            who = registrations.registrant(one.registrant_id)
            if who.claimed_at is not None or not registrations.is_confirmed(who):
                return
            key = reference(one.id, one.n + 1)
            sent = self.store.claim(one, StoredAttempt(one.n + 1, key, b"sealed", now, "xendit"), now)
            if self._is_held(who.nik_mac, one.kind):
                world.wrong.append("what an administrator held is paid, and no two released it")
            if proof(who) is Proof.NONE:
                world.wrong.append("somebody unconfirmed is paid")
            world.scheduler.pause()
            if self.dice.random() < 0.8:
                self.paid[key] = who.nik_mac, one.kind
                self.payees.add(who.id)
            world.scheduler.pause()
            self.known_at[key] = now + timedelta(hours=self.dice.choice([0, 0, 30, 60]))
            if self.known_at[key] == now:
                self._ask(sent)

    def _ask(self, one: Entitlement) -> None:
        paid = reference(one.id, one.n) in self.paid
        move = Move(State.PAID, "SUCCEEDED") if paid else Move(State.FAILED, "FAILED")
        self.store.move(one, move, self.world.now)

    def instal(self) -> None:
        """The job of the plans."""
        now = self.world.now
        self.world.start("instalments", lambda: self.world.services.plans.run(now, FUNCTION_S))

    def confirm(self) -> None:
        """The nightly look at the places that wait."""
        now, waiting = self.world.now, [one for one in self.places().values() if one.state is BeneficiaryState.RESERVED]
        if waiting:
            one = self.dice.choice(waiting)
            self.world.start("confirm", lambda: self.confirmation.lost_as(one, self._wave(), now))

    def hold(self) -> None:
        """An administrator holds what is due."""
        one, now = self._one(lambda head: head.state in {State.DUE, State.FAILED}), self.world.now
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
        for one in self._heads():
            if one.state in {State.DUE, State.FAILED, State.SENDING}:
                self._pay(one.id)
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
        self.lost |= {before} & alive if after not in alive else set()

    def check(self, seen: Counter[str], invented: set[str]) -> None:
        """At the end: every place, plan and open payment is with the holder of its NIK, and was paid once."""
        places = self.places()
        seen.update(f"places {one.state.name}" for one in places.values())
        alive = {who: one for who, one in places.items() if one.state not in LOST}
        self._check_places(places, alive)
        self._check_plans(alive)
        if self.payees & invented:
            self.world.fail("somebody invented was paid")
        self._check_paid_once(seen)

    def _check_places(self, places: dict[str, Beneficiary], alive: dict[str, Beneficiary]) -> None:
        people, holders = self.world.profiles(), self.world.holders()
        if any(one.state is BeneficiaryState.PASSED and one.passed_to not in places for one in places.values()):
            self.world.fail("a place was lost on its way to the owner of the NIK")
        begun = {who for who, one in alive.items() if one.state is not BeneficiaryState.RESERVED}
        if self.lost & alive.keys() or any(holders[people[who].nik_mac] != who for who in begun):
            self.world.fail("a place is with somebody who does not hold the NIK")

    def _check_plans(self, alive: dict[str, Beneficiary]) -> None:
        heads = {one.id: one for one in self._heads()}
        rows = self.world.rows("PLAN#", "")
        next_ = {pk.removeprefix("PLAN#"): int(item["number"]["N"]) for (pk, _), item in rows.items()}
        if not next_.keys() <= alive.keys():
            self.world.fail("a former holder's plan runs on")
        for who, one in alive.items():
            kinds = INCENTIVES[: next_.get(who, SCHEME.payments[0].times + 1) - 1]
            due = one.state is BeneficiaryState.ACTIVE
            if due and not all(entitlement_id(WAVE, who, kind) in heads for kind in kinds):
                self.world.fail("an instalment of a place never became due")
        open_ = [one for one in heads.values() if one.state not in {State.PAID, State.CANCELLED}]
        if any(one.registrant_id not in alive for one in open_):
            self.world.fail("what is open did not follow the NIK")

    def _check_paid_once(self, seen: Counter[str]) -> None:
        again = Counter(what for what, item in self._events() if item["reason"]["S"] == "decided_retry")
        for what, times in Counter(self.paid.values()).items():
            seen["instalments paid"] += times
            if times > 1 + again[what]:
                self.world.fail("an instalment was paid twice, and no two decided it")
        seen["paid again by two"] += sum(again.values())

    def _is_held(self, nik_mac: str, kind: Kind) -> bool:
        """Whether an administrator held what is paid of a kind for a NIK, and no two have decided about it since."""
        items = [item for what, item in self._events() if what == (nik_mac, kind)]
        held = max((one["at"]["S"] for one in items if one.get("hold") == {"S": Hold.ADMIN}), default="")
        return held > max((one["at"]["S"] for one in items if "maker" in one), default="")

    def _events(self) -> list[tuple[tuple[str, Kind], Item]]:
        """The histories of all payments, with the NIK and what is paid."""
        people, heads = self.world.profiles(), {one.id: one for one in self._heads()}
        of = {id_: (people[one.registrant_id].nik_mac, one.kind) for id_, one in heads.items()}
        return [(of[pk.removeprefix("P#")], item) for (pk, _), item in self.world.rows("P#", "EVENT#").items()]

    def places(self) -> dict[str, Beneficiary]:
        """Everybody's latest place, by account."""
        rows = self.world.rows("B#", "BENEFICIARY").values()
        return {one.registrant_id: one for one in (beneficiary_of(BeneficiaryItem.from_raw_data(row)) for row in rows)}

    def _heads(self) -> list[Entitlement]:
        return [items.from_head(items.Head.from_raw_data(row)) for row in self.world.rows("P#", "HEAD").values()]

    def _one(self, wanted: Callable[[Entitlement], bool]) -> Entitlement | None:
        found = [one for one in self._heads() if wanted(one)]
        return self.dice.choice(found) if found else None
