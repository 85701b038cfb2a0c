"""Runs `gelombang payout` for the stage `test`, with a world's services and at its time."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from admin.cli import main
from admin.commands.payouts import bank_file, control, decision, payout
from admin.deployment import stages
from tests.builders.payouts.states import ANI


class Desk:
    """`me` is the administrator at the desk."""

    def __init__(self, world: Any, monkeypatch: pytest.MonkeyPatch, me: str = ANI) -> None:
        self.world, self.me = world, me
        services = {"test": world.services}
        monkeypatch.setattr(stages, "load", lambda name: SimpleNamespace(services=services[name]))
        monkeypatch.setattr(stages, "caller", lambda: self.me)
        for module in (bank_file, control, decision, payout):
            monkeypatch.setattr(module, "utc_now", lambda: self.world.now)

    def run(self, *words: str, **options: Any) -> Result:
        return CliRunner().invoke(main, ["payout", *words, "--stage", "test"], **options)

    def told(self, *words: str, **options: Any) -> list[str]:
        """The lines of a command that succeeds."""
        result = self.run(*words, **options)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    def found(self, *words: str, **options: Any) -> Any:
        """What a command that succeeds prints for programs."""
        result = self.run(*words, "--json", **options)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def refused(self, *words: str, **options: Any) -> str:
        """The last line of a command that refuses, or finds something."""
        result = self.run(*words, **options)
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        return result.output.splitlines()[-1]
