"""The codes of a sign-in. They are computed from a key that only KMS can derive, so no code is stored. Pure."""

from __future__ import annotations

import hmac

from ... import typed_text

_DIGITS = 6


def code(code_key: bytes, sending: int) -> str:
    """The six digits of a sign-in's nth sending, from 1. They are always the same."""
    mac = hmac.digest(code_key, f"code/{sending}".encode(), "sha256")
    # The remainder of 2^256 values is uneven, but far too little to measure.
    return f"{int.from_bytes(mac, 'big') % 10**_DIGITS:0{_DIGITS}d}"


def same(expected: str, typed: str) -> bool:
    """Whether a person typed this code, in any grouping. It takes equally long for every wrong code."""
    return hmac.compare_digest(expected.encode(), typed_text.compact(typed).encode())
