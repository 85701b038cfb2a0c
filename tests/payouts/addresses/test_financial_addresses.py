"""Financial addresses: inquiries, holds, owners, and changes only while no payment is under way."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from chalicelib.aws import dynamodb
from chalicelib.payouts import service
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.errors import AddressUnchecked
from chalicelib.payouts.providers.provider import Inquiry, InquiryOutcome, Providers
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import ALIVE, Hold, Kind, Move, State
from chalicelib.registration.errors import AccountAlreadyUsed, PaymentUnderWay
from chalicelib.registration.items import Exclusion
from chalicelib.registration.rules import AddressCheck, FinancialAddress, Verdict
from tests.builders.aws.calls import Call, wrap_calls
from tests.builders.payouts.states import refused
from tests.builders.payouts.town import OTHER, SITI_S, Town, answer, form
from tests.builders.payouts.world import API_KEY, AnyCode, beneficiary
from tests.builders.registration import form as registered
from tests.builders.registration import other_form
from tests.conftest import REGION, T0


def test_an_account_in_the_persons_name_is_verified_at_once_and_paid_without_asking_again(town):
    assert answer(town.set(holder_name="Sítì  aminah")) == ("verified", "nothing")
    assert town.check() == AddressCheck(Verdict.MATCHED, 100, T0)
    assert town.pay() is State.PAID
    assert town.fsp.asked == [SITI_S]


def test_who_takes_another_name_is_not_paid_by_what_the_bank_said_of_the_old_one(town):
    town.set()
    address = town.people.addresses
    assert town.check().verdict is Verdict.MATCHED
    town.people.register("siti", registered(name="Budi Santoso"), T0)
    assert town.check() is None
    late = AddressCheck(Verdict.MATCHED, 100, T0)
    assert not address.keep_check("siti", 1, late, again=False), "an answer about the old name, under way meanwhile"
    assert town.pay() is State.HELD
    assert town.world.store.get(town.payout).hold is Hold.UNVERIFIED
    assert (town.check().verdict, town.fsp.asked) == (Verdict.NOT_REGISTERED_NAME, [SITI_S, SITI_S])
    town.people.register("siti", registered(), T0)
    assert town.check().verdict is Verdict.NOT_REGISTERED_NAME, "the account may be another's by now: it is given again"
    assert answer(town.set()) == ("verified", "nothing")


def test_an_address_given_while_the_name_changes_is_checked_under_the_new_name(town, monkeypatch):
    store = town.people.addresses._store
    save = store.save

    def renamed_meanwhile(*args: Any) -> None:
        monkeypatch.setattr(store, "save", save)
        town.people.register("siti", registered(name="Budi Santoso"), T0)
        save(*args)

    monkeypatch.setattr(store, "save", renamed_meanwhile)
    assert answer(town.set()) == ("unverified", "own_account_or_registered_name")


def test_an_account_at_a_bank_no_longer_paid_waits_for_another_account(town, programme):
    town.set()
    codes = {name: code for name, code in programme.payouts.codes.items() if name != "BNI"}
    book = AddressBook(town.people, Providers({town.fsp.rail: town.fsp}, codes), programme.payouts.name_score_min)
    assert book.payee("siti", T0) is Hold.NO_ADDRESS
    town.open(OTHER, "Siti Aminah", "BCA")
    town.set(OTHER, code="BCA")
    town.waited()
    assert book.payee("siti", town.world.now).address.account_number == OTHER


def test_an_account_in_anothers_name_is_not_paid_until_the_person_sets_one_of_their_own(town):
    town.open(OTHER, "Budi Santoso")
    assert answer(town.set(OTHER)) == ("unverified", "correct_account_number")
    assert town.check().verdict is Verdict.ANOTHERS
    assert town.pay() is State.HELD
    assert town.world.store.get(town.payout).hold is Hold.UNVERIFIED
    assert [view.state for view in town.world.payouts.of(beneficiary("siti"))] == ["account_not_verified"]
    assert town.pay() is State.HELD
    assert town.fsp.asked == [OTHER], "a look at a held one asks nobody"

    town.set()
    town.waited()
    town.world.later(seconds=town.world.rules.requeue_after_s * town.world.rules.held_look_factor + 1)
    assert town.world.payouts.sweep(town.world.now) == 1
    assert town.pay() is State.PAID
    assert town.paid_to() == [SITI_S]


def test_of_several_obstacles_the_first_that_the_person_can_remove_is_shown(town):
    excluded = Exclusion(f"X#{town.people.registrant('siti').nik_mac}", "EXCLUDED", lists={"x/1/2026-11-01"})
    excluded.save()
    town.open(OTHER, "Budi Santoso")

    def held() -> Hold | None:
        assert town.pay() is State.HELD
        return town.world.store.get(town.payout).hold

    assert held() is Hold.NO_ADDRESS
    town.set(OTHER)
    assert held() is Hold.UNVERIFIED
    town.set()
    assert held() is Hold.ADDRESS_CHANGED
    town.waited()
    assert held() is Hold.EXCLUDED
    excluded.delete()
    assert town.pay() is State.PAID


def test_a_claim_reads_the_person_once_and_opens_their_key_once(town, monkeypatch):
    town.set()
    calls: list[str] = []

    def seen(original: Call) -> Call:
        def call(client: Any, operation: str, parameters: Any) -> Any:
            tables = [parameters.get("TableName", ""), *parameters.get("RequestItems", {})]
            if operation == "Decrypt" or any("registrations" in table for table in tables):
                calls.append(operation)
            return original(client, operation, parameters)

        return call

    wrap_calls(monkeypatch, seen)
    assert town.pay() is State.PAID
    assert calls == ["BatchGetItem", "Decrypt", "GetItem"]


@pytest.mark.parametrize(
    ("given", "banks", "verdict", "to_do"),
    [
        ("Sity Amynah", "SITI AMINAH", Verdict.MATCHED, "nothing"),
        ("Siti Amirah", "SITI AMINAH", Verdict.MISMATCHED, "correct_holder_name"),
        ("Fatimah", "SITI AMINAH", Verdict.MISMATCHED, "correct_holder_name"),
        # Who typed it exactly as the bank has it cannot help themselves by typing it otherwise.
        ("SITI AMINA WATI", "SITI AMINA WATI", Verdict.NOT_REGISTERED_NAME, "own_account_or_registered_name"),
        ("Budi Santoso", "BUDI SANTOSO", Verdict.NOT_REGISTERED_NAME, "own_account_or_registered_name"),
        ("Siti Aminah", "BUDI SANTOSO", Verdict.ANOTHERS, "correct_account_number"),
    ],
)
def test_the_advice_fits_the_cause(town, given, banks, verdict, to_do):
    town.open(OTHER, banks)
    verified = "verified" if verdict is Verdict.MATCHED else "unverified"
    assert answer(town.set(OTHER, holder_name=given)) == (verified, to_do)
    assert town.check().verdict is verdict
    assert town.pay() is (State.PAID if verdict is Verdict.MATCHED else State.HELD)


def test_a_person_who_follows_the_advice_is_paid(town):
    """The registration is corrected to the name of KTP and bank, and the same account sent again."""
    town.open(OTHER, "SITI AMINATUN")
    assert answer(town.set(OTHER, holder_name="Siti Aminatun")) == ("unverified", "own_account_or_registered_name")
    town.people.register("siti", registered(name="Siti Aminatun"), T0)
    assert answer(town.set(OTHER, holder_name="Siti Aminatun")) == ("verified", "nothing")
    assert town.pay() is State.PAID


def test_an_account_that_the_bank_does_not_know_is_not_paid_and_a_lost_answer_changes_nothing(town):
    assert answer(town.set(OTHER)) == ("unverified", "correct_account_number")
    town.faults(error_before_rate=1.0)
    assert answer(town.set(OTHER)) == ("unverified", "correct_account_number")
    town.faults(error_before_rate=0.0)
    assert town.check() == AddressCheck(Verdict.NOT_FOUND, None, T0)
    assert town.pay() is State.HELD
    assert town.paid_to() == []


def test_a_wallet_without_a_known_holder_is_paid_and_that_is_recorded(town):
    shown = town.set("0812 3456 7890", code="DANA")
    assert answer(shown) == ("unverified", "nothing")
    assert town.check() == AddressCheck(Verdict.NOT_OFFERED, None, T0)
    assert town.pay() is State.HELD, "so it waits, the first one too"
    town.waited()
    assert town.pay() is State.PAID


@pytest.mark.parametrize(
    "fault",
    ["timeout_before_rate", "error_before_rate", "timeout_after_rate", "error_after_rate", "inquiry_pending_rate"],
)
def test_without_an_answer_nothing_is_paid_and_the_message_is_retried(town, fault):
    town.faults(**{fault: 1.0})
    assert answer(town.set()) == ("pending", "wait")
    refused(town.pay, AddressUnchecked)
    assert town.world.state(town.payout) is State.DUE
    message = {"messageId": "m-1", "body": f'{{"v": 1, "entitlement_id": "{town.payout}"}}'}
    assert service.consume([message], town.worker, T0) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}

    town.faults(**{fault: 0.0})
    assert town.pay() is State.PAID
    assert town.check().verdict is Verdict.MATCHED
    assert answer(town.people.me("siti").financial_address) == ("verified", "nothing")


def test_an_inquiry_that_hangs_is_given_up_in_time(town):
    town.faults(timeout_before_rate=1.0, hang_s=30)
    hasty = Xendit(town.world.sandbox.url, 20, lambda: API_KEY, inquiry_timeout_s=0.2)
    book = AddressBook(town.people, AnyCode(hasty), 80)
    assert book.set("siti", form(SITI_S), lambda _: None, T0).check is None


def test_a_changed_address_is_unchecked_again(town, monkeypatch):
    town.set()
    monkeypatch.setattr(town.fsp, "inquire", lambda _: Inquiry(InquiryOutcome.UNKNOWN))
    for change in ({"holder_name": "Siti A."}, {"number": OTHER}, {"code": "BCA"}):
        assert answer(town.set(**change)) == ("pending", "wait"), change


def test_the_same_address_again_asks_again_only_if_it_could_not_be_paid(town):
    town.open(OTHER, "Budi Santoso")
    town.set(OTHER)
    before = town.people.addresses.payee("siti").address
    town.open(OTHER, "Siti Aminah")
    assert answer(town.set(OTHER)) == ("verified", "nothing"), "the bank has corrected its books"
    assert town.people.addresses.payee("siti").address.version == before.version
    town.set(OTHER)
    assert town.fsp.asked == [OTHER, OTHER]


def test_an_answer_about_an_address_changed_meanwhile_is_dropped(town, monkeypatch):
    town.open(OTHER, "Budi Santoso")
    inquire, changes = town.fsp.inquire, [OTHER]

    def changed_meanwhile(address: FinancialAddress) -> Inquiry:
        if changes:
            town.people.addresses.set("siti", form(changes.pop()), T0)
        return inquire(address)

    monkeypatch.setattr(town.fsp, "inquire", changed_meanwhile)
    assert town.book.set("siti", form(SITI_S), lambda _: None, T0).check is None
    assert town.check() is None, "the verdict was about the other account"
    changes.append(SITI_S)
    refused(town.pay, AddressUnchecked)
    town.waited()
    assert town.pay() is State.PAID
    assert town.paid_to() == [SITI_S]


@pytest.mark.parametrize("threshold", [22, 21])
def test_the_programme_sets_the_score_that_is_enough(town, threshold):
    town.open(OTHER, "Siti Aisyah")
    book = AddressBook(town.people, town.providers, threshold)
    check = book.set("siti", form(OTHER), lambda _: None, T0).check
    assert check.score == 21
    assert check.verdict is (Verdict.MATCHED if threshold == 21 else Verdict.ANOTHERS)


def test_the_name_that_the_bank_gave_is_neither_stored_nor_logged(town, cloud, caplog):
    caplog.set_level("INFO")
    town.open(OTHER, "Nyonya Rahasia Sekali")
    town.set(OTHER)
    stored = str(boto3.client("dynamodb", REGION).scan(TableName=cloud.table("registrations"))["Items"])
    logged = str([record.__dict__ for record in caplog.records])
    assert "address_checked" in logged
    for secret in ("RAHASIA", "Rahasia", "Aminah", "AMINAH", OTHER):
        assert secret not in stored
        assert secret not in logged
    assert "RAHASIA" not in repr(Inquiry(InquiryOutcome.FOUND, "NYONYA RAHASIA"))


@pytest.fixture
def claimed(town: Town) -> Town:
    """Budi has given Siti's account as his, and the bank says that it is not."""
    town.people.register("budi", other_form(7, name="Budi"), T0)
    assert answer(town.set(who="budi", holder_name="Budi")) == ("unverified", "correct_account_number")
    return town


