"""The evidence for a person who appeals, with their leaf's place in the published lists of the draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from botocore.exceptions import ClientError

from ..draw import proofs, published
from ..draw.leaves import LEAF_BYTES
from ..draw.selection import open_value, rank
from ..waves.rules import DrawnEntry
from .rules import SelectionEvidence


def of_selection(drawn: DrawnEntry, position: int | None, entries: int, results_url: str) -> SelectionEvidence:
    """The evidence of an entry. `results_url` ends without a slash."""
    entry, draw = drawn.entry, drawn.draw
    own = entry.leaf
    own_open, own_rank = open_value(draw.seed, own), rank(draw.seed, own)
    reserved = entry.region in draw.reserved
    rank_cutoff = draw.reserved.get(entry.region)
    folder = f"{results_url}/{published.folder(entry.wave)}"
    return SelectionEvidence(
        wave=entry.wave,
        region=entry.region,
        leaf=own.hex(),
        list_url=folder + published.leaves_name(entry.region),
        position=position,
        entries=entries,
        seed=draw.seed.hex(),
        rank=own_rank.hex() if reserved else None,
        rank_cutoff=rank_cutoff.hex() if rank_cutoff else None,
        open=own_open.hex(),
        open_cutoff=draw.open.hex() if draw.open else None,
        within=_within(own_rank, rank_cutoff, own_open, draw.open),
        verdict=drawn.standing.value,
        reason=drawn.reason,
        seat=entry.seat,
        results_url=folder,
        family_card_holders=drawn.family_card_holders,
    )


def _within(
    own_rank: bytes, rank_cutoff: bytes | None, own_open: bytes, open_cutoff: bytes | None
) -> Literal["reserved", "open"] | None:
    if rank_cutoff is not None and own_rank <= rank_cutoff:
        return "reserved"
    if open_cutoff is not None and own_open <= open_cutoff:
        return "open"
    return None


_MISSING = {"404", "403"}
"""S3's answer is 403 where the caller may not list the bucket."""


class PublishedLists:
    """`s3` gives botocore's client; it is called at the first appeal against a selection.

    `results_url`: the public address of the bucket, without a slash at the end.
    """

    def __init__(self, s3: Callable[[], Any], bucket: str, results_url: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self.results_url = results_url

    def place(self, wave: int, region: int, leaf: bytes) -> tuple[int | None, int]:
        """Where a leaf stands in its region's list (from 1; None if it is not there), and how many leaves the list has.

        A region whose entries were all removed has no list. One call for the length, and usually one or two of 128 KB
        for the place, however long the list is.
        """
        s3 = self._s3()
        key = {"Bucket": self._bucket, "Key": published.folder(wave) + published.leaves_name(region)}
        try:
            length = int(s3.head_object(**key)["ContentLength"]) // LEAF_BYTES
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None, 0

        def read(first: int, count: int) -> bytes:
            last = (first + count) * LEAF_BYTES - 1
            body: bytes = s3.get_object(**key, Range=f"bytes={first * LEAF_BYTES}-{last}")["Body"].read()
            return body

        found = proofs.find(leaf, length, read)
        return (None if found is None else found.index + 1), length
