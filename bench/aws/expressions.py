"""DynamoDB's condition, update and key condition expressions, as its documentation defines them.

Each expression is parsed once and kept. What this double does not support (paths below an attribute, lists) is an
error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = dict[str, dict[str, Any]]
"""An item in DynamoDB's own form: `{"pk": {"S": "..."}}`."""

Value = dict[str, Any] | None
"""One value with its type; None if the item does not have the attribute."""

Operand = Callable[[Item, Item], Value]
"""Returns a value, given an item and the values that came with the expression."""

Condition = Callable[[Item, Item], bool]
Change = Callable[[Item, Item, Item], None]
"""Changes the third argument, given the item before the update and the values that came with the expression."""


class Unplayed(Exception):
    """The request needs something that this double does not support. A guess would falsify the measurement."""


_TOKEN = re.compile(r"\s*([#:]?\w+|<=|>=|<>|[=<>(),+-])")


def holds(asked: Mapping[str, Any], item: Item | None, named: str = "ConditionExpression") -> bool:
    """Whether a request's condition holds for an item. A request without a condition always holds."""
    text = asked.get(named)
    if text is None:
        return True
    names = tuple(asked.get("ExpressionAttributeNames", {}).items())
    return _condition(text, names)(item or {}, asked.get("ExpressionAttributeValues", {}))


def updated(asked: Mapping[str, Any], before: Item | None) -> Item:
    """The item after a request's update."""
    known = before or {}
    after = {**asked["Key"], **known}
    values = asked.get("ExpressionAttributeValues", {})
    for change in _changes(asked["UpdateExpression"], tuple(asked.get("ExpressionAttributeNames", {}).items())):
        change(known, values, after)
    return after


@lru_cache(maxsize=1000)
def _condition(text: str, names: tuple[tuple[str, str], ...]) -> Condition:
    parser = _Parser(text, dict(names))
    read = parser.either()
    parser.expect(None)
    return read


@lru_cache(maxsize=1000)
def _changes(text: str, names: tuple[tuple[str, str], ...]) -> tuple[Change, ...]:
    return tuple(_Parser(text, dict(names)).changes())


class _Parser:
    """Parses from left to right. `_next` is the next token, None at the end."""

    def __init__(self, text: str, names: dict[str, str]) -> None:
        self._text, self._at = text.strip(), 0
        self._names = names
        self._next: str | None = None
        self._move()

    def expect(self, token: str | None) -> None:
        if self._next != token:
            raise Unplayed(f"{self._text}: {self._next} where {token} was expected")
        if token is not None:
            self._move()

    def either(self) -> Condition:
        read = [self._all()]
        while self._took("OR"):
            read.append(self._all())
        return read[0] if len(read) == 1 else lambda item, values: any(each(item, values) for each in read)

    def changes(self) -> Iterator[Change]:
        sections = {"SET": self._set, "ADD": self._add, "REMOVE": self._remove, "DELETE": self._delete}
        while self._next is not None:
            change = sections[self._word().upper()]
            yield change()
            while self._took(","):
                yield change()

    def _all(self) -> Condition:
        read = [self._one()]
        while self._took("AND"):
            read.append(self._one())
        return read[0] if len(read) == 1 else lambda item, values: all(each(item, values) for each in read)

    def _one(self) -> Condition:
        if self._took("NOT"):
            denied = self._one()
            return lambda item, values: not denied(item, values)
        if self._took("("):
            read = self.either()
            self.expect(")")
            return read
        word = self._word()
        if word == "size":
            return self._comparison(self._size())
        if self._next == "(":
            return self._function(word)
        return self._comparison(self._operand(word))

    def _function(self, word: str) -> Condition:
        self.expect("(")
        one = self._operand(self._word())
        other = self._operand(self._word()) if self._took(",") else None
        self.expect(")")
        if other is None:
            there = {"attribute_exists": True, "attribute_not_exists": False}.get(word)
            if there is None:
                raise Unplayed(word)
            return lambda item, values: (one(item, values) is not None) is there
        play = {"begins_with": _begins_with, "contains": _contains}.get(word)
        if play is None:
            raise Unplayed(word)
        return lambda item, values: play(one(item, values), other(item, values))

    def _size(self) -> Operand:
        """How many bytes or members an attribute has."""
        self.expect("(")
        of = self._operand(self._word())
        self.expect(")")

        def size(item: Item, values: Item) -> Value:
            value = of(item, values)
            if value is None:
                return None
            ((kind, content),) = value.items()
            if kind not in {"S", "SS"}:
                raise Unplayed(f"size of {kind}")
            return {"N": str(len(content.encode() if kind == "S" else content))}

        return size

    def _comparison(self, left: Operand) -> Condition:
        if self._took("BETWEEN"):
            low = self._operand(self._word())
            self.expect("AND")
            high = self._operand(self._word())
            return lambda item, values: (
                _compared(">=", left(item, values), low(item, values))
                and _compared("<=", left(item, values), high(item, values))
            )
        if self._took("IN"):
            self.expect("(")
            choice = [self._operand(self._word())]
            while self._took(","):
                choice.append(self._operand(self._word()))
            self.expect(")")
            return lambda item, values: any(_compared("=", left(item, values), each(item, values)) for each in choice)
        sign = self._word()
        right = self._operand(self._word())
        return lambda item, values: _compared(sign, left(item, values), right(item, values))

    def _operand(self, word: str) -> Operand:
        if word.startswith(":"):
            return lambda _, values: values[word]
        name = self._name(word)
        return lambda item, _: item.get(name)

    def _set(self) -> Change:
        name = self._name(self._word())
        self.expect("=")
        value = self._term()
        if self._next in {"+", "-"}:
            sign, more, first = (1 if self._word() == "+" else -1), self._term(), value

            def value(item: Item, values: Item) -> Value:
                return _sum(first(item, values), more(item, values), sign)

        return lambda item, values, after: after.__setitem__(name, _there(value(item, values)))

    def _term(self) -> Operand:
        word = self._word()
        if self._next != "(":
            return self._operand(word)
        if word != "if_not_exists":
            raise Unplayed(word)
        self.expect("(")
        kept = self._operand(self._word())
        self.expect(",")
        other = self._operand(self._word())
        self.expect(")")
        return lambda item, values: kept(item, values) or other(item, values)

    def _add(self) -> Change:
        name, more = self._name(self._word()), self._operand(self._word())

        def add(item: Item, values: Item, after: Item) -> None:
            given = _there(more(item, values))
            (kind,) = given
            if kind == "N":
                after[name] = _sum(item.get(name, {"N": "0"}), given, 1)
            elif kind in {"SS", "BS", "NS"}:
                after[name] = {kind: sorted({*item.get(name, {kind: ()})[kind], *given[kind]})}
            else:
                raise Unplayed(f"ADD of {kind}")

        return add

    def _delete(self) -> Change:
        name, less = self._name(self._word()), self._operand(self._word())

        def delete(item: Item, values: Item, after: Item) -> None:
            given = _there(less(item, values))
            (kind,) = given
            left = sorted({*item.get(name, {kind: ()})[kind]} - {*given[kind]})
            after.pop(name, None)
            if left:
                after[name] = {kind: left}

        return delete

    def _remove(self) -> Change:
        name = self._name(self._word())

        def remove(_item: Item, _values: Item, after: Item) -> None:
            after.pop(name, None)

        return remove

    def _name(self, word: str) -> str:
        return self._names[word] if word.startswith("#") else word

    def _took(self, word: str) -> bool:
        if self._next is None or self._next.upper() != word:
            return False
        self._move()
        return True

    def _word(self) -> str:
        word = self._next
        if word is None:
            raise Unplayed(self._text)
        self._move()
        return word

    def _move(self) -> None:
        if self._at >= len(self._text):
            self._next = None
            return
        found = _TOKEN.match(self._text, self._at)
        if found is None or self._text[found.end() : found.end() + 1] in {".", "["}:
            raise Unplayed(self._text)
        self._next, self._at = found[1], found.end()


def _compared(sign: str, left: Value, right: Value) -> bool:
    """Compare two values. A missing one is unequal to every other, and not ordered. So are values of two types."""
    if left is None or right is None:
        return sign == "<>"
    ((one_kind, one),), ((other_kind, other),) = left.items(), right.items()
    if one_kind == "N" == other_kind:
        one, other = Decimal(one), Decimal(other)
    elif one_kind in {"SS", "BS", "NS"}:
        one, other = set(one), set(other)
    if sign in {"=", "<>"}:
        return ((one_kind, one) == (other_kind, other)) is (sign == "=")
    if one_kind != other_kind:
        return False
    match sign:
        case "<":
            return bool(one < other)
        case "<=":
            return bool(one <= other)
        case ">":
            return bool(one > other)
        case ">=":
            return bool(one >= other)
    raise Unplayed(sign)


def _begins_with(whole: Value, beginning: Value) -> bool:
    if whole is None or beginning is None or whole.keys() != beginning.keys():
        return False
    ((kind, text),) = whole.items()
    return bool(text.startswith(beginning[kind]))


def _contains(whole: Value, part: Value) -> bool:
    if whole is None or part is None:
        return False
    ((kind, content),), ((part_kind, searched),) = whole.items(), part.items()
    return kind in {part_kind, f"{part_kind}S"} and searched in content


def _sum(one: Value, other: Value, sign: int) -> dict[str, str]:
    return {"N": str(Decimal(_there(one)["N"]) + sign * Decimal(_there(other)["N"]))}


def _there(value: Value) -> dict[str, Any]:
    if value is None:
        raise Unplayed("an update from an attribute that is not there")
    return value
