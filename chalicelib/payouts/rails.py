"""Through which provider each bank or wallet is paid; configuration says so, an attempt stays with the one it had."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import PayoutCode
from .fsp import Fsp


class Rails:
    """The providers by their names, and which one serves which of the programme's `payouts.codes`."""

    def __init__(self, providers: Mapping[str, Fsp], codes: Mapping[str, PayoutCode]) -> None:
        self._providers = providers
        self._codes = codes

    def serves(self, code: str) -> bool:
        """Whether a bank or wallet is paid now; people may have accounts at one that was taken out."""
        return code in self._codes

    def of_code(self, code: str) -> Fsp:
        """Who pays into a bank or wallet now."""
        return self._providers[self._codes[code].rail]

    def named(self, rail: str) -> Fsp:
        """Who was given an attempt, whatever the configuration says by now."""
        return self._providers[rail]
