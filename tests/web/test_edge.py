"""The web edge with API Gateway's events: bodies, refusals, headers, languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from chalice.test import Client, HTTPResponse
from pynamodb.exceptions import UpdateError

from chalicelib.errors import DomainError, Malformed, NotFound, UnknownField
from chalicelib.training.errors import BalanceTooLow
from chalicelib.waves.errors import WaveClosed
from chalicelib.web import decoding, edge, problems


class Form(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class Query(msgspec.Struct, forbid_unknown_fields=True):
    skill: str | None = None
    limit: int = 20


class Signed(DomainError):
    """What a partner's signature covers, as facts; before anything of it is judged."""

    code = "signed"
    status = 418
    indonesian = english = "?"


class Puzzling(DomainError):
    code = "puzzling"
    status = 401
    indonesian = english = "?"

    def __init__(self) -> None:
        super().__init__()
        self.headers["DPoP-Nonce"] = "a nonce"


@pytest.fixture
def client() -> Iterator[Client]:
    api = edge.Api("test", clock=lambda: datetime(2026, 11, 24, tzinfo=UTC))

    @api.endpoint("POST /things", "Make", body=Form, answers={201: Form})
    def make(form: Form) -> edge.Reply:
        return edge.created(form)

    @api.endpoint("GET /closed", "Refuse", answers={200: None})
    def closed() -> edge.Reply:
        raise WaveClosed(wave=54, closed_at="2023-06-05T17:00:00Z", next_opens_at=None)

    @api.endpoint("GET /broken", "Break", answers={200: None})
    def broken() -> edge.Reply:
        raise ZeroDivisionError("Siti Aminah, 3174095708950001")

    @api.endpoint("GET /kept", "Cache", answers={200: dict[str, str]})
    def kept() -> edge.Reply:
        return edge.ok({"now": api.now().isoformat()}, cache_s=5)

    @api.endpoint("POST /click", "Click", answers={200: dict[str, str]})
    def click() -> edge.Reply:
        return edge.ok({})

    @api.endpoint("GET /search", "Search", query=Query, answers={200: Query})
    def search(query: Query) -> edge.Reply:
        return edge.ok(query)

    @api.endpoint("GET /things/{thing_id}", "Prove", answers={200: dict[str, str]})
    def prove(thing_id: str) -> edge.Reply:
        asked = api.proof_request()
        return edge.ok({"proofs": repr((asked.headers, asked.method, asked.path)), "token": repr(asked.access_token)})

    @api.endpoint("GET /table.csv", "Table", answers={200: edge.Text("text/csv")})
    def table() -> edge.Reply:
        return edge.ok("a,b\r\n1,2\r\n", cache_s=60)

    with Client(api) as test_client:
        yield test_client


def post(client: Client, body: bytes, **headers: str) -> HTTPResponse:
    return client.http.post("/things", body=body, headers={"content-type": "application/json", **headers})


def test_a_body_reaches_the_handler_decoded(client):
    answer = post(client, b'{"name": "x"}')
    assert (answer.status_code, json.loads(answer.body)) == (201, {"name": "x"})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_request"),
        (b"{", 400, "malformed_request"),
        (b"[]", 400, "malformed_request"),
        (b'{"name": 1}', 400, "malformed_request"),
        (b"{}", 400, "malformed_request"),
        (b'{"name": "\xff"}', 400, "malformed_request"),
        (b'{"name": "x", "nik": "3174095708950001"}', 400, "unknown_field"),
        (b'{"name": "' + b"x" * 10_240 + b'"}', 413, "body_too_large"),
    ],
)
def test_a_bad_body_is_refused_with_a_stable_code(client, body, status, code):
    answer = post(client, body)
    problem = json.loads(answer.body)
    assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "3174095708950001" not in answer.body.decode()


