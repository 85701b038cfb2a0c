"""Simultaneous purchases, cancellations, reports and reviews: one of each, and one incentive."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.config import Programme, Settings
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.rules import Kind, entitlement_id
from chalicelib.training.errors import (
    AlreadyReviewed,
    AttendanceNotPaid,
    BalanceTooLow,
    CertificateAlreadyUsed,
    RequestReplayed,
    TrainingAlreadyRedeemed,
    TrainingCancelled,
)
from chalicelib.training.rules import Partner, TrainingAccount
from chalicelib.training.store import TrainingTable
from chalicelib.training.wire import AttendedMonthForm, TrainingView
from chalicelib.vault import Vault
from chalicelib.waves.errors import BeneficiaryRevoked
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.training import OTHER, PERSON, PLACED, SECOND, Scene, paying_months, scene
from tests.conftest import T0

from .conftest import Kms, Queue
from .together import AT_ONCE, refusals, the_new_one, together

pytestmark = pytest.mark.dynamodb

FULL = 3_500_000
INCENTIVE = entitlement_id(PERSON.wave, PERSON.registrant_id, Kind.INCENTIVE)
ANI = replace(PERSON, registrant_id="ani", card_number="2026000000000033", scheme=PLACED.version)


@pytest.fixture
def stage(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Scene:
    built = scene(cloud, paying_months(programme))
    built.partner = Partner("p" * 26, "Pelatihan Jaya", b"no key", T0)  # no KMS here
    built.services._partner_store.add(built.partner)
    built.services.vault = Vault(Kms, cloud.mac_key, cloud.data_key)
    # One key for each, before threads ask for them.
    keys = {who.registrant_id: built.services.vault.new_key(who.registrant_id) for who in (PERSON, OTHER, ANI)}
    monkeypatch.setattr(built.services.registrations, "key", keys.__getitem__)
    monkeypatch.setattr(built.services.payouts, "queue", Queue())
    # Built before threads ask for them.
    assert built.services.training
    assert built.services.reports
    return built


def queued(stage: Scene) -> list[str]:
    queue: Any = stage.services.payouts.queue
    return list(queue.ids)


def account(stage: Scene) -> TrainingAccount:
    found = stage.services._training_store.account(PERSON.registrant_id, PERSON.wave)
    assert found is not None
    return found


def mine(stage: Scene) -> list[TrainingView]:
    return stage.services.training.of(PERSON.registrant_id).trainings


def buy(stage: Scene, course: str, now: Any = T0) -> Any:
    return stage.services.training.buy(PERSON.registrant_id, course, now)


def cancel(stage: Scene, bought: TrainingView) -> TrainingView:
    return stage.services.training.cancel(PERSON.registrant_id, bought.training_id, T0 + SECOND)


def incentives() -> list[str]:
    return [item.pk.removeprefix("P#") for item in PayoutsTable.scan() if item.sk == "HEAD"]


def test_a_signature_sent_many_times_at_once_is_accepted_once(stage: Scene) -> None:
    store = stage.services._partner_store
    calls = [partial(store.remember_request, stage.partner.id, "seen", str(n), 1) for n in range(AT_ONCE)]
    assert refusals(together(calls)) == [RequestReplayed] * (AT_ONCE - 1)


def test_many_clicks_at_once_make_one_purchase(stage: Scene) -> None:
    course = stage.course()
    bought = the_new_one(together([partial(buy, stage, course)] * AT_ONCE))
    assert [bought.redeem_code] == [view.redeem_code for view in mine(stage)]
    assert account(stage) == TrainingAccount(FULL - 1_000_000, purchases=1)
    assert len([item for item in TrainingTable.scan() if item.sk == "CODE"]) == 1


def test_purchases_at_once_never_spend_more_than_the_balance(stage: Scene) -> None:
    courses = [stage.course() for _ in range(AT_ONCE)]
    answers = together([partial(buy, stage, course) for course in courses])
    assert refusals(answers) == [BalanceTooLow] * (AT_ONCE - 3)
    assert account(stage) == TrainingAccount(500_000, purchases=3)
    assert len(mine(stage)) == 3
    assert stage.state() is BeneficiaryState.ACTIVE


def test_a_purchase_cancelled_many_times_at_once_is_given_back_once(stage: Scene) -> None:
    bought, _ = stage.buy(), stage.buy()
    answers = together([partial(cancel, stage, bought)] * AT_ONCE)
    assert refusals(answers) == []
    assert len(set(map(repr, answers))) == 1
    assert account(stage) == TrainingAccount(FULL - 1_000_000, purchases=1)


def test_a_purchase_during_a_cancellation_keeps_the_place(stage: Scene) -> None:
    for _ in range(5):
        bought, course = stage.buy(), stage.course()
        (other, _), cancelled = together([partial(buy, stage, course), partial(cancel, stage, bought)])
        assert cancelled.state == "CANCELLED"
        assert stage.state() is BeneficiaryState.ACTIVE
        assert account(stage) == TrainingAccount(FULL - 1_000_000, purchases=1)
        cancel(stage, other)
        assert stage.state() is BeneficiaryState.POTENTIAL


def test_two_cancellations_at_once_give_up_the_place_with_the_last_purchase(stage: Scene) -> None:
    both = [stage.buy(), stage.buy()]
    together([partial(cancel, stage, bought) for bought in both])
    assert account(stage) == TrainingAccount(FULL, purchases=0)
    assert stage.state() is BeneficiaryState.POTENTIAL


def test_a_purchase_is_either_redeemed_or_cancelled(stage: Scene) -> None:
    for _ in range(5):
        bought = stage.buy()
        redeemed, cancelled = together([partial(stage.redeem, bought), partial(cancel, stage, bought)])
        [state] = {view.state for view in mine(stage) if view.training_id == bought.training_id}
        if state == "REDEEMED":
            assert refusals([redeemed, cancelled]) == [TrainingAlreadyRedeemed]
            break  # the price is spent
        assert refusals([redeemed, cancelled]) == [TrainingCancelled]
        assert account(stage) == TrainingAccount(FULL, purchases=0)


def test_at_the_deadline_either_a_purchase_or_a_revocation_succeeds(stage: Scene) -> None:
    course, person = stage.course(), stage.services.waves.beneficiaries.of(PERSON.registrant_id)
    assert person

    def revoke() -> bool:
        try:
            with stage.services.transaction() as tx:
                stage.services._beneficiaries.revoke(tx, person, 1, PERSON.buy_by)
        except LegsFailed:
            return False
        return True

    last = PERSON.buy_by - SECOND
    bought, revoked = together([partial(buy, stage, course, last), revoke])
    if revoked:
        assert (stage.state(), refusals([bought]), mine(stage)) == (BeneficiaryState.REVOKED, [BeneficiaryRevoked], [])
    else:
        assert (stage.state(), bought) == (BeneficiaryState.ACTIVE, (mine(stage)[0], True))


def test_many_equal_reports_at_once_are_one(stage: Scene) -> None:
    bought = stage.buy()
    for report in (stage.redeem, stage.attend, stage.complete):
        the_new_one(together([partial(report, bought)] * AT_ONCE))
    assert account(stage) == TrainingAccount(FULL - 1_000_000, purchases=1, completed=1)


def test_only_one_of_two_trainings_gets_a_certificate_number(stage: Scene) -> None:
    both = [stage.attended(), stage.attended(OTHER)]
    answers = together([partial(stage.complete, bought, "C-1") for bought in both])
    assert refusals(answers) == [CertificateAlreadyUsed]
    done = stage.services._training_store.accounts([PERSON.registrant_id, OTHER.registrant_id], PERSON.wave)
    assert sorted(one.completed for one in done.values()) == [0, 1]


def test_only_one_of_many_different_reviews_is_stored_and_makes_an_incentive_due(stage: Scene) -> None:
    bought = stage.completed()
    answers = together([partial(stage.review, bought, text=f"Ulasan {n}") for n in range(AT_ONCE)])
    assert refusals(answers) == [AlreadyReviewed] * (AT_ONCE - 1)
    assert incentives() == queued(stage) == [INCENTIVE]
    assert stage.state() is BeneficiaryState.GRADUATED


def test_trainings_reviewed_at_once_make_one_incentive_due(stage: Scene) -> None:
    trained = [stage.completed(f"C-{n}") for n in range(3)]
    answers = together([partial(stage.review, bought) for bought in trained])
    assert [new for _, new in answers] == [True] * 3
    assert all(view.review for view in mine(stage))
    assert incentives() == queued(stage) == [INCENTIVE]
    assert account(stage).completed == 3


def test_months_reported_at_once_get_a_number_each_and_never_more_than_are_paid(stage: Scene) -> None:
    stage.choose(ANI)
    placed = stage.buy(person=ANI)
    stage.redeem(placed, ANI)
    later = T0 + timedelta(days=400)

    def attest(month: int) -> Any:
        form = AttendedMonthForm(placed.redeem_code, f"2027-{month:02}", month)
        return stage.services.reports.attend_month(stage.partner, form, later)

    answers = together([partial(attest, month) for month in (1, 2, 3, 4, 1, 2)], meet=3)
    accepted = {view.month: view for view, _ in filter(lambda one: isinstance(one, tuple), answers)}
    assert sorted(view.number for view in accepted.values()) == [1, 2, 3]
    assert set(refusals(answers)) == {AttendanceNotPaid}
    paid = {view.number: 20_000 * view.days for view in accepted.values()}
    due = stage.services.payouts.of(ANI)
    assert [payout.amount_idr for payout in due] == [paid[number] for number in (1, 2, 3)]
    assert sorted(queued(stage)) == sorted(payout.payout_id for payout in due) == sorted(incentives())
