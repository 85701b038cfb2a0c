"""Who may take part, the order of refusals, and screening many people with the same result as one by one."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pynamodb.exceptions import GetError

from chalicelib.aws import dynamodb
from chalicelib.errors import DomainError
from chalicelib.figures.waves import Waiting
from chalicelib.registration import rules
from chalicelib.registration.errors import (
    ConsentMissing,
    EducationNotAccepted,
    Excluded,
    ExcludedOccupation,
    InFormalEducation,
    NotRegistered,
    OverAge,
    UnderAge,
)
from chalicelib.registration.exclusions.rows import exclude
from chalicelib.registration.fitness import Unfit
from chalicelib.registration.items import Profile, person_pk
from chalicelib.registration.rules import Education, Employment, Standing, Verification
from chalicelib.waves.errors import AlreadyBeneficiary
from chalicelib.waves.rules import check_may_join
from tests.builders.aws.calls import wrap_calls
from tests.builders.people import chosen_in
from tests.builders.registration import other_form
from tests.conftest import T0

DAY = date(2026, 11, 24)
ADULT = date(1995, 8, 17)


def test_employment_is_exactly_one_of_these():
    may = ["jobseeker", "laid_off", "worker", "entrepreneur"]
    excluded = ["state_official", "legislator", "civil_servant", "military", "police", "village_official"]
    assert set(Employment) == {*may, "student", *excluded, "soe_executive"}


@pytest.mark.parametrize("employment", Employment)
def test_job_seekers_and_workers_may_take_part_but_students_and_excluded_occupations_may_not(programme, employment):
    def judged(birth_date: date) -> object:
        try:
            return rules.check_eligible(employment, Education.NONE, birth_date, DAY, programme.eligibility)
        except DomainError as error:
            return type(error), error.facts

    expected: object = ExcludedOccupation, {"employment": employment}
    if employment is Employment.STUDENT:
        expected = InFormalEducation, {}
    elif employment in {"jobseeker", "laid_off", "worker", "entrepreneur"}:
        expected = None
    assert judged(ADULT) == expected
    assert expected is None or judged(date(2015, 1, 1)) == expected, "it comes before the age"


def test_a_programme_says_with_which_employment_one_may_take_part(programme):
    pupils = replace(programme.eligibility, age_min=17, employment=("student", "jobseeker"))
    seventeen = date(DAY.year - 17, DAY.month, DAY.day)
    rules.check_eligible(Employment.STUDENT, Education.NONE, seventeen, DAY, pupils)
    with pytest.raises(ExcludedOccupation):
        rules.check_eligible(Employment.WORKER, Education.NONE, ADULT, DAY, pupils)


def test_a_programme_says_with_which_education_one_may_take_part(programme):
    graduates = replace(programme.eligibility, education=("diploma", "bachelor"))
    young = date(DAY.year - 17, DAY.month, DAY.day)
    for education in Education:
        if education in {"diploma", "bachelor"}:
            rules.check_eligible(Employment.WORKER, education, ADULT, DAY, graduates)
            continue
        with pytest.raises(EducationNotAccepted) as refused:
            rules.check_eligible(Employment.WORKER, education, young, DAY, graduates)
        assert refused.value.facts == {"education": education, "accepted": ["diploma", "bachelor"]}


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
    rules.check_eligible(Employment.WORKER, Education.NONE, last_day, DAY, programme.eligibility)
    with pytest.raises(refusal) as refused:
        rules.check_eligible(Employment.WORKER, Education.NONE, too_late, DAY, programme.eligibility)
    assert refused.value.facts == facts


@pytest.mark.parametrize("version", [None, "", "1999-01"])
def test_consent_to_an_old_text_counts_as_missing(programme, version):
    with pytest.raises(ConsentMissing) as refused:
        rules.check_consent(version, programme.eligibility)
    versions = programme.eligibility.consent_versions
    assert refused.value.facts == {"current": versions[-1], "allowed": list(versions)}


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


def test_personal_data_has_no_readable_repr():
    person = rules.PersonalData("3174095708950001", "3174091203180002", "Siti Aminah", "+6281234567890")
    address = rules.FinancialAddress("BNI", "0123456789", "Siti Aminah")
    for text in (repr(person), repr(address)):
        assert not any(secret in text for secret in ("3174", "Siti", "+62", "0123456789"))


CLOSING_DAY = date(2026, 11, 30)


@pytest.fixture
def people(cloud, service):
    """Eight people, each with another fate by now."""
    names = ["fit", "police", "student", "young", "old", "excluded", "chosen", "revoked"]
    for number, name in enumerate(names, 1):
        service.register(name, other_form(number), T0)

    def change(name: str, **values: object) -> None:
        item = Profile(person_pk(name), "PROFILE")
        item.update([getattr(Profile, attribute).set(value) for attribute, value in values.items()])

    change("police", employment=Employment.POLICE)
    change("student", employment=Employment.STUDENT)
    change("young", birth_date=date(2008, 12, 1))
    change("old", birth_date=date(1961, 11, 30))
    exclude(service.registrant("excluded").nik_mac, "police/2026-11/2026-11-01")
    exclude(service.registrant("police").nik_mac, "police/2026-11/2026-11-01")
    service.set_standing("chosen", Standing.BENEFICIARY, chosen_in(144))
    service.set_standing("revoked", Standing.REVOKED)
    return service


def test_each_ineligible_person_is_shown_the_reason_of_their_refusal(people):
    expected = {
        "police": ExcludedOccupation,
        "student": InFormalEducation,
        "young": UnderAge,
        "old": OverAge,
        "excluded": Excluded,
        "chosen": Standing.BENEFICIARY,
        "revoked": Standing.REVOKED,
        "nobody": NotRegistered,
    }
    assert people.unfit([*expected, "fit"], CLOSING_DAY, "2023") == expected
    assert people.unfit(["young", "old"], date(2026, 12, 1), "2023") == {"old": OverAge}, "the day given counts"
    assert people.unfit(["young", "old"], date(2026, 11, 29), "2023") == {"young": UnderAge}
    people.check_still_eligible(people.registrant("fit"), CLOSING_DAY)
    for name in ("police", "student", "young", "old", "excluded"):
        with pytest.raises(DomainError) as caught:
            people.check_still_eligible(people.registrant(name), CLOSING_DAY)
        assert type(caught.value) is expected[name]


@pytest.mark.parametrize(
    ("once", "day", "scheme", "may"),
    [
        ("lifetime", date(2099, 1, 1), "2027", False),
        ("scheme", date(2026, 1, 31), "2027", False),
        ("scheme", date(2026, 2, 1), "2027", True),
        ("scheme", date(2026, 2, 1), "2023", False),
        (Waiting(days=300), date(2026, 11, 26), "2023", False),
        (Waiting(days=300), date(2026, 11, 27), "2023", True),
    ],
)
def test_who_was_chosen_on_31_january_may_be_chosen_again_as_the_programme_says(people, once, day, scheme, may):
    people._eligibility = replace(people._eligibility, once=once)
    people.set_standing("fit", Standing.BENEFICIARY, chosen_in(144))
    expected = {"revoked": Standing.REVOKED} | ({} if may else {"fit": Standing.BENEFICIARY})
    assert people.unfit(["fit", "revoked"], day, scheme) == expected
    person, applicant = people.registrant("fit"), people.applicant("fit")
    assert (applicant.chosen_on, applicant.ended_on) == (date(2026, 1, 31), date(2026, 2, 1))
    for one in (person, applicant):
        with nullcontext() if may else pytest.raises(AlreadyBeneficiary):
            check_may_join(one, scheme, day, people._eligibility)


def test_what_the_registry_said_counts_from_when_the_person_was_told(people):
    for name, state in [("fit", Verification.MISMATCH), ("excluded", Verification.UNKNOWN_NIK)]:
        said = [Profile.verification.set(state), Profile.verified_at.set(T0)]
        Profile(person_pk(name), "PROFILE").update(said)

    def unfit(told_by: datetime | None) -> dict[str, Unfit]:
        return people.unfit(["fit", "excluded"], CLOSING_DAY, "2023", told_by)

    assert unfit(None) == unfit(T0 - timedelta(microseconds=1)) == {"excluded": Excluded}
    assert unfit(T0) == {"fit": Verification.MISMATCH, "excluded": Verification.UNKNOWN_NIK}


def test_screening_makes_two_calls_and_reads_only_what_it_needs(people, monkeypatch):
    made: list[tuple[str, Any]] = []

    def watched(original):
        def call(client, operation, parameters):
            made.append((operation, parameters["RequestItems"]))
            return original(client, operation, parameters)

        return call

    wrap_calls(monkeypatch, watched)
    people.unfit(["fit", "excluded", "police"], CLOSING_DAY, "2023")
    assert [operation for operation, _ in made] == ["BatchGetItem", "BatchGetItem"]
    [profiles], [exclusions] = (asked.values() for _, asked in made)
    assert profiles["ProjectionExpression"] == (
        "pk,employment,education,birth_date,nik_mac,standing,chosen_on,ended_on,schemes,consent_withdrawn_at,"
        "verification,verified_at,claimed_at"
    )
    assert (len(profiles["Keys"]), len(exclusions["Keys"])) == (3, 2)
    assert profiles["ConsistentRead"] is exclusions["ConsistentRead"] is True
    made.clear()
    assert people.unfit(["nobody"], CLOSING_DAY, "2023") == {"nobody": NotRegistered}
    assert len(made) == 1


def test_an_unreadable_registration_is_not_taken_for_withdrawn(people, monkeypatch):
    from botocore.exceptions import ReadTimeoutError

    def broken(*_: Any) -> Any:
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(dynamodb, "call", broken)
    with pytest.raises(GetError):
        people.unfit(["fit"], CLOSING_DAY, "2023")
