"""Identifiers: derived where a repeat must get the same one, random only where nobody may guess it.

Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable

Randomness = Callable[[int], bytes]
"""Returns that many unpredictable bytes; a parameter, so that tests can fix them."""

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
    """The two digits of a person's partition, of at most 100, over which people are spread evenly."""
    return f"{hashlib.sha256(person.encode()).digest()[0] % shards:02d}"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


PERSON = "person/"
"""Before the id of somebody on the roster, where it is kept who did something (docs/administration.md)."""


def comparable(one: str, other: str) -> bool:
    """Whether both are people of the roster, or both IAM identities (ARN), as they are kept without a roster."""
    return one.startswith(PERSON) == other.startswith(PERSON)


def same_person(one: str, other: str) -> bool:
    """Whether two who did something may be one person, whatever the spelling or the role.

    Of identities the names at their ends are compared: a user's name, or a session's, which roles force to be the
    person's. Two people with one name in two accounts count as one, too. So do an identity from before the roster and
    somebody on it, as nothing tells them apart.
    """
    return not comparable(one, other) or _name(one) == _name(other)


def _name(identity: str) -> str:
    return identity.strip().casefold().rpartition("/")[2]
