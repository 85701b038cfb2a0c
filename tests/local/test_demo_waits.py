"""The demo does not depend on speed: it waits as long as there is progress, and repeats requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace

import pytest
from urllib3.exceptions import HTTPError

from chalicelib.waves.errors import WaveClosed
from chalicelib.waves.rules import BeneficiaryState, WaveState
from local.chaos.__main__ import NotAtRest, wait_for_quiet
from local.demo import administrator
from local.demo import api as demo_api
from local.demo.api import Answer, Api, Unexpected, made_once
from local.demo.crowd import Crowd
from local.demo.people import people
from local.demo.postbox import Postbox
from local.demo.scene import Patience
from local.sandbox.server import Loopback
from tests.builders.people import registrant
from tests.builders.places import buy, waiting
from tests.builders.waves import OPENS, ROUND, WavesWorld
from tests.conftest import T0


class SlowClock:
    """Each look takes `look_s`."""

    def __init__(self, look_s: float) -> None:
        self.instant = T0
        self._look = timedelta(seconds=look_s)

    def now(self) -> datetime:
        return self.instant

    def wait_until(self, instant: datetime, awaited: str = "") -> None:
        self.instant = max(instant, self.instant + self._look)


@pytest.mark.parametrize("look_s", [0, 60, 599])
def test_waiting_goes_on_as_long_as_the_number_falls(look_s: float) -> None:
    told: list[str] = []
    patience = Patience(SlowClock(look_s), told.append, "mails are to come", 600)
    assert all(patience.goes_on(left) for left in range(40, 0, -1))
    assert all(line.startswith("waiting: ") and line.endswith(" mails are to come") for line in told)


def test_waiting_ends_without_progress() -> None:
    patience = Patience(SlowClock(60), lambda _: None, "mails are to come", 600)
    assert [patience.goes_on(left) for left in (3, 2, *[2] * 11)] == [True] * 12 + [False]


def test_chaos_gives_up_only_without_progress() -> None:
    clock, lefts = SlowClock(300), [*range(100, 7, -1), *[7] * 4]
    with pytest.raises(NotAtRest, match="nothing has moved for 600 s: 7 messages are still queued"):
        wait_for_quiet(SimpleNamespace(queued=lambda: lefts.pop(0)), clock, 600)
    assert not lefts
    assert clock.instant - T0 == timedelta(seconds=300 * (93 + 3))


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[Api, list[str]]]:
    """A service that answers with these statuses, then with the last one; 0: not at all. The signatures it was sent."""
    plan, seen = list(statuses), []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(self.headers.get("X-Signature", ""))
            status = plan.pop(0) if len(plan) > 1 else plan[0]
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with Loopback(Service) as server:
        yield Api(server.url, 1), seen


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_api, "PAUSES_S", (0, 0, 0))


@pytest.mark.parametrize("lost", [0, 429, 500, 502, 503, 504])
def test_an_unanswered_request_is_repeated_with_a_new_signature(lost: int) -> None:
    signatures = iter("abc")
    with answering(lost, lost, 200) as (api, seen):
        answer = api.call("POST", "/x", {}, headers=lambda: {"X-Signature": next(signatures)})
    assert answer.expect(201).status == 200
    assert seen == ["a", "b", "c"]


@pytest.mark.parametrize(("status", "tries"), [(200, 1), (500, 4)], ids=["to_the_letter", "broken_for_good"])
def test_an_answer_that_is_not_the_expected_one_is_a_difference(status: int, tries: int) -> None:
    with answering(status) as (api, seen), pytest.raises(Unexpected, match=f"answered {status}"):
        api.call("POST", "/x", {}).expect(201)
    assert len(seen) == tries


def test_after_stop_no_request_is_sent() -> None:
    with answering(503) as (api, seen):
        api.stop()
        with pytest.raises(HTTPError):
            api.call("POST", "/x", {})
    assert seen == []


@pytest.mark.parametrize(
    ("statuses", "again", "expected"),
    [
        ([200, 201], False, True),
        ([200, 200], False, False),
        ([201, 201], False, False),
        ([200, 200], True, True),
        ([409, 201], True, False),
    ],
)
def test_exactly_one_of_two_simultaneous_requests_makes_a_thing(
    statuses: list[int], again: bool, expected: bool
) -> None:
    assert made_once([Answer("POST /x", status, {}, again) for status in statuses]) is expected


def test_an_interrupt_does_not_wait_for_people_who_act(programme) -> None:
    """One of the crowd never comes back: whoever presses Ctrl-C is not kept waiting by that."""
    going_on = threading.Event()
    api = Api("http://127.0.0.1:9", 1)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    postbox = Postbox(list, lambda: None)
    crowd = Crowd(api, postbox, people(5, 60, T0.date(), programme, "99"), lambda: T0, interrupted, [], workers=2)
    first = crowd.diaries[0]
    with pytest.raises(KeyboardInterrupt):
        crowd.each("they act", crowd.diaries, lambda _, diary: None if diary is first else going_on.wait(60))
    assert not going_on.is_set()
    going_on.set()
    with pytest.raises(HTTPError):
        api.call("GET", "/")


SECOND = timedelta(seconds=1)


def services(world: WavesWorld) -> SimpleNamespace:
    return SimpleNamespace(programme=world.programme, waves=world.waves)


@pytest.mark.parametrize("look_s", [0, 1, 7, 40])
def test_an_open_wave_closes_when_every_function_has_read_it(world: WavesWorld, look_s: int) -> None:
    """Each look at the clock finds it so much later: the writing takes long."""
    number = world.waves.add(OPENS - 3 * SECOND * 3600, OPENS - SECOND, 5, world.clock.now)
    opens_at = OPENS - 3 * SECOND * 3600
    world.at(opens_at)
    world.join("ani")
    kept = world.wired().waves
    kept.join("ani", world.clock.now)  # another function has read when the wave was to close

    def clock() -> datetime:
        world.clock.now += look_s * SECOND
        return world.clock.now

    at = administrator.close_wave(services(world), number, clock)
    assert world.clock.now + timedelta(seconds=world.programme.calendar.exceptions_cached_s) <= at < OPENS - SECOND
    world.people.add(registrant("budi"), registrant("citra"))
    kept.join("budi", at - SECOND)
    with pytest.raises(WaveClosed):
        kept.join("citra", at)
    assert [each.state for each in world.at(at) if each.wave == number] == [WaveState.CLOSED]


def test_end_buying_moves_the_deadline_of_people_without_a_purchase(world: WavesWorld) -> None:
    a, b, c = waiting(world, 2, *"abc")
    world.clock.now = ROUND + SECOND
    assert buy(world, a)
    at = administrator.end_buying(services(world), lambda: world.clock.now)
    assert ROUND + SECOND < at < ROUND + timedelta(seconds=75)
    world.clock.now = at
    assert not buy(world, b)
    report = world.expire(at)
    assert (report.revoked, report.substituted) == (1, 1)
    states = [world.waves.beneficiaries.of(name).state for name in (a, b, c)]
    assert states == [BeneficiaryState.ACTIVE, BeneficiaryState.REVOKED, BeneficiaryState.POTENTIAL]
