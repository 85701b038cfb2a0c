"""A person's own proof: the receipt, the path that the API gives, and the published files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from admin.commands.draws.verify import pinned, program
from chalicelib.config import Programme, Settings
from chalicelib.waves import wire
from chalicelib.waves.errors import MalformedLeaf, NotFrozenYet, NotOnTheList, UnknownWave
from chalicelib.waves.publication.inclusion import Inclusion
from tests.builders.draws.files import write
from tests.builders.draws.verify_draw import verify
from tests.builders.waves import FREEZES, OPENS, PEOPLE, ROUND, WAVE, WavesWorld, joined
from tests.conftest import T0


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    world = WavesWorld(cloud, programme, T0, monkeypatch)
    joined(world)
    world.at(OPENS, FREEZES)
    return world


def entry(world: WavesWorld, person: str) -> wire.EntryView:
    [view] = world.waves.entries_of(person, world.clock.now)
    return view


def inclusion(world: WavesWorld) -> Inclusion:
    return world.wired().inclusion


def test_everybody_is_shown_a_path_to_the_root_of_their_region(world):
    roots = {row["region"]: bytes.fromhex(row["root"]) for row in world.result(WAVE, "regions.json")}
    for person in PEOPLE:
        leaf = entry(world, person).receipt.leaf
        region = entry(world, person).receipt.region
        found = inclusion(world).proof(WAVE, leaf, region, world.clock.now)
        assert (found.wave, found.region, found.leaf) == (WAVE, region, leaf)
        path = [bytes.fromhex(node) for node in found.path]
        assert program().root_by_path(bytes.fromhex(leaf), found.index, found.entries, path) == roots[region]


def test_a_proof_that_cannot_be_given_is_refused_with_its_reason(world):
    shown, leaf = inclusion(world), entry(world, PEOPLE[5]).receipt.leaf
    for malformed in ("", leaf[:-1], leaf.upper(), leaf + "\n", "x" * 64):
        with pytest.raises(MalformedLeaf):
            shown.proof(WAVE, malformed, 31, world.clock.now)
    for region in (31, 94):
        with pytest.raises(NotOnTheList):
            shown.proof(WAVE, leaf, region, world.clock.now)
    with pytest.raises(NotOnTheList):
        shown.proof(WAVE, "ab" * 32, 31, world.clock.now)
    with pytest.raises(NotFrozenYet):
        shown.proof(WAVE + 1, leaf, 31, world.clock.now)
    with pytest.raises(UnknownWave):
        shown.proof(53, leaf, 31, world.clock.now)


def test_a_receipt_proves_an_entry_in_the_published_files(world, tmp_path: Path):
    world.at(ROUND)
    folder, kept = write(tmp_path / str(WAVE), world.files(WAVE)), tmp_path / "receipt.json"
    outcomes = []
    for person in PEOPLE:
        receipt = entry(world, person).receipt_file
        assert json.loads(receipt.content)["results_url"] == f"{world.settings.results_url}/draws/{WAVE}/"
        kept.write_text(receipt.content)
        verdict = verify(folder, "--ticket", kept, *pinned(world.programme.draw))
        assert verdict.failures == []
        outcomes.append(verdict.detail("ticket: outcome"))
    assert sum(outcome.startswith("chosen") for outcome in outcomes) == 4
