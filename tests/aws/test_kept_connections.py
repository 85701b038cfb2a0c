"""Requests on kept connections against those of botocore's session: the same answers, errors, repetitions, connections.

Each way has a client and a connection of its own, which a first request has made. What happens to the second request is
compared, and to a third one after it.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import ssl
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any, NamedTuple

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError, SSLError
from botocore.httpsession import URLLib3Session
from botocore.session import get_session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3 import HTTPConnectionPool, Timeout

from chalicelib.aws.json_protocol import Wire
from tests.builders.aws.wire import least, seen
from tests.conftest import REGION

AT_LEISURE_S = 20
CHECKED = {"x-amz-crc32": str(zlib.crc32(b"{}")), "x-amzn-RequestId": "R"}
CHECKSUM = f"x-amz-crc32: {CHECKED['x-amz-crc32']}\r\n".encode()
"""Not sent by KMS, nor where nothing is tried again: there we refuse what is damaged, and botocore does not."""


class Answer(NamedTuple):
    """What is sent, piece by piece, and what then becomes of the connection."""

    pieces: Sequence[bytes]
    then: str = "stays"


def answer(
    body: bytes = b"{}", status: str = "HTTP/1.1 200 OK", *, length: str | None = None, then: str = "stays", **more: str
) -> Answer:
    headers = CHECKED | {"Content-Length": str(len(body)) if length is None else length}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return Answer([f"{status}\r\n{told}\r\n".encode() + body], then)


def chunked(*pieces: bytes, then: str = "stays") -> Answer:
    head, *_ = answer(b"", length="", Transfer_Encoding="chunked").pieces
    return Answer([head, *pieces], then)


GOOD = answer()
[_WHOLE] = GOOD.pieces
ERROR = b'{"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": "no"}'
ANSWERS: dict[str, Answer] = {
    "plain": GOOD,
    "an error": answer(ERROR, "HTTP/1.1 400 Bad Request", x_amz_crc32=str(zlib.crc32(ERROR))),
    "no reason": answer(status="HTTP/1.1 200"),
    "no checksum": answer(x_amz_crc32=""),
    "no body": answer(b"", "HTTP/1.1 204 No Content", length="", x_amz_crc32=""),
    "an empty body": answer(b"", x_amz_crc32=""),
    "another place": answer(b"", "HTTP/1.1 307 Temporary Redirect", Location="http://aws.invalid/"),
    "connection: keep-alive": answer(Connection="Keep-Alive"),
    "connection: close": answer(Connection="close", then="closes"),
    "connection: close, and open": answer(Connection="close"),
    "no length": answer(length="", then="closes"),
    "HTTP/1.0": answer(status="HTTP/1.0 200 OK", then="closes"),
    "HTTP/1.0, kept": answer(status="HTTP/1.0 200 OK", Connection="keep-alive"),
    "HTTP/2.0": answer(status="HTTP/2.0 200 OK"),
    "100 Continue": Answer([b"HTTP/1.1 100 Continue\r\n\r\n", _WHOLE]),
    "100 Continue at once": Answer([b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + _WHOLE]),
    "chunked": chunked(b"1\r\n{\r\n", b"1\r\n}\r\n0\r\n\r\n"),
    "chunked, at once": Answer([b"".join(chunked(b"2\r\n{}\r\n0\r\n\r\n").pieces)]),
    "chunked, with a length": answer(b"2\r\n{}\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
    "chunked, cut": chunked(b"8\r\n{", then="closes"),
    "chunked, wrong": chunked(b"no\r\n{}\r\n", then="closes"),
    "a head in pieces": Answer([_WHOLE[:20], _WHOLE[20:]]),
    "byte by byte": Answer([bytes([one]) for one in _WHOLE]),
    "half a head": Answer([_WHOLE[:20]], "closes"),
    "half a body": answer(b"{", length="2", then="closes"),
    "half a head, reset": Answer([_WHOLE[:20]], "is reset"),
    "half a body, reset": answer(b"{", length="2", then="is reset"),
    "nothing": Answer([], "closes"),
    "nothing, reset": Answer([], "is reset"),
    "whole, then closed": answer(then="closes"),
    "more than whole": Answer([_WHOLE + b"more"]),
    "twice": Answer([_WHOLE + _WHOLE]),
    "no HTTP": Answer([b"busy\r\n\r\n"], "closes"),
    "no status": answer(status="HTTP/1.1 fine", then="closes"),
    "two lengths": answer(length="2\r\nContent-Length: 3", then="closes"),
    "one length twice": answer(length="2\r\nContent-Length: 2", then="closes"),
    "a length below zero": answer(length="-2", then="closes"),
    "a length of letters": answer(length="two", then="closes"),
    "a folded header": answer(X="one\r\n two"),
    "a header twice": answer(X="one\r\nX: two"),
    "a header of other letters": answer(X="\u00e9"),
    "a header without end": answer(X="x" * 70_000, then="closes"),
    "too many headers": answer(X="y\r\n" + "X: y\r\n" * 200 + "Z: z", then="closes"),
}
"""All of them in time."""
LATE: dict[str, Answer] = {
    "no answer": Answer([], "waits"),
    "a head without end": Answer([_WHOLE[:20]], "waits"),
    "no body": answer(b"", length="2", then="waits"),
    "a body without end": answer(b"{", length="2", then="waits"),
    "a chunk without end": chunked(b"2\r\n{", then="waits"),
}


class Server(ThreadingTCPServer):
    """Gives its answers in turn, then good ones. Notes what was asked, and counts connections."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"
        self.answer_with()

    def answer_with(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.usual: Callable[[bytes], Answer] = lambda _asked: GOOD
        self.heads: list[list[bytes]] = []
        self.over, self.hung_up = Event(), Event()
        self.asked: list[bytes] = []
        self.connections = 0

    def handle_error(self, *_: Any) -> None:
        """A client that does not like our certificate is no news."""


class Connection(StreamRequestHandler):
    server: Server
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.server.connections += 1
        self.hung_up = Event()
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        while self.rfile.readline():
            self.hung_up = self.server.hung_up  # not that of a later test, where this connection ends late
            lines = list(iter(self.rfile.readline, b"\r\n"))
            self.server.heads.append(lines)
            [length] = (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
            given = self.server.answers.pop(0) if self.server.answers else None
            if given is None or "unread" not in given.then:
                self.server.asked.append(self.rfile.read(length))
            given = given or self.server.usual(self.server.asked[-1])
            for piece in given.pieces:
                self.request.sendall(piece)
                Event().wait(0.001)  # tests replace time.sleep
            if given.then == "waits":
                self.rfile.read()
            if given.then == "waits unread":
                self.server.over.wait()
            if given.then == "breaks TLS":
                os.write(self.request.fileno(), b"none of it")
            if given.then == "is reset":
                self.request.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            if given.then != "stays":
                return

    def finish(self) -> None:
        super().finish()
        self.server.shutdown_request(self.request)
        self.hung_up.set()


def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(tls) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    yield from serving()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, by itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    unsealed = serialization.NoEncryption()
    formats = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(*formats, unsealed) + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def secure(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from serving(context)


@pytest.fixture(autouse=True)
def no_proxy_and_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


SESSION = get_session()


def client_of(server: Server, service: str = "dynamodb", tries: int = 3, verify: Path | None = None) -> Any:
    config = Config(
        parameter_validation=False,
        connect_timeout=AT_LEISURE_S,
        read_timeout=AT_LEISURE_S,
        retries={"total_max_attempts": tries, "mode": "standard"},
    )
    address = {"endpoint_url": server.url, "verify": verify and str(verify)}
    told = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
    return SESSION.create_client(service, REGION, **address, **told, config=config)  # type: ignore[call-overload]


class Ways:
    """A call on a kept connection, either way: with the given answers, or time-outs, from the second request on."""

    def __init__(self, server: Server, service: str, operation: str, tries: int, verify: Path | None = None) -> None:
        self._server, self._service, self._tries, self._verify = server, service, tries, verify
        self._operation = operation

    def seen(self, *answers: Answer, timeout: Timeout | None = None, asked: dict[str, Any] | None = None) -> Any:
        """What became of the second and the third request, the same for both ways."""
        found = [self._seen(lean, answers, timeout, asked or least(self._operation)) for lean in (True, False)]
        assert found[0] == found[1]
        return found[0]

    def _seen(self, lean: bool, answers: Sequence[Answer], timeout: Timeout | None, asked: dict[str, Any]) -> Any:
        client = client_of(self._server, self._service, self._tries, self._verify)
        call = Wire(client).call if lean else client._make_api_call
        heard: list[Any] = []
        client.meta.events.register(
            "after-call", lambda http_response, **_: heard.append((http_response.status_code, told(http_response)))
        )
        self._server.answer_with()
        assert seen(lambda: call(self._operation, least(self._operation))) == {}
        if (self._service, self._tries) != ("dynamodb", 3):
            answers = [Answer([piece.replace(CHECKSUM, b"") for piece in each.pieces], each.then) for each in answers]
        self._server.answer_with(*answers)
        pool = client._endpoint.http_session._manager.connection_from_url(self._server.url)
        usual, pool.timeout = pool.timeout, timeout or pool.timeout
        second = seen(lambda: call(self._operation, asked))
        self._server.over.set()
        if any(each.then != "stays" for each in answers):
            self._server.hung_up.wait()
        pool.timeout = usual
        third = seen(lambda: call(self._operation, least(self._operation)))
        assert third == {}
        bodies = [json.loads(body) for body in self._server.asked]
        client.close()
        return second, heard, bodies, self._server.connections


def told(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


KINDS = pytest.mark.parametrize(
    ("service", "operation", "tries"),
    [("dynamodb", "GetItem", 1), ("dynamodb", "TransactWriteItems", 3), ("kms", "Decrypt", 3)],
)


@KINDS
@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_equals_that_of_botocores_session(plain, service, operation, tries, name):
    Ways(plain, service, operation, tries).seen(ANSWERS[name])


@KINDS
@pytest.mark.parametrize("name", LATE)
def test_a_late_answer_raises_the_sessions_error(plain, service, operation, tries, name):
    hurried = Timeout(connect=AT_LEISURE_S, read=0.1)
    second, _, bodies, connections = Ways(plain, service, operation, tries).seen(*[LATE[name]] * tries, timeout=hurried)
    assert second[0] is ReadTimeoutError
    assert (len(bodies), connections) == (tries + 1, tries), "no connection is used again"


@KINDS
@pytest.mark.parametrize("name", ["plain", "half a body", "nothing", "chunked", "connection: close", "byte by byte"])
def test_the_same_holds_under_tls(secure, certificate, service, operation, tries, name):
    Ways(secure, service, operation, tries, certificate).seen(ANSWERS[name])


@KINDS
@pytest.mark.parametrize("pieces", [[], [_WHOLE[:20]], [_WHOLE[:-1]]])
def test_broken_tls_raises_the_sessions_error(secure, certificate, service, operation, tries, pieces):
    broken = Answer(pieces, "breaks TLS")
    second, *_ = Ways(secure, service, operation, tries, certificate).seen(*[broken] * tries)
    assert second[0] is SSLError


def test_an_untrusted_certificate_is_refused(secure):
    client = client_of(secure, tries=1)
    for call in (Wire(client).call, client._make_api_call) * 2:
        with pytest.raises(SSLError):
            call("GetItem", least("GetItem"))


BIG = least("GetItem") | {"Key": {"pk": {"S": "x" * 16_000_000}}}
"""More than the system takes before somebody reads it."""


def test_a_request_that_the_server_does_not_read_times_out(plain):
    hurried = Timeout(connect=0.1, read=AT_LEISURE_S)
    second, *_ = Ways(plain, "dynamodb", "GetItem", 1).seen(Answer([], "waits unread"), timeout=hurried, asked=BIG)
    assert second[0] is ConnectionClosedError


def test_an_answer_before_the_end_of_a_request_is_read(plain):
    early = Answer([_WHOLE], "closes unread")
    second, *_ = Ways(plain, "dynamodb", "GetItem", 1).seen(early, asked=BIG)
    assert second == {}


def test_the_session_is_asked_for_a_connection_and_for_nothing_else(plain, monkeypatch):
    through_urllib3, urlopen = [], HTTPConnectionPool.urlopen
    monkeypatch.setattr(HTTPConnectionPool, "urlopen", lambda *a, **k: (through_urllib3.append(1), urlopen(*a, **k))[1])
    wire = Wire(client_of(plain))
    plain.answer_with(GOOD, GOOD, ANSWERS["connection: close"])
    for _ in range(5):
        assert wire.call("GetItem", least("GetItem")) == {}
    assert (len(through_urllib3), plain.connections) == (2, 2)


def test_headers_added_by_event_handlers_are_sent(plain):
    for value in ("seen", b"seen"):
        client = client_of(plain)
        client.meta.events.register("before-send", lambda request, v=value, **_: request.headers.update({"X-Mine": v}))
        wire = Wire(client)
        plain.answer_with()
        for _ in range(2):
            wire.call("GetItem", least("GetItem"))
        assert [b"X-Mine: seen\r\n" in head for head in plain.heads] == [True, True]


def test_a_replaced_or_closed_session_is_respected(plain, monkeypatch):
    client = client_of(plain)
    wire = Wire(client)
    plain.answer_with()
    wire.call("GetItem", least("GetItem"))
    client.close()
    for _ in range(2):
        wire.call("GetItem", least("GetItem"))
    assert plain.connections == 2
    send, sent = URLLib3Session.send, []
    monkeypatch.setattr(URLLib3Session, "send", lambda *given: (sent.append(1), send(*given))[1])
    wire.call("GetItem", least("GetItem"))
    assert sent == [1]


def test_threads_get_their_own_answers(plain):
    plain.answer_with()
    plain.usual = lambda asked: answer(asked, x_amz_crc32=str(zlib.crc32(asked)))
    wire = Wire(client_of(plain))

    def echoed(number: int) -> bool:
        asked = {"TableName": "x" * (number % 50), "n": number}
        return wire.call("GetItem", asked) == asked

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(echoed, range(100)))
