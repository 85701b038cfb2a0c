"""The rush: many people sign up at once. They call the real handlers, with the tables on DynamoDB Local.

    make rush [PEOPLE=80000]

Each person starts a sign-in, gets a code from the queue's consumer, and opens a session with a device's key. Several
processes share the people. Each works for some hundred people at a time: first all their starts, then all their
messages, then all their sessions. Doubles of KMS, the queue and the mail service answer at once. At the end every item
of the accounts table is counted. Exits with 1 if anybody was refused, got no code, or has no account, contact or
session.
"""

from __future__ import annotations

import hmac
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

from local.cloud.patience import patience

from .harness import ENVIRONMENT, Report, Row, Table, Target, machine, parser, tell

PEOPLE = 2_000
AT_ONCE = 200
"""How many people of one process start before the first of them gets a code."""
TIMES = ("POST /sign-ins", "send_code", "POST /sessions")


class Kms:
    """A double of KMS that answers the calls of signing up at once."""

    def __init__(self) -> None:
        from .aws.endpoint import key_pair

        self._key_pair = key_pair

    def generate_mac(self, KeyId: str, Message: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - KMS's own names
        return {"Mac": hmac.digest(KeyId.encode(), Message, "sha256")}

    def generate_data_key(self, **_: Any) -> dict[str, bytes]:
        key = os.urandom(32)
        return {"Plaintext": key, "CiphertextBlob": key}

    def generate_data_key_pair_without_plaintext(self, **_: Any) -> dict[str, bytes]:
        private, public = self._key_pair()
        return {"PublicKey": public, "PrivateKeyCiphertextBlob": private}

    def decrypt(self, CiphertextBlob: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - KMS's own names
        return {"Plaintext": CiphertextBlob}


def work(first: int, end: int) -> tuple[Counter[str], Counter[str], float]:
    """Sign up the people with these numbers. Returns counts of wrong answers, seconds by step, and CPU seconds."""
    from .requests import HANDLERS, handler
    from .signing_in import Device, Entrance

    entrance, wrong, spent = Entrance(handler(HANDLERS["gelombang"])), Counter[str](), Counter[str]()
    with patience(), entrance.installed(Kms()):
        device = Device(entrance.url)  # a phone would make its key itself; here it takes this process's time
        for start in range(first, end, AT_ONCE):
            people = [f"person-{number}@example.org" for number in range(start, min(start + AT_ONCE, end))]
            begun = {}
            began = time.perf_counter()
            for place, person in enumerate(people):
                source = f"10.{start // AT_ONCE % 256}.{place % 256}.7"
                answer = entrance.ask(entrance.start(person, datetime.now(UTC), source))
                if answer["statusCode"] == 202:
                    begun[person] = _body(answer)
                else:
                    wrong[f"POST /sign-ins: {answer['statusCode']}"] += 1
            began = _count(spent, TIMES[0], began)
            waiting = entrance.take()
            for place in range(0, len(waiting), 10):
                wrong["messages failed"] += len(entrance.send(waiting[place : place + 10]))
            began = _count(spent, TIMES[1], began)
            for person, started in begun.items():
                if person not in entrance.codes:
                    wrong["no code came"] += 1
                    continue
                body = entrance.entered(started, person)
                answer = entrance.ask(device.request("POST", "/sessions", datetime.now(UTC), body))
                wrong[f"POST /sessions: {answer['statusCode']}"] += answer["statusCode"] != 201
            _count(spent, TIMES[2], began)
    return +wrong, spent, time.process_time()


def report(people: int, address: str) -> Report:
    """Make new tables on the DynamoDB at this address, let so many people sign up, and report."""
    os.environ.update(ENVIRONMENT | {"AWS_ENDPOINT_URL_DYNAMODB": address})
    import boto3

    from .aws.tables import create_tables

    client = boto3.client("dynamodb")
    create_tables(client, "bench")
    processes = len(os.sched_getaffinity(0)) + 1  # DynamoDB Local has a process of its own, on the same cores
    shares = [people * part // processes for part in range(processes + 1)]
    wrong, spent, cpu_s = Counter[str](), Counter[str](), 0.0
    began = time.perf_counter()
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (address,)) as pool:
        for some, seconds, cpu in pool.map(work, shares[:-1], shares[1:]):
            wrong += some
            spent += seconds
            cpu_s += cpu
    took = time.perf_counter() - began
    kept = _kept(client)
    rows: dict[str, Row] = {
        name: {"requests": people, "ms each": round(spent[name] / people * 1000, 2)} for name in TIMES
    }
    lost = sum(people - kept[kind] for kind in ("CONTACT", "ACCOUNT", "SESSION"))
    targets = [
        Target(name="refused", value=wrong.total(), at_most=0, condition=True),
        Target(name="items that are missing", value=lost, at_most=0, at_least=0, condition=True),
    ]
    about = (
        f"{people:,} people signed up in {took:,.0f} s: {people / took:,.0f} a second, {3 * people / took:,.0f} "
        f"requests and messages a second, by {processes} processes with {cpu_s:,.0f} s of CPU; "
        f"load {os.getloadavg()[0]:.1f}. "
        f"{dict(kept)}" + (f" WRONG: {dict(wrong)}" if wrong else "")
    )
    return Report("rush", about, machine(), [Table("by the clock, one after the other", rows)], targets)


def _begin(address: str) -> None:
    os.environ.update(ENVIRONMENT | {"AWS_ENDPOINT_URL_DYNAMODB": address})


def _body(answer: dict[str, Any]) -> Any:
    import json

    return json.loads(answer["body"])


def _count(spent: Counter[str], what: str, began: float) -> float:
    now = time.perf_counter()
    spent[what] += now - began  # type: ignore[assignment]  # seconds, which a Counter adds as well
    return now


def _kept(client: Any) -> Counter[str]:
    """The number of items of each kind in the accounts table."""
    kinds = Counter[str]()
    for page in client.get_paginator("scan").paginate(
        TableName="gelombang-bench-accounts", ProjectionExpression="sk", ConsistentRead=True
    ):
        kinds.update(item["sk"]["S"].partition("#")[0] for item in page["Items"])
    return kinds


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--people", type=int, default=PEOPLE)
    given = options.parse_args()
    return tell(report(given.people, os.environ["GELOMBANG_TEST_DYNAMODB"]), given)


if __name__ == "__main__":
    sys.exit(main())
