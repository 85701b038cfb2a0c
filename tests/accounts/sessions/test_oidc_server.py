"""ID tokens of a real OpenID Connect server in another process are accepted if they are for us."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3

from chalicelib.accounts.errors import IdTokenRefused
from chalicelib.accounts.sessions.issuers import Issuers, fetch, hashed
from chalicelib.figures.people import IssuerRules

CLIENT, REDIRECT = "gelombang", "https://gelombang.example/signed-in"
HTTP = urllib3.PoolManager()
NONCE = "what only the client knows, and long"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--token-max-age", "300"]
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    fetch(f"{url}/jwks")
                    break
                except OSError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def signed_in(server: str, who: str, client: str = CLIENT, nonce: str = NONCE) -> dict[str, Any]:
    """The tokens of the authorization code flow, as a client of the server gets them."""
    asked = {"client_id": client, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid"}
    asked |= {"state": "x", "nonce": hashed(nonce)}
    address = f"{server}/oauth2/authorize?{urlencode(asked)}"
    agreed = HTTP.request("POST", address, fields={"sub": who}, encode_multipart=False, redirect=False)
    assert agreed.status == 302, agreed.data
    [code] = parse_qs(urlsplit(agreed.headers["location"]).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    form |= {"client_id": client, "client_secret": "any"}
    had = HTTP.request("POST", f"{server}/oauth2/token", fields=form, encode_multipart=False)
    assert had.status == 200, had.data
    return had.json()


def issuers(server: str, get: Callable[[str], bytes] = fetch, **changes: Any) -> Issuers:
    given = {"name": "mock", "issuer": server, "audience": CLIENT, "algorithms": ("RS256",)}
    return Issuers([IssuerRules(**{**given, "jwks_url": f"{server}/jwks", **changes})], get)


def test_a_token_of_a_real_server_names_its_subject(server):
    asked = []

    def get(url: str) -> bytes:
        asked.append(url)
        return fetch(url)

    ours, now = issuers(server, get), datetime.now(UTC)
    for who in ("siti", "budi", "siti"):
        found = ours.identity("mock", signed_in(server, who)["id_token"], NONCE, now)
        assert (found.issuer, found.subject) == (server, who)
    assert asked == [f"{server}/jwks"]


def test_tokens_of_a_real_server_for_others_or_other_purposes_are_refused(server):
    ours, now = issuers(server), datetime.now(UTC)
    mine = signed_in(server, "siti")
    for wrong in (mine["access_token"], mine["refresh_token"], signed_in(server, "siti", "other")["id_token"]):
        with pytest.raises(IdTokenRefused):
            ours.identity("mock", wrong, NONCE, now)
    with pytest.raises(IdTokenRefused):
        ours.identity("mock", mine["id_token"], "what somebody else knows, and long too", now)
    for changes in ({"issuer": f"{server}/"}, {"audience": "other"}, {"algorithms": ("ES256",)}):
        with pytest.raises(IdTokenRefused):
            issuers(server, **changes).identity("mock", mine["id_token"], NONCE, now)


def test_an_address_without_keys_counts_as_no_answer(server):
    with pytest.raises(OSError, match="404"):
        fetch(f"{server}/nothing")
    with pytest.raises(OSError, match="NewConnectionError"):
        fetch("http://127.0.0.1:9/jwks")
