"""The page's own cryptography in the browser, compared with vectors that were made elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.web.verifier_page import FILE
from tests.builders.draws.files import QUICKNET, VECTORS

from .conftest import Open

P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
HASHING = json.loads((Path(__file__).parent.parent / "vectors/hash_to_g1.json").read_text())
SIGNATURES = VECTORS["drand_quicknet"]


@pytest.fixture
def page(visit: Open) -> Any:
    page = visit(FILE.as_uri()).page
    page.evaluate("() => { window.bytes = gelombang.unhex; }")
    return page


def message(round_number: int) -> str:
    return hashlib.sha256(round_number.to_bytes(8, "big")).hexdigest()


def fault(page: Any, signature: str, round_number: int = 123, key: str = QUICKNET.public_key) -> str | None:
    """What the page has against a signature."""
    return page.evaluate(
        "([key, message, signature]) => gelombang.blsFault(bytes(key), bytes(message), bytes(signature))",
        [key, message(round_number), signature],
    )


def test_hashes_and_macs_of_every_length_are_those_of_python(page):
    for length in (0, 1, 31, 32, 55, 56, 63, 64, 65, 111, 112, 119, 127, 128, 129, 300):
        data, key = secrets.token_bytes(length), secrets.token_bytes(32)
        found = page.evaluate(
            "([key, data]) => [gelombang.sha256(bytes(data)), gelombang.sha512(bytes(data)),"
            " gelombang.hmac(bytes(key), bytes(data))].map(gelombang.hex)",
            [key.hex(), data.hex()],
        )
        assert found == [
            hashlib.sha256(data).hexdigest(),
            hashlib.sha512(data).hexdigest(),
            hmac.digest(key, data, "sha256").hex(),
        ]


@pytest.mark.parametrize("vector", HASHING["vectors"], ids=lambda vector: vector["msg"][:12] or "empty")
def test_hashing_to_the_curve_gives_the_points_of_rfc_9380(page, vector):
    found = page.evaluate(
        "([text, domain]) => gelombang.hashToG1(new TextEncoder().encode(text), domain).map(String)",
        [vector["msg"], HASHING["domain"]],
    )
    assert [int(part) for part in found] == [int(vector["x"], 16), int(vector["y"], 16)]


@pytest.mark.parametrize("real", SIGNATURES, ids=lambda real: str(real["round"]))
def test_drands_own_signatures_hold_for_their_round_and_no_other(page, real):
    assert fault(page, real["signature"], real["round"]) is None
    assert fault(page, real["signature"], real["round"] + 1) == "not signed by the pinned key"


def outside_the_group() -> str:
    """A compressed point of the curve that is not of the subgroup."""
    x = next(x for x in range(1, 50) if pow(x**3 + 4, (P - 1) // 2, P) == 1)
    return (x | 1 << 383).to_bytes(48, "big").hex()


def off_the_curve() -> str:
    x = next(x for x in range(1, 50) if pow(x**3 + 4, (P - 1) // 2, P) != 1)
    return (x | 1 << 383).to_bytes(48, "big").hex()


GOOD = SIGNATURES[1]["signature"]


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ("c0" + "00" * 47, "the identity point"),
        ("e0" + "00" * 47, "the identity point"),
        (outside_the_group(), "not a point of the group"),
        (off_the_curve(), "not a point of the curve"),
        (f"{P | 1 << 383:096x}", "not a point of the curve"),
        (f"{int(GOOD, 16) ^ 1 << 383:096x}", "not compressed"),
        (f"{int(GOOD, 16) ^ 1 << 381:096x}", "not signed by the pinned key"),
        (GOOD[:-2], "not 48 bytes"),
        (GOOD + "00", "not 48 bytes"),
        (SIGNATURES[0]["signature"], "not signed by the pinned key"),
    ],
)
def test_a_wrong_signature_is_refused_with_its_reason(page, signature, reason):
    assert fault(page, signature) == reason


def test_a_key_that_is_the_identity_signs_nothing(page):
    """With it, and the identity as signature, the equation would hold for any round."""
    assert fault(page, GOOD, key="c0" + "00" * 95) == "the identity point"


def test_ed25519_is_that_of_another_library(page):
    for length in (0, 1, 64, 200):
        key, text = Ed25519PrivateKey.generate(), secrets.token_bytes(length)
        public, signature = key.public_key().public_bytes_raw(), key.sign(text)
        order = 2**252 + 27742317777372353535851937790883648493
        again = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
        forged = [bytes(64), signature[:-1], signature[:5] + bytes([signature[5] ^ 1]) + signature[6:], again]
        found = page.evaluate(
            "([key, text, all]) => all.map((one) => gelombang.ed25519Verify(bytes(key), bytes(text), bytes(one)))",
            [public.hex(), text.hex(), [one.hex() for one in (signature, *forged)]],
        )
        assert found == [True, False, False, False, False]
