"""The application's draw and `verify_draw.py` have the same results, piece by piece and for whole draws.

The published files of whole waves: every test that verifies one. The page: `tests/pages/test_same_as_the_others.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from chalicelib.draw import beacon, cosignatures, note, selection
from chalicelib.draw.errors import ForgedBeacon, ForgedCosignature, MalformedCosignature, MalformedNote, UnknownWitness
from chalicelib.draw.leaves import leaf
from tests.builders.draws.files import DEVELOPMENT, QUICKNET, REAL_ROUND
from tests.builders.draws.random_tables import CASES as KINDS
from tests.builders.draws.random_tables import random_table
from tests.builders.draws.verify_draw import program

from .drawers import in_the_application, in_the_single_file
from .test_mutations import FACTS, FILES, changed_files

v = program()
CHAINS = [
    (one, v.Chain(one.hash, one.public_key, one.genesis, one.period_s, one.delay_s)) for one in (QUICKNET, DEVELOPMENT)
]


def unless(refusal: type[Exception], read: Callable[..., Any], *arguments: object) -> Any:
    """What is read; None if it is refused."""
    try:
        return read(*arguments)
    except refusal:
        return None


def test_both_read_the_same_notes_and_the_same_of_them() -> None:
    for raw in [FILES["note.txt"], *changed_files("note.txt")[0]]:
        ours, theirs = unless(MalformedNote, note.parse, raw), unless(v.Failure, v.parse_note, raw)
        assert (ours is None) == (theirs is None), raw
        if ours:
            numbers = ours.wave, ours.entries, ours.quota, ours.reserved, ours.regions
            assert theirs == (raw, *numbers, ours.frozen.timestamp(), ours.chain, ours.round)


def by_the_application(raw: bytes) -> list[cosignatures.Cosignature]:
    lines = raw.split(b"\n")
    if lines.pop() or not lines:
        raise MalformedCosignature(reason="not lines")
    return [cosignatures.parse_line(line + b"\n") for line in lines]


def test_both_read_and_accept_the_same_cosignatures() -> None:
    known, text = {(key.name, key.id): key.key for key in FACTS.witnesses}, FILES["note.txt"]
    believed = 0
    for raw in [FILES["cosignatures.txt"], *changed_files("cosignatures.txt")[0]]:
        ours = unless(MalformedCosignature, by_the_application, raw)
        theirs = unless(v.Failure, v.parse_cosignatures, raw)
        assert (ours is None) == (theirs is None), raw
        for one, (name, body) in zip(ours or (), theirs or (), strict=True):
            assert (one.name, one.key_id, one.time, one.signature) == (
                *(name, body[:4], int.from_bytes(body[4:12], "big")),
                body[12:],
            )
            refused = ForgedCosignature, UnknownWitness
            holds = unless(refused, lambda one=one: cosignatures.verify(one, text, FACTS.witnesses) or True)
            key = known.get((name, body[:4]))
            message = cosignatures.message(text, one.time)
            assert bool(holds) == (key is not None and v.ed25519_verifies(key, message, body[12:]))
            believed += bool(holds)
    assert believed > 100


def test_both_accept_the_same_keys_of_witnesses() -> None:
    random, taken = Random("keys"), 0
    for _ in range(2000):
        text = str(random.choice(FACTS.witnesses))
        for _ in range(random.choice([0, 1, 1, 2])):
            at = random.randrange(len(text))
            text = text[:at] + random.choice(["", "+", "A", "=", " ", "\u0663", text[at] * 2]) + text[at + 1 :]
        ours, theirs = unless(ValueError, cosignatures.parse_key, text), unless(ValueError, v.a_witness, text)
        assert (ours and ((ours.name, ours.id), ours.key)) == theirs, text
        taken += ours is not None
    for y in (0, 1, 2**255 - 20, 2**255 - 19, 2):
        text = str(cosignatures.WitnessKey("w", y.to_bytes(32, "little")))
        assert unless(ValueError, v.a_witness, text) is None
    assert 0 < taken < 2000


def test_both_accept_the_same_signatures() -> None:
    believed = 0
    for raw in [FILES["beacon.json"], *changed_files("beacon.json")[0]]:
        signed = unless(v.Failure, v.parse_beacon, raw)
        if signed:
            ours = unless(ForgedBeacon, beacon.verify, QUICKNET, signed.round, signed.signature)
            assert (ours is None) == (v.signature_fault(CHAINS[0][1], signed.round, signed.signature) is not None)
            believed += ours is not None
            assert ours is None or ours.randomness == sha256(signed.signature).digest()
    assert believed
    assert v.signature_fault(CHAINS[0][1], REAL_ROUND["round"], bytes.fromhex(REAL_ROUND["signature"])) is None


@pytest.mark.parametrize(("ours", "theirs"), CHAINS)
def test_both_compute_the_same_round_and_its_time_for_a_freeze(ours: note.Chain, theirs: Any) -> None:
    random = Random("rounds")
    near = range(ours.genesis - ours.delay_s - 5, ours.genesis - ours.delay_s + 12)
    for second in [*near, *(random.randrange(0, 2**32) for _ in range(1000))]:
        number = note.beacon_round(ours, datetime.fromtimestamp(second, UTC))
        assert number == theirs.round_of(second)
        assert note.round_time(ours, number).timestamp() == theirs.time_of(number)


def test_both_make_the_same_leaves_seeds_and_values() -> None:
    random = Random("values")
    for _ in range(200):
        wave, region = random.randrange(2**32), random.randrange(10, 100)
        seed, ticket = map(random.randbytes, (32, 32))
        own = leaf(wave, region, ticket)
        assert own == v.leaf_of(wave, region, ticket)
        values = {"rank": selection.rank, "open": selection.open_value, "survey": selection.sample_value}
        for purpose, value in values.items():
            assert value(seed, own) == v.value_of(seed, purpose, own)
    text, signature = FILES["note.txt"], random.randbytes(48)
    seed = v.seed_of(v.parse_note(text), v.Beacon("", 1, signature, b""))
    assert selection.draw_seed(text, sha256(signature).digest()) == seed


TABLES = [random_table(number) for number in range(1000)]


def test_every_special_case_is_among_the_tables() -> None:
    met = Counter(kind for table in TABLES for kind, is_it in KINDS.items() if is_it(table))
    assert [kind for kind in KINDS if met[kind] < 10] == []


def test_the_application_and_the_single_file_draw_alike_from_a_thousand_tables() -> None:
    for table in TABLES:
        drawn = in_the_application(table)
        assert in_the_single_file(table, drawn["rows"]) == drawn, table.name


def test_the_single_file_refuses_another_than_the_next_in_line_in_every_table() -> None:
    tried = 0
    for table in TABLES:
        rows = in_the_application(table)["rows"]
        if rows:
            seat, out, into = rows[-1]
            wrong = [*rows[:-1], [seat, out, None if into else rows[0][1]]]
            assert in_the_single_file(table, wrong)["rows"] != wrong, table.name
            tried += 1
    assert tried > 300
