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
from chalicelib.draw import published
from chalicelib.draw.selection import DrawResult
from chalicelib.outcomes import survey_rules
from chalicelib.outcomes.store import SurveyStore
from chalicelib.payouts.rules import reference
from chalicelib.training.courses import KEPT
from chalicelib.waves.entries import EntryItem, EntryStore
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import Entry, EntryOutcome, WaveState, shard_of
from chalicelib.waves.store import WaveItem
from tests.builders.crashes import Calls
from tests.builders.draws.files import build_list
from tests.builders.surveys import ANSWERS
from tests.conftest import ROOT
from tests.e2e import routes
from tests.e2e.gateway import AN_HOUR, DURING, Call, Gateway, Provoke, serving_alone
from tests.e2e.refusals import SUCCESSES
from tests.e2e.refusals.citizens import FROZEN, complaining
from tests.e2e.refusals.passkeys import exchanging, using
from tests.e2e.refusals.signing_in import entering, starting

SETTLED = 144
"""A wave before the open one."""


@pytest.fixture(scope="module")
def gateway(programme: Programme) -> Iterator[Gateway]:
    with serving_alone(programme, exceptions_cached_s=3600) as gateway:
        times = {"opens_at": parse_iso("2026-11-13T05:00:00Z"), "closes_at": parse_iso("2026-11-16T17:00:00Z")}
        seats = {"quota": 1, "reserved": 0, "weights": {}, "chosen": 1}
        WaveItem("WAVES", f"{SETTLED:06d}", state=WaveState.SETTLED.value, **times, **seats).save()
        for name in (routes.COURSES, "GET /waves", routes.LIST_VACANCIES, routes.COMPLAIN, routes.ADDRESS):
            gateway.ok(SUCCESSES[name](gateway))
        yield gateway


def appeal(gateway: Gateway) -> Call:
    """Somebody was chosen in a wave that is settled, and appeals all the same."""
    person, ticket = gateway.registered(), b"t" * 32
    services = gateway.services
    EntryStore().join(Entry(SETTLED, person, 31, ticket, gateway.now, "00" * 32))
    EntryItem(f"E#{SETTLED}#{shard_of(person)}", person).update([EntryItem.outcome.set(EntryOutcome.CHOSEN.value)])
    services._wave_store.put_draw(SETTLED, DrawResult(b"s" * 32, {}, b"\xff" * 32))
    leaves = {published.leaves_name(31): build_list(SETTLED, 31, [ticket])}
    Publication(services._client("s3"), services.settings.results_bucket).put(SETTLED, leaves)
    return complaining({"kind": "selection", "wave": SETTLED}, lambda _: person)(gateway)


def change_address(gateway: Gateway) -> Call:
    """Somebody chosen has told where to be paid before, and now tells another account."""
    first = gateway.sent(Call(routes.ADDRESS, gateway.address(), person=gateway.chosen().registrant_id))
    return first.but(body=gateway.address())


def complain_of_money(gateway: Gateway) -> Call:
    """A graduate asks after the incentive."""
    person = gateway.graduated().person
    [payout] = gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"]
    return complaining({"kind": "disbursement", "payout_id": payout["payout_id"]}, lambda _: person)(gateway)


def answer_as_one_compared(gateway: Gateway) -> Call:
    """One of those who were not chosen answers."""
    person, services = gateway.registered(), gateway.services
    survey = survey_rules.of_comparison(
        person, wave=SETTLED, region=31, rules=services.programme.surveys, now=gateway.now
    )
    assert services.surveys
    SurveyStore(services.transaction).open(survey)
    [shown] = gateway.ok(Call(routes.SURVEYS, person=person))["surveys"]
    asked = {question["id"] for question in shown["questions"]}
    answers = {name: answer for name, answer in ANSWERS.items() if name in asked}
    return Call(routes.RESPOND, {"answers": answers}, person=person).at(survey.id)


def hint_at_a_payout(gateway: Gateway) -> Call:
    """The provider names a payout that there is."""
    person = gateway.graduated().person
    [payout] = gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"]
    call = SUCCESSES[routes.HINT](gateway)
    return call.but(body={"reference_id": reference(payout["payout_id"], 1)})


def start_after_another(gateway: Gateway) -> Call:
    """Somebody else has begun in this hour: what a process keeps is there."""
    gateway.ok(starting())
    return starting()


def entering_again(gateway: Gateway) -> Call:
    """Somebody signs in who has an account, on another device."""
    contact = "known@example.org"
    gateway.ok(entering(gateway, contact))
    return entering(gateway, contact)


def exchanging_once_more(gateway: Gateway) -> Call:
    """Another issuer has named somebody before."""
    gateway.ok(exchanging(gateway))
    return exchanging(gateway)


def prove_first(gateway: Gateway) -> Call:
    """Nobody has asked for this proof before; what is kept of the waves is there."""
    call = SUCCESSES[routes.PROOF](gateway)
    gateway.now += AN_HOUR
    gateway.ok(Call(routes.GET_WAVE).at(FROZEN))
    return call


