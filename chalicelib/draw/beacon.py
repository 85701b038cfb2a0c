"""The public random beacon: drand signatures (BLS on G1, RFC 9380), verified.

docs/draw.md section 4. A signature proves itself, so anybody may hand it in.
"""

from __future__ import annotations

from hashlib import sha256

from ..values import Value
from .errors import ForgedBeacon
from .note import Chain

DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
SIGNATURE_BYTES = 48
IDENTITY = b"\xc0" + bytes(47)
G2_GENERATOR = bytes.fromhex(
    "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
)
"""The generator of G2, compressed (the same in every implementation of BLS12-381)."""


class Beacon(Value, frozen=True):
    """A verified round: `chain` is the chain's hash in hex, `signature` 48 bytes, `randomness` 32 bytes."""

    chain: str
    round: int
    signature: bytes
    randomness: bytes


def message(round_number: int) -> bytes:
    """What the chain signs for a round: H(u64 round)."""
    return sha256(round_number.to_bytes(8, "big")).digest()


def verify(chain: Chain, round_number: int, signature: bytes) -> Beacon:
    """The beacon of a round, if `signature` is the chain's own. Raises `ForgedBeacon` with the reason."""
    import pyblst  # 5 MB of machine code that only the draw needs

    if len(signature) != SIGNATURE_BYTES:
        raise ForgedBeacon(round=round_number, reason="not 48 bytes")
    if signature == IDENTITY:
        raise ForgedBeacon(round=round_number, reason="the identity point")
    try:
        point = pyblst.BlstP1Element.uncompress(signature)  # refuses what is not on the curve or not in the subgroup
    except ValueError as error:
        raise ForgedBeacon(round=round_number, reason="not a point of the group") from error
    key = pyblst.BlstP2Element.uncompress(bytes.fromhex(chain.public_key))
    generator = pyblst.BlstP2Element.uncompress(G2_GENERATOR)
    hashed = pyblst.BlstP1Element.hash_to_group(message(round_number), DST)
    if not pyblst.final_verify(pyblst.miller_loop(point, generator), pyblst.miller_loop(hashed, key)):
        raise ForgedBeacon(round=round_number, reason="not signed by the pinned key")
    return Beacon(chain.hash, round_number, signature, sha256(signature).digest())
