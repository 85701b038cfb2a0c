"""Proof of presence over HTTP: successes and refusals."""

from __future__ import annotations

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


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.PRESENCE_CODE: of_session(making_a_code)
    | {"not_registered": lambda gateway: making_a_code(gateway).but(person=gateway.stranger())},
    routes.REPORT_PRESENCE: signed_wrongly(reporting)
    | {
        "partner_not_allowed": lambda gateway: reporting(gateway).but(partner=gateway.partner),
        "malformed_nik": lambda gateway: reporting(gateway, nik="3174095708950000"),
        "presence_code_unknown": lambda gateway: reporting(gateway, presence_code="A" * 16),
    },
}

SUCCESSES: dict[str, Provoke] = {
    routes.PRESENCE_CODE: making_a_code,
    routes.REPORT_PRESENCE: reporting,
}
