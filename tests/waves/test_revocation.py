"""People who buy nothing in time lose the place for good, and the next of the same draw get it."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.clock import iso
from chalicelib.errors import Unavailable
from chalicelib.registration.rules import Employment, Standing
from chalicelib.time_budget import TimeBudget
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.calendar import Calendar
from chalicelib.waves.errors import Barred
from chalicelib.waves.places import revocation
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.places.revocation import ONE_PERSON_S, Report, RevocationLog
from chalicelib.waves.publication.bucket import Contradiction, Publication
from chalicelib.waves.rules import BeneficiaryState, EntryOutcome, WaveState, shard_of
from tests.builders.crashes import Crash
from tests.builders.people import card, registrant
from tests.builders.places import TWO_WEEKS, buy, drawn, in_two_waves, leaf_of, play, rows, standings, state, waiting
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld

pytestmark = pytest.mark.usefixtures("few_partitions")

SECOND = timedelta(seconds=1)
DUE = ROUND + timedelta(seconds=75)
"""When those whose place was awarded at `ROUND` must have bought something."""


def listed(world: WavesWorld) -> list[str]:
    """Whom a next run will look at, whatever the instant."""
    shards = {shard_of(name) for name in world.people.by_id}
    far = world.clock.now + timedelta(days=365)
    return [one.registrant_id for shard in sorted(shards) for one in world.waves.beneficiaries.potential(shard, far)]


def test_a_place_without_a_purchase_goes_to_the_next_of_the_draw(world, tmp_path):
    a, b, c = waiting(world, 1, *"abc")
    assert world.waves.beneficiaries.of(a).buy_by == DUE
    assert world.expire(DUE - SECOND) == Report(0, 0)
    assert world.expire(DUE) == Report(1, 1)
    revoked, chosen = world.waves.beneficiaries.of(a), world.waves.beneficiaries.of(b)
    assert (revoked.state, revoked.revoked_at, revoked.revoked_seq) == (BeneficiaryState.REVOKED, DUE, 1)
    assert (chosen.state, chosen.buy_by) == (BeneficiaryState.POTENTIAL, DUE + timedelta(seconds=75))
    assert standings(world) == {a: "revoked", b: "chosen", c: "not_drawn"}
    assert rows(world, [a, b, c]) == [(a, "revoked", b)]
    assert world.failed_checks(WAVE, tmp_path) == []
    record = world.store.wave(WAVE)
    assert (record.chosen, record.revoked_count, record.passed_count, world.store.allotted(2026)) == (1, 1, 1, 1)
    assert world.mailbox.told == {
        (a, f"revoked/{WAVE}"): {"wave": WAVE},
        (b, f"chosen/{WAVE}"): {"wave": WAVE, "training_idr": 3_500_000, "buy_by": iso(chosen.buy_by)},
    }
    assert [world.people.by_id[name].standing for name in (a, b)] == [Standing.REVOKED, Standing.BENEFICIARY]
    with pytest.raises(Barred):
        world.waves.join(a, OPENS + TWO_WEEKS)
    assert listed(world) == [b]


def test_a_repeated_or_late_run_changes_nothing(world):
    order = waiting(world, 2, *"abcd")
    world.expire(DUE)
    files, told = world.files(WAVE), dict(world.mailbox.told)
    assert world.expire(DUE) == world.expire(DUE + timedelta(seconds=74)) == Report(0, 0)
    assert (world.files(WAVE), world.mailbox.told) == (files, told)
    # The two who followed buy nothing either, and the next run comes a month late.
    assert world.expire(DUE + timedelta(days=30)) == Report(2, 0)
    assert [row[2] for row in rows(world, order)] == [*order[2:], None, None]


def test_a_purchase_keeps_the_place_and_its_cancellation_leaves_the_deadline(world):
    a, b, c = waiting(world, 2, *"abc")
    assert buy(world, a)
    assert buy(world, b)
    assert listed(world) == []
    with world.services.transaction() as tx:
        world.waves.beneficiaries.deactivate(tx, world.waves.beneficiaries.of(b))
    assert (state(world, a), state(world, b)) == (BeneficiaryState.ACTIVE, BeneficiaryState.POTENTIAL)
    assert listed(world) == [b]
    world.expire(DUE)
    assert [state(world, name) for name in (a, b, c)] == ["ACTIVE", "REVOKED", "POTENTIAL"]


def test_a_purchase_at_the_deadline_is_too_late_even_before_the_revocation(world):
    [a] = waiting(world, 1, "a")
    world.clock.now = DUE + timedelta(microseconds=1)
    assert not buy(world, a)
    world.clock.now = DUE
    assert not buy(world, a)
    world.clock.now = DUE - timedelta(microseconds=1)
    assert buy(world, a)
    world.clock.now = DUE + timedelta(days=1)
    assert buy(world, a), "a second purchase has no deadline"
    with world.services.transaction() as tx:
        world.waves.beneficiaries.graduate(tx, world.waves.beneficiaries.of(a), world.clock.now)
    graduate = world.waves.beneficiaries.of(a)
    assert (graduate.state, graduate.graduated_at) == (BeneficiaryState.GRADUATED, world.clock.now)
    assert buy(world, a)
    assert world.waves.beneficiaries.of(a) == graduate, "who graduated stays so"


def test_a_revoked_seat_without_a_remaining_entry_returns_to_the_year(world, tmp_path):
    order = waiting(world, 3, *"abcd")
    buy(world, order[1])
    assert world.store.allotted(2026) == 3
    assert world.expire(DUE) == Report(2, 1)
    assert {row[1] for row in rows(world, order)} == {"revoked"}
    assert [row[2] for row in rows(world, order)] == [order[3], None]
    assert (world.store.wave(WAVE).chosen, world.store.allotted(2026)) == (2, 2)
    assert world.failed_checks(WAVE, tmp_path) == []


def test_an_ineligible_next_in_line_is_passed_over_with_the_reason(world, tmp_path):
    """In the order of the draw: a civil servant by now, one who is barred, one chosen since, one of a full family."""
    names = [f"person-{n}" for n in range(7)]
    order = waiting(world, 1, *names)
    a, servant, barred, chosen, relative, young, heir = order
    world.people.add(
        registrant(servant, employment=Employment.CIVIL_SERVANT),
        registrant(barred, standing=Standing.REVOKED),
        registrant(young, birth_date=date(2008, 12, 1)),
    )
    world.family(relative)
    FamilyItem(f"K#{card('family')}", "HOLDERS", holders={"one", "two"}).save()
    world.clock.now = OPENS + TWO_WEEKS
    world.join(chosen)
    play(world, 1)
    assert world.waves.beneficiaries.of(chosen).wave == WAVE + 1
    assert buy(world, chosen)
    world.expire(world.clock.now + SECOND)
    assert rows(world, order) == [
        (a, "revoked", servant),
        (servant, "ineligible", barred),
        (barred, "ineligible", chosen),
        (chosen, "already_beneficiary", relative),
        (relative, "family_card", young),
        (young, "ineligible", heir),
    ]
    assert world.waves.beneficiaries.of(heir).wave == WAVE
    assert state(world, chosen) is BeneficiaryState.ACTIVE
    assert world.failed_checks(WAVE, tmp_path) == []


@pytest.mark.parametrize(("frozen_first", "reason"), [(False, "barred"), (True, "ineligible")])
def test_a_revoked_person_gets_no_seat_in_a_later_wave(world, tmp_path, frozen_first, reason):
    """They joined the second wave while the first was held up by its beacon: removed from it, or passed over."""
    in_two_waves(world)
    if frozen_first:
        for now in (CLOSES, FREEZES):
            world.at(now + TWO_WEEKS)
    world.beacons.silent = False
    chosen_at = world.clock.now + SECOND
    world.at(chosen_at)
    assert world.waves.beneficiaries.of("a").wave == WAVE
    assert world.expire(chosen_at + timedelta(seconds=75)) == Report(1, 0)
    play(world, 1)
    told = [(one.wave, one.standing, one.reason) for one in world.wired().waves.entries_of("a", world.clock.now)]
    assert told == [(WAVE + 1, "not_chosen", reason), (WAVE, "revoked", None)]
    removed = [] if frozen_first else [{"reason": "barred", "entries": 1}]
    assert world.result(WAVE + 1, "removals.json") == {"removed": removed}
    assert world.waves.beneficiaries.of("b").wave == WAVE + 1
    assert [world.failed_checks(number, tmp_path / str(number)) for number in (WAVE, WAVE + 1)] == [[], []]


def test_a_revoked_place_is_passed_on_only_when_the_wave_is_settled(world, tmp_path):
    order = drawn(world, 3, *"abcde")
    seconds = iter(range(1000))
    world.stepper.advance(world.clock.now, ONE_AWARD_S + 4, lambda: float(next(seconds)))
    first = [name for name in order if world.waves.beneficiaries.of(name)]
    assert 0 < len(first) < 3
    assert world.store.wave(WAVE).state is WaveState.DRAWN
    assert world.expire(DUE + timedelta(minutes=1)) == Report(len(first), 0)
    assert "substitutions.json" not in world.files(WAVE)
    assert listed(world) == sorted(first, key=shard_of)
    world.step()
    assert world.store.wave(WAVE).state is WaveState.SETTLED
    assert rows(world, order) == []
    world.expire(world.clock.now)
    assert [row[:2] for row in rows(world, order)] == [(name, "revoked") for name in sorted(first, key=shard_of)]
    assert sum(one.state is BeneficiaryState.POTENTIAL for one in world.waves.beneficiaries.of_many(order)) == 3
    assert world.failed_checks(WAVE, tmp_path) == []
    assert set(listed(world)).isdisjoint(first)


def test_a_revoked_person_is_barred_even_if_the_run_died_before_telling_registration(world, monkeypatch):
    a, b = waiting(world, 1, *"ab")

    def dies(*_):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(world.people, "set_standing", dies)
        with pytest.raises(Crash):
            world.expire(DUE)
    assert state(world, a) is BeneficiaryState.REVOKED
    assert world.people.by_id[a].standing is Standing.BENEFICIARY, "not barred yet, and not able to join either"
    assert world.expire(DUE + SECOND) == Report(1, 1)
    assert world.people.by_id[a].standing is Standing.REVOKED
    assert state(world, b) is BeneficiaryState.POTENTIAL


def test_a_person_no_longer_registered_loses_the_place_too(world):
    a, b = waiting(world, 1, *"ab")
    del world.people.by_id[a]
    assert world.expire(DUE) == Report(1, 1)
    assert (state(world, a), state(world, b)) == (BeneficiaryState.REVOKED, BeneficiaryState.POTENTIAL)


def test_a_late_settling_step_does_not_undo_substitutions(world):
    waiting(world, 1, *"ab")
    drawn_wave = replace(world.store.wave(WAVE), state=WaveState.DRAWN)
    world.expire(DUE)
    before = world.files(WAVE)
    world.stepper._settle(drawn_wave, Calendar(world.programme.calendar), TimeBudget(DUE, 60, world.clock.seconds), [])
    assert world.files(WAVE) == before
    assert world.store.wave(WAVE).chosen == 1


def test_contradicting_published_substitutions_are_kept_and_reported(world):
    a, _, c = waiting(world, 1, *"abc")
    forged = [{"seq": 1, "seat": "open", "out": leaf_of(world, a), "reason": "ineligible", "in": leaf_of(world, c)}]
    body = json.dumps(forged).encode()
    world.publication.put(WAVE, {"substitutions.json": body})
    with pytest.raises(ExceptionGroup) as caught:
        world.expire(DUE)
    assert [type(error) for error in caught.value.exceptions] == [Contradiction]
    assert world.files(WAVE)["substitutions.json"] == body
    assert (world.store.wave(WAVE).revoked_count, world.store.wave(WAVE).passed_count) == (1, 0)


def test_a_short_run_leaves_the_rest_to_the_next(world):
    order = waiting(world, 3, *"abcdef")
    world.clock.now = DUE
    seconds = iter(range(1000))
    report = world.wired().revocation.run(DUE, ONE_PERSON_S + 8, lambda: float(next(seconds)))
    assert 0 < report.revoked < 3
    assert report.substituted == 0
    assert world.expire(DUE) == Report(3, 3)
    assert {out for out, _, _ in rows(world, order)} == set(order[:3])
    assert EntryOutcome.CHOSEN is world.entries.outcome(WAVE, order[5])


def test_a_run_out_of_time_reports_and_unlists_nobody_more(world, monkeypatch):
    """However many there are: it stops by itself, and is not killed."""
    order = waiting(world, 3, *"abcdef")

    def late_after(kind, method):
        """Just this call takes most of a minute."""
        original = getattr(kind, method)

        def slow(*arguments):
            answer = original(*arguments)
            world.clock.now += timedelta(seconds=56)
            return answer

        return (kind, method, slow)

    with monkeypatch.context() as patch:
        patch.setattr(*late_after(Publication, "put_substitutions"))
        assert (report := world.expire(DUE)) == Report(3, 0)
    assert not report.whole
    assert len(rows(world, order)) == 3
    assert set(world.mailbox.told) == {(name, f"revoked/{WAVE}") for name in order[:3]}
    assert world.store.wave(WAVE).passed_count == 0
    with monkeypatch.context() as patch:
        patch.setattr(*late_after(RevocationLog, "record_passed_on"))
        assert world.expire(DUE) == Report(3, 3)
    assert {(name, f"chosen/{WAVE}") for name in order[3:]} < set(world.mailbox.told)
    assert set(listed(world)) == set(order)
    assert (report := world.expire(DUE)) == Report(3, 0)
    assert report.whole
    assert set(listed(world)) == set(order[3:])


def test_a_run_with_a_delayed_wave_does_not_count_as_complete(world, monkeypatch):
    waiting(world, 3, *"abcdef")

    def busy(*_):
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(Publication, "put_substitutions", busy)
        assert not world.expire(DUE).whole
    assert world.expire(DUE).whole


def test_a_substitute_who_buys_before_the_report_is_still_reported(world, monkeypatch):
    """The run ends between the award of the seat and the mail about it; a slow one leaves the same gap open."""
    a, b, _ = waiting(world, 1, *"abc")
    tell = world.mailbox.tell

    def dies(person, kind, event, facts):
        if event == f"chosen/{WAVE}":
            raise Crash
        tell(person, kind, event, facts)

    with monkeypatch.context() as patch:
        patch.setattr(world.mailbox, "tell", dies)
        with pytest.raises(Crash):
            world.expire(DUE)
    assert buy(world, b)
    assert state(world, b) is BeneficiaryState.ACTIVE
    world.expire(DUE + SECOND)
    assert set(world.mailbox.told) == {(a, f"revoked/{WAVE}"), (b, f"chosen/{WAVE}")}


def test_a_continued_run_repeats_at_most_one_page(world, monkeypatch):
    """A run that told everybody of the log again would, with a long one, never come to anything else."""
    order = waiting(world, 7, *"abcdefghijklmn")
    monkeypatch.setattr(revocation, "PAGE", 3)
    told, tell = [], world.mailbox.tell

    def dies(person, kind, event, facts):
        tell(person, kind, event, facts)
        told.append(person)
        if len(told) in (5, 14):
            raise Crash

    monkeypatch.setattr(world.mailbox, "tell", dies)
    for expected in (5, 5 + 4 + 5):
        with pytest.raises(Crash):
            world.expire(DUE)
        assert len(told) == expected
    assert (world.store.wave(WAVE).barred_count, world.store.wave(WAVE).passed_count) == (7, 3)
    assert world.expire(DUE) == Report(7, 4)
    assert len(told) == 5 + 4 + 5 + 4
    assert set(world.mailbox.told) == {(one, f"revoked/{WAVE}") for one in order[:7]} | {
        (one, f"chosen/{WAVE}") for one in order[7:]
    }
    assert world.store.wave(WAVE).passed_count == 7
    assert set(listed(world)) == set(order[7:])


def test_trouble_with_one_wave_delays_no_other(world):
    """The first wave's table is gone; the second one's places are passed on all the same."""
    waiting(world, 1, *"ab")
    world.waves.resize(WAVE + 1, 1, 0, {}, world.clock.now)
    world.clock.now = OPENS + TWO_WEEKS
    world.join("c", "d")
    play(world, 1)
    world.s3.delete_object(Bucket=world.settings.results_bucket, Key=f"draws/{WAVE}/regions.json")
    with pytest.raises(ExceptionGroup):
        world.expire(world.clock.now + timedelta(days=1))
    [(out, reason, heir)] = rows(world, "cd", WAVE + 1)
    assert (reason, {out, heir}) == ("revoked", {"c", "d"})
    assert (world.store.wave(WAVE).revoked_count, world.store.wave(WAVE).passed_count) == (1, 0)


# Family cards


def test_a_revoked_person_no_longer_counts_for_the_family_card(world):
    """Two of a family lose their places; a third of it is chosen in the next wave."""
    world.people.add(*(registrant(name, kk_mac=card("family")) for name in "abc"))
    waiting(world, 2, "a", "b")
    assert FamilyItem.get(f"K#{card('family')}", "HOLDERS").holders == {"a", "b"}
    world.clock.now = OPENS + TWO_WEEKS
    world.join("c")
    world.expire(world.waves.beneficiaries.of("a").buy_by)
    assert not FamilyItem.get(f"K#{card('family')}", "HOLDERS").holders
    for now in (CLOSES, FREEZES, ROUND):
        world.at(now + TWO_WEEKS)
    assert world.waves.beneficiaries.of("c").wave == WAVE + 1


def test_a_revoked_place_may_go_to_the_same_family_but_refusals_are_final(world):
    """Of three of a family the third was passed over for the first two; who waits behind may follow one of them."""
    order = drawn(world, 3, *"abcdef")
    world.family(order[0], order[1], order[2], order[4])
    world.step()
    assert outcomes_of(world, order) == ["chosen", "chosen", "family_card", "chosen", None, None]
    assert buy(world, order[1])
    assert buy(world, order[3])
    world.expire(world.waves.beneficiaries.of(order[0]).buy_by)
    assert outcomes_of(world, order)[2] == "family_card"
    assert world.waves.beneficiaries.of(order[4]) is not None
    assert FamilyItem.get(f"K#{card('family')}", "HOLDERS").holders == {order[1], order[4]}


def outcomes_of(world: WavesWorld, order: list[str]) -> list[str | None]:
    found = {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)}
    return [found[name] and found[name].value for name in order]
