"""Whether a registry's record is that of a registered person."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from chalicelib.civil_registry import rules
from chalicelib.civil_registry.registry import CivilRecord
from chalicelib.config import load_programme
from chalicelib.registration.errors import MalformedName
from chalicelib.registration.rules import PersonalData, Verification
from chalicelib.registration.wire import registrant_name
from tests.builders.people import registrant

FIGURES = load_programme("prod").registry
SITI = registrant("siti")
PERSON = PersonalData("3174095708950001", "3174091203180002", "Siti Aminah", "+6281234567890")
RECORD = CivilRecord("SITI AMINAH", date(1995, 8, 17), "3174091203180002", 31, dead=False, sex="female")
ALL = replace(FIGURES, compared=("name", "birth_date", "kk", "province", "sex"))


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (RECORD, Verification.VERIFIED),
        (replace(RECORD, name="Hj. St. Aminah, S.Pd."), Verification.VERIFIED),
        (replace(RECORD, name="Aminah Siti R."), Verification.VERIFIED),
        (replace(RECORD, name="Siti Aminah Wulandari"), Verification.MISMATCH),
        (replace(RECORD, name="Budi Santoso"), Verification.MISMATCH),
        (replace(RECORD, name="Siti Rahmah"), Verification.MISMATCH),
        (replace(RECORD, birth_date=date(1995, 8, 18)), Verification.MISMATCH),
        (replace(RECORD, kk="3174091203180003"), Verification.MISMATCH),
        (replace(RECORD, province=32), Verification.MISMATCH),
        (replace(RECORD, dead=True), Verification.MISMATCH),
        (None, Verification.UNKNOWN_NIK),
    ],
)
def test_a_record_confirms_exactly_what_agrees_with_it(record: CivilRecord | None, state: Verification):
    assert rules.state_of(SITI, PERSON, record, FIGURES) is state


@pytest.mark.parametrize(("day", "sex"), [("01", "male"), ("31", "male"), ("41", "female"), ("71", "female")])
def test_the_sex_that_is_compared_is_that_of_the_nik(day: str, sex: str):
    nik = f"317409{day}08950001"
    said = {word: rules.state_of(SITI, replace(PERSON, nik=nik), replace(RECORD, sex=word), ALL) for word in _SEXES}
    assert said == {word: Verification.VERIFIED if word == sex else Verification.MISMATCH for word in _SEXES}


_SEXES = ("male", "female")


@pytest.mark.parametrize("given", ["Siti Aminah atau Joko Susilo", "Joko Susilo/Siti Aminah", "Joko or Siti Aminah"])
def test_a_name_of_several_people_confirms_nobody_and_is_not_registered(given: str):
    assert rules.state_of(SITI, replace(PERSON, name=given), RECORD, FIGURES) is Verification.MISMATCH
    with pytest.raises(MalformedName):
        registrant_name("name", given)


@pytest.mark.parametrize("field", ALL.compared)
def test_only_what_is_configured_is_compared_and_what_a_record_lacks_is_named(field: str):
    other = {"name": "Budi", "birth_date": date(1970, 1, 1), "kk": "3174091203180009", "province": 11, "sex": "male"}[
        field
    ]
    record, without = replace(RECORD, **{field: other}), replace(RECORD, **{field: None})
    rest = replace(ALL, compared=tuple(one for one in ALL.compared if one != field))

    assert rules.state_of(SITI, PERSON, record, ALL) is Verification.MISMATCH
    assert rules.state_of(SITI, PERSON, record, rest) is Verification.VERIFIED
    found = [rules.differing(SITI, PERSON, one, ALL) for one in (record, RECORD, replace(record, dead=True), None)]
    assert found == [{field}, set(), set(), set()]
    assert (rules.missing(without, ALL), rules.missing(without, rest)) == ([field], [])
