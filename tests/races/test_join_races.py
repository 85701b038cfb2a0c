"""Clicks that truly happen at the same time: one entry a person, and one ticket."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.ids import system_randomness
from tests.builders.people import registrant
from tests.builders.waves import OPENS, WAVE, WavesWorld

from .together import together

pytestmark = pytest.mark.dynamodb

CLICKS = 20
ROUNDS = 6


@pytest.fixture
def opened(world: WavesWorld) -> WavesWorld:
    """The wave is open, and every ticket is another one."""
    world.step()
    world.randomness = system_randomness
    return world


@pytest.mark.parametrize("devices", [2, CLICKS])
def test_one_person_on_many_devices_gets_one_ticket_and_one_device_is_told_it_is_new(
    opened: WavesWorld, devices: int
) -> None:
    for number in range(ROUNDS):
        opened.people.add(registrant(f"person-{number}"))
        functions = [opened.new_waves() for _ in range(devices)]
        answers = together(partial(waves.join, f"person-{number}", OPENS) for waves in functions)
        assert len({receipt for receipt, _ in answers}) == 1
        assert sorted(new for _, new in answers) == [False] * (devices - 1) + [True]
        assert answers[0][0].ticket == opened.entries.find(WAVE, f"person-{number}").ticket.hex()
    assert len(list(opened.entries.candidates(WAVE))) == ROUNDS


def test_many_people_on_two_devices_each_get_a_ticket_of_their_own(opened: WavesWorld) -> None:
    names = [f"person-{n}" for n in range(CLICKS)]
    opened.people.add(*map(registrant, names))
    answers = together(partial(opened.new_waves().join, name, OPENS) for name in names * 2)
    assert [receipt for receipt, _ in answers[:CLICKS]] == [receipt for receipt, _ in answers[CLICKS:]]
    assert sorted(new for _, new in answers) == [False] * CLICKS + [True] * CLICKS
    assert len({receipt.ticket for receipt, _ in answers}) == CLICKS
    assert sorted(one.registrant_id for one in opened.entries.candidates(WAVE)) == sorted(names)
