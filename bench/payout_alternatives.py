"""The alternatives: the same payout as it is usually written, around the very same calls to the provider.

(a) Powertools' idempotency with DynamoDB persistence and boto3: a record of its own says that a message is in progress
and then that it is done; the entitlement is read before and marked as paid after. (b) get, check, put with pynamodb and
no condition: two at once both find it unpaid and both pay. Neither stores what it is about to send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import boto3
import msgspec
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from botocore.config import Config

from chalicelib.clock import iso, utc_now
from chalicelib.payouts.ledger.items import Head, partition
from chalicelib.payouts.providers.provider import Provider
from chalicelib.payouts.rules import Outcome, State
from chalicelib.payouts.wire import decode_message
from chalicelib.registration.rules import FinancialAddress

IDEMPOTENCY_TABLE = "gelombang-bench-idempotency"
DAY_S = 86_400
_CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 120_000)


class Powertools:
    """(a), as its documentation puts idempotency and partial batch failures together."""

    def __init__(self, table: str, region: str, provider: Provider, address: FinancialAddress) -> None:
        self._table, self._provider, self._address = table, provider, address
        config = Config(connect_timeout=1, read_timeout=2, retries={"max_attempts": 3})
        self._dynamodb: Any = boto3.client("dynamodb", region, config=config)
        self._processor = BatchProcessor(event_type=EventType.SQS)
        self._idempotency = IdempotencyConfig(
            event_key_jmespath="powertools_json(body).entitlement_id", expires_after_seconds=DAY_S
        )
        store = DynamoDBPersistenceLayer(IDEMPOTENCY_TABLE, key_attr="pk", boto3_client=self._dynamodb)

        @idempotent_function(data_keyword_argument="record", persistence_store=store, config=self._idempotency)  # type: ignore[untyped-decorator]  # untyped in Powertools
        def pay(record: SQSRecord) -> dict[str, str]:
            return self._pay(decode_message(record.body).entitlement_id)

        self._record_handler = pay

    def consume(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """A batch; whether all of it is done with."""
        self._idempotency.register_lambda_context(_CONTEXT)
        answer = process_partial_response(
            event={"Records": records},
            record_handler=self._record_handler,
            processor=self._processor,
            context=_CONTEXT,
        )
        return not answer["batchItemFailures"]

    def _pay(self, entitlement_id: str) -> dict[str, str]:
        key = {"pk": {"S": partition(entitlement_id)}, "sk": {"S": "HEAD"}}
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)["Item"]
        text = f"Gelombang {found['wave']['N']} {found['kind']['S']}"
        _send_and_ask(self._provider, self._address, entitlement_id, int(found["amount_idr"]["N"]), text)
        self._dynamodb.update_item(
            TableName=self._table,
            Key=key,
            UpdateExpression="SET #state = :paid, #at = :now",
            ExpressionAttributeNames={"#state": "state", "#at": "changed_at"},
            ExpressionAttributeValues={":paid": {"S": State.PAID.value}, ":now": {"S": iso(utc_now())}},
        )
        return {"state": State.PAID.value}


class Naive:
    """(b)."""

    def __init__(self, provider: Provider, address: FinancialAddress) -> None:
        self._provider, self._address = provider, address

    def consume(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """A batch; whether all of it is done with."""
        for record in records:
            id_ = decode_message(record["body"]).entitlement_id
            head = Head.get(partition(id_), "HEAD", consistent_read=True)
            if head.state != State.PAID.value:
                text = f"Gelombang {int(head.wave)} {head.kind}"
                _send_and_ask(self._provider, self._address, id_, int(head.amount_idr), text)
                head.state, head.changed_at = State.PAID.value, iso(utc_now())
                head.save()
        return True


def _send_and_ask(provider: Provider, address: FinancialAddress, key: str, amount_idr: int, description: str) -> None:
    """The instruction as the project's own adapter renders it, and the question after its status."""
    instruction = {
        "reference_id": key,
        "channel_code": f"ID_{address.code}",
        "channel_properties": {"account_number": address.account_number, "account_holder_name": address.holder_name},
        "amount": amount_idr,
        "currency": "IDR",
        "description": description,
    }
    provider.send(key, msgspec.json.encode(instruction))
    if provider.status(key).outcome is not Outcome.SUCCEEDED:
        raise RuntimeError("not paid")