def test_an_owner_can_take_an_account_from_a_person_who_cannot_be_paid_to_it(claimed):
    assert answer(claimed.set()) == ("verified", "nothing")
    assert claimed.pay() is State.PAID
    assert claimed.paid_to() == [SITI_S]


def test_a_person_who_lost_anothers_account_neither_gets_it_back_nor_frees_it(claimed):
    claimed.set()
    claimed.open(SITI_S, "Budi")
    refused(lambda: claimed.set(who="budi", holder_name="Budi"), AccountAlreadyUsed)
    refused(lambda: claimed.set(who="budi", holder_name="Budi Santoso"), AccountAlreadyUsed)
    claimed.open(OTHER, "Budi")
    assert answer(claimed.set(OTHER, who="budi", holder_name="Budi")) == ("verified", "nothing")
    claimed.people.register("citra", other_form(8, name="Citra"), T0)
    refused(lambda: claimed.set(who="citra", holder_name="Citra"), AccountAlreadyUsed)


def test_an_untaken_account_is_theirs_once_the_bank_corrects_the_name(claimed):
    claimed.open(SITI_S, "Budi")
    assert answer(claimed.set(who="budi", holder_name="Budi")) == ("verified", "nothing")
    refused(claimed.set, AccountAlreadyUsed)
    claimed.open(OTHER, "Siti")
    claimed.set(OTHER, who="budi", holder_name="Budi")
    claimed.open(SITI_S, "Siti Aminah")
    assert answer(claimed.set()) == ("verified", "nothing")