def _posted_twice(gateway: Gateway) -> tuple[str, str]:
    """A partner of its own, with two vacancies."""
    partner = gateway.new_partner()
    for _ in range(2):
        gateway.ok(Call(routes.POST_VACANCY, gateway.posting(), partner=partner))
    return partner


def again(provoke: Provoke) -> Provoke:
    """The same has been sent before."""

    return lambda gateway: gateway.sent(provoke(gateway))


def a_minute_later(provoke: Provoke) -> Provoke:
    """What a function keeps of the catalogue is no longer good."""

    def provoked(gateway: Gateway) -> Call:
        gateway.now += KEPT
        return provoke(gateway)

    return provoked


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
    routes.REGISTER: "BatchGetItem, 3 GenerateMac, GenerateDataKey, TransactWriteItems",
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
    routes.PAYOUTS: "GetItem, BatchGetItem",
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
    "GET /waves.ics": "GetItem",
    "GET /feed.atom": "Query",
    routes.CHANGES[0]: "GetItem",
    routes.CHANGES[1]: "UpdateItem, TransactWriteItems, GetItem, BatchGetItem",
    routes.CHANGES[2]: "2 UpdateItem",
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
    routes.VALIDATE: f"{SIGNED}, 5 GetItem",
    routes.REDEEM: f"{SIGNED}, 5 GetItem, TransactWriteItems",
    f"{routes.REDEEM} again": f"{SIGNED}, 3 GetItem",
    routes.ATTEND: f"{SIGNED}, 2 GetItem, TransactWriteItems",
    f"{routes.ATTEND} again": f"{SIGNED}, 2 GetItem",
    routes.ATTEND_MONTH: f"{SIGNED}, 5 GetItem, Query, TransactWriteItems, SendMessageBatch",
    f"{routes.ATTEND_MONTH} again": f"{SIGNED}, 2 GetItem, Query",
    routes.COMPLETE: f"{SIGNED}, 3 GetItem, TransactWriteItems, UpdateItem, Decrypt, GenerateMac",
    f"{routes.COMPLETE} again": f"{SIGNED}, 3 GetItem, Decrypt",
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
    routes.CONSENTS: "BatchGetItem, GetItem, Query",
    routes.WITHDRAW_CONSENT: f"{PROVED}, 2 GetItem, TransactWriteItems, SendMessageBatch",
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
    routes.APPLICANTS: f"{SIGNED}, 3 GetItem, 2 Query, 2 Decrypt",
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
    "GET /status.json": "GetItem",
    "GET /draws": "",
    "GET /status": "",
    "GET /docs": "",
}
"""By route and case: the operations of AWS, as often as the number before them says."""

KEPT_IN_MEMORY = {
    routes.PUBLIC_KEYS,
    routes.ENTRIES,
    routes.MY_DATA,
    f"{routes.MY_DATA} newcomer",
    "GET /waves",
    "GET /waves/current",
    routes.GET_WAVE,
    routes.VERIFY,
    routes.HINT,
    "GET /waves.ics",
    routes.COURSES,
    routes.GET_COURSE,
}
"""Of these it is counted what a request makes when the same has been sent before."""

CASES: dict[str, Provoke] = {
    routes.START: start_after_another,
    f"{routes.OPEN} known": entering_again,
    f"{routes.OPEN} again": again(entering),
    f"{routes.ADDRESS} another": change_address,
    f"{routes.OPEN} passkey": using,
    f"{routes.OPEN} somebody new": lambda gateway: exchanging(gateway, "somebody new"),
    f"{routes.OPEN} as before": exchanging_once_more,
    routes.PROOF: prove_first,
    f"{routes.PROOF} again": again(prove_first),
    f"{routes.HINT} of a known form": hint_at_a_payout,
    f"{routes.COURSES} a minute later": a_minute_later(SUCCESSES[routes.COURSES]),
    routes.VACANCIES: again(SUCCESSES[routes.VACANCIES]),
    f"{routes.VACANCIES} a minute later": a_minute_later(SUCCESSES[routes.VACANCIES]),
    f"{routes.COMPLAIN} selection": appeal,
    f"{routes.COMPLAIN} disbursement": complain_of_money,
    f"{routes.RESPOND} comparison": answer_as_one_compared,
    f"{routes.MY_DATA} newcomer": lambda gateway: Call(routes.MY_DATA, person=gateway.stranger()),
    f"{routes.PAYOUTS} sent": lambda gateway: Call(routes.PAYOUTS, person=gateway.being_paid()[0]),
    routes.LIST_VACANCIES: lambda gateway: Call(routes.LIST_VACANCIES, partner=_posted_twice(gateway)),
}
"""The requests of a case, where they are not those that the refusals have."""


def provoking(name: str) -> Provoke:
    method, path, *case = name.split(" ")
    succeed = CASES.get(name) or SUCCESSES[f"{method} {path}"]
    return again(succeed) if name in KEPT_IN_MEMORY or (case == ["again"] and name not in CASES) else succeed


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
