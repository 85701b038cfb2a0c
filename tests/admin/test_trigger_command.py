"""`gelombang trigger`: a stage's scheduled functions, run now."""

from __future__ import annotations

from click.testing import CliRunner

from admin.cli import main
from admin.commands import stage


def test_a_scheduled_function_is_run_with_the_event_of_its_schedule(monkeypatch):
    fired = []
    monkeypatch.setattr(stage, "fire", lambda stage, function: fired.append((stage, function)))
    ran = CliRunner().invoke(main, ["trigger", "expire_places", "--stage", "test"])
    assert (ran.exit_code, ran.output) == (0, "expire_places has run\n")
    assert fired == [("test", "expire_places")]
