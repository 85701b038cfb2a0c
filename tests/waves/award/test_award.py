"""The award of seats: once in a lifetime, at most two on a family card, and substitutions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from chalicelib.draw.leaves import leaf
from chalicelib.errors import Unavailable
from chalicelib.registration.rules import Employment, Standing
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.entries import Candidate, EntryItem, Row, entry_item
from chalicelib.waves.errors import AlreadyBeneficiary, ListChanged
from chalicelib.waves.places.items import BeneficiaryItem, FamilyItem
from chalicelib.waves.publication.leaf_owners import LeafOwner, LeafOwners, Pages
from chalicelib.waves.rules import BeneficiaryState, EntryOutcome, WaveState
from tests.builders.people import card, registrant
from tests.builders.places import TWO_WEEKS, drawn, entered, in_two_waves, leaf_of, play, settled, standings
from tests.builders.registration import other_form, registrations
from tests.builders.waves import CLOSES, FREEZES, OPENS, PEOPLE, ROUND, WAVE
from tests.conftest import T0


def test_without_a_cap_all_winners_of_a_family_card_are_chosen(world):
    eligibility = structs.replace(world.programme.eligibility, family_card_cap=None)
    world.restart(programme=structs.replace(world.programme, eligibility=eligibility))
    order = drawn(world, 4, *"abcdef")
    world.family(*order[:4])
    world.step()
    assert [standings(world)[name] for name in order] == ["chosen"] * 4 + ["not_drawn"] * 2


def test_only_two_of_three_winners_on_a_family_card_are_chosen(world, tmp_path):
    order = drawn(world, 4, *"abcdef")
    world.family(order[0], order[1], order[3])
    world.step()
    reasons = standings(world)
    assert [reasons[name] for name in order] == ["chosen", "chosen", "chosen", "family_card", "chosen", "not_drawn"]
    assert world.result(WAVE, "substitutions.json") == [
        {
            "seq": 1,
            "seat": "open",
            "out": leaf_of(world, order[3]),
            "reason": "family_card",
            "in": leaf_of(world, order[4]),
        }
    ]
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_substitute_does_not_take_a_familys_last_place_from_a_winner(world, tmp_path):
    order = drawn(world, 2, *"abcd")
    world.people.excluded.add(order[0])
    # Somebody of the family was chosen before; the one drawn second and the first in waiting are of it too.
    world.family(order[1], order[2])
    FamilyItem(f"K#{card('family')}", "HOLDERS", holders={"somebody"}).save()
    world.step()
    reasons = standings(world)
    assert [reasons[name] for name in order] == ["ineligible", "chosen", "family_card", "chosen"]
    rows = world.result(WAVE, "substitutions.json")
    assert [(row["reason"], row["in"]) for row in rows] == [
        ("ineligible", leaf_of(world, order[2])),
        ("family_card", leaf_of(world, order[3])),
    ]
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_seat_without_a_remaining_entry_stays_empty(world, tmp_path):
    world.people.add(*(registrant(name, kk_mac=card("family")) for name in "abc"))
    settled(world, 4, *"abc")
    assert sorted(standings(world).values()) == ["chosen", "chosen", "family_card"]
    [row] = world.result(WAVE, "substitutions.json")
    assert row["in"] is None
    assert (world.store.wave(WAVE).quota, world.store.wave(WAVE).chosen) == (4, 2)
    assert world.failed_checks(WAVE, tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda people, who: people.add(registrant(who, employment=Employment.STATE_OFFICIAL)), id="official"
        ),
        pytest.param(lambda people, who: people.add(registrant(who, birth_date=date(2008, 12, 1))), id="too young"),
        pytest.param(lambda people, who: people.add(registrant(who, standing=Standing.REVOKED)), id="revoked"),
        pytest.param(lambda people, who: people.excluded.add(who), id="on an exclusion list"),
        pytest.param(lambda people, who: people.by_id.pop(who), id="no longer registered"),
    ],
)
def test_a_winner_who_may_no_longer_take_part_loses_the_seat(world, tmp_path, change):
    """From the freeze on; who is unfit before it is removed from the list."""
    first, second = drawn(world, 1, "a", "b")
    change(world.people, first)
    world.step()
    assert [world.waves.beneficiaries.of(name) is None for name in (first, second)] == [True, False]
    assert world.entries.outcome(WAVE, first) is EntryOutcome.INELIGIBLE
    if first in world.people.by_id:
        assert standings(world) == {first: "ineligible", second: "chosen"}
    [row] = world.result(WAVE, "substitutions.json")
    assert (row["reason"], row["in"]) == ("ineligible", leaf_of(world, second))
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_beneficiary_has_a_card_of_sixteen_digits_and_the_scheme_of_the_wave(world):
    settled(world, 1, "a")
    chosen = world.waves.beneficiaries.of("a")
    assert re.fullmatch("[0-9]{16}", chosen.card_number)
    assert (chosen.wave, chosen.scheme, chosen.state) == (WAVE, "2023", BeneficiaryState.POTENTIAL)
    with pytest.raises(AlreadyBeneficiary) as caught:
        world.waves.join("a", OPENS + TWO_WEEKS)
    assert (caught.value.facts["wave"], caught.value.facts["again_from"]) == (WAVE, None)


def test_a_taken_card_number_is_not_given_again(world):
    numbers = iter([7, 7, 8])
    world.randomness = lambda length: next(numbers).to_bytes(length, "big")
    world.stepper = world.wired().stepper
    settled(world, 2, "a", "b")
    cards = {world.waves.beneficiaries.of(name).card_number for name in "ab"}
    assert cards == {"0000000000000007", "0000000000000008"}


def test_a_person_is_chosen_once_in_a_lifetime_over_two_waves(world, tmp_path):
    """They joined the second wave before the first, held up by its beacon, had chosen them."""
    in_two_waves(world)
    world.waves.resize(147, 1, 0, {}, world.clock.now)
    world.beacons.silent = False
    world.at(CLOSES + TWO_WEEKS, FREEZES + TWO_WEEKS, ROUND + TWO_WEEKS)
    assert [world.store.wave(number).state for number in (145, 146)] == [WaveState.SETTLED] * 2
    entries = world.wired().waves.entries_of("a", world.clock.now)
    assert [(entry.wave, entry.standing, entry.reason) for entry in entries] == [
        (146, "not_chosen", "already_beneficiary"),
        (145, "chosen", None),
    ]
    assert world.waves.beneficiaries.of("a").wave == 145
    assert world.waves.beneficiaries.of("b").wave == 146
    assert world.failed_checks(146, tmp_path) == []


def test_a_family_card_is_counted_over_all_waves(world):
    family = {"kk_mac": card("family")}
    world.people.add(*(registrant(name, **family) for name in "ab"))
    settled(world, 2, "a", "b")
    world.clock.now = OPENS + TWO_WEEKS
    world.people.add(registrant("c", **family))
    world.join("c")
    play(world, 1)
    assert world.wired().waves.entries_of("c", world.clock.now)[0].reason == "family_card"


def test_a_revoked_place_is_shown_as_revoked(world):
    settled(world, 1, "a")
    BeneficiaryItem("B#a", "BENEFICIARY").update([BeneficiaryItem.state.set(BeneficiaryState.REVOKED.value)])
    assert world.wired().waves.entries_of("a", world.clock.now)[0].standing == "revoked"


def test_an_award_that_runs_out_of_time_continues_in_the_next_step(world, tmp_path):
    entered(world, 4, *PEOPLE)
    world.at(OPENS, CLOSES, FREEZES)
    world.clock.now = ROUND
    assert [done.state for done in world.step(deadline_s=ONE_AWARD_S - 1)] == [WaveState.DRAWN]
    assert {one.outcome for one in world.entries.candidates(WAVE)} == {None}
    seconds = iter(range(1000))
    world.stepper.advance(world.clock.now, ONE_AWARD_S + 5, lambda: float(next(seconds)))
    decided = [one.outcome for one in world.entries.candidates(WAVE) if one.outcome]
    assert 0 < len(decided) < 4
    assert world.store.wave(WAVE).state is WaveState.DRAWN
    first = next(one.registrant_id for one in world.entries.candidates(WAVE) if one.outcome)
    assert world.wired().waves.entries_of(first, ROUND)[0].standing == "chosen", "a seat that was given is told at once"
    world.step()
    assert world.store.wave(WAVE).chosen == 4
    assert world.failed_checks(WAVE, tmp_path) == []


def test_an_award_that_takes_all_the_time_delays_no_other_wave(world):
    drawn(world, 1, "a")
    world.clock.now = OPENS + TWO_WEEKS
    assert [(done.wave, done.state) for done in world.step(deadline_s=ONE_AWARD_S - 1)] == [(WAVE + 1, WaveState.OPEN)]
    assert [(done.wave, done.state) for done in world.step()] == [(WAVE, WaveState.SETTLED)]


def test_a_passing_error_of_registration_is_not_a_reason_against_an_award(world, monkeypatch):
    world.step()
    world.clock.now = OPENS
    world.join("a")
    world.at(OPENS, CLOSES, FREEZES)

    def busy(*_):
        raise Unavailable()

    monkeypatch.setattr(world.people, "check_still_eligible", busy)
    assert [done.state for done in world.at(ROUND)] == [WaveState.DRAWN]
    monkeypatch.undo()
    world.step()
    assert world.waves.beneficiaries.of("a") is not None


def test_nothing_is_awarded_when_an_entry_of_the_published_list_is_missing(world):
    world.step()
    world.clock.now = OPENS
    world.join("a")
    world.at(OPENS, CLOSES, FREEZES)
    entry_item(WAVE, "a").delete()
    assert [done.state for done in world.at(ROUND)] == [WaveState.DRAWN]
    assert world.step() == []


def test_with_real_registrations_two_of_a_family_of_three_are_chosen(world, cloud, programme):
    people = registrations(cloud, programme)
    world.restart(people=people)
    for n in range(3):
        people.register(f"sub-{n}", other_form(n + 1), T0)
    world.step()
    for n in range(3):
        assert world.waves.join(f"sub-{n}", OPENS)[1]
    play(world)
    assert world.store.wave(WAVE).chosen == 2
    stands = [n for n in range(3) if people.registrant(f"sub-{n}").standing is Standing.BENEFICIARY]
    assert stands == [n for n in range(3) if world.waves.beneficiaries.of(f"sub-{n}")]
    with pytest.raises(AlreadyBeneficiary):
        world.waves.join(f"sub-{stands[0]}", OPENS + TWO_WEEKS)


def test_the_family_card_at_the_join_counts_despite_later_changes(world):
    """Three of a family join and change their cards before the draw; a stranger changes to theirs."""
    order = drawn(world, 4, *"abcd")
    world.family(*order[:3])
    for name in order[:3]:
        world.people.add(registrant(name))
    world.people.add(registrant(order[3], kk_mac=card("family")))
    world.step()
    assert [standings(world)[name] for name in order] == ["chosen", "chosen", "family_card", "chosen"]
    assert FamilyItem.get(f"K#{card('family')}", "HOLDERS").holders == set(order[:2])
    assert FamilyItem.get(f"K#{card(order[3])}", "HOLDERS").holders == {order[3]}
    assert world.waves.beneficiaries.of(order[0]).kk_mac == card("family")


def test_an_entry_of_an_earlier_release_uses_the_card_of_the_registration(world):
    order = drawn(world, 2, "a", "b")
    for name in order:
        entry_item(WAVE, name).update([EntryItem.kk.remove()])
    world.step()
    assert {world.waves.beneficiaries.of(name).kk_mac for name in order} == {card("a"), card("b")}


def ticket(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def paged(everybody: list[Candidate]) -> Pages:
    """In three of the shards, five on a page."""

    def pages(shard: int) -> Iterator[list[Row]]:
        own = everybody[shard::3] if shard < 3 else []
        for start in range(0, len(own), 5):
            yield [(one.registrant_id, one.region, one.ticket, one.outcome) for one in own[start : start + 5]]

    return pages


WHO = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=26)
ENTRIES = st.dictionaries(
    WHO, st.tuples(st.integers(10, 99), st.one_of(st.none(), st.sampled_from(list(EntryOutcome)))), max_size=400
)


@settings(max_examples=60)
@given(entries=ENTRIES)
def test_every_entry_is_found_by_its_own_leaf_only(entries):
    everybody = [
        Candidate(who, region, ticket(number), outcome)
        for number, (who, (region, outcome)) in enumerate(entries.items())
    ]
    wanted = frozenset(list(entries)[::3])
    roster = LeafOwners(WAVE, paged(everybody), wanted)
    for one in everybody:
        own = leaf(WAVE, one.region, one.ticket)
        assert roster.whose(own) == LeafOwner(one.registrant_id, one.region, one.outcome)
        if one.registrant_id in wanted:
            assert roster.leaf_of(one.registrant_id) == own
        with pytest.raises(ListChanged):
            roster.whose(leaf(WAVE + 1, one.region, one.ticket))
    with pytest.raises(ListChanged):
        roster.leaf_of("nobody")


def test_the_first_and_last_leaf_are_found_and_missing_ones_are_not():
    roster = LeafOwners(WAVE, paged([Candidate("a", 31, ticket(0), EntryOutcome.CHOSEN)]))
    own = leaf(WAVE, 31, ticket(0))
    assert roster.whose(own).registrant_id == "a"
    for absent in (own[:31] + bytes([own[31] ^ 1]), bytes([own[0]]) + bytes(31), bytes([own[0]]) + b"\xff" * 31):
        with pytest.raises(ListChanged):
            roster.whose(absent)


def test_an_id_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="too long"):
        LeafOwners(WAVE, paged([Candidate("a" * 27, 31, ticket(0), None)]))
