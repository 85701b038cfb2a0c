"""Relays that misbehave on real sockets: each is named and left in time, and the next one is asked."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.waves.publication.draw_run import HttpGet, Relays, TimedGet
from local.sandbox.beacon import DevelopmentBeacon, sign
from tests.builders.draws.files import DEVELOPMENT

ROUND = 1000
TIMEOUT_S = 0.3
"""For relays that would go on longer than a test may take. Others have `PATIENT_S`: a machine may be busy."""
PATIENT_S = 30.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
RIGHT = {"round": ROUND, "randomness": sha256(sign(ROUND)).hexdigest(), "signature": sign(ROUND).hex()}

Script = Callable[[socket.socket], None]


def whole(body: bytes | dict[str, object], head: bytes = HEAD) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head + b"Content-Length: %d\r\n\r\n" % len(raw) + raw


def says(answer: bytes) -> Script:
    """Answer so and close."""
    return lambda connection: connection.sendall(answer)


def drips(answer: bytes, at_once: int = 0) -> Script:
    """Answer so, a byte at a time from some place on, each well within the time of one read."""

    def script(connection: socket.socket) -> None:
        connection.sendall(answer[:at_once])
        for place in range(at_once, len(answer)):
            connection.sendall(answer[place : place + 1])
            time.sleep(TIMEOUT_S / 10)

    return script


def silent(connection: socket.socket) -> None:
    """Take the question and never answer; the asker hangs up."""
    connection.settimeout(5)
    assert connection.recv(1) == b""


@pytest.fixture
def serve() -> Iterator[Callable[[Script], str]]:
    """Starts servers on loopback, each with a way of answering."""
    servers: list[socket.socket] = []

    def start(script: Script) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                    with connection:
                        connection.recv(4096)
                        script(connection)
                except OSError:  # whoever asked had enough, or the test is over
                    if server.fileno() < 0:
                        return

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def good() -> Iterator[str]:
    exists_at = datetime.fromtimestamp(DEVELOPMENT.genesis + ROUND, UTC)
    with DevelopmentBeacon(clock=lambda: exists_at) as relay:
        yield relay.url


def impatient_with(*relays: str) -> HttpGet:
    """Asks these relays for a short time, and others for as long as they need."""
    short, long = TimedGet(TIMEOUT_S), TimedGet(PATIENT_S)
    return lambda url: (short if url.startswith(relays) else long)(url)


LONG_HEADER = HEAD + b"X-Filler: " + b"x" * 70_000 + b"\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

BAD: dict[str, tuple[Script, str]] = {
    "never answers": (silent, "TimeoutError timed out"),
    "drips its body": (drips(whole(RIGHT), len(HEAD) + 30), "TimeoutError"),
    "drips its head": (drips(whole(RIGHT)), "TimeoutError"),
    "drips a head without end": (drips(HEAD + b"X-Filler: " + b"x" * 1000), "TimeoutError"),
    "goes on with continuations": (says(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "RemoteDisconnected"),
    "cuts its body off": (says(whole(RIGHT)[:-20]), "OSError the answer is cut off"),
    "cuts its body off without having said how long it is": (
        says(HEAD + b"\r\n" + json.dumps(RIGHT).encode()[:-20]),
        "malformed answer",
    ),
    "cuts a chunk off": (says(CHUNKED + b"40\r\n" + b"x" * 20), "OSError IncompleteRead"),
    "cuts its head off": (says(HEAD), "malformed answer"),
    "hangs up": (says(b""), "RemoteDisconnected"),
    "answers without end": (says(HEAD + b"\r\n" + b" " * 100_000), "OSError the answer is too long"),
    "announces an answer without end": (
        says(HEAD + b"Content-Length: 1000000000000\r\n\r\n" + b" " * 100_000),
        "OSError the answer is too long",
    ),
    "has a head without end": (says(LONG_HEADER), "OSError LineTooLong"),
    "is not HTTP": (says(b"SSH-2.0-OpenSSH_9.9\r\n" * 10), "OSError BadStatusLine"),
    "redirects": (says(whole(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n")), "status 302"),
}


@pytest.mark.parametrize(("script", "failure"), BAD.values(), ids=BAD)
def test_a_misbehaving_relay_is_named_and_given_up_in_time(serve, good, caplog, script, failure):
    bad = serve(script)
    get = impatient_with(bad) if failure.startswith("TimeoutError") else TimedGet(PATIENT_S)
    assert Relays([bad, good], get).fetch(DEVELOPMENT, ROUND).signature == sign(ROUND)
    [said] = caplog.records
    assert (said.message, said.relay) == ("beacon_relay_skipped", bad)
    assert said.failure.startswith(failure)


def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("where", "failure"),
    [
        (closed, "ConnectionRefusedError"),
        (lambda: "http://[", "OSError ValueError"),
        (lambda: "http://127.0.0.1:none", "OSError InvalidURL"),
    ],
    ids=["nobody listens", "no address", "no port"],
)
def test_an_unreachable_relay_is_named_and_the_next_one_asked(good, caplog, where, failure):
    address = where()
    assert Relays([address, good], TimedGet(PATIENT_S)).fetch(DEVELOPMENT, ROUND).signature == sign(ROUND)
    [said] = caplog.records
    assert (said.relay, said.failure.split()[: len(failure.split())]) == (address, failure.split())


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    return context


def test_a_relay_with_broken_or_untrusted_tls_is_named_and_the_next_one_asked(serve, good, caplog, tmp_path):
    context = self_signed(tmp_path)

    def tls(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(4096)
            wrapped.sendall(whole(RIGHT))

    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with server, server.accept()[0] as connection:
            try:
                tls(connection)
            except OSError:
                return  # it was not believed

    threading.Thread(target=answer, daemon=True).start()
    unvouched = f"https://localhost:{server.getsockname()[1]}"
    plain = serve(says(whole(RIGHT))).replace("http:", "https:")
    mute = serve(silent).replace("http:", "https:")
    found = Relays([unvouched, plain, mute, good], impatient_with(mute)).fetch(DEVELOPMENT, ROUND)
    assert found.signature == sign(ROUND)
    kinds = [said.failure.split()[0] for said in caplog.records]
    assert kinds == ["SSLCertVerificationError", "SSLError", "TimeoutError"]
