"""The published files of a wave, the draw recomputed from them, and all that is compared in the end.

The files are fetched as any citizen would, and stored in a folder. The draw is recomputed by the simplest reading of
docs/draw.md, with a sort of all entries. It shares no code with the application, so that both cannot agree because of
the same mistake.
"""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from struct import pack
from typing import Any

import urllib3

from chalicelib.figures.schemes import Scheme

from .api import Unexpected
from .crowd import INCENTIVE, Diary


@dataclass(frozen=True)
class Results:
    """The published files. Leaves have 32 bytes each, by region. `substitutions` are in their order.

    `sample` is the comparison sample: nobody in it had held a seat by the first `sample_after` substitutions.
    """

    note: bytes
    leaves: dict[int, list[bytes]]
    reserved: dict[int, int]
    signature: bytes
    substitutions: list[dict[str, Any]]
    sample: list[bytes] = field(default_factory=list)
    sample_after: int = 0

    @property
    def entries(self) -> int:
        return int(self._fact("entries"))

    @property
    def quota(self) -> int:
        return int(self._fact("quota"))

    def drawn(self) -> set[bytes]:
        """The leaves that win a seat in the draw, before any substitution."""
        seed = self._seed()
        seated: set[bytes] = set()
        for region, seats in self.reserved.items():
            by_rank = sorted(self.leaves.get(region, []), key=lambda leaf: (_hmac(seed, b"rank", leaf), leaf))
            seated |= set(by_rank[:seats])
        rest = {leaf for leaves in self.leaves.values() for leaf in leaves} - seated
        by_open = sorted(rest, key=lambda leaf: (_hmac(seed, b"open", leaf), leaf))
        return seated | set(by_open[: self.quota - len(seated)])

    def chosen(self, substitutions: int | None = None) -> set[bytes]:
        """The leaves that hold a seat after so many substitutions; without a number after all."""
        chosen = self.drawn()
        for one in self.substitutions[:substitutions]:
            chosen.discard(bytes.fromhex(one["out"]))  # of files that contradict each other it may not be there
            if one["in"]:
                chosen.add(bytes.fromhex(one["in"]))
        return chosen

    @property
    def settled(self) -> int:
        """How many substitutions had been made when the wave was settled, before any place was revoked."""
        moved = self.substitutions
        return next((at for at, one in enumerate(moved) if one["reason"] == "revoked"), len(moved))

    def given_up(self) -> dict[bytes, str]:
        """The leaves that lost their seat again, each with the published reason."""
        return {bytes.fromhex(one["out"]): one["reason"] for one in self.substitutions}

    def sampled(self) -> list[bytes]:
        """The leaves that the seed selects for the comparison sample, among those that never held a seat."""
        held = self.drawn() | {bytes.fromhex(one["in"]) for one in self.substitutions[: self.sample_after] if one["in"]}
        rest = {leaf for leaves in self.leaves.values() for leaf in leaves} - held
        return sorted(rest, key=lambda leaf: (_hmac(self._seed(), b"survey", leaf), leaf))[: len(self.sample)]

    def open_value(self, leaf: bytes) -> bytes:
        """A leaf's open value, which orders the leaves for the open seats."""
        return _hmac(self._seed(), b"open", leaf)

    def _seed(self) -> bytes:
        randomness = sha256(self.signature).digest()
        return hmac.digest(sha256(self.note).digest(), b"gelombang1/seed\0" + randomness, "sha256")

    def _fact(self, name: str) -> str:
        for line in self.note.decode().splitlines():
            word, _, value = line.partition(" ")
            if word == name:
                return value
        raise Unexpected(f"the note says nothing of {name}")


def _hmac(seed: bytes, tag: bytes, leaf: bytes) -> bytes:
    return hmac.digest(seed, b"gelombang1/" + tag + b"\0" + leaf, "sha256")


def fetch_note(address: str) -> bytes:
    """Fetch the note, which is published when the list is frozen. Raises `Unexpected`."""
    return _must("note.txt", _get(address, "note.txt"))


def fetch(address: str, folder: Path) -> Results:
    """Fetch a wave's files from `address` (it ends with a slash) into `folder`. Raises `Unexpected`."""
    for part in ("leaves", "nodes"):
        (folder / part).mkdir(parents=True, exist_ok=True)

    def get(name: str) -> bytes | None:
        found = _get(address, name)
        if found is not None:
            (folder / name).write_bytes(found)
        return found

    def must(name: str) -> bytes:
        return _must(name, get(name))

    note = must("note.txt")
    regions, beacon = json.loads(must("regions.json")), json.loads(must("beacon.json"))
    must("result.json")
    # Without a substitution there is no such file.
    substitutions = json.loads(get("substitutions.json") or b"[]")
    # Only a wave whose comparison group was asked has a sample.
    sample = json.loads(get("sample.json") or b'{"leaves": [], "after_seq": 0}')
    for name in ("removals.json", "cosignatures.txt", "verify_draw.py"):
        get(name)
    for row in regions:
        if row["entries"]:
            get(f"nodes/{row['region']}.bin")
    leaves = {row["region"]: _split(must(f"leaves/{row['region']}.bin")) for row in regions if row["entries"]}
    return Results(
        note=note,
        leaves=leaves,
        reserved={row["region"]: row["quota"] for row in regions if row["quota"]},
        signature=bytes.fromhex(beacon["signature"]),
        substitutions=substitutions,
        sample=[bytes.fromhex(leaf) for leaf in sample["leaves"]],
        sample_after=sample["after_seq"],
    )


