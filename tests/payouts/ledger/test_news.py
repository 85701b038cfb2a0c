"""What others learn of payments: the news, and many people's entitlements at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.aws.cursors import OVERLAP, CursorFields, Cursors
from chalicelib.clock import iso
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.ledger.partitions import NEWS_SHARDS
from chalicelib.payouts.ledger.records import News
from chalicelib.payouts.rules import Hold, Kind, State
from tests.builders.payouts.world import World, beneficiary
from tests.conftest import T0


class CursorItem(CursorFields, PayoutsTable):
    pass


def read(world: World, until: datetime, after: str = iso(T0), limit: int = 100) -> list[News]:
    """All the news, page by page."""
    found = []
    for shard in NEWS_SHARDS:
        start = after
        while page := world.payouts.news(shard, start, until, limit):
            assert len(page) <= limit
            found += page
            start = page[-1].key
    return found


def test_news_are_what_others_act_on_with_how_it_stands_now(world: World) -> None:
    paid = world.entitle(world.person("ani"))
    held = world.entitle(beneficiary("budi"))
    world.worker.process(paid, world.now)
    world.worker.process(held, world.now)
    world.sandbox.books.reverse(f"{paid}-1")
    world.later(hours=1)
    world.worker.process(paid, world.now)
    world.person("budi")
    world.worker.process(held, world.now)

    lines = read(world, world.now)

    told = sorted((line.registrant_id, line.at, line.state, line.latest, line.hold) for line in lines)
    assert told == [
        ("ani", T0, State.PAID, State.REVERSED, None),
        ("ani", world.now, State.REVERSED, State.REVERSED, None),
        ("budi", T0, State.HELD, State.PAID, None),
        ("budi", world.now, State.PAID, State.PAID, None),
    ]
    assert {(line.wave, line.kind) for line in lines} == {(143, Kind.INCENTIVE)}
    assert len(read(world, T0)) == 2, "what happened later is not read yet"
    assert read(world, T0, after=iso(world.now)) == [], "nothing is between an instant and an earlier one"


def test_pages_lose_nothing_of_what_happened_at_one_instant(world: World) -> None:
    people = [beneficiary(f"person-{number}") for number in range(40)]
    ids = {world.entitle(person) for person in people}
    for entitlement in ids:
        world.worker.process(entitlement, world.now)

    lines = read(world, world.now, limit=2)

    assert sorted(line.entitlement_id for line in lines) == sorted(ids)
    assert {line.hold for line in lines} == {Hold.NO_ADDRESS}
    assert len({line.key for line in lines}) == len(ids)


def test_a_persons_entitlements_are_read_by_kind_and_many_peoples_together(world: World) -> None:
    ani, budi, citra = world.person("ani"), world.person("budi"), world.person("citra")
    for kind in (Kind.SURVEY_1, Kind.INCENTIVE):
        world.entitle(ani, kind)
    world.entitle(budi)

    found = world.payouts.of_many([ani, budi, citra])

    assert {person: [each.kind for each in own] for person, own in found.items()} == {
        "ani": [Kind.INCENTIVE, Kind.SURVEY_1],
        "budi": [Kind.INCENTIVE],
        "citra": [],
    }
    assert [(view.kind, view.amount_idr, view.state) for view in world.payouts.of(ani)] == [
        ("INCENTIVE", 600_000, "waiting"),
        ("SURVEY_1", 50_000, "waiting"),
    ]


def test_a_cursor_goes_forward_only_and_the_last_minutes_are_read_again(world: World) -> None:
    cursors = Cursors(CursorItem)
    assert cursors.start("mails", "07", T0) == iso(T0)

    later = T0 + timedelta(hours=1)
    cursors.advance("mails", "07", later)
    cursors.advance("mails", "07", T0 + timedelta(minutes=30))

    assert cursors.start("mails", "07", T0) == iso(later - OVERLAP)
    assert cursors.start("mails", "08", T0) == iso(T0), "each shard has its own"
    assert cursors.start("other", "07", T0) == iso(T0)
