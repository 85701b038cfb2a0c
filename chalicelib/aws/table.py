"""What every table of this project has in common, and how its items are made, read and written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from pynamodb.attributes import Attribute, UnicodeAttribute
from pynamodb.exceptions import AttributeDeserializationError, AttributeNullError
from pynamodb.models import Model

from . import expressions as expressions  # its import makes expressions cheaper, for every table


class Table(Model):
    """The keys of every table of this project. A domain's own class is the base of all kinds of its items."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)

    def __init__(self, hash_key: str | None = None, range_key: str | None = None, **attributes: Any) -> None:
        # What pynamodb makes, at a third of its price: it asks a descriptor for each value, twice for a default.
        # Every attribute has a value, None if it was not given: `structs.fill` then asks no descriptor either.
        columns = _columns(type(self))
        self.attribute_values = values = {**columns.plain, "pk": hash_key, "sk": range_key}
        for name, make in columns.made:
            values[name] = make()
        for name, value in attributes.items():
            if name not in values:
                raise ValueError(f"Attribute {name} specified does not exist")
            if name in columns.changed:
                setattr(self, name, value)
            else:
                values[name] = value

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        """An item of this class from DynamoDB's form. Raises `AttributeDeserializationError` for a wrong type."""
        # What pynamodb makes, at a fifth of its price: it sets every value through a descriptor, the defaults twice.
        # Every attribute has a value, None if the item has none: `structs.fill` then asks no descriptor either.
        item = cls.__new__(cls)
        columns = _columns(cls)
        item.attribute_values = values = columns.plain.copy()
        for name, make in columns.made:
            values[name] = make()
        read_by = columns.read
        for stored, found in data.items():
            if stored in read_by and found and "NULL" not in found:
                name, kind, read = read_by[stored]
                if kind not in found:
                    raise AttributeDeserializationError(stored, kind)
                values[name] = found[kind] if read is None else read(found[kind])
        return item

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        """This item in DynamoDB's form. Raises `AttributeNullError` for a value that is missing."""
        # As above: pynamodb reads every value through a descriptor.
        values, written = self.attribute_values, {}
        for name, stored, kind, write, null in _columns(type(self)).written:
            value = values.get(name)
            told = None if value is None else write(value)
            if told is not None:
                written[stored] = {kind: told}
            elif null_check and not null:
                raise AttributeNullError(name)
        return written


_Read = Callable[[Any], Any]


class _Columns(NamedTuple):
    """What a class says of its attributes. `plain`: the defaults by name; `made`: those that are made for each item."""

    plain: dict[str, Any]
    made: list[tuple[str, Callable[[], Any]]]
    read: dict[str, tuple[str, str, _Read | None]]
    """By the name in the table: the name here, the type, and what reads a value if that changes it."""
    written: list[tuple[str, str, str, Callable[[Any], Any], bool]]
    """The name here and in the table, the type, what writes a value, and whether there may be none."""
    changed: set[str]
    """Whose values are changed when they are set."""


def _columns_of(kind: type[Model]) -> _Columns:
    every = kind.get_attributes()
    return _Columns(
        {name: None if callable(one.default) else one.default for name, one in every.items()},
        [(name, one.default) for name, one in every.items() if callable(one.default)],
        {
            one.attr_name: (
                name,
                one.attr_type,
                None if type(one).deserialize is Attribute.deserialize else one.deserialize,
            )
            for name, one in every.items()
        },
        [(name, one.attr_name, one.attr_type, one.serialize, one.null) for name, one in every.items()],
        {name for name, one in every.items() if type(one).__set__ is not Attribute.__set__},
    )


# mypy does not take a class for hashable, so the cached function's type is written out.
_columns: Callable[[type[Model]], _Columns] = cache(_columns_of)
