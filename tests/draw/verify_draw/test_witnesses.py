"""Witnesses in `verify_draw.py`, and its Ed25519 compared with another implementation."""

from __future__ import annotations

import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tests.builders.draws.verify_draw import Verdict, cosignature, program, small_wave, verify_files

v = program()
EXISTS = v.QUICKNET.time_of(657413)
NOTE = small_wave()["note.txt"]
KEY_A, LINE_A = cosignature(b"a" * 32, "a.example", NOTE, EXISTS - 1)
KEY_B, LINE_B = cosignature(b"b" * 32, "b.example/witness", NOTE, EXISTS - 600)
_, LATE_A = cosignature(b"a" * 32, "a.example", NOTE, EXISTS)
_, FORGED_A = cosignature(b"a" * 32, "a.example", NOTE + b"\n", EXISTS - 9)
ANOTHER_CHAIN = ("--chain", f"{'ab' * 32}:{'cd' * 96}:1:3:4")
BOTH = ("--witness", KEY_A, "--witness", KEY_B)


def seen(lines: str | bytes, *arguments: str) -> Verdict:
    content = lines if isinstance(lines, bytes) else lines.encode()
    return verify_files(small_wave() | {"cosignatures.txt": content}, *arguments)


def test_witnesses_in_time_make_a_quorum() -> None:
    verdict = seen(LINE_A + LINE_B, *BOTH, "--quorum", "2")
    assert verdict.ok
    assert verdict.detail("witnesses: quorum") == "2 signed in time, 2 are demanded"


def test_without_a_quorum_the_number_of_witnesses_is_printed() -> None:
    verdict = seen(LINE_A + LINE_B, "--witness", KEY_A, "--quorum", "0")
    assert verdict.ok
    assert verdict.detail("witnesses: quorum") == "1 signed in time, no witness is demanded"


def test_all_witnesses_given_by_the_verifier_must_have_signed() -> None:
    assert seen(LINE_A, *BOTH).failures == ["no quorum"]
    with pytest.raises(SystemExit):
        seen(LINE_A, *BOTH, "--quorum", "3")


def test_a_key_is_its_name_and_its_id() -> None:
    other_name, _ = cosignature(b"a" * 32, "other.example", NOTE, 1)
    assert seen(FORGED_A + LINE_A, "--witness", other_name, "--quorum", "1").failures == ["no quorum"]


def test_a_forged_line_and_a_late_one_are_named_each_by_itself() -> None:
    failures = ["forged cosignature", "late witness", "no quorum"]
    assert seen(FORGED_A + LATE_A + LINE_B, *BOTH, "--quorum", "2").failures == failures


def test_for_a_foreign_chain_signers_are_listed_without_a_quorum() -> None:
    verdict = verify_files(small_wave() | {"cosignatures.txt": (FORGED_A + LATE_A).encode()}, *BOTH, *ANOTHER_CHAIN)
    assert verdict.failures == ["foreign chain", "forged cosignature"]
    assert "witnesses: quorum" in verdict.unchecked


def test_a_malformed_line_invalidates_all_cosignatures() -> None:
    verdict = seen(LINE_A + "\n", *BOTH)
    assert verdict.failures == ["malformed"]
    assert verdict.detail("cosignatures.txt").startswith("malformed")
    assert "witnesses" in verdict.unchecked


def accepted(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_ed25519_agrees_with_another_implementation() -> None:
    chance = random.Random(5)
    for _ in range(25):
        private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        key, message = private.public_key().public_bytes_raw(), chance.randbytes(chance.randrange(200))
        signature = private.sign(message)
        assert v.ed25519_verifies(key, message, signature)
        wrong = bytearray(signature)
        wrong[chance.randrange(64)] ^= 1 << chance.randrange(8)
        assert v.ed25519_verifies(key, message, bytes(wrong)) == accepted(key, message, bytes(wrong))
        assert not v.ed25519_verifies(key, message + b"x", signature)


def test_ed25519_has_the_vector_of_the_rfc() -> None:
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert v.ed25519_verifies(key, b"\x72", signature)
    beyond = int.from_bytes(signature[32:], "little") + v.L
    assert not v.ed25519_verifies(key, b"\x72", signature[:32] + beyond.to_bytes(32, "little"))
    assert not v.ed25519_verifies(key, b"\x72", signature[:63])


@pytest.mark.parametrize(
    "point",
    [
        (1).to_bytes(32, "little"),  # the identity
        bytes(32),  # of order four
        (v.P - 1).to_bytes(32, "little"),  # of order two
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),  # of order eight
        (v.P + 1).to_bytes(32, "little"),  # another form of the identity
        (1 + 2**255).to_bytes(32, "little"),  # a zero with a sign
        (2).to_bytes(32, "little"),  # on no curve
        b"\xff" * 32,
    ],
)
def test_bad_points_are_no_keys_and_no_signatures(point: bytes) -> None:
    assert v.witness_point(point) is None
    assert not v.ed25519_verifies(point, b"anything", point + bytes(32))
