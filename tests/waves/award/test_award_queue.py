"""Winners of a big wave are decided over the queue, with the same result as the step's own walk."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.errors import Unavailable
from chalicelib.registration.rules import Standing
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.award_queue import SENDS_MAX, Message, encode_message
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.rules import EntryOutcome, WaveState
from tests.builders.crashes import SOME_OR_ALL, Calls
from tests.builders.people import card
from tests.builders.places import NAMES, RESEND, TWO_WEEKS, drawn_to_queue, ended, queueing_world, sent, with_awards
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld

SECOND = timedelta(seconds=1)


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    return queueing_world(cloud, programme, monkeypatch)


WALKED: list[dict[str, Any]] = []
"""What the walk alone comes to: the same for every test, once a process has played it."""


@pytest.fixture
def by_the_walk_alone(world: WavesWorld, programme: Programme) -> dict[str, Any]:
    if not WALKED:
        queueing, world.programme = world.programme, with_awards(programme, ahead_from=100)
        drawn_to_queue(world)
        world.step()
        WALKED.append(ended(world))
        world.programme = queueing
    [end] = WALKED
    assert {EntryOutcome.FAMILY_CARD, EntryOutcome.INELIGIBLE, EntryOutcome.CHOSEN} <= set(end["outcomes"].values())
    return end


def whole_table(world: WavesWorld) -> list[dict[str, Any]]:
    table = boto3.resource("dynamodb", world.settings.region).Table(world.settings.table("waves"))
    return sorted(table.scan()["Items"], key=lambda item: (item["pk"], item["sk"]))


def settle(world: WavesWorld) -> dict[str, Any]:
    assert [done.state for done in world.step()] == [WaveState.SETTLED]
    return ended(world)


@pytest.mark.parametrize("seed", range(4))
def test_repeated_batches_in_any_order_give_the_bytes_of_the_walk(world, by_the_walk_alone, tmp_path, seed):
    bodies = sent(world)
    assert len(bodies) == world.store.wave(WAVE).award_batches > 3
    assert all(len(json.loads(body)["people"]) <= 4 for body in bodies)
    order = bodies + bodies[::2]
    random.Random(seed).shuffle(order)
    assert world.take_awards(*order) == []
    assert sum(one.decided for one in world.store.awarded(WAVE).values()) == 16
    assert settle(world) == by_the_walk_alone
    assert world.failed_checks(WAVE, tmp_path) == []


def test_if_all_batches_are_decided_the_walk_awards_no_winner(world, monkeypatch):
    world.take_awards(*sent(world))
    decided = {one.registrant_id for one in world.entries.candidates(WAVE) if one.outcome}
    calls = Calls(monkeypatch)
    world.step()
    new = [one for one in world.entries.candidates(WAVE) if one.outcome and one.registrant_id not in decided]
    substitutes = [one for one in new if one.outcome is not EntryOutcome.INELIGIBLE]
    tried = [operation for _, operation in calls.made if operation == "TransactWriteItems"]
    # One transaction for each substitute who is eligible, one settles the wave, and one keeps the public event.
    assert 0 < len(substitutes) == len(tried) - 2


def test_the_step_leaves_the_wave_drawn_until_every_batch_is_decided(world, caplog):
    caplog.set_level("INFO")
    bodies = sent(world)
    assert world.store.wave(WAVE).awards_sent_at == ROUND
    for body in bodies:
        assert world.step() == [], "batches are out"
        assert world.queued_awards() == [], "nothing is sent again so soon"
        world.take_awards(body)
    assert [done.state for done in world.step()] == [WaveState.SETTLED]
    under_way = [record.done for record in caplog.records if record.message == "awards_under_way"]
    assert under_way == list(range(len(bodies)))


def test_only_undecided_batches_are_queued_again_after_a_while(world, by_the_walk_alone):
    bodies = sent(world)
    world.take_awards(*bodies[:2])
    assert world.at(ROUND + RESEND - SECOND) == []
    assert world.queued_awards() == []
    assert world.at(ROUND + RESEND) == []
    assert sorted(world.queued_awards()) == bodies[2:]
    record = world.store.wave(WAVE)
    assert (record.award_sends, record.award_batches, record.awards_sent_at) == (2, len(bodies), ROUND + RESEND)
    world.take_awards(*bodies[2:])
    assert settle(world) == by_the_walk_alone


def test_a_queue_without_consumers_delays_the_wave_for_a_limited_time(world, by_the_walk_alone, caplog):
    sent(world)
    for times in range(1, SENDS_MAX):
        assert world.at(ROUND + times * RESEND) == []
    assert [done.state for done in world.at(ROUND + SENDS_MAX * RESEND)] == [WaveState.SETTLED]
    assert ended(world) == by_the_walk_alone
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["awards_queue_given_up"]


def test_the_walk_decides_a_few_remaining_winners(world, by_the_walk_alone):
    bodies = sent(world)
    world.take_awards(*bodies[:-1])
    assert world.at(ROUND + RESEND - SECOND) == []
    assert [done.state for done in world.at(ROUND + RESEND)] == [WaveState.SETTLED]
    assert world.queued_awards() == []
    assert ended(world) == by_the_walk_alone


def test_a_batch_after_the_settling_changes_nothing(world):
    bodies = sent(world)
    world.take_awards(*bodies)
    before = settle(world)
    everything = whole_table(world)
    assert world.take_awards(*bodies) == []
    assert ended(world) == before
    assert whole_table(world) == everything


def test_a_family_in_a_batch_is_decided_in_the_order_of_the_draw_whatever_the_message_says(world, by_the_walk_alone):
    for body in sent(world):
        said = json.loads(body)
        world.take_awards(json.dumps(said | {"people": said["people"][::-1]}))
    assert settle(world) == by_the_walk_alone


@pytest.mark.parametrize("seed", range(3))
def test_family_cards_changed_while_batches_are_out_break_no_rule(world, tmp_path, seed):
    """Batches are others at the second sending then, under the same numbers; those of the first come late besides."""
    chance = random.Random(seed)
    first = sent(world)
    world.take_awards(*first[:2])
    for name in NAMES[:20]:
        world.people.add(replace(world.people.by_id[name], kk_mac=card(str(chance.randrange(5)))))
    world.at(ROUND + RESEND)
    again = world.queued_awards() + first
    chance.shuffle(again)
    world.take_awards(*again)
    end = settle(world)
    chosen = {name for name, outcome in end["outcomes"].items() if outcome is EntryOutcome.CHOSEN}
    assert chosen == end["in_registration"] == set(end["beneficiaries"])
    assert end["record"].chosen == end["year"] == len(chosen)
    held = [len(item.holders) for item in FamilyItem.scan(FamilyItem.sk == "HOLDERS")]
    assert sum(held) == len(chosen) + 1
    assert max(held) == 2
    assert world.failed_checks(WAVE, tmp_path) == []


# Deaths


@SOME_OR_ALL
def test_a_consumer_that_dies_at_any_call_is_continued_with_the_same_result(
    world, by_the_walk_alone, monkeypatch, picked
):
    calls = Calls(monkeypatch)
    first, *others = sent(world)
    calls.reset()
    world.take_awards(first)
    operations = [operation for _, operation in calls.made]
    assert operations[:4] == ["GetItem", "GetItem", "BatchGetItem", "GetItem"]
    deaths = [("before", number) for number in range(len(operations))]
    deaths += [("after", number) for number, name in enumerate(operations) if name == "TransactWriteItems"]
    for when, number in picked(deaths):
        first, *others = sent(world)
        assert calls.dies(partial(world.take_awards, first), when, number), "it did not come to this call"
        world.take_awards(*others, first)
        assert settle(world) == by_the_walk_alone, f"died at call {number}, {operations[number]}"


def test_the_step_that_queues_may_die_at_any_call(world, by_the_walk_alone, monkeypatch):
    calls = Calls(monkeypatch)
    drawn_to_queue(world)
    calls.reset()
    world.step()
    operations = [name for _, name in calls.made]
    writes = [number for number, name in enumerate(operations) if name in ("SendMessageBatch", "UpdateItem")]
    assert [operations[number] for number in writes] == ["SendMessageBatch", "UpdateItem"]
    for when, number in [("before", 0), *((when, number) for number in writes for when in ("before", "after"))]:
        drawn_to_queue(world)
        assert calls.dies(world.step, when, number)
        for minute in range(1, 4):
            world.at(ROUND + minute * RESEND)
            world.take_awards(*world.queued_awards())
            world.step()
        assert ended(world) == by_the_walk_alone, f"died at call {number}, {operations[number]}"


def test_the_walk_reports_an_award_that_a_batch_did_not_report_to_registration(world, monkeypatch):
    calls = Calls(monkeypatch)
    bodies = sent(world)
    calls.reset()
    world.take_awards(bodies[0])
    first = next(number for number, (_, name) in enumerate(calls.made) if name == "TransactWriteItems")
    bodies = sent(world)
    assert calls.dies(partial(world.take_awards, bodies[0]), "after", first)
    world.take_awards(*bodies[1:])
    stands = {name for name, person in world.people.by_id.items() if person.standing is Standing.BENEFICIARY}
    chosen = {one.registrant_id for one in world.entries.candidates(WAVE) if one.outcome is EntryOutcome.CHOSEN}
    assert len(chosen - stands) == 1
    world.at(ROUND + RESEND)  # few are left: the walk takes them, and sets the standings that were missed
    assert ended(world)["in_registration"] >= chosen


def test_only_beneficiaries_unknown_to_registration_get_their_standing_again(world, monkeypatch):
    bodies = sent(world)
    world.take_awards(*bodies)
    chosen = [one.registrant_id for one in world.entries.candidates(WAVE) if one.outcome is EntryOutcome.CHOSEN]
    forgotten = set(chosen[1:3])
    for name in forgotten:
        world.people.add(replace(world.people.by_id[name], standing=Standing.REGISTERED, beneficiary_wave=None))
    gone = world.people.by_id.pop(chosen[3])
    told: list[str] = []
    set_standing = world.people.set_standing
    monkeypatch.setattr(world.people, "set_standing", lambda who, *to: (told.append(who), set_standing(who, *to)))
    assert world.take_awards(*bodies) == []
    assert (set(told), len(told)) == (forgotten, 2)
    assert gone.id not in world.people.by_id


def test_the_batches_of_two_drawn_waves_are_not_out_at_the_same_time(world):
    """Whoever is drawn in both has the place of the first, however quick the second is."""
    world.step()
    names = NAMES[:5]
    for opens, wave in ((OPENS, WAVE), (OPENS + TWO_WEEKS, WAVE + 1)):
        world.beacons.silent = True
        world.waves.resize(wave, 5, 0, {}, world.clock.now)
        world.clock.now = opens
        world.join(*names)
        for now in (OPENS, CLOSES, FREEZES):
            world.at(now + (opens - OPENS))
    world.beacons.silent = False
    states = lambda: [world.store.wave(number).state for number in (WAVE, WAVE + 1)]  # noqa: E731
    world.at(ROUND + TWO_WEEKS)
    assert states() == [WaveState.DRAWN, WaveState.DRAWN]
    bodies = world.queued_awards()
    assert {json.loads(body)["wave"] for body in bodies} == {WAVE}
    world.step()
    assert states() == [WaveState.DRAWN, WaveState.DRAWN]
    world.take_awards(*bodies)
    world.step()
    assert states() == [WaveState.SETTLED, WaveState.DRAWN]
    world.take_awards(*world.queued_awards())
    world.step()
    assert states() == [WaveState.SETTLED, WaveState.SETTLED]
    assert {one.wave for one in world.waves.beneficiaries.of_many(names)} == {WAVE}
    assert {one.outcome for one in world.entries.candidates(WAVE + 1)} == {EntryOutcome.ALREADY_BENEFICIARY}


def test_a_consumer_out_of_time_returns_the_message_and_continues_it_later(world, by_the_walk_alone):
    bodies = sent(world)
    assert world.take_awards(*bodies, deadline_s=ONE_AWARD_S - 1) == bodies
    assert {one.outcome for one in world.entries.candidates(WAVE)} == {None}
    assert world.take_awards(*bodies) == []
    assert settle(world) == by_the_walk_alone


def test_a_passing_error_fails_one_message_and_refuses_no_award(world, by_the_walk_alone, monkeypatch):
    bodies = sent(world)
    check = world.people.check_still_eligible
    troubled = json.loads(bodies[1])["people"][1]

    def busy(person: Any, day: Any) -> None:
        if person.id == troubled:
            raise Unavailable()
        check(person, day)

    with monkeypatch.context() as patch:
        patch.setattr(world.people, "check_still_eligible", busy)
        assert world.take_awards(*bodies) == [bodies[1]]
    assert world.take_awards(bodies[1]) == []
    assert settle(world)["outcomes"] == by_the_walk_alone["outcomes"]


def test_a_wave_begun_by_the_walk_can_continue_over_the_queue(world, by_the_walk_alone, programme):
    queueing, world.programme = world.programme, with_awards(programme, ahead_from=100)
    drawn_to_queue(world)
    seconds = iter(range(1000))
    world.wired().stepper.advance(world.clock.now, ONE_AWARD_S + 8, lambda: float(next(seconds)))
    assert 0 < sum(one.outcome is not None for one in world.entries.candidates(WAVE)) < 12
    world.restart(programme=queueing)
    assert world.step() == []
    world.take_awards(*world.queued_awards())
    # Batches that the walk was through with are not sent, and not waited for.
    if world.step() == []:
        world.at(ROUND + RESEND)
    assert ended(world)["outcomes"] == by_the_walk_alone["outcomes"]
    assert ended(world)["files"]["substitutions.json"] == by_the_walk_alone["files"]["substitutions.json"]


# What a message says is not believed


def refused(world: WavesWorld, caplog: pytest.LogCaptureFixture, body: str) -> str:
    """Hand in a message that must fail and change nothing; the reason that is logged."""
    before = {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)}
    caplog.clear()
    assert world.take_awards(body) == [body]
    assert {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)} == before
    assert world.store.awarded(WAVE) == {}
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (record.message, record.code) == ("message_refused", "bad_award_message")
    return record.reason


def test_a_message_with_an_entry_that_was_not_drawn_awards_nobody(world, caplog):
    bodies = sent(world)
    winners = {who for body in bodies for who in json.loads(body)["people"]}
    loser = next(name for name in NAMES if name not in winners)
    said = json.loads(bodies[0])
    for people in ([loser], [said["people"][0], loser], [said["people"][0], "nobody"]):
        assert refused(world, caplog, json.dumps(said | {"people": people})) == "nobody_drawn"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"v":2,"wave":145,"batch":1,"people":["a"]}', "3174012345678901"])
def test_a_malformed_message_changes_nothing_and_its_contents_are_not_logged(world, caplog, body):
    drawn_to_queue(world)
    assert world.take_awards(body) == [body]
    assert world.store.awarded(WAVE) == {}
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == ["message_malformed"]
    assert "3174012345678901" not in str([vars(record) for record in caplog.records])


def test_a_message_about_a_wave_that_is_not_drawn_is_refused(world, caplog):
    drawn_to_queue(world)
    for wave in (WAVE + 1, 999):
        assert refused(world, caplog, encode_message(Message(wave, 1, (NAMES[0],)))) == "not_drawn"
