"""`gelombang keys`: the drill for a stolen signing key; only a key's name is shown."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from admin.commands import keys
from admin.deployment import stages
from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.tokens.signing_keys import CACHED
from chalicelib.wiring import Services
from tests.builders.commands import Terminal
from tests.builders.training import ANI
from tests.conftest import T0

terminal = Terminal("keys")


@pytest.fixture
def services(cloud, programme, monkeypatch):
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=Services(cloud, programme), settings=cloud))
    monkeypatch.setattr(stages, "caller", lambda: ANI)
    monkeypatch.setattr(keys, "utc_now", lambda: T0)
    return Services(cloud, programme)


def test_after_a_rotation_a_stolen_key_is_refused_and_the_act_is_recorded(services):
    assert terminal.found("list") == {"keys": [], "rotated": []}
    token = services.access_tokens.issue("account-1", "session-1", "thumbprint", T0, 300)
    at = "2026-11-24T03:00:00Z"
    assert terminal.found("list")["keys"] == [{"key": "2026-11-24.1", "made_at": at, "revoked_at": None}]
    rotated = terminal.found("rotate", "--reason", "a drill")
    assert rotated == {
        "keys": [
            {"key": "2026-11-24.1", "made_at": at, "revoked_at": at},
            {"key": "2026-11-24.2", "made_at": at, "revoked_at": None},
        ],
        "rotated": [{"at": at, "deed": "ROTATE_KEYS", "about": "", "by": ANI, "reason": "a drill"}],
    }
    assert terminal.found("list") == rotated
    with pytest.raises(InvalidToken):
        services.access_tokens.verify(token, T0 + CACHED)
    later = T0 + timedelta(minutes=2)
    assert services.access_tokens.verify(services.access_tokens.issue("account-1", "s", "t", later, 300), later)


def test_rotating_keys_needs_no_right_to_decrypt_them(services, monkeypatch):
    asked = []
    kms = services._client("kms")
    monkeypatch.setattr(kms, "decrypt", lambda **_: asked.append("decrypt"))
    terminal.found("rotate", "--reason", "a drill")
    assert asked == []
    with pytest.raises(TypeError):  # who signs opens it
        services.access_tokens.nonce(T0)
    assert asked == ["decrypt"]
