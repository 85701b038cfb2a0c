"""How the endpoints for complaints and appeals succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.builders.waves import WAVE
from tests.e2e.gateway import JOIN, Call, Gateway, Provoke

COMPLAIN = "POST /me/grievances"
COMPLAINTS = "GET /me/grievances"


def complaining(about: dict[str, Any], person: Callable[[Gateway], str], text: str = "Mohon diperiksa.") -> Provoke:
    return lambda gateway: Call(
        COMPLAIN, {"about": about, "category": "personal_data", "text": text}, person=person(gateway)
    )


def appeal_before_the_draw(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.ok(Call(JOIN, person=person))
    return complaining({"kind": "selection", "wave": WAVE}, lambda _: person)(gateway)


def complain_once_too_often(gateway: Gateway) -> Call:
    person = gateway.registered()
    calls = [
        complaining({"kind": "registration"}, lambda _: person, f"Pengaduan ke-{n}.")(gateway)
        for n in range(gateway.services.programme.helpdesk.open_max + 1)
    ]
    for call in calls[:-1]:
        gateway.ok(call)
    return calls[-1]


def look_at_complaints(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.ok(complaining({"kind": "registration"}, lambda _: person)(gateway))
    return Call(COMPLAINTS, person=person)


REFUSALS: dict[str, dict[str, Provoke]] = {
    COMPLAIN: {
        "not_found": complaining({"kind": "disbursement", "payout_id": "a" * 26}, Gateway.registered),
        "selection_not_finished": appeal_before_the_draw,
        "too_many_grievances": complain_once_too_often,
    },
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    COMPLAIN: complaining({"kind": "registration"}, Gateway.registered),
    COMPLAINTS: look_at_complaints,
}
"""By route: a request that succeeds."""
