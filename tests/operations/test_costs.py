"""What a request may cost: its calls to AWS, one after the other, as `docs/costs.md` has them with their units.

A row is a route (or a route and a case), a request that succeeds, and its calls. Somebody else sends the same before it
is counted, so that what a function keeps in memory is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

import app as application
from chalicelib.clock import parse_iso
from chalicelib.config import Programme
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.crashes import Calls
from tests.conftest import ROOT
from tests.e2e import routes
from tests.e2e.gateway import DURING, Gateway, serving_alone
from tests.e2e.refusals import SUCCESSES

from .costed_requests import SETTLED, provoking


@pytest.fixture(scope="module")
def gateway(programme: Programme) -> Iterator[Gateway]:
    with serving_alone(programme, exceptions_cached_s=3600) as gateway:
        times = {"opens_at": parse_iso("2026-11-13T05:00:00Z"), "closes_at": parse_iso("2026-11-16T17:00:00Z")}
        seats = {"quota": 1, "reserved": 0, "weights": {}, "chosen": 1}
        WaveItem("WAVES", f"{SETTLED:06d}", state=WaveState.SETTLED.value, **times, **seats).save()
        for name in (routes.COURSES, "GET /waves", routes.LIST_VACANCIES, routes.COMPLAIN, routes.ADDRESS):
            gateway.ok(SUCCESSES[name](gateway))
        yield gateway


SIGNED = "GetItem, PutItem"
"""Who signed the request, and that it is remembered; the key stays open for five minutes."""

PROVED = "BatchGetItem, UpdateItem"
"""The session of the request, and that its proof was used."""

COSTS: dict[str, str] = {
    routes.START: "GenerateMac, UpdateItem, PutItem, SendMessageBatch",
    routes.SIGN_IN_PROGRESS: "GetItem",
    routes.SEND_AGAIN: "2 GetItem, 2 UpdateItem, SendMessageBatch",
    routes.PUBLIC_KEYS: "",
    routes.OPEN: "2 GetItem, GenerateMac, GenerateDataKey, UpdateItem, 3 PutItem",
    # The second try of the contact on a day: that it might have failed is taken back.
    f"{routes.OPEN} known": "2 GetItem, Query, GenerateMac, 3 UpdateItem, PutItem, SendMessageBatch",
    f"{routes.OPEN} again": "2 GetItem, BatchGetItem, Query, GenerateMac, 3 UpdateItem, PutItem",
    f"{routes.OPEN} passkey": "2 Query, GetItem, UpdateItem, PutItem, SendMessageBatch",
    f"{routes.OPEN} somebody new": "GetItem, GenerateMac, GenerateDataKey, Query, 3 PutItem",
    f"{routes.OPEN} as before": "3 GetItem, GenerateMac, Query, PutItem, SendMessageBatch",
    routes.REFRESH: "BatchGetItem, UpdateItem",
    routes.DEVICES: "BatchGetItem, Query",
    routes.SIGN_OUT: "BatchGetItem, 2 UpdateItem",
    routes.SIGN_OUT_EVERYWHERE: "BatchGetItem, Query, 2 UpdateItem",
    routes.CONTACTS: "BatchGetItem, GetItem, Decrypt",
    routes.ADD_CONTACT: (
        f"{PROVED}, 3 GetItem, GenerateMac, Decrypt, UpdateItem, TransactWriteItems, SendMessageBatch"
    ),
    routes.REMOVE_CONTACT: f"{PROVED}, GetItem, Decrypt, TransactWriteItems, SendMessageBatch",
    routes.CHALLENGE: "",
    routes.PASSKEYS: "BatchGetItem, Query",
    routes.PASSKEY_OPTIONS: f"{PROVED}, Query",
    routes.ADD_PASSKEY: f"{PROVED}, Query, TransactWriteItems, SendMessageBatch",
    routes.REMOVE_PASSKEY: f"{PROVED}, Query, TransactWriteItems, SendMessageBatch",
    routes.MY_CHANGES: "BatchGetItem, Query",
    routes.CANCEL_CHANGE: f"{PROVED}, 2 GetItem, TransactWriteItems",
    routes.ME: "BatchGetItem, 3 GetItem, Query, 2 Decrypt",
    routes.REGISTER: "BatchGetItem, 4 GenerateMac, GenerateDataKey, TransactWriteItems",
    f"{routes.REGISTER} again": "BatchGetItem, Decrypt",
    routes.CORRECT: "GetItem, BatchGetItem, 2 Decrypt, TransactWriteItems",
    routes.ADDRESS: (
        f"{PROVED}, 2 GetItem, BatchGetItem, Decrypt, GenerateMac, TransactWriteItems, UpdateItem, SendMessageBatch"
    ),
    f"{routes.ADDRESS} another": (
        f"{PROVED}, 2 GetItem, 2 BatchGetItem, SendMessageBatch, Decrypt, GenerateMac, TransactWriteItems, UpdateItem"
    ),
    f"{routes.ADDRESS} again": f"{PROVED}, 2 GetItem, BatchGetItem, Decrypt",
    routes.ENTRIES: "2 GetItem, BatchGetItem",
    routes.PAYOUTS: "2 GetItem, BatchGetItem",
    f"{routes.PAYOUTS} sent": "GetItem, 2 BatchGetItem, Decrypt",
    "GET /waves": "",
    "GET /waves/current": "",
    routes.GET_WAVE: "",
    routes.VERIFY: "",
    routes.PROOF: "3 GetObject",
    f"{routes.PROOF} again": "",
    routes.JOIN: "GetItem, UpdateItem",
    routes.HINT: "",
    f"{routes.HINT} of a known form": "SendMessageBatch",
    routes.ON_SEARCH: "GetItem, Decrypt",
    f"{routes.ON_SEARCH} that is judged": "GetItem, Decrypt, TransactWriteItems",
    "GET /waves.ics": "GetItem",
    "GET /feed.atom": "Query",
    routes.CHANGES[0]: "GetItem",
    routes.CHANGES[1]: "UpdateItem, TransactWriteItems, GetItem, BatchGetItem",
    routes.CHANGES[2]: "2 UpdateItem, GetItem",
    routes.UNSUBSCRIBE[0]: "GetItem",
    routes.UNSUBSCRIBE[1]: "GetItem, UpdateItem",
    "GET /statistics": "GetItem",
    routes.GET_WAVE_STATISTICS: "GetItem",
    "GET /statistics.csv": "Query",
    "GET /statistics.csv again": "",
    routes.COURSES: "",
    f"{routes.COURSES} a minute later": "2 Query",
    routes.GET_COURSE: "",
    routes.BUY: "5 GetItem, Query, TransactWriteItems",
    f"{routes.BUY} again": "GetItem, Query",
    routes.CANCEL: "GetItem, Query, TransactWriteItems",
    f"{routes.CANCEL} again": "Query",
    routes.TRAININGS: "2 GetItem, Query, Decrypt",
    routes.VALIDATE: f"{SIGNED}, 5 GetItem, PutItem",
    routes.REDEEM: f"{SIGNED}, 5 GetItem, TransactWriteItems",
    f"{routes.REDEEM} again": f"{SIGNED}, 3 GetItem",
    routes.ATTEND: f"{SIGNED}, 2 GetItem, TransactWriteItems",
    f"{routes.ATTEND} again": f"{SIGNED}, 2 GetItem",
    routes.ATTEND_MONTH: f"{SIGNED}, 5 GetItem, Query, TransactWriteItems, SendMessageBatch",
    f"{routes.ATTEND_MONTH} again": f"{SIGNED}, 2 GetItem, Query",
    routes.COMPLETE: f"{SIGNED}, 3 GetItem, TransactWriteItems, UpdateItem, Decrypt, GenerateMac",
    f"{routes.COMPLETE} again": f"{SIGNED}, 3 GetItem, Decrypt",
    routes.REPORT_PRESENCE: (
        f"{SIGNED}, GenerateMac, Query, 2 GetItem, BatchGetItem, PutItem, TransactWriteItems, Decrypt"
    ),
    f"{routes.REPORT_PRESENCE} again": f"{SIGNED}, GenerateMac, Query, 2 GetItem, BatchGetItem, PutItem, Decrypt",
    routes.PROVE_PRESENCE: f"{PROVED}, 2 GetItem, GenerateMac, TransactWriteItems",
    f"{routes.PROVE_PRESENCE} again": f"{PROVED}, GetItem",
    routes.PRESENCE_CODE: f"{PROVED}, TransactWriteItems",
    routes.REVIEW: "4 GetItem, 2 Decrypt, TransactWriteItems, SendMessageBatch",
    f"{routes.REVIEW} again": "2 GetItem, Decrypt",
    f"{routes.COMPLAIN} registration": "2 GetItem, BatchGetItem, Decrypt, TransactWriteItems",
    f"{routes.COMPLAIN} selection": "4 GetItem, 2 BatchGetItem, Decrypt, HeadObject, GetObject, TransactWriteItems",
    f"{routes.COMPLAIN} disbursement": "3 GetItem, 2 BatchGetItem, Decrypt, TransactWriteItems",
    f"{routes.COMPLAIN} again": "2 GetItem, BatchGetItem, Decrypt",
    routes.SURVEYS: "Query",
    f"{routes.RESPOND} paid": "Query, GetItem, TransactWriteItems, SendMessageBatch",
    f"{routes.RESPOND} comparison": "Query, TransactWriteItems",
    f"{routes.RESPOND} again": "Query",
    routes.NOTICES: "2 Query",
    routes.LANGUAGE: "UpdateItem",
    routes.MY_DATA: "7 BatchGetItem, 5 GetItem, 14 Query, GenerateMac, 3 Decrypt",
    f"{routes.MY_DATA} newcomer": "4 BatchGetItem, 3 GetItem, 11 Query, Decrypt",
    routes.DELETE_ME: f"{PROVED}, BatchGetItem, 2 GetItem, 3 Query, TransactWriteItems, SendMessageBatch",
    f"{routes.DELETE_ME} again": f"{PROVED}, BatchGetItem, 2 GetItem, 3 Query",
    routes.CONSENTS: "BatchGetItem, GetItem, Query",
    routes.WITHDRAW_CONSENT: f"{PROVED}, 2 GetItem, TransactWriteItems, SendMessageBatch",
    routes.READERS: "2 BatchGetItem, 9 Query, GetItem",
    routes.RESTRICTION: "BatchGetItem, GetItem",
    routes.RESTRICT: f"{PROVED}, GetItem, TransactWriteItems, Query, UpdateItem",
    f"{routes.WITHDRAW_CONSENT} again": f"{PROVED}, 2 GetItem",
    routes.REMINDERS: "Query, UpdateItem",
    routes.COMPLAINTS: "Query, BatchGetItem, Decrypt",
    routes.POST_VACANCY: f"{SIGNED}, GetItem, TransactWriteItems",
    f"{routes.POST_VACANCY} again": f"{SIGNED}, GetItem",
    routes.CHANGE_VACANCY: f"{SIGNED}, GetItem, TransactWriteItems",
    routes.CLOSE_VACANCY: f"{SIGNED}, GetItem, TransactWriteItems",
    routes.LIST_VACANCIES: f"{SIGNED}, Query, BatchGetItem",
    routes.VACANCIES: "",
    f"{routes.VACANCIES} a minute later": "Query, BatchGetItem",
    # Of one applicant; each more is two gets, a query and two KMS calls more.
    routes.APPLICANTS: f"{SIGNED}, 3 GetItem, 2 Query, 2 Decrypt, PutItem",
    # The course of the alumnus teaches two skills: a query for each, besides that for the skills.
    routes.MATCHES: "2 GetItem, 3 Query, BatchGetItem",
    routes.APPLY: "3 GetItem, TransactWriteItems",
    f"{routes.APPLY} again": "2 GetItem",
    routes.APPLICATIONS: "Query, BatchGetItem",
    routes.WITHDRAW: "2 GetItem, TransactWriteItems",
    f"{routes.WITHDRAW} again": "2 GetItem",
    "GET /references/{list_name}": "",
    "GET /": "",
    "GET /dashboard": "",
    "GET /assets/{build}/{folder}/{module}": "",
    "GET /sw.js": "",
    "GET /openapi.json": "",
    "GET /health": "GetItem",
    "GET /status.json": "2 GetItem",
    "GET /draws": "",
    "GET /status": "",
    "GET /docs": "",
}
"""By route and case: the operations of AWS, as often as the number before them says."""


def counted(calls: str) -> Counter[str]:
    """The calls that a row of the table names."""
    found: Counter[str] = Counter()
    for each in filter(None, calls.split(", ")):
        number, _, operation = each.rpartition(" ")
        found[operation] += int(number or 1)
    return found


@pytest.mark.parametrize("name", COSTS)
def test_a_request_makes_exactly_these_calls(gateway: Gateway, name: str) -> None:
    gateway.now = DURING  # what a function keeps for some minutes is there
    call = provoking(name)(gateway)
    gateway.token(call.person or "anybody")  # whose session is there; and a process keeps the keys of tokens
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        gateway.ok(call)
        made = Counter(operation for _, operation in calls.made)
    assert made == counted(COSTS[name])


@cache
def rows() -> dict[str, list[tuple[str, str]]]:
    """By route, the rows of the table that are about it: what case it is and its calls."""
    found: dict[str, list[tuple[str, str]]] = {}
    route = ""
    for line in (ROOT / "docs/costs.md").read_text().splitlines():
        if not line.startswith(("| `", "| …")):
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == 5, line
        route = cells[0].strip("`") if cells[0].startswith("`") else route
        found.setdefault(route, []).append((cells[0], cells[1]))
    return found


def test_every_row_of_the_table_is_counted() -> None:
    cases: dict[str, set[str]] = {}
    for name in COSTS:
        method, path, *case = name.split(" ")
        cases.setdefault(f"{method} {path}", set()).add(" ".join(case))
    assert rows().keys() == cases.keys()
    for route, mine in cases.items():
        _, *others = rows()[route]
        assert [label for label, _ in others if not any(case and case in label for case in mine)] == []


def test_the_table_has_every_route_once() -> None:
    text = (ROOT / "docs/costs.md").read_text()
    routes = {f"{one.method} {one.path}" for one in application.app.operations}
    assert rows().keys() == routes
    assert [route for route in rows() if text.count(f"| `{route}` |") != 1] == []


SERVICES = {
    **dict.fromkeys(("GenerateMac", "GenerateDataKey", "Decrypt"), "KMS"),
    **dict.fromkeys(("GetObject", "HeadObject"), "S3"),
    "SendMessageBatch": "SQS",
    "GetItem": "get",
    "BatchGetItem": "batch get",
    "Query": "query",
    "PutItem": "put",
    "UpdateItem": "update",
    "TransactWriteItems": "transaction",
}
"""What the table calls an operation."""

STATED = re.compile(rf"(\d+) ({'|'.join(sorted({*SERVICES.values()}, key=len, reverse=True))}|queries)s?\b")


def stated_by_service(cell: str, of_the_route: str) -> Counter[str]:
    """What a cell says of each service; one with "also" says what comes to that of the route's first row."""
    plain, _, _ = cell.partition(";")
    found = stated_by_service(of_the_route, "") if "also" in plain else Counter[str]()
    for number, word in STATED.findall(plain):
        found["query" if word == "queries" else word] += int(number)
    return found


@pytest.mark.parametrize("name", COSTS)
def test_the_table_has_the_calls_that_are_counted_by_service(name: str) -> None:
    route, case = " ".join(name.split(" ")[:2]), " ".join(name.split(" ")[2:])
    (_, calls), *cases = rows()[route]
    stated = next((stated for label, stated in cases if case and case in label), calls)
    made = counted(COSTS[name])
    assert stated.split(" ")[0].rstrip(":;") == str(made.total())
    by_service: Counter[str] = Counter()
    for operation, number in made.items():
        by_service[SERVICES[operation]] += number
    assert stated_by_service(stated, calls) == by_service
