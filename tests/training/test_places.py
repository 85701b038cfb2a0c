"""A place and what was bought go together: no order of events leaves a training to one who lost the place."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.errors import DomainError, NotFound
from chalicelib.training import wire
from chalicelib.training.rules import TrainingAccount
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from tests.builders.training import PERSON, Scene
from tests.conftest import T0

FULL = 3_500_000
STEPS = 14
LIVES = (3, 5, 12, 21, 27)
"""Seeds: lives that come to different ends."""


class Life:
    """One person does what comes into their head, and the partner and the clock do their part."""

    def __init__(self, stage: Scene, person: Beneficiary, courses: list[str], choices: Random) -> None:
        self._stage = stage
        self._person = person
        self._courses = courses
        self._choices = choices
        self._now = T0
        stage.choose(person)

    def state(self) -> BeneficiaryState:
        return self._stage.state(self._person)

    def trainings(self) -> wire.TrainingList:
        return self._stage.services.training.of(self._person.registrant_id)

    def account(self) -> TrainingAccount:
        found = self._stage.services.training.accounts([self._person.registrant_id])
        return found.get(self._person.registrant_id, TrainingAccount(FULL))

    def go_on(self) -> None:
        """Something happens, or is refused; then time passes: a moment, or two of the days there are."""
        event = self._choices.choice([self._buy, self._cancel, self._cancel, self._report, self._report, self._expire])
        with suppress(DomainError, LegsFailed):
            event()
        self._now += self._choices.choice([timedelta(seconds=1), timedelta(seconds=9), timedelta(days=2)])

    def _buy(self) -> None:
        self._stage.services.training.buy(self._person.registrant_id, self._choices.choice(self._courses), self._now)

    def _cancel(self) -> None:
        one = self._one()
        self._stage.services.training.cancel(self._person.registrant_id, one.training_id, self._now)

    def _report(self) -> None:
        """The next thing that may happen to a training, whatever it is."""
        reports, partner, one, now = self._stage.services.reports, self._stage.partner, self._one(), self._now
        code = one.redeem_code
        if one.state == "PURCHASED":
            reports.redeem(partner, wire.RedemptionForm(code, self._person.card_number), now)
        elif one.state == "REDEEMED":
            reports.attend(partner, wire.AttendanceForm(code, now), now)
        elif one.state == "ATTENDED":
            reports.complete(partner, wire.CompletionForm(code, f"C-{code}", now), now)
        else:
            form = wire.ReviewForm(9, "Sangat membantu.")
            self._stage.services.training.review(self._person.registrant_id, one.training_id, form, now)

    def _expire(self) -> None:
        with self._stage.services.transaction() as tx:
            current = self._stage.services.waves.beneficiary(self._person.registrant_id) or self._person
            self._stage.services._beneficiaries.revoke(tx, current, 1, self._now)

    def _one(self) -> wire.TrainingView:
        trainings = self.trainings().trainings
        if not trainings:
            raise NotFound()
        return self._choices.choice(trainings)


def test_whatever_happens_in_whatever_order_a_place_is_lost_only_while_no_purchase_stands(stage: Scene) -> None:
    courses, ends = [stage.course() for _ in range(2)], set()
    for number in LIVES:
        person = replace(PERSON, registrant_id=f"somebody-{number}", card_number=f"{number:016d}")
        life = Life(stage, person, courses, Random(number))
        for _ in range(STEPS):
            life.go_on()
            state, account, mine = life.state(), life.account(), life.trainings()
            stand = [one for one in mine.trainings if one.state != "CANCELLED"]
            assert (state in {BeneficiaryState.ACTIVE, BeneficiaryState.GRADUATED}) == bool(stand)
            assert len(stand) == account.purchases
            assert account.balance_idr == FULL - sum(one.price_idr for one in stand) >= 0
            assert mine.balance_idr == (0 if state is BeneficiaryState.REVOKED else account.balance_idr)
            reviewed = any(one.review for one in stand)
            assert reviewed == (state is BeneficiaryState.GRADUATED)
        ends.add((state.value, len(mine.trainings) - len(stand), len(stand)))
    # Among them one who is revoked after a purchase that they had taken back.
    assert ends == {("REVOKED", 0, 0), ("POTENTIAL", 1, 0), ("REVOKED", 1, 0), ("GRADUATED", 0, 1), ("ACTIVE", 1, 1)}
