"""A request without an account, a signature or a secret makes the application read little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

import app as application
from chalicelib.config import Programme
from chalicelib.outcomes.statistics_service import KEPT
from chalicelib.outcomes.store import TallyStore
from tests.builders.crashes import Calls
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, serving_alone
from tests.e2e.refusals import REFUSALS, SUCCESSES
from tests.e2e.refusals.citizens import FROZEN, proof, published_leaf

OPEN = [one for one in application.app.operations if one.who != "citizen"]
UNSIGNED = {
    *("partner_signature_missing", "partner_signature_expired", "partner_signature_invalid"),
    *("invalid_callback", "registry_answer_refused"),
}
MOST = 1
"""Calls to AWS of a request that is refused to a stranger; only a proof that nobody asked for before takes more."""
CODES = {(routes.START, "too_many_codes"), (routes.START, "too_many_tries"), (routes.SEND_AGAIN, "too_many_tries")}
"""These take one more: who is asking, and whether as many were asked for as may be."""
TRIES = {(routes.OPEN, code) for code in ("wrong_code", "code_used_up", "too_many_tries")}
"""These take two more, a few times a sign-in: its key, and that it was tried."""
NO_STRANGER = {(routes.PROOF, "not_on_the_list")} | {
    (routes.OPEN, code) for code in ("code_used", "contact_waits", "more_proof_needed", "identity_unconfirmed")
}
"""The first is counted below; who gets the others had the right code."""


@pytest.fixture(scope="module")
def gateway(programme: Programme) -> Iterator[Gateway]:
    with serving_alone(programme, exceptions_cached_s=36_000) as gateway:
        published_leaf(gateway)
        gateway.ok(Call("GET /waves"))
        yield gateway


@pytest.fixture(autouse=True)
def present(gateway: Gateway) -> Iterator[None]:
    """A refusal that needs another season leaves the next tests in this one."""
    before = gateway.now
    yield
    if abs(gateway.now - before) > timedelta(days=1):
        gateway.now = before


def made(gateway: Gateway, call: Call, status: int) -> Counter[str]:
    """The calls to AWS of a request, which is answered with a status."""
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        gateway.now -= timedelta(seconds=1)  # each sending takes one: what is kept for some seconds stays good
        assert gateway.send(call).status_code == status
        return Counter(f"{service} {operation}" for service, operation in calls.made)


def refused() -> list[tuple[str, str]]:
    """Every refusal that a stranger can meet."""
    return [
        (f"{one.method} {one.path}", code)
        for one in OPEN
        for code in REFUSALS.get(f"{one.method} {one.path}", {})
        if one.who == "public" or code in UNSIGNED
    ]


@pytest.mark.parametrize(("route", "code"), [case for case in refused() if case not in NO_STRANGER])
def test_a_refusal_costs_at_most_one_call_or_two_or_three_with_a_code(gateway: Gateway, route: str, code: str) -> None:
    call = REFUSALS[route][code](gateway)
    gateway.send(call)  # what a process keeps in memory is there
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        assert gateway.send(call).status_code >= 400
        assert len(calls.made) <= MOST + ((route, code) in CODES) + 2 * ((route, code) in TRIES), calls.made


def test_every_partner_and_the_provider_refuse_strangers_here() -> None:
    covered = {route for route, _ in refused()}
    assert {f"{one.method} {one.path}" for one in OPEN if one.who != "public"} <= covered


def test_a_leaf_that_is_on_no_list_is_looked_for_once(gateway: Gateway) -> None:
    gateway.services.inclusion._table.cache_clear()
    assert made(gateway, proof("ab" * 32, region="31"), 404) == {"s3 GetObject": 2}, "the table and a run"
    assert made(gateway, proof("ab" * 32, region="31"), 404) == {}, "what is frozen never changes"
    assert made(gateway, proof("cd" * 32, region="31"), 404) == {"s3 GetObject": 1}, "the table is kept"
    assert made(gateway, proof("ab" * 32, region="94"), 404) == {}, "a region without a row"


@pytest.mark.parametrize("query", [{}, {"region": ""}, {"region": "9"}, {"region": "100"}, {"region": "DKI"}])
def test_without_a_region_nothing_is_read(gateway: Gateway, query: dict[str, str]) -> None:
    call = proof("ab" * 32, **query)
    assert made(gateway, call, 400) == {}
    answer = gateway.send(call)
    assert (answer.json_body["code"], "region" in str(answer.json_body)) == ("malformed_request", True)


def test_a_missing_leaf_may_be_cached_but_nothing_before_the_freeze(gateway: Gateway) -> None:
    final = gateway.send(proof("ab" * 32, region="31"))
    assert (final.status_code, final.headers["Cache-Control"]) == (404, "public, max-age=86400")
    assert final.headers["Vary"] == "Accept-Language"
    early = gateway.send(REFUSALS[routes.PROOF]["wave_not_frozen_yet"](gateway))
    assert (early.status_code, early.headers["Cache-Control"]) == (409, "no-store")


def test_the_cache_of_proofs_is_bounded(gateway: Gateway) -> None:
    inclusion = gateway.services.inclusion
    assert (inclusion._table.cache_info().maxsize, inclusion._kept.cache_info().maxsize) == (8, 2_000)


def test_a_published_leaf_is_proven_again_without_a_read(gateway: Gateway) -> None:
    call = SUCCESSES[routes.PROOF](gateway)
    assert sum(made(gateway, call, 200).values()) <= 3
    assert made(gateway, call, 200) == {}
    assert call.path.startswith(f"/waves/{FROZEN}/")


def test_the_table_of_all_waves_is_read_once_in_five_minutes(gateway: Gateway) -> None:
    assert gateway.services.statistics, "which names its table"
    assert TallyStore()
    call = SUCCESSES["GET /statistics.csv"](gateway)
    gateway.now += KEPT
    gateway.ok(call)
    assert made(gateway, call, 200) == {}
    gateway.now += KEPT
    assert made(gateway, call, 200) == {"dynamodb Query": 1}


def test_the_description_of_the_application_reads_nothing(gateway: Gateway) -> None:
    assert made(gateway, Call("GET /openapi.json"), 200) == {}
