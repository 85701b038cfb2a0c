"""The join, measured: calls to DynamoDB, capacity units, and CPU per request, against the usual way to write it.

    python -m bench.join [REQUESTS]

(a) is the application itself: its API Gateway event in, its answer out. (b) is `bench/join_powertools.py`. Both run in
this process, in turn, each for people who have not joined yet; DynamoDB is answered by `bench/endpoint.py`, whose own
time is taken off, so what remains is what a function burns. Exits with 1 if the join makes more than two calls, writes
more than one unit or burns as much as (b).
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from .endpoint import Call, Endpoint, Item
from .measuring import processor

REQUESTS = 1000
WARM_UP = 100
CALLS_MAX = 2
WRITE_UNITS_MAX = 1

LIBRARIES = ("chalice", "pynamodb", "boto3", "aws-lambda-powertools")
REGION = "ap-southeast-3"
ENVIRONMENT = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "GELOMBANG_STAGE": "bench",
    "GELOMBANG_USER_POOL": "ap-southeast-3_bench",
    "GELOMBANG_USER_POOL_CLIENT": "bench",
    "GELOMBANG_JWKS_URL": "http://pool.invalid/jwks.json",
    "GELOMBANG_PAYOUTS_QUEUE_URL": "http://queue.invalid/payouts",
    "GELOMBANG_AWARDS_QUEUE_URL": "http://queue.invalid/awards",
    "GELOMBANG_RESULTS_BUCKET": "bench",
    "GELOMBANG_REPORTS_BUCKET": "bench",
    "GELOMBANG_RESULTS_URL": "http://results.invalid",
    "GELOMBANG_ANNOUNCEMENTS_TOPIC": "arn:aws:sns:ap-southeast-3:123456789012:bench",
    "GELOMBANG_BEACON_RELAYS": "http://beacon.invalid",
    "GELOMBANG_FSP_URL": "http://fsp.invalid",
    "GELOMBANG_FSP_SECRET": "bench",
    "GELOMBANG_MAILS_QUEUE_URL": "http://mails.invalid",
    "GELOMBANG_MAIL_DOMAIN": "gelombang.example",
    "GELOMBANG_PUBLIC_URL": "http://api.invalid",
}
REGISTRATION = {
    "nik": "3174095708950001",
    "kk": "3174091203180002",
    "name": "Siti Aminah",
    "birth_date": "1995-08-17",
    "phone": "0812-3456-7890",
    "province": "31",
    "regency": "3174",
    "education": "senior_high",
    "employment": "jobseeker",
    "consent_version": "2026-01",
}

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass
class Contestant:
    """One way to write the join, and what its requests cost: CPU seconds each, and the calls of the last one."""

    name: str
    handler: Handler
    cpu_s: list[float] = field(default_factory=list)
    calls: list[tuple[Call, ...]] = field(default_factory=list)

    @property
    def median_us(self) -> float:
        return statistics.median(self.cpu_s) * 1e6

    def most(self, measure: Callable[[Call], float]) -> float:
        """The largest sum over the calls of one request."""
        return max(sum(map(measure, calls)) for calls in self.calls)


def event(method: str, path: str, person: str, now: datetime, body: Any = None) -> dict[str, Any]:
    """What API Gateway (REST, proxy integration) hands to a function for a signed-in person."""
    headers = {
        "Accept": "application/json",
        "Accept-Language": "id-ID,id;q=0.9,en;q=0.8",
        "Authorization": "Bearer " + "x" * 900,
        "Content-Type": "application/json",
        "Host": "abcdefghij.execute-api.ap-southeast-3.amazonaws.com",
        "User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36",
        "X-Amzn-Trace-Id": "Root=1-674294c0-000000000000000000000000",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
    }
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "path": "/api" + path,
            "stage": "api",
            "requestId": "bench",
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "identity": {"sourceIp": "203.0.113.7"},
            "authorizer": {"principalId": person},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


CONTEXT = SimpleNamespace(function_name="bench", aws_request_id="bench", memory_limit_in_mb=1024)


def contestants() -> tuple[Contestant, Contestant, datetime]:
    """The application, the alternative, and an instant at which a wave is open."""
    import app
    from chalicelib.config import load_programme, settings_from_environment

    from . import join_powertools

    programme = load_programme("bench")
    alternative = join_powertools.build(programme, settings_from_environment(os.environ))
    opened = programme.calendar.first_opens_at + timedelta(hours=1)
    return Contestant("gelombang", app.app), Contestant("Powertools, boto3", alternative), opened


def register(endpoint: Endpoint, application: Handler, now: datetime) -> Item:
    """Register one person through the application and return the profile it wrote."""
    answer = application(event("PUT", "/me/registration", "first", now, REGISTRATION), CONTEXT)
    if answer["statusCode"] != 201:
        raise SystemExit(f"the registration was refused: {answer['body']}")
    return next(item for (_, pk, sk), item in endpoint.items.items() if (pk, sk) == ("R#first", "PROFILE"))


def join(endpoint: Endpoint, contestant: Contestant, person: str, now: datetime) -> None:
    """One join, measured; it must be new."""
    asked = event("POST", "/waves/current/entries", person, now)
    endpoint.calls, endpoint.spent_s = [], 0.0
    started = time.process_time()
    answer = contestant.handler(asked, CONTEXT)
    contestant.cpu_s.append(time.process_time() - started - endpoint.spent_s)
    contestant.calls.append(tuple(endpoint.calls))
    if answer["statusCode"] != 201:
        raise SystemExit(f"{contestant.name} refused a join: {answer['body']}")


def check_repeat(contestant: Contestant, person: str, now: datetime) -> None:
    """Both must keep the rule that a second click returns the same receipt, or they are not the same join."""
    answers = [contestant.handler(event("POST", "/waves/current/entries", person, now), CONTEXT) for _ in range(2)]
    receipts = [json.loads(answer["body"]) for answer in answers]
    if [answer["statusCode"] for answer in answers] != [201, 200] or receipts[0] != receipts[1]:
        raise SystemExit(f"{contestant.name}: a second click did not return the same receipt")


def measure(requests: int) -> tuple[Contestant, Contestant]:
    """Run both in turn, so that whatever the machine does meanwhile happens to both."""
    os.environ.update(ENVIRONMENT)
    endpoint = Endpoint()
    with endpoint.installed():
        ours, theirs, now = contestants()
        profile = register(endpoint, ours.handler, now)
        (table,) = {table for table, pk, _ in endpoint.items if pk == "R#first"}
        for number in range(WARM_UP + requests):
            now += timedelta(milliseconds=1)
            for contestant in (ours, theirs):
                person = f"{contestant is ours:08x}-{number:04x}-4000-8000-000000000000"
                key = f"R#{person}"
                endpoint.items[table, key, "PROFILE"] = {**profile, "pk": {"S": key}}
                if number == 0:
                    check_repeat(contestant, person, now)
                    continue
                join(endpoint, contestant, person, now)
    for contestant in (ours, theirs):
        del contestant.cpu_s[: WARM_UP - 1], contestant.calls[: WARM_UP - 1]
    return ours, theirs


def machine() -> str:
    """Processor, cores, Python and the libraries that matter."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return ", ".join([processor(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])


