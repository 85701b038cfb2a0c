"""Batches of winners in any order have the same result as the step's own walk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.draw.leaves import leaf
from chalicelib.draw.published import substitutions_file
from chalicelib.draw.selection import DrawnSeat, DrawResult, Selection, drawn_seat
from chalicelib.waves.award import follow
from chalicelib.waves.award_queue import Message, decode_message, encode_message, in_batches
from chalicelib.waves.rules import EntryOutcome
from tests.builders.draws.files import build_list

WAVE = 145
CAP = 2


@dataclass
class Town:
    """Who joined and was drawn, and what was decided; the rules of the tables, without the tables."""

    seed: int
    families: dict[str, str] = field(default_factory=dict)
    holders: dict[str, set[str]] = field(default_factory=dict)
    unfit: set[str] = field(default_factory=set)
    outcomes: dict[str, EntryOutcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        joined: dict[int, dict[bytes, str]] = {11: {}, 31: {}, 32: {}}
        for number in range(chance.randint(5, 60)):
            name = f"p{number}"
            ticket = sha256(f"{self.seed}/{name}".encode()).digest()
            joined[chance.choice(list(joined))][ticket] = name
            self.families[name] = f"kk-{chance.randrange(12)}" if chance.random() < 0.7 else f"own-{name}"
            if chance.random() < 0.15:
                self.unfit.add(name)
        for family in range(4):
            self.holders[f"kk-{family}"] = {f"before-{n}" for n in range(chance.randint(0, CAP))}
        self.whose = {leaf(WAVE, region, ticket): (region, name) for region, some in joined.items()
                      for ticket, name in some.items()}  # fmt: skip
        self._lists = {region: build_list(WAVE, region, some) for region, some in joined.items() if some}
        self._reserved = {11: chance.randint(0, 6), 32: chance.randint(0, 6)}
        self._quota = sum(self._reserved.values()) + chance.randint(0, 25)
        drawn = self.selection()
        cutoffs = {region: one.cutoff for region, one in drawn.reserved.items()}
        self.draw = DrawResult(b"seed", cutoffs, drawn.open.cutoff)
        self.winners = [(self.whose[own][1], own, seat) for own, seat in drawn.winners()]

    def selection(self) -> Selection:
        return Selection(self._lists, self._reserved, self._quota, b"seed")

    def decide(self, name: str) -> EntryOutcome:
        """As the tables would: once, and at most two of a family."""
        if name not in self.outcomes:
            held = self.holders.setdefault(self.families[name], set())
            if name in self.unfit:
                self.outcomes[name] = EntryOutcome.INELIGIBLE
            elif len(held) >= CAP:
                self.outcomes[name] = EntryOutcome.FAMILY_CARD
            else:
                held.add(name)
                self.outcomes[name] = EntryOutcome.CHOSEN
        return self.outcomes[name]

    def walk(self) -> bytes:
        """The published substitutions."""
        rows = follow(self.selection(), lambda own, _: self.decide(self.whose[own][1]))
        return substitutions_file(rows)["substitutions.json"]

    def runs(self, size: int) -> list[Iterator[None]]:
        """A consumer of each batch, to be taken on person by person."""
        people = [name for name, _, _ in self.winners]
        return [self._run(batch) for batch in in_batches(people, self.families, size)]

    def _run(self, batch: list[str]) -> Iterator[None]:
        for name in batch:
            self.decide(name)
            yield


@given(seed=st.integers(0, 10**9), size=st.integers(1, 12), order=st.integers(0, 10**9))
def test_batches_in_any_order_have_the_result_of_the_walk(seed, size, order):
    alone = Town(seed)
    expected = alone.walk()
    town, chance = Town(seed), random.Random(order)
    # Consumers at work together, some of them twice, some given up half-way; the walk may begin in the midst of it.
    runs = town.runs(size) + town.runs(size)
    steps = chance.randint(0, 200)
    while runs and steps:
        steps -= 1
        run = chance.choice(runs)
        if next(run, "ended") == "ended" or chance.random() < 0.03:
            runs.remove(run)
    assert town.walk() == expected
    assert town.outcomes == alone.outcomes
    assert town.holders == alone.holders


@settings(max_examples=100)
@given(seed=st.integers(0, 10**9))
def test_the_cut_offs_show_whether_where_and_in_which_order_entries_were_drawn(seed):
    town = Town(seed)
    told = {own: drawn_seat(town.draw, region, own) for own, (region, _) in town.whose.items()}
    in_order = sorted(one for one in told.values() if one is not None)
    assert [(one.leaf, one.seat) for one in in_order] == [(own, seat) for _, own, seat in town.winners]
    assert all(isinstance(one, DrawnSeat) or own not in {w[1] for w in town.winners} for own, one in told.items())


@settings(max_examples=200)
@given(cards=st.lists(st.one_of(st.none(), st.integers(0, 8)), max_size=80), size=st.integers(1, 12))
def test_a_family_is_in_one_batch_in_its_order_and_no_batch_is_too_big(cards, size):
    people = [f"p{n}" for n in range(len(cards))]
    known = {who: f"kk-{card}" for who, card in zip(people, cards, strict=True) if card is not None}
    batches = in_batches(people, known, size)
    assert all(0 < len(batch) <= size for batch in batches)
    assert batches == in_batches(people, known, size)
    sent = [who for batch in batches for who in batch]
    assert len(sent) == len(set(sent))
    families: dict[str, list[str]] = {}
    for who in people:
        families.setdefault(known.get(who, who), []).append(who)
    for family in families.values():
        [batch] = [batch for batch in batches if not set(batch).isdisjoint(family)]
        assert [who for who in batch if who in family] == family[:size], "the first of a big family, in order"


def test_a_message_has_its_version_the_wave_the_batch_and_ids_only():
    body = encode_message(Message(54, 17, ("a", "b")))
    assert msgspec.json.decode(body) == {"v": 1, "wave": 54, "batch": 17, "people": ["a", "b"]}
    assert decode_message(body) == Message(54, 17, ("a", "b"))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": "1"},
        {"wave": 0},
        {"wave": "54"},
        {"batch": 0},
        {"batch": 10**6},
        {"people": []},
        {"people": ["a"] * 101},
        {"people": ["with a space"]},
        {"people": ["a" * 37]},
        {"people": [3174012345678901]},
        {"people": "abc"},
        {"seat": "open"},
    ],
)
def test_malformed_messages_and_other_versions_are_refused(change):
    body = {"v": 1, "wave": 54, "batch": 17, "people": ["a"]} | change
    with pytest.raises(msgspec.DecodeError):
        decode_message(msgspec.json.encode(body).decode())
