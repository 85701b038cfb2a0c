"""A cheating operator, who makes all files of a wave anew so that they agree with each other, except in one thing.

The operator cannot remake what was announced, signed by witnesses or the beacon, or written in receipts. So each fraud
shows there, or in the rule that it breaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from hashlib import sha256
from itertools import chain as end_to_end
from typing import Any

from chalicelib.draw import leaves, merkle, published
from chalicelib.draw.beacon import Beacon
from chalicelib.draw.cosignatures import Signer, WitnessKey
from chalicelib.draw.leaves import Region, leaves_of, region_table, top
from chalicelib.draw.note import Chain, Note, beacon_round, round_time
from chalicelib.draw.published import Sample
from chalicelib.draw.selection import Selection, Substitution, draw_seed, sample_value
from tests.builders.draws.files import QUICKNET, VECTORS, encoded

SECOND = timedelta(seconds=1)
WAVE = 62
SIGNATURES: dict[int, bytes] = {one["round"]: bytes.fromhex(one["signature"]) for one in VECTORS["drand_quicknet"]}
ROUND_BEFORE, ROUND = 32_000_000, 32_000_001
"""Two real rounds of quicknet, three seconds apart."""
EXISTS = round_time(QUICKNET, ROUND)
FROZEN = EXISTS - timedelta(seconds=QUICKNET.delay_s)
CLOSES = FROZEN - timedelta(seconds=900)
SEEN = FROZEN + 60 * SECOND

QUOTA = 13
SAMPLED = 6

WITNESSES = [Signer(f"witness{n}.example", sha256(f"witness {n}".encode()).digest()) for n in (1, 2, 3)]
STRANGER = Signer("stranger.example", sha256(b"stranger").digest())


@dataclass(frozen=True, slots=True)
class Facts:
    """What whoever verifies knows from elsewhere. `receipt` is one's own (region, ticket)."""

    wave: int = WAVE
    closes_at: datetime = CLOSES
    seen_at: datetime = SEEN
    weights: Mapping[int, int] = field(default_factory=lambda: {11: 2, 31: 3, 32: 2, 94: 1})
    witnesses: tuple[WitnessKey, ...] = tuple(one.public for one in WITNESSES)
    quorum: int = 2
    receipt: tuple[int, bytes] | None = None


def ticket(region: int, number: int) -> bytes:
    return sha256(f"ticket {number} of {region}".encode()).digest()


def leaf(region: int, number: int) -> bytes:
    return leaves.leaf(WAVE, region, ticket(region, number))


def joined(region: int, numbers: Iterable[int]) -> bytes:
    """The list of those who joined from a region."""
    return b"".join(sorted(leaf(region, number) for number in numbers))


SAMPLE_VALUE = cache(sample_value)
Items = tuple[tuple[int, Any], ...]


@cache
def _drawn(lists: Items, seats: Items, quota: int, seed: bytes) -> Selection:
    """The draw of a wave. Most of the waves here differ in something else."""
    return Selection(dict(lists), dict(seats), quota, seed)


@cache
def _passed_on(drawn_of: tuple[Items, Items, int, bytes], leaving: tuple[int, ...]) -> tuple[Substitution, ...]:
    """What follows when these give their seats up, each by place among those seated then."""
    selection = _drawn.__wrapped__(*drawn_of)
    return tuple(selection.substitute(list(selection.winners())[place][0], "family_card") for place in leaving)


