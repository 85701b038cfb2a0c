"""The reader of entries, by the lean way to DynamoDB and by the ordinary one: the same rows, the same repetitions."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ChecksumError, ReadTimeoutError
from pynamodb.exceptions import QueryError

from chalicelib.aws import dynamodb, json_protocol
from chalicelib.aws.clients import is_passing
from chalicelib.config import Settings
from chalicelib.waves.entries import EntryStore, Row, Tickets
from chalicelib.waves.rules import Entry, EntryOutcome
from chalicelib.waves.store import WavesTable
from tests.builders.waves import WAVE, WavesWorld
from tests.conftest import T0

READINGS = ["pages", "tickets"]
ERROR = "com.amazonaws.dynamodb.v20120810#"
OTHER = 146


def item(who: str, region: int, outcome: str | None = None) -> dict[str, Any]:
    """An entry as DynamoDB has it."""
    plain = {"sk": {"S": who}, "region": {"N": str(region)}, "ticket": {"B": base64.b64encode(who.encode()).decode()}}
    return plain | ({"outcome": {"S": outcome}} if outcome else {})


def page(*items: dict[str, Any], last: str | None = None) -> dict[str, Any]:
    key = {"LastEvaluatedKey": {"pk": {"S": f"E#{WAVE}#07"}, "sk": {"S": last}}} if last else {}
    return {"Items": list(items), "Count": len(items), "ScannedCount": len(items)} | key


DAMAGED = (200, page(item("b", 31)), False)


class Server:
    """Answers queries in turn, the last one for ever: status, content, whether its checksum is right; or an error."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, Any], bool] | Exception] = []

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(json.loads(request.body))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        status, content, right = found
        body = json.dumps(content).encode()

        class Raw:
            def stream(self) -> Iterator[bytes]:
                yield body

        return AWSResponse(request.url, status, {"x-amz-crc32": str(zlib.crc32(body) ^ (not right))}, Raw())


@pytest.fixture
def server(cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    dynamodb.bind(WavesTable, cloud.table("waves"), cloud.region)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    server = Server()
    events = dynamodb._client(cloud.region).meta.events
    events.register_first("before-send.dynamodb.Query", server.answer)
    yield server
    events.unregister("before-send.dynamodb.Query", server.answer)


def both(reading: Callable[[], Any]) -> tuple[Any, Any]:
    """What is read by either way."""
    found = []
    for lean in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_protocol, "lean", lean)
            found.append(reading())
    return found[0], found[1]


def asked(
    server: Server, *answers: tuple[int, dict[str, Any], bool] | Exception, reading: str = "pages"
) -> tuple[Any, Any]:
    """What each way makes of the answers, and how many requests it took."""

    def read() -> tuple[Any, int]:
        server.answers, server.sent = list(answers), []
        try:
            found: Any = list(getattr(EntryStore(), reading)(WAVE, 7))
        except QueryError as error:
            found = (is_passing(error), getattr(error.cause, "response", type(error.cause)))
            if isinstance(found[1], dict):
                found = found[0], found[1]["Error"]
        return found, len(server.sent)

    return both(read)


