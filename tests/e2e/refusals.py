"""How each endpoint succeeds, and how each refusal that it declares is provoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from chalicelib.clock import iso
from chalicelib.ids import random_id, system_randomness
from chalicelib.outcomes.statistics_wire import NOTHING, Progress, WaveStatistics
from chalicelib.outcomes.tally_store import TallyStore
from chalicelib.registration.exclusions import ExclusionList
from chalicelib.registration.rules import Employment, Standing
from chalicelib.training import signatures
from tests.builders.waves import CLOSES, OPENS, WAVE
from tests.conftest import T0

from .gateway import (
    ADDRESS,
    AN_HOUR,
    ANSWERS,
    ATTEND,
    BUY,
    CANCEL,
    COMPLETE,
    CONFIRM,
    HINT,
    JOIN,
    REDEEM,
    REFRESH,
    REGISTER,
    RESEND,
    RESPOND,
    REVIEW,
    SIGN_IN,
    SIGN_UP,
    VALIDATE,
    Bought,
    Call,
    Gateway,
    Provoke,
)

ENTRIES = "GET /me/entries"
SURVEYS = "GET /me/surveys"
COMPLAIN = "POST /me/grievances"
COMPLAINTS = "GET /me/grievances"
GET_WAVE = "GET /waves/{number}"
GET_WAVE_STATISTICS = "GET /statistics/waves/{number}"
GET_COURSE = "GET /courses/{course_id}"
LINKS = ("GET /unsubscriptions/{token}", "POST /unsubscriptions/{token}")
LIST = ExclusionList("civil-servants", "2026-11", date(2026, 11, 1))
BIRTHDAY_WITHIN_THE_WAVE = date(1961, 11, 30)
"""64 years old when the wave opens, 65 on the day it closes."""


# Accounts


def sign_up_again(gateway: Gateway) -> Call:
    return Call(SIGN_UP, gateway.signed_up(confirmed=False))


def sign_in_unconfirmed(gateway: Gateway) -> Call:
    return Call(SIGN_IN, gateway.signed_up(confirmed=False))


def sign_in_wrongly(gateway: Gateway) -> Call:
    return Call(SIGN_IN, gateway.signed_up(confirmed=True) | {"password": "another password"})


def email(**changes: str) -> dict[str, str]:
    return {"email": "budi@example.org"} | changes


# Registration


def registering(**changes: Any) -> Provoke:
    """A stranger registers with a form that is wrong somewhere."""
    return lambda gateway: Call(REGISTER, gateway.form(**changes), person=gateway.stranger())


def register_excluded(gateway: Gateway) -> Call:
    form = gateway.form()
    gateway.services.exclusion_lists.import_list(LIST, ["nik", form["nik"]])
    return Call(REGISTER, form, person=gateway.stranger())


def register_with_number_of_another(field: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        form = gateway.form()
        gateway.ok(Call(REGISTER, form, person=gateway.stranger()))
        return Call(REGISTER, gateway.form() | {field: form[field]}, person=gateway.stranger())

    return provoke


def change_nik(gateway: Gateway) -> Call:
    return Call(REGISTER, gateway.form(), person=gateway.registered())


def addressing(**changes: str) -> Provoke:
    return lambda gateway: Call(ADDRESS, gateway.address(**changes), person=gateway.registered())


def address_of_another(gateway: Gateway) -> Call:
    address = gateway.address()
    gateway.ok(Call(ADDRESS, address, person=gateway.registered()))
    return Call(ADDRESS, address, person=gateway.registered())


def change_address_while_paid(gateway: Gateway) -> Call:
    person, _ = gateway.being_paid()
    return Call(ADDRESS, gateway.address(), person=person)


# Waves


def join_before_the_first_wave(gateway: Gateway) -> Call:
    gateway.now = T0 + AN_HOUR
    return Call(JOIN, person=gateway.registered())


def join_after_the_last_second(gateway: Gateway) -> Call:
    gateway.now = CLOSES - timedelta(seconds=1)
    return Call(JOIN, person=gateway.registered())


def join_revoked(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.services.registrations.set_standing(person, Standing.REVOKED)
    return Call(JOIN, person=person)


def join_corrected(**changes: Any) -> Provoke:
    """Registration refuses these, so only a record that was corrected since comes so far."""
    return lambda gateway: Call(JOIN, person=gateway.corrected(**changes))


# Training


def buying(**changes: str) -> Provoke:
    """Somebody chosen buys a course that came into the catalogue with `changes`."""

    def provoke(gateway: Gateway) -> Call:
        return Call(BUY, {"course_id": gateway.new_course(**changes)}, person=gateway.chosen().registrant_id)

    return provoke


def buy_unknown(gateway: Gateway) -> Call:
    return Call(BUY, {"course_id": "a" * 26}, person=gateway.chosen().registrant_id)


def buy_revoked(gateway: Gateway) -> Call:
    person = gateway.chosen().registrant_id
    gateway.revoke(person)
    return Call(BUY, {"course_id": gateway.course}, person=person)


def buy_too_late(gateway: Gateway) -> Call:
    beneficiary = gateway.chosen()
    gateway.now = beneficiary.buy_by
    return Call(BUY, {"course_id": gateway.course}, person=beneficiary.registrant_id)


def cancelling(person: str, training_id: str) -> Call:
    return Call(CANCEL, path=f"/me/trainings/{training_id}/cancellation", person=person)


def cancel_revoked(gateway: Gateway) -> Call:
    bought = gateway.bought()
    gateway.revoke(bought.person)
    return cancelling(bought.person, bought.training_id)


def cancel_redeemed(gateway: Gateway) -> Call:
    bought = gateway.redeemed()
    return cancelling(bought.person, bought.training_id)


def cancel_too_late(gateway: Gateway) -> Call:
    bought = gateway.bought()
    gateway.now += timedelta(seconds=gateway.services.programme.training.cancel_within_s)
    return cancelling(bought.person, bought.training_id)


def signed_wrongly(report: Provoke) -> dict[str, Provoke]:
    """What any report meets that is not signed as it should be; `report` is one that would succeed."""

    def signed_by_another(gateway: Gateway) -> Call:
        call = report(gateway)
        return replace(call, partner=(gateway.partner[0], "00" * signatures.KEY_BYTES))

    def signed_by_revoked(gateway: Gateway) -> Call:
        partner = gateway.new_partner()
        gateway.services.partners.revoke(partner[0], gateway.now)
        return replace(report(gateway), partner=partner)

    def signed_before(gateway: Gateway) -> Call:
        call = replace(report(gateway), signed_at=gateway.now)
        gateway.ok(call)
        return call

    return {
        "partner_signature_missing": lambda gateway: replace(report(gateway), partner=None),
        "partner_signature_expired": lambda gateway: replace(report(gateway), signed_at=gateway.now - AN_HOUR),
        "partner_signature_invalid": signed_by_another,
        "partner_revoked": signed_by_revoked,
        "partner_request_replayed": signed_before,
    }


def signed_by_stranger(report: Provoke) -> Provoke:
    """A partner reports of another's training."""
    return lambda gateway: replace(report(gateway), partner=gateway.new_partner())


