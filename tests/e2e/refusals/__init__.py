"""How each endpoint succeeds, and how each refusal that it declares is provoked: a file for each subject."""

from __future__ import annotations

from tests.e2e.gateway import Call, Provoke

from . import helpdesk, jobs, notices, outcomes, payouts, people, reports, training, waves

_SUBJECTS = (people, waves, training, reports, payouts, outcomes, helpdesk, jobs, notices)

REFUSALS: dict[str, dict[str, Provoke]] = {
    route: codes for subject in _SUBJECTS for route, codes in subject.REFUSALS.items()
}
"""By route and code. What every route of a kind has in common (bodies, tokens, outages) is tested for all of them."""

SUCCESSES: dict[str, Provoke] = {
    **{route: succeed for subject in _SUBJECTS for route, succeed in subject.SUCCESSES.items()},
    "GET /openapi.json": lambda _: Call("GET /openapi.json"),
    "GET /health": lambda _: Call("GET /health"),
}
"""By route: a request that succeeds."""
