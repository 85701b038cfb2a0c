"""What people who sign in ask: how each endpoint succeeds and how it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from chalicelib.accounts.budgets import budget_of
from chalicelib.accounts.contact import parse_contact
from chalicelib.accounts.networks import prefix_of
from chalicelib.aws import dynamodb
from tests.builders.accounts import Device
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
}

SUCCESSES: dict[str, Provoke] = {
    routes.START: lambda _: starting(),
    routes.SIGN_IN_PROGRESS: looking,
    routes.SEND_AGAIN: again,
}