def _get(address: str, name: str) -> bytes | None:
    response = urllib3.request(
        "GET", address + name, timeout=urllib3.Timeout(connect=30, read=120), retries=urllib3.Retry(2)
    )
    if response.status in {403, 404}:
        return None
    if response.status != 200:
        raise Unexpected(f"{name} of the draw answered {response.status}")
    return response.data


def _must(name: str, found: bytes | None) -> bytes:
    if found is None:
        raise Unexpected(f"{name} of the draw is not published")
    return found


def _split(leaves: bytes) -> list[bytes]:
    return [leaves[start : start + 32] for start in range(0, len(leaves), 32)]


# All that is compared


@dataclass(frozen=True)
class Played:
    """All that is compared: people's diaries and what was published.

    `wave` is its public view, `books` the provider's report, `applicants` what partners read of each vacancy,
    `statistics` the published ones. The provider never pays into account numbers that end in `failing_suffix`. `kinds`
    says which codes are wallets.
    """

    diaries: Sequence[Diary]
    wave: Mapping[str, Any]
    results: Results
    books: Mapping[str, Any]
    scheme: Scheme
    failing_suffix: str
    kinds: Mapping[str, Any]
    applicants: Mapping[str, Sequence[Mapping[str, Any]]]
    statistics: Mapping[str, Any]
    second: Sequence[Diary] = ()
    """The people of the second act, whose scheme is `second_scheme`."""
    second_scheme: Scheme | None = None

    @property
    def everybody(self) -> list[Diary]:
        return [*self.diaries, *self.second]

    @property
    def second_idr(self) -> int:
        """The rupiah that all instalments of the second act come to."""
        scheme = self.second_scheme
        return len(self.second) * scheme.incentives * scheme.incentive_idr if scheme else 0

    @property
    def counts(self) -> dict[str, int]:
        """The figures of the last line. All count people except `nps`, which is rounded to a whole number."""
        states = Counter(p["state"] for diary in self.diaries for p in diary.payouts if p["kind"] == INCENTIVE)
        paid = states.pop("paid", 0)
        return {
            "registered": sum(diary.registered for diary in self.diaries),
            "refused": sum(diary.refused for diary in self.diaries),
            "joined": sum(diary.receipt is not None for diary in self.diaries),
            "chosen": sum(diary.chosen for diary in self.diaries),
            "paid": paid,
            "failed": sum(states.values()),
            "revoked": sum(diary.revoked for diary in self.diaries),
            "substituted": sum(diary.substitute for diary in self.diaries),
            "surveys": sum(diary.answers is not None for diary in self.diaries),
            "instalments": sum(p["state"] == "paid" for diary in self.second for p in diary.payouts),
            "nps": round(net_promoter_score(self.recommendations)),
        }

    @property
    def recommendations(self) -> list[int]:
        """The answers, from 0 to 10, of everyone who answered the survey."""
        answers = [diary.answers for diary in self.diaries if diary.answers]
        return [each["recommendation"] for each in answers if "recommendation" in each]

    @property
    def told_idr(self) -> int:
        """The rupiah that were paid according to what people were told."""
        return sum(p["amount_idr"] for diary in self.everybody for p in diary.payouts if p["state"] == "paid")

    def joined(self) -> Iterator[tuple[Diary, bytes]]:
        """Everyone with a receipt, and the leaf computed from its ticket (docs/draw.md section 1)."""
        for diary in self.diaries:
            if diary.receipt is not None:
                tag = b"\0gelombang1/leaf\0" + pack(">IH", diary.receipt["wave"], int(diary.person.form["province"]))
                yield diary, sha256(tag + bytes.fromhex(diary.receipt["ticket"])).digest()


def net_promoter_score(recommendations: Sequence[int]) -> float:
    """The percentage of 9 and 10 minus that of 0 to 6, so from -100 to 100. 0 without any answer."""
    if not recommendations:
        return 0.0
    promoters = sum(said >= 9 for said in recommendations)
    detractors = sum(said <= 6 for said in recommendations)
    return 100 * (promoters - detractors) / len(recommendations)
