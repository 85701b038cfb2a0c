"""How the endpoints for accounts and registration succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from datetime import date
from typing import Any

from chalicelib.registration.exclusions import ExclusionList
from chalicelib.registration.rules import Employment
from tests.e2e.gateway import (
    ADDRESS,
    CONFIRM,
    JOIN,
    REFRESH,
    REGISTER,
    RESEND,
    SIGN_IN,
    SIGN_UP,
    Call,
    Gateway,
    Provoke,
)

ME = "GET /me"
LIST = ExclusionList("civil-servants", "2026-11", date(2026, 11, 1))


def email(**changes: str) -> dict[str, str]:
    return {"email": "budi@example.org"} | changes


def sign_up_again(gateway: Gateway) -> Call:
    return Call(SIGN_UP, gateway.signed_up(confirmed=False))


def sign_in_unconfirmed(gateway: Gateway) -> Call:
    return Call(SIGN_IN, gateway.signed_up(confirmed=False))


def sign_in_wrongly(gateway: Gateway) -> Call:
    return Call(SIGN_IN, gateway.signed_up(confirmed=True) | {"password": "another password"})


def confirm(gateway: Gateway) -> Call:
    return Call(CONFIRM, {"email": gateway.signed_up(confirmed=False)["email"], "code": "123456"})


def resend(_: Gateway) -> Call:
    # moto knows no such call; that there is no such account is not told, so the answer is the same.
    return Call(RESEND, email(), pool_error="UserNotFoundException")


def refresh(gateway: Gateway) -> Call:
    tokens = gateway.ok(Call(SIGN_IN, gateway.signed_up(confirmed=True)))
    return Call(REFRESH, {"refresh_token": tokens["refresh_token"]})


def registering(**changes: Any) -> Provoke:
    """A stranger registers with a form that is wrong somewhere."""
    return lambda gateway: Call(REGISTER, gateway.form(**changes), person=gateway.stranger())


def register_excluded(gateway: Gateway) -> Call:
    form = gateway.form()
    gateway.services.exclusion_lists.import_list(LIST, ["nik", form["nik"]], "dewi", "letter 12", gateway.clock)
    return Call(REGISTER, form, person=gateway.stranger())


def register_with_number_of_another(field: str) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        form = gateway.form()
        gateway.ok(Call(REGISTER, form, person=gateway.stranger()))
        return Call(REGISTER, gateway.form() | {field: form[field]}, person=gateway.stranger())

    return provoke


def register_once_too_often(gateway: Gateway) -> Call:
    call = register_with_number_of_another("phone")(gateway)
    for _ in range(gateway.services.programme.eligibility.refusals_max):
        assert gateway.send(call).json_body["code"] == "phone_already_used"
    return Call(REGISTER, gateway.form(), person=call.person)


def change_nik(gateway: Gateway) -> Call:
    return Call(REGISTER, gateway.form(), person=gateway.registered())


def change_name_while_in_a_wave(gateway: Gateway) -> Call:
    person, form = gateway.stranger(), gateway.form()
    gateway.ok(Call(REGISTER, form, person=person))
    gateway.ok(Call(JOIN, person=person))
    return Call(REGISTER, form | {"name": "Budi Santoso"}, person=person)


def change_family_card_after_an_award(gateway: Gateway) -> Call:
    form = gateway.form()
    return Call(REGISTER, form | {"kk": "3201011203180002"}, person=gateway.chosen(form).registrant_id)


def addressing(**changes: str) -> Provoke:
    return lambda gateway: Call(ADDRESS, gateway.address(**changes), person=gateway.registered())


def address_of_another(gateway: Gateway) -> Call:
    address = gateway.address()
    gateway.ok(Call(ADDRESS, address, person=gateway.registered()))
    return Call(ADDRESS, address, person=gateway.registered())


def address_once_too_often(gateway: Gateway) -> Call:
    call = address_of_another(gateway)
    for _ in range(gateway.services.programme.eligibility.refusals_max):
        assert gateway.send(call).json_body["code"] == "account_already_used"
    return Call(ADDRESS, gateway.address(), person=call.person)


def change_address_while_paid(gateway: Gateway) -> Call:
    person, _ = gateway.being_paid()
    return Call(ADDRESS, gateway.address(), person=person)


REFUSALS: dict[str, dict[str, Provoke]] = {
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
        "malformed_name": registering(name="\u200b\u200b\u200b"),
        "unknown_region": registering(province="31", regency="3299"),
        "in_formal_education": registering(employment=Employment.STUDENT),
        "excluded_occupation": registering(employment=Employment.CIVIL_SERVANT),
        "under_age": registering(birth_date=date(2010, 1, 31)),
        "over_age": registering(birth_date=date(1950, 1, 31)),
        "consent_missing": registering(consent_version=None),
        "too_many_refusals": register_once_too_often,
        "excluded": register_excluded,
        "nik_already_registered": register_with_number_of_another("nik"),
        "nik_cannot_change": change_nik,
        "frozen_until_settled": change_name_while_in_a_wave,
        "fixed_after_award": change_family_card_after_an_award,
        "phone_already_used": register_with_number_of_another("phone"),
    },
    ADDRESS: {
        "not_registered": lambda gateway: Call(ADDRESS, gateway.address(), person=gateway.stranger()),
        "unknown_payout_code": addressing(code="BANK OF NOWHERE"),
        "malformed_account_number": addressing(account_number="0123-4567-8901 a.n. Siti"),
        "malformed_name": addressing(holder_name="123"),
        "too_many_refusals": address_once_too_often,
        "payment_under_way": change_address_while_paid,
        "account_already_used": address_of_another,
    },
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    SIGN_UP: lambda gateway: Call(SIGN_UP, gateway.account()),
    CONFIRM: confirm,
    RESEND: resend,
    SIGN_IN: lambda gateway: Call(SIGN_IN, gateway.signed_up(confirmed=True)),
    REFRESH: refresh,
    REGISTER: registering(),
    ADDRESS: addressing(),
    ME: lambda gateway: Call(ME, person=gateway.veteran),
}
"""By route: a request that succeeds."""
