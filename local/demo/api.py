"""A client of the public HTTP API for the demo's people, and forged tokens that the API must refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3
from joserfc import jws
from joserfc.jwk import ECKey
from urllib3.exceptions import HTTPError

from .people import Way

PAUSES_S = (1.1, 1.1, 2, 4, 8, 16)
"""Pauses between two tries. Each is over a second, so that a partner's signature is a new one."""

_BUSY = {429, 500, 502, 503, 504}
"""Statuses that say nothing about the request: too many at once, or a function or authorizer that was too slow."""


class Unexpected(Exception):
    """An answer is not the one that the rules require. The message names request and answer, never what was sent."""


@dataclass(frozen=True)
class Answer:
    """Status and decoded JSON (None where there is none) of the answer to `request`, such as `PUT /me/registration`.

    `again`: it is the answer to a second try. The first try may have had its effect although its answer was lost.
    """

    request: str
    status: int
    body: Any
    again: bool = False

    @property
    def code(self) -> str:
        """The code of a problem document; empty for any other answer."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    def expect(self, *statuses: int, code: str = "") -> Answer:
        """Returns this answer if it has one of the statuses and, if one is given, the code. Raises `Unexpected`.

        After a second try, 200 is accepted for 201, as the first one may have made the thing.
        """
        if self.again and 201 in statuses:
            statuses = (*statuses, 200)
        if self.status not in statuses or (code and self.code != code):
            wanted = " or ".join(map(str, statuses))
            raise Unexpected(f"{self.request} answered {self.status} {self.code}, expected {wanted} {code}".rstrip())
        return self


def made_once(answers: Sequence[Answer]) -> bool:
    """Whether exactly one of several simultaneous requests made a thing, and the others found it."""
    made = [answer.status for answer in answers].count(201)
    lost = any(answer.again for answer in answers)
    return {answer.status for answer in answers} <= {200, 201} and (made == 1 or (lost and made == 0))


class Api:
    """The API at `url`, an address without a slash at the end.

    Safe for threads; keeps `connections` of them open.
    It repeats a request that is answered with "busy, try again" or not at all, and no other.
    """

    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        self._http = urllib3.PoolManager(
            maxsize=connections, timeout=urllib3.Timeout(connect=30, read=90), retries=False
        )
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Send no further requests and repeat none."""
        self._stopped.set()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        headers: Callable[[], Mapping[str, str]] = dict,
    ) -> Answer:
        """Send a request with a JSON body; bytes are sent unchanged. `headers` is called for each try.

        Raises urllib3's HTTPError if there is no answer.
        """
        for tried, pause_s in enumerate(PAUSES_S):
            if self._stopped.is_set():
                raise HTTPError("stopped")
            with suppress(HTTPError):
                answer = self._ask(method, path, body, token, headers(), again=tried > 0)
                if answer.status not in _BUSY:
                    return answer
            self._stopped.wait(pause_s)
        return self._ask(method, path, body, token, headers(), again=True)

    def _ask(self, method: str, path: str, body: Any, token: str, headers: Mapping[str, str], *, again: bool) -> Answer:
        sent = {"Accept": "application/json", "Accept-Language": "id", **headers}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        raw = body
        if body is not None:
            sent["Content-Type"] = "application/json"
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self._http.request(method, self.url + path, body=raw, headers=sent)
        return Answer(f"{method} {path}", response.status, _parsed(response.data), again)

    def text(self, path: str) -> str:
        """The text of a page that is not JSON. Raises `Unexpected` for any status but 200."""
        response = self._http.request("GET", self.url + path)
        if response.status != 200:
            raise Unexpected(f"GET {path} answered {response.status}")
        return response.data.decode()

    def keys(self) -> dict[str, Any]:
        """The public keys with which tokens are verified (a JWKS)."""
        found: dict[str, Any] = self._http.request("GET", f"{self.url}/.well-known/jwks.json").json()
        return found


def _parsed(raw: bytes) -> Any:
    with suppress(ValueError):
        return json.loads(raw)
    return None


# Forged tokens. A stranger can make them from a token of their own, the public keys and a key that they made. An
# expired token would take too long here; tests/accounts/tokens/test_tokens.py has it.


def spoiled(way: Way, token: str, keys: Callable[[], Mapping[str, Any]]) -> str:
    """Forge a token in one way. `keys` fetches the public keys (JWKS)."""
    if way is Way.FORM:
        return token
    header, claims, signature = token.split(".")
    named, said = _decoded(header), _decoded(claims)
    match way:
        case Way.FORGED:  # the signature's first character is changed, which changes six of its bits
            return f"{header}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        case Way.UNSIGNED:
            return f"{_encoded(named | {'alg': 'none'})}.{claims}."
        case Way.OTHER_ISSUER:  # as a deployment of the stranger's own would issue it
            return _signed(named | {"kid": "stranger"}, said | {"iss": "https://stranger.example"})
        case Way.OTHER_AUDIENCE:  # under the name of our key, but signed with the stranger's
            return _signed(named, said | {"aud": "stranger"})
    # A verifier that trusts the header would use the public key as the secret of HS256.
    [public] = [ECKey.import_key(key) for key in keys()["keys"] if key["kid"] == named["kid"]]
    signed = f"{_encoded(named | {'alg': 'HS256'})}.{claims}"
    # No library signs with such a secret.
    return f"{signed}.{_base64(hmac.digest(public.as_pem(private=False), signed.encode(), hashlib.sha256))}"


def _signed(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A well-formed token, signed with the stranger's own key."""
    return jws.serialize_compact(dict(header), json.dumps(claims), _own_key(), ["ES256"])


@cache
def _own_key() -> ECKey:
    return ECKey.generate_key("P-256")


def _decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _encoded(part: Mapping[str, Any]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
