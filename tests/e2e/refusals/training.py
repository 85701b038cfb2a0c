"""How the endpoints for courses and purchases succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.e2e.gateway import BUY, CANCEL, REVIEW, Bought, Call, Gateway, Provoke

TRAININGS = "GET /me/trainings"
GET_COURSE = "GET /courses/{course_id}"


def buying(**changes: str) -> Provoke:
    """Somebody chosen buys a course that came into the catalogue with `changes`."""

    def provoke(gateway: Gateway) -> Call:
        return Call(BUY, {"course_id": gateway.new_course(**changes)}, person=gateway.chosen().registrant_id)

    return provoke


def buy_unknown(gateway: Gateway) -> Call:
    return Call(BUY, {"course_id": "a" * 26}, person=gateway.chosen().registrant_id)


def buy_revoked(gateway: Gateway) -> Call:
    beneficiary = gateway.chosen()
    gateway.revoke(beneficiary)
    return Call(BUY, {"course_id": gateway.course}, person=beneficiary.registrant_id)


def buy_too_late(gateway: Gateway) -> Call:
    beneficiary = gateway.chosen()
    gateway.now = beneficiary.buy_by
    return Call(BUY, {"course_id": gateway.course}, person=beneficiary.registrant_id)


def cancelling(person: str, training_id: str) -> Call:
    return Call(CANCEL, path=f"/me/trainings/{training_id}/cancellation", person=person)


def cancel(gateway: Gateway) -> Call:
    bought = gateway.bought()
    return cancelling(bought.person, bought.training_id)


def cancel_redeemed(gateway: Gateway) -> Call:
    bought = gateway.redeemed()
    return cancelling(bought.person, bought.training_id)


def cancel_too_late(gateway: Gateway) -> Call:
    bought = gateway.bought()
    gateway.now += timedelta(seconds=gateway.services.programme.training.cancel_within_s)
    return cancelling(bought.person, bought.training_id)


def reviewing(bought: Bought, text: str = "Sangat membantu sekali.") -> Call:
    path = f"/me/trainings/{bought.training_id}/review"
    return Call(REVIEW, {"rating": 9, "text": text}, path, person=bought.person)


def review_training_of_another(gateway: Gateway) -> Call:
    return replace(reviewing(gateway.trained()), person=gateway.chosen().registrant_id)


def review_anew(gateway: Gateway) -> Call:
    return reviewing(gateway.graduated(), "Kurang membantu, ternyata.")


def buy_excluded(gateway: Gateway) -> Call:
    call = SUCCESSES[BUY](gateway)
    assert call.person
    gateway.exclude(call.person)
    return call


REFUSALS: dict[str, dict[str, Provoke]] = {
    BUY: {
        "not_beneficiary": lambda gateway: Call(BUY, {"course_id": gateway.course}, person=gateway.registered()),
        "beneficiary_revoked": buy_revoked,
        "purchase_deadline_passed": buy_too_late,
        "excluded": buy_excluded,
        "unknown_course": buy_unknown,
        "course_not_offered": buying(offered="no"),
        "balance_too_low": buying(price_idr="3500001"),
    },
    CANCEL: {
        "not_found": lambda gateway: cancelling(gateway.veteran, "a" * 26),
        "training_already_redeemed": cancel_redeemed,
        "cancellation_too_late": cancel_too_late,
    },
    REVIEW: {
        "not_found": review_training_of_another,
        "already_reviewed": review_anew,
        "training_not_completed": lambda gateway: reviewing(gateway.attended()),
    },
    GET_COURSE: {
        "not_found": lambda _: Call(GET_COURSE, path="/courses/PY-101"),
        "unknown_course": lambda _: Call(GET_COURSE, path=f"/courses/{'a' * 26}"),
    },
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    BUY: lambda gateway: Call(BUY, {"course_id": gateway.course}, person=gateway.chosen().registrant_id),
    CANCEL: cancel,
    REVIEW: lambda gateway: reviewing(gateway.trained()),
    GET_COURSE: lambda gateway: Call(GET_COURSE, path=f"/courses/{gateway.course}"),
    TRAININGS: lambda gateway: Call(TRAININGS, person=gateway.veteran),
    "GET /courses": lambda _: Call("GET /courses"),
}
"""By route: a request that succeeds."""
