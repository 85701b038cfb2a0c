"""A paid payout, measured: calls to DynamoDB, capacity units, and CPU per message, against two usual ways to write it.

    python -m bench.payout [MESSAGES] [--json]

It measures the queue's consumer with its worker, in batches as Lambda gets them. (a) is Powertools' idempotency with
DynamoDB persistence and boto3. A separate record says that a message is in progress and later that it is done. The
entitlement is read before and marked as paid after. (b) is get, check, put with pynamodb and no condition. If two run
at once, both find the entitlement unpaid and both pay. Neither stores what it is about to send.

All take turns, each with its own entitlements, in process and with HTTP counted. The double of the provider accepts
every payout. The application has two rows: one has the person's address in memory, as the alternatives do, and one
reads it with the real registration service. The last table has what a month of a plan costs that `advance_plans` makes
due, of a hundred at once. Exits with 1 if a paid payout needs more than two write transactions, one
read of the ledger or eight write units of its table. A missed target of CPU is only printed.
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
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from botocore.config import Config
from msgspec.structs import replace

import chalicelib.wiring
from chalicelib.aws import dynamodb
from chalicelib.aws.failures import Trouble
from chalicelib.clock import iso, utc_now
from chalicelib.config import settings_from_environment
from chalicelib.money import Rupiah
from chalicelib.payouts import service
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.controls.limits import Allowance
from chalicelib.payouts.ledger.items import Head, partition
from chalicelib.payouts.plans import plan_rules
from chalicelib.payouts.plans.service import PAGE
from chalicelib.payouts.plans.store import PlanKey
from chalicelib.payouts.providers.provider import Provider, Providers
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Answer, Hold, Kind, Outcome, State
from chalicelib.payouts.wire import decode_message, encode_message
from chalicelib.payouts.worker import Ports, Worker
from chalicelib.registration.rules import AddressCheck, FinancialAddress, Payee, Registrant, Verdict
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from chalicelib.time_budget import TimeBudget
from chalicelib.vault import PersonKey
from chalicelib.waves.rules import BeneficiaryState

from .aws.endpoint import Index
from .harness import REGISTRATION, Report, Table, Target, command, machine
from .race import ORDINARY, Stage, Way, race, ratio
from .requests import beneficiary

MESSAGES = 1000
BATCH = 5
"""Messages in a batch, as for the function `pay` (`app.py`)."""
TURN = 10
"""Batches in one turn."""
TRANSACTION = "TransactWriteItems"
TRANSACTIONS_MAX = 2
READS_MAX = 1
WRITE_UNITS_MAX = 8
CPU_AT_MOST, PEOPLE_CPU_AT_MOST = 1 / 3, 0.6
"""The most CPU compared with (a): with the person's address in memory, and with the real registration service."""

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
A_MONTH = timedelta(days=31)
SCHEME = "2023"
ADDRESS = FinancialAddress("BNI", "0123456789", REGISTRATION["name"])

INDEXES = (
    Index(("unsettled_shard", "updated_at")),
    Index(("news_shard", "at"), frozenset({"state"})),
)
"""The indexes of the table of payouts, as in `infrastructure/data_stack.py`."""

Record = Mapping[str, Any]
Consume = Callable[[Sequence[Record]], bool]
"""Consumes a batch; returns whether all of it is finished."""


class Willing(Xendit):
    """A provider that pays everything at once, without network and without parsing an answer."""

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
    """What a worker needs to know of people, in memory: an address, and a key that really encrypts."""

    def __init__(self, registrant: Registrant, key: PersonKey) -> None:
        self._payee, self._key = Payee(registrant, ADDRESS, partial(key.seal, "payment/1")), key

    def payee(self, _registrant_id: str, _now: datetime) -> Payee | Hold:
        return self._payee

    def unseal(self, _registrant_id: str, sealed: bytes) -> bytes:
        return self._key.unseal("payment/1", sealed)


