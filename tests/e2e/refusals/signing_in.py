"""Requests of signing in: successes and refusals of each endpoint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from chalicelib.accounts.contacts.contact import parse_contact
from chalicelib.accounts.sessions.rules import PROOFS_MAX, with_proof
from chalicelib.accounts.signing_in import codes
from chalicelib.accounts.signing_in.budgets import budget_of
from chalicelib.accounts.signing_in.networks import prefix_of
from chalicelib.aws import dynamodb
from tests.builders.accounts.accounts import Device
from tests.e2e import routes
from tests.e2e.gateway import AN_HOUR, Call, Gateway, Provoke

_NUMBERS = count(1)


def starting(**changes: Any) -> Call:
    """Somebody begins who never did."""
    return Call(routes.START, {"contact": f"new-{next(_NUMBERS)}@example.org"} | changes)


def hand_over(gateway: Gateway, sign_in_id: str, sending: int) -> None:
    """As the consumer does once the channel took a code."""
    store, budgets = gateway.services.sign_ins.store, gateway.services.sign_ins.budgets
    store.handed_over(sign_in_id, sending, gateway.now)
    sign_in = store.get(sign_in_id, gateway.now)
    assert sign_in is not None
    budgets.served(sign_in.budget_id, sign_in.places[-1].day, sign_in_id)


def again(gateway: Gateway, contact: str = "", **changes: Any) -> Call:
    """Somebody whose code was sent a minute ago asks for another one."""
    started = gateway.ok(starting(contact=contact) if contact else starting())
    hand_over(gateway, started["sign_in_id"], 1)
    gateway.now += timedelta(seconds=gateway.services.programme.accounts.code_again_after_s)
    return Call(routes.SEND_AGAIN, {"secret": started["secret"]} | changes).at(started["sign_in_id"])


def used_up(gateway: Gateway) -> Call:
    """As many codes were sent for this sign-in as are sent for one."""
    call, rules = again(gateway), gateway.services.programme.accounts
    for sending in range(2, rules.sendings + 1):
        gateway.ok(call)
        hand_over(gateway, call.path.split("/")[2], sending)
        gateway.now += timedelta(seconds=rules.code_again_after_s)
    return call


def looking(gateway: Gateway) -> Call:
    return Call(routes.SIGN_IN_PROGRESS).at(gateway.ok(starting())["sign_in_id"])


def over_the_hour(gateway: Gateway) -> Call:
    """So many codes were asked for this contact that there is no other in this hour."""
    call = starting()
    for _ in range(gateway.services.programme.accounts.codes_per_hour):
        gateway.ok(call)
    return call


def guessed(call: Call, contact: str, gateway: Gateway) -> Call:
    """Codes of this contact were guessed as often as they may be in a day."""
    services = gateway.services
    budget_id = budget_of(services.macs.contact(parse_contact(contact)), None)
    dynamodb.call(
        services.settings.region,
        "UpdateItem",
        {
            "TableName": services.settings.table("sign-ins"),
            "Key": {"pk": {"S": f"B#{budget_id}"}, "sk": {"S": f"{gateway.now:%Y-%m-%d}"}},
            "UpdateExpression": "SET failures = :all",
            "ExpressionAttributeValues": {":all": {"N": str(services.programme.accounts.contact_failures)}},
        },
    )
    return call


def guessed_then_again(gateway: Gateway) -> Call:
    contact = "guessed@example.org"
    return guessed(again(gateway, contact), contact, gateway)


def guessed_then_started(gateway: Gateway) -> Call:
    call = starting()
    assert gateway.services.sign_ins  # as it is built, the table gets its name
    return guessed(call, call.body["contact"], gateway)


def in_a_crowd(gateway: Gateway) -> Call:
    """More begin from this network than usual, in a window that is over after two more calls."""
    services, length = gateway.services, gateway.services.programme.accounts.network_window_s
    window = int(gateway.now.timestamp()) // length + 1
    gateway.now = datetime.fromtimestamp((window + 1) * length - 3, UTC)
    services.sign_ins._networks._crowded[services.macs.network(prefix_of("127.0.0.1"))] = str(window)
    return starting()


def from_a_device(gateway: Gateway, device: Device, proof: str) -> Call:
    """From a device that has a token, with this proof of its key."""
    call = starting()
    mac = gateway.services.macs.contact(parse_contact(call.body["contact"]))
    token = gateway.services.access_tokens.issue_device(mac, device.jkt, gateway.now)
    return call.but(body=call.body | {"device_token": token}, headers={"dpop": proof})


def with_a_clock_that_is_off(gateway: Gateway) -> Call:
    device = Device()
    return from_a_device(gateway, device, device.proof("POST", "/sign-ins", gateway.now - AN_HOUR))


UNKNOWN = "a" * 26


def entering(gateway: Gateway, contact: str = "", **changes: str) -> Call:
    """Somebody enters the code that was sent to them, on a device with a key."""
    started = gateway.ok(starting(contact=contact) if contact else starting())
    hand_over(gateway, started["sign_in_id"], 1)
    code = codes.code(gateway.services.macs.code_key(started["sign_in_id"]), 1)
    entered = {"sign_in_id": started["sign_in_id"], "secret": started["secret"], "code": code}
    return Call(routes.OPEN, {"code": entered | changes}, device=Device())


def wrongly(provoke: Provoke) -> Provoke:
    """The same with a wrong code."""

    def wrong(gateway: Gateway) -> Call:
        call = provoke(gateway)
        code = f"{(int(call.body['code']['code']) + 1) % 10**6:06d}"
        return call.but(body={"code": call.body["code"] | {"code": code}})

    return wrong


def too_often(provoke: Provoke) -> Provoke:
    """The same after as many tries of a wrong code as there are."""

    def used_up(gateway: Gateway) -> Call:
        call = wrongly(provoke)(gateway)
        for _ in range(gateway.services.programme.accounts.code_tries):
            gateway.send(call)
        return call

    return used_up


def too_late(provoke: Provoke) -> Provoke:
    """The same after the life of a code."""

    def expired(gateway: Gateway) -> Call:
        call = provoke(gateway)
        gateway.now += timedelta(seconds=gateway.services.programme.accounts.code_lifetime_s)
        return call

    return expired


def entering_where_another_was_first(gateway: Gateway) -> Call:
    return gateway.sent(entering(gateway)).but(device=Device())


def entering_after_guesses(gateway: Gateway) -> Call:
    call = entering(gateway)
    sign_in = gateway.services.sign_ins.store.get(call.body["code"]["sign_in_id"], gateway.now)
    assert sign_in is not None
    return guessed(call, gateway.services.sign_ins.contact(sign_in).value, gateway)


def refreshing(gateway: Gateway) -> Call:
    """Somebody who has signed in asks for another access token."""
    call = entering(gateway)
    return Call(routes.REFRESH, {"refresh_token": gateway.ok(call)["refresh_token"]}, device=call.device)


def refreshing_too_often(gateway: Gateway) -> Call:
    call = refreshing(gateway)
    for _ in range(PROOFS_MAX):
        gateway.ok(call)
    return call


def early(provoke: Provoke) -> Provoke:
    """By a device whose clock is an hour behind."""

    def provoked(gateway: Gateway) -> Call:
        call = provoke(gateway)
        method, path = call.route.split(" ")
        token = gateway.token(call.person) if call.person else None
        device, then = call.device or gateway.device, gateway.now - AN_HOUR
        headers = {"dpop": device.proof(method, call.path or path, then, access_token=token)}
        return call.but(headers=headers | ({"authorization": f"Bearer {token}"} if token else {}))

    return provoked


def unproved(provoke: Provoke) -> Provoke:
    return lambda gateway: provoke(gateway).but(headers={"dpop": "none"})


def signed_out(provoke: Provoke) -> Provoke:
    """The session was ended on another device."""

    def provoked(gateway: Gateway) -> Call:
        call = provoke(gateway)
        gateway.session(call.person)
        gateway.services.sessions.end_all(call.person, gateway.now)
        return call

    return provoked


def restless(provoke: Provoke) -> Provoke:
    """As many proofs came from the device as are remembered."""

    def provoked(gateway: Gateway) -> Call:
        call = provoke(gateway)
        store, proofs = gateway.services.account_store, ()
        session = store.session(call.person, gateway.session(call.person).id)
        assert session is not None
        for number in range(PROOFS_MAX):
            proofs = with_proof(proofs, f"proof-{number}", gateway.now)
        assert store.use(session, proofs, gateway.now)
        return call

    return provoked


def of_session(provoke: Provoke, *, looks: bool = False) -> dict[str, Provoke]:
    """What a route refuses that reads the session; one that only looks may be asked any number of times."""
    found = {
        "session_expired": signed_out(provoke),
        "invalid_dpop_proof": unproved(provoke),
        "use_dpop_nonce": early(provoke),
    }
    return found if looks else found | {"too_many_requests": restless(provoke)}


def signed_in(route: str) -> Provoke:
    return lambda gateway: Call(route, person=gateway.stranger())


def signing_out(gateway: Gateway) -> Call:
    person = gateway.stranger()
    return Call(routes.SIGN_OUT, person=person).at(gateway.session(person).id)


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.START: {
        "sms_not_offered": lambda _: starting(contact="0812-3456-7890"),
        "malformed_contact": lambda _: starting(contact="0812"),
        "too_many_codes": over_the_hour,
        "proof_of_work_needed": in_a_crowd,
        "invalid_dpop_proof": lambda gateway: from_a_device(gateway, Device(), "no proof"),
        "use_dpop_nonce": with_a_clock_that_is_off,
        "too_many_tries": guessed_then_started,
    },
    routes.SIGN_IN_PROGRESS: {
        "unknown_sign_in": lambda _: Call(routes.SIGN_IN_PROGRESS).at(UNKNOWN),
        "not_found": lambda _: Call(routes.SIGN_IN_PROGRESS).at("x"),
    },
    routes.SEND_AGAIN: {
        "unknown_sign_in": lambda gateway: again(gateway, secret="0" * 64),
        "not_found": lambda _: Call(routes.SEND_AGAIN, {"secret": "0" * 64}).at("x"),
        "too_many_codes": used_up,
        "too_many_tries": guessed_then_again,
    },
    routes.OPEN: {
        "unknown_sign_in": lambda gateway: entering(gateway, secret="0" * 64),
        "wrong_code": wrongly(entering),
        "code_used_up": too_often(entering),
        "code_expired": too_late(entering),
        "too_many_tries": entering_after_guesses,
        "code_used": entering_where_another_was_first,
        "invalid_dpop_proof": unproved(entering),
        "use_dpop_nonce": early(entering),
    },
    routes.REFRESH: {
        "session_expired": lambda gateway: refreshing(gateway).but(device=Device()),
        "too_many_requests": refreshing_too_often,
        "invalid_dpop_proof": unproved(refreshing),
        "use_dpop_nonce": early(refreshing),
    },
    routes.DEVICES: of_session(signed_in(routes.DEVICES), looks=True),
    routes.SIGN_OUT_EVERYWHERE: of_session(signed_in(routes.SIGN_OUT_EVERYWHERE)),
    routes.SIGN_OUT: of_session(signing_out)
    | {"not_found": lambda gateway: Call(routes.SIGN_OUT, person=gateway.stranger()).at(UNKNOWN)},
}

SUCCESSES: dict[str, Provoke] = {
    routes.START: lambda _: starting(),
    routes.SIGN_IN_PROGRESS: looking,
    routes.SEND_AGAIN: again,
    routes.OPEN: entering,
    routes.REFRESH: refreshing,
    routes.DEVICES: signed_in(routes.DEVICES),
    routes.SIGN_OUT_EVERYWHERE: signed_in(routes.SIGN_OUT_EVERYWHERE),
    routes.SIGN_OUT: signing_out,
}
