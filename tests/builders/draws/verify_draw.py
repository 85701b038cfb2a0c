"""The published verifier, run in this process on a folder, an address or files in memory."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from admin.commands.draws.verify import program
from tests.builders.draws.files import build_list, published_draw


class Verdict:
    """What a run said."""

    def __init__(self, code: int, report: dict[str, Any]) -> None:
        self.code = code
        self.ok: bool = report["ok"]
        self.checks: list[dict[str, Any]] = report["checks"]

    @property
    def failures(self) -> list[str]:
        """The names of what failed, each once, in the order of the report."""
        return list(dict.fromkeys(c["detail"].partition(":")[0] for c in self.checks if c["ok"] is False))

    @property
    def unchecked(self) -> list[str]:
        return [c["name"] for c in self.checks if c["ok"] is None]

    def detail(self, name: str) -> str:
        return " / ".join(c["detail"] for c in self.checks if c["name"] == name)


@functools.cache
def _parser() -> Any:
    """Of its arguments. From here on it checks the same bytes of a witness once: Python needs 40 ms for a signature."""
    for name in ("ed25519_verifies", "witness_point"):
        setattr(program(), name, functools.lru_cache(getattr(program(), name)))
    return program().arguments()


def verify(target: object, *arguments: object) -> Verdict:
    """Run it in this process, which spares every test a start of Python."""
    told, parser = io.StringIO(), _parser()
    given = parser.parse_args([str(target), "--json", *map(str, arguments)])
    with contextlib.redirect_stdout(told):
        code = program().run(parser, given)
    return Verdict(code, json.loads(told.getvalue()))


class Kept:
    """Published files in memory."""

    note_seen: float | None = None

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, name: str, most: int, start: int = 0, whole: int | None = None, watch: Any = None) -> bytes:
        if name not in self._files:
            raise program().Absent(f"missing: {name} is not there")
        program().sized(name, len(self._files[name]), most, whole)
        if watch:
            watch(self._files[name])
        return self._files[name][start : start + most]


def verify_files(files: Mapping[str, bytes], *arguments: object, wave: int | None = None) -> Verdict:
    """The same of files in memory; `wave` is what their folder would be named after."""
    with mock.patch.object(program(), "open_target", return_value=(Kept(files), wave)):
        return verify(".", *arguments)


def ticket(number: int) -> bytes:
    return number.to_bytes(32, "big")


def lists(wave: int, sizes: Mapping[int, int]) -> dict[int, bytes]:
    """Lists whose tickets are known: 0, 1, 2... of each region."""
    return {r: build_list(wave, r, map(ticket, range(size))) for r, size in sizes.items() if size}


@functools.cache
def small_wave() -> dict[str, bytes]:
    """Wave 54: three regions, one of which has fewer entries than seats; open seats; seven substitutions."""
    return published_draw(54, lists(54, {31: 30, 32: 20, 96: 2}), {31: 4, 96: 3}, 20, leaving=[0, 0, 1, 5, 0, 9, 14])


def cosignature(seed: bytes, name: str, note: bytes, at: int) -> tuple[str, str]:
    """A witness's key, as it is given to a verifier, and its line."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = b"\x04" + private.public_key().public_bytes_raw()
    identity = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    signature = private.sign(b"cosignature/v1\ntime %d\n" % at + note)
    body = base64.b64encode(identity + at.to_bytes(8, "big") + signature).decode()
    return f"{name}+{identity.hex()}+{base64.b64encode(key).decode()}", f"— {name} {body}\n"