def test_a_partner_signs_the_path_of_its_request_not_of_the_route():
    api = edge.Api("test")

    def signed() -> None:
        method, path, query, _, body = api.signed_request()
        raise Signed(method=method, path=path, query=repr(query), body=body.decode())

    @api.endpoint("POST /things/{thing_id}/parts/{part}", "Sign", proof=signed, answers={204: None})
    def sign(_signed: None, thing_id: str, part: str) -> edge.Reply:
        return edge.done()

    with Client(api) as client:
        answer = client.http.post("/things/abc/parts/{thing_id}?limit=2&a=%2B+&limit=1&b", body=b"{}")
    covered = {
        "method": "POST",
        "path": "/things/abc/parts/{thing_id}",
        "query": "[('limit', '2'), ('limit', '1'), ('a', '+ '), ('b', '')]",
        "body": "{}",
    }
    assert json.loads(answer.body).items() >= covered.items()


@pytest.mark.parametrize("path", ["/kept?page=2", "/click?nik=3174095708950001", "/table.csv?a=1&a=2"])
def test_a_query_that_a_route_does_not_know_is_refused(client, path):
    answer = client.http.post(path) if path.startswith("/click") else client.http.get(path)
    assert answer.status_code == 400
    assert json.loads(answer.body)["code"] in ("unknown_field", "malformed_request")
    assert "3174095708950001" not in answer.body.decode()


def test_a_cacheable_answer_has_an_etag_and_is_not_sent_again(client):
    first = client.http.get("/table.csv")
    tag = first.headers["ETag"]
    again = client.http.get("/table.csv", headers={"if-none-match": f'W/"another", {tag}'})
    assert (again.status_code, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Cache-Control"] == "public, max-age=60"
    other = client.http.get("/table.csv", headers={"if-none-match": 'W/"another"'})
    assert (other.status_code, other.body) == (200, first.body)
    assert "ETag" not in post(client, b'{"name": "x"}').headers


def test_whoever_asks_for_headers_gets_those_of_the_answer_and_no_body(client):
    got, head = client.http.get("/table.csv"), client.http.head("/table.csv")
    assert (head.status_code, head.body, head.headers) == (200, b"", got.headers)
    assert client.http.head("/table.csv", headers={"if-none-match": got.headers["ETag"]}).status_code == 304
    refused, head = client.http.get("/closed"), client.http.head("/closed")
    assert (head.status_code, head.body, head.headers) == (409, b"", refused.headers)
    assert client.http.head("/click").status_code == 405


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 200, None),
        (b" {} ", 200, None),
        (b'{"nik": "3174095708950001"}', 400, "unknown_field"),
        (b"[1]", 400, "malformed_request"),
        (b"x" * 10_241, 413, "body_too_large"),
    ],
)
def test_a_route_without_a_body_takes_none_whatever_its_media_type(client, body, status, code):
    answer = client.http.post("/click", body=body, headers={"content-type": "text/plain"})
    assert (answer.status_code, json.loads(answer.body).get("code")) == (status, code)


def test_a_body_that_is_no_text_is_malformed(client):
    event = gateway_event(1) | {"body": '{"name": "\ud800"}', "headers": {"content-type": "application/json"}}
    event["requestContext"] |= {"resourcePath": "/things", "httpMethod": "POST"}
    answer = client._app(event, None)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("header", ["Accept-Language", "accept-language"])
def test_the_routers_refusals_are_in_the_callers_language(client, header):
    event = gateway_event(1) | {"headers": {header: "en"}}
    event["requestContext"] |= {"httpMethod": "DELETE"}
    assert "not supported" in json.loads(client._app(event, None)["body"])["detail"]


@pytest.mark.parametrize("text", ["", "x" * 25, "A" * 26, "1" * 26, "a" * 27, "a" * 2000])
def test_a_malformed_id_is_not_found(text):
    with pytest.raises(NotFound):
        decoding.object_id(text)
    assert decoding.object_id("a" * 26) == "a" * 26


def test_another_media_type_is_a_problem_document_too(client):
    answer = client.http.post("/things", body=b"<a/>", headers={"content-type": "text/xml"})
    assert (answer.status_code, json.loads(answer.body)["code"]) == (415, "unsupported_media_type")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("language", "word"), [("id", "ditutup"), ("en", "closed")])
