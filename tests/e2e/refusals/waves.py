"""How the endpoints for waves and entries succeed, and how each refusal that they declare is provoked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chalicelib.registration.rules import Employment, Standing
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.draws.files import DEVELOPMENT, DEVELOPMENT_FROZEN, published_draw, random_lists
from tests.builders.waves import CLOSES, WAVE
from tests.conftest import T0
from tests.e2e.gateway import AN_HOUR, JOIN, Call, Gateway, Provoke

ENTRIES = "GET /me/entries"
GET_WAVE = "GET /waves/{number}"
VERIFY = "GET /waves/{number}/verify"
PROOF = "GET /waves/{number}/entries/{leaf}/proof"
FROZEN = 143
"""A wave before the open one, with one entry."""
BIRTHDAY_WITHIN_THE_WAVE = date(1961, 11, 30)
"""64 years old when the wave opens, 65 on the day it closes."""


def join_before_the_first_wave(gateway: Gateway) -> Call:
    gateway.now = T0 + AN_HOUR
    return Call(JOIN, person=gateway.registered())


def join_after_the_last_second(gateway: Gateway) -> Call:
    gateway.now = CLOSES - timedelta(seconds=1)
    return Call(JOIN, person=gateway.registered())


def join_revoked(gateway: Gateway) -> Call:
    person = gateway.registered()
    gateway.services.registrations.set_standing(person, Standing.REVOKED)
    return Call(JOIN, person=person)


def join_corrected(**changes: Any) -> Provoke:
    """Registration refuses these, so only a record that was corrected since comes so far."""
    return lambda gateway: Call(JOIN, person=gateway.corrected(**changes))


def proof(leaf: str, wave: int | str = FROZEN, **query: str) -> Call:
    return Call(PROOF, path=f"/waves/{wave}/entries/{leaf}/proof", query=query)


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


REFUSALS: dict[str, dict[str, Provoke]] = {
    ENTRIES: {"not_registered": lambda gateway: Call(ENTRIES, person=gateway.stranger())},
    GET_WAVE: {
        "not_found": lambda _: Call(GET_WAVE, path="/waves/first"),
        "unknown_wave": lambda _: Call(GET_WAVE, path="/waves/53"),
    },
    VERIFY: {
        "not_found": lambda _: Call(VERIFY, path="/waves/first/verify"),
        "unknown_wave": lambda _: Call(VERIFY, path="/waves/53/verify"),
    },
    PROOF: {
        "not_found": lambda _: proof("ab" * 32, "first", region="31"),
        "malformed_leaf": lambda _: proof("AB" * 32, region="31"),
        "unknown_wave": lambda _: proof("ab" * 32, 53, region="31"),
        "wave_not_frozen_yet": lambda _: proof("ab" * 32, WAVE, region="31"),
        "not_on_the_list": proof_of_nobody,
    },
    JOIN: {
        "wave_not_open_yet": join_before_the_first_wave,
        "wave_closed": join_after_the_last_second,
        "already_beneficiary": lambda gateway: Call(JOIN, person=gateway.chosen().registrant_id),
        "barred": join_revoked,
        "not_registered": lambda gateway: Call(JOIN, person=gateway.stranger()),
        "in_formal_education": join_corrected(employment=Employment.STUDENT),
        "excluded_occupation": join_corrected(employment=Employment.POLICE),
        "under_age": join_corrected(birth_date=date(2010, 1, 31)),
        "over_age": lambda gateway: Call(JOIN, person=gateway.registered(birth_date=BIRTHDAY_WITHIN_THE_WAVE)),
    },
}
"""By route and code."""

SUCCESSES: dict[str, Provoke] = {
    JOIN: lambda gateway: Call(JOIN, person=gateway.registered()),
    GET_WAVE: lambda _: Call(GET_WAVE, path=f"/waves/{WAVE}"),
    VERIFY: lambda _: Call(VERIFY, path=f"/waves/{WAVE}/verify"),
    PROOF: lambda gateway: proof(published_leaf(gateway), region="31"),
    ENTRIES: lambda gateway: Call(ENTRIES, person=gateway.veteran),
    "GET /waves": lambda _: Call("GET /waves"),
    "GET /waves/current": lambda _: Call("GET /waves/current"),
}
"""By route: a request that succeeds."""
