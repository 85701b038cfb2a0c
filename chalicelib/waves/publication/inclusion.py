"""Shows to anybody that a leaf is on its published list."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial

from ...draw import proofs
from .. import wire
from ..errors import MalformedLeaf, NotFrozenYet, NotOnTheList
from .bucket import Publication

TABLES, ANSWERS = 8, 2_000
"""How many region tables and how many answers a process keeps: some 3 MB."""


class Inclusion:
    """`view` shows a wave as it is at an instant, or raises `UnknownWave`.

    A frozen wave never changes. So both answers are kept: that a leaf is on a list, and that it is not.
    """

    def __init__(self, view: Callable[[int, datetime], wire.WaveView], publication: Publication) -> None:
        self._view = view
        self._publication = publication
        self._table = lru_cache(TABLES)(publication.regions)
        self._kept = lru_cache(ANSWERS)(self._found)

    def proof(self, number: int, leaf: str, region: int, now: datetime) -> wire.InclusionProof:
        """That a leaf (hex) is on the list of a region: a few reads of parts of the published files.

        Raises `MalformedLeaf`, `UnknownWave`, `NotFrozenYet`, `NotOnTheList`.
        """
        if re.fullmatch("[0-9a-f]{64}", leaf) is None:
            raise MalformedLeaf()
        if self._view(number, now).entries is None:
            raise NotFrozenYet(wave=number)
        found = self._kept(number, region, bytes.fromhex(leaf))
        if found is None:
            raise NotOnTheList(wave=number)
        return wire.inclusion(number, leaf, region, found)

    def _found(self, number: int, region: int, leaf: bytes) -> proofs.Proof | None:
        row = next((row for row in self._table(number) if row.region == region), None)
        return None if row is None else proofs.prove(row, leaf, partial(self._publication.get_range, number))
