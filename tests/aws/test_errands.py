"""What an administrator has a function do in several runs: doubled, overtaken, failing and dying ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.aws.errands import Errand, Errands, State
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
    killed = world.look(LIVES)
    assert killed is not None
    assert (killed.state, world.look(LIVES - timedelta(seconds=1))) == (State.FAILED, None)

    def refused(_: Mapping[str, object]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        world.errands.begin(FIRST, refused)
    told = world.look()
    assert told is not None
    assert (told.state, told.error) == (State.FAILED, "ConnectionError")