@pytest.mark.parametrize("verdict", [Verdict.MATCHED, Verdict.NOT_OFFERED])
def test_an_account_is_taken_only_while_its_owner_cannot_be_paid_to_it(claimed, monkeypatch, verdict):
    """The bank corrects its books between the reading and the writing of who takes it."""
    store = claimed.people.addresses._store
    save = store.save

    def corrected_meanwhile(*args: Any) -> None:
        if len(args) == 6:
            monkeypatch.setattr(store, "save", save)
            assert claimed.people.addresses.keep_check("budi", 1, AddressCheck(verdict, None, T0), again=True)
        save(*args)

    monkeypatch.setattr(store, "save", corrected_meanwhile)
    refused(claimed.set, AccountAlreadyUsed)


def test_a_first_answer_that_comes_after_the_account_was_taken_does_not_make_it_payable(claimed):
    claimed.set()
    assert not claimed.people.addresses.keep_check("budi", 1, AddressCheck(Verdict.MATCHED, 100, T0), again=False)
    with pytest.raises(AccountAlreadyUsed):
        claimed.people.addresses.keep_check("budi", 1, AddressCheck(Verdict.MATCHED, 100, T0), again=True)


def test_a_strangers_account_is_not_paid_though_the_strangers_name_is_given_with_it(town):
    """The bank's name is compared with the person's own as well: the programme pays to one's own account."""
    town.open(OTHER, "Budi Santoso")
    answered = answer(town.set(OTHER, holder_name="Budi Santoso"))
    assert answered == ("unverified", "own_account_or_registered_name")
    assert town.pay() is State.HELD
    assert town.paid_to() == []