def test_both_readers_read_the_same_entries(world: WavesWorld):
    for number in range(300):
        ticket = bytes([number % 251, number // 251]).ljust(32, b"\xff")
        for wave in (WAVE, OTHER):
            world.entries.join(Entry(wave, f"person-{number}", 11 + number % 80, ticket, T0, "00" * 32))
    for number in range(0, 300, 7):
        world.entries.refuse(WAVE, f"person-{number}", EntryOutcome.FAMILY_CARD)
    read = both(lambda: [list(EntryStore().pages(WAVE, shard)) for shard in range(64)])
    assert read[0] == read[1]
    rows = {row[0]: row[1:] for pages in read[0] for page in pages for row in page}
    assert len(rows) == 300
    assert rows["person-7"] == (18, bytes([7, 0]).ljust(32, b"\xff"), "family_card")
    assert rows["person-299"] == (11 + 299 % 80, bytes([48, 1]).ljust(32, b"\xff"), None)
    nameless = both(lambda: [list(EntryStore().tickets(WAVE, shard)) for shard in range(64)])
    assert nameless[0] == nameless[1] == [[without_names(page) for page in pages] for pages in read[0]]


def without_names(rows: list[Row]) -> Tickets:
    """What a page is for who makes lists, by its rows."""
    undecided: dict[int, list[bytes]] = {}
    for _, region, ticket, outcome in rows:
        if outcome is None:
            undecided.setdefault(region, []).append(ticket)
    return undecided, [outcome for *_, outcome in rows if outcome is not None]


def test_pages_follow_each_other_and_a_page_may_be_empty(server: Server):
    first, last = page(item("a", 31), last="a"), page(item("b", 11, "chosen"))
    lean, ordinary = asked(server, (200, first, True), (200, page(last="aa"), True), (200, last, True))
    assert lean == ordinary == ([[("a", 31, b"a", None)], [], [("b", 11, b"b", "chosen")]], 3)
    assert [sent.get("ExclusiveStartKey", {}).get("sk") for sent in server.sent] == [None, {"S": "a"}, {"S": "aa"}]


def test_tickets_are_read_by_region_without_decided_entries(server: Server):
    first, last = (
        page(nameless("a", 31), nameless("b", 11), nameless("c", 31), last="c"),
        page(nameless("d", 11, "barred")),
    )
    lean, ordinary = asked(
        server, (200, first, True), (200, page(last="cc"), True), (200, last, True), reading="tickets"
    )
    assert lean == ordinary == ([({31: [b"a", b"c"], 11: [b"b"]}, []), ({}, []), ({}, ["barred"])], 3)
    assert [sent.get("ExclusiveStartKey", {}).get("sk") for sent in server.sent] == [None, {"S": "c"}, {"S": "cc"}]


def nameless(who: str, region: int, outcome: str | None = None) -> dict[str, Any]:
    """An entry without its registrant."""
    return {name: value for name, value in item(who, region, outcome).items() if name != "sk"}


@pytest.mark.parametrize("reading", READINGS)
def test_both_readers_send_the_same_requests(server: Server, reading: str):
    def sent() -> list[dict[str, Any]]:
        server.answers, server.sent = [(200, page(item("a", 31), last="a"), True), (200, page(), True)], []
        list(getattr(EntryStore(), reading)(WAVE, 7))
        return server.sent

    lean, ordinary = both(sent)
    assert lean == ordinary
    assert lean[0]["ExpressionAttributeValues"] == {":pk": {"S": f"E#{WAVE}#07"}}
    assert lean[0]["ConsistentRead"] is True
    wanted = {"#region", "ticket", "outcome"} | ({"sk"} if reading == "pages" else set())
    assert set(lean[0]["ProjectionExpression"].split(",")) == wanted


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    "spoilt",
    [
        DAMAGED,
        (400, {"__type": ERROR + "ProvisionedThroughputExceededException", "message": "slow down"}, True),
        (500, {"__type": ERROR + "InternalServerError", "message": "no"}, True),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=["damaged on its way", "throttled", "failed", "late"],
)
def test_a_passing_error_is_retried_and_a_lasting_one_raised(server: Server, spoilt: Any, reading: str):
    def read(who: str) -> Any:
        ticket = who.encode()
        return [(who, 31, ticket, None)] if reading == "pages" else ({31: [ticket]}, [])

    lean, ordinary = asked(server, spoilt, (200, page(item("a", 31)), True), reading=reading)
    assert lean == ordinary == ([read("a")], 2)
    lean, ordinary = asked(server, spoilt, reading=reading)
    if spoilt == DAMAGED:
        assert ordinary == ([read("b")], 3), "the ordinary client takes it in the end"
        ordinary = ((True, ChecksumError), 3)
    assert lean == ordinary
    assert lean[1] == 3


def test_a_refusal_is_raised_at_once(server: Server):
    refusal = {"__type": ERROR + "ResourceNotFoundException", "message": "no table"}
    lean, ordinary = asked(server, (400, refusal, True))
    assert lean == ordinary
    assert lean[1] == 1
