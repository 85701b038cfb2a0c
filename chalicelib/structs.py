"""Makes a struct from an object with fields of the same names: an item of a table, or another struct."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec

from .clock import iso

T = TypeVar("T")


def fill(kind: type[T], source: Any, /, **given: Any) -> T:
    """A struct with the values that `source` has under the same names, except those `given`.

    If the source has None and the field has a default, the default stays. An instant becomes text, as `iso` writes it,
    in a text field. Raises `AttributeError` for a field that is in neither, `TypeError` for a given
    name that is no field.
    """
    # An item's values are taken from where it has them, as its attributes answer slowly.
    values = getattr(source, "attribute_values", {})
    for name, has_default, is_text in fields_of(kind):
        if name not in given:
            value = values[name] if name in values else getattr(source, name)
            if value is not None or not has_default:
                given[name] = iso(value) if is_text and isinstance(value, datetime) else value
    return kind(**given)


def _fields_of(kind: Any) -> tuple[tuple[str, bool, bool], ...]:
    """The name of each field, whether it has a default, and whether it is text."""
    return tuple((one.name, not one.required, one.type in (str, str | None)) for one in msgspec.structs.fields(kind))


# mypy does not take a class for hashable, so the cached function's type is written out.
fields_of: Callable[[type], tuple[tuple[str, bool, bool], ...]] = cache(_fields_of)
