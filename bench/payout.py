"""A paid payout, measured: calls to DynamoDB, capacity units, and CPU per message, against two usual ways to write it.

    python -m bench.payout [MESSAGES]

What is measured is the queue's consumer with its worker, in batches as Lambda gets them. (a) is Powertools' idempotency
with DynamoDB persistence and boto3: a record of its own says that a message is in progress and then that it is done;
the entitlement is read before and marked as paid after. (b) is get, check, put with pynamodb and no condition: two at
once both find it unpaid and both pay. Neither stores what it is about to send.

All run in this process, in turn, each for entitlements of its own; the provider is an object that says yes. One row has
the person's address in memory, as the alternatives have, and one reads it with the real registration service. Exits
with 1 if a paid payout needs more than two write transactions, one read of the ledger or eight write units of its
table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
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

import chalicelib.wiring
from chalicelib.aws import dynamodb
from chalicelib.clock import iso, utc_now
from chalicelib.config import settings_from_environment
from chalicelib.money import Rupiah
from chalicelib.payouts import rules, service
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.controls.limits import Allowance
from chalicelib.payouts.ledger.items import Head, partition
from chalicelib.payouts.providers.provider import Provider, Providers
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Answer, Hold, Kind, Outcome, State
from chalicelib.payouts.wire import decode_message, encode_message
from chalicelib.payouts.worker import Ports, Worker
from chalicelib.registration.rules import AddressCheck, FinancialAddress, Payee, Registrant, Verdict
from chalicelib.registration.vault import PersonKey
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from chalicelib.waves.rules import Beneficiary, BeneficiaryState

from .endpoint import Call, Endpoint, Index
from .harness import ENVIRONMENT, REGISTRATION, Contestant, exit_code, machine

MESSAGES = 1000
WARM_UP = 100
BATCH = 5
"""As the function `pay` gets them (`app.py`)."""
TRANSACTION, UNITS = "TransactWriteItems", ("read_units", "write_units", "index_units")
TRANSACTIONS_MAX = 2
READS_MAX = 1
WRITE_UNITS_MAX = 8
CPU_SHARE_TARGET = 1 / 3
"""Of (a). Printed, not a condition: on a busy machine two runs may differ by what there is to spare."""

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
WAVE, SCHEME = 143, "2023"
ADDRESS = FinancialAddress("BNI", "0123456789", REGISTRATION["name"])

INDEXES = (
    Index(("unsettled_shard", "updated_at")),
    Index(("news_shard", "at"), frozenset({"state"})),
)
"""Of the table of payouts, as `infrastructure/data_stack.py` has them."""

Record = Mapping[str, Any]
Consume = Callable[[Sequence[Record]], bool]
"""Whether the whole batch is done with."""


class Willing(Xendit):
    """A provider that pays everything at once; the network is missing, and the parsing of what came over it."""

    def __init__(self, amount_idr: Rupiah) -> None:
        super().__init__("http://fsp.invalid", 1, lambda: "bench")
        self._amount_idr = amount_idr
        self.sent = 0

    def send(self, key: str, body: bytes) -> Answer:  # noqa: ARG002 - it never looks
        self.sent += 1
        return Answer(Outcome.PENDING, "ACCEPTED", self._amount_idr)

    def status(self, reference: str) -> Answer:  # noqa: ARG002 - as above
        return Answer(Outcome.SUCCEEDED, "SUCCEEDED", self._amount_idr)


class InMemory:
    """What a worker needs to know of people, at hand: an address, and a key that really seals."""

    def __init__(self, registrant: Registrant, key: PersonKey) -> None:
        self._payee, self._key = Payee(registrant, ADDRESS, partial(key.seal, "payment/1")), key

    def payee(self, _registrant_id: str, _now: datetime) -> Payee | Hold:
        return self._payee

    def unseal(self, _registrant_id: str, sealed: bytes) -> bytes:
        return self._key.unseal("payment/1", sealed)


class Bench:
    """Everybody who pays, one after the other. `stored` are the calls that stored each entitlement."""

    def __init__(self, endpoint: Endpoint) -> None:
        settings = settings_from_environment(os.environ)
        self._endpoint = endpoint
        self._services = chalicelib.wiring.build(settings)
        self._region, self._table = settings.region, settings.table("payouts")
        programme, registrations = self._services.programme, self._services.registrations
        scheme = next(scheme for scheme in programme.schemes if scheme.version == SCHEME)
        self._provider = Willing(rules.amount(Kind.INCENTIVE, scheme))
        self._providers = Providers({self._provider.rail: self._provider}, programme.payouts.codes)
        self.stored: list[tuple[Call, ...]] = []
        self._people = 0
        self._register("first")
        memory = InMemory(registrations.registrant("first"), registrations.key("first"))
        book = AddressBook(registrations, self._providers, programme.payouts.name_score_min)
        ways: dict[str, Consume] = {
            "gelombang": self._consumer(memory, memory),
            "gelombang, people too": self._consumer(book, registrations),
            "(a) Powertools": Powertools(self._table, self._region, self._provider, ADDRESS).consume,
            "(b) get, check, put": Naive(self._provider, ADDRESS).consume,
        }
        self.contestants = [Contestant(name, consume, BATCH) for name, consume in ways.items()]

    def _consumer(self, payees: Any, sealer: Any) -> Consume:
        figures = self._services.programme.payouts
        allowance = Allowance(self._services.ceilings, figures.ceilings)
        worker = Worker(self._services.payout_store, Ports(payees, sealer, self._providers, allowance), figures)
        return lambda records: not service.consume(records, worker, NOW)["batchItemFailures"]

    def run(self, contestant: Contestant) -> None:
        """One batch of new entitlements, measured; each must be paid afterwards, once."""
        ids = [self._entitle() for _ in range(BATCH)]
        done = contestant.run(self._endpoint, [_record(id_) for id_ in ids])
        heads = [self._endpoint.items[self._table, partition(id_), "HEAD"] for id_ in ids]
        if not done or any(head["state"]["S"] != rules.State.PAID.value for head in heads):
            raise SystemExit(f"{contestant.name} did not pay")

    def check_repeat(self, contestant: Contestant) -> None:
        """A message that comes twice must send one instruction, or it is not the same payout."""
        record, sent = _record(self._entitle()), self._provider.sent
        if not (contestant.work([record]) and contestant.work([record])) or self._provider.sent != sent + 1:
            raise SystemExit(f"{contestant.name}: a message that came twice was not paid once")

    def _entitle(self) -> str:
        person = f"person-{self._people:06}"
        self._register(person)
        beneficiary = Beneficiary(
            registrant_id=person,
            wave=WAVE,
            card_number="0000000000000000",
            scheme=SCHEME,
            seat="open",
            state=BeneficiaryState.GRADUATED,
            awarded_at=NOW,
            region=31,
            buy_by=NOW + timedelta(days=15),
        )
        self._endpoint.forget_calls()
        with dynamodb.Transaction(self._region) as tx:
            id_ = self._services.payouts.entitle(tx, beneficiary, Kind.INCENTIVE, NOW)
        self.stored.append(tuple(self._endpoint.calls))
        return id_

    def _register(self, person: str) -> None:
        self._people += 1
        own = {"nik": f"317409570895{self._people:04}", "phone": f"0812{30_000_000 + self._people}"}
        registrations = self._services.registrations
        registrations.register(person, msgspec.convert(REGISTRATION | own, RegistrationForm), NOW)
        address = FinancialAddressForm(ADDRESS.code, f"{self._people:010}", ADDRESS.holder_name)
        version = registrations.set_financial_address(person, address, NOW).version
        registrations.keep_check(person, version, AddressCheck(Verdict.MATCHED, 100, NOW), again=False)


def _record(entitlement_id: str) -> Record:
    return {
        "messageId": f"message-{entitlement_id}",
        "receiptHandle": "bench",
        "body": encode_message(entitlement_id),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "bench",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:123456789012:gelombang-bench-payouts",
        "awsRegion": "ap-southeast-3",
    }


def measure(messages: int) -> Bench:
    """Run all in turn, so that whatever the machine does meanwhile happens to each."""
    os.environ.update(ENVIRONMENT)
    endpoint = Endpoint({"gelombang-bench-payouts": INDEXES})
    with endpoint.installed():
        bench = Bench(endpoint)
        for contestant in bench.contestants:
            bench.check_repeat(contestant)
        for _ in range((WARM_UP + messages) // BATCH):
            for contestant in bench.contestants:
                bench.run(contestant)
    for contestant in bench.contestants:
        contestant.forget(WARM_UP // BATCH)
    return bench


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
            if head.state is not State.PAID:
                text = f"Gelombang {head.wave} {head.kind}"
                _send_and_ask(self._provider, self._address, id_, head.amount_idr, text)
                head.state, head.changed_at = State.PAID, utc_now()
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


def main(messages: int = MESSAGES) -> int:
    """Measure and print; 0 if a payout keeps its budget."""
    bench = measure(messages)
    ours, _, powertools, _ = bench.contestants
    count = len(ours.cpu_s) * BATCH
    print(f"A paid payout: {count} messages each, in batches of {BATCH}, in turn, in one process, without the network")
    print(machine())
    columns = ("calls", "KMS", "read u.", "write u.", "index u.", "CPU us", "a second")
    print(f"\n{'a message':24}" + "".join(f"{name:>10}" for name in columns))
    for each in bench.contestants:
        units = (each.mean(sum(getattr(call, unit) for call in each.made())) for unit in UNITS)
        print(
            f"{each.name:24}{each.mean(len(each.made())):10.2f}{each.mean(sum(each.kms_calls)):10.0f}"
            "{:10.2f}{:10.2f}{:10.2f}".format(*units)
            + f"{each.median_us:10,.0f}{1e6 / each.median_us:10,.0f}"
        )
    print(f"\n{'step of gelombang':24}{'transactions':>13}{'write u.':>10}{'index u.':>10}")
    transactions, reads = ours.made(TRANSACTION), ours.made("GetItem", "BatchGetItem")
    for step, call in zip(("store", "claim", "settle"), (*bench.stored[-1], *transactions[-2:]), strict=True):
        print(f"{step:24}{1:13}{call.write_units:10}{call.index_units:10}")
    ceilings = ours.mean(sum(call.write_units for call in ours.made("UpdateItem")))
    print(f"{'ceilings, a payout':24}{0:13}{ceilings:10.2f}{0:10}")
    ratio = ours.median_us / powertools.median_us
    print(f"\nCPU of a payout / CPU of (a): {ratio:.2f} (the target is {CPU_SHARE_TARGET:.2f})")
    written = ours.mean(sum(call.write_units for call in transactions))
    return exit_code(
        "payout",
        {
            f"more than {TRANSACTIONS_MAX} transactions": ours.mean(len(transactions)) > TRANSACTIONS_MAX,
            f"more than {READS_MAX} read of the ledger": ours.mean(len(reads)) > READS_MAX,
            f"more than {WRITE_UNITS_MAX} write units": written > WRITE_UNITS_MAX,
        },
    )


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