def redeeming(route: str, **changes: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        return Call(route, gateway.redemption(gateway.bought()) | changes, partner=gateway.partner)

    return provoke


def redeem_cancelled(route: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        bought = gateway.bought()
        gateway.ok(cancelling(bought.person, bought.training_id))
        return Call(route, gateway.redemption(bought), partner=gateway.partner)

    return provoke


def redeem_revoked(route: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        bought = gateway.bought()
        gateway.revoke(bought.person)
        return Call(route, gateway.redemption(bought), partner=gateway.partner)

    return provoke


def redemption_refusals(route: str) -> dict[str, Provoke]:
    return {
        **signed_wrongly(redeeming(route)),
        "redeem_code_unknown": signed_by_stranger(redeeming(route)),
        "card_mismatch": redeeming(route, card_number="2026000000000017"),
        "training_cancelled": redeem_cancelled(route),
        "beneficiary_revoked": redeem_revoked(route),
    }


def attending(**changes: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        return Call(ATTEND, gateway.attendance(gateway.redeemed(), **changes), partner=gateway.partner)

    return provoke


def attend_before_redemption(gateway: Gateway) -> Call:
    return Call(ATTEND, gateway.attendance(gateway.bought()), partner=gateway.partner)


def attend_otherwise(gateway: Gateway) -> Call:
    return Call(ATTEND, gateway.attendance(gateway.attended()), partner=gateway.partner)


def completing(**changes: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        return Call(COMPLETE, gateway.completion(gateway.attended(), **changes), partner=gateway.partner)

    return provoke


def complete_before_attendance(gateway: Gateway) -> Call:
    return Call(COMPLETE, gateway.completion(gateway.redeemed()), partner=gateway.partner)


def complete_otherwise(gateway: Gateway) -> Call:
    return Call(COMPLETE, gateway.completion(gateway.trained()), partner=gateway.partner)


def complete_with_used_certificate(gateway: Gateway) -> Call:
    report = gateway.completion(gateway.attended())
    gateway.ok(Call(COMPLETE, report, partner=gateway.partner))
    other = gateway.completion(gateway.attended(), certificate_number=report["certificate_number"])
    return Call(COMPLETE, other, partner=gateway.partner)


def reviewing(bought: Bought, text: str = "Sangat membantu sekali.") -> Call:
    path = f"/me/trainings/{bought.training_id}/review"
    return Call(REVIEW, {"rating": 9, "text": text}, path, person=bought.person)


def review_training_of_another(gateway: Gateway) -> Call:
    return replace(reviewing(gateway.trained()), person=gateway.chosen().registrant_id)


def review_anew(gateway: Gateway) -> Call:
    return reviewing(gateway.graduated(), "Kurang membantu, ternyata.")


def review_revoked(gateway: Gateway) -> Call:
    bought = gateway.trained()
    gateway.revoke(bought.person)
    return reviewing(bought)


# Surveys


def answering(person: str, survey: str, **changes: Any) -> Call:
    path = RESPOND.split(" ")[1].replace("{survey_id}", survey)
    return Call(RESPOND, {"answers": ANSWERS | changes}, path=path, person=person)


def answer_survey_of_another(gateway: Gateway) -> Call:
    _, survey = gateway.surveyed()
    return answering(gateway.stranger(), survey)


def answer_anew(gateway: Gateway) -> Call:
    surveyed = gateway.surveyed()
    gateway.ok(answering(*surveyed))
    return answering(*surveyed, recommendation=0)


def answer_too_late(gateway: Gateway) -> Call:
    surveyed = gateway.surveyed()
    gateway.now += timedelta(seconds=gateway.services.programme.surveys.open_s)
    return answering(*surveyed)


# Helpdesk


def complaining(about: dict[str, Any], person: Callable[[Gateway], str], text: str = "Mohon diperiksa.") -> Provoke:
    return lambda gateway: Call(
        COMPLAIN, {"about": about, "category": "personal_data", "text": text}, person=person(gateway)
    )


def appeal_before_the_draw(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.ok(Call(JOIN, person=person))
    return complaining({"kind": "selection", "wave": WAVE}, lambda _: person)(gateway)


def complain_once_too_often(gateway: Gateway) -> Call:
    person = gateway.registered()
    calls = [
        complaining({"kind": "registration"}, lambda _: person, f"Pengaduan ke-{n}.")(gateway)
        for n in range(gateway.services.programme.helpdesk.open_max + 1)
    ]
    for call in calls[:-1]:
        gateway.ok(call)
    return calls[-1]


def look_at_complaints(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.ok(complaining({"kind": "registration"}, lambda _: person)(gateway))
    return Call(COMPLAINTS, person=person)


REFUSALS: dict[str, dict[str, Provoke]] = {
    **{
        route: {"not_found": lambda _, route=route: Call(route, path=f"/unsubscriptions/{'a' * 26}")} for route in LINKS
    },
    SIGN_UP: {
        "malformed_email": lambda _: Call(SIGN_UP, email(email="budi@", password="Correct horse 1 battery!")),
        "too_many_requests": lambda gateway: Call(SIGN_UP, gateway.account(), pool_error="TooManyRequestsException"),
        "account_exists": sign_up_again,
        "weak_password": lambda gateway: Call(SIGN_UP, gateway.account(password="tooShort1")),
    },
    CONFIRM: {
        "malformed_email": lambda _: Call(CONFIRM, email(email="budi@", code="123456")),
        "too_many_requests": lambda _: Call(CONFIRM, email(code="123456"), pool_error="TooManyFailedAttemptsException"),
        "code_mismatch": lambda _: Call(CONFIRM, email(code="123456"), pool_error="CodeMismatchException"),
        "code_expired": lambda _: Call(CONFIRM, email(code="123456"), pool_error="ExpiredCodeException"),
    },
    RESEND: {
        "malformed_email": lambda _: Call(RESEND, email(email="budi@")),
        "too_many_requests": lambda _: Call(RESEND, email(), pool_error="LimitExceededException"),
    },
    SIGN_IN: {
        "malformed_email": lambda _: Call(SIGN_IN, email(email="budi@", password="wrong password")),
        "too_many_requests": lambda gateway: Call(SIGN_IN, gateway.account(), pool_error="TooManyRequestsException"),
        "wrong_credentials": sign_in_wrongly,
        "not_confirmed": sign_in_unconfirmed,
    },
    REFRESH: {
        "session_expired": lambda _: Call(REFRESH, {"refresh_token": "no-such-token"}),
        "too_many_requests": lambda _: Call(
            REFRESH, {"refresh_token": "no-such-token"}, pool_error="TooManyRequestsException"
        ),
    },
    REGISTER: {
        "malformed_nik": registering(nik="3174095713950001"),
        "malformed_kk": registering(kk="317409120318000"),
        "malformed_phone": registering(phone="(021) 555-12345"),
        "unknown_region": registering(province="31", regency="3299"),
        "in_formal_education": registering(employment=Employment.STUDENT),
        "excluded_occupation": registering(employment=Employment.CIVIL_SERVANT),
        "under_age": registering(birth_date=date(2010, 1, 31)),
        "over_age": registering(birth_date=date(1950, 1, 31)),
        "consent_missing": registering(consent_version=None),
        "excluded": register_excluded,
        "nik_already_registered": register_with_number_of_another("nik"),
        "nik_cannot_change": change_nik,
        "phone_already_used": register_with_number_of_another("phone"),
    },
    ADDRESS: {
        "not_registered": lambda gateway: Call(ADDRESS, gateway.address(), person=gateway.stranger()),
        "unknown_payout_code": addressing(code="BANK OF NOWHERE"),
        "malformed_account_number": addressing(account_number="0123-4567-8901"),
        "payment_under_way": change_address_while_paid,
        "account_already_used": address_of_another,
    },
    ENTRIES: {"not_registered": lambda gateway: Call(ENTRIES, person=gateway.stranger())},
    BUY: {
        "not_beneficiary": lambda gateway: Call(BUY, {"course_id": gateway.course}, person=gateway.registered()),
        "beneficiary_revoked": buy_revoked,
        "purchase_deadline_passed": buy_too_late,
        "unknown_course": buy_unknown,
        "course_not_offered": buying(offered="no"),
        "balance_too_low": buying(price_idr="3500001"),
    },
    CANCEL: {
        "not_found": lambda gateway: cancelling(gateway.veteran, "a" * 26),
        "beneficiary_revoked": cancel_revoked,
        "training_already_redeemed": cancel_redeemed,
        "cancellation_too_late": cancel_too_late,
    },
    REVIEW: {
        "not_found": review_training_of_another,
        "already_reviewed": review_anew,
        "training_not_completed": lambda gateway: reviewing(gateway.attended()),
        "beneficiary_revoked": review_revoked,
    },
    GET_COURSE: {
        "not_found": lambda _: Call(GET_COURSE, path="/courses/PY-101"),
        "unknown_course": lambda _: Call(GET_COURSE, path=f"/courses/{'a' * 26}"),
    },
    RESPOND: {
        "not_found": answer_survey_of_another,
        "survey_closed": answer_too_late,
        "survey_already_answered": answer_anew,
        "survey_answer_invalid": lambda gateway: answering(*gateway.surveyed(), satisfaction=6),
    },
    GET_WAVE: {
        "not_found": lambda _: Call(GET_WAVE, path="/waves/first"),
        "unknown_wave": lambda _: Call(GET_WAVE, path="/waves/53"),
    },
    GET_WAVE_STATISTICS: {
        "not_found": lambda _: Call(GET_WAVE_STATISTICS, path="/statistics/waves/first"),
        "unknown_wave": lambda _: Call(GET_WAVE_STATISTICS, path="/statistics/waves/53"),
    },
    JOIN: {
        "wave_not_open_yet": join_before_the_first_wave,
        "wave_closed": join_after_the_last_second,
        "already_beneficiary": lambda gateway: Call(JOIN, person=gateway.chosen().registrant_id),
        "barred": join_revoked,
        "not_registered": lambda gateway: Call(JOIN, person=gateway.stranger()),
        "in_formal_education": join_corrected(employment=Employment.STUDENT),
        "excluded_occupation": join_corrected(employment=Employment.POLICE),
        "under_age": join_corrected(birth_date=date(2010, 1, 31)),
        "over_age": lambda gateway: Call(JOIN, person=gateway.registered(birth_date=BIRTHDAY_WITHIN_THE_WAVE)),
    },
    VALIDATE: redemption_refusals(VALIDATE),
    REDEEM: redemption_refusals(REDEEM),
    ATTEND: {
        **signed_wrongly(attending()),
        "redeem_code_unknown": signed_by_stranger(attending()),
        "wrong_training_state": attend_before_redemption,
        "reported_otherwise": attend_otherwise,
        "time_in_future": attending(attended_at=iso(CLOSES)),
        "time_too_early": attending(attended_at=iso(OPENS)),
    },
    COMPLETE: {
        **signed_wrongly(completing()),
        "redeem_code_unknown": signed_by_stranger(completing()),
        "wrong_training_state": complete_before_attendance,
        "reported_otherwise": complete_otherwise,
        "time_in_future": completing(completed_at=iso(CLOSES)),
        "time_too_early": completing(completed_at=iso(OPENS)),
        "certificate_already_used": complete_with_used_certificate,
    },
    COMPLAIN: {
        "not_registered": complaining({"kind": "registration"}, Gateway.stranger),
        "not_found": complaining({"kind": "disbursement", "payout_id": "a" * 26}, Gateway.registered),
        "selection_not_finished": appeal_before_the_draw,
        "too_many_grievances": complain_once_too_often,
    },
    HINT: {
        "invalid_callback": lambda _: Call(HINT, {"reference_id": "any"}, headers={"x-callback-token": "guessed"}),
    },
}
"""By route and code. What every route of a kind has in common (bodies, tokens, outages) is tested for all of them."""


def confirm(gateway: Gateway) -> Call:
    return Call(CONFIRM, {"email": gateway.signed_up(confirmed=False)["email"], "code": "123456"})


def resend(_: Gateway) -> Call:
    # moto knows no such call; that there is no such account is not told, so the answer is the same.
    return Call(RESEND, email(), pool_error="UserNotFoundException")


def refresh(gateway: Gateway) -> Call:
    tokens = gateway.ok(Call(SIGN_IN, gateway.signed_up(confirmed=True)))
    return Call(REFRESH, {"refresh_token": tokens["refresh_token"]})


def cancel(gateway: Gateway) -> Call:
    bought = gateway.bought()
    return cancelling(bought.person, bought.training_id)


def asking(route: str) -> Provoke:
    """Somebody who was trained asks."""
    return lambda gateway: Call(route, person=gateway.veteran)


def ask_about_a_counted_wave(gateway: Gateway) -> Call:
    counted = WaveStatistics(144, 2026, iso(T0), iso(T0), True, Progress(), NOTHING, [])
    assert gateway.services.statistics  # as it is built, the table gets its name
    TallyStore().publish("WAVE#000144", 1, counted)
    return Call(GET_WAVE_STATISTICS, path="/statistics/waves/144")


def following(route: str) -> Provoke:
    """Somebody follows the link of a reminder."""

    def provoked(gateway: Gateway) -> Call:
        token = gateway.services.mailboxes.give_token(gateway.stranger(), random_id(system_randomness))
        return Call(route, path=f"/unsubscriptions/{token}")

    return provoked


SUCCESSES: dict[str, Provoke] = {
    COMPLAIN: complaining({"kind": "registration"}, Gateway.registered),
    COMPLAINTS: look_at_complaints,
    SIGN_UP: lambda gateway: Call(SIGN_UP, gateway.account()),
    CONFIRM: confirm,
    RESEND: resend,
    SIGN_IN: lambda gateway: Call(SIGN_IN, gateway.signed_up(confirmed=True)),
    REFRESH: refresh,
    REGISTER: registering(),
    ADDRESS: addressing(),
    JOIN: lambda gateway: Call(JOIN, person=gateway.registered()),
    BUY: lambda gateway: Call(BUY, {"course_id": gateway.course}, person=gateway.chosen().registrant_id),
    CANCEL: cancel,
    VALIDATE: redeeming(VALIDATE),
    REDEEM: redeeming(REDEEM),
    ATTEND: attending(),
    COMPLETE: completing(),
    REVIEW: lambda gateway: reviewing(gateway.trained()),
    "GET /courses": lambda _: Call("GET /courses"),
    GET_COURSE: lambda gateway: Call(GET_COURSE, path=f"/courses/{gateway.course}"),
    SURVEYS: lambda gateway: Call(SURVEYS, person=gateway.surveyed()[0]),
    RESPOND: lambda gateway: answering(*gateway.surveyed()),
    HINT: lambda _: Call(HINT, {"reference_id": "any"}, headers={"x-callback-token": "test-callback-token"}),
    **{route: asking(route) for route in ("GET /me", ENTRIES, "GET /me/trainings", "GET /me/payouts")},
    **{
        route: lambda _, route=route: Call(route)
        for route in ("GET /waves", "GET /waves/current", "GET /openapi.json", "GET /health")
    },
    **{route: lambda _, route=route: Call(route) for route in ("GET /statistics", "GET /statistics.csv")},
    **{route: lambda _, route=route: Call(route) for route in ("GET /waves.ics", "GET /feed.atom")},
    **{route: following(route) for route in LINKS},
    GET_WAVE_STATISTICS: ask_about_a_counted_wave,
    GET_WAVE: lambda _: Call(GET_WAVE, path=f"/waves/{WAVE}"),
}
"""By route: a request that succeeds."""
