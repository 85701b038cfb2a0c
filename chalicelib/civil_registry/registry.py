"""The port to a civil registry."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from ..values import Hidden
from .errors import NoAnswer


class CivilRecord(Hidden, frozen=True):
    """What a registry has of one person; None where it says nothing. Its repr shows nothing.

    `kk`: the 16 digits of the family card. `province`: the Kemendagri code of the address (31).
    """

    name: str | None
    birth_date: date | None
    kk: str | None
    province: int | None
    dead: bool


class CivilRegistry(Protocol):
    """A registry that is asked about one person at a time."""

    @property
    def source(self) -> str:
        """A short name, kept with each answer."""
        ...

    def find(self, nik: str) -> CivilRecord | None:
        """The record of a NIK (16 digits); None if the registry says that it has none.

        Asking again does no harm. Raises `NoAnswer`.
        """
        ...


class ByFile:
    """A registry that is asked in files alone (`batches`): what was queued before the stage had it is not answered."""

    source = "file"

    def find(self, nik: str) -> CivilRecord | None:  # noqa: ARG002 - the port's
        """See the port."""
        raise NoAnswer("by_file", passes=True)
