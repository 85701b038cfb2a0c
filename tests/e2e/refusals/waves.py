"""Waves, entries, surveys and statistics: how each endpoint succeeds and how it refuses."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from chalicelib.clock import iso
from chalicelib.outcomes.statistics_wire import NOTHING, Progress, WaveStatistics
from chalicelib.outcomes.store import TallyStore
from chalicelib.registration.rules import Employment, Standing
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.draws.files import DEVELOPMENT, DEVELOPMENT_FROZEN, published_draw, random_lists
from tests.builders.waves import CLOSES, WAVE
from tests.conftest import T0
from tests.e2e import routes
from tests.e2e.gateway import AN_HOUR, ANSWERS, Call, Gateway, Provoke

FROZEN = 143
"""A wave before the open one, with one entry."""
BIRTHDAY_WITHIN_THE_WAVE = date(1961, 11, 30)
"""64 years old when the wave opens, 65 on the day it closes."""


def join_at(instant: datetime) -> Provoke:
    def provoke(gateway: Gateway) -> Call:
        gateway.now = instant
        return Call(routes.JOIN, person=gateway.registered())

    return provoke


def join_revoked(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.services.registrations.set_standing(person, Standing.REVOKED)
    return Call(routes.JOIN, person=person)


def join_corrected(**changes: Any) -> Provoke:
    """Registration refuses these, so only a record that was corrected since comes so far."""
    return lambda gateway: Call(routes.JOIN, person=gateway.corrected(**changes))


def proof(leaf: str, wave: int | str = FROZEN, **query: str) -> Call:
    return Call(routes.PROOF, query=query).at(wave, leaf)


def published_leaf(gateway: Gateway) -> str:
    """The leaf of the only entry of a wave that is frozen."""
    lists = random_lists(FROZEN, {31: 1})
    files = published_draw(FROZEN, lists, {}, 1, DEVELOPMENT, DEVELOPMENT_FROZEN)
    services = gateway.services
    Publication(services._client("s3"), services.settings.results_bucket).put(FROZEN, files)
    times = {"opens_at": "2026-10-30T05:00:00Z", "closes_at": "2026-11-02T17:00:00Z"}
    seats = {"quota": 1, "reserved": 0, "weights": "{}", "chosen": 1, "note": files["note.txt"].decode()}
    WaveItem("WAVES", f"{FROZEN:06d}", state=WaveState.SETTLED.value, **times, **seats).save()
    gateway.now += AN_HOUR  # until then a function may believe the waves that it has in memory
    return lists[31].hex()


def proof_of_nobody(gateway: Gateway) -> Call:
    published_leaf(gateway)
    return proof("ab" * 32, region="31")


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


def ask_about_a_counted_wave(gateway: Gateway) -> Call:
    counted = WaveStatistics(144, 2026, iso(T0), iso(T0), True, Progress(), NOTHING, [])
    assert gateway.services.statistics  # as it is built, the table gets its name
    TallyStore().publish("WAVE#000144", 1, counted)
    return Call(routes.GET_WAVE_STATISTICS).at(144)


REFUSALS: dict[str, dict[str, Provoke]] = {
    routes.ENTRIES: {"not_registered": lambda gateway: Call(routes.ENTRIES, person=gateway.stranger())},
    **{
        route: {
            "not_found": lambda _, route=route: Call(route).at("first"),
            "unknown_wave": lambda _, route=route: Call(route).at(53),
        }
        for route in (routes.GET_WAVE, routes.VERIFY, routes.GET_WAVE_STATISTICS)
    },
    routes.PROOF: {
        "not_found": lambda _: proof("ab" * 32, "first", region="31"),
        "malformed_leaf": lambda _: proof("AB" * 32, region="31"),
        "unknown_wave": lambda _: proof("ab" * 32, 53, region="31"),
        "wave_not_frozen_yet": lambda _: proof("ab" * 32, WAVE, region="31"),
        "not_on_the_list": proof_of_nobody,
    },
    routes.JOIN: {
        "wave_not_open_yet": join_at(T0 + AN_HOUR),
        "wave_closed": join_at(CLOSES - timedelta(seconds=1)),
        "already_beneficiary": lambda gateway: Call(routes.JOIN, person=gateway.chosen().registrant_id),
        "barred": join_revoked,
        "not_registered": lambda gateway: Call(routes.JOIN, person=gateway.stranger()),
        "in_formal_education": join_corrected(employment=Employment.STUDENT),
        "excluded_occupation": join_corrected(employment=Employment.POLICE),
        "under_age": join_corrected(birth_date=date(2010, 1, 31)),
        "over_age": lambda gateway: Call(routes.JOIN, person=gateway.registered(birth_date=BIRTHDAY_WITHIN_THE_WAVE)),
    },
    routes.RESPOND: {
        "not_found": lambda gateway: answering(gateway.stranger(), gateway.surveyed()[1]),
        "survey_closed": answer_too_late,
        "survey_already_answered": answer_anew,
        "survey_answer_invalid": lambda gateway: answering(*gateway.surveyed(), satisfaction=6),
    },
}

SUCCESSES: dict[str, Provoke] = {
    routes.JOIN: lambda gateway: Call(routes.JOIN, person=gateway.registered()),
    routes.GET_WAVE: lambda _: Call(routes.GET_WAVE).at(WAVE),
    routes.VERIFY: lambda _: Call(routes.VERIFY).at(WAVE),
    routes.PROOF: lambda gateway: proof(published_leaf(gateway), region="31"),
    routes.ENTRIES: lambda gateway: Call(routes.ENTRIES, person=gateway.veteran),
    routes.SURVEYS: lambda gateway: Call(routes.SURVEYS, person=gateway.surveyed()[0]),
    routes.RESPOND: lambda gateway: answering(*gateway.surveyed()),
    routes.GET_WAVE_STATISTICS: ask_about_a_counted_wave,
}
