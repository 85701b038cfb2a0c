"""A code follows only from its key and its number."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.signing_in import codes

KEY = bytes(range(32))


CODES = ["804192", "480100", "915319"]
"""int(HMAC-SHA256(key, "code/<n>")) mod 10^6, as another program found them."""


def test_a_code_is_always_computed_the_same():
    assert [codes.code(KEY, n) for n in (1, 2, 3)] == CODES


@given(st.binary(min_size=32, max_size=32), st.integers(1, 3))
def test_a_code_has_six_digits(key, sending):
    code = codes.code(key, sending)
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()


def test_first_digits_are_evenly_distributed():
    first = Counter(codes.code(n.to_bytes(32, "big"), 1)[0] for n in range(10_000))
    assert sorted(first) == list("0123456789")
    assert max(first.values()) < 1150


def test_a_code_may_be_typed_in_groups_and_in_any_digits():
    for typed in ("012345", "012 345", "012-345", "０１２３４５", " 012345\n"):
        assert codes.same("012345", typed)
    for typed in ("", "12345", "0123456", "012346", "O12345", "0123４x", "é"):
        assert not codes.same("012345", typed)
