"""ID tokens of other issuers (OpenID Connect). Each can be exchanged once for a session of ours.

An ID token proves to the client that it names who signed in there. It is accepted if its issuer is configured, a key of
that issuer signed it, and its algorithm is allowed for that issuer (OpenID Connect Core, 3.1.3.7; RFC 8725). Its nonce
is the hash of a text that only the client knows, so a person who only saw the token cannot use it.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ...errors import Unavailable
from ...ids import derived_id
from ...values import Value
from ..errors import IdTokenRefused

if TYPE_CHECKING:
    from joserfc.jwk import Key

    from ...figures.people import IssuerRules

KEYS_KEPT = timedelta(hours=1)
"""How long an issuer's keys are kept. After that a key that it withdrew is refused."""
ASKED_AT_MOST_EVERY = timedelta(minutes=1)
"""An issuer is asked for its keys at most once in this time, even if many tokens name an unknown key."""
FRESH_S = 600
"""The greatest age of a token, in seconds: it must be exchanged soon after it was issued."""
CLOCKS_DIFFER_S = 60
JWKS_BYTES_MAX = 256 * 1024

_NIK = re.compile("[0-9]{16}")
_SUBJECT = re.compile("[\\x20-\\x7e]{1,255}")
"""The form of a subject, by OpenID Connect Core."""


class _Header(msgspec.Struct, frozen=True):
    """The part of a token's header that is read. Its type must be JWT, and critical extensions are refused."""

    kid: str | None = None
    typ: Literal["JWT", "jwt"] = "JWT"
    crit: None = None


class Identity(Value, frozen=True):
    """The person that a token names. `token_id` is the same for all encodings of one token."""

    issuer: str
    subject: str
    token_id: str


