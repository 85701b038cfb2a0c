"""The verifier that is published as one file: loaded by its path, as nothing may import it, and run on a folder."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.draw import leaves
from tests.builders.draws.files import published_draw

PROGRAM = Path(__file__).parents[3] / "chalicelib/draw/public/verify_draw.py"


@functools.cache
def program() -> ModuleType:
    """The file as a module, of a name that nothing else has."""
    spec = importlib.util.spec_from_file_location("the_published_verifier", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


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


def verify(target: object, *arguments: str) -> Verdict:
    """Run it in this process, which spares every test a start of Python."""
    told = io.StringIO()
    command = ["verify_draw.py", str(target), "--json", *arguments]
    with mock.patch.object(sys, "argv", command), contextlib.redirect_stdout(told):
        code = program().main()
    return Verdict(code, json.loads(told.getvalue()))


def ticket(number: int) -> bytes:
    return number.to_bytes(32, "big")


def lists(wave: int, sizes: Mapping[int, int]) -> dict[int, bytes]:
    """Lists whose tickets are known: 0, 1, 2... of each region."""
    return {r: leaves.build_list(wave, r, map(ticket, range(size))) for r, size in sizes.items() if size}


@functools.cache
def small_wave() -> dict[str, bytes]:
    """Wave 54: three regions, one of which has fewer entries than seats; open seats; seven substitutions."""
    return published_draw(54, lists(54, {31: 30, 32: 20, 96: 2}), {31: 4, 96: 3}, 20, leaving=[0, 0, 1, 5, 0, 9, 14])


def cosignature(seed: bytes, name: str, note: bytes, at: int) -> tuple[str, str]:
    """A witness's key, as it is given to a verifier, and its line."""
    import base64
    import hashlib

    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = b"\x04" + private.public_key().public_bytes_raw()
    identity = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    signature = private.sign(b"cosignature/v1\ntime %d\n" % at + note)
    body = base64.b64encode(identity + at.to_bytes(8, "big") + signature).decode()
    return f"{name}+{identity.hex()}+{base64.b64encode(key).decode()}", f"— {name} {body}\n"
