"""Invented people, each from a number, and what they fill in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from chalicelib.figures.waves import EligibilityRules
from chalicelib.registration.rules import Education, Employment
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm

_HOMES = ("3174", "3273", "3374", "3578", "1271", "7371", "5171", "3671", "6471", "9171")
_FIRST = ("Agus", "Budi", "Citra", "Dewi", "Eko", "Fitri", "Hendra", "Indah", "Joko", "Kartika", "Lestari", "Made")
_LAST = ("Hidayat", "Kurniawan", "Lubis", "Nasution", "Pratama", "Rahayu", "Santoso", "Siregar", "Wijaya")
_EMPLOYMENT = ("jobseeker", "jobseeker", "laid_off", "worker", "entrepreneur")
_BANK, _WALLETS = "BNI", ("OVO", "GOPAY", "DANA", "LINKAJA")


class Person:
    """`number` tells the name and the numbers; the rest is what has happened so far."""

    __slots__ = ("accounts", "alive", "birth_date", "card", "chosen", "family", "id", "joined", "number", "phones")

    def __init__(self, number: int, family: int, birth_date: date) -> None:
        self.number = number
        self.family = family
        self.birth_date = birth_date
        self.id = ""
        self.card = ""
        self.chosen = 0
        """The wave, once there is one."""
        self.alive = True
        self.joined = False
        self.phones = 0
        """How often the number was changed."""
        self.accounts = 0
        """How often an account was given."""

    @property
    def name(self) -> str:
        return f"{_FIRST[self.number % 12]} {_LAST[self.number % 9]}"

    @property
    def region(self) -> int:
        return int(self._home[:2])

    @property
    def _home(self) -> str:
        return _HOMES[self.number % len(_HOMES)]

    @property
    def phone(self) -> str:
        return f"08{12 + self.phones}{self.number:08d}"

    def form(self, rules: EligibilityRules) -> RegistrationForm:
        """What somebody registers with who may take part."""
        may = [each for each in _EMPLOYMENT if each in rules.employment]
        serial, part = self.number % 9_999 + 1, self.number // 9_999
        family, of = self.family % 9_999 + 1, self.family // 9_999
        return RegistrationForm(
            nik=f"{self._home}{part % 30 + 1:02d}{self.birth_date:%d%m%y}{serial:04d}",
            kk=f"{self._home}{of % 30 + 1:02d}010318{family:04d}",
            name=self.name,
            birth_date=self.birth_date,
            phone=self.phone,
            province=self._home[:2],
            regency=self._home,
            education=Education(rules.education[0]) if rules.education else Education.SENIOR_HIGH,
            employment=Employment(may[self.number % len(may)]),
            consent_version="2026-01",
        )

    def account(self, *, wallet: bool, broken: bool) -> FinancialAddressForm:
        """Where they are paid, another one each time. The provider pays nothing into a `broken` one."""
        code = _WALLETS[self.number % 4] if wallet else _BANK
        number = self.phone if wallet else f"{self.accounts + 1}{self.number:09d}{'0000' if broken else '7777'}"
        return FinancialAddressForm(code=code, account_number=number, holder_name=self.name)


def name_of(account_number: str) -> str:
    """Under which name a bank knows an account of `Person.account`."""
    return Person(int(account_number[1:10]), 0, date(2000, 1, 1)).name


def survey_answers(*, unemployed: bool, works: bool, about_programme: bool, happy: int) -> dict[str, Any]:
    """The answers of somebody; `happy` from 0 to 10."""
    answers: dict[str, Any] = {
        "employment_before": "unemployed" if unemployed else "employee",
        "employment_now": "employee" if works else "unemployed",
        "work_kind": "trade" if works else "none",
        "income_bracket": "1m_to_under_2_5m" if works else "none",
    }
    if about_programme:
        uses = ["business_capital"] if happy % 3 == 0 else ["daily_needs"]
        answers |= {"certificate_used": "not_yet", "incentive_use": uses}
        answers |= {"recommendation": happy, "satisfaction": 1 + happy * 4 // 10}
    return answers


def born(dice: Any, today: date) -> date:
    """Of somebody from 19 to 60 years."""
    day: date = today - timedelta(days=dice.randrange(19 * 366, 60 * 365))
    return day


def instant_in(dice: Any, start: datetime, end: datetime) -> datetime:
    """Any second between two."""
    moment: datetime = start + timedelta(seconds=dice.randrange(max(1, int((end - start).total_seconds()))))
    return moment
