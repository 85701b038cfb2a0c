"""Proof of presence over HTTP: successes and refusals."""

from __future__ import annotations

from chalicelib.accounts.sessions.issuers import Issuers, hashed
from tests.builders.accounts.issuers import NATIONAL, Server, token
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, Provoke
from tests.e2e.refusals.partners import signed_wrongly
from tests.e2e.refusals.signing_in import of_session


def making_a_code(gateway: Gateway) -> Call:
    return Call(routes.PRESENCE_CODE, person=gateway.registered())


def reporting(gateway: Gateway, **changes: str) -> Call:
    """An office has read the card of somebody who showed a code."""
    form = gateway.form()
    person = gateway.sent(gateway.registration(form)).person
    code = gateway.ok(Call(routes.PRESENCE_CODE, person=person))["presence_code"]
    body = {"nik": form["nik"], "presence_code": code, "reference": "LOKET/1"}
    return Call(routes.REPORT_PRESENCE, body | changes, partner=gateway.office)


def signing_in(gateway: Gateway, nik: str = "", **said: str) -> Call:
    """The national ID has said who somebody is, for their code."""
    form = gateway.form()
    person = gateway.sent(gateway.registration(form)).person
    code = gateway.ok(Call(routes.PRESENCE_CODE, person=person))["presence_code"]
    at = int(gateway.now.timestamp())
    claims = {"nik": nik or form["nik"], "acr": "high", "auth_time": at, "iat": at, "exp": at + 300}
    gateway.services.issuers = Issuers([NATIONAL], Server().fetch)
    body = {"issuer": NATIONAL.name, "token": token(**claims, nonce=hashed(code)), "presence_code": code}
    return Call(routes.PROVE_PRESENCE, body | said, person=person)


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.PRESENCE_CODE: of_session(making_a_code)
    | {"not_registered": lambda gateway: making_a_code(gateway).but(person=gateway.stranger())},
    routes.PROVE_PRESENCE: of_session(signing_in)
    | {
        "id_token_refused": lambda gateway: signing_in(gateway, token="no.id.token"),
        "presence_code_unknown": lambda gateway: signing_in(gateway, presence_code="A" * 16),
        "presence_of_another": lambda gateway: signing_in(gateway, nik="3174095708959999"),
    },
    routes.REPORT_PRESENCE: signed_wrongly(reporting)
    | {
        "partner_not_allowed": lambda gateway: reporting(gateway).but(partner=gateway.partner),
        "malformed_nik": lambda gateway: reporting(gateway, nik="3174095708950000"),
        "presence_code_unknown": lambda gateway: reporting(gateway, presence_code="A" * 16),
    },
}

SUCCESSES: dict[str, Provoke] = {
    routes.PRESENCE_CODE: making_a_code,
    routes.PROVE_PRESENCE: signing_in,
    routes.REPORT_PRESENCE: reporting,
}
