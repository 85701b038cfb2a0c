"""Crowds of people, written in batches as the stores would have written them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from itertools import chain, groupby
from typing import Any

from msgspec.structs import replace
from pynamodb.models import Model

from chalicelib.draw.leaves import leaf
from chalicelib.money import rupiah
from chalicelib.payouts.ledger.items import to_event, to_head
from chalicelib.payouts.rules import Entitlement, Kind, Move, State, entitlement_id
from chalicelib.registration.records import Record
from chalicelib.registration.rules import Registrant
from chalicelib.registration.store import _profile
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.entries import EntryItem, entry_item
from chalicelib.waves.places.beneficiaries import _put_place
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.rules import Beneficiary, EntryOutcome, buy_by
from tests.builders.people import beneficiary, card, registrant
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

THREADS = 3
BATCH = 500


def names(number: int) -> list[str]:
    """So many people, in order."""
    return [f"person-{n:05d}" for n in range(number)]


def write(items: Iterable[Model]) -> None:
    """Put items as they are, whatever is there."""
    kinds = groupby(sorted(items, key=lambda item: type(item).__name__), key=type)
    some = [
        own[start : start + BATCH] for _, group in kinds for own in [list(group)] for start in range(0, len(own), BATCH)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(_write, some))


def registered(people: Iterable[Registrant]) -> None:
    """Registrations; nobody here opens what is sealed in them."""
    write(_profile(Record(person, b"sealed", b"key", 1)) for person in people)


def joined(regions: Mapping[str, int], cards: Mapping[str, str] | None = None) -> None:
    """Entries of these people, each from their province, in the first wave; with the same tickets every time."""
    known = cards or {}
    write(
        _entry(name, _ticket(name), region, kk=bytes.fromhex(known.get(name, card(name))))
        for name, region in regions.items()
    )


def awarded(beneficiaries: Iterable[Beneficiary]) -> None:
    """Places and their cards."""
    put = _Put()
    for one in beneficiaries:
        _put_place(put, replace(one, kk_mac=card(one.registrant_id)), None)
    write(put.items)


def paid(payments: Iterable[tuple[int, str, datetime]]) -> None:
    """The ledger as it is when incentives of a wave were paid: (wave, whom, when)."""
    write(chain.from_iterable(_ledger(*payment) for payment in payments))


def settled(world: WavesWorld, people: Sequence[str], quota: int) -> tuple[list[str], list[str]]:
    """A wave that these joined and that was drawn and settled, nobody having bought anything: the chosen, the others.

    All is the services' own doing but the joins and the awards.
    """
    world.step()
    world.waves.resize(WAVE, quota, 0, {}, T0)
    tickets = {name: _ticket(name) for name in people}
    world.people.add(*map(registrant, people))
    joined(dict.fromkeys(people, 31))
    world.at(OPENS, CLOSES, FREEZES)
    world.clock.now = ROUND
    world.step(deadline_s=ONE_AWARD_S - 1)
    whose = {leaf(WAVE, 31, ticket): name for name, ticket in tickets.items()}
    wave = world.store.wave(WAVE)
    assert wave is not None
    selection = world.services._drawing.selection(wave, world.store.draw(WAVE).seed)
    seats = {whose[own]: seat for own, seat in selection.winners()}
    awarded(_beneficiary(world, n, name, seat) for n, (name, seat) in enumerate(seats.items()))
    write(FamilyItem(f"K#{card(name)}", "HOLDERS", holders={name}) for name in seats)
    write(_entry(name, tickets[name], outcome=EntryOutcome.CHOSEN.value, seat=seat) for name, seat in seats.items())
    world.step()
    return sorted(seats), sorted(set(people) - set(seats))


def _ledger(wave: int, person: str, at: datetime) -> Iterator[Model]:
    id_ = entitlement_id(wave, person, Kind.INCENTIVE)
    owed = Entitlement(id_, person, wave, Kind.INCENTIVE, rupiah(600_000), State.PAID, 1, 3, None, at, at)
    yield to_head(owed)
    yield to_event(owed, State.SENDING, Move(State.PAID, "paid"))


def _beneficiary(world: WavesWorld, number: int, name: str, seat: str) -> Beneficiary:
    deadline = buy_by(ROUND, world.programme.training)
    return beneficiary(name, wave=WAVE, card_number=f"{number:016d}", seat=seat, awarded_at=ROUND, buy_by=deadline)


def _ticket(name: str) -> bytes:
    return sha256(name.encode()).digest()


def _entry(name: str, ticket: bytes, region: int = 31, **facts: Any) -> EntryItem:
    item = entry_item(WAVE, name)
    item.ticket, item.region, item.joined_at = ticket, region, OPENS
    for fact, value in facts.items():
        setattr(item, fact, value)
    return item


def _write(items: Sequence[Model]) -> None:
    with type(items[0]).batch_write() as batch:
        for item in items:
            batch.save(item)


class _Put:
    """A transaction that keeps what it is to put, and has nothing to do with what there is already."""

    def __init__(self) -> None:
        self.items: list[Model] = []

    def put(self, leg: str, item: Model, condition: Any = None) -> None:
        self.items.append(item)
