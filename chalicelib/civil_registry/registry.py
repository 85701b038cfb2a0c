"""The port to a civil registry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from ..values import Hidden
from .errors import NoAnswer


class CivilRecord(Hidden, frozen=True):
    """What a registry has of one person; None where it says nothing. Its repr shows nothing.

    `kk`: the 16 digits of the family card. `province`: the Kemendagri code of the address (31).
    `sex`: `male` or `female`.
    """

    name: str | None
    birth_date: date | None
    kk: str | None
    province: int | None
    dead: bool
    sex: str | None = None


Said = CivilRecord | None | NoAnswer
"""What a registry says of a NIK: its record, that it has none, or nothing."""


class CivilRegistry(Protocol):
    """A registry that is asked about some people at a time."""

    @property
    def source(self) -> str:
        """A short name, kept with each answer."""
        ...

    def find(self, niks: Sequence[str]) -> list[Said]:
        """What it says of each of these NIKs (16 digits), in their order.

        Asking again does no harm. Raises `NoAnswer` if it says nothing of any.
        """
        ...


class StudentsRegister(Protocol):
    """A register of pupils and students: the same port with another question."""

    def find(self, niks: Sequence[str]) -> list[bool | NoAnswer]:
        """Whether each is a pupil or student now, in their order. Raises `NoAnswer` if it says nothing of any."""
        ...


class ByFile:
    """A registry that is asked in files alone (`batches`): what was queued before the stage had it is not answered."""

    source = "file"

    def find(self, niks: Sequence[str]) -> list[Said]:  # noqa: ARG002 - the port's
        """See the port."""
        raise NoAnswer("by_file", passes=True)
