"""Passkeys, and tokens of other issuers, over HTTP: successes and refusals."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.accounts.sessions.issuers import Issuers
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.issuers import NONCE, RULES, Server, token
from tests.builders.accounts.passkeys import Passkey
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, Provoke
from tests.e2e.refusals import contacts
from tests.e2e.refusals.contacts import member, of_member
from tests.e2e.refusals.signing_in import UNKNOWN, of_session


def adding(gateway: Gateway, passkey: Passkey | None = None, person: str = "", **said: object) -> Call:
    """Somebody's device has made a passkey; `said` changes what its browser says."""
    person, passkey = person or member(gateway), passkey or Passkey()
    passkey.user = person
    challenge = gateway.ok(Call(routes.PASSKEY_OPTIONS, person=person))["challenge"]
    made = passkey.made(challenge, **said)
    return Call(routes.ADD_PASSKEY, {"credential": made, "device": "phone"}, person=person)


def adding_anothers(gateway: Gateway) -> Call:
    passkey = Passkey()
    gateway.ok(adding(gateway, passkey))
    return adding(gateway, Passkey(id=passkey.id))


def adding_one_too_many(gateway: Gateway) -> Call:
    person = member(gateway)
    for _ in range(gateway.services.programme.accounts.passkeys_max):
        gateway.ok(adding(gateway, person=person))
        gateway.now += timedelta(minutes=2)  # a session asks for a few changes a minute only
    return adding(gateway, person=person)


def adding_for_a_sign_in(gateway: Gateway) -> Call:
    """The challenge was made to sign in."""
    challenge = gateway.ok(Call(routes.CHALLENGE))["challenge"]
    return Call(
        routes.ADD_PASSKEY, {"credential": Passkey().made(challenge), "device": "phone"}, person=member(gateway)
    )


def removing(gateway: Gateway) -> Call:
    call = adding(gateway)
    return Call(routes.REMOVE_PASSKEY, person=call.person).at(gateway.ok(call)["passkey_id"])


def using(gateway: Gateway, *, flags: int | None = None) -> Call:
    """Somebody signs in by a passkey, on a device with a key."""
    passkey = Passkey()
    gateway.ok(adding(gateway, passkey))
    passkey.flags = passkey.flags if flags is None else flags
    credential = passkey.used(gateway.ok(Call(routes.CHALLENGE))["challenge"])
    return Call(routes.OPEN, {"passkey": {"credential": credential, "device": "phone"}}, device=Device())


def using_what_is_no_answer(gateway: Gateway) -> Call:
    call = using(gateway)
    call.body["passkey"]["credential"]["response"]["clientDataJSON"] = "e30"
    return call


def exchanging(gateway: Gateway, subject: str = "3174") -> Call:
    """Another issuer has said who somebody is."""
    vars(gateway.services._ways)["_issuers"] = Issuers([RULES], Server().fetch)
    issued = int(gateway.now.timestamp())
    id_token = {"issuer": RULES.name, "token": token(iat=issued, exp=issued + 300, sub=subject), "nonce": NONCE}
    return Call(routes.OPEN, {"id_token": id_token}, device=Device())


def using_what_was_asked_for_another_end(gateway: Gateway) -> Call:
    """Somebody was asked for a new passkey, and signed in by what they signed."""
    passkey = Passkey(user=member(gateway))
    challenge = gateway.ok(Call(routes.PASSKEY_OPTIONS, person=passkey.user))["challenge"]
    return Call(routes.OPEN, {"passkey": {"credential": passkey.used(challenge)}})


def exchanging_what_was_overheard(gateway: Gateway) -> Call:
    """Another client has the text of the token's nonce."""
    call = exchanging(gateway)
    call.body["id_token"]["nonce"] = "what somebody else knows, and long too"
    return call


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.OPEN: contacts.REFUSALS[routes.OPEN]
    | {
        "malformed_passkey": using_what_is_no_answer,
        "passkey_refused": lambda gateway: using(gateway, flags=0),
        "challenge_expired": using_what_was_asked_for_another_end,
        "id_token_refused": exchanging_what_was_overheard,
    },
    routes.PASSKEYS: of_session(of_member(routes.PASSKEYS), looks=True),
    routes.PASSKEY_OPTIONS: of_session(of_member(routes.PASSKEY_OPTIONS)),
    routes.ADD_PASSKEY: of_session(adding)
    | {
        "malformed_passkey": lambda gateway: adding(gateway, kind="webauthn.get"),
        "challenge_expired": adding_for_a_sign_in,
        "passkey_known": adding_anothers,
        "too_many_passkeys": adding_one_too_many,
    },
    routes.REMOVE_PASSKEY: of_session(removing)
    | {"not_found": lambda gateway: Call(routes.REMOVE_PASSKEY, person=member(gateway)).at(UNKNOWN)},
}

SUCCESSES: dict[str, Provoke] = {
    routes.CHALLENGE: lambda _: Call(routes.CHALLENGE),
    routes.PASSKEYS: of_member(routes.PASSKEYS),
    routes.PASSKEY_OPTIONS: of_member(routes.PASSKEY_OPTIONS),
    routes.ADD_PASSKEY: adding,
    routes.REMOVE_PASSKEY: removing,
}
