"""A holder of a NIK with a place, what was bought and paid by it, and the owner who claims the NIK."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from chalicelib.config import Settings
from chalicelib.payouts import rules as payout_rules
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.rules import Entitlement, Hold, Kind, Move, State
from chalicelib.registration.items import CLAIMS, ClaimItem
from chalicelib.registration.rules import Place, Standing
from chalicelib.training.wire import RedemptionForm, ReviewForm
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, Entry, EntryOutcome, WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.aws.rights import rights_of
from tests.builders.claims import DAY, MINE, OWNER, SQUATTER, Town
from tests.builders.people import beneficiary
from tests.builders.training import Scene, scene
from tests.conftest import T0

WAVE = 54


PASSES = DAY + timedelta(minutes=1)


class Seated(Town):
    """The squatter was chosen, and the owner is about to be seen with the card."""

    def __init__(self, settings: Settings, programme: Any) -> None:
        super().__init__(settings, programme)
        self.training: Scene = scene(settings, programme)
        self.services = self.training.services
        self.services._clock = lambda: self.now
        self.people = self.services.registrations
        self.store, self.beneficiaries = self.services.payout_store, self.services.waves.beneficiaries
        self.scheme = programme.schemes[-1]
        WaveItem(
            "WAVES", f"{WAVE:06d}", state=WaveState.SETTLED, opens_at=T0 - 40 * DAY, closes_at=T0 - 37 * DAY, quota=1,
            reserved=0, weights={}, scheme=self.scheme.version,
        ).save()  # fmt: skip

    def seat(self, state: BeneficiaryState = BeneficiaryState.POTENTIAL) -> Beneficiary:
        """Give the squatter a place, as the award does."""
        seat = beneficiary(
            SQUATTER, wave=WAVE, scheme=self.scheme.version, card_number="2026000000000033", state=state,
            awarded_at=T0, buy_by=T0 + 15 * DAY,
        )  # fmt: skip
        kk_mac = self.of(SQUATTER).kk_mac
        self.services._entries.join(Entry(WAVE, SQUATTER, 31, bytes(32), T0 - 38 * DAY, kk_mac))
        earn: Callable[[Any], object] = bool
        if self.scheme.begins_at_award and state is BeneficiaryState.ACTIVE:
            earn = lambda tx: self.services.payouts.entitle(tx, seat, Kind.INCENTIVE, T0)  # noqa: E731
        assert self.beneficiaries.award(seat, kk_mac, earn=earn) is EntryOutcome.CHOSEN
        if state is not BeneficiaryState.RESERVED:
            place = Place(WAVE, self.scheme.version, T0.date(), T0.date() + timedelta(days=200))
            self.people.set_standing(SQUATTER, Standing.BENEFICIARY, place)
        return seat

    def passes(self) -> None:
        """The owner proves presence, and a day goes by."""
        self.people.register(OWNER, MINE, self.now)
        self.sees(OWNER)
        self.run()
        with rights_of("sweep_registry"):
            self.run(PASSES)

    def place(self, who: str) -> Beneficiary:
        found = self.beneficiaries.of(who)
        assert found is not None
        return found

    def states(self) -> dict[str, BeneficiaryState]:
        return {one.registrant_id: one.state for one in self.beneficiaries.of_many([SQUATTER, OWNER])}

    def money(self, who: str) -> dict[Kind, tuple[State, Hold | None]]:
        return {one.kind: (one.state, one.hold) for one in self._money(who)}

    def entitlement(self, who: str, kind: Kind = Kind.INCENTIVE) -> Entitlement:
        return next(one for one in self._money(who) if one.kind is kind)

    def _money(self, who: str) -> list[Entitlement]:
        return self.services.payouts.of_many([replace(beneficiary(who, wave=WAVE), scheme=self.scheme.version)])[who]

    def sending(self, who: str = SQUATTER) -> Entitlement:
        one = self.entitlement(who)
        key = payout_rules.reference(one.id, 1)
        return self.store.claim(one, StoredAttempt(1, key, b"sealed", self.now, "xendit"), self.now)

    def paid(self, who: str = SQUATTER) -> None:
        self.store.move(self.sending(who), Move(State.PAID, "SUCCEEDED"), self.now)

    def graduate(self, who: str = SQUATTER, card: str = "2026000000000033") -> str:
        """Buys, learns, and writes the first review."""
        bought = self.begun(who, card)
        self.training.attend(bought)
        self.training.complete(bought)
        self.services.training.review(who, bought.training_id, ReviewForm(9, "Baik."), self.now)
        return bought.training_id

    def begun(self, who: str = SQUATTER, card: str = "2026000000000033") -> Any:
        bought = self.training.services.training.buy(who, self.training.course(), self.now)[0]
        self.services.reports.redeem(self.training.partner, RedemptionForm(bought.redeem_code, card), self.now)
        return bought

    def holders(self) -> set[str]:
        rows = FamilyItem.scan(FamilyItem.sk == "HOLDERS")
        return {who for row in rows for who in row.holders or ()}

    def left(self) -> list[Any]:
        return [row.owed_to for row in ClaimItem.query(CLAIMS) if row.owed_to]