class Issuers:
    """The configured issuers. `fetch` gets a JWKS; an `OSError` of it becomes `Unavailable`."""

    def __init__(self, issuers: Sequence[IssuerRules], fetch: Callable[[str], bytes]) -> None:
        self._issuers = {one.name: (one, _Keys(one.jwks_url, fetch)) for one in issuers}

    def identity(self, name: str, token: str, nonce: str, now: datetime) -> Identity:
        """The person that an ID token of the issuer `name` names.

        `nonce` is the text whose SHA-256 (base64url) the token has as its nonce. Raises `IdTokenRefused`, or
        `Unavailable` when the issuer's keys cannot be had.
        """
        rules, claims = self._checked(name, token, nonce, now)
        return Identity(rules.issuer, claims["sub"], _token_id(token))

    def nik(self, name: str, token: str, nonce: str, now: datetime) -> str:
        """The NIK of whoever has just signed in at an issuer that knows NIKs, as in `identity`: 16 digits.

        The sign-in must be as strong as configured and as recent as the token. Raises as `identity`.
        """
        rules, claims = self._checked(name, token, nonce, now)
        known, nik = rules.presence, claims.get(rules.presence.nik_claim) if rules.presence else None
        right = known is not None and claims.get("acr") in known.acr and _is_fresh(claims.get("auth_time"), now)
        if not right or not isinstance(nik, str) or not _NIK.fullmatch(nik):
            raise IdTokenRefused()
        return nik

    def _checked(self, name: str, token: str, nonce: str, now: datetime) -> tuple[IssuerRules, dict[str, Any]]:
        """The claims of a token that this issuer made for us. Raises as `identity`."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jws import JWSRegistry

        if name not in self._issuers:
            raise IdTokenRefused()
        rules, keys = self._issuers[name]
        # Unknown header parameters are ignored, as RFC 7515 requires.
        registry = JWSRegistry(algorithms=rules.algorithms, strict_check_header=False)
        try:
            header = msgspec.json.decode(urlsafe_b64decode(token.partition(".")[0] + "=="), type=_Header)
            found = jwt.decode(token, keys.get(header.kid, now), registry=registry)
        except (JoseError, ValueError) as error:
            raise IdTokenRefused() from error
        _check(found.claims, rules, nonce, now)
        return rules, found.claims


def hashed(nonce: str) -> str:
    """The nonce of an ID token for the text that the client keeps: base64url of its SHA-256."""
    return urlsafe_b64encode(sha256(nonce.encode()).digest()).rstrip(b"=").decode()


def _is_fresh(instant: object, now: datetime) -> bool:
    """Whether seconds since 1970 are of the last minutes, by clocks that differ a little."""
    return type(instant) is int and -FRESH_S <= instant - int(now.timestamp()) <= CLOCKS_DIFFER_S


def _check(claims: dict[str, Any], rules: IssuerRules, nonce: str, now: datetime) -> None:
    """Raises `IdTokenRefused`."""
    subject, expires = claims.get("sub"), claims.get("exp")
    present = int(now.timestamp())
    right = {
        "issuer": claims.get("iss") == rules.issuer,
        # One audience only: with several, any of them could have passed the token on.
        "audience": claims.get("aud") in (rules.audience, [rules.audience]),
        "party": claims.get("azp", rules.audience) == rules.audience,
        # Keycloak and others say in these claims what kind of token it is.
        "kind": (claims.get("typ", "ID"), claims.get("token_use", "id")) == ("ID", "id"),
        "fresh": _is_fresh(claims.get("iat"), now),
        "not over": type(expires) is int and expires > present,
        "nonce": claims.get("nonce") == hashed(nonce),
    }
    if not all(right.values()) or not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise IdTokenRefused()


def _token_id(token: str) -> str:
    """An id of the signed part of a token alone, as one signature can be encoded in several ways."""
    return derived_id("id-token/1", token.rpartition(".")[0])


class _Keys:
    """An issuer's keys by id, as fetched last."""

    def __init__(self, url: str, fetch: Callable[[str], bytes]) -> None:
        self._url = url
        self._fetch = fetch
        self._keys: dict[str, Key] = {}
        self._had_at: datetime | None = None
        self._asked_at: datetime | None = None

    def get(self, kid: str | None, now: datetime) -> Key:
        """The key with this id; without one, the issuer's only key (OpenID Connect Core, 10.1).

        Raises `IdTokenRefused` if the issuer has no such key, `Unavailable` if it does not answer.
        """
        believed = self._had_at is not None and now - self._had_at < KEYS_KEPT
        if not believed or (kid is not None and kid not in self._keys):
            self._ask(now)
            if self._had_at != self._asked_at:
                raise Unavailable()
        if kid is None and len(self._keys) == 1:
            [kid] = self._keys
        if kid not in self._keys:
            raise IdTokenRefused()
        return self._keys[kid]

    def _ask(self, now: datetime) -> None:
        if self._asked_at is not None and now - self._asked_at < ASKED_AT_MOST_EVERY:
            return
        self._asked_at = now
        try:
            listed = json.loads(self._fetch(self._url))["keys"]
            self._keys = {key.kid or key.thumbprint(): key for one in listed if (key := _key(one))}
            self._had_at = now
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable() from error


def _key(jwk: dict[str, Any]) -> Key | None:
    """A public key of a JWKS. None for another kind of key, which RFC 7517 says to ignore, and for a secret one."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    kinds: dict[object, type[ECKey | OKPKey | RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
    try:
        return kinds[jwk["kty"]].import_key(jwk)
    except (JoseError, ValueError, KeyError, TypeError):
        return None


def fetch(url: str) -> bytes:
    """The body of a 200 answer of at most `JWKS_BYTES_MAX` that comes within seconds. Raises `OSError` otherwise."""
    import urllib3

    try:
        limits = urllib3.Timeout(connect=1, read=2)
        answer = urllib3.request("GET", url, retries=False, timeout=limits, preload_content=False)
        body = answer.read(JWKS_BYTES_MAX + 1)
        answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise OSError(type(error).__name__) from error
    if answer.status != HTTPStatus.OK or len(body) > JWKS_BYTES_MAX:
        raise OSError(f"status {answer.status}, {len(body)} bytes")
    return body
