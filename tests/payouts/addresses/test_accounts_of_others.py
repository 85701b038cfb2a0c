"""Accounts that belong to somebody else: who is paid to them, and who can keep whom from them."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.payouts.rules import State
from chalicelib.registration.errors import AccountAlreadyUsed
from chalicelib.registration.rules import AddressCheck, Verdict
from tests.builders.payouts.town import OTHER, SITI_S, Town, answer
from tests.builders.registration import other_form
from tests.conftest import T0


@pytest.fixture
def claimed(town: Town) -> Town:
    """Budi has given Siti's account as his, and the bank says that it is not."""
    town.people.register("budi", other_form(7, name="Budi"), T0)
    assert answer(town.set(who="budi", holder_name="Budi")) == ("unverified", "correct_account_number")
    return town


def test_nobody_is_kept_from_their_own_account_by_one_who_cannot_be_paid_to_it(claimed):
    assert answer(claimed.set()) == ("verified", "nothing")
    assert claimed.pay() is State.PAID
    assert claimed.paid_to() == [SITI_S]


def test_who_lost_an_account_that_was_not_theirs_neither_gets_it_back_nor_frees_it(claimed):
    claimed.set()
    claimed.open(SITI_S, "Budi")
    with pytest.raises(AccountAlreadyUsed):
        claimed.set(who="budi", holder_name="Budi")
    with pytest.raises(AccountAlreadyUsed):
        claimed.set(who="budi", holder_name="Budi Santoso")
    claimed.open(OTHER, "Budi")
    assert answer(claimed.set(OTHER, who="budi", holder_name="Budi")) == ("verified", "nothing")
    claimed.people.register("citra", other_form(8, name="Citra"), T0)
    with pytest.raises(AccountAlreadyUsed):
        claimed.set(who="citra", holder_name="Citra")


def test_one_that_nobody_took_is_theirs_once_the_bank_has_corrected_its_books_and_freed_if_given_up(claimed):
    claimed.open(SITI_S, "Budi")
    assert answer(claimed.set(who="budi", holder_name="Budi")) == ("verified", "nothing")
    with pytest.raises(AccountAlreadyUsed):
        claimed.set()
    claimed.open(OTHER, "Siti")
    claimed.set(OTHER, who="budi", holder_name="Budi")
    claimed.open(SITI_S, "Siti Aminah")
    assert answer(claimed.set()) == ("verified", "nothing")


@pytest.mark.parametrize("verdict", [Verdict.MATCHED, Verdict.NOT_OFFERED])
def test_an_account_is_taken_only_while_its_owner_cannot_be_paid_to_it(claimed, monkeypatch, verdict):
    """The bank corrects its books between the reading and the writing of who takes it."""
    store = claimed.people._store
    save = store.save_address

    def corrected_meanwhile(*args: Any) -> None:
        if len(args) == 6:
            monkeypatch.setattr(store, "save_address", save)
            assert claimed.people.keep_check("budi", 1, AddressCheck(verdict, None, T0), again=True)
        save(*args)

    monkeypatch.setattr(store, "save_address", corrected_meanwhile)
    with pytest.raises(AccountAlreadyUsed):
        claimed.set()


def test_a_first_answer_that_comes_after_the_account_was_taken_does_not_make_it_payable(claimed):
    claimed.set()
    assert not claimed.people.keep_check("budi", 1, AddressCheck(Verdict.MATCHED, 100, T0), again=False)
    with pytest.raises(AccountAlreadyUsed):
        claimed.people.keep_check("budi", 1, AddressCheck(Verdict.MATCHED, 100, T0), again=True)


def test_a_strangers_account_is_not_paid_though_the_strangers_name_is_given_with_it(town):
    """The bank's name is compared with the person's own as well: the programme pays to one's own account."""
    town.open(OTHER, "Budi Santoso")
    answered = answer(town.set(OTHER, holder_name="Budi Santoso"))
    assert answered == ("unverified", "own_account_or_registered_name")
    assert town.pay() is State.HELD
    assert town.paid_to() == []
