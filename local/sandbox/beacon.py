"""The development beacon: a relay of the drand HTTP API that signs its own chain with a key that everybody knows.

It exists so that the local cloud draws with the very code that production runs. It proves nothing: whoever reads this
file can compute every round, past and future. No verifier accepts its chain unless told to (docs/draw.md).
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType

import click
import pyblst

from chalicelib.clock import Clock, utc_now
from chalicelib.config import load_programme
from chalicelib.draw.beacon import DST, G2_GENERATOR, message
from chalicelib.draw.note import Chain

GROUP_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
SECRET_KEY = (
    int.from_bytes(sha256(b"gelombang development beacon: this key is public and protects nothing").digest(), "big")
    % GROUP_ORDER
)


def public_key() -> bytes:
    """The compressed G2 point that `programme.toml` pins for the development chain."""
    compressed: bytes = pyblst.BlstP2Element.uncompress(G2_GENERATOR).scalar_mul(SECRET_KEY).compress()
    return compressed


def chain_hash() -> str:
    """The development chain's hash in hex, derived from its key."""
    return sha256(b"gelombang development chain" + public_key()).hexdigest()


def sign(round_number: int) -> bytes:
    """The development chain's 48-byte signature of a round."""
    point = pyblst.BlstP1Element.hash_to_group(message(round_number), DST)
    signature: bytes = point.scalar_mul(SECRET_KEY).compress()
    return signature


def development_chain() -> Chain:
    """The chain as the programme pins it."""
    return load_programme("local").draw.chains["development"]


class DevelopmentBeacon:
    """The relay as a server on 127.0.0.1 in a thread of its own; a context manager. Port 0 takes a free one."""

    def __init__(self, port: int = 0, clock: Clock = utc_now) -> None:
        self._server = _Server(("127.0.0.1", port), _Relay)
        self._server.chain = development_chain()
        self._server.clock = clock
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="development-beacon", daemon=True)

    @property
    def url(self) -> str:
        """The address to give as a relay."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def wait(self) -> None:
        """Answer until interrupted."""
        self._thread.join()

    def __enter__(self) -> DevelopmentBeacon:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    chain: Chain
    clock: Clock

    def latest(self) -> int:
        """The last round that exists by the clock; below 1 before the chain's genesis."""
        seconds = int(self.clock().timestamp()) - self.chain.genesis
        return seconds // self.chain.period_s + 1


class _Relay(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 10  # an idle connection is dropped, so that none outlives the server for long

    def do_GET(self) -> None:
        """Answer as drand's relays do: `/chains`, `/<chain>/info`, `/<chain>/public/<round or latest>`, `/health`."""
        chain = self.server.chain
        if self.path == "/health":
            self._answer(200, {"status": "ok"})
        elif self.path == "/chains":
            self._answer(200, [chain.hash])
        elif self.path == f"/{chain.hash}/info":
            self._answer(200, _info(chain))
        elif found := re.fullmatch(rf"/{chain.hash}/public/(latest|[1-9][0-9]{{0,18}})", self.path):
            self._round(found[1])
        else:
            self._answer(404, {"error": "not found"})

    def _round(self, wanted: str) -> None:
        latest = self.server.latest()
        number = latest if wanted == "latest" else int(wanted)
        if not 1 <= number <= latest:
            self._answer(425, {"error": "this round does not exist yet"})
            return
        signature = sign(number)
        randomness = sha256(signature).hexdigest()
        self._answer(200, {"round": number, "randomness": randomness, "signature": signature.hex()})

    def _answer(self, status: int, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the standard library gave it
        """Say nothing: the local cloud's own log is what one reads."""


def _info(chain: Chain) -> dict[str, object]:
    return {
        "public_key": chain.public_key,
        "period": chain.period_s,
        "genesis_time": chain.genesis,
        "hash": chain.hash,
        "groupHash": chain.hash,
        "schemeID": "bls-unchained-g1-rfc9380",
        "metadata": {"beaconID": "development"},
    }


@click.command()
@click.option("--port", default=0, show_default="a free one", help="Where to listen on 127.0.0.1.")
def main(port: int) -> None:
    """Serve the development beacon until interrupted. The first line printed is its address."""
    beacon = DevelopmentBeacon(port)
    beacon.start()
    click.echo(beacon.url)
    click.echo(f"chain {chain_hash()}; its key is public, so it proves nothing")
    try:
        beacon.wait()
    except KeyboardInterrupt:
        beacon.stop()


if __name__ == "__main__":
    main()
