"""Kinds of fraud, each planted in an otherwise correct wave, and the failures that a verifier must name.

The names are those of docs/draw.md section 10: exactly those that must appear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import count
from typing import Any

from msgspec.structs import replace

from chalicelib.draw.leaves import leaves_of
from chalicelib.draw.note import beacon_round
from chalicelib.draw.selection import OPEN, open_value
from tests.builders.draws.files import DEVELOPMENT, DEVELOPMENT_FROZEN, signature_of

from .cheat import (
    CLOSES,
    EXISTS,
    HONEST,
    ROUND,
    ROUND_BEFORE,
    SAMPLED,
    SECOND,
    SEEN,
    SIGNATURES,
    STRANGER,
    UNSETTLED,
    WAVE,
    WITNESSES,
    Facts,
    Wave,
    changed,
    joined,
    leaf,
    ticket,
)


@dataclass(frozen=True)
class Fraud:
    """A wave, or its published files; how it must be named; and what else whoever verifies knows."""

    planted: Wave | Mapping[str, bytes]
    names: frozenset[str]
    facts: Facts = field(default_factory=Facts)

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Made when they are first asked for: the worker of other tests imports this, too."""
        return self.planted.files() if isinstance(self.planted, Wave) else self.planted


def fraud(planted: Wave | Mapping[str, bytes], *names: str, **facts: Any) -> Fraud:
    return Fraud(planted, frozenset(names), Facts(**facts))


def with_list(wave: Wave, region: int, leaves: bytes, **changes: Any) -> Wave:
    return wave.but(lists={**wave.lists, region: leaves}, **changes)


# The lists

ONE_MORE = joined(32, [*range(30), 999])
ONE_LESS = joined(32, range(1, 30))
SWAPPED = joined(32, [*range(1, 30), 999])
THIRTY = list(leaves_of(HONEST.lists[32]))
DISORDERED = b"".join([*THIRTY[:4], THIRTY[5], THIRTY[4], *THIRTY[6:]])


def ground() -> bytes:
    """A list in which one entry made way for one that wins: its ticket was sought once the seed was known."""
    cutoff = HONEST.drawn.open.cutoff
    assert cutoff is not None
    for number in count(1000):
        if open_value(HONEST.seed, leaf(32, number)) < cutoff:
            return joined(32, [*range(1, 30), number])
    raise AssertionError


def with_one_twice() -> Wave:
    """A wave in which one who comes to nothing is on the list twice, so that it does not matter how twins are drawn."""
    for number in range(30):
        own = leaf(32, number)
        wave = with_list(HONEST, 32, b"".join(sorted([*leaves_of(HONEST.lists[32]), own])))
        if own in wave.outsiders(wave.rows())[SAMPLED:]:
            return wave
    raise AssertionError


def idle() -> bytes:
    """A list in which one who has nothing of it made way for another one, so that nothing follows differently."""
    for number in count(2000):
        leaves = joined(32, [*range(1, 30), number])
        files = with_list(HONEST.kept(), 32, leaves).files()
        if all(files[name] == HONEST.files()[name] for name in ("result.json", "substitutions.json", "sample.json")):
            return leaves
    raise AssertionError


LISTS = {
    "an entry added after the note": fraud(with_list(HONEST.kept(), 32, ONE_MORE), "wrong entries", "wrong top"),
    "an entry removed after the note": fraud(with_list(HONEST.kept(), 32, ONE_LESS), "wrong entries", "wrong top"),
    "an entry swapped after the note": fraud(with_list(HONEST.kept(), 32, SWAPPED), "wrong top"),
    "a loser swapped for a ticket that wins": fraud(with_list(HONEST.kept(), 32, ground()), "wrong top"),
    "an entry added, and a second note made of it": fraud(
        with_list(HONEST, 32, ONE_MORE, cosigned_note=HONEST.note), "forged cosignature", "no quorum"
    ),
    "an entry swapped in its list alone": fraud(
        {**HONEST.files(), "leaves/32.bin": idle()}, "wrong root", "wrong nodes"
    ),
    "a whole region left out after the note": fraud(
        HONEST.kept().but(lists={r: leaves for r, leaves in HONEST.lists.items() if r != 33}).files(),
        "wrong entries",
        "wrong top",
    ),
    "a leaf twice, from the beginning": fraud(with_one_twice(), "duplicate leaf"),
    "a list in an order of its own, from the beginning": fraud(with_list(HONEST, 32, DISORDERED), "list not ascending"),
    "regions in an order of their own, from the beginning": fraud(
        HONEST.but(order=(11, 31, 32, 94, 33)), "regions not ascending"
    ),
    "hashes of runs that are not those of the list": fraud(
        {**HONEST.files(), "nodes/31.bin": HONEST.files()["nodes/31.bin"][:32] + bytes(32)}, "wrong nodes"
    ),
    "somebody left out before the note": fraud(
        with_list(HONEST, 32, ONE_LESS), "not on the list", receipt=(32, ticket(32, 0))
    ),
}

# The seats and the time

