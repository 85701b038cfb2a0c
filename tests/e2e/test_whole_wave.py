"""One wave over HTTP, from the first account to the last payment: the demo's own people and player, on moto."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.clock import wib_date
from chalicelib.config import Programme, Settings
from local.api import Api
from local.fsp_books import Faults
from local.people import people
from local.play import play
from local.players.crowd import Crowd
from local.scene import Scene
from local.sums import Played

from .world import World, world_on

COUNT = 49


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_on(cloud, programme, monkeypatch) as world:
        yield world


def play_on(world: World, programme: Programme, folder: Path, disagreements: list[str], told: list[str]) -> Played:
    invented = people(8, COUNT, wib_date(world.now()), programme, Faults().fail_suffix)
    crowd = Crowd(Api(world.url, world.keys_url, 1), invented, world.clock, lambda *_: None, disagreements, workers=1)
    return play(Scene(crowd, world, world, programme, folder, Faults().fail_suffix, told.append))


def test_a_whole_wave_agrees_though_the_provider_misbehaves(world: World, programme: Programme, tmp_path: Path) -> None:
    world._fsp.books.configure(
        {"error_after_rate": 0.1, "error_before_rate": 0.1, "timeout_after_rate": 0.1, "fail_rate": 0.1}
    )
    disagreements: list[str] = []
    told: list[str] = []
    played = play_on(world, programme, tmp_path, disagreements, told)
    assert disagreements == []
    counts = played.counts
    assert counts["registered"] + counts["refused"] == COUNT
    assert 0 < counts["chosen"] < counts["joined"] < counts["registered"]
    assert counts["paid"] > 0
    assert any(diary.reminded and diary.payouts[0]["state"] == "paid" for diary in played.diaries)
    phases = [line.partition(":")[0] for line in told]
    assert list(dict.fromkeys(phases))[:11] == [
        "registration", "calendar", "opening", "close", "commitment", "beacon", "draw", "award", "training", "payout",
        "comparison",
    ]  # fmt: skip
    assert Counter(one["reason"] for one in played.results.substitutions)["family_card"] > 0
