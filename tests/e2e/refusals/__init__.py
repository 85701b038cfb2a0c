"""How each endpoint succeeds, and how each refusal that it declares is provoked."""

from __future__ import annotations

from tests.e2e import routes
from tests.e2e.gateway import Call, Provoke

from . import citizens, contacts, partners, passkeys, presence, privacy, registry, signing_in, surveys

REFERENCES = "GET /references/{list_name}"
ASSET = "GET /assets/{build}/{folder}/{module}"
REFUSALS: dict[str, dict[str, Provoke]] = (
    citizens.REFUSALS
    | partners.REFUSALS
    | signing_in.REFUSALS
    | contacts.REFUSALS
    | passkeys.REFUSALS
    | presence.REFUSALS
    | privacy.REFUSALS
    | registry.REFUSALS
    | surveys.REFUSALS
    | {routes.JOIN: citizens.REFUSALS[routes.JOIN] | {"consent_withdrawn": privacy.joining_without_consent}}
    | {REFERENCES: {"not_found": lambda _: Call(REFERENCES).at("registrants")}}
    | {ASSET: {"not_found": lambda _: Call(ASSET).at("any", "citizen", "none.js")}}
)
"""By route and code. What every route of a kind has in common (bodies, tokens, outages) is tested for all of them."""

_PUBLIC = (
    "GET /",
    "GET /dashboard",
    "GET /sw.js",
    "GET /openapi.json",
    "GET /.well-known/jwks.json",
    "GET /health",
    "GET /status.json",
    "GET /draws",
    "GET /status",
    "GET /docs",
    "GET /waves",
    "GET /waves/current",
    "GET /waves.ics",
    "GET /feed.atom",
    "GET /statistics",
    "GET /statistics.csv",
)
SUCCESSES: dict[str, Provoke] = {
    **citizens.SUCCESSES,
    **partners.SUCCESSES,
    **signing_in.SUCCESSES,
    **contacts.SUCCESSES,
    **passkeys.SUCCESSES,
    **presence.SUCCESSES,
    **privacy.SUCCESSES,
    **registry.SUCCESSES,
    **surveys.SUCCESSES,
    REFERENCES: lambda _: Call(REFERENCES).at("education"),
    ASSET: lambda _: Call(ASSET).at("any", "citizen", "main.js"),
    **{route: lambda _, route=route: Call(route) for route in _PUBLIC},
}
"""By route: a request that succeeds."""