MOVED = {11: 2, 31: 2, 32: 3, 94: 1}
CHANGED_WEIGHTS = {11: 1, 31: 1, 32: 5, 94: 1}
FOREIGN = HONEST.but(
    chain=DEVELOPMENT,
    frozen=DEVELOPMENT_FROZEN,
    signature=signature_of(DEVELOPMENT, beacon_round(DEVELOPMENT, DEVELOPMENT_FROZEN)),
    cosigned=tuple((one, DEVELOPMENT_FROZEN + SECOND) for one in WITNESSES),
)
LATE = HONEST.but(cosigned=tuple((one, EXISTS + 5 * SECOND) for one in WITNESSES))

SEATS = {
    "more seats than were announced": fraud(
        UNSETTLED.kept(drawn_quota=16), "wrong seats", "wrong chosen", "wrong cut-off"
    ),
    "a seat moved to another region after the note": fraud(HONEST.kept(seats=MOVED), "wrong top", "wrong seats"),
    "a seat moved to another region in the result alone": fraud(
        UNSETTLED.kept(drawn_seats=MOVED), "wrong seats", "wrong chosen", "wrong cut-off"
    ),
    "seats by other weights than the decree's, from the beginning": fraud(HONEST.but(seats=MOVED), "wrong seats"),
    "weights changed after the note": fraud(HONEST.kept(), "wrong seats", weights=CHANGED_WEIGHTS),
    "a note published when its round existed": fraud(
        LATE, "late note", "late witness", "no quorum", seen_at=EXISTS + SECOND
    ),
    "a freeze before the wave was closed": fraud(HONEST, "early note", closes_at=CLOSES + 60 * SECOND),
    "last wave's draw once more": fraud(HONEST, "wrong wave", wave=WAVE + 1),
}

# The random number

BEACONS = {
    "the round before, which was known already": fraud(
        HONEST.but(round=ROUND_BEFORE, signature=SIGNATURES[ROUND_BEFORE]), "wrong round"
    ),
    "a chain of one's own": fraud(
        FOREIGN,
        "foreign chain",
        closes_at=DEVELOPMENT_FROZEN - (HONEST.frozen - CLOSES),
        seen_at=DEVELOPMENT_FROZEN + SECOND,
    ),
    "a signature of one's own": fraud(HONEST.but(signature=signature_of(DEVELOPMENT, ROUND)), "forged signature"),
    "the signature of the round before under the announced one": fraud(
        HONEST.but(signature=SIGNATURES[ROUND_BEFORE]), "forged signature"
    ),
    "the beacon of the round before": fraud(
        HONEST.but(signature=SIGNATURES[ROUND_BEFORE], beacon_round=ROUND_BEFORE),
        "wrong round",
        "forged signature",
    ),
    "the seed of the round before": fraud(
        UNSETTLED.but(seeded_by=sha256(SIGNATURES[ROUND_BEFORE]).digest()), "wrong seed", "wrong cut-off"
    ),
    "a random number that is not the signature's": fraud(
        UNSETTLED.but(randomness=sha256(b"better").digest()).files(), "wrong randomness", "wrong seed", "wrong cut-off"
    ),
}

# The result

BEST_LOSER = min((open_value(UNSETTLED.seed, own), own) for own in UNSETTLED.outsiders([]))
FEWER = UNSETTLED.but(drawn_quota=UNSETTLED.quota - 1).drawn.open


def one_more_in(result: Any) -> None:
    result["open"]["cutoff"] = BEST_LOSER[0].hex()


def one_seat_kept(result: Any) -> None:
    result["open"] |= {"chosen": FEWER.chosen, "cutoff": FEWER.cutoff.hex()}


def one_seat_invented(result: Any) -> None:
    result["open"] |= {"chosen": result["open"]["chosen"] + 1, "cutoff": BEST_LOSER[0].hex()}


RESULTS = {
    "a cut-off that lets one more in": fraud(changed(UNSETTLED.files(), "result.json", one_more_in), "wrong cut-off"),
    "a seat held back": fraud(
        changed(UNSETTLED.files(), "result.json", one_seat_kept), "wrong chosen", "wrong cut-off"
    ),
    "a seat invented": fraud(
        changed(UNSETTLED.files(), "result.json", one_seat_invented), "wrong chosen", "wrong cut-off"
    ),
}

# Who follows


ROWS = HONEST.rows()
FRIENDS = [own.hex() for own in HONEST.outsiders(ROWS)[-3:]]
"""Some who never held a seat, nor are in the sample."""


def passed_on(*rows: dict[str, Any]) -> Fraud:
    """The good wave with other substitutions, numbered from 1, and the sample that is drawn after them."""
    numbered = [row | {"seq": number} for number, row in enumerate(rows, 1)]
    return fraud({**HONEST.files(), **HONEST.settled_files(numbered)}, "substitution out of order")


def next_openly(after: int) -> str:
    """Who would be next for an open seat after so many substitutions."""
    selection = HONEST.selection()
    for row in ROWS[:after]:
        selection.substitute(bytes.fromhex(row["out"]), row["reason"])
    holder = next(own for own, seat in selection.winners() if seat == OPEN)
    incoming = selection.substitute(holder, "revoked").incoming
    assert incoming is not None
    return incoming.hex()


