"""Attributes of DynamoDB items that hold the domain's types, and items made from structs.

`structs.fill` makes a struct from an item. pynamodb's own attributes hold texts and numbers, and a `TTLAttribute` an
instant in whole Unix seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER, STRING, STRING_SET
from pynamodb.models import Model

from ..clock import iso, parse_iso
from ..money import Rupiah, rupiah
from ..structs import fields_of

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
M = TypeVar("M", bound=Model)


class WholeAttribute(Attribute[int]):
    """A whole number, stored as `-12`."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        return str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class RupiahAttribute(Attribute[Rupiah]):
    """An amount, never below zero, stored as `600000`."""

    attr_type = NUMBER

    def serialize(self, value: Rupiah) -> str:
        return str(value)

    def deserialize(self, value: str) -> Rupiah:
        return rupiah(int(value))


class InstantAttribute(Attribute[datetime]):
    """An instant, stored as text that `clock.iso` writes: `2023-06-05T17:15:00Z`."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        return iso(value)

    def deserialize(self, value: str) -> datetime:
        return parse_iso(value)


class DayAttribute(Attribute[date]):
    """A calendar day, stored as `2023-06-05`."""

    attr_type = STRING

    def serialize(self, value: date) -> str:
        return value.isoformat()

    def deserialize(self, value: str) -> date:
        return date.fromisoformat(value)


class TextsAttribute(Attribute[frozenset[str]]):
    """A set of texts; an empty one is not stored."""

    attr_type = STRING_SET
    null = True

    def __init__(self) -> None:
        super().__init__(default=frozenset)

    def serialize(self, value: Collection[str]) -> list[str] | None:
        return list(value) or None

    def deserialize(self, value: list[str]) -> frozenset[str]:
        return frozenset(value)


class EnumAttribute(Attribute[E]):
    """A member of an enum of texts, by its value; conditions may use either."""

    attr_type = STRING

    def __init__(self, kind: type[E], *, null: bool = False) -> None:
        super().__init__(null=null)
        self._kind = kind

    def serialize(self, value: E | str) -> str:
        text: str = self._kind(value).value
        return text

    def deserialize(self, value: str) -> E:
        return self._kind(value)


class JsonAttribute(Attribute[T], Generic[T]):
    """Anything that msgspec writes as JSON, stored as text without spaces, fields in their order."""

    attr_type = STRING

    def __init__(self, kind: Any, *, null: bool = False) -> None:
        super().__init__(null=null)
        self._decoder = msgspec.json.Decoder(kind)

    def serialize(self, value: T) -> str:
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> T:
        decoded: T = self._decoder.decode(value)
        return decoded


def item_of(kind: type[M], pk: str, sk: str, source: Any, /, **given: Any) -> M:
    """An item with the values that a struct has under the names of the item's attributes, except those `given`.

    A field without an attribute is left out. Raises `ValueError` for a given name that is no attribute.
    """
    attributes = kind.get_attributes()
    for name, _, _ in fields_of(type(source)):
        if name in attributes and name not in given:
            given[name] = getattr(source, name)
    return kind(pk, sk, **given)
