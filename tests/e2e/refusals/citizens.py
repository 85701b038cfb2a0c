"""Requests of citizens, except about trainings, surveys and jobs: successes and refusals of each endpoint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from chalicelib.clock import iso, parse_iso
from chalicelib.ids import random_id, system_randomness
from chalicelib.notices.rules import ChangeLink
from chalicelib.outcomes.statistics_wire import NOTHING, Progress, WaveStatistics
from chalicelib.outcomes.store import TallyStore
from chalicelib.registration.exclusions.service import ExclusionList
from chalicelib.registration.rules import Education, Employment, Standing, Verification
from chalicelib.waves.calendar import Calendar
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.draws.files import DEVELOPMENT, DEVELOPMENT_FROZEN, published_draw, random_lists
from tests.builders.waves import CLOSES, WAVE
from tests.conftest import T0
from tests.e2e import routes
from tests.e2e.gateway import AN_HOUR, Call, Gateway, Provoke
from tests.e2e.refusals.signing_in import of_session

FROZEN = 143
"""A wave before the open one, with one entry."""
BIRTHDAY_WITHIN_THE_WAVE = date(1961, 11, 30)
"""64 years old when the wave opens, 65 on the day it closes."""
LIST = ExclusionList("civil-servants", "2026-11", date(2026, 11, 1))

# Registration


def registering(**changes: Any) -> Provoke:
    """A stranger registers with a form that is wrong somewhere."""
    return lambda gateway: gateway.registration(gateway.form(**changes))


def register_excluded(gateway: Gateway) -> Call:
    form = gateway.form()
    gateway.services.exclusion_lists.import_list(LIST, ["nik", form["nik"]], "dewi", "letter 12", gateway.clock)
    return gateway.registration(form)


def register_with_number_of_another(field: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        first = gateway.sent(gateway.registration(gateway.form()))
        return gateway.registration(gateway.form() | {field: first.body[field]})

    return provoke


def once_too_often(refused: Provoke, code: str, body: Callable[[Gateway], dict[str, Any]]) -> Provoke:
    """So often as a person may be refused, they were; now they send something that is right."""

    def provoke(gateway: Gateway) -> Call:
        call = refused(gateway)
        for _ in range(gateway.services.programme.eligibility.refusals_max):
            assert gateway.send(call).json_body["code"] == code
        return call.but(body=body(gateway))

    return provoke


def correcting(**changes: Any) -> Provoke:
    """Somebody who is registered corrects some fields."""
    return lambda gateway: Call(routes.CORRECT, changes, person=gateway.registered())


def as_correction(provoke: Provoke, *fields: str) -> Provoke:
    """Of a whole form only these fields are sent."""

    def provoked(gateway: Gateway) -> Call:
        call = provoke(gateway)
        return Call(routes.CORRECT, {name: call.body[name] for name in fields}, person=call.person)

    return provoked


def correct_to_number_of_another(gateway: Gateway) -> Call:
    first = gateway.sent(gateway.registration(gateway.form()))
    return Call(routes.CORRECT, {"phone": first.body["phone"]}, person=gateway.registered())


def correct_to_nik_of_another(gateway: Gateway) -> Call:
    """While the registry says that something differs."""
    first = gateway.sent(gateway.registration(gateway.form()))
    person, services = gateway.registered(), gateway.services
    record = services.registration_store.record(person)
    assert record is not None
    assert services.verifications.keep(record, Verification.UNKNOWN_NIK, "test", gateway.clock())
    return Call(routes.CORRECT, {"nik": first.body["nik"]}, person=person)


def correct_when_excluded(gateway: Gateway) -> Call:
    call = gateway.sent(gateway.registration(gateway.form()))
    later = ExclusionList(LIST.name, "2026-11-late", LIST.source_date)
    gateway.services.exclusion_lists.import_list(later, ["nik", call.body["nik"]], "dewi", "letter 13", gateway.clock)
    return Call(routes.CORRECT, {"education": "postgraduate"}, person=call.person)


def correct_what_differs_once_too_often(gateway: Gateway) -> Call:
    """The registry confirmed none of so many corrections as there may be."""
    call = gateway.sent(gateway.registration(gateway.form()))
    services = gateway.services
    for n in range(services.programme.registry.corrections_max + 1):
        gateway.sent(call.but(body=call.body | {"name": "Budi" + " Budi" * n}))
        record = services.registration_store.record(call.person)
        assert record is not None
        assert services.verifications.keep(record, Verification.MISMATCH, "test", gateway.clock())
    return call


def claim_once_too_often(gateway: Gateway) -> Call:
    """Another registration holds each of the NIKs."""
    claim = gateway.registration(gateway.form() | {"claim_nik": True})
    for _ in range(gateway.services.programme.eligibility.nik_claims_max):
        taken = gateway.sent(gateway.registration(gateway.form()))
        claim = gateway.sent(claim.but(body=claim.body | {"nik": taken.body["nik"]}))
    taken = gateway.sent(gateway.registration(gateway.form()))
    return claim.but(body=claim.body | {"nik": taken.body["nik"]})


def change_name_while_in_a_wave(gateway: Gateway) -> Call:
    call = gateway.sent(gateway.registration(gateway.form()))
    gateway.ok(Call(routes.JOIN, person=call.person))
    return call.but(body=call.body | {"name": "Budi Santoso"})


def change_family_card_after_an_award(gateway: Gateway) -> Call:
    form = gateway.form()
    return Call(routes.REGISTER, form | {"kk": "3201011203180002"}, person=gateway.chosen(form).registrant_id)


def addressing(**changes: str) -> Provoke:
    return lambda gateway: Call(routes.ADDRESS, gateway.address(**changes), person=gateway.registered())


def address_of_another(gateway: Gateway) -> Call:
    return gateway.sent(addressing()(gateway)).but(person=gateway.registered())


# Complaints


def complaining(
    about: dict[str, Any], person: Callable[[Gateway], str] = Gateway.registered, text: str = "Mohon diperiksa."
) -> Provoke:
    return lambda gateway: Call(
        routes.COMPLAIN, {"about": about, "category": "personal_data", "text": text}, person=person(gateway)
    )


def joined(gateway: Gateway) -> str:
    return gateway.sent(Call(routes.JOIN, person=gateway.registered())).person


def complain_once_too_often(gateway: Gateway) -> Call:
    call = complaining({"kind": "registration"})(gateway)
    for n in range(gateway.services.programme.helpdesk.open_max):
        gateway.ok(call.but(body=call.body | {"text": f"Pengaduan ke-{n}."}))
    return call


# Links in mails


def unsubscribing(route: str) -> Provoke:
    """Somebody follows the link of a reminder."""
    return lambda gateway: Call(route).at(
        gateway.services.mailboxes.give_token(gateway.stranger(), random_id(system_randomness))
    )


def asked_of_a_change(route: str) -> Provoke:
    """Somebody follows the link of a mail about their changed account."""

    def provoke(gateway: Gateway) -> Call:
        person, token = gateway.chosen().registrant_id, random_id(system_randomness)
        for _ in range(2):
            gateway.ok(Call(routes.ADDRESS, gateway.address(), person=person))
        gateway.services.mailboxes.give_change_link(token, ChangeLink(person, 2), gateway.now)
        return Call(route).at(token)

    return provoke


# Waves, statistics


def join_at(instant: datetime) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        gateway.now = instant
        return Call(routes.JOIN, person=gateway.registered())

    return provoke


def when_none_is_coming(route: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        # Before the first wave of the calendar nothing was open, and after its end nothing is coming.
        gateway.now = CLOSES + timedelta(days=100)
        person = gateway.registered() if route == routes.JOIN else None
        ended, waves = replace(gateway.services.programme.calendar, ends_on=date(2023, 6, 1)), gateway.services.waves
        late, calendar = gateway.now, type(waves)._calendar
        waves._calendar = lambda now: Calendar(ended) if now >= late else calendar(waves, now)
        return Call(route, person=person)

    return provoke


def join_revoked(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.services.registrations.set_standing(person, Standing.REVOKED)
    return Call(routes.JOIN, person=person)


def join_corrected(**changes: Any) -> Provoke:
    """Registration refuses these, so only a record that was corrected since comes so far."""
    return lambda gateway: Call(routes.JOIN, person=gateway.corrected(**changes))


def proof(leaf: str, wave: int | str = FROZEN, **query: str) -> Call:
    return Call(routes.PROOF, query=query).at(wave, leaf)


def published_leaf(gateway: Gateway) -> str:
    """The leaf of the only entry of a wave that is frozen."""
    lists = random_lists(FROZEN, {31: 1})
    files = published_draw(FROZEN, lists, {}, 1, DEVELOPMENT, DEVELOPMENT_FROZEN)
    services = gateway.services
    Publication(services._client("s3"), services.settings.results_bucket).put(FROZEN, files)
    times = {"opens_at": parse_iso("2026-10-30T05:00:00Z"), "closes_at": parse_iso("2026-11-02T17:00:00Z")}
    seats = {"quota": 1, "reserved": 0, "weights": {}, "chosen": 1, "note": files["note.txt"].decode()}
    WaveItem("WAVES", f"{FROZEN:06d}", state=WaveState.SETTLED.value, **times, **seats).save()
    gateway.now += AN_HOUR  # until then a function may believe the waves that it has in memory
    return lists[31].hex()


def proof_of_nobody(gateway: Gateway) -> Call:
    published_leaf(gateway)
    return proof("ab" * 32, region="31")


def ask_about_a_counted_wave(gateway: Gateway) -> Call:
    counted = WaveStatistics(144, 2026, iso(T0), iso(T0), True, Progress(), NOTHING, [])
    assert gateway.services.statistics  # as it is built, the table gets its name
    TallyStore().publish("WAVE#000144", 1, counted)
    return Call(routes.GET_WAVE_STATISTICS).at(144)


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.REGISTER: {
        "malformed_nik": registering(nik="3174095713950001"),
        "malformed_kk": registering(kk="317409120318000"),
        "malformed_phone": registering(phone="(021) 555-12345"),
        "malformed_name": registering(name="\u200b\u200b\u200b"),
        "unknown_region": registering(province="31", regency="3299"),
        "in_formal_education": registering(employment=Employment.STUDENT),
        "excluded_occupation": registering(employment=Employment.CIVIL_SERVANT),
        "education_not_accepted": registering(education=Education.NONE),
        "under_age": registering(birth_date=date(2010, 1, 31)),
        "over_age": registering(birth_date=date(1950, 1, 31)),
        "consent_missing": registering(consent_version=None),
        "too_many_refusals": once_too_often(
            register_with_number_of_another("phone"), "phone_already_used", Gateway.form
        ),
        "too_many_corrections": correct_what_differs_once_too_often,
        "excluded": register_excluded,
        "too_many_claims": claim_once_too_often,
        "nik_already_registered": register_with_number_of_another("nik"),
        "nik_cannot_change": lambda gateway: Call(routes.REGISTER, gateway.form(), person=gateway.registered()),
        "frozen_until_settled": change_name_while_in_a_wave,
        "fixed_after_award": change_family_card_after_an_award,
        "phone_already_used": register_with_number_of_another("phone"),
    },
    routes.CORRECT: {
        "malformed_nik": correcting(nik="3174095713950001"),
        "nik_cannot_change": lambda gateway: Call(
            routes.CORRECT, {"nik": gateway.form()["nik"]}, person=gateway.registered()
        ),
        "nik_already_registered": correct_to_nik_of_another,
        "malformed_kk": correcting(kk="317409120318000"),
        "malformed_phone": correcting(phone="(021) 555-12345"),
        "malformed_name": correcting(name="\u200b\u200b\u200b"),
        "unknown_region": correcting(province="31", regency="3299"),
        "in_formal_education": correcting(employment="student"),
        "excluded_occupation": correcting(employment="civil_servant"),
        "education_not_accepted": correcting(education="none"),
        "under_age": correcting(birth_date="2010-01-31"),
        "over_age": correcting(birth_date="1950-01-31"),
        "consent_missing": correcting(consent_version="1999-01"),
        "too_many_refusals": once_too_often(
            correct_to_number_of_another, "phone_already_used", lambda _: {"education": "postgraduate"}
        ),
        "too_many_corrections": as_correction(correct_what_differs_once_too_often, "name"),
        "excluded": correct_when_excluded,
        "frozen_until_settled": as_correction(change_name_while_in_a_wave, "name"),
        "fixed_after_award": as_correction(change_family_card_after_an_award, "kk"),
        "phone_already_used": correct_to_number_of_another,
        "not_registered": lambda gateway: Call(routes.CORRECT, {}, person=gateway.stranger()),
    },
    routes.ADDRESS: {
        **of_session(addressing()),
        "not_registered": lambda gateway: Call(routes.ADDRESS, gateway.address(), person=gateway.stranger()),
        "unknown_payout_code": addressing(code="BANK OF NOWHERE"),
        "malformed_account_number": addressing(account_number="0123-4567-8901 a.n. Siti"),
        "malformed_name": addressing(holder_name="123"),
        "too_many_refusals": once_too_often(address_of_another, "account_already_used", Gateway.address),
        "payment_under_way": lambda gateway: Call(routes.ADDRESS, gateway.address(), person=gateway.being_paid()[0]),
        "account_already_used": address_of_another,
    },
    routes.HINT: {
        "invalid_callback": lambda _: Call(
            routes.HINT, {"reference_id": "any"}, headers={"x-callback-token": "guessed"}
        ),
    },
    routes.COMPLAIN: {
        "not_found": complaining({"kind": "disbursement", "payout_id": "a" * 26}),
        "selection_not_finished": complaining({"kind": "selection", "wave": WAVE}, joined),
        "too_many_grievances": complain_once_too_often,
    },
    **{
        route: {"not_found": lambda _, route=route: Call(route).at("a" * 26)}
        for route in (*routes.UNSUBSCRIBE, *routes.CHANGES)
    },
    routes.ENTRIES: {"not_registered": lambda gateway: Call(routes.ENTRIES, person=gateway.stranger())},
    **{
        route: {
            "not_found": lambda _, route=route: Call(route).at("first"),
            "unknown_wave": lambda _, route=route: Call(route).at(53),
        }
        for route in (routes.GET_WAVE, routes.VERIFY, routes.GET_WAVE_STATISTICS)
    },
    routes.PROOF: {
        "not_found": lambda _: proof("ab" * 32, "first", region="31"),
        "malformed_leaf": lambda _: proof("AB" * 32, region="31"),
        "unknown_wave": lambda _: proof("ab" * 32, 53, region="31"),
        "wave_not_frozen_yet": lambda _: proof("ab" * 32, WAVE, region="31"),
        "not_on_the_list": proof_of_nobody,
    },
    routes.CURRENT_WAVE: {"no_wave_coming": when_none_is_coming(routes.CURRENT_WAVE)},
    routes.JOIN: {
        "wave_not_open_yet": join_at(T0 + AN_HOUR),
        "wave_closed": join_at(CLOSES - timedelta(seconds=1)),
        "no_wave_coming": when_none_is_coming(routes.JOIN),
        "already_beneficiary": lambda gateway: Call(routes.JOIN, person=gateway.chosen().registrant_id),
        "barred": join_revoked,
        "not_registered": lambda gateway: Call(routes.JOIN, person=gateway.stranger()),
        "in_formal_education": join_corrected(employment=Employment.STUDENT),
        "excluded_occupation": join_corrected(employment=Employment.POLICE),
        "education_not_accepted": join_corrected(education=Education.NONE),
        "under_age": join_corrected(birth_date=date(2010, 1, 31)),
        "over_age": lambda gateway: Call(routes.JOIN, person=gateway.registered(birth_date=BIRTHDAY_WITHIN_THE_WAVE)),
    },
}

SUCCESSES: dict[str, Provoke] = {
    routes.REGISTER: registering(),
    routes.CORRECT: correcting(education="postgraduate"),
    routes.ADDRESS: addressing(),
    routes.ME: lambda gateway: Call(routes.ME, person=gateway.veteran),
    routes.HINT: lambda _: Call(
        routes.HINT, {"reference_id": "any"}, headers={"x-callback-token": "test-callback-token"}
    ),
    routes.PAYOUTS: lambda gateway: Call(routes.PAYOUTS, person=gateway.veteran),
    routes.COMPLAIN: complaining({"kind": "registration"}),
    routes.COMPLAINTS: lambda gateway: Call(
        routes.COMPLAINTS, person=gateway.sent(complaining({"kind": "registration"})(gateway)).person
    ),
    routes.NOTICES: lambda gateway: Call(routes.NOTICES, person=gateway.veteran),
    routes.LANGUAGE: lambda gateway: Call(routes.LANGUAGE, {"language": "en"}, person=gateway.veteran),
    routes.REMINDERS: lambda gateway: Call(routes.REMINDERS, {"survey_open": False}, person=gateway.veteran),
    **{route: unsubscribing(route) for route in routes.UNSUBSCRIBE},
    **{route: asked_of_a_change(route) for route in routes.CHANGES},
    routes.JOIN: lambda gateway: Call(routes.JOIN, person=gateway.registered()),
    routes.GET_WAVE: lambda _: Call(routes.GET_WAVE).at(WAVE),
    routes.VERIFY: lambda _: Call(routes.VERIFY).at(WAVE),
    routes.PROOF: lambda gateway: proof(published_leaf(gateway), region="31"),
    routes.ENTRIES: lambda gateway: Call(routes.ENTRIES, person=gateway.veteran),
    routes.GET_WAVE_STATISTICS: ask_about_a_counted_wave,
}