OPEN_ROWS = [place for place, row in enumerate(ROWS) if row["seat"] == OPEN]
ONE, OTHER = ROWS[OPEN_ROWS[0]], ROWS[OPEN_ROWS[1]]


def one_more(out: str, incoming: str, seq: int = len(ROWS) + 1) -> dict[str, Any]:
    """A row of an open seat that goes on after the good ones."""
    return {"seq": seq, "seat": OPEN, "out": out, "reason": "revoked", "in": incoming}


SUBSTITUTIONS = {
    "a friend in place of the next in line": passed_on(*ROWS[:-1], ROWS[-1] | {"in": FRIENDS[0]}),
    "a winner swapped for a friend": passed_on(*ROWS, one_more(OTHER["in"], FRIENDS[0])),
    "two of the next in line swapped": passed_on(
        *(row | {"in": (OTHER if row is ONE else ONE)["in"]} if row in (ONE, OTHER) else row for row in ROWS)
    ),
    "a substitution kept quiet": passed_on(*(row for row in ROWS if row is not ONE)),
    "a substitution whose number is left out": fraud(
        {
            **HONEST.files(),
            **HONEST.settled_files([*ROWS, one_more(ONE["in"], next_openly(len(ROWS)), len(ROWS) + 2)]),
        },
        "substitution out of order",
    ),
    "a seat taken from who holds none": passed_on(*ROWS, one_more(FRIENDS[1], next_openly(len(ROWS)))),
    "a seat taken twice from the same": passed_on(*ROWS, one_more(ONE["out"], next_openly(len(ROWS)))),
    "a seat given back to who gave it up": passed_on(*ROWS, one_more(OTHER["in"], ONE["out"])),
    "a reserved seat called an open one": passed_on(ROWS[0], ROWS[1] | {"seat": OPEN, "in": next_openly(1)}),
    "a reserved seat passed on outside its region": passed_on(ROWS[0], ROWS[1] | {"in": next_openly(1)}),
    "a seat withdrawn while people are left": passed_on(*ROWS[:-1], ROWS[-1] | {"in": None}),
}

# The sample


def sampled(change: Callable[[list[str]], object], **facts: Any) -> Fraud:
    files = HONEST.files()
    return fraud(changed(files, "sample.json", lambda sample: change(sample["leaves"])), "wrong sample", **facts)


SAMPLES = {
    "a friend in the sample": sampled(lambda leaves: leaves.__setitem__(2, FRIENDS[0])),
    "a sample in another order": sampled(lambda leaves: leaves.reverse()),
    "one left out of the sample": sampled(lambda leaves: leaves.pop(0)),
    "one who was chosen in the sample": sampled(lambda leaves: leaves.__setitem__(-1, ROWS[0]["in"])),
    "a sample after substitutions that are not published": fraud(
        changed(HONEST.files(), "sample.json", lambda sample: sample.update(after_seq=len(ROWS) + 1)), "wrong sample"
    ),
}

# The witnesses


def cosigned(*lines: bytes) -> dict[str, bytes]:
    return {**HONEST.files(), "cosignatures.txt": b"".join(lines)}


LINES = [signer.sign(HONEST.note, SEEN).line() for signer in WITNESSES]
ANOTHER_NOTE = HONEST.but(quota=14).note
FORGED = replace(STRANGER, name=WITNESSES[0].name).sign(HONEST.note, SEEN)
UNDER_A_KNOWN_KEY = replace(FORGED, key_id=WITNESSES[0].public.id).line()
TIME_CHANGED = replace(WITNESSES[0].sign(HONEST.note, EXISTS + SECOND), time=int(SEEN.timestamp())).line()

COSIGNATURES = {
    "witnesses who signed when the round existed": fraud(
        HONEST.but(cosigned=tuple((one, EXISTS) for one in WITNESSES)), "late witness", "no quorum"
    ),
    "one witness who signed late, of three": fraud(
        cosigned(*LINES[:2], WITNESSES[2].sign(HONEST.note, EXISTS).line()), "late witness"
    ),
    "a cosignature by another's key": fraud(cosigned(UNDER_A_KNOWN_KEY, *LINES[1:]), "forged cosignature"),
    "a cosignature of another note": fraud(
        cosigned(WITNESSES[0].sign(ANOTHER_NOTE, SEEN).line(), *LINES[1:]), "forged cosignature"
    ),
    "a late cosignature dated back": fraud(cosigned(TIME_CHANGED, *LINES[1:]), "forged cosignature"),
    "one witness many times": fraud(
        cosigned(*(WITNESSES[0].sign(HONEST.note, SEEN + n * SECOND).line() for n in range(5))), "no quorum"
    ),
    "witnesses whom nobody knows": fraud(
        cosigned(LINES[0], STRANGER.sign(HONEST.note, SEEN).line(), FORGED.line()), "no quorum"
    ),
    "no cosignatures at all": fraud(HONEST.but(cosigned=()), "no quorum"),
}

FRAUDS: dict[str, Fraud] = LISTS | SEATS | BEACONS | RESULTS | SUBSTITUTIONS | SAMPLES | COSIGNATURES
