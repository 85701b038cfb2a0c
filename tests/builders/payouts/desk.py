"""Runs `gelombang payout` for the stage `test`, with a world's services and at its time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from admin.commands.payouts import bank_file, control, decision, reconcile
from admin.deployment import stages
from tests.builders.commands import Terminal
from tests.builders.payouts.states import ANI


class Desk(Terminal):
    """The commands of payouts; `me` is the administrator at the desk."""

    def __init__(self, world: Any, monkeypatch: pytest.MonkeyPatch, me: str = ANI) -> None:
        super().__init__("payout")
        self.world, self.me = world, me
        services = {"test": world.services}
        monkeypatch.setattr(stages, "load", lambda name: SimpleNamespace(services=services[name]))
        monkeypatch.setattr(stages, "caller", lambda: self.me)
        for module in (bank_file, control, decision, reconcile):
            monkeypatch.setattr(module, "utc_now", lambda: self.world.now)
