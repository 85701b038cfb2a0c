"""`gelombang draw audit-sample`: picked by the seed, the same for everybody, nothing personal."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result
from msgspec.structs import replace

from admin import desk
from admin.deployment import stages
from chalicelib.administration.journal import Line
from chalicelib.config import Programme, Settings
from chalicelib.draw.leaves import leaves_of
from chalicelib.draw.selection import audit_value
from chalicelib.waves.entries import entry_item
from chalicelib.waves.publication.samples import Audit
from tests.builders.commands import invoke
from tests.builders.places import buy, leaf_of, waiting
from tests.builders.registration import SITI, other_form, registrations, vault
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

NAMES = [f"person-{n}" for n in range(9)]


@pytest.fixture(autouse=True)
def looked_at(world: WavesWorld, cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom the journal says to have been looked at."""
    people: list[str] = []

    def write(line: Line) -> Line:
        people.extend([line.registrant] if line.registrant else [])
        return line

    journal = SimpleNamespace(write=write, end=lambda *_: None)
    services = lambda: SimpleNamespace(audit=new_audit(world), journal=journal, vault=vault(cloud))  # noqa: E731
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services()))
    return people


def new_audit(world: WavesWorld) -> Audit:
    return world.wired().audit


def run(*words: str) -> Result:
    return invoke(["draw", "audit-sample", str(WAVE), "--stage", "test", *words])


def rows(*words: str) -> list[dict[str, str]]:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_audit_sample_is_the_lowest_entries_by_the_seed_with_their_records(world, looked_at):
    order = waiting(world, 3, *NAMES)
    buy(world, order[0])
    world.people.excluded.add(order[5])
    seed = world.store.draw(WAVE).seed
    expected = sorted(NAMES, key=lambda name: audit_value(seed, bytes.fromhex(leaf_of(world, name))))
    shown = rows()
    assert [row["registrant"] for row in shown] == expected
    assert sorted(looked_at) == sorted(expected)
    assert [row["leaf"] for row in shown] == [leaf_of(world, name) for name in expected]
    assert [row["place"] for row in shown] == [str(place) for place in range(1, 10)]
    by_name = {row["registrant"]: row for row in shown}
    assert by_name[order[0]] == {
        "place": str(expected.index(order[0]) + 1),
        "leaf": leaf_of(world, order[0]),
        "region": "31",
        "joined_at": "2026-11-27T05:00:00Z",
        "standing": "chosen",
        "reason": "",
        "seat": "open",
        "registrant": order[0],
        "registered_at": "2026-01-05T00:00:00Z",
        "age": "31",
        "employment": "jobseeker",
        "consent_version": "2026-01",
        "verification": "PENDING",
        "excluded_now": "no",
        "nik": "",
    }
    assert [(by_name[name]["standing"], by_name[name]["reason"]) for name in order[3:]] == [
        ("not_chosen", "not_drawn")
    ] * 6
    assert [name for name in NAMES if by_name[name]["excluded_now"] == "yes"] == [order[5]]


def test_a_sample_that_takes_longer_than_a_request_is_the_same(world, monkeypatch: pytest.MonkeyPatch):
    waiting(world, 2, *NAMES)
    entry_item(WAVE, NAMES[4]).delete()
    at_once = run("--size", "6")
    monkeypatch.setattr(desk, "STEPS_S", -1)
    assert run("--size", "6").output == at_once.output
    assert len(list(csv.DictReader(io.StringIO(at_once.stdout)))) == 6


def test_the_audit_sample_is_always_the_same(world, tmp_path: Path):
    waiting(world, 2, *NAMES)
    file = tmp_path / "sample.csv"
    result = run("--size", "4", "--output", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert file.read_text() == run("--size", "4").stdout
    # Anyone finds the same leaves in the published files.
    seed = bytes.fromhex(world.result(WAVE, "result.json")["seed"])
    leaves = sorted(leaves_of(world.files(WAVE)["leaves/31.bin"]), key=lambda leaf: audit_value(seed, leaf))
    first = [row["leaf"] for row in csv.DictReader(io.StringIO(file.read_text()))]
    assert first == [leaf.hex() for leaf in leaves[:4]]
    world.expire(ROUND + timedelta(seconds=75))  # two lose their place, two others get it
    assert first == [row["leaf"] for row in rows("--size", "4")] == [row["leaf"] for row in rows()][:4]
    assert {row["standing"] for row in rows()} == {"chosen", "not_chosen", "revoked"}


@pytest.mark.parametrize("now", [T0, OPENS, CLOSES, FREEZES])
def test_a_wave_that_is_not_drawn_is_refused(world, now):
    world.at(T0, now)
    result = run()
    assert (result.exit_code, result.output) == (
        1,
        f"Error: Wave {WAVE} has not been drawn yet. (wave_not_drawn); `gelombang draw watch` shows how far it is\n",
    )


def test_a_published_leaf_that_nobody_joined_with_is_shown_as_such(world):
    waiting(world, 2, *NAMES)
    gone = leaf_of(world, NAMES[4])
    entry_item(WAVE, NAMES[4]).delete()
    result = run()
    assert result.exit_code == 1
    assert "Error: 1 published leaves have no entry" in result.stderr
    [row] = [row for row in csv.DictReader(io.StringIO(result.stdout)) if row["standing"] == "no_entry"]
    assert (row["leaf"], row["registrant"], row["nik"]) == (gone, "", "")


def test_a_person_no_longer_registered_is_shown_as_such(world):
    waiting(world, 2, *NAMES)
    del world.people.by_id[NAMES[4]]
    [row] = [row for row in rows() if row["employment"] == "not_registered"]
    assert (row["registrant"], row["age"], row["excluded_now"]) == (NAMES[4], "", "")


def test_lists_that_the_note_does_not_commit_to_are_refused(world):
    waiting(world, 2, *NAMES)
    leaves = world.files(WAVE)["leaves/31.bin"]
    world.publication.put(WAVE, {"leaves/31.bin": leaves[:-1] + bytes([leaves[-1] ^ 1])})
    result = run()
    assert (result.exit_code, result.output) == (
        1,
        f"Error: The list of wave {WAVE} is not the one that its note commits to. (list_changed)\n",
    )


def test_the_audit_sample_shows_only_the_ends_of_a_nik_and_no_name(world, cloud: Settings, programme: Programme):
    people = registrations(cloud, programme)
    world.restart(people=people)
    forms = {f"sub-{n}": other_form(n) for n in range(2, 5)} | {"siti": SITI}
    for name, form in forms.items():
        people.register(name, form, T0)
    world.step()
    world.clock.now = OPENS
    for name in forms:
        world.waves.join(name, OPENS)
    world.at(OPENS, CLOSES, FREEZES, ROUND)
    result = run()
    assert result.exit_code == 0, result.output
    shown = {row["registrant"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert shown["siti"]["nik"] == f"{SITI.nik[:4]}**********{SITI.nik[-2:]}"
    for form in forms.values():
        for secret in (form.nik, form.kk, form.name, form.phone):
            assert secret not in result.output


def test_the_age_is_that_of_the_day_on_which_the_wave_closed(world):
    waiting(world, 1, "a")
    world.people.add(replace(world.people.by_id["a"], birth_date=date(2008, 11, 30)))
    [row] = rows()
    assert row["age"] == "18"
