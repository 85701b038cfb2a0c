"""Refused financial addresses reveal little about other people: a few times a day at most."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import DomainError
from chalicelib.payouts.rules import State
from chalicelib.registration.errors import NikAlreadyRegistered, TooManyRefusals
from tests.builders.crashes import Calls
from tests.builders.payouts.states import refused
from tests.builders.payouts.town import OTHER, SITI_S, Town, answer, form
from tests.builders.registration import form as registered
from tests.builders.registration import other_form
from tests.conftest import T0

TOO_MANY = "too_many_refusals refusals_max=5"
MIDNIGHT = T0.replace(hour=17)


@pytest.fixture(autouse=True)
def others(town: Town) -> None:
    """Siti is paid to a wallet, and Citra to a bank account; Budi tries which numbers are somebody's."""
    town.people.register("budi", other_form(7, name="Budi Santoso"), T0)
    town.people.register("citra", other_form(8, name="Citra Dewi"), T0)
    town.people.addresses.set("siti", form("081234567890", code="OVO"), T0)
    town.people.addresses.set("citra", form("5550000001", code="BCA"), T0)


def told(town: Town, number: str, now: datetime = T0, who: str = "budi", **changes: str) -> str:
    """The code of a refusal with its facts; `ok` without one."""
    try:
        town.people.addresses.set(who, form(number, **changes), now)
    except DomainError as error:
        return str(error)
    return "ok"


def guess(town: Town, number: str, name: str, who: str = "budi") -> Any:
    """What a person is shown who gives an account with a name; the code of the refusal if there is one."""
    try:
        return answer(town.set(number, who=who, holder_name=name))
    except DomainError as error:
        return str(error)


def test_whether_a_number_is_taken_is_told_five_times_a_day(town, monkeypatch):
    wallets = [told(town, "081234567890", code=code) for code in ("OVO", "GOPAY", "DANA", "LINKAJA")]
    assert [*wallets, told(town, "5550000001", code="BCA")] == ["account_already_used"] * 5
    calls, made = Calls(monkeypatch), set()
    for number, code in (("081234567890", "OVO"), ("5550000001", "BCA"), ("5559999999", "BCA"), ("081299", "BNI")):
        calls.reset()
        assert told(town, number, code=code) == TOO_MANY, "taken and free are alike"
        made.add(tuple(operation for _, operation in calls.made))
    assert made == {("BatchGetItem", "Decrypt", "GetItem")}, "of Budi's own rows"
    assert town.people.addresses.payee("budi") is None
    assert told(town, "5559999999", MIDNIGHT - timedelta(seconds=1)) == TOO_MANY
    assert told(town, "5559999999", who="citra") == "ok", "another account"
    assert told(town, "5559999999", MIDNIGHT) == "account_already_used", "the next day"
    assert told(town, "5558888888", MIDNIGHT) == "ok"


def test_refused_registrations_and_addresses_have_one_count(town):
    for _ in range(3):
        refused(lambda: town.people.register("thief", registered(phone="081311112222"), T0), NikAlreadyRegistered)
    town.people.register("thief", other_form(9), T0)
    codes = [told(town, "5550000001", who="thief", code="BCA") for _ in range(3)]
    assert codes == ["account_already_used"] * 2 + [TOO_MANY]
    refused(lambda: town.people.register("thief", other_form(9, name="Another Name"), T0), TooManyRefusals)


def test_refusals_that_reveal_nothing_are_not_counted(town):
    for number, code in (("1", "BNI"), ("5550000009", "XYZ"), ("0123456789", "DANA")) * 3:
        assert told(town, number, code=code) != "ok"
    assert [told(town, f"555000{n:04d}") for n in range(7)] == ["ok"] * 7
    assert [told(town, "5550000001", code="BCA") for _ in range(6)] == ["account_already_used"] * 5 + [TOO_MANY]
    assert told(town, "5550000006") == "ok", "the same again"
    assert told(town, "5550000001", who="stranger", code="BCA") == "not_registered"


def test_a_refusal_that_cannot_be_counted_is_withheld(town, monkeypatch):
    monkeypatch.setattr(town.people._store, "count_refusal", lambda *_: False)
    assert told(town, "5550000001", code="BCA") == TOO_MANY


def test_the_holder_of_a_strangers_account_can_be_guessed_five_times_a_day(town):
    town.open(OTHER, "Ani Wijaya")
    names = ["Dewi Lestari", "Eka Putra", "Fajar Nugroho", "Ani Wijaya", "Gita Sari", "Ani Wijaya"]
    told_of = [guess(town, OTHER, name) for name in names]
    wrong = ("unverified", "correct_account_number")
    assert told_of == [wrong, wrong, wrong, ("unverified", "own_account_or_registered_name"), wrong, TOO_MANY]
    assert len(town.fsp.asked) == 5, "the sixth asks the bank nothing"
    assert guess(town, SITI_S, "Siti Aminah") == TOO_MANY
    town.world.later(hours=24)
    town.open(SITI_S, "Budi Santoso")
    assert guess(town, SITI_S, "Budi Santoso") == ("verified", "nothing"), "tomorrow"


def test_guesses_by_the_registered_name_are_counted_too(town):
    """The given name stays the same; the bank's is compared with one registered name after the other."""
    town.open(OTHER, "Ani Wijaya")
    seen = []
    for name in ("Dewi Lestari", "Eka Putra", "Fajar Nugroho", "Ani Wijaya", "Gita Sari"):
        town.people.register("budi", other_form(7, name=name), T0)
        seen.append(guess(town, OTHER, "Nobody")[1])
    assert seen == ["correct_account_number"] * 3 + ["correct_holder_name", "correct_account_number"]
    refused(lambda: town.people.register("budi", other_form(7, name="Ani Wijaya"), T0), TooManyRefusals)


def test_numbers_that_no_bank_knows_are_counted_and_own_accounts_are_not(town):
    for n in range(8):
        town.open(f"77700000{n:02d}", "Budi Santoso")
        assert guess(town, f"77700000{n:02d}", "Budi Santoso") == ("verified", "nothing")
    seen = [guess(town, f"88800000{n:02d}", "Budi Santoso") for n in range(6)]
    assert seen == [("unverified", "correct_account_number")] * 5 + [TOO_MANY]


def test_an_answer_that_cannot_be_counted_is_neither_shown_nor_stored(town, monkeypatch):
    town.open(OTHER, "Ani Wijaya")
    monkeypatch.setattr(town.people._store, "count_refusal", lambda *_: False)
    assert guess(town, OTHER, "Ani Wijaya", who="siti") == ("pending", "wait")
    assert town.check() is None
    assert town.pay() is State.HELD, "the claim asks for itself"


def test_the_same_account_again_gets_the_known_answer_even_over_the_daily_limit(town):
    town.open(OTHER, "Ani Wijaya")
    mistake = ("unverified", "correct_account_number")
    assert [guess(town, OTHER, "Budi Santoso") for _ in range(7)] == [mistake] * 7, "a client that repeats itself"
    town.open(OTHER, "Budi Santoso")
    assert guess(town, OTHER, "Budi Santoso") == ("verified", "nothing"), "the bank has corrected its books"


def test_a_repeat_that_finds_the_account_taken_is_counted(town):
    assert guess(town, SITI_S, "Budi Santoso") == ("unverified", "correct_account_number")
    assert answer(town.set(SITI_S)) == ("verified", "nothing")
    town.open(SITI_S, "Budi Santoso")
    seen = [guess(town, SITI_S, "Budi Santoso") for _ in range(5)]
    assert seen == ["account_already_used"] * 4 + [TOO_MANY], "the first answer counted, too"
