"""How partners sign: the canonical form, the clock's edges, and every way of tampering."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.training import signatures
from chalicelib.training.errors import SignatureMissing

PARTNER = "a" * 26
KEY = bytes(range(32))
PATH = "/partners/training-completions"
BODY = b'{"card_number":"1"}'
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SKEW_S = 300


def signed() -> dict[str, str]:
    return signatures.sign(PARTNER, KEY.hex(), "POST", PATH, BODY, NOW)


def claimed(headers: dict[str, str]) -> signatures.Claim:
    return signatures.claim(headers, NOW, SKEW_S)


def test_the_signature_is_hmac_sha_256_over_six_lines():
    text = f"gelombang1\nPOST\n{PATH}\n\n{int(NOW.timestamp())}\n{hashlib.sha256(BODY).hexdigest()}"
    assert signed()["Gelombang-Signature"] == hmac.new(KEY, text.encode(), "sha256").hexdigest()


def test_what_is_signed_is_accepted_whatever_the_case_of_the_header_names():
    for headers in (signed(), {name.lower(): value for name, value in signed().items()}):
        assert signatures.is_signed(claimed(headers), KEY, "POST", PATH, "", BODY)


@pytest.mark.parametrize(
    ("key", "method", "path", "query", "body"),
    [
        (KEY[:-1] + b"\0", "POST", PATH, "", BODY),
        (KEY, "PUT", PATH, "", BODY),
        (KEY, "post", PATH, "", BODY),
        (KEY, "POST", PATH + "/", "", BODY),
        (KEY, "POST", "/api" + PATH, "", BODY),
        (KEY, "POST", PATH, "=", BODY),
        (KEY, "POST", PATH, "limit=1", BODY),
        (KEY, "POST", PATH, "", BODY + b" "),
        (KEY, "POST", PATH, "", BODY.replace(b"1", b"2")),
        (KEY, "POST", PATH, "", b""),
    ],
)
def test_another_key_method_path_query_or_body_is_not_what_was_signed(key, method, path, query, body):
    assert not signatures.is_signed(claimed(signed()), key, method, path, query, body)


def test_no_two_requests_share_a_canonical_text():
    # The path is the only part that could hold a line feed; the lines after it have a fixed form.
    def made(path: str, query: str, timestamp: str) -> str:
        return signatures.signature(KEY, "POST", path, query, timestamp, BODY)

    assert made("/a\nb=1", "", "2") != made("/a", "b=1", "2")
    assert made("/a\n1", "", "2") != made("/a", "", "1\n2")


Pairs = list[tuple[str, str]]
PAIRS = st.lists(st.tuples(st.text(), st.text()), max_size=5)


@pytest.mark.parametrize(
    ("pairs", "form"),
    [
        ([], ""),
        ([("", "")], "="),
        ([("limit", "20"), ("cursor", "b")], "cursor=b&limit=20"),
        ([("a", "1"), ("a-b", "1")], "a-b=1&a=1"),
        ([("q", "2"), ("q", "10"), ("q", "2")], "q=10&q=2&q=2"),
        ([("q", "")], "q="),
        ([("q", " +%2B&=/~")], "q=%20%2B%252B%26%3D%2F~"),
        ([("kafé", "é🙂")], "kaf%C3%A9=%C3%A9%F0%9F%99%82"),
        ([("q", "e\u0301")], "q=e%CC%81"),
        ([("q", "\ud83d")], "q=%ED%A0%BD"),
        ([("q", "a\nb\0")], "q=a%0Ab%00"),
    ],
)
def test_a_query_has_one_form(pairs, form):
    assert signatures.canonical_query(pairs) == signatures.canonical_query(pairs[::-1]) == form


@given(PAIRS)
def test_the_one_form_says_what_was_given_in_a_fixed_order_and_is_one_line(pairs):
    form = signatures.canonical_query(pairs)
    assert sorted(parse_qsl(form, keep_blank_values=True)) == sorted(pairs)
    assert signatures.canonical_query(parse_qsl(form, keep_blank_values=True)) == form
    assert re.fullmatch(r"[A-Za-z0-9._~%=&-]*", form)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *(("Gelombang-Partner", value) for value in (None, "", "A" * 26, "a" * 27, "a" * 25 + "#", "a" * 26 + "\n")),
        *(("Gelombang-Timestamp", value) for value in (None, "2026-11-24T03:00:00Z", "01795489200", "1795489200.0")),
        *(("Gelombang-Timestamp", value) for value in (" 1795489200", "١٧٩٥٤٨٩٢٠٠", "9" * 400)),
        *(("Gelombang-Signature", value) for value in (None, "0" * 63, "0" * 65, "é" * 64, "0" * 64 + "\n")),
        # One spelling only: a replay cannot be respelt.
        ("Gelombang-Signature", signed()["Gelombang-Signature"].upper()),
    ],
)
def test_a_header_that_is_absent_or_of_another_form_is_named_before_anything_is_looked_up(header, value):
    headers = {name: sent for name, sent in (signed() | {header: value}).items() if sent is not None}
    with pytest.raises(SignatureMissing) as refused:
        claimed(headers)
    assert refused.value.facts == {"header": header}
