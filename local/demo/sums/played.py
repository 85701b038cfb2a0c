"""A wave that has been played, and the figures of the last line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import pack
from typing import Any

from chalicelib.config import Scheme

from ..players.crowd import Diary
from ..players.training import INCENTIVE
from ..results import Results


@dataclass(frozen=True)
class Played:
    """`wave` is its public view, `books` the provider's report, `applicants` what partners read of each vacancy,
    `statistics` what the public is told.

    `failing_suffix` ends the account numbers that the provider never pays, `kinds` says which codes are wallets.
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

    @property
    def counts(self) -> dict[str, int]:
        """The figures of the last line: people, but for `nps`, which is rounded to a whole number."""
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
            "nps": round(net_promoter_score(self.recommendations)),
        }

    @property
    def recommendations(self) -> list[int]:
        """From 0 to 10, of everyone who was asked."""
        answers = [diary.answers for diary in self.diaries if diary.answers]
        return [each["recommendation"] for each in answers if "recommendation" in each]

    @property
    def told_idr(self) -> int:
        """The rupiah that people were told have been paid to them."""
        return sum(p["amount_idr"] for diary in self.diaries for p in diary.payouts if p["state"] == "paid")

    def joined(self) -> Iterator[tuple[Diary, bytes]]:
        """Everyone with a receipt, and the leaf that follows from its ticket (docs/draw.md section 1)."""
        for diary in self.diaries:
            if diary.receipt is not None:
                tag = b"\0gelombang1/leaf\0" + pack(">IH", diary.receipt["wave"], int(diary.person.form["province"]))
                yield diary, sha256(tag + bytes.fromhex(diary.receipt["ticket"])).digest()


def net_promoter_score(recommendations: Sequence[int]) -> float:
    """The share of 9 and 10 less that of 0 to 6, from -100 to 100; 0 where nobody said anything."""
    if not recommendations:
        return 0.0
    promoters = sum(said >= 9 for said in recommendations)
    detractors = sum(said <= 6 for said in recommendations)
    return 100 * (promoters - detractors) / len(recommendations)


def unequal(what: str, **figures: object) -> Iterator[str]:
    """Yield a sentence with all the figures if they are not all the same."""
    if any(figure != next(iter(figures.values())) for figure in figures.values()):
        yield f"{what}: " + ", ".join(f"{name} {figure}" for name, figure in figures.items())
