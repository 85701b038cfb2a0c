"""From a published commitment and the beacon's random number to the result."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ...config import DrawRules
from ...draw import note, published
from ...draw.beacon import Beacon
from ...draw.leaves import region_table, top
from ...draw.note import Chain
from ...draw.selection import DrawResult, Selection, draw_seed
from ..errors import ListChanged
from ..rules import Wave, chain_of
from .bucket import Publication


class Beacons(Protocol):
    """Where a round's signature comes from; the beacon it returns is verified."""

    def fetch(self, chain: Chain, round_number: int) -> Beacon: ...


class DrawRun:
    """Works from the published files alone, as anyone may."""

    def __init__(self, publication: Publication, beacons: Beacons, rules: DrawRules) -> None:
        self._publication = publication
        self._beacons = beacons
        self._rules = rules

    def run(self, wave: Wave) -> DrawResult:
        """Fetch the random number, choose, and publish both. Raises `BeaconUnavailable`, `ListChanged`."""
        committed = commitment(wave)
        beacon = self.beacon(wave)
        seed = draw_seed(committed.encode(), beacon.randomness)
        selection = self.selection(wave, seed)
        self._publication.put(wave.number, published.result_files(wave.number, beacon, seed, selection))
        cutoffs = {region: outcome.cutoff for region, outcome in selection.reserved.items()}
        return DrawResult(seed, cutoffs, selection.open.cutoff)

    def beacon(self, wave: Wave) -> Beacon:
        """The verified random number of the round that a wave's note names. Raises what `Beacons` raise."""
        committed = commitment(wave)
        return self._beacons.fetch(chain_of(self._rules, committed.chain), committed.round)

    def selection(self, wave: Wave, seed: bytes) -> Selection:
        """The draw as it follows from the published lists. Raises `ListChanged` if the note does not commit to them."""
        committed = commitment(wave)
        table, lists = self._publication.commitment(wave.number)
        reserved = {row.region: row.quota for row in table}
        if top(wave.number, region_table(lists, reserved)) != committed.regions:
            raise ListChanged(wave=wave.number)
        return Selection(lists, reserved, committed.quota, seed)


def round_due(wave: Wave, rules: DrawRules) -> datetime:
    """When the round that a frozen wave's note names comes into being."""
    committed = commitment(wave)
    return note.round_time(chain_of(rules, committed.chain), committed.round)


def commitment(wave: Wave) -> note.Note:
    """The note of a wave that is frozen."""
    if wave.note is None:
        raise ValueError(f"wave {wave.number} is not frozen")
    return note.parse(wave.note.encode())
