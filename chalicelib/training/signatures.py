"""How a training partner signs a request, and how a signature is judged. Pure, standard library only.

The signature is HMAC-SHA-256, in lower-case hex, under the partner's key over six lines joined by one line feed, with
none at the end::

    gelombang1
    GET
    /partners/vacancies
    limit=20
    1795489200
    <lower-case hex SHA-256 of the body's bytes>

that is: the scheme's name, the method in capitals, the resource path as documented (no host, no stage, no query), the
query in its one form (`canonical_query`; an empty line without one), the time in Unix seconds as it stands in the
header, and the body exactly as sent. `docs/partners.md` has worked examples.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import quote

from ..values import Value
from .errors import SignatureExpired, SignatureMissing

SCHEME = "gelombang1"
PARTNER = "Gelombang-Partner"
TIMESTAMP = "Gelombang-Timestamp"
SIGNATURE = "Gelombang-Signature"
KEY_BYTES = 32

# Each has one form, so that the same thing cannot be spelt in two ways.
_FORMS = {
    PARTNER: re.compile(r"[a-z2-7]{26}"),
    TIMESTAMP: re.compile(r"[1-9][0-9]{8,11}"),
    SIGNATURE: re.compile(r"[0-9a-f]{64}"),
}


class Claim(Value, frozen=True):
    """What a request says of itself, not verified yet. `timestamp` is the text that was signed."""

    partner_id: str
    timestamp: str
    signature: str


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """The one form of a query, made from decoded names and values: each encoded, `name=value`, sorted, joined by `&`.

    Encoded as RFC 3986 says, over UTF-8: all but letters, digits, `-._~` is `%` and two capital hex digits. API Gateway
    passes a query on decoded and in no order, so it cannot be signed as it was sent.
    """
    return "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs))


def signature(key: bytes, method: str, path: str, query: str, timestamp: str, body: bytes) -> str:
    """The signature of a request whose `query` is in its one form: 64 lower-case hex digits."""
    lines = (SCHEME, method, path, query, timestamp, hashlib.sha256(body).hexdigest())
    return hmac.digest(key, "\n".join(lines).encode(), hashlib.sha256).hex()


def sign(
    partner_id: str, key_hex: str, method: str, path: str, body: bytes, now: datetime, query: str = ""
) -> dict[str, str]:
    """The three headers that a partner adds to a request. `key_hex` is the key as the partner got it."""
    timestamp = str(int(now.timestamp()))
    return {
        PARTNER: partner_id,
        TIMESTAMP: timestamp,
        SIGNATURE: signature(bytes.fromhex(key_hex), method, path, query, timestamp, body),
    }


def claim(headers: Mapping[str, str], now: datetime, clock_skew_s: int) -> Claim:
    """Read the signing headers; the case of their names does not matter.

    Raises `SignatureMissing` (absent or malformed), then `SignatureExpired` (more than `clock_skew_s` seconds from
    `now`, either way; exactly that many are accepted).
    """
    sent = {name.lower(): value for name, value in headers.items()}
    for header, form in _FORMS.items():
        if not form.fullmatch(sent.get(header.lower(), "")):
            raise SignatureMissing(header=header)
    timestamp = sent[TIMESTAMP.lower()]
    if abs(now.timestamp() - int(timestamp)) > clock_skew_s:
        raise SignatureExpired(clock_skew_s=clock_skew_s)
    return Claim(sent[PARTNER.lower()], timestamp, sent[SIGNATURE.lower()])


def is_signed(claimed: Claim, key: bytes, method: str, path: str, query: str, body: bytes) -> bool:
    """Whether the claim's signature is that of this request under this key; it takes the same time either way."""
    return hmac.compare_digest(claimed.signature, signature(key, method, path, query, claimed.timestamp, body))


def _encoded(text: str) -> str:
    # Half a surrogate pair is no text; it must neither stop us nor equal anything else.
    return quote(text, safe="", errors="surrogatepass")
