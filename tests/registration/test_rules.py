"""Who may take part, and in which order they are refused."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import DomainError
from chalicelib.registration import rules
from chalicelib.registration.errors import ConsentMissing, ExcludedOccupation, InFormalEducation, OverAge, UnderAge
from chalicelib.registration.rules import Employment, Standing

DAY = date(2026, 11, 24)
ADULT = date(1995, 8, 17)


def test_everybody_is_asked_for_one_of_these_and_no_other():
    may = ["jobseeker", "laid_off", "worker", "entrepreneur"]
    excluded = ["state_official", "legislator", "civil_servant", "military", "police", "village_official"]
    assert set(Employment) == {*may, "student", *excluded, "soe_executive"}


@pytest.mark.parametrize("employment", Employment)
def test_those_the_programme_is_for_may_take_part_and_students_and_excluded_occupations_may_not(programme, employment):
    def judged(birth_date: date) -> object:
        try:
            return rules.check_eligible(employment, birth_date, DAY, programme.eligibility)
        except DomainError as error:
            return type(error), error.facts

    expected: object = ExcludedOccupation, {"employment": employment}
    if employment is Employment.STUDENT:
        expected = InFormalEducation, {}
    elif employment in {"jobseeker", "laid_off", "worker", "entrepreneur"}:
        expected = None
    assert judged(ADULT) == expected
    assert expected is None or judged(date(2015, 1, 1)) == expected, "it comes before the age"


@pytest.mark.parametrize(
    ("last_day", "too_late", "refusal", "facts"),
    [
        (date(2008, 11, 24), date(2008, 11, 25), UnderAge, {"age_min": 18}),
        (date(1961, 11, 25), date(1961, 11, 24), OverAge, {"age_max": 64}),
    ],
)
def test_one_may_take_part_from_the_eighteenth_birthday_until_the_day_before_the_sixty_fifth(
    programme, last_day, too_late, refusal, facts
):
    rules.check_eligible(Employment.WORKER, last_day, DAY, programme.eligibility)
    with pytest.raises(refusal) as refused:
        rules.check_eligible(Employment.WORKER, too_late, DAY, programme.eligibility)
    assert refused.value.facts == facts


@pytest.mark.parametrize("version", [None, "", "1999-01"])
def test_consent_to_no_current_text_is_missing(programme, version):
    with pytest.raises(ConsentMissing) as refused:
        rules.check_consent(version, programme.eligibility)
    assert refused.value.facts == {"current": programme.eligibility.consent_versions[-1]}


def test_somebody_born_on_a_leap_day_grows_older_on_the_first_of_march():
    born = date(2008, 2, 29)
    assert rules.age_on(born, date(2026, 2, 28)) == 17
    assert rules.age_on(born, date(2026, 3, 1)) == 18
    assert rules.age_on(born, date(2028, 2, 29)) == 20


@given(st.dates(date(1930, 1, 1), date(2010, 1, 1)), st.dates(date(2020, 1, 1), date(2060, 1, 1)))
def test_an_age_never_falls_and_rises_once_a_year(born, day):
    age = rules.age_on(born, day)
    next_year = date(day.year + 1, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)
    assert rules.age_on(born, next_year) in {age, age + 1}
    assert born.year + age in {day.year, day.year - 1}


def test_standing_never_goes_back():
    for before, after in rules.NEXT.items():
        assert before not in after
        assert all(before not in rules.NEXT[later] for later in after)
    assert rules.NEXT[Standing.REVOKED] == frozenset()


def test_what_names_a_person_has_no_readable_repr():
    person = rules.PersonalData("3174095708950001", "3174091203180002", "Siti Aminah", "+6281234567890")
    address = rules.FinancialAddress("BNI", "0123456789", "Siti Aminah")
    for text in (repr(person), repr(address)):
        assert not any(secret in text for secret in ("3174", "Siti", "+62", "0123456789"))
