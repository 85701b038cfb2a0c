"""What a request may cost: its calls to AWS, one after the other, as `docs/costs.md` has them with their units.

A row is a route (or a route and a case), a request that succeeds, and its calls. Somebody else sends the same before it
is counted, so that what a function keeps in memory is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest

import app as application
from chalicelib.config import Programme
from chalicelib.draw import published
from chalicelib.draw.leaves import build_list
from chalicelib.draw.selection import DrawResult
from chalicelib.outcomes import survey_rules
from chalicelib.outcomes.survey_store import SurveyStore
from chalicelib.payouts.rules import reference
from chalicelib.training.catalogue_service import KEPT
from chalicelib.waves.entries import EntryItem, EntryStore, LeanReader
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import Entry, EntryOutcome, WaveState, shard_of
from chalicelib.waves.store import WaveItem, WavesTable
from tests.builders.crashes import Calls
from tests.conftest import ROOT
from tests.conftest import cloud as cloud_of_one_test
from tests.e2e.gateway import (
    ADDRESS,
    AN_HOUR,
    ANSWERS,
    ATTEND,
    BUY,
    CANCEL,
    COMPLETE,
    CONFIRM,
    DURING,
    HINT,
    JOIN,
    POST_VACANCY,
    REDEEM,
    REFRESH,
    REGISTER,
    RESEND,
    RESPOND,
    REVIEW,
    SIGN_IN,
    SIGN_UP,
    VALIDATE,
    Call,
    Gateway,
    Provoke,
    provider,
)
from tests.e2e.refusals import SUCCESSES, jobs
from tests.e2e.refusals.helpdesk import COMPLAIN, COMPLAINTS, complaining
from tests.e2e.refusals.notices import CHANGES
from tests.e2e.refusals.outcomes import GET_WAVE_STATISTICS, SURVEYS
from tests.e2e.refusals.training import GET_COURSE
from tests.e2e.refusals.waves import ENTRIES, FROZEN, GET_WAVE, PROOF, VERIFY

SETTLED = 144
"""A wave before the open one."""


@pytest.fixture(scope="module")
def gateway(programme: Programme) -> Iterator[Gateway]:
    calendar = msgspec.structs.replace(programme.calendar, exceptions_cached_s=3600)
    figures = msgspec.structs.replace(programme, calendar=calendar)
    with (
        pytest.MonkeyPatch.context() as patch,
        contextmanager(cloud_of_one_test.__wrapped__)(None) as cloud,
        provider(cloud) as settings,
    ):
        gateway = Gateway(settings, figures)
        times = {"opens_at": "2026-11-13T05:00:00Z", "closes_at": "2026-11-16T17:00:00Z"}
        seats = {"quota": 1, "reserved": 0, "weights": "{}", "chosen": 1}
        WaveItem("WAVES", f"{SETTLED:06d}", state=WaveState.SETTLED.value, **times, **seats).save()
        patch.setattr(application, "services", lambda: gateway.services)
        patch.setattr(application.app, "clock", gateway.clock)
        gateway.now = DURING
        for name in ("GET /courses", "GET /waves", jobs.LIST_VACANCIES, COMPLAIN, ADDRESS):
            gateway.ok(SUCCESSES[name](gateway))
        yield gateway


def appeal(gateway: Gateway) -> Call:
    """Somebody was chosen in a wave that is settled, and appeals all the same."""
    person, ticket = gateway.registered(), b"t" * 32
    services = gateway.services
    EntryStore(LeanReader(WavesTable)).join(Entry(SETTLED, person, 31, ticket, gateway.now, "00" * 32))
    EntryItem(f"E#{SETTLED}#{shard_of(person)}", person).update([EntryItem.outcome.set(EntryOutcome.CHOSEN.value)])
    services._wave_store.put_draw(SETTLED, DrawResult(b"s" * 32, {}, b"\xff" * 32))
    leaves = {published.leaves_name(31): build_list(SETTLED, 31, [ticket])}
    Publication(services._client("s3"), services.settings.results_bucket).put(SETTLED, leaves)
    return complaining({"kind": "selection", "wave": SETTLED}, lambda _: person)(gateway)


def change_address(gateway: Gateway) -> Call:
    """Somebody chosen has told where to be paid before, and now tells another account."""
    person = gateway.chosen().registrant_id
    gateway.ok(Call(ADDRESS, gateway.address(), person=person))
    return Call(ADDRESS, gateway.address(), person=person)


def complain_of_money(gateway: Gateway) -> Call:
    """A graduate asks after the incentive."""
    person = gateway.graduated().person
    [payout] = gateway.ok(Call("GET /me/payouts", person=person))["payouts"]
    return complaining({"kind": "disbursement", "payout_id": payout["payout_id"]}, lambda _: person)(gateway)


def answer_as_one_compared(gateway: Gateway) -> Call:
    """One of those who were not chosen answers."""
    person, services = gateway.registered(), gateway.services
    survey = survey_rules.of_comparison(
        person, wave=SETTLED, region=31, rules=services.programme.surveys, now=gateway.now
    )
    assert services.surveys
    SurveyStore(services.transaction).open(survey)
    [shown] = gateway.ok(Call(SURVEYS, person=person))["surveys"]
    asked = {question["id"] for question in shown["questions"]}
    answers = {name: answer for name, answer in ANSWERS.items() if name in asked}
    return Call(RESPOND, {"answers": answers}, f"/me/surveys/{survey.id}/response", person=person)


def hint_at_a_payout(gateway: Gateway) -> Call:
    """The provider names a payout that there is."""
    person = gateway.graduated().person
    [payout] = gateway.ok(Call("GET /me/payouts", person=person))["payouts"]
    call = SUCCESSES[HINT](gateway)
    return replace(call, body={"reference_id": reference(payout["payout_id"], 1)})


def prove_first(gateway: Gateway) -> Call:
    """Nobody has asked for this proof before; what is kept of the waves is there."""
    call = SUCCESSES[PROOF](gateway)
    gateway.now += AN_HOUR
    gateway.ok(Call(GET_WAVE, path=f"/waves/{FROZEN}"))
    return call


def _posted_twice(gateway: Gateway) -> tuple[str, str]:
    """A partner of its own, with two vacancies."""
    partner = gateway.new_partner()
    for _ in range(2):
        gateway.ok(Call(POST_VACANCY, gateway.posting(), partner=partner))
    return partner


def again(provoke: Provoke) -> Provoke:
    """The same has been sent before."""

    def provoked(gateway: Gateway) -> Call:
        call = provoke(gateway)
        gateway.ok(call)
        return call

    return provoked


def a_minute_later(provoke: Provoke) -> Provoke:
    """What a function keeps of the catalogue is no longer good."""

    def provoked(gateway: Gateway) -> Call:
        gateway.now += KEPT
        return provoke(gateway)

    return provoked


Row = tuple[Provoke, dict[str, int]]
SIGNED = Counter({"dynamodb GetItem": 1, "dynamodb PutItem": 1})
"""Who signed the request, and that it is remembered; the key stays open for five minutes."""

COSTS: dict[str, Row] = {
    SIGN_UP: (SUCCESSES[SIGN_UP], {"cognito-idp SignUp": 1}),
    CONFIRM: (SUCCESSES[CONFIRM], {"cognito-idp ConfirmSignUp": 1}),
    SIGN_IN: (SUCCESSES[SIGN_IN], {"cognito-idp InitiateAuth": 1}),
    REFRESH: (SUCCESSES[REFRESH], {"cognito-idp InitiateAuth": 1}),
    "GET /me": (SUCCESSES["GET /me"], {"dynamodb GetItem": 4, "dynamodb Query": 1, "kms Decrypt": 1}),
    REGISTER: (
        SUCCESSES[REGISTER],
        {"dynamodb BatchGetItem": 1, "kms GenerateMac": 3, "kms GenerateDataKey": 1, "dynamodb TransactWriteItems": 1},
    ),
    f"{REGISTER} again": (again(SUCCESSES[REGISTER]), {"dynamodb BatchGetItem": 1, "kms Decrypt": 1}),
    ADDRESS: (
        SUCCESSES[ADDRESS],
        {
            "dynamodb GetItem": 2,
            "dynamodb BatchGetItem": 1,
            "kms Decrypt": 1,
            "kms GenerateMac": 1,
            "dynamodb TransactWriteItems": 1,
            "dynamodb UpdateItem": 1,
            "sqs SendMessageBatch": 1,
        },
    ),
    f"{ADDRESS} another": (
        change_address,
        {
            "dynamodb GetItem": 2,
            "dynamodb BatchGetItem": 2,
            "sqs SendMessageBatch": 1,
            "kms Decrypt": 1,
            "kms GenerateMac": 1,
            "dynamodb TransactWriteItems": 1,
            "dynamodb UpdateItem": 1,
        },
    ),
    f"{ADDRESS} again": (
        again(SUCCESSES[ADDRESS]),
        {"dynamodb GetItem": 2, "dynamodb BatchGetItem": 1, "kms Decrypt": 1},
    ),
    ENTRIES: (again(SUCCESSES[ENTRIES]), {"dynamodb GetItem": 2, "dynamodb BatchGetItem": 1}),
    "GET /me/payouts": (SUCCESSES["GET /me/payouts"], {"dynamodb GetItem": 1, "dynamodb BatchGetItem": 1}),
    "GET /waves": (again(SUCCESSES["GET /waves"]), {}),
    "GET /waves/current": (again(SUCCESSES["GET /waves/current"]), {}),
    GET_WAVE: (again(SUCCESSES[GET_WAVE]), {}),
    VERIFY: (again(SUCCESSES[VERIFY]), {}),
    PROOF: (prove_first, {"s3 GetObject": 3}),
    f"{PROOF} again": (again(prove_first), {}),
    JOIN: (SUCCESSES[JOIN], {"dynamodb GetItem": 1, "dynamodb UpdateItem": 1}),
    HINT: (again(SUCCESSES[HINT]), {}),
    f"{HINT} of a known form": (hint_at_a_payout, {"sqs SendMessageBatch": 1}),
    "GET /waves.ics": (again(SUCCESSES["GET /waves.ics"]), {"dynamodb GetItem": 1}),
    "GET /feed.atom": (SUCCESSES["GET /feed.atom"], {"dynamodb Query": 1}),
    CHANGES[0]: (SUCCESSES[CHANGES[0]], {"dynamodb GetItem": 1}),
    CHANGES[1]: (
        SUCCESSES[CHANGES[1]],
        {"dynamodb UpdateItem": 1, "dynamodb TransactWriteItems": 1, "dynamodb GetItem": 1, "dynamodb BatchGetItem": 1},
    ),
    CHANGES[2]: (SUCCESSES[CHANGES[2]], {"dynamodb UpdateItem": 2}),
    "GET /unsubscriptions/{token}": (SUCCESSES["GET /unsubscriptions/{token}"], {"dynamodb GetItem": 1}),
    "POST /unsubscriptions/{token}": (
        SUCCESSES["POST /unsubscriptions/{token}"],
        {"dynamodb GetItem": 1, "dynamodb UpdateItem": 1},
    ),
    "GET /statistics": (SUCCESSES["GET /statistics"], {"dynamodb GetItem": 1}),
    GET_WAVE_STATISTICS: (SUCCESSES[GET_WAVE_STATISTICS], {"dynamodb GetItem": 1}),
    "GET /statistics.csv": (SUCCESSES["GET /statistics.csv"], {"dynamodb Query": 1}),
    "GET /statistics.csv again": (again(SUCCESSES["GET /statistics.csv"]), {}),
    "GET /courses": (again(SUCCESSES["GET /courses"]), {}),
    "GET /courses a minute later": (a_minute_later(SUCCESSES["GET /courses"]), {"dynamodb Query": 2}),
    GET_COURSE: (again(SUCCESSES[GET_COURSE]), {}),
    BUY: (
        SUCCESSES[BUY],
        {"dynamodb GetItem": 5, "dynamodb Query": 1, "dynamodb TransactWriteItems": 1},
    ),
    f"{BUY} again": (again(SUCCESSES[BUY]), {"dynamodb GetItem": 1, "dynamodb Query": 1}),
    CANCEL: (
        SUCCESSES[CANCEL],
        {"dynamodb GetItem": 1, "dynamodb Query": 1, "dynamodb TransactWriteItems": 1},
    ),
    f"{CANCEL} again": (again(SUCCESSES[CANCEL]), {"dynamodb Query": 1}),
    "GET /me/trainings": (
        SUCCESSES["GET /me/trainings"],
        {"dynamodb GetItem": 2, "dynamodb Query": 1, "kms Decrypt": 1},
    ),
    VALIDATE: (SUCCESSES[VALIDATE], SIGNED + Counter({"dynamodb GetItem": 5})),
    REDEEM: (SUCCESSES[REDEEM], SIGNED + Counter({"dynamodb GetItem": 5, "dynamodb TransactWriteItems": 1})),
    f"{REDEEM} again": (again(SUCCESSES[REDEEM]), SIGNED + Counter({"dynamodb GetItem": 3})),
    ATTEND: (SUCCESSES[ATTEND], SIGNED + Counter({"dynamodb GetItem": 2, "dynamodb TransactWriteItems": 1})),
    f"{ATTEND} again": (again(SUCCESSES[ATTEND]), SIGNED + Counter({"dynamodb GetItem": 2})),
    COMPLETE: (
        SUCCESSES[COMPLETE],
        SIGNED
        + Counter({"dynamodb GetItem": 3, "dynamodb TransactWriteItems": 1, "dynamodb UpdateItem": 1})
        + Counter({"kms Decrypt": 1, "kms GenerateMac": 1}),
    ),
    f"{COMPLETE} again": (
        again(SUCCESSES[COMPLETE]),
        SIGNED + Counter({"dynamodb GetItem": 3, "kms Decrypt": 1}),
    ),
    REVIEW: (
        SUCCESSES[REVIEW],
        {"dynamodb GetItem": 4, "kms Decrypt": 2, "dynamodb TransactWriteItems": 1, "sqs SendMessageBatch": 1},
    ),
    f"{REVIEW} again": (again(SUCCESSES[REVIEW]), {"dynamodb GetItem": 2, "kms Decrypt": 1}),
    f"{COMPLAIN} registration": (
        SUCCESSES[COMPLAIN],
        {"dynamodb GetItem": 2, "dynamodb BatchGetItem": 1, "kms Decrypt": 1, "dynamodb TransactWriteItems": 1},
    ),
    f"{COMPLAIN} selection": (
        appeal,
        {
            "dynamodb GetItem": 4,
            "dynamodb BatchGetItem": 2,
            "kms Decrypt": 1,
            "s3 HeadObject": 1,
            "s3 GetObject": 1,
            "dynamodb TransactWriteItems": 1,
        },
    ),
    f"{COMPLAIN} disbursement": (
        complain_of_money,
        {"dynamodb GetItem": 3, "dynamodb BatchGetItem": 2, "kms Decrypt": 1, "dynamodb TransactWriteItems": 1},
    ),
    f"{COMPLAIN} again": (
        again(SUCCESSES[COMPLAIN]),
        {"dynamodb GetItem": 2, "dynamodb BatchGetItem": 1, "kms Decrypt": 1},
    ),
    SURVEYS: (SUCCESSES[SURVEYS], {"dynamodb Query": 1}),
    f"{RESPOND} paid": (
        SUCCESSES[RESPOND],
        {
            "dynamodb Query": 1,
            "dynamodb GetItem": 1,
            "dynamodb TransactWriteItems": 1,
            "sqs SendMessageBatch": 1,
        },
    ),
    f"{RESPOND} comparison": (answer_as_one_compared, {"dynamodb Query": 1, "dynamodb TransactWriteItems": 1}),
    f"{RESPOND} again": (again(SUCCESSES[RESPOND]), {"dynamodb Query": 1}),
    COMPLAINTS: (SUCCESSES[COMPLAINTS], {"dynamodb Query": 1, "dynamodb BatchGetItem": 1, "kms Decrypt": 1}),
    POST_VACANCY: (
        SUCCESSES[POST_VACANCY],
        SIGNED + Counter({"dynamodb GetItem": 1, "dynamodb TransactWriteItems": 1}),
    ),
    f"{POST_VACANCY} again": (again(SUCCESSES[POST_VACANCY]), SIGNED + Counter({"dynamodb GetItem": 1})),
    jobs.CHANGE_VACANCY: (
        SUCCESSES[jobs.CHANGE_VACANCY],
        SIGNED + Counter({"dynamodb GetItem": 1, "dynamodb TransactWriteItems": 1}),
    ),
    jobs.CLOSE_VACANCY: (
        SUCCESSES[jobs.CLOSE_VACANCY],
        SIGNED + Counter({"dynamodb GetItem": 1, "dynamodb TransactWriteItems": 1}),
    ),
    jobs.LIST_VACANCIES: (
        lambda gateway: Call(jobs.LIST_VACANCIES, partner=_posted_twice(gateway)),
        SIGNED + Counter({"dynamodb Query": 1, "dynamodb BatchGetItem": 1}),
    ),
    jobs.APPLICANTS: (
        SUCCESSES[jobs.APPLICANTS],
        # Of one applicant; each more is two gets, a query and two KMS calls more.
        SIGNED + Counter({"dynamodb GetItem": 3, "dynamodb Query": 2, "kms Decrypt": 2}),
    ),
    jobs.MATCHES: (
        SUCCESSES[jobs.MATCHES],
        # The course of the alumnus teaches two skills; each more is a query more.
        {"dynamodb GetItem": 2, "dynamodb Query": 1 + 2, "dynamodb BatchGetItem": 1},
    ),
    jobs.APPLY: (
        SUCCESSES[jobs.APPLY],
        {"dynamodb GetItem": 3, "dynamodb TransactWriteItems": 1},
    ),
    f"{jobs.APPLY} again": (again(SUCCESSES[jobs.APPLY]), {"dynamodb GetItem": 2}),
    jobs.APPLICATIONS: (SUCCESSES[jobs.APPLICATIONS], {"dynamodb Query": 1, "dynamodb BatchGetItem": 1}),
    jobs.WITHDRAW: (SUCCESSES[jobs.WITHDRAW], {"dynamodb GetItem": 2, "dynamodb TransactWriteItems": 1}),
    f"{jobs.WITHDRAW} again": (again(SUCCESSES[jobs.WITHDRAW]), {"dynamodb GetItem": 2}),
}


FREE = {"GET /openapi.json", "GET /health"}
"""These call nothing."""


@pytest.mark.parametrize("name", COSTS)
def test_a_request_makes_these_calls_and_no_other(gateway: Gateway, name: str) -> None:
    provoke, expected = COSTS[name]
    gateway.now = DURING  # what a function keeps for some minutes is there
    call = provoke(gateway)
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        gateway.ok(call)
        made = Counter(f"{service} {operation}" for service, operation in calls.made)
    assert made == expected


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
    counted: dict[str, set[str]] = {}
    for name in COSTS:
        method, path, *case = name.split(" ")
        counted.setdefault(f"{method} {path}", set()).add(" ".join(case))
    assert rows().keys() - counted.keys() == {RESEND}, "moto has no such call"
    for route in counted:
        _, *cases = rows()[route]
        assert [label for label, _ in cases if not any(case and case in label for case in counted[route])] == []


def test_the_table_has_every_route_once() -> None:
    text = (ROOT / "docs/costs.md").read_text()
    routes = {f"{one.method} {one.path}" for one in application.app.operations}
    assert rows().keys() == routes - FREE
    assert [route for route in rows() if text.count(f"| `{route}` |") != 1] == []


@pytest.mark.parametrize("name", COSTS)
def test_the_table_has_the_number_of_calls_that_is_counted(name: str) -> None:
    route, case = " ".join(name.split(" ")[:2]), " ".join(name.split(" ")[2:])
    (_, calls), *cases = rows()[route]
    stated = next((stated for label, stated in cases if case and case in label), calls)
    assert stated.split(" ")[0].rstrip(":;") == str(sum(COSTS[name][1].values()))
