"""How the endpoints for announcements and reminders succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from chalicelib.ids import random_id, system_randomness

from ..gateway import Call, Gateway, Provoke

LINKS = ("GET /unsubscriptions/{token}", "POST /unsubscriptions/{token}")


def following(route: str) -> Provoke:
    """Somebody follows the link of a reminder."""

    def provoked(gateway: Gateway) -> Call:
        token = gateway.services.mailboxes.give_token(gateway.stranger(), random_id(system_randomness))
        return Call(route, path=f"/unsubscriptions/{token}")

    return provoked


REFUSALS: dict[str, dict[str, Provoke]] = {
    route: {"not_found": lambda _, route=route: Call(route, path=f"/unsubscriptions/{'a' * 26}")} for route in LINKS
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    **{route: following(route) for route in LINKS},
    "GET /waves.ics": lambda _: Call("GET /waves.ics"),
    "GET /feed.atom": lambda _: Call("GET /feed.atom"),
}
"""By route: a request that succeeds."""
