"""Identifiers: derived where a replay must collide with itself, random only where nobody may guess.

Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable

Randomness = Callable[[int], bytes]
"""Returns that many bytes nobody can predict; a parameter, so that tests can fix it."""

system_randomness: Randomness = secrets.token_bytes


def derived_id(tag: str, *parts: str | int) -> str:
    """26 lower-case base32 characters (the first 128 bits of a SHA-256) over the tag and the parts.

    The same tag and parts always give the same id. Parts are length-prefixed: ("ab", "c") is not ("a", "bc").
    """
    digest = hashlib.sha256()
    for part in (tag, *parts):
        raw = str(part).encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return _base32(digest.digest()[:16])


def random_id(randomness: Randomness) -> str:
    """26 lower-case base32 characters of 128 random bits."""
    return _base32(randomness(16))


def shard(person: str, shards: int) -> str:
    """The two digits of the partition that holds a person, of at most 100 that people are spread over evenly."""
    return f"{hashlib.sha256(person.encode()).digest()[0] % shards:02d}"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def same_person(one: str, other: str) -> bool:
    """Whether two IAM identities (ARN) are one person's, whatever the spelling or the role.

    Compared is the name at the end: a user's, or a session's, which roles force to be the person's (operating.md). Two
    people of one name in two accounts count as one too.
    """
    return _name(one) == _name(other)


def _name(identity: str) -> str:
    return identity.strip().casefold().rpartition("/")[2]