def test_a_refusal_speaks_the_language_of_the_request_and_carries_its_facts(client, language, word):
    answer = client.http.get("/closed", headers={"accept-language": language})
    problem = json.loads(answer.body)
    assert word in problem["detail"]
    assert (answer.status_code, problem["code"], problem["wave"]) == (409, "wave_closed", 54)
    assert problem["type"] == "urn:gelombang:problem:wave_closed"


def test_an_unforeseen_error_tells_the_caller_and_the_log_nothing_of_what_was_sent(client, caplog):
    answer = client.http.get("/broken")
    assert (answer.status_code, json.loads(answer.body)["code"]) == (500, "unexpected")
    assert "ZeroDivisionError" in str(caplog.records[-1].__dict__)
    assert "Siti" not in answer.body.decode() + str(caplog.records[-1].__dict__)


def test_private_answers_are_never_stored_and_public_ones_for_seconds(client):
    assert post(client, b'{"name": "x"}').headers["Cache-Control"] == "no-store"
    kept = client.http.get("/kept")
    assert kept.headers["Cache-Control"] == "public, max-age=5"
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    assert kept.headers["Access-Control-Allow-Origin"] == "*"


def test_without_a_gateway_time_the_clock_decides(client):
    assert json.loads(client.http.get("/kept").body)["now"].startswith("2026-11-24T00:00")


def gateway_event(arrived_ms: int) -> dict[str, object]:
    return {
        "requestContext": {"resourcePath": "/kept", "httpMethod": "GET", "requestTimeEpoch": arrived_ms},
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }


def test_the_gateways_arrival_time_counts_to_the_millisecond(client):
    answer = client._app(gateway_event(1_700_000_000_123), None)
    assert json.loads(answer["body"])["now"] == "2023-11-14T22:13:20.123000+00:00"


@pytest.mark.parametrize(
    ("sent", "headers"),
    [
        ({"multiValueHeaders": {"DPoP": ["one", "two"]}, "headers": {"DPoP": "two"}}, ["one", "two"]),
        ({"multiValueHeaders": {"DPoP": ["one"], "dpop": ["two"]}, "headers": {"DPoP": "one"}}, ["one", "two"]),
        ({"multiValueHeaders": {"Accept": ["x"]}, "headers": {"Accept": "x"}}, []),
        ({"multiValueHeaders": None, "headers": {"dpop": "one"}}, ["one"]),
        ({"headers": {"DPOP": "one"}}, ["one"]),
    ],
)
def test_a_proof_covers_every_header_of_its_name_the_method_and_the_path_with_its_ids(client, sent, headers):
    event = {**gateway_event(0), **sent, "pathParameters": {"thing_id": "abc"}}
    event["requestContext"] = {"resourcePath": "/things/{thing_id}", "httpMethod": "GET"}
    answer = json.loads(client._app(event, None)["body"])
    assert answer == {"proofs": repr((headers, "GET", "/things/abc")), "token": "None"}


@pytest.mark.parametrize(("let_in", "token"), [({"principalId": "siti", "session": "s"}, "'abc'"), (None, "None")])
def test_a_proof_covers_the_token_of_a_request_that_was_let_in_by_it(client, let_in, token):
    event = gateway_event(0) | {"pathParameters": {"thing_id": "abc"}, "headers": {"authorization": "bearer  abc"}}
    event["requestContext"] = {"resourcePath": "/things/{thing_id}", "httpMethod": "GET"}
    event["requestContext"] |= {"authorizer": let_in} if let_in else {}
    assert json.loads(client._app(event, None)["body"])["token"] == token


def test_a_refusal_may_carry_a_header_that_a_page_of_any_origin_may_read():
    api = edge.Api("test")

    @api.endpoint("GET /puzzle", "Ask for more", answers={200: None})
    def puzzle() -> edge.Reply:
        raise Puzzling()

    with Client(api) as client:
        answer = client.http.get("/puzzle")
    assert answer.status_code == 401
    assert answer.headers["DPoP-Nonce"] == "a nonce"
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
    assert "DPoP" in answer.headers["Access-Control-Allow-Headers"].split(",")


