"""A small proof of work: what a surge asks of devices that nobody knows. Pure, and nothing of it is kept.

The answer to a challenge is any text so that SHA-256 of `<challenge>.<answer>` begins with so many zero bits. A phone
finds one in about a second. A challenge is of one contact and lives for minutes, so an answer serves that contact only,
which has its own limits.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

LIFETIME = timedelta(minutes=5)


def challenge(key: bytes, contact_mac: str, now: datetime) -> str:
    """Ours to recognise: until when it is good, and a keyed hash of that and the contact."""
    return _signed(key, contact_mac, int((now + LIFETIME).timestamp()))


def is_done(key: bytes, contact_mac: str, bits: int, given: tuple[str, str], now: datetime) -> bool:
    """Whether `given` are a challenge for this contact, still good, and an answer to it."""
    posed, answer = given
    until = posed.partition(".")[0]
    if not (until.isascii() and until.isdigit() and len(until) <= 12) or int(until) <= now.timestamp():
        return False
    if not hmac.compare_digest(_signed(key, contact_mac, int(until)).encode(), posed.encode()):
        return False
    return int.from_bytes(sha256(f"{posed}.{answer}".encode()).digest(), "big") >> (256 - bits) == 0


def _signed(key: bytes, contact_mac: str, until: int) -> str:
    return f"{until}.{hmac.digest(key, f'{until}.{contact_mac}'.encode(), 'sha256').hex()}"
