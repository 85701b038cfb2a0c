"""Phone and account numbers come into one form, or are refused."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.registration import identity
from chalicelib.registration.errors import MalformedAccountNumber, MalformedPhone

PREFIXES = ("811", "812", "813", "821", "831", "852", "859", "877", "881", "895", "898")


@pytest.mark.parametrize(
    "written",
    [
        *("081234567890", "+6281234567890", "6281234567890", "+62 812-3456-7890", "(0812) 3456.7890", "0812 3456 7890"),
        *("006281234567890", "81234567890", "+62 (0)812 3456 7890", "62 0812 3456 7890", "(+62) 812 3456 7890"),
        *("0812\u00a03456\u202f7890", "0812\u20113456\u20137890", "\u202a+62 812-3456-7890\u202c"),
        *("0812\u200b34567890", "\ufeff081234567890\n", "０８１２３４５６７８９０", "٠٨١٢٣٤٥٦٧٨٩٠", "०८१२३४५६७८९०"),
        *("tel:+62-812-3456-7890", "+62\ufe0d-812-3456-7890\ufffc", "\u2068081234567890\u2069"),
        *("\u2066081234567890\u2069", "+62\u2212812\u20143456\u00ad7890"),
    ],
)
def test_every_way_of_writing_a_number_is_the_same_number(written):
    assert identity.parse_phone(written) == "+6281234567890"


@given(st.sampled_from(PREFIXES), st.integers(0, 99_999_999))
def test_every_mobile_number_is_accepted_and_normalising_is_done_once(prefix, rest):
    number = identity.parse_phone(f"0{prefix}{rest:08d}")
    assert number == f"+62{prefix}{rest:08d}"
    assert identity.parse_phone(number) == number


@given(st.text(max_size=40))
def test_any_other_text_is_refused_and_nothing_else_happens(text):
    try:
        number = identity.parse_phone(text)
    except MalformedPhone:
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))


@pytest.mark.parametrize(
    "text",
    [
        *("", "62", "0812-345", "(021) 555-1234", "+6591234567", "+12025550123", "0812-FLOWERS", "62021555123"),
        *("081234567890 ext. 5", "081234567890 081234567891", "081234567890/081234567891", "08123456789012345"),
        *("O81234567890", "+62" + "8" * 400),
    ],
)
def test_a_number_that_is_no_indonesian_mobile_number_is_refused(text):
    with pytest.raises(MalformedPhone):
        identity.parse_phone(text)


@pytest.mark.parametrize("written", ["0811812345", "62811812345", "+62811812345", "811812345", "0062811812345"])
def test_a_number_that_begins_as_the_country_code_is_read_with_it_and_without(written):
    assert identity.parse_phone(written) == "+62811812345"


def test_a_bank_account_has_six_to_twenty_digits_in_any_groups():
    for number in ("1234-01-012345-50-1", "1234 01\u00a0012345 50 1", "1234.01.012345.50.1\u200b"):
        assert identity.parse_account_number("bank", number) == "123401012345501"
    for number in ("123456", "0123456789", "1" * 20):
        assert identity.parse_account_number("bank", number) == number


@pytest.mark.parametrize("number", ["", "12345", "1" * 21, "12345678x", "1.2-3 4", "123456 BCA", "12e45678"])
def test_another_bank_account_is_refused(number):
    with pytest.raises(MalformedAccountNumber) as refused:
        identity.parse_account_number("bank", number)
    assert refused.value.facts == {"kind": "bank"}


def test_a_wallet_is_a_mobile_number():
    assert identity.parse_account_number("wallet", "0812 3456 7890") == "+6281234567890"
    with pytest.raises(MalformedAccountNumber) as refused:
        identity.parse_account_number("wallet", "0123456789")
    assert refused.value.facts == {"kind": "wallet"}
