"""What a request may cost: its calls to AWS, one after the other, as `docs/costs.md` has them with their units.

A row is a route (or a route and a case), a request that succeeds, and its calls. Somebody else sends the same before it
is counted, so that what a function keeps in memory is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import app as application
from chalicelib.config import Programme
from chalicelib.waves import published
from chalicelib.waves.draw import build_list
from chalicelib.waves.entries import EntryItem, EntryStore
from chalicelib.waves.publication import Publication
from chalicelib.waves.rules import Draw, Entry, Outcome, State, shard_of
from chalicelib.waves.store import WaveItem
from tests.builders.waves import Calls
from tests.conftest import ROOT
from tests.conftest import cloud as cloud_of_one_test
from tests.e2e.gateway import DURING, Call, Gateway, Provoke
from tests.e2e.refusals import COMPLAIN, COMPLAINTS, SUCCESSES, complaining

SETTLED = 144
"""A wave before the open one."""


@pytest.fixture(scope="module")
def gateway(programme: Programme) -> Iterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch, contextmanager(cloud_of_one_test.__wrapped__)(None) as settings:
        gateway = Gateway(settings, programme)
        patch.setattr(application, "services", lambda: gateway.services)
        patch.setattr(application.app, "clock", gateway.clock)
        gateway.now = DURING
        yield gateway


def appeal(gateway: Gateway) -> Call:
    """Somebody was chosen in a wave that is settled, and appeals all the same."""
    person, ticket = gateway.registered(), b"t" * 32
    services, times = gateway.services, {"opens_at": "2026-11-13T05:00:00Z", "closes_at": "2026-11-16T17:00:00Z"}
    WaveItem(
        "WAVES", f"{SETTLED:06d}", state=State.SETTLED.value, quota=1, reserved=0, weights="{}", chosen=1, **times
    ).save()
    EntryStore().join(Entry(SETTLED, person, 31, ticket, gateway.now))
    EntryItem(f"E#{SETTLED}#{shard_of(person)}", person).update([EntryItem.outcome.set(Outcome.CHOSEN.value)])
    services._wave_store.put_draw(SETTLED, Draw(b"s" * 32, {}, b"\xff" * 32))
    leaves = {published.leaves_name(31): build_list(SETTLED, 31, [ticket])}
    Publication(services._client("s3"), services.settings.results_bucket).put(SETTLED, leaves)
    return complaining({"kind": "selection", "wave": SETTLED}, lambda _: person)(gateway)


def complain_again(gateway: Gateway) -> Call:
    call = SUCCESSES[COMPLAIN](gateway)
    gateway.ok(call)
    return call


Row = tuple[Provoke, dict[str, int]]

COSTS: dict[str, Row] = {
    f"{COMPLAIN} registration": (
        SUCCESSES[COMPLAIN],
        {"dynamodb GetItem": 3, "kms Decrypt": 1, "dynamodb TransactWriteItems": 1},
    ),
    f"{COMPLAIN} selection": (
        appeal,
        {
            "dynamodb GetItem": 5,
            "dynamodb BatchGetItem": 1,
            "kms Decrypt": 1,
            "s3 HeadObject": 1,
            "s3 GetObject": 1,
            "dynamodb TransactWriteItems": 1,
        },
    ),
    f"{COMPLAIN} again": (complain_again, {"dynamodb GetItem": 3, "kms Decrypt": 1}),
    COMPLAINTS: (SUCCESSES[COMPLAINTS], {"dynamodb Query": 1, "dynamodb GetItem": 1, "kms Decrypt": 1}),
}


@pytest.mark.parametrize("name", COSTS)
def test_a_request_makes_these_calls_and_no_other(gateway: Gateway, name: str) -> None:
    provoke, expected = COSTS[name]
    gateway.send(provoke(gateway))
    call = provoke(gateway)
    gateway.services.waves.list(gateway.now)  # a function keeps the calendar and the records for so many seconds
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        gateway.ok(call)
        made = Counter(f"{service} {operation}" for service, operation in calls.made)
    assert made == expected


def test_every_route_that_is_counted_stands_in_the_table() -> None:
    table = (ROOT / "docs/costs.md").read_text()
    routes = {" ".join(name.split(" ")[:2]) for name in COSTS}
    assert [route for route in sorted(routes) if f"`{route}`" not in table] == []
