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


def restricting(gateway: Gateway) -> Call:
    return Call(routes.RESTRICT, {"restricted": True}, person=gateway.registered())


def looking_at_it(gateway: Gateway) -> Call:
    return Call(routes.RESTRICTION, person=gateway.registered())


def joining_without_consent(gateway: Gateway) -> Call:
    return Call(routes.JOIN, person=gateway.sent(withdrawing(gateway)).person)


def deleting(gateway: Gateway) -> Call:
    return Call(routes.DELETE_ME, person=gateway.registered())


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.MY_DATA: of_session(looking, looks=True),
    routes.DELETE_ME: of_session(deleting)
    | {"not_deletable_yet": lambda gateway: Call(routes.DELETE_ME, person=gateway.being_paid()[0])},
    routes.CONSENTS: of_session(asking, looks=True),
    routes.WITHDRAW_CONSENT: of_session(withdrawing)
    | {"not_found": lambda gateway: withdrawing(gateway).at("marketing")},
    routes.READERS: of_session(lambda gateway: Call(routes.READERS, person=gateway.stranger()), looks=True),
    routes.RESTRICTION: of_session(looking_at_it, looks=True)
    | {"not_registered": lambda gateway: looking_at_it(gateway).but(person=gateway.stranger())},
    routes.RESTRICT: of_session(restricting)
    | {"not_registered": lambda gateway: restricting(gateway).but(person=gateway.stranger())},
}

SUCCESSES: dict[str, Provoke] = {
    routes.MY_DATA: lambda gateway: Call(routes.MY_DATA, person=gateway.veteran),
    routes.DELETE_ME: deleting,
    routes.CONSENTS: asking,
    routes.WITHDRAW_CONSENT: withdrawing,
    routes.READERS: lambda gateway: Call(routes.READERS, person=gateway.veteran),
    routes.RESTRICTION: looking_at_it,
    routes.RESTRICT: restricting,
}
