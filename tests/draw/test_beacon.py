"""The beacon: only a signature of the pinned chain is accepted, whatever the relays send."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pyblst
import pytest
import urllib3

from chalicelib.draw import beacon
from chalicelib.draw.beacon import IDENTITY
from chalicelib.draw.errors import BeaconUnavailable, ForgedBeacon
from chalicelib.draw.note import beacon_round, round_time
from chalicelib.waves.publication.draw_run import Relays, TimedGet
from local.sandbox.beacon import GROUP_ORDER, SECRET_KEY, DevelopmentBeacon, chain_hash, public_key, sign
from tests.builders.draws.files import DEVELOPMENT, QUICKNET, VECTORS
from tests.conftest import ROOT

REAL = VECTORS["drand_quicknet"]
ROUND, SIGNATURE = REAL[0]["round"], bytes.fromhex(REAL[0]["signature"])


def test_the_pinned_quicknet_equals_that_of_the_vectors():
    expected = VECTORS["drand_quicknet_chain"]
    found = (QUICKNET.hash, QUICKNET.public_key, QUICKNET.genesis, QUICKNET.period_s)
    assert found == (expected["hash"], expected["public_key"], expected["genesis_time"], expected["period_s"])
    assert QUICKNET.production
    assert QUICKNET.delay_s == 1800


def test_the_published_specification_names_the_pinned_chain():
    text = (ROOT / "docs/draw.md").read_text()
    lines = [line.strip() for line in text.splitlines()]
    place = lines.index(QUICKNET.hash)
    assert lines[place + 1] + lines[place + 2] == QUICKNET.public_key
    figures = f"genesis {QUICKNET.genesis} (Unix seconds), period {QUICKNET.period_s} s, delay {QUICKNET.delay_s} s"
    assert figures in text


@pytest.mark.parametrize("real", REAL, ids=[str(real["round"]) for real in REAL])
def test_a_real_signature_of_quicknet_verifies_and_gives_its_randomness(real):
    found = beacon.verify(QUICKNET, real["round"], bytes.fromhex(real["signature"]))
    assert found.randomness.hex() == real["randomness"]
    assert (found.chain, found.round) == (QUICKNET.hash, real["round"])


def a_curve_point_outside_the_group() -> bytes:
    for x in range(256):
        try:
            pyblst.BlstP1Element.uncompress(b"\x80" + bytes(46) + bytes([x]))
        except ValueError as error:
            if "NOT_IN_GROUP" in str(error):
                return b"\x80" + bytes(46) + bytes([x])
    raise AssertionError("no such point")


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (IDENTITY, "the identity point"),
        (b"", "not 48 bytes"),
        (SIGNATURE[:47], "not 48 bytes"),
        (SIGNATURE + b"\0", "not 48 bytes"),
        (bytes(48), "not a point of the group"),
        (b"\xff" * 48, "not a point of the group"),
        (b"\x40" + bytes(47), "not a point of the group"),
        (b"\xc0" + bytes(46) + b"\1", "not a point of the group"),
        (b"\xe0" + bytes(47), "not a point of the group"),
        (bytes([SIGNATURE[0] & 0x7F]) + SIGNATURE[1:], "not a point of the group"),
        (a_curve_point_outside_the_group(), "not a point of the group"),
        (bytes([SIGNATURE[0] ^ 0x20]) + SIGNATURE[1:], "not signed by the pinned key"),
        (bytes.fromhex(REAL[1]["signature"]), "not signed by the pinned key"),
        (sign(ROUND), "not signed by the pinned key"),
    ],
)
def test_a_wrong_signature_of_a_round_is_refused(signature: bytes, reason: str):
    with pytest.raises(ForgedBeacon) as refused:
        beacon.verify(QUICKNET, ROUND, signature)
    assert refused.value.facts == {"round": ROUND, "reason": reason}


def test_the_development_key_and_hash_are_the_public_ones_that_the_programme_pins():
    phrase = b"gelombang development beacon: this key is public and protects nothing"
    assert int.from_bytes(sha256(phrase).digest(), "big") % GROUP_ORDER == SECRET_KEY
    assert public_key().hex() == DEVELOPMENT.public_key
    assert sha256(b"gelombang development chain" + public_key()).hexdigest() == DEVELOPMENT.hash == chain_hash()
    assert not DEVELOPMENT.production


def test_the_group_order_is_that_of_the_curve():
    generator = pyblst.BlstP2Element.uncompress(beacon.G2_GENERATOR)
    assert generator.scalar_mul(GROUP_ORDER - 1) + generator == pyblst.BlstP2Element()


@dataclass
class FakeGet:
    """Answers by relay; an exception is raised."""

    answers: dict[str, object]
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> tuple[int, bytes]:
        self.asked.append(url)
        answer = self.answers[url.split("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]


def says(**changes: object) -> tuple[int, bytes]:
    body = {"round": ROUND, "signature": SIGNATURE.hex(), "randomness": REAL[0]["randomness"]} | changes
    return 200, json.dumps(body).encode()


def test_the_first_relay_that_answers_is_enough():
    """The randomness that it claims is never used."""
    get = FakeGet({"a": says(randomness="00" * 32), "b": AssertionError()})
    found = Relays(["https://a/", "https://b"], get).fetch(QUICKNET, ROUND)
    assert (found.signature, found.randomness.hex()) == (SIGNATURE, REAL[0]["randomness"])
    assert get.asked == [f"https://a/{QUICKNET.hash}/public/{ROUND}"]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (TimeoutError("read"), "TimeoutError read"),
        (ConnectionRefusedError(), "ConnectionRefusedError"),
        ((404, b"not yet"), "status 404"),
        ((425, b"{}"), "status 425"),
        ((500, b""), "status 500"),
        ((200, b"<html>"), "malformed answer"),
        ((200, b"[1]"), "malformed answer"),
        ((200, b"null"), "malformed answer"),
        ((200, b"\xff\xfe"), "malformed answer"),
        ((200, b"[" * 4000), "malformed answer"),
        ((200, b"{}"), "malformed answer"),
        (says(signature=None), "malformed answer"),
        (says(signature="zz"), "malformed answer"),
        (says(round=ROUND + 1), "a future round"),
        (says(round=ROUND - 1), "a past round"),
        (says(round=str(ROUND)), "malformed answer"),
        (says(signature=IDENTITY.hex()), "forged (the identity point)"),
        (says(signature=""), "forged (not 48 bytes)"),
        (says(signature=REAL[1]["signature"]), "forged (not signed by the pinned key)"),
    ],
)
def test_a_relay_that_fails_or_lies_is_named_and_the_next_one_asked(answer: object, failure: str, caplog):
    get = FakeGet({"bad": answer, "good": says(), "down": ConnectionError()})
    assert Relays(["https://bad", "https://good"], get).fetch(QUICKNET, ROUND).signature == SIGNATURE
    [said] = caplog.records
    found = said.message, said.relay, said.round, said.failure
    assert found == ("beacon_relay_skipped", "https://bad", ROUND, failure)
    with pytest.raises(BeaconUnavailable) as unavailable:
        Relays(["https://bad", "https://down"], get).fetch(QUICKNET, ROUND)
    relays = f"https://bad: {failure}; https://down: ConnectionError"
    assert unavailable.value.facts == {"round": ROUND, "relays": relays}


def test_without_relays_the_beacon_is_unavailable():
    with pytest.raises(BeaconUnavailable):
        Relays([], FakeGet({})).fetch(QUICKNET, ROUND)


NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def relay():
    with DevelopmentBeacon(clock=lambda: NOW) as running:
        yield running


def test_the_development_relay_gives_a_round_as_soon_as_it_exists_and_not_before(relay):
    get = TimedGet(2.0)
    latest = beacon_round(DEVELOPMENT, NOW - timedelta(seconds=DEVELOPMENT.delay_s))
    assert round_time(DEVELOPMENT, latest) == NOW
    found = Relays([relay.url], get).fetch(DEVELOPMENT, latest)
    assert found.randomness == sha256(found.signature).digest()
    with pytest.raises(BeaconUnavailable) as refused:
        Relays([relay.url], get).fetch(DEVELOPMENT, latest + 1)
    assert refused.value.facts["relays"] == f"{relay.url}: status 425"


def test_the_development_relay_answers_drands_other_paths(relay):
    def ask(path: str) -> tuple[int, object]:
        response = urllib3.request("GET", relay.url + path, retries=False)
        return response.status, response.json()

    latest = (int(NOW.timestamp()) - DEVELOPMENT.genesis) // DEVELOPMENT.period_s + 1
    status, newest = ask(f"/{DEVELOPMENT.hash}/public/latest")
    assert (status, newest["round"]) == (200, latest)
    assert ask(f"/{DEVELOPMENT.hash}/public/{latest}") == (200, newest)
    assert ask("/chains") == (200, [DEVELOPMENT.hash])
    assert ask("/health")[0] == 200
    info = ask(f"/{DEVELOPMENT.hash}/info")[1]
    assert (info["public_key"], info["genesis_time"]) == (DEVELOPMENT.public_key, DEVELOPMENT.genesis)
    for path in ("/", f"/{QUICKNET.hash}/public/1", f"/{DEVELOPMENT.hash}/public/0", f"/{DEVELOPMENT.hash}/public/x"):
        assert ask(path)[0] == 404


def test_the_development_relay_runs_as_a_program_on_loopback():
    command = [sys.executable, "-m", "local.sandbox.beacon", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            url = program.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            found = Relays([url], TimedGet(5.0)).fetch(DEVELOPMENT, 1)
        finally:
            program.terminate()
    assert found.signature == sign(1)


def test_stopping_the_development_relay_frees_its_port(relay):
    port = int(relay.url.rsplit(":", 1)[1])
    relay.__exit__()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_importing_the_draw_loads_no_machine_code():
    modules = "chalicelib.draw.beacon, chalicelib.draw.cosignatures, chalicelib.config"
    code = f"import sys, {modules}; print(sys.modules.keys() & {{'pyblst', 'cryptography'}})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
