"""What an administrator has a function do in several runs: doubled, overtaken, failing and dying ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.aws.errands import KEPT_EVERY_S, LOST_MAX, Errand, Errands, State
from chalicelib.config import Settings
from tests.conftest import REGION, T0

LIVES = timedelta(minutes=15)
FIRST, SECOND = (Errand(name, "day", {"all": True}, T0) for name in ("one", "two"))


class World:
    def __init__(self, bucket: str) -> None:
        self.errands = Errands(boto3.client("s3", REGION), bucket, "work", LIVES)
        self.sent = list[Any]()

    def send(self, detail: Mapping[str, object]) -> None:
        self.sent.append(detail)

    def work(self, errand: Errand) -> Iterator[Errand]:
        """Two parts in two runs."""
        state = State.DONE if errand.after else State.PAUSES
        yield replace(errand, state=state, after=f"{errand.after}x", found=[errand.id])

    def run(self, detail: Any) -> None:
        assert self.errands.run(detail, T0, self.work)

    def look(self, after: timedelta = timedelta(0)) -> Errand | None:
        return self.errands.look("day", T0 + after, self.send)


@pytest.fixture
def world(cloud: Settings) -> World:
    return World(cloud.reports_bucket)


def test_it_runs_until_it_is_done_and_a_doubled_run_does_nothing(world: World) -> None:
    assert not world.errands.run({}, T0, world.work), "a schedule's event asks for nothing"
    world.errands.begin(FIRST, world.send)
    assert world.look() is None
    world.run(world.sent[0])
    world.run(world.sent[0])
    assert world.errands.last("day") == replace(FIRST, state=State.PAUSES, after="x", found=["one"])
    assert [world.look(), world.look()] == [None, None]
    assert len(world.sent) == 2, "who looks has it run again, once"
    world.run(world.sent[1])
    assert world.look() == replace(FIRST, state=State.DONE, after="xx", found=["one"])


def test_one_about_the_same_is_joined_or_takes_its_place(world: World) -> None:
    world.errands.begin(FIRST, world.send)
    world.errands.begin(replace(SECOND, at=T0 + LIVES / 2), world.send, joins=True)
    assert [one["errand"]["id"] for one in world.sent] == ["one"]
    world.errands.begin(SECOND, world.send)
    world.run(world.sent[0])
    assert world.errands.last("day") == SECOND
    world.run(world.sent[1])
    world.errands.begin(replace(FIRST, at=T0 + LIVES), world.send, joins=True)
    assert [one["errand"]["id"] for one in world.sent] == ["one", "two", "one"], "who looks at the second?"


def test_one_that_is_overtaken_while_it_runs_writes_nothing(world: World) -> None:
    world.errands.begin(FIRST, world.send)

    def overtaken(errand: Errand) -> Iterator[Errand]:
        world.errands.begin(SECOND, world.send)
        yield replace(errand, state=State.DONE)

    world.errands.run(world.sent[0], T0, overtaken)
    assert world.errands.last("day") == SECOND


def test_what_goes_wrong_is_answered_and_how_far_it_came_stays(world: World) -> None:
    world.errands.begin(FIRST, world.send)

    def dies(errand: Errand) -> Iterator[Errand]:
        yield replace(errand, state=State.PAUSES, after="far")
        raise OSError("a secret")

    with pytest.raises(OSError, match="a secret"):
        world.errands.run(world.sent[0], T0, dies)
    assert world.look() == replace(FIRST, state=State.FAILED, after="far", error="OSError")

    world.errands.begin(SECOND, world.send)

    def refused(_: Mapping[str, object]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        world.errands.begin(FIRST, refused)
    told = world.look()
    assert told is not None
    assert (told.state, told.error) == (State.FAILED, "ConnectionError")


def test_an_event_that_comes_twice_while_it_runs_begins_no_second_run(world: World) -> None:
    begun = list[str]()

    def doubled(errand: Errand) -> Iterator[Errand]:
        begun.append(errand.id)
        world.errands.run(world.sent[0], T0, doubled)
        yield replace(errand, state=State.DONE)

    world.errands.begin(FIRST, world.send)
    world.errands.run(world.sent[0], T0, doubled)
    assert begun == ["one"]
    assert world.look() == replace(FIRST, state=State.DONE)


@pytest.mark.parametrize("begins", [False, True])
def test_a_run_that_is_lost_is_asked_for_again_but_not_for_ever(world: World, begins: bool) -> None:
    """The event was lost, or the function killed: nothing is heard of it either way."""

    class Killed(BaseException):
        pass

    def killed(errand: Errand) -> Iterator[Errand]:
        raise Killed
        yield errand

    world.errands.begin(FIRST, world.send)
    at = T0
    for asked in range(1, LOST_MAX + 1):
        if begins:
            with pytest.raises(Killed):
                world.errands.run(world.sent[-1], at, killed)
        assert world.errands.look("day", at + LIVES - timedelta(seconds=1), world.send) is None
        assert len(world.sent) == asked
        at += LIVES
        assert world.errands.look("day", at, world.send) is None
    assert len(world.sent) == 1 + LOST_MAX
    over = world.errands.look("day", at + LIVES, world.send)
    assert over is not None
    assert (over.state, over.id, len(world.sent)) == (State.FAILED, "one", 1 + LOST_MAX)


def test_a_run_that_is_killed_loses_a_minute_of_its_work(world: World) -> None:
    parts, clock = iter(range(10)), iter(range(0, 1_000, KEPT_EVERY_S // 2))

    def killed(errand: Errand) -> Iterator[Errand]:
        for part in parts:
            if part == 5:
                raise KeyboardInterrupt
            yield replace(errand, state=State.PAUSES, after=str(part))

    world.errands.begin(FIRST, world.send)
    with pytest.raises(KeyboardInterrupt):
        world.errands.run(world.sent[0], T0, killed, clock.__next__)
    kept = world.errands.last("day")
    assert kept is not None
    assert (kept.state, kept.after) == (State.RUNS, "3")


def test_whose_event_was_not_taken_says_so_of_nobody_else(world: World) -> None:
    def overtaken(_: Mapping[str, object]) -> None:
        world.errands.begin(SECOND, world.send)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        world.errands.begin(FIRST, overtaken)
    assert world.errands.last("day") == SECOND

    def unheard(detail: Mapping[str, object]) -> None:
        world.run(detail)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        world.errands.begin(FIRST, unheard)
    assert world.errands.last("day") == replace(FIRST, state=State.PAUSES, after="x", found=["one"])
