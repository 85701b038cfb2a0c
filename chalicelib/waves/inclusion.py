"""Shows to anybody that a leaf is on its published list."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial

from . import proofs, wire
from .errors import MalformedLeaf, NotFrozenYet, NotOnTheList
from .publication import Publication


class Inclusion:
    """`view` shows a wave as it is at an instant, or raises `UnknownWave`."""

    def __init__(self, view: Callable[[int, datetime], wire.WaveView], publication: Publication) -> None:
        self._view = view
        self._publication = publication

    def proof(self, number: int, leaf: str, region: int | None, now: datetime) -> wire.InclusionProof:
        """That a leaf (hex) is on the list of a region, or of any: a few reads of parts of the published files.

        Raises `MalformedLeaf`, `UnknownWave`, `NotFrozenYet`, `NotOnTheList`.
        """
        if re.fullmatch("[0-9a-f]{64}", leaf) is None:
            raise MalformedLeaf()
        if self._view(number, now).entries is None:
            raise NotFrozenYet(wave=number)
        rows = [row for row in self._publication.regions(number) if region in (None, row.region)]
        found = proofs.prove_in(rows, bytes.fromhex(leaf), partial(self._publication.get_range, number))
        if found is None:
            raise NotOnTheList(wave=number)
        return wire.inclusion(number, leaf, *found)
