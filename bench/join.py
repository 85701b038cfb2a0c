"""The join, measured: calls to DynamoDB, capacity units, and CPU per request, against the usual way to write it.

    python -m bench.join [REQUESTS]

The application takes API Gateway's event and gives its answer. The alternative is the same join with Powertools' REST
resolver and a boto3 client, in the usual three calls: read the registrant, read the entry, put the entry unless it
exists. Both have the project's own calendar, eligibility and leaf, so they differ in the web edge, the client and the
calls alone. They run in this process, in turn, for people who have not joined yet. Exits with 1 if the join makes more
than two calls, writes more than one unit or burns as much as the alternative.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from botocore.config import Config

from chalicelib.clock import iso
from chalicelib.config import Programme, Settings, load_programme, settings_from_environment
from chalicelib.draw.leaves import TICKET_BYTES, leaf
from chalicelib.registration.rules import Employment, check_eligible
from chalicelib.waves.calendar import Calendar
from chalicelib.waves.rules import closing_day, shard_of

from .endpoint import Call, Endpoint
from .harness import ENVIRONMENT, REGISTRATION, Contestant, exit_code, machine

REQUESTS = 1000
WARM_UP = 100
CALLS_MAX = 2
WRITE_UNITS_MAX = 1

HEADERS = {
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
CONTEXT = SimpleNamespace(function_name="bench", aws_request_id="bench", memory_limit_in_mb=1024)


def event(method: str, path: str, person: str, now: datetime, body: Any = None) -> dict[str, Any]:
    """What API Gateway (REST, proxy integration) hands to a function for a signed-in person."""
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": HEADERS,
        "multiValueHeaders": {name: [value] for name, value in HEADERS.items()},
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


def join_event(person: str, now: datetime) -> dict[str, Any]:
    return event("POST", "/waves/current/entries", person, now)


def measure(requests: int) -> list[Contestant]:
    """Run both in turn, so that whatever the machine does meanwhile happens to both."""
    os.environ.update(ENVIRONMENT)
    import app  # it reads the environment

    programme = load_programme("bench")
    now = programme.calendar.first_opens_at + timedelta(hours=1)
    alternative = build(programme, settings_from_environment(os.environ))
    both = [Contestant("gelombang", app.app), Contestant("Powertools, boto3", alternative)]
    endpoint = Endpoint()
    with endpoint.installed():
        _expect(app.app(event("PUT", "/me/registration", "first", now, REGISTRATION), CONTEXT), 201)
        (table, *_), profile = next(each for each in endpoint.items.items() if each[0][1:] == ("R#first", "PROFILE"))
        for number in range(1 + WARM_UP + requests):
            now += timedelta(milliseconds=1)
            for place, contestant in enumerate(both):
                person = f"{place:08x}-{number:04x}-4000-8000-000000000000"
                endpoint.items[table, f"R#{person}", "PROFILE"] = {**profile, "pk": {"S": f"R#{person}"}}
                receipt = _expect(contestant.run(endpoint, join_event(person, now), CONTEXT), 201)
                if number == 0 and _expect(contestant.work(join_event(person, now), CONTEXT), 200) != receipt:
                    raise SystemExit(f"{contestant.name}: a second click did not return the same receipt")
    for contestant in both:
        contestant.forget(1 + WARM_UP)
    return both


def _expect(answer: dict[str, Any], status: int) -> Any:
    """The answer's body; any other status ends the benchmark."""
    if answer["statusCode"] != status:
        raise SystemExit(f"answered {answer['statusCode']} instead of {status}: {answer['body']}")
    return json.loads(answer["body"])


def _most(contestant: Contestant, measure: Callable[[Call], float]) -> float:
    """The largest sum over the calls of one request."""
    return max(sum(map(measure, calls)) for calls in contestant.calls)


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def build(programme: Programme, settings: Settings) -> Handler:
    """A Lambda handler that answers `POST /waves/current/entries`."""
    app = APIGatewayRestResolver()
    calendar = Calendar(programme.calendar, ())
    config = Config(connect_timeout=1, read_timeout=3, retries={"max_attempts": 3})
    dynamodb: Any = boto3.client("dynamodb", settings.region, config=config)
    registrations, waves = settings.table("registrations"), settings.table("waves")

    @app.post("/waves/current/entries")
    def join() -> tuple[dict[str, Any], int]:
        context = app.current_event.request_context
        person = context.authorizer.principal_id
        now = datetime.fromtimestamp(context.request_time_epoch / 1000, UTC)
        wave = calendar.current(now)
        if wave is None:
            raise BadRequestError("no wave is open")
        key = {"pk": {"S": f"R#{person}"}, "sk": {"S": "PROFILE"}}
        profile = dynamodb.get_item(TableName=registrations, Key=key, ConsistentRead=True).get("Item")
        if profile is None:
            raise NotFoundError("not registered")
        if profile["standing"]["S"] != "REGISTERED":
            raise BadRequestError("not allowed to join")
        check_eligible(
            Employment(profile["employment"]["S"]),
            date.fromisoformat(profile["birth_date"]["S"]),
            closing_day(wave.closes_at),
            programme.eligibility,
        )
        key = {"pk": {"S": f"E#{wave.number}#{shard_of(person)}"}, "sk": {"S": person}}
        joined = dynamodb.get_item(TableName=waves, Key=key, ConsistentRead=True).get("Item")
        if joined is not None:
            return _receipt(wave.number, joined), 200
        entry = {
            **key,
            "ticket": {"B": secrets.token_bytes(TICKET_BYTES)},
            "region": {"N": profile["region"]["N"]},
            "joined_at": {"S": iso(now)},
        }
        dynamodb.put_item(TableName=waves, Item=entry, ConditionExpression="attribute_not_exists(pk)")
        return _receipt(wave.number, entry), 201

    return app.resolve


def _receipt(wave: int, entry: dict[str, Any]) -> dict[str, Any]:
    ticket, region = entry["ticket"]["B"], int(entry["region"]["N"])
    return {
        "wave": wave,
        "ticket": ticket.hex(),
        "leaf": leaf(wave, region, ticket).hex(),
        "region": region,
        "joined_at": entry["joined_at"]["S"],
    }


def main(requests: int = REQUESTS) -> int:
    """Measure and print; 0 if the join keeps its budget."""
    ours, theirs = measure(requests)
    print(f"The join: medians of {len(ours.cpu_s)} requests each, in turn, in one process, without the network")
    print(machine())
    print(f"\n{'':20}{'calls':>7}{'read units':>12}{'write units':>13}{'CPU us':>9}{'p90':>9}")
    for each in (ours, theirs):
        p90 = statistics.quantiles(each.cpu_s, n=10)[-1] * 1e6
        reads, writes = _most(each, lambda call: call.read_units), _most(each, lambda call: call.write_units)
        print(f"{each.name:20}{_most(each, lambda _: 1):7.0f}{reads:12g}{writes:13g}{each.median_us:9,.0f}{p90:9,.0f}")
    ratio = ours.median_us / theirs.median_us
    print(f"\nCPU of the join / CPU of the alternative: {ratio:.2f}")
    return exit_code(
        "join",
        {
            f"more than {CALLS_MAX} calls": _most(ours, lambda _: 1) > CALLS_MAX,
            f"more than {WRITE_UNITS_MAX} write unit": _most(ours, lambda call: call.write_units) > WRITE_UNITS_MAX,
            "no less CPU than the alternative": ratio >= 1,
        },
    )


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
