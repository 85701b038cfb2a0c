"""Items are read, written and asked for as pynamodb does it, whose own way is slower."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import AttributeDeserializationError, AttributeNullError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.aws import dynamodb
from chalicelib.aws.attributes import InstantAttribute, TextsAttribute, WholeAttribute
from chalicelib.aws.table import Table

T0 = datetime(2026, 11, 24, 3, tzinfo=UTC)


class ByName(GlobalSecondaryIndex["Ours"]):
    class Meta:
        index_name = "by-name"
        projection = AllProjection()

    name = UnicodeAttribute(hash_key=True)
    pk = UnicodeAttribute(range_key=True)


class Ours(Table):
    at = InstantAttribute()
    count = WholeAttribute(null=True, attr_name="n")
    refused = TextsAttribute()
    names = UnicodeSetAttribute(null=True)
    sealed = BinaryAttribute(legacy_encoding=False, null=True)
    told = BooleanAttribute(null=True)
    expires_at = TTLAttribute(null=True)
    by_name = ByName()


class Theirs(Model):
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    at = InstantAttribute()
    count = WholeAttribute(null=True, attr_name="n")
    refused = TextsAttribute()
    names = UnicodeSetAttribute(null=True)
    sealed = BinaryAttribute(legacy_encoding=False, null=True)
    told = BooleanAttribute(null=True)
    expires_at = TTLAttribute(null=True)


KEYS: dict[str, Any] = {"pk": {"S": "a"}, "sk": {"S": "b"}}
WHOLE: dict[str, Any] = KEYS | {
    "at": {"S": "2026-11-24T03:00:00Z"},
    "n": {"N": "-5"},
    "refused": {"SS": ["x", "y"]},
    "names": {"SS": ["z"]},
    "sealed": {"B": b"\0\1"},
    "told": {"BOOL": False},
    "expires_at": {"N": "1790000000"},
    "of_another_kind": {"S": "left out"},
}


def values(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in Theirs.get_attributes()}


@pytest.mark.parametrize("row", [WHOLE, KEYS, {**WHOLE, "n": {"NULL": True}, "refused": {}}])
def test_an_item_is_read_and_written_as_by_pynamodb(row):
    ours, theirs = Ours.from_raw_data(row), Theirs.from_raw_data(row)
    assert values(ours) == values(theirs)
    assert ours.serialize(null_check=False) == theirs.serialize(null_check=False)


@pytest.mark.parametrize("given", [{}, {"at": T0, "refused": {"x"}, "expires_at": timedelta(days=1)}, {"count": None}])
def test_an_item_is_made_as_by_pynamodb(given, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_790_000_000)
    ours, theirs = Ours("a", "b", **given), Theirs("a", "b", **given)
    assert values(ours) == values(theirs)
    assert ours.serialize(null_check=False) == theirs.serialize(null_check=False)


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_what_is_no_item_is_refused_as_by_pynamodb(kind):
    with pytest.raises(AttributeDeserializationError, match="'n'"):
        kind.from_raw_data({**WHOLE, "n": {"S": "5"}})
    with pytest.raises(AttributeNullError, match="'at'"):
        kind("a", "b").serialize()
    with pytest.raises(ValueError, match="nobody"):
        kind("a", "b", nobody=1)


def test_queries_are_asked_for_as_by_pynamodb(monkeypatch):
    dynamodb.bind(Ours, "things", "ap-southeast-3")
    asked: list[Any] = []
    nothing = {"Items": [], "Count": 0, "ScannedCount": 0}
    monkeypatch.setattr(dynamodb, "call", lambda _region, operation, of: asked.append((operation, of)) or nothing)
    for query in (dynamodb._Seam.query, Connection.query):
        monkeypatch.setattr(dynamodb._Seam, "query", query)
        few = {"limit": 3, "consistent_read": True, "attributes_to_get": ["sk", "n"]}
        list(Ours.query("a", Ours.sk > "b", Ours.count == 1, **few))
        list(Ours.query("a", scan_index_forward=False, last_evaluated_key=KEYS))
        list(Ours.by_name.query("x", Ours.pk.between("a", "b")))
        Ours._get_connection().query("a", select="COUNT")

    assert asked[:4] == asked[4:]


def test_writes_are_asked_for_as_by_pynamodb(monkeypatch):
    dynamodb.bind(Ours, "things", "ap-southeast-3")
    asked: list[Any] = []
    stored = {"pk": {"S": "a"}, "sk": {"S": "b"}, "n": {"N": "7"}}
    answer = {"Attributes": stored}
    monkeypatch.setattr(dynamodb, "call", lambda _region, operation, of: asked.append((operation, of)) or answer)
    item, when = Ours("a", "b", at=T0), (Ours.count >= 1) & Ours.at.does_not_exist()
    actions = [Ours.count.add(1), Ours.told.remove()]
    shown = {"return_values_on_condition_failure": "ALL_OLD"}

    dynamodb.save_if(item, when)
    dynamodb.update_if(item, actions, when)
    assert dynamodb.updated(item, actions, when).serialize(null_check=False) == stored
    with dynamodb.Transaction("ap-southeast-3") as tx:
        tx.check("one", Ours, ("a", "c"), when)
        tx.delete("two", item)
        tx.put("three", item, when)
        tx.update("four", item, actions)

    update = item.get_update_kwargs_from_instance(actions=actions, condition=when)
    assert asked[:3] == [
        ("PutItem", item.get_save_kwargs_from_instance(condition=when)),
        ("UpdateItem", update),
        ("UpdateItem", update | {"ReturnValues": "ALL_NEW"}),
    ]
    assert asked[3][1]["TransactItems"] == [
        {"ConditionCheck": Ours.get_operation_kwargs_from_class("a", "c", condition=when)},
        {"Delete": item.get_delete_kwargs_from_instance()},
        {"Put": item.get_save_kwargs_from_instance(condition=when, **shown)},
        {"Update": item.get_update_kwargs_from_instance(actions=actions, **shown)},
    ]


def test_some_attributes_of_an_item_are_asked_for_as_by_pynamodb(monkeypatch):
    dynamodb.bind(Ours, "things", "ap-southeast-3")
    asked: list[Any] = []
    monkeypatch.setattr(dynamodb, "call", lambda _region, operation, of: asked.append((operation, of)) or {})
    assert dynamodb.find(Ours, "a", "b", only=["n", "at"]) is None
    with pytest.raises(Ours.DoesNotExist):
        Ours.get("a", "b", consistent_read=True, attributes_to_get=["n", "at"])
    ours, theirs = (of | {"ProjectionExpression": of["ProjectionExpression"].replace(" ", "")} for _, of in asked)
    assert ours == theirs


def test_a_value_is_read_by_its_name_here():
    item = Ours("a", "b", count=3)
    assert (item.pk, item.count, item.at) == ("a", 3, None)
    assert Ours.count is Ours.get_attributes()["count"]
