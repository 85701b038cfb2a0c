"""Transactions with named legs."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.session import Session as BotocoreSession
from moto.dynamodb.models.table import Table
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.models import Model

from chalicelib.aws import dynamodb
from chalicelib.config import Settings
from chalicelib.registration.items import RegistrationsTable
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.store import WavesTable
from tests.conftest import CREATE_CLIENT


class Thing(Model):
    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    n = NumberAttribute(default=0)


@pytest.fixture
def region(cloud: Settings) -> str:
    dynamodb.bind(Thing, cloud.table("waves"), cloud.region)
    Thing("a", "there", n=1).save()
    return cloud.region


def test_the_leg_that_failed_is_named_whatever_the_order_of_the_calls(region):
    with pytest.raises(dynamodb.LegsFailed) as caught, dynamodb.Transaction(region) as tx:
        tx.update("counter", Thing("a", "counter"), [Thing.n.add(1)])
        tx.put("first", Thing("a", "there"), Thing.pk.does_not_exist())
        tx.check("guard", Thing, ("a", "nowhere"), Thing.pk.exists())
    assert set(caught.value.legs) == {"first", "guard"}
    assert caught.value.legs["first"]["n"] == {"N": "1"}, "the item in the way is shown"
    assert caught.value.legs["guard"] is None
    assert Thing.count("a") == 1, "nothing was written"


def test_no_copy_of_a_table_outlives_the_transaction_that_took_it(region):
    """Of the tests themselves: moto would keep every one until the cloud ends, 1.4 GB of them in one file."""

    def tables() -> int:
        gc.collect()
        return sum(type(each) is Table for each in gc.get_objects())

    before = tables()
    for n in range(5):
        with dynamodb.Transaction(region) as tx:
            tx.put("one", Thing("b", str(n)), Thing.pk.does_not_exist())
    assert tables() == before


def test_all_tables_share_one_client(cloud: Settings) -> None:
    """Making one costs 40 ms of CPU and a TLS handshake, and a request reads items of five kinds."""
    made: list[str] = []

    def create(session: BotocoreSession, service: str, *given: Any, **options: Any) -> Any:
        made.append(service)
        return CREATE_CLIENT(session, service, *given, **options)

    # Undone before the cloud undoes its own, whose stand-in for `create_client` would else come back for good.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreSession, "create_client", create)
        kinds = [kind for table in (WavesTable, RegistrationsTable) for kind in table.__subclasses__()]
        for kind in kinds:
            patch.setattr(kind, "_connection", None)
        dynamodb._connection.cache_clear()
        dynamodb.bind(WavesTable, cloud.table("waves"), cloud.region)
        dynamodb.bind(RegistrationsTable, cloud.table("registrations"), cloud.region)
        for kind in kinds:
            with pytest.raises(kind.DoesNotExist):
                kind.get("nobody", "nothing")
    assert made == ["dynamodb"]


def test_all_legs_are_written_together(region):
    with dynamodb.Transaction(region) as tx:
        tx.update("counter", Thing("a", "counter"), [Thing.n.add(2)])
        tx.put("new", Thing("a", "new"), Thing.pk.does_not_exist())
        tx.delete("old", Thing("a", "there"), Thing.n == 1)
    assert {item.sk: item.n for item in Thing.query("a")} == {"counter": 2, "new": 0}


def test_an_error_in_the_block_writes_nothing(region):
    with pytest.raises(ZeroDivisionError), dynamodb.Transaction(region) as tx:
        tx.put("new", Thing("a", "new"))
        raise ZeroDivisionError
    assert Thing.count("a") == 1


def test_only_a_refused_condition_counts_as_a_condition_failure(region):
    """A read that timed out has a `response` too, which is None."""
    with pytest.raises(PutError) as refused:
        Thing("a", "there").save(Thing.pk.does_not_exist())
    assert dynamodb.is_condition_failure(refused.value)
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "PutItem")
    for cause in (
        throttled,
        ReadTimeoutError(endpoint_url="dynamodb"),
        ConnectTimeoutError(endpoint_url="dynamodb"),
        None,
    ):
        assert not dynamodb.is_condition_failure(PutError("failed", cause))


def test_an_item_class_knows_its_own_index_though_its_table_was_used_before(cloud: Settings):
    dynamodb.bind(WavesTable, cloud.table("waves"), cloud.region)
    assert [item.sk for item in WavesTable.query("B#somebody")] == []
    assert list(BeneficiaryItem.roster.query("54#00")) == []
