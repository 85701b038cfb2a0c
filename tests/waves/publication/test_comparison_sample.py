"""The comparison sample: a random few of those who never held a seat, published, and the same whenever it is asked."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from chalicelib.draw.selection import sample_value
from chalicelib.registration.rules import Standing
from chalicelib.waves.entries import entry_item
from chalicelib.waves.errors import ListChanged
from chalicelib.waves.rules import EntryOutcome
from tests.builders.places import buy, entered, leaf_of, play, waiting
from tests.builders.waves import ROUND, WAVE, WavesWorld

NAMES = [f"person-{n}" for n in range(9)]
DUE = ROUND + timedelta(seconds=75)


def drawn_sample(world: WavesWorld, size: int) -> list[tuple[str, int]]:
    return world.wired().waves.draw_sample(WAVE, size)


def test_a_sample_is_drawn_by_the_seed_among_those_who_never_held_a_seat(world, tmp_path):
    order = waiting(world, 3, *NAMES)
    buy(world, order[0])
    world.people.excluded.add(order[3])
    world.expire(DUE)
    assert [name for name in order if world.waves.beneficiaries.of(name)] == [*order[:3], *order[4:6]]
    # Two lost their place, one got none, two followed: none of the five is to be compared with.
    seed = world.store.draw(WAVE).seed
    expected = sorted(order[6:], key=lambda name: sample_value(seed, bytes.fromhex(leaf_of(world, name))))
    assert drawn_sample(world, 2) == [(name, 31) for name in expected[:2]]
    assert world.result(WAVE, "sample.json") == {
        "after_seq": 3,
        "size": 2,
        "leaves": [leaf_of(world, name) for name in expected[:2]],
    }
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_removed_entry_is_on_no_list_and_in_no_sample(world, tmp_path):
    """Nor is anybody left out whose outcome was written by an award that is not published yet."""
    entered(world, 2, *NAMES)
    world.people.add(*(replace(world.people.by_id[name], standing=Standing.BENEFICIARY) for name in NAMES[:4]))
    play(world)
    assert world.result(WAVE, "removals.json") == {"removed": [{"reason": "already_beneficiary", "entries": 4}]}
    seated = {name for name in NAMES if world.waves.beneficiaries.of(name)}
    next_one = min(set(NAMES[4:]) - seated)
    assert world.entries.refuse(WAVE, next_one, EntryOutcome.ALREADY_BENEFICIARY) is EntryOutcome.ALREADY_BENEFICIARY
    assert {name for name, _ in drawn_sample(world, 9)} == set(NAMES[4:]) - seated
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_leaf_without_an_entry_is_noticed_in_a_sample(world):
    order = waiting(world, 2, *NAMES)
    entry_item(WAVE, order[5]).delete()
    with pytest.raises(ListChanged):
        drawn_sample(world, 9)
    assert world.result(WAVE, "sample.json")["size"] == 9, "what anyone can check is right all the same"


def test_a_published_sample_never_changes(world, tmp_path):
    order = waiting(world, 2, *NAMES)
    first = drawn_sample(world, 5)
    published = world.files(WAVE)["sample.json"]
    world.expire(DUE)
    assert {world.waves.beneficiaries.of(name).wave for name in order[2:4]} == {WAVE}
    assert drawn_sample(world, 5) == drawn_sample(world, 3) == first
    assert world.files(WAVE)["sample.json"] == published
    assert world.failed_checks(WAVE, tmp_path) == []


def test_if_two_draw_a_sample_at_once_the_first_published_one_counts(world, monkeypatch):
    waiting(world, 2, *NAMES)
    first = drawn_sample(world, 5)
    published = world.publication.sample
    looks = iter([None])  # the second one had looked before the first one published
    monkeypatch.setattr(world.publication, "sample", lambda wave: next(looks, published(wave)))
    assert drawn_sample(world, 2) == first


def test_a_sample_published_between_two_reads_is_understood(world, monkeypatch):
    order = waiting(world, 2, *NAMES)
    first: list[list[tuple[str, int]]] = []
    read = world.publication.substitutions

    def read_and_wait(wave: int) -> list[dict[str, object]]:
        rows = read(wave)
        monkeypatch.undo()
        world.expire(DUE)
        first.append(drawn_sample(world, 9))
        return rows

    monkeypatch.setattr(world.publication, "substitutions", read_and_wait)
    assert drawn_sample(world, 9) == first[0]
    assert {name for name, _ in first[0]} == set(order[4:])


def test_a_small_wave_has_all_its_entries_in_the_sample(world):
    order = waiting(world, 7, *NAMES)
    assert {name for name, _ in drawn_sample(world, 5)} == set(order[7:])


def test_a_published_sample_that_the_seed_does_not_give_is_refused(world, tmp_path: Path):
    order = waiting(world, 2, *NAMES)
    drawn_sample(world, 3)
    forged = world.result(WAVE, "sample.json") | {"leaves": [leaf_of(world, name) for name in order[6:]]}
    world.publication.put(WAVE, {"sample.json": json.dumps(forged, separators=(",", ":")).encode() + b"\n"})
    with pytest.raises(ListChanged):
        drawn_sample(world, 3)
    [failed] = world.failed_checks(WAVE, tmp_path)
    assert failed == "sample.json: wrong sample: not the lowest by their survey value"


def test_entries_by_province_are_those_of_the_published_table(world):
    waiting(world, 1, "a", "b")
    assert world.waves.joined_by_region(WAVE) == {31: 2}
