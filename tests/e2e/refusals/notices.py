"""How the endpoints for announcements and reminders succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from chalicelib.ids import random_id, system_randomness
from chalicelib.notices.rules import ChangeLink
from tests.e2e.gateway import ADDRESS, Call, Gateway, Provoke

LINKS = ("GET /unsubscriptions/{token}", "POST /unsubscriptions/{token}")


def following(route: str) -> Provoke:
    """Somebody follows the link of a reminder."""

    def provoked(gateway: Gateway) -> Call:
        token = gateway.services.mailboxes.give_token(gateway.stranger(), random_id(system_randomness))
        return Call(route, path=f"/unsubscriptions/{token}")

    return provoked


CHANGES = ("GET /changes/{token}", "POST /changes/{token}/confirmation", "POST /changes/{token}/denial")


def asked(route: str) -> Provoke:
    """Somebody follows the link of a mail about their changed account."""

    def provoked(gateway: Gateway) -> Call:
        person, token = gateway.chosen().registrant_id, random_id(system_randomness)
        for _ in range(2):
            gateway.ok(Call(ADDRESS, gateway.address(), person=person))
        gateway.services.mailboxes.give_change_link(token, ChangeLink(person, 2), gateway.now)
        return Call(route, path=route.split(" ")[1].format(token=token))

    return provoked


REFUSALS: dict[str, dict[str, Provoke]] = {
    route: {"not_found": lambda _, route=route: Call(route, path=route.split(" ")[1].format(token="a" * 26))}
    for route in LINKS + CHANGES
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    **{route: following(route) for route in LINKS},
    **{route: asked(route) for route in CHANGES},
    "GET /waves.ics": lambda _: Call("GET /waves.ics"),
    "GET /feed.atom": lambda _: Call("GET /feed.atom"),
}
"""By route: a request that succeeds."""
