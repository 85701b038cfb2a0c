"""Values of named fields."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec


class _Fields:
    """The fields of a struct in the form of a dataclass's, as `replace` and `asdict` of `dataclasses` need them."""

    def __get__(self, _value: object, kind: Any) -> dict[str, Any]:
        fields = {}
        for name in kind.__struct_fields__:
            made: Any = dataclasses.field()
            made.name, made._field_type = name, dataclasses._FIELD  # type: ignore[attr-defined]  # not in its stubs
            fields[name] = made
        return fields


class Value(msgspec.Struct, frozen=True):
    """What a frozen dataclass is, defined in a fiftieth of the time: every cold start defines a hundred of them.

    Its `repr` shows all.
    """

    __dataclass_fields__ = _Fields()


class Hidden(Value, frozen=True):
    """A value whose `repr` shows nothing: personal data, and what opens it."""

    __repr__ = object.__repr__

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []
