"""An attribute in an expression is told to DynamoDB as pynamodb's own path of it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, TTLAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Update

from chalicelib.aws.attributes import EnumAttribute, InstantAttribute, JsonAttribute, TextsAttribute, WholeAttribute
from chalicelib.aws.table import Table
from chalicelib.waves.rules import WaveState

NOW = datetime(2023, 6, 5, 17, 15, tzinfo=UTC)


class Item(Table):
    name = UnicodeAttribute()
    number = WholeAttribute(attr_name="n")
    at = InstantAttribute()
    ends = TTLAttribute()
    there = BooleanAttribute()
    raw = BinaryAttribute(legacy_encoding=False)
    state = EnumAttribute(WaveState)
    some = TextsAttribute()
    many = UnicodeSetAttribute(null=True)
    facts = JsonAttribute[dict[str, int]](dict[str, int])


CONDITIONS: list[Callable[[Any], Any]] = [
    lambda of: of("pk").does_not_exist() | (of("at") < NOW),
    lambda of: (of("state") == WaveState.SETTLED) & (of("state") != of("name")) & ~of("raw").exists(),
    lambda of: of("number").between(1, 2) & of("number").is_in(1, 2, 3) & (of("number") > {"N": "4"}),
    lambda of: of("name").startswith("a") & of("many").contains("b") & (of("there") == True),  # noqa: E712
    lambda of: (of("ends") >= NOW) & (of("name") <= None),
]
ACTIONS: list[Callable[[Any], Any]] = [
    lambda of: of("at").set(of("at") | NOW),
    lambda of: of("number").set(of("number") + 1),
    lambda of: of("number").add(2),
    lambda of: of("raw").set(b"abc"),
    lambda of: of("some").set(frozenset("a")),
    lambda of: of("some").set(frozenset()),
    lambda of: of("many").add({"a"}),
    lambda of: of("many").delete({"a"}),
    lambda of: of("facts").set({"a": 1}),
    lambda of: of("name").set("x"),
    lambda of: of("name").remove(),
]


def _told(expression: Any) -> tuple[Any, ...]:
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    return expression.serialize(names, values), names, values


def test_conditions() -> None:
    for condition in CONDITIONS:
        assert _told(condition(lambda name: getattr(Item, name))) == _told(
            condition(lambda name: Path(getattr(Item, name)))
        )


def test_updates_each_and_all_together() -> None:
    for some in [*([one] for one in ACTIONS), ACTIONS]:
        ours, theirs = (
            Update(*(one(of) for one in some))
            for of in (lambda name: getattr(Item, name), lambda name: Path(getattr(Item, name)))
        )
        assert _told(ours) == _told(theirs)


def test_a_number_cannot_begin_with_a_text() -> None:
    with pytest.raises(ValueError, match="data type"):
        Item.number.startswith("a")  # type: ignore[attr-defined]