@pytest.mark.parametrize("text", ["", "-1", "1.0", "54x", "1" * 10, "٥٤"])
def test_a_malformed_wave_number_is_not_found(text):
    with pytest.raises(NotFound):
        decoding.number(text)


def test_the_path_of_a_wrong_field_is_told_but_not_its_value():
    class Kind(msgspec.Struct, forbid_unknown_fields=True):
        phone: int

    with pytest.raises(Malformed) as caught:
        decoding.body(b'{"phone": "0812-secret"}', Kind)
    assert caught.value.facts["field"] == "$.phone"
    assert "secret" not in str(caught.value)


def test_an_unknown_field_that_is_no_name_is_not_repeated():
    with pytest.raises(UnknownField) as caught:
        decoding.body(b'{"name": "x", "3174095708950001": 1}', Form)
    assert "3174" not in str(caught.value)


def test_a_domain_error_reads_as_its_code_and_facts():
    class Example(DomainError):
        code = "example"

    assert str(Example(wave=54)) == "example wave=54"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "Decrypt"), 503),
        (ConnectTimeoutError(endpoint_url="https://kms"), 503),
        (UpdateError(cause=ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "UpdateItem")), 503),
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Decrypt"), 500),
    ],
)
def test_a_passing_failure_is_503_and_any_other_500(error, status):
    api = edge.Api("test")

    @api.endpoint("GET /late", "Fail", answers={200: None})
    def late() -> edge.Reply:
        raise error

    with Client(api) as client:
        answer = client.http.get("/late")
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    ("query", "decoded"),
    [("", {"skill": None, "limit": 20}), ("?skill=barista&limit=5", {"skill": "barista", "limit": 5})],
)
def test_a_query_reaches_the_handler_decoded(client, query, decoded):
    answer = client.http.get(f"/search{query}")
    assert (answer.status_code, json.loads(answer.body)) == (200, decoded)


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("?limit=many", "malformed_request", "$.limit"),
        ("?limit=1&limit=2", "malformed_request", "$.limit"),
        ("?nik=3174095708950001", "unknown_field", "nik"),
    ],
)
def test_a_bad_query_is_refused_with_a_stable_code(client, query, code, field):
    answer = client.http.get(f"/search{query}")
    problem = json.loads(answer.body)
    assert (answer.status_code, problem["code"], problem["field"]) == (400, code, field)
    assert "3174095708950001" not in answer.body.decode()


def test_a_part_of_a_path_has_a_longest():
    """What is behind it need not ask: the document says so, too."""
    api = edge.Api("test")

    @api.endpoint("GET /parts/{part}", "Read", answers={200: dict[str, str]})
    def read(part: str) -> edge.Reply:
        return edge.ok({})

    with Client(api) as client:
        found = {length: client.http.get(f"/parts/{'a' * length}").status_code for length in (100, 101)}
    assert found == {100: 200, 101: 404}


def test_an_answer_that_is_no_json_carries_its_media_type(client):
    answer = client.http.get("/table.csv")
    assert (answer.headers["Content-Type"], answer.body) == ("text/csv; charset=utf-8", b"a,b\r\n1,2\r\n")


def test_a_sentence_has_instants_and_rupiah_as_people_read_them_and_the_facts_stay_as_they_are():
    closed = WaveClosed(wave=54, closed_at="2023-06-05T17:00:00Z", next_opens_at=None)
    document = problems.document(closed, "id")
    assert document["detail"] == (
        "Gelombang 54 sudah ditutup pada Senin, 5 Juni 2023 pukul 23.59 WIB. Gelombang berikutnya dibuka pada waktu "
        "yang belum ditentukan."
    )
    assert (document["closed_at"], document["next_opens_at"]) == ("2023-06-05T17:00:00Z", None)
    low = problems.document(BalanceTooLow(balance_idr=1_500_000, price_idr=2_000_000), "en")
    assert low["detail"] == "Your training balance is Rp1.500.000; this course costs Rp2.000.000."
    assert low["balance_idr"] == 1_500_000
