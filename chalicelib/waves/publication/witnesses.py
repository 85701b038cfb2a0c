"""Taking in what witnesses signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ...clock import iso
from ...config import DrawRules
from ...draw import cosignatures, note
from ...draw.errors import LateWitness
from ..errors import UnknownWave
from ..rules import chain_of
from ..store import WaveStore
from .bucket import Publication


class CosignatureIntake:
    """Publishes lines of the configured witnesses, each once."""

    def __init__(self, store: WaveStore, publication: Publication, rules: DrawRules) -> None:
        self._store = store
        self._publication = publication
        self._rules = rules

    def add(self, number: int, line: bytes) -> bool:
        """Publish a line (with its LF) for a frozen wave; False if it is published already.

        What decides is the time that the witness signed, not when the line comes here. Raises `UnknownWave` (not
        frozen yet, too), `MalformedCosignature`, `UnknownWitness`, `ForgedCosignature`, `LateWitness`.
        """
        wave = self._store.wave(number)
        if wave is None or wave.note is None:
            raise UnknownWave(wave=number)
        signed = cosignatures.parse_line(line)
        raw = wave.note.encode()
        cosignatures.verify(signed, raw, self._rules.witnesses.known)
        committed = note.parse(raw)
        exists_at = note.round_time(chain_of(self._rules, committed.chain), committed.round)
        if cosignatures.is_late(signed, exists_at):
            raise LateWitness(name=signed.name, signed_at=_instant(signed.time), exists_at=iso(exists_at))
        return self._publication.add_cosignature(number, line)


def _instant(seconds: int) -> str:
    """The instant, or the number of seconds where no calendar reaches."""
    try:
        return iso(datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds))
    except OverflowError:
        return str(seconds)
