"""The codes of a sign-in. They follow from a key that only KMS can make again, so none is ever stored. Pure."""

from __future__ import annotations

import hmac

from ... import typed_text

_DIGITS = 6


def code(code_key: bytes, sending: int) -> str:
    """The six digits of a sign-in's nth sending, the first being 1: the same whenever and wherever they are made."""
    mac = hmac.digest(code_key, f"code/{sending}".encode(), "sha256")
    # Of 2^256 values the remainder prefers none to a degree that anybody could measure.
    return f"{int.from_bytes(mac, 'big') % 10**_DIGITS:0{_DIGITS}d}"


def same(expected: str, typed: str) -> bool:
    """Whether a person typed this code, however grouped; takes as long for every wrong code."""
    return hmac.compare_digest(expected.encode(), typed_text.compact(typed).encode())