def test_an_address_stays_while_a_payment_to_it_may_be_under_way(town):
    town.set()
    town.faults(settle_ms=60_000)
    assert town.pay() is State.SENDING
    before = town.people.addresses.payee("siti").address
    for change in ({"number": OTHER}, {"holder_name": "Siti A."}):
        with pytest.raises(PaymentUnderWay):
            town.set(**change)
    assert answer(town.set()) == ("verified", "nothing"), "the same again is no change"
    assert town.people.addresses.payee("siti").address == before

    town.world.later(seconds=61)
    assert town.pay() is State.PAID
    town.open(OTHER, "Siti Aminah")
    assert answer(town.set(OTHER)) == ("verified", "nothing")


@pytest.mark.parametrize("hold", Hold)
def test_only_holds_with_a_possible_live_payment_block_a_change(town, hold):
    town.set()
    town.faults(settle_ms=60_000)
    if hold in ALIVE:
        town.pay()
    town.world.store.move(town.world.store.get(town.payout), Move(State.HELD, "test", hold), T0)
    if hold in ALIVE:
        refused(lambda: town.set(OTHER), PaymentUnderWay)
    else:
        town.set(OTHER)


def test_a_payment_of_any_kind_blocks_a_change(town):
    town.set()
    town.faults(settle_ms=60_000)
    with dynamodb.Transaction(REGION) as tx:
        survey = town.world.payouts.entitle(tx, beneficiary("siti"), Kind.SURVEY_2, T0)
    assert town.worker.process(survey, T0) is State.SENDING
    refused(lambda: town.set(OTHER), PaymentUnderWay)


def test_between_two_attempts_the_address_may_be_corrected_and_the_next_one_goes_there(town):
    town.open("1230000", "Siti Aminah")
    town.set("1230000")
    assert town.pay() is State.HELD, "an account that never works"
    town.set()
    town.waited()
    assert town.pay() is State.PAID
    assert town.paid_to() == ["1230000", SITI_S]


def test_a_taken_account_is_refused_without_asking_the_provider(town):
    town.set()
    town.people.register("budi", other_form(7, name="Budi"), T0)
    refused(lambda: town.set(who="budi", holder_name="Budi"), AccountAlreadyUsed)
    assert town.fsp.asked == [SITI_S]
