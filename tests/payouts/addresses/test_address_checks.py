"""Questions about an account: what is asked, shown and stored in each case."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.errors import AddressUnchecked
from chalicelib.payouts.providers.provider import Inquiry, InquiryOutcome, Providers
from chalicelib.payouts.rules import Hold
from chalicelib.registration.errors import Excluded
from chalicelib.registration.rules import AddressCheck, FinancialAddress, Payee, Verdict
from tests.builders.payouts.states import refused
from tests.conftest import T0

GIVEN = FinancialAddress("BNI", "0123456789", "Siti Aminah", version=7, owner_name="Siti Aminah Lubis Harahap")
BEFORE = AddressCheck(Verdict.NOT_FOUND, None, T0 - timedelta(days=1))
MATCHED = AddressCheck(Verdict.MATCHED, 80, T0)
FORM: Any = "the form"


class Rig:
    """Registrations of one person, and a bank; `calls` are the writes, `asked` what the bank was asked about."""

    def __init__(self, programme: Programme) -> None:
        self.address: FinancialAddress | None = GIVEN
        self.disputed = self.excluded = self.contested = False
        self.countable = self.current = True
        self.answer = Inquiry(InquiryOutcome.FOUND, "SITI AMINAH LUBIS")
        self.calls: list[tuple] = []
        self.asked: list[FinancialAddress] = []
        people: Any = self
        bank: Any = self
        self.addresses = self.refusals = self
        codes = {"BNI": programme.payouts.codes["BNI"]}
        self.book = AddressBook(people, Providers({codes["BNI"].rail: bank}, codes), 80)

    def set(self, *arguments: Any, young: bool) -> FinancialAddress | None:
        self.calls.append(("set", *arguments, young))
        return self.address

    def payee(self, who: Any) -> Payee | None:
        return Payee(who, self.address, bytes, self.disputed, self.contested) if self.address else None

    def is_confirmed(self, registrant: Any) -> bool:
        return bool(registrant)

    def check_not_excluded(self, registrant: Any) -> None:
        assert registrant == "siti"
        if self.excluded:
            raise Excluded()

    def count(self, who: str, now: datetime) -> bool:
        self.calls.append(("count", who, now))
        return self.countable

    def keep_check(self, who: str, version: int, check: AddressCheck, *, again: bool, named: int | None = None) -> bool:
        self.calls.append(("keep", who, version, check, again))
        return self.current

    def inquire(self, address: FinancialAddress) -> Inquiry:
        self.asked.append(address)
        return self.answer


@pytest.fixture
def rig(programme: Programme) -> Rig:
    return Rig(programme)


def set_(rig: Rig) -> AddressCheck | None:
    """What is known of an address after it was set; all that was given goes into the one write."""
    rig.calls.clear()
    check = rig.book.set("siti", FORM, tuple, T0, bool).check
    assert rig.calls.pop(0) == ("set", "siti", FORM, T0, tuple, bool, False)
    return check


FOUND, NOT_FOUND, NOT_OFFERED = InquiryOutcome.FOUND, InquiryOutcome.NOT_FOUND, InquiryOutcome.NOT_OFFERED


@pytest.mark.parametrize(
    ("answer", "verdict", "score"),
    [
        (Inquiry(FOUND, "SITI AMINAH LUBIS"), Verdict.MATCHED, 80),
        (Inquiry(FOUND, "SITI AMINAH LUBIS HARAHAP"), Verdict.MISMATCHED, 62),
        (Inquiry(FOUND, "SITI AMINAH"), Verdict.NOT_REGISTERED_NAME, 62),
        (Inquiry(FOUND, "BUDI"), Verdict.ANOTHERS, 0),
        (Inquiry(NOT_FOUND), Verdict.NOT_FOUND, None),
        (Inquiry(NOT_OFFERED), Verdict.NOT_OFFERED, None),
    ],
)
def test_each_answer_about_an_account_is_stored_and_counted_if_it_reveals_another_persons(
    rig, caplog, answer, verdict, score
):
    caplog.set_level(logging.INFO)
    rig.answer = answer
    check = AddressCheck(verdict, score, T0)
    kept = ("keep", "siti", 7, check, False)
    payable = verdict in {Verdict.MATCHED, Verdict.NOT_OFFERED}
    assert set_(rig) == check
    assert rig.calls == ([kept] if payable else [("count", "siti", T0), kept])
    assert [(each.message, each.verdict, each.score) for each in caplog.records] == [
        ("address_checked", verdict.value, score)
    ]
    rig.address = replace(GIVEN, check=BEFORE)
    assert set_(rig) == check
    assert rig.calls[-1] == ("keep", "siti", 7, check, True), "asked again"
    rig.countable = False
    assert set_(rig) == (check if payable else BEFORE)
    assert len(rig.calls) == 1, "what cannot be counted is not kept"
    assert rig.asked == [GIVEN, rig.address, rig.address]
    rig.current, rig.countable = False, True
    assert set_(rig) == BEFORE, "it was changed meanwhile"


def test_an_unpayable_account_is_asked_about_again_and_without_an_answer_nothing_changes(rig):
    rig.address = replace(GIVEN, check=MATCHED)
    assert set_(rig) == MATCHED
    assert rig.asked == []
    rig.answer = Inquiry(InquiryOutcome.UNKNOWN)
    for before in (BEFORE, None):
        rig.address = replace(GIVEN, check=before)
        assert set_(rig) == before
    assert rig.calls == []


def test_a_claim_stops_at_the_first_obstacle_and_asks_only_about_unchecked_accounts(rig):
    moment = timedelta(seconds=1)
    places = [
        (None, Hold.NO_ADDRESS),
        (replace(GIVEN, code="XYZ"), Hold.NO_ADDRESS),
        (replace(GIVEN, check=BEFORE, untold=True, pay_from=T0 + moment), Hold.DISPUTED),
        (replace(GIVEN, check=BEFORE, untold=True, pay_from=T0 + moment), Hold.CONTESTED),
        (replace(GIVEN, check=BEFORE, untold=True, pay_from=T0 + moment), Hold.UNVERIFIED),
        (replace(GIVEN, check=MATCHED, untold=True, pay_from=T0 + moment), Hold.UNTOLD),
        (replace(GIVEN, check=MATCHED, pay_from=T0 + moment), Hold.ADDRESS_CHANGED),
        (replace(GIVEN, check=MATCHED, pay_from=T0), Hold.EXCLUDED),
    ]
    rig.excluded = True
    for rig.address, hold in places:
        rig.disputed = hold in {Hold.NO_ADDRESS, Hold.DISPUTED}
        rig.contested = hold in {Hold.NO_ADDRESS, Hold.DISPUTED, Hold.CONTESTED}
        assert rig.book.payee("siti", T0) is hold
    rig.excluded = False
    assert rig.book.payee("siti", T0).address == rig.address
    assert (rig.calls, rig.asked) == ([], [])


def test_a_question_during_a_claim_counts_against_no_limit(rig):
    assert rig.book.payee("siti", T0).address == GIVEN
    kept = ("keep", "siti", 7, MATCHED, False)
    rig.current = False
    refused(lambda: rig.book.payee("siti", T0), AddressUnchecked)
    rig.answer, rig.current, rig.countable = Inquiry(NOT_FOUND), True, False
    assert rig.book.payee("siti", T0) is Hold.UNVERIFIED
    assert rig.calls == [kept, kept, ("keep", "siti", 7, AddressCheck(Verdict.NOT_FOUND, None, T0), False)]
    rig.answer = Inquiry(InquiryOutcome.UNKNOWN)
    refused(lambda: rig.book.payee("siti", T0), AddressUnchecked)
