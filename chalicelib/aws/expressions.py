"""Attributes, and their use in conditions and updates: what pynamodb makes of them, at a third of its price.

Each use of an attribute made a path anew, took it apart and looked for brackets in it. Here an attribute has one path,
which is its name; nothing of this project is stored in maps or lists.
"""

from __future__ import annotations

from typing import Any

from pynamodb import attributes
from pynamodb.constants import BINARY, BOOLEAN, NUMBER, STRING, STRING_SET
from pynamodb.expressions.operand import Path, Value, _Operand

_PLAIN = {BINARY, BOOLEAN, NUMBER, STRING, STRING_SET}


class _Given(Value):
    """A value beside an attribute of one of the `_PLAIN` types."""

    def __init__(self, attribute: attributes.Attribute[Any], value: Any) -> None:
        self.attr_type = attribute.attr_type
        self.values = ({attribute.attr_type: attribute.serialize(value)},)

    def serialize(self, _names: dict[str, str], values: dict[str, Any]) -> str:
        short = f":{len(values)}"
        values[short] = self.values[0]
        return short


class _Column(Path):
    """The path of a whole attribute."""

    def serialize(self, names: dict[str, str], _values: dict[str, Any]) -> str:
        (name,) = self.values[0]
        if name not in names:
            names[name] = f"#{len(names)}"
        return names[name]

    def _to_operand(self, value: Any) -> Any:
        if value is None or self.attr_type not in _PLAIN or isinstance(value, dict | _Operand | attributes.Attribute):
            return super()._to_operand(value)
        return _Given(self.attribute, value)


def _column(attribute: attributes.Attribute[Any]) -> _Column:
    own = vars(attribute)
    found: _Column | None = own.get("_column")
    if found is None:
        found = own["_column"] = _Column(attribute)
    return found


def _value(attribute: Any, item: Any, _kind: Any = None) -> Any:
    # As pynamodb, which looks for an attribute of a map first, at twice the price.
    if item is None:
        return attribute
    return item.attribute_values.get(item._dynamo_to_python_attrs.get(attribute.attr_name, attribute.attr_name))


attributes.Attribute.__get__ = _value  # type: ignore[assignment]  # an attribute of an item, or of its class
attributes.Path = _column  # type: ignore[assignment,attr-defined]  # what an attribute is in an expression
