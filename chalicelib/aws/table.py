"""What every table of this project has in common, and how its items are made, read and written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from pynamodb.attributes import Attribute, UnicodeAttribute
from pynamodb.exceptions import AttributeDeserializationError, AttributeNullError
from pynamodb.models import Model


class Table(Model):
    """The keys of every table of this project. A domain's own class is the base of all kinds of its items."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)

    def __init__(self, hash_key: str | None = None, range_key: str | None = None, **attributes: Any) -> None:
        # What pynamodb makes, at a third of its price: it asks a descriptor for each value, twice for a default.
        # Every attribute has a value, None if it was not given: `structs.fill` then asks no descriptor either.
        plain, made, _ = _columns(type(self))
        self.attribute_values = values = {**plain, "pk": hash_key, "sk": range_key}
        for name, make in made:
            values[name] = make()
        for name, value in attributes.items():
            if name not in values:
                raise ValueError(f"Attribute {name} specified does not exist")
            setattr(self, name, value)

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        """An item of this class from DynamoDB's form. Raises `AttributeDeserializationError` for a wrong type."""
        # What pynamodb makes, at a fifth of its price: it sets every value through a descriptor, the defaults twice.
        # Every attribute has a value, None if the item has none: `structs.fill` then asks no descriptor either.
        item = cls.__new__(cls)
        plain, made, columns = _columns(cls)
        item.attribute_values = values = plain.copy()
        for name, make in made:
            values[name] = make()
        for stored, found in data.items():
            if stored in columns and found and "NULL" not in found:
                name, kind, read = columns[stored]
                if kind not in found:
                    raise AttributeDeserializationError(stored, kind)
                values[name] = found[kind] if read is None else read(found[kind])
        return item

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        """This item in DynamoDB's form. Raises `AttributeNullError` for a value that is missing."""
        # As above: pynamodb reads every value through a descriptor.
        values, written = self.attribute_values, {}
        for name, attribute in self.get_attributes().items():
            value = values.get(name)
            told = None if value is None else attribute.serialize(value)
            if told is not None:
                written[attribute.attr_name] = {attribute.attr_type: told}
            elif null_check and not attribute.null:
                raise AttributeNullError(name)
        return written


_Read = Callable[[Any], Any]


def _columns_of(
    kind: type[Model],
) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]], dict[str, tuple[str, str, _Read | None]]]:
    """The attributes' defaults by name, those that are made for each item, and by the name in the table: the name here,
    the type, and what reads a value if that changes it.
    """
    every = kind.get_attributes()
    return (
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
    )


# mypy does not take a class for hashable, so the cached function's type is written out.
_columns: Callable[[type[Model]], Any] = cache(_columns_of)
