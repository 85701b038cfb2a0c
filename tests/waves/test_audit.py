"""When the audit of a wave closes its tickets go, and everything that follows from them still holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.aws.dynamodb import rows_of
from chalicelib.draw.leaves import leaf
from chalicelib.waves import entries, rules
from chalicelib.waves.audit import Audits
from chalicelib.waves.entries import EntryItem
from chalicelib.waves.rules import closed_ticket, is_closed
from chalicelib.waves.store import WavesTable
from tests.builders.places import buy, rows, standings, waiting
from tests.builders.waves import ROUND, WAVE, WavesWorld

pytestmark = pytest.mark.usefixtures("few_partitions")

DAYS = 90
DUE = ROUND + timedelta(seconds=75)
LATER = ROUND + timedelta(days=DAYS, minutes=1)


def audits(world: WavesWorld) -> Audits:
    return Audits(world.store, world.waves.beneficiaries, DAYS)


def close(world: WavesWorld, now: datetime = LATER) -> int:
    """Close the audit of the wave, whether or not it is due; returns how many tickets went."""
    found: list[dict[str, Any]] = [row for shard in range(4) for row in rows_of(WavesTable, f"E#{WAVE}#{shard:02d}")]
    gone = audits(world).end(found, now)["tickets"]
    audits(world).close(WAVE, now)
    return gone


def kept(world: WavesWorld, names: list[str]) -> list[EntryItem]:
    return [EntryItem.get(entries.entry_item(WAVE, name).pk, name) for name in names]


def test_an_audit_closes_when_no_seat_may_be_passed_on_any_more(world: WavesWorld) -> None:
    _, b = waiting(world, 1, *"ab")
    assert audits(world).ending(LATER) == [], "whoever was chosen has not bought"
    world.expire(DUE)
    assert audits(world).ending(LATER) == [], "nor has the successor"
    buy(world, b)
    assert audits(world).ending(ROUND + timedelta(days=DAYS - 1)) == []
    assert audits(world).ending(LATER) == [WAVE]
    assert close(world) == 2
    assert audits(world).ending(LATER) == [], "it is closed once"
    assert world.store.wave(WAVE).audit_closed_at == LATER


def test_an_audit_waits_for_a_place_that_waits_for_the_registry(world: WavesWorld) -> None:
    world.people.has_registry = True
    waiting(world, 1, *"ab")
    assert audits(world).ending(LATER) == []
    world.people.excluded |= {"a", "b"}
    world.expire(DUE)
    assert audits(world).ending(LATER) == [WAVE]


def test_the_leaves_stay_and_nothing_else_that_leads_to_them(world: WavesWorld) -> None:
    names = list(waiting(world, 1, *"abc"))
    before = {one.registrant_id: (one.region, one.ticket) for one in world.entries.candidates(WAVE)}
    shown = {one.wave: one for one in world.waves.entries_of(names[0], DUE)}[WAVE]
    assert close(world) == 3
    assert close(world) == 0, "again is the same"
    for item in kept(world, names):
        region, ticket = before[item.sk]
        assert item.ticket == closed_ticket(leaf(WAVE, region, ticket))
        assert is_closed(item.ticket)
        assert rules.leaf_of(WAVE, region, item.ticket) == leaf(WAVE, region, ticket)
        assert item.kk is None
    again = {one.wave: one for one in world.waves.entries_of(names[0], DUE)}[WAVE]
    assert (again.receipt.ticket, again.receipt.leaf) == ("", shown.receipt.leaf)
    assert (again.standing, again.reason) == (shown.standing, shown.reason)


def test_a_seat_is_passed_on_as_with_the_tickets_and_the_draw_verifies(world: WavesWorld, tmp_path: Any) -> None:
    a, b, c = waiting(world, 1, *"abc")
    close(world)
    world.expire(DUE)
    assert standings(world) == {a: "revoked", b: "chosen", c: "not_drawn"}
    assert rows(world, [a, b, c]) == [(a, "revoked", b)]
    assert world.failed_checks(WAVE, tmp_path) == []
