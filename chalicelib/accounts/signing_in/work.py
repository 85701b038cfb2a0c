"""A small proof of work, which unknown devices show in a surge. Pure, and nothing is stored.

The answer to a challenge is a text for which SHA-256 of `<challenge>.<answer>` begins with a number of zero bits. A
phone finds one in about a second. A challenge is for one contact and lives for minutes. So an answer serves that
contact only, which has its own limits.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

LIFETIME = timedelta(minutes=5)


def challenge(key: bytes, contact_mac: str, now: datetime) -> str:
    """A challenge: until when it is valid, and a keyed hash of that and the contact, by which we recognise it."""
    return _signed(key, contact_mac, int((now + LIFETIME).timestamp()))


def is_done(key: bytes, contact_mac: str, bits: int, given: tuple[str, str], now: datetime) -> bool:
    """Whether `given` is a valid challenge for this contact, and an answer to it."""
    posed, answer = given
    until = posed.partition(".")[0]
    if not (until.isascii() and until.isdigit() and len(until) <= 12) or int(until) <= now.timestamp():
        return False
    if not hmac.compare_digest(_signed(key, contact_mac, int(until)).encode(), posed.encode()):
        return False
    return int.from_bytes(sha256(f"{posed}.{answer}".encode()).digest(), "big") >> (256 - bits) == 0


def _signed(key: bytes, contact_mac: str, until: int) -> str:
    return f"{until}.{hmac.digest(key, f'{until}.{contact_mac}'.encode(), 'sha256').hex()}"
