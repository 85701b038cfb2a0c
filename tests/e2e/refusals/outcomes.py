"""How the endpoints for surveys and statistics succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.clock import iso
from chalicelib.outcomes.statistics_wire import NOTHING, Progress, WaveStatistics
from chalicelib.outcomes.tally_store import TallyStore
from tests.conftest import T0
from tests.e2e.gateway import ANSWERS, RESPOND, Call, Gateway, Provoke

SURVEYS = "GET /me/surveys"
GET_WAVE_STATISTICS = "GET /statistics/waves/{number}"


def answering(person: str, survey: str, **changes: Any) -> Call:
    path = RESPOND.split(" ")[1].replace("{survey_id}", survey)
    return Call(RESPOND, {"answers": ANSWERS | changes}, path=path, person=person)


def answer_survey_of_another(gateway: Gateway) -> Call:
    _, survey = gateway.surveyed()
    return answering(gateway.stranger(), survey)


def answer_anew(gateway: Gateway) -> Call:
    surveyed = gateway.surveyed()
    gateway.ok(answering(*surveyed))
    return answering(*surveyed, recommendation=0)


def answer_too_late(gateway: Gateway) -> Call:
    surveyed = gateway.surveyed()
    gateway.now += timedelta(seconds=gateway.services.programme.surveys.open_s)
    return answering(*surveyed)


def ask_about_a_counted_wave(gateway: Gateway) -> Call:
    counted = WaveStatistics(144, 2026, iso(T0), iso(T0), True, Progress(), NOTHING, [])
    assert gateway.services.statistics  # as it is built, the table gets its name
    TallyStore().publish("WAVE#000144", 1, counted)
    return Call(GET_WAVE_STATISTICS, path="/statistics/waves/144")


REFUSALS: dict[str, dict[str, Provoke]] = {
    RESPOND: {
        "not_found": answer_survey_of_another,
        "survey_closed": answer_too_late,
        "survey_already_answered": answer_anew,
        "survey_answer_invalid": lambda gateway: answering(*gateway.surveyed(), satisfaction=6),
    },
    GET_WAVE_STATISTICS: {
        "not_found": lambda _: Call(GET_WAVE_STATISTICS, path="/statistics/waves/first"),
        "unknown_wave": lambda _: Call(GET_WAVE_STATISTICS, path="/statistics/waves/53"),
    },
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    SURVEYS: lambda gateway: Call(SURVEYS, person=gateway.surveyed()[0]),
    RESPOND: lambda gateway: answering(*gateway.surveyed()),
    GET_WAVE_STATISTICS: ask_about_a_counted_wave,
    "GET /statistics": lambda _: Call("GET /statistics"),
    "GET /statistics.csv": lambda _: Call("GET /statistics.csv"),
}
"""By route: a request that succeeds."""
