"""When an address may be changed: never while a payment to it may be under way."""

from __future__ import annotations

import pytest

from chalicelib.aws import dynamodb
from chalicelib.payouts.rules import ALIVE, Hold, Kind, Move, State
from chalicelib.registration.errors import AccountAlreadyUsed, PaymentUnderWay
from tests.builders.payouts.town import OTHER, SITI_S, answer
from tests.builders.payouts.world import beneficiary
from tests.builders.registration import other_form
from tests.conftest import REGION, T0


def test_an_address_stays_while_a_payment_to_it_may_be_under_way(town):
    town.set()
    town.faults(settle_ms=60_000)
    assert town.pay() is State.SENDING
    before = town.people.payee("siti").address
    for change in ({"number": OTHER}, {"holder_name": "Siti A."}):
        with pytest.raises(PaymentUnderWay):
            town.set(**change)
    assert answer(town.set()) == ("verified", "nothing"), "the same again is no change"
    assert town.people.payee("siti").address == before

    town.world.later(seconds=61)
    assert town.pay() is State.PAID
    town.open(OTHER, "Siti Aminah")
    assert answer(town.set(OTHER)) == ("verified", "nothing")


@pytest.mark.parametrize("hold", Hold)
def test_of_what_is_held_only_what_may_be_alive_stands_in_the_way(town, hold):
    town.set()
    town.faults(settle_ms=60_000)
    if hold in ALIVE:
        town.pay()
    town.world.store.move(town.world.store.get(town.payout), Move(State.HELD, "test", hold), T0)
    if hold in ALIVE:
        with pytest.raises(PaymentUnderWay):
            town.set(OTHER)
    else:
        town.set(OTHER)


def test_a_payment_of_any_kind_stands_in_the_way(town):
    town.set()
    town.faults(settle_ms=60_000)
    with dynamodb.Transaction(REGION) as tx:
        survey = town.world.payouts.entitle(tx, beneficiary("siti"), Kind.SURVEY_2, T0)
    assert town.worker.process(survey, T0) is State.SENDING
    with pytest.raises(PaymentUnderWay):
        town.set(OTHER)


def test_between_two_attempts_the_address_may_be_corrected_and_the_next_one_goes_there(town):
    town.open("1230000", "Siti Aminah")
    town.set("1230000")
    assert town.pay() is State.HELD, "an account that never works"
    town.set()
    town.waited()
    assert town.pay() is State.PAID
    assert town.paid_to() == ["1230000", SITI_S]


def test_who_has_another_persons_account_is_told_so_and_nobody_is_asked(town):
    town.set()
    town.people.register("budi", other_form(7, name="Budi"), T0)
    with pytest.raises(AccountAlreadyUsed):
        town.set(who="budi", holder_name="Budi")
    assert town.fsp.asked == [SITI_S]
