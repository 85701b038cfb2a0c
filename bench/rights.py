"""What a person may ask of their data, measured: calls, units and CPU of `GET /me/data` and an erasure.

    python -m bench.rights [--json]

For somebody who has just registered, and for one who has a row of every kind: chosen, trained, paid, asked in a survey,
with grievances and an application. Both do all that by the application's own routes, on moto. Then their rows are
copied into the double whose units are counted. An erasure is the two runs of `erase_people` that carry it out, the look
at what is due included. Exits with 1 if any takes more than its targets. CPU is that of one run, in process, without
what answers for AWS.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Lock
from time import process_time, thread_time
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

import msgspec
import pytest

from chalicelib.aws import dynamodb

from .aws.indexed import IndexedTables
from .harness import Report, Row, Table, Target, machine, parser, tell

if TYPE_CHECKING:
    from tests.e2e.gateway import Gateway

T = TypeVar("T")

SERVICES = {"kms": "KMS", "s3": "S3", "sesv2": "SES"}
CALLS_MAX = {"GET /me/data": 40, "an erasure": 130}


@contextmanager
def counted(gateway: Gateway, without: str = "") -> Iterator[Callable[[], Row]]:
    """The rows of a stage, but not those of somebody, are copied into a double, which then answers for DynamoDB.

    Yields what a further call gives: calls by service, and units, since the call before.
    """
    from tests.builders.aws.calls import wrap_calls
    from tests.builders.lives import rows
    from tests.simulation.accounts.cloud import refusal

    settings = gateway.services.settings
    tables, others, one_call = IndexedTables(settings.stage), Counter[str](), Lock()
    for table, row in rows(settings):
        if not without or without not in str(row):
            tables.put(settings.table(table), row)
    tables.metered = True
    since, answering_s = process_time(), 0.0

    def answered(ask: Callable[..., T], *asked: Any) -> T:
        nonlocal answering_s
        began = thread_time()
        try:
            return ask(*asked)
        finally:
            answering_s += thread_time() - began

    def call(_region: str, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        with one_call:
            status, answer = answered(tables._dynamodb, operation, asked)
        if status == 200:
            return answer
        raise refusal(answer.pop("__type").partition("#")[2], **answer)

    def body(table: Any, asked: dict[str, Any]) -> bytes:
        return msgspec.json.encode(call("", "Query", {"TableName": table.Meta.table_name, **asked}))

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def counts(client: Any, operation: str, parameters: Any) -> Any:
            others[SERVICES.get(client.meta.service_model.service_name, "")] += 1
            return answered(original, client, operation, parameters)

        return counts

    def taken() -> Row:
        nonlocal since, answering_s
        spent_s = process_time() - since - answering_s
        calls, _ = tables.take()
        figures: Row = {
            "calls": len(calls),
            **{name: others[name] for name in SERVICES.values()},
            "read units": sum(call.read_units for call in calls),
            "write units": sum(call.write_units for call in calls),
            "index units": sum(call.index_units for call in calls),
            "CPU ms": round(spent_s * 1000, 1),
        }
        others.clear()
        since, answering_s = process_time(), 0.0
        return figures

    with pytest.MonkeyPatch.context() as monkeypatch:
        wrap_calls(monkeypatch, watched)
        with patch.object(dynamodb, "call", call), patch.object(dynamodb, "query_body", body):
            yield taken


def costs(gateway: Gateway) -> dict[str, Row]:
    """The costs of `GET /me/data` and of an erasure. The keys say which of the two it is, and whose data."""
    from chalicelib.privacy.erasure import TOKENS_LIVE
    from tests.builders.lives import live, settled, young
    from tests.e2e import routes
    from tests.e2e.gateway import Call

    rows = dict[str, Row]()
    everything = live(gateway)  # and has asked for the deletion
    settled(gateway, everything)
    del vars(gateway)["stranger"], vars(gateway)["form"]  # the next one is somebody else
    registered, begun = gateway.registered(), gateway.now
    for who, person, other in (("registered", registered, everything), ("everything", everything, registered)):
        gateway.now = begun
        with counted(gateway, other) as taken:
            gateway.ok(Call(routes.MY_DATA, person=person))  # a process keeps the calendar for a while
            taken()
            gateway.ok(Call(routes.MY_DATA, person=person))
            rows[f"GET /me/data, {who}"] = taken()
            gateway.ok(Call(routes.DELETE_ME, person=person))
            taken()
            for after in (young(gateway), TOKENS_LIVE):
                gateway.now += after + timedelta(minutes=1)
                if not gateway.services.erasure.run(gateway.now, 800):
                    raise RuntimeError("the erasure is not finished")
            rows[f"an erasure, {who}"] = taken()
            if gateway.services.account_store.account(person):
                raise RuntimeError("nobody was erased")
    return rows


def report() -> Report:
    from tests import conftest
    from tests.e2e.gateway import serving_alone

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with ExitStack() as stack:
        for usual in (conftest.moto_as_it_should_be, conftest.no_real_cloud):
            stack.enter_context(contextmanager(usual.__wrapped__)())
        rows = costs(stack.enter_context(serving_alone(conftest.programme.__wrapped__())))
    targets = [
        Target(name=f"calls: {name}", value=row["calls"] or 0, at_most=CALLS_MAX[what], condition=True)
        for name, row in rows.items()
        for what in [name.partition(",")[0]]
        if what in CALLS_MAX
    ]
    about = "What a person may ask of their data: calls, units and CPU"
    return Report("rights", about, machine(), [Table("a request", rows)], targets)


if __name__ == "__main__":
    options = parser(__doc__ or "").parse_args()
    sys.exit(tell(report(), options))
