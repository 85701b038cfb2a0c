"""Surveys and their answers: successes and refusals of each endpoint."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.builders.surveys import ANSWERS
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, Provoke


def answering(person: str, survey: str, **changes: Any) -> Call:
    return Call(routes.RESPOND, {"answers": ANSWERS | changes}, person=person).at(survey)


def answer_anew(gateway: Gateway) -> Call:
    surveyed = gateway.surveyed()
    gateway.ok(answering(*surveyed))
    return answering(*surveyed, recommendation=0)


def answer_too_late(gateway: Gateway) -> Call:
    surveyed = gateway.surveyed()
    gateway.now += timedelta(seconds=gateway.services.programme.surveys.open_s)
    return answering(*surveyed)


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.RESPOND: {
        "not_found": lambda gateway: answering(gateway.stranger(), gateway.surveyed()[1]),
        "survey_closed": answer_too_late,
        "survey_already_answered": answer_anew,
        "survey_answer_invalid": lambda gateway: answering(*gateway.surveyed(), satisfaction=6),
    },
}

SUCCESSES: dict[str, Provoke] = {
    routes.SURVEYS: lambda gateway: Call(routes.SURVEYS, person=gateway.surveyed()[0]),
    routes.RESPOND: lambda gateway: answering(*gateway.surveyed()),
}