class Payouts:
    """Gives batches of new entitlements to one consumer and checks that each is paid once.

    `consumer` makes the consumer from this object. With `known` each person is registered, as the consumer reads that.
    """

    def __init__(self, consumer: Callable[[Payouts], Consume], known: bool, stage: Stage) -> None:
        settings = settings_from_environment(os.environ)
        self._stage = stage
        self.services = chalicelib.wiring.build(settings)
        self.region, self.table = settings.region, settings.table("payouts")
        scheme = next(scheme for scheme in self.services.programme.schemes if scheme.version == SCHEME)
        self.provider = Willing(plan_rules.amount(Kind.INCENTIVE, scheme, 31))
        self._people, self._known = 0, known
        # A worker remembers its share of the ceilings, and each mode has its own.
        self._consume: dict[bool, Consume] = {}
        for stage.counted in (False, True):
            self._register("first")
            self._consume[stage.counted] = consumer(self)
            self._check_repeat()

    def prepare(self) -> list[Record]:
        return [_record(self._entitle()) for _ in range(BATCH)]

    def run(self, given: list[Record]) -> bool:
        return self._consume[self._stage.counted](given)

    def check(self, given: list[Record], answer: bool) -> None:
        ids = [decode_message(record["body"]).entitlement_id for record in given]
        heads = [self._stage.endpoint.item(self.table, partition(id_), "HEAD") for id_ in ids]
        if not answer or any(head["state"]["S"] != State.PAID.value for head in heads):
            raise RuntimeError("it did not pay")

    def _check_repeat(self) -> None:
        """Check that a message that comes twice makes one payment."""
        record, sent = _record(self._entitle()), self.provider.sent
        if not (self.run([record]) and self.run([record])) or self.provider.sent != sent + 1:
            raise RuntimeError("a message that came twice was not paid once")

    def _entitle(self) -> str:
        self._people += 1
        person = f"person-{self._people:06}"
        if self._known:
            self._register(person)
        with dynamodb.Transaction(self.region) as tx:
            earner = beneficiary(person, BeneficiaryState.GRADUATED, NOW)
            return self.services.payouts.entitle(tx, earner, Kind.INCENTIVE, NOW)

    def _register(self, person: str) -> None:
        serial = self._people + 1
        own = {"nik": f"317409570895{serial:04}", "phone": f"0812{30_000_000 + serial}"}
        registrations = self.services.registrations
        registrations.register(person, msgspec.convert(REGISTRATION | own, RegistrationForm), NOW)
        address = FinancialAddressForm(ADDRESS.code, f"{serial:010}", ADDRESS.holder_name)
        version = registrations.addresses.set(person, address, NOW).version
        registrations.addresses.keep_check(person, version, AddressCheck(Verdict.MATCHED, 100, NOW), again=False)


class Instalments:
    """Makes the second month of a page of plans due; the messages are counted and sent nowhere."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._people, self._queued = stage, 0, 0
        self._services = chalicelib.wiring.build(settings_from_environment(os.environ))
        self._services.payout_queue = self  # type: ignore[assignment]  # of which plans use `send` only

    def send(self, ids: Sequence[str]) -> None:
        self._queued += len(ids)

    def prepare(self) -> list[PlanKey]:
        keys = []
        for _ in range(PAGE):
            self._people += 1
            earner = replace(beneficiary(f"month-{self._people:06}", BeneficiaryState.GRADUATED, NOW), scheme="2020")
            with self._services.transaction() as tx:
                self._services.payouts.entitle(tx, earner, Kind.INCENTIVE, NOW)
            keys.append((earner.registrant_id, earner.wave))
        self._queued = 0
        return keys

    def run(self, given: list[PlanKey]) -> bool:
        budget, trouble = TimeBudget(NOW + A_MONTH, 880), Trouble()
        self._services.plans.make_due(given, NOW + A_MONTH, budget, trouble)
        return trouble == Trouble()

    def check(self, given: list[PlanKey], answer: bool) -> None:
        if not answer or self._queued != len(given):
            raise RuntimeError("not every month was made due")


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


def at_hand(bench: Payouts) -> Consume:
    """The application's consumer with one person in memory."""
    registrations = bench.services.registrations
    memory = InMemory(registrations.registrant("first"), registrations.key("first"))
    return _ours(bench, lambda _: memory, memory)


