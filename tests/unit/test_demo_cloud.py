"""The local cloud is reached directly, whatever proxy stands before the rest of the world."""

from __future__ import annotations

import os
import urllib.request

import pytest
from botocore.utils import should_bypass_proxies

from local import cloud


@pytest.mark.parametrize(
    "before",
    [{}, {"NO_PROXY": "example.org"}, {"no_proxy": " example.org, "}, {"no_proxy": "", "NO_PROXY": "example.org"}],
)
def test_loopback_is_reached_past_a_proxy_and_what_was_excepted_still_is(
    before: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"http_proxy": "http://proxy.invalid:3128", **before}.items():
        monkeypatch.setenv(name, value)
    known = dict(os.environ)

    with cloud._environment(cloud._past_proxies()):
        for host in ("127.0.0.1:4566", "localhost:4566", *(["example.org"] if any(before.values()) else [])):
            assert urllib.request.proxy_bypass(host)
            assert should_bypass_proxies(f"http://{host}/")
        assert not urllib.request.proxy_bypass("example.com")
    assert dict(os.environ) == known


def test_a_proxy_for_nobody_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")

    assert cloud._past_proxies() == {"no_proxy": "*", "NO_PROXY": "*"}
