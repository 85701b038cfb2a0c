"""Values of named fields."""

from __future__ import annotations

from typing import Any

import msgspec


class Value(msgspec.Struct, frozen=True):
    """What a frozen dataclass is, defined in a fiftieth of the time: every cold start defines a hundred of them.

    Its `repr` shows all.
    """


class Hidden(Value, frozen=True):
    """A value whose `repr` shows nothing: personal data, and what opens it."""

    __repr__ = object.__repr__

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []
