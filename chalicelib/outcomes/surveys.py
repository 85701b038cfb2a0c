"""The use cases of surveys: show, answer, and give the statistics what was answered."""

from __future__ import annotations

from collections.abc import Iterator

from .survey_rules import Survey
from .survey_store import SurveyStore


class Surveys:
    """See the module."""

    def __init__(self, store: SurveyStore) -> None:
        self._store = store

    def of_wave(self, wave: int, shard: str) -> Iterator[Survey]:
        """One shard (two digits) of a wave's surveys of both groups; paged, eventually consistent."""
        return self._store.of_wave(wave, shard)
