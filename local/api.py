"""The public HTTP API as a device of one of the demo's people sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3


class Unexpected(Exception):
    """An answer was not the one that the rules call for; the message names request and answer, never what was sent."""


@dataclass(frozen=True)
class Answer:
    """Status and decoded JSON (None where there is none) of the answer to `request`, such as `PUT /me/registration`."""

    request: str
    status: int
    body: Any

    @property
    def code(self) -> str:
        """The problem document's code; empty for anything else."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    def expect(self, *statuses: int, code: str = "") -> Answer:
        """Itself, if it has one of these statuses and, where one is named, this code. Raises `Unexpected`."""
        if self.status not in statuses or (code and self.code != code):
            wanted = " or ".join(map(str, statuses))
            raise Unexpected(f"{self.request} answered {self.status} {self.code}, expected {wanted} {code}".rstrip())
        return self


class Api:
    """`url` is the API's address without a slash at the end, `keys_url` where its user pool shows its public keys.

    Safe for threads; keeps `connections` of them open.
    A service that says "busy, try again" is asked again a few times, as any sensible client does; nothing else is.
    """

    def __init__(self, url: str, keys_url: str, connections: int) -> None:
        self._url = url
        self._keys_url = keys_url
        self._http = urllib3.PoolManager(
            maxsize=connections,
            timeout=urllib3.Timeout(connect=5, read=35),
            retries=urllib3.Retry(
                connect=2,
                read=0,
                redirect=0,
                status=4,
                status_forcelist=(429, 503),
                allowed_methods=None,
                backoff_factor=0.3,
                raise_on_status=False,
            ),
        )

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request with a JSON body (bytes go as they are). Raises urllib3's HTTPError without an answer."""
        sent = {"Accept": "application/json", "Accept-Language": "id", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        raw = body
        if body is not None:
            sent["Content-Type"] = "application/json"
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self._http.request(method, self._url + path, body=raw, headers=sent)
        return Answer(f"{method} {path}", response.status, _parsed(response.data))

    def text(self, path: str) -> str:
        """A page that is no JSON. Raises `Unexpected` for any status but 200."""
        response = self._http.request("GET", self._url + path)
        if response.status != 200:
            raise Unexpected(f"GET {path} answered {response.status}")
        return response.data.decode()

    def keys(self) -> dict[str, Any]:
        """The pool's public keys (a JWKS), which anybody may fetch."""
        found: dict[str, Any] = self._http.request("GET", self._keys_url).json()
        return found


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None
