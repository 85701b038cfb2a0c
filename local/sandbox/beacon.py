"""The development beacon: a relay of the drand HTTP API that signs its own chain. And the development witness.

Their private keys are public. They exist so that the local cloud draws with the same code as production, and has a
cosignature. They prove nothing, as anyone who reads this file can compute every round, past and future. A verifier
accepts the chain only if told to (docs/draw.md).
"""

from __future__ import annotations

import re
from contextlib import suppress
from hashlib import sha256

import click
import pyblst

from chalicelib.clock import Clock, utc_now
from chalicelib.config import load_programme
from chalicelib.draw.beacon import DST, G2_GENERATOR, message
from chalicelib.draw.cosignatures import Signer
from chalicelib.draw.note import Chain

from .server import JsonHandler, Loopback

GROUP_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
SECRET_KEY = (
    int.from_bytes(sha256(b"gelombang development beacon: this key is public and protects nothing").digest(), "big")
    % GROUP_ORDER
)
WITNESS = Signer(
    "witness.example/development",
    sha256(b"gelombang development witness: this key is public and protects nothing").digest(),
)
"""The witness whose public key `service.toml` has, for the local stage only."""


def public_key() -> bytes:
    """The compressed G2 point that `service.toml` pins for the development chain."""
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
    return load_programme("local").draw.chains["development"]


class DevelopmentBeacon(Loopback):
    """The relay, as a context manager; `url` is the address to give as a relay."""

    def __init__(self, port: int = 0, clock: Clock = utc_now) -> None:
        super().__init__(_Relay, port)
        self.chain = development_chain()
        self._clock = clock

    def latest(self) -> int:
        """The last round that exists by the clock; below 1 before the chain's genesis."""
        return (int(self._clock().timestamp()) - self.chain.genesis) // self.chain.period_s + 1


class _Relay(JsonHandler):
    timeout = 10  # seconds until an idle connection is closed, so that none outlives the server for long

    def do_GET(self) -> None:  # noqa: N802 - as the standard library has it
        """Answer as drand's relays do: `/chains`, `/<chain>/info`, `/<chain>/public/<round or latest>`, `/health`."""
        chain = self.server.owner.chain
        if self.path == "/health":
            self.answer(200, {"status": "ok"})
        elif self.path == "/chains":
            self.answer(200, [chain.hash])
        elif self.path == f"/{chain.hash}/info":
            self.answer(200, _info(chain))
        elif found := re.fullmatch(rf"/{chain.hash}/public/(latest|[1-9][0-9]{{0,18}})", self.path):
            self._round(found[1])
        else:
            self.answer(404, {"error": "not found"})

    def _round(self, wanted: str) -> None:
        latest = self.server.owner.latest()
        number = latest if wanted == "latest" else int(wanted)
        if not 1 <= number <= latest:
            self.answer(425, {"error": "this round does not exist yet"})
            return
        signature = sign(number)
        randomness = sha256(signature).hexdigest()
        self.answer(200, {"round": number, "randomness": randomness, "signature": signature.hex()})


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
    with DevelopmentBeacon(port) as beacon, suppress(KeyboardInterrupt):
        click.echo(beacon.url)
        click.echo(f"chain {chain_hash()}; its key is public, so it proves nothing")
        beacon.wait()


if __name__ == "__main__":
    main()
