"""The demo's people checked by the rules of registration, and its forged tokens by the real verifier."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.tokens.tokens import Tokens
from chalicelib.config import Programme, load_programme
from chalicelib.errors import DomainError, UnknownField
from chalicelib.registration import identity, rules
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm, personal_data
from chalicelib.waves.calendar import Calendar
from chalicelib.web import decoding
from local.demo import api, rights
from local.demo.people import FAMILY_SIZE, Part, Person, Way, newcomers, people
from tests.builders.accounts.accounts import process
from tests.conftest import T0, every_error

DAYS = [date(2026, 11, 24), date(2028, 2, 29), date(2027, 3, 1)]
TODAY = DAYS[0]
FAILS = "0000"


@pytest.fixture(scope="module")
def crowd(programme: Programme) -> list[Person]:
    return people(7, 240, TODAY, programme, FAILS)


def judge(person: Person, day: date, programme: Programme) -> str:
    """The code by which the rules refuse a form, or an empty text."""
    try:
        form: RegistrationForm = decoding.body(msgspec.json.encode(person.form), RegistrationForm)
        personal_data(form)
        identity.parse_region(form.province, form.regency)
        rules.check_eligible(form.employment, form.education, form.birth_date, day, programme.eligibility)
        rules.check_consent(form.consent_version, programme.eligibility)
    except DomainError as error:
        return error.code
    return ""


def registering(crowd: list[Person]) -> list[Person]:
    return [person for person in crowd if person.refusal is None]


def test_the_same_seed_gives_the_same_people_as_many_as_are_asked_for(
    programme: Programme, crowd: list[Person]
) -> None:
    assert people(7, 240, TODAY, programme, FAILS) == crowd
    assert people(8, 240, TODAY, programme, FAILS) != crowd
    assert len(crowd) == 240
    assert 20 <= len(crowd) - len(registering(crowd)) <= 40
    with pytest.raises(ValueError, match="people are needed"):
        people(1, 30, TODAY, programme, FAILS)


def test_women_and_men_of_every_age_take_part_from_all_38_provinces(crowd: list[Person]) -> None:
    forms = [person.form for person in registering(crowd)]
    assert len({form["province"] for form in forms}) == 38
    first_registered_elsewhere = sum(form["nik"][:2] != form["province"] for form in forms)
    assert 10 < first_registered_elsewhere < 100
    days = [int(form["nik"][6:8]) for form in forms]
    assert sum(day > 40 for day in days) > 80 < sum(day < 40 for day in days)
    years = {int(form["birth_date"][:4]) for form in forms}
    assert min(years) < 1965
    assert max(years) > 2005


def test_every_part_has_several_people_and_every_refusal_happens(crowd: list[Person]) -> None:
    parts = Counter(person.part for person in registering(crowd))
    assert set(parts) == set(Part)
    assert min(parts.values()) >= 5
    assert {person.refusal.way for person in crowd if person.refusal} == set(Way)


@pytest.mark.parametrize("today", DAYS)
def test_everyone_who_should_register_meets_all_rules_until_the_close(programme: Programme, today: date) -> None:
    for person in registering(people(3, 400, today, programme, FAILS)):
        assert judge(person, today, programme) == ""
        assert judge(person, today + timedelta(days=3), programme) == ""


def test_niks_have_regions_in_force_and_agree_with_birth_dates(crowd: list[Person]) -> None:
    for person in registering(crowd):
        born = date.fromisoformat(person.form["birth_date"])
        assert identity.warnings(person.form["nik"], person.form["kk"], born, TODAY) == ()


def test_no_two_who_register_share_a_nik_a_phone_an_account_or_an_email(crowd: list[Person]) -> None:
    good = registering(crowd)
    assert len({person.form["nik"] for person in good}) == len(good)
    assert len({identity.parse_phone(person.form["phone"]) for person in good}) == len(good)
    assert len({(person.address["code"], person.address["account_number"]) for person in good}) == len(good)
    assert len({person.email for person in crowd}) == len(crowd)


def test_addresses_are_accepted_and_use_every_code(programme: Programme, crowd: list[Person]) -> None:
    codes = programme.payouts.kinds
    for person in crowd:
        form = msgspec.convert(dict(person.address), FinancialAddressForm)
        identity.parse_account_number(codes[form.code], form.account_number)
    assert {person.address["code"] for person in crowd} == set(codes)


def test_some_accounts_fail_but_none_of_people_who_forget_their_address(crowd: list[Person]) -> None:
    failing = [person for person in registering(crowd) if person.address["account_number"].endswith(FAILS)]
    assert 5 <= len(failing) <= 30
    forgetful = [person for person in registering(crowd) if person.joins and person.forgets_address]
    assert 8 <= len(forgetful) <= 20
    assert not [person for person in forgetful if person in failing]


def test_big_families_share_a_card_and_all_of_them_join(crowd: list[Person]) -> None:
    cards = Counter(person.form["kk"] for person in registering(crowd) if person.joins)
    families = [card for card, members in cards.items() if members == FAMILY_SIZE]
    assert len(families) >= 5
    assert set(cards.values()) == {1, FAMILY_SIZE}


def test_the_refusals_are_those_of_the_table_and_cover_registration(crowd: list[Person]) -> None:
    table = {error.code: error.status for error in every_error()}
    met = {person.refusal.code: person.refusal.status for person in crowd if person.refusal}
    by_the_gateway = {""}
    assert {code: table[code] for code in met if code not in by_the_gateway} == {
        code: status for code, status in met.items() if code not in by_the_gateway
    }
    assert {
        "malformed_nik", "malformed_kk", "malformed_phone", "under_age", "over_age", "in_formal_education",
        "excluded_occupation", "nik_already_registered", "phone_already_used", "consent_missing", UnknownField.code,
        "unknown_region", "wrong_code", "code_used", "session_expired", "body_too_large", "",
    } == set(met)  # fmt: skip


def test_a_wave_may_be_added_to_the_local_stage_at_any_hour() -> None:
    calendar = Calendar(load_programme("local").calendar)
    a_month = [datetime(2026, 11, 24, tzinfo=UTC) + timedelta(hours=hour) for hour in range(24 * 31)]
    assert not [instant for instant in a_month if calendar.current(instant) or calendar.previous(instant)]
    assert calendar.next(a_month[-1]).opens_at > a_month[-1] + timedelta(days=10_000)


ISSUER = "https://api.example"
WAYS = [Way.FORGED, Way.UNSIGNED, Way.OTHER_ISSUER, Way.OTHER_AUDIENCE, Way.PUBLIC_KEY]


class Deployment:
    """Issues tokens, and judges them."""

    def __init__(self) -> None:
        self._keys = process()
        self.tokens = Tokens(self._keys, ISSUER)

    def keys(self) -> dict[str, Any]:
        """What it publishes."""
        return {"keys": [{**key.public_jwk, "kid": key.kid} for key in self._keys.published(T0)]}


@pytest.fixture(scope="module")
def ours() -> Deployment:
    return Deployment()


@pytest.fixture(scope="module")
def own(ours: Deployment) -> str:
    """A token that the stranger was given."""
    return ours.tokens.issue("person-1", "session-1", "thumbprint", T0, 300)


def test_the_stranger_s_own_token_is_accepted(ours: Deployment, own: str) -> None:
    assert ours.tokens.verify(api.spoiled(Way.FORM, own, ours.keys), T0).sub == "person-1"


@pytest.mark.parametrize("way", WAYS)
def test_every_forged_token_is_refused(ours: Deployment, own: str, way: Way) -> None:
    made = api.spoiled(way, own, ours.keys)
    assert made != own
    with pytest.raises(InvalidToken):
        ours.tokens.verify(made, T0)


@pytest.mark.parametrize("way", [Way.OTHER_ISSUER, Way.OTHER_AUDIENCE])
def test_tokens_of_another_issuer_or_audience_are_otherwise_valid(ours: Deployment, own: str, way: Way) -> None:
    made = jws.deserialize_compact(api.spoiled(way, own, ours.keys), api._own_key(), ["ES256"])
    said, [key] = json.loads(made.payload), ours.keys()["keys"]
    assert (made.headers()["kid"] == key["kid"]) is (way is Way.OTHER_AUDIENCE)
    assert (said["iss"] == ISSUER) is (way is Way.OTHER_AUDIENCE)
    assert (said["aud"] == "gelombang") is (way is Way.OTHER_ISSUER)


def test_a_verifier_that_trusts_the_header_would_accept_the_public_key_as_secret(ours: Deployment, own: str) -> None:
    signed, _, mac = api.spoiled(Way.PUBLIC_KEY, own, ours.keys).rpartition(".")
    [key] = ours.keys()["keys"]
    secret = ECKey.import_key(key).as_pem(private=False)
    assert json.loads(urlsafe_b64decode(signed.split(".")[0] + "=="))["alg"] == "HS256"
    assert urlsafe_b64decode(mac + "=") == hmac.digest(secret, signed.encode(), hashlib.sha256)


def test_the_registry_knows_whoever_registers_and_of_the_third_act_it_confirms_none_but_the_owner_and_who_leaves(
    programme: Programme, crowd: list[Person]
) -> None:
    third = newcomers(rights.PEOPLE, TODAY, programme, FAILS, len(crowd))
    owner, squatter, mistaken, invented, leaving = rights.cast(third)
    known = {one.nik: (one.name, one.birth_date, one.kk, one.province) for one in rights.known([*crowd, *third])}

    def confirmed(person: Person) -> bool:
        form = person.form
        return known.get(form["nik"]) == tuple(form[name] for name in ("name", "birth_date", "kk", "province"))

    assert all(map(confirmed, registering(crowd)))
    assert squatter.form["nik"] == owner.form["nik"]
    assert [confirmed(one) for one in (owner, squatter, mistaken, leaving)] == [True, False, False, True]
    assert third[2].form["kk"] != mistaken.form["kk"]
    assert invented == third[3]
