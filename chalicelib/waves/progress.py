"""How far a wave has come between its close and its settled seats, for people who watch it."""

from __future__ import annotations

from ..values import Value
from .errors import UnknownWave
from .freeze import RemovedEntries
from .publication.bucket import Publication
from .rules import SHARDS, WaveState, commitment
from .store import WaveStore


class WaveProgress(Value, frozen=True):
    """How far a wave is: `entries` and `seats` are the note's, None what is not known yet.

    `batches` of winners were queued, and `awarded` of them are decided. Those hold `decided` winners, and `chosen` of
    the winners have a place. Once all are decided, `chosen` is the wave's number.
    """

    wave: int
    state: WaveState
    seats: int
    screened: int
    shards: int
    entries: int | None
    batches: int
    awarded: int
    decided: int
    chosen: int
    substitutions: int | None


class ProgressReader:
    def __init__(self, store: WaveStore, removals: RemovedEntries, publication: Publication) -> None:
        self._store = store
        self._removals = removals
        self._publication = publication

    def look(self, number: int) -> WaveProgress:
        """A wave that has opened, as it is now: at most three small reads, and one file. Raises `UnknownWave`."""
        wave = self._store.wave(number)
        if wave is None:
            raise UnknownWave(wave=number)
        frozen = wave.note is not None
        batches = self._store.awarded(number).values() if wave.award_batches else ()
        return WaveProgress(
            wave=number,
            state=wave.state,
            seats=wave.quota,
            screened=SHARDS if frozen else len(self._removals.screened(number)),
            shards=SHARDS,
            entries=commitment(wave).entries if frozen else None,
            batches=wave.award_batches,
            awarded=len(batches),
            decided=sum(batch.decided for batch in batches),
            chosen=sum(batch.chosen for batch in batches) if wave.chosen is None else wave.chosen,
            substitutions=len(self._publication.substitutions(number)) if wave.state is WaveState.SETTLED else None,
        )