def report(ours: Contestant, theirs: Contestant) -> list[str]:
    """Print the table; return what is not as it must be."""
    print(f"The join: medians of {len(ours.cpu_s)} requests each, in turn, in one process, without the network")
    print(machine())
    print(f"\n{'':20}{'calls':>7}{'read units':>12}{'write units':>13}{'CPU us':>9}{'p90':>9}")
    for each in (ours, theirs):
        p90 = statistics.quantiles(each.cpu_s, n=10)[-1] * 1e6
        reads, writes = each.most(lambda call: call.read_units), each.most(lambda call: call.write_units)
        print(f"{each.name:20}{each.most(lambda _: 1):7.0f}{reads:12g}{writes:13g}{each.median_us:9,.0f}{p90:9,.0f}")
    ratio = ours.median_us / theirs.median_us
    print(f"\nCPU of the join / CPU of the alternative: {ratio:.2f}")
    return [
        text
        for text, failed in (
            (f"more than {CALLS_MAX} calls", ours.most(lambda _: 1) > CALLS_MAX),
            (f"more than {WRITE_UNITS_MAX} write unit", ours.most(lambda call: call.write_units) > WRITE_UNITS_MAX),
            ("no less CPU than the alternative", ratio >= 1),
        )
        if failed
    ]


def main(requests: int = REQUESTS) -> int:
    """0 if the join keeps its budget."""
    broken = report(*measure(requests))
    for each in broken:
        print(f"join: {each}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
