"""The look at what each permission set lets its holder do: whatever is not as declared is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from admin.commands.administered import COMMANDS
from admin.deployment import stages
from admin.office import route
from local.cloud import administrators

URL = "https://administration"
OF = {f"{URL}{route(words)}": command.sets for words, command in COMMANDS.items()}


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ({}, []),
        ({("viewer", "/payout/hold"): 400}, ["gelombang payout hold as viewer: the administration answers with 400"]),
        ({("maker", "/payout/hold"): 403}, ["gelombang payout hold as maker: the administration answers with 403"]),
        ({("maker", "/payout/hold"): 500}, ["gelombang payout hold as maker: the administration answers with 500"]),
        (
            {("stranger", "/status"): 200},
            [f"{who}: the administration answers with 200" for who in ("a user with another key", "a stranger")],
        ),
    ],
)
def test_a_set_that_lets_through_or_refuses_what_it_should_not_is_told(
    monkeypatch: pytest.MonkeyPatch, planted: Mapping[tuple[str, str], int], told: list[str]
) -> None:
    def call(_pool: object, url: str, keys: Mapping[str, Any] | None) -> int:
        holds = keys["sets"] if keys and keys["AWS_SECRET_ACCESS_KEY"] == "secret" else ["stranger"]
        as_declared = 400 if OF[url] & set(holds) else 403
        return planted.get((holds[0] if holds else "", url.removeprefix(URL)), as_declared)

    monkeypatch.setattr(stages, "administration_url", lambda _: URL)
    monkeypatch.setattr(administrators, "_ways_round", lambda *_: iter(()))
    monkeypatch.setattr(administrators, "_call", call)
    monkeypatch.setattr(
        administrators, "user", lambda _, sets, __: {"sets": list(sets), "AWS_SECRET_ACCESS_KEY": "secret"}
    )
    monkeypatch.setattr(administrators, "SETS", ("viewer", "maker"))

    assert list(administrators.wrong_rights("local")) == told