@dataclass(frozen=True)
class Wave:
    """What the files are made of; every None is as it honestly follows from the rest."""

    lists: Mapping[int, bytes]
    seats: Mapping[int, int]
    """In the region table."""
    drawn_seats: Mapping[int, int] | None = None
    quota: int = QUOTA
    drawn_quota: int | None = None
    order: tuple[int, ...] | None = None
    """Of the regions in the table."""
    announced: bytes | None = None
    """A note that is kept, whatever would follow."""
    frozen: datetime = FROZEN
    chain: Chain = QUICKNET
    round: int | None = None
    signature: bytes = SIGNATURES[ROUND]
    beacon_round: int | None = None
    randomness: bytes | None = None
    seeded_by: bytes | None = None
    """The randomness from which the seed is really made."""
    leaving: tuple[int, ...] | None = (0, 1, 3, 8, 10, 10, 4)
    """Who gives the seat up, by place among the seated then; None: the wave is not settled."""
    cosigned: tuple[tuple[Signer, datetime], ...] = tuple((one, SEEN + n * SECOND) for n, one in enumerate(WITNESSES))
    cosigned_note: bytes | None = None

    @cached_property
    def table(self) -> tuple[Region, ...]:
        rows = region_table(self.lists, self.seats)
        return rows if self.order is None else tuple({row.region: row for row in rows}[r] for r in self.order)

    @cached_property
    def note(self) -> bytes:
        if self.announced is not None:
            return self.announced
        return Note(
            wave=WAVE,
            entries=sum(row.entries for row in self.table),
            quota=self.quota,
            reserved=sum(row.quota for row in self.table),
            regions=top(WAVE, self.table),
            frozen=self.frozen,
            chain=self.chain.hash,
            round=self.round or beacon_round(self.chain, self.frozen),
        ).encode()

    @cached_property
    def beacon(self) -> Beacon:
        committed = self.round or beacon_round(self.chain, self.frozen)
        randomness = self.randomness or sha256(self.signature).digest()
        return Beacon(self.chain.hash, self.beacon_round or committed, self.signature, randomness)

    @cached_property
    def seed(self) -> bytes:
        return draw_seed(self.note, self.seeded_by or self.beacon.randomness)

    def selection(self) -> Selection:
        """As drawn, before any seat went on."""
        return _drawn.__wrapped__(*self._drawn_of)

    @property
    def drawn(self) -> Selection:
        """The same for readers, who share it: nothing may be passed on in it."""
        return _drawn(*self._drawn_of)

    @property
    def _drawn_of(self) -> tuple[Items, Items, int, bytes]:
        seats = self.seats if self.drawn_seats is None else self.drawn_seats
        return tuple(self.lists.items()), tuple(seats.items()), self.drawn_quota or self.quota, self.seed

    @property
    def substitutions(self) -> tuple[Substitution, ...]:
        return _passed_on(self._drawn_of, self.leaving or ())

    def rows(self) -> list[dict[str, Any]]:
        """The rows of substitutions.json."""
        return json.loads(published.substitutions_file(self.substitutions)["substitutions.json"])

    def outsiders(self, rows: Iterable[Mapping[str, Any]]) -> list[bytes]:
        """The leaves of all who never held a seat, when these seats went on, by their value for the sample."""
        held = {own for own, _ in self.drawn.winners()} | {bytes.fromhex(row["in"] or "") for row in rows}
        everybody = end_to_end.from_iterable(map(leaves_of, self.lists.values()))
        return sorted((own for own in everybody if own not in held), key=lambda own: SAMPLE_VALUE(self.seed, own))

    def settled_files(self, rows: list[dict[str, Any]]) -> dict[str, bytes]:
        """What is published of seats that went on, and the sample that was drawn after the last of them."""
        sample = Sample(len(rows), SAMPLED, tuple(self.outsiders(rows)[:SAMPLED]))
        return {"substitutions.json": encoded(rows), **published.sample_file(sample)}

    def files(self) -> dict[str, bytes]:
        """All that is published, by name."""
        return dict(self._files)

    @cached_property
    def _files(self) -> dict[str, bytes]:
        files = {"note.txt": self.note, **published.table_files(self.table, REMOVED)}
        for region, listed in self.lists.items():
            files |= published.list_files(region, listed, merkle.run_hashes(listed))
        files |= published.result_files(WAVE, self.beacon, self.seed, self.drawn)
        if self.leaving is not None:
            files |= self.settled_files(self.rows())
        signed = self.cosigned_note or self.note
        lines = [signer.sign(signed, at).line() for signer, at in self.cosigned]
        return files | ({"cosignatures.txt": b"".join(lines)} if lines else {})

    def but(self, **changes: Any) -> Wave:
        """This wave with something else."""
        return replace(self, **changes)

    def kept(self, **changes: Any) -> Wave:
        """The same under the note that everybody saw and the witnesses signed."""
        return replace(self, announced=self.note, **changes)


REMOVED = {"excluded_occupation": 2, "over_age": 3}

HONEST = Wave(
    {11: joined(11, range(1)), 31: joined(31, range(4200)), 32: joined(32, range(30)), 33: joined(33, range(20))},
    {11: 2, 31: 3, 32: 2, 94: 1},
)
"""One region short of its seats, one without entries, one without seats, and one with two runs of leaves."""

UNSETTLED = HONEST.but(leaving=None)


def changed(files: Mapping[str, bytes], name: str, change: Callable[[Any], object]) -> dict[str, bytes]:
    """Files of which one JSON document is changed in place."""
    document = json.loads(files[name])
    change(document)
    return {**files, name: encoded(document)}
