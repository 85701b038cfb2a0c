"""Attributes that hold the domain's types, and the copying of fields between structs and items."""

from __future__ import annotations

import ast
import importlib
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import pytest
from pynamodb.attributes import Attribute, UnicodeAttribute
from pynamodb.models import Model

from chalicelib.aws import attributes
from chalicelib.aws.attributes import item_of
from chalicelib.money import Rupiah
from chalicelib.structs import fields_of, fill
from chalicelib.values import Value
from tests.conftest import ROOT

T0 = datetime(2026, 11, 24, 3, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("attribute", "value", "stored"),
    [
        (attributes.WholeAttribute(), -12, {"N": "-12"}),
        (attributes.RupiahAttribute(), Rupiah(600_000), {"N": "600000"}),
        (attributes.InstantAttribute(), T0, {"S": "2026-11-24T03:00:00Z"}),
        (attributes.InstantAttribute(), T0 + timedelta(milliseconds=5), {"S": "2026-11-24T03:00:00.005Z"}),
        (attributes.DayAttribute(), date(1995, 8, 17), {"S": "1995-08-17"}),
        (attributes.EnumAttribute(Colour), Colour.RED, {"S": "red"}),
        (attributes.TextsAttribute(), frozenset({"one"}), {"SS": ["one"]}),
        (attributes.JsonAttribute(dict[int, int]), {31: 5}, {"S": '{"31":5}'}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Attribute) else None,
)
def test_a_value_is_stored_plainly_and_read_as_it_was(attribute, value, stored):
    class Item(Model):
        pk = UnicodeAttribute(hash_key=True)
        held = attribute

    assert Item("a", held=value).serialize()["held"] == stored
    read = Item.from_raw_data({"pk": {"S": "a"}, "held": stored}).held
    assert (read, type(read)) == (value, type(value))
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    (Item.held == value).serialize(names, values)
    assert list(values.values()) == [stored], "a condition compares with what is stored"


def test_an_amount_below_zero_is_not_read():
    with pytest.raises(ValueError, match="not below zero"):
        attributes.RupiahAttribute().deserialize("-1")


def test_an_empty_set_is_stored_as_none_at_all_and_read_as_empty():
    class Item(Model):
        pk = UnicodeAttribute(hash_key=True)
        held = attributes.TextsAttribute()

    assert Item("a", held=frozenset()).serialize() == {"pk": {"S": "a"}}
    assert Item.from_raw_data({"pk": {"S": "a"}}).held == frozenset()


class Thing(Value, frozen=True):
    id: str
    made_at: datetime
    count: int = 0


class ThingView(msgspec.Struct):
    id: str
    made_at: str
    count: int | None = None


class ThingItem(Model):
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    made_at = attributes.InstantAttribute()
    count = attributes.WholeAttribute(null=True)


def test_fields_of_the_same_names_are_copied_both_ways():
    item = item_of(ThingItem, "THINGS", "a", Thing("a", T0, 3))
    assert (item.pk, item.sk, item.made_at, item.count) == ("THINGS", "a", T0, 3)
    assert fill(Thing, item, id=item.sk) == Thing("a", T0, 3)


def test_a_missing_attribute_takes_the_default():
    assert fill(Thing, ThingItem("THINGS", "a", made_at=T0), id="a") == Thing("a", T0, 0)


def test_filling_a_struct_does_not_change_its_values():
    thing = Thing("a", T0)
    assert msgspec.structs.replace(thing, count=4) == Thing("a", T0, 4)
    assert msgspec.structs.asdict(thing) == {"id": "a", "made_at": T0, "count": 0}
    with pytest.raises(TypeError):
        msgspec.structs.replace(thing, colour="red")
    with pytest.raises(AttributeError):
        thing.count = 1


def test_an_instant_becomes_text_in_a_view_that_holds_text():
    assert fill(ThingView, Thing("a", T0)) == ThingView("a", "2026-11-24T03:00:00Z", 0)


def test_a_name_that_is_no_field_is_refused():
    with pytest.raises(TypeError):
        fill(Thing, Thing("a", T0), colour="red")
    with pytest.raises(AttributeError):
        fill(Thing, ThingItem("THINGS", "a", made_at=T0))
    with pytest.raises(ValueError, match="colour"):
        item_of(ThingItem, "THINGS", "a", Thing("a", T0), colour="red")


# Every call in the tree whose classes its function's parameters name: no field is lost between a struct and its item.


def copyings(function: str) -> list[tuple[str, type, type, set[str]]]:
    """Where `fill` or `item_of` is called, which class is made of which, and the names that are given."""
    found = []
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        if f"{function}(" not in (text := path.read_text()):
            continue
        known = vars(importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)))
        for scope in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)):
            named = {one.arg: ast.unparse(one.annotation) for one in scope.args.args if one.annotation}
            for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call)):
                if ast.unparse(call.func) == function and ast.unparse(call.args[-1]) in named:
                    made = known.get(ast.unparse(call.args[0]))
                    source = known.get(named[ast.unparse(call.args[-1])])
                    given = {one.arg or ast.unparse(one.value) for one in call.keywords}
                    found.append((f"{path.name}:{call.lineno}", made, source, given))
    assert len(found) > 5, "the calls are found"
    return [one for one in found if isinstance(one[1], type) and isinstance(one[2], type)]


def names_of(kind: type) -> set[str]:
    if issubclass(kind, Model):
        return set(kind.get_attributes())
    return {name for name, *_ in fields_of(kind)} | {name for name, one in vars(kind).items() if type(one) is property}


def test_every_field_of_a_struct_is_filled():
    for where, made, source, given in copyings("fill"):
        fields = {name for name, *_ in fields_of(made)}
        assert fields - names_of(source) - given == set(), where
        assert given <= fields, where


def test_no_field_of_a_struct_is_lost_in_its_item():
    filled = copyings("fill")
    for where, made, source, given in copyings("item_of"):
        attributes = made.get_attributes()
        fields = {name for name, *_ in fields_of(source)}
        # What the item does not hold under the same name is told by its keys, or otherwise, on the way back.
        told = [back for _, struct, item, back in filled if (struct, item) == (source, made)]
        assert not told or fields - attributes.keys() - given <= set.union(*told), where
        needed = {name for name, held in attributes.items() if not held.null} - {"pk", "sk"}
        assert given - attributes.keys() or not needed - fields - given, where  # others come by `**`
