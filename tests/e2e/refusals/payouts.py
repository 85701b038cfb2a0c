"""How the endpoints for payouts succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from tests.e2e.gateway import HINT, Call, Provoke

PAYOUTS = "GET /me/payouts"

REFUSALS: dict[str, dict[str, Provoke]] = {
    HINT: {
        "invalid_callback": lambda _: Call(HINT, {"reference_id": "any"}, headers={"x-callback-token": "guessed"}),
    },
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    HINT: lambda _: Call(HINT, {"reference_id": "any"}, headers={"x-callback-token": "test-callback-token"}),
    PAYOUTS: lambda gateway: Call(PAYOUTS, person=gateway.veteran),
}
"""By route: a request that succeeds."""
