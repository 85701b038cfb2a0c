"""Ten thousand bought nothing in time: `expire_places`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.registration.items import Exclusion, Profile
from chalicelib.registration.rules import Standing
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.revocation import PAGE, Report
from chalicelib.waves.rules import SHARDS, BeneficiaryState
from chalicelib.wiring import Services
from tests.builders.crashes import Calls
from tests.builders.waves import ROUND, WAVE, WavesWorld, registrant

from .crowd import names, registered, settled, write
from .functions import MANY, Function
from .mails import Mails

pytestmark = pytest.mark.dynamodb

DUE = ROUND + timedelta(seconds=75)
LEFT = MANY // 5
"""Those who joined and were not drawn: every tenth of them is on a list by now, each other one gets a place."""
NEXT = LEFT * 9 // 10


def test_ten_thousand_places_are_revoked_and_passed_on_though_run_after_run_is_cut_short(
    world: WavesWorld,
    services: Services,
    calls: Calls,
    mails: Mails,
    show: Callable[[str, Function], None],
    tmp_path: Path,
) -> None:
    chosen, left = settled(world, names(MANY + LEFT), MANY)
    registered(registrant(name, standing=Standing.BENEFICIARY, beneficiary_wave=WAVE) for name in chosen)
    registered(registrant(name) for name in left)
    listed = set(left[::10])
    write(Exclusion(f"X#nik-{name}", "EXCLUDED", lists={"list"}) for name in listed)
    world.clock.now = DUE
    function = Function(calls, lambda deadline_s, seconds: services.revocation.run(DUE, deadline_s, seconds))

    function.is_killed_after(MANY)  # two calls revoke a place
    assert MANY * 0.45 < revoked(services) < MANY * 0.55
    function.is_killed_after(MANY + MANY // 2 * 3)  # the other half is revoked; three calls tell of one
    assert MANY * 0.45 < mails.events()[f"revoked/{WAVE}"] < MANY * 0.55
    function.has_time_for(MANY // 2 * 3 + NEXT * 3 + 500, ONE_AWARD_S)  # four calls award a seat
    assert NEXT * 0.45 < taken(services, left) < NEXT * 0.75
    function.is_killed_after(NEXT + MANY // 2)
    assert function.lives().substituted <= NEXT
    assert function.lives() == Report(0, 0)

    places = {one.registrant_id: one for one in services.waves.beneficiaries.of_many(chosen + left)}
    assert Counter(places[name].state for name in chosen) == {BeneficiaryState.REVOKED: MANY}
    assert sorted(places[name].revoked_seq or 0 for name in chosen) == list(range(1, MANY + 1))
    assert {name for name in left if name in places} == set(left) - listed
    assert Counter(places[name].state for name in left if name in places) == {BeneficiaryState.POTENTIAL: NEXT}
    assert len({one.card_number for one in places.values()}) == MANY + NEXT
    assert standings(chosen) == {Standing.REVOKED: MANY}
    assert standings(left) == {Standing.BENEFICIARY: NEXT, Standing.REGISTERED: LEFT - NEXT}
    record = world.store.wave(WAVE)
    assert record is not None
    assert (record.revoked_count, record.barred_count, record.passed_count, record.chosen) == (MANY, MANY, MANY, NEXT)
    assert world.store.allotted(2026) == NEXT
    assert world.failed_checks(WAVE, tmp_path) == []
    marked = [
        one
        for shard in range(SHARDS)
        for one in services.waves.beneficiaries.potential(f"{shard:02d}", DUE + timedelta(days=1))
    ]
    assert sorted(one.registrant_id for one in marked) == sorted(set(left) - listed)

    # Nobody twice: a place is one transaction, and of those who were told a page at most is told again after a death.
    pages = 2 * MANY // PAGE
    assert function.made("TransactWriteItems") == MANY + NEXT + MANY // PAGE
    assert MANY + NEXT <= function.made("PutItem") <= MANY + NEXT + 4 * PAGE
    assert mails.events() == {f"revoked/{WAVE}": MANY, f"chosen/{WAVE}": NEXT}
    # Of each who was revoked the standing and the mark, of each next one the standing, of each listed one the outcome.
    assert function.made("UpdateItem") <= 2 * MANY + NEXT + (LEFT - NEXT) + pages + 4 * PAGE
    show("expire_places", function)


def revoked(services: Services) -> int:
    record = next(wave for wave in services.waves.records() if wave.number == WAVE)
    return record.revoked_count


def taken(services: Services, people: Iterable[str]) -> int:
    return len(services.waves.beneficiaries.of_many(people))


def standings(people: Iterable[str]) -> Counter[str]:
    """How many registrations there are of each standing."""
    return Counter(item.standing for item in Profile.batch_get([(f"R#{name}", "PROFILE") for name in people]))
