"""The three implementations of the draw as functions with one signature, from a table to winners and cut-offs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from chalicelib.draw.selection import Selection
from tests.builders.draws.files import CASES, lists_of
from tests.builders.draws.random_tables import Table
from tests.builders.draws.verify_draw import program

Drawn = dict[str, Any]
"""`shares`: region to seats; `winners`: leaf to seat; `cutoffs`: seat to value or None; `rows`: [seat, out, in]."""


def vector_tables() -> list[Table]:
    """The published vectors as tables."""
    return [
        Table(
            name=case["name"],
            wave=case["wave"],
            lists={region: leaves for region, leaves in lists_of(case).items() if leaves},
            weights={int(region): weight for region, weight in case["weights"].items()},
            reserved=case["reserved"],
            quota=case["quota"],
            seed=bytes.fromhex(case["seed"]),
            leaving=(0, 3, 1, 4, 1, 5),
        )
        for case in CASES
    ]


def in_the_application(table: Table) -> Drawn:
    selection = Selection(table.lists, table.seats, table.quota, table.seed)
    outcomes = {str(region): one for region, one in selection.reserved.items()} | {"open": selection.open}
    found: Drawn = {
        "shares": {str(region): seats for region, seats in table.seats.items()},
        "winners": {leaf.hex(): seat for leaf, seat in selection.winners()},
        "cutoffs": {seat: one.cutoff and one.cutoff.hex() for seat, one in outcomes.items()},
        "rows": [],
    }
    for number in table.leaving:
        seated = sorted(leaf for leaf, _ in selection.winners())
        if seated:
            link = selection.substitute(seated[number % len(seated)], "revoked")
            found["rows"].append([link.seat, link.out.hex(), link.incoming and link.incoming.hex()])
    return found


def in_the_single_file(table: Table, rows: Sequence[Sequence[str]]) -> Drawn:
    """By `verify_draw.py`, which draws anew and then goes through rows that are there: as many as are right."""
    own = program()
    shares = {region: seats for region, seats in own.shares(table.reserved, table.weights).items() if seats}
    lists = {region: table.lists.get(region, b"") for region in sorted({*table.lists, *shares})}
    regions = [own.Region(region, len(leaves) // 32, shares.get(region, 0), b"") for region, leaves in lists.items()]
    published = [
        own.Substitution(seq, seat, bytes.fromhex(out), "revoked", bytes.fromhex(into) if into else None)
        for seq, (seat, out, into) in enumerate(rows, 1)
    ]
    falls = Counter(row.seat for row in published)
    drawn = own.Draw(lists, regions, own.open_seats_of(SimpleNamespace(quota=table.quota), regions), table.seed, falls)
    found: Drawn = {
        "shares": {str(region): seats for region, seats in shares.items()},
        "winners": {leaf.hex(): seat for leaf, seat in drawn.drawn.items()},
        "cutoffs": {seat: cutoff and cutoff.hex() for seat, cutoff in drawn.cutoffs.items()},
        "rows": [],
    }
    fault = drawn.replay(published)
    found["rows"] = list(rows) if fault is None else [fault]
    return found


IN_THE_PAGE = """
(tables) => tables.map(({ lists, weights, reserved, quota, seed, leaving }) => {
  const { selection, shares, unhex } = gelombang;
  const byRegion = (given) => Object.entries(given).map(([region, value]) => [Number(region), value]);
  const seats = shares(reserved, new Map(byRegion(weights)));
  const leaves = byRegion(lists).map(([region, list]) => [region, unhex(list)]);
  const drawn = selection(new Map(leaves), seats, quota, unhex(seed));
  const found = {
    shares: Object.fromEntries(seats),
    winners: Object.fromEntries(drawn.winners()),
    cutoffs: Object.fromEntries([...drawn.reserved, ["open", drawn.open]].map(([seat, one]) => [seat, one.cutoff])),
    rows: [],
  };
  for (const number of leaving) {
    const seated = drawn.winners().map(([leaf]) => leaf).sort();
    if (!seated.length) continue;
    const out = seated[number % seated.length], [seat, incoming] = drawn.substitute(out);
    found.rows.push([seat, out, incoming]);
  }
  return found;
})
"""
"""All tables at once by the page's own script; weights as text, since some are beyond JSON's whole numbers there."""


def for_the_page(tables: Iterable[Table]) -> list[dict[str, Any]]:
    """The argument of `IN_THE_PAGE`."""
    return [
        {
            "lists": {str(region): leaves.hex() for region, leaves in sorted(table.lists.items())},
            "weights": {str(region): str(weight) for region, weight in table.weights.items()},
            "reserved": table.reserved,
            "quota": table.quota,
            "seed": table.seed.hex(),
            "leaving": table.leaving,
        }
        for table in tables
    ]
