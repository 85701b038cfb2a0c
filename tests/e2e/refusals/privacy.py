"""What people ask of what is kept about them, over HTTP: successes and refusals."""

from __future__ import annotations

from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, Provoke
from tests.e2e.refusals.signing_in import of_session


def looking(gateway: Gateway) -> Call:
    return Call(routes.MY_DATA, person=gateway.stranger())


def asking(gateway: Gateway) -> Call:
    return Call(routes.CONSENTS, person=gateway.registered())


def withdrawing(gateway: Gateway) -> Call:
    return Call(routes.WITHDRAW_CONSENT, person=gateway.registered()).at("registration")


def joining_without_consent(gateway: Gateway) -> Call:
    return Call(routes.JOIN, person=gateway.sent(withdrawing(gateway)).person)


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.MY_DATA: of_session(looking, looks=True),
    routes.CONSENTS: of_session(asking, looks=True),
    routes.WITHDRAW_CONSENT: of_session(withdrawing)
    | {"not_found": lambda gateway: withdrawing(gateway).at("marketing")},
}

SUCCESSES: dict[str, Provoke] = {
    routes.MY_DATA: lambda gateway: Call(routes.MY_DATA, person=gateway.veteran),
    routes.CONSENTS: asking,
    routes.WITHDRAW_CONSENT: withdrawing,
}