def people_too(bench: Payouts) -> Consume:
    """The application's consumer with the real registration service."""
    registrations, name_score_min = bench.services.registrations, bench.services.programme.payouts.name_score_min
    return _ours(bench, lambda providers: AddressBook(registrations, providers, name_score_min), registrations)


def _ours(bench: Payouts, payees: Callable[[Providers], Any], sealer: Any) -> Consume:
    figures = bench.services.programme.payouts
    providers = Providers({bench.provider.rail: bench.provider}, figures.codes)
    ports = Ports(payees(providers), sealer, providers, Allowance(bench.services.ceilings, figures.ceilings))
    worker = Worker(bench.services.payout_store, ports, figures)
    return lambda records: not service.consume(records, worker, NOW)["batchItemFailures"]


def powertools(bench: Payouts) -> Consume:
    return Powertools(bench.table, bench.region, bench.provider, ADDRESS).consume


def naive(bench: Payouts) -> Consume:
    return Naive(bench.provider, ADDRESS).consume


WAYS: dict[str, Callable[[Payouts], Consume]] = {
    "gelombang": at_hand,
    "gelombang, people too": people_too,
    "(a) Powertools": powertools,
    "(b) get, check, put": naive,
}

IDEMPOTENCY_TABLE = "gelombang-bench-idempotency"
DAY_S = 86_400
_CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 120_000)


class Powertools:
    """(a): idempotency with partial batch failures, written as Powertools' documentation shows."""

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
    """(b): get, check, put."""

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
    """Send the instruction as the application's adapter writes it, then ask for its status."""
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


def report(messages: int) -> Report:
    ways = [
        Way(name, partial(Payouts, consumer, consumer is people_too), BATCH, ORDINARY if consumer is naive else {})
        for name, consumer in WAYS.items()
    ]
    raced = race(ways, messages // BATCH, turn=TURN, indexes={"gelombang-bench-payouts": INDEXES})
    ours, people, powertools, _ = raced
    [months] = race(
        [Way("a month", Instalments, PAGE)],
        max(messages // PAGE, 2),
        turn=1,
        indexes={"gelombang-bench-payouts": INDEXES},
    )
    transactions, reads = ours.made(TRANSACTION), ours.made("GetItem", "BatchGetItem")
    last = ours.runs[False][-1]
    steps = dict(zip(("store", "claim", "settle"), (last.before[-1], *transactions[-2:]), strict=True))
    written = ours.mean(sum(call.write_units for call in transactions))
    targets = [
        Target(name="transactions", value=ours.mean(len(transactions)), at_most=TRANSACTIONS_MAX, condition=True),
        Target(name="reads of the ledger", value=ours.mean(len(reads)), at_most=READS_MAX, condition=True),
        Target(name="write units", value=written, at_most=WRITE_UNITS_MAX, condition=True),
    ]
    targets.append(ratio(ours, powertools, http=False, at_most=CPU_AT_MOST))
    targets += [ratio(people, powertools, http=http, at_most=PEOPLE_CPU_AT_MOST) for http in (False, True)]
    return Report(
        "payout",
        f"A paid payout: medians of {len(ours.runs[False])} batches of {BATCH} messages each, in turns",
        machine(),
        [
            Table("a message", {each.way.name: each.row() for each in raced}),
            Table(
                "a step, one transaction",
                {name: {"write units": one.write_units, "index units": one.index_units} for name, one in steps.items()},
            ),
            Table("of a plan", {months.way.name: months.row()}),
        ],
        targets,
    )


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, MESSAGES))
