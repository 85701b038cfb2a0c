"""The command line, as a person or a program at a terminal uses it."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from admin.cli import main


class Terminal:
    """Runs the commands of one group, such as "wave", on the stage "test"."""

    def __init__(self, *group: str) -> None:
        self.group = group

    def run(self, *words: str, **options: Any) -> Result:
        return CliRunner().invoke(main, [*self.group, *words, "--stage", "test"], **options)

    def told(self, *words: str, **options: Any) -> list[str]:
        """The lines of a command that succeeds."""
        result = self.run(*words, **options)
        assert result.exit_code == 0, result.output
        return [line.rstrip() for line in result.output.splitlines()]

    def found(self, *words: str, **options: Any) -> Any:
        """What a command that succeeds prints for programs."""
        result = self.run(*words, "--json", **options)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def refused(self, *words: str, **options: Any) -> str:
        """The last line of a command that refuses, or finds something."""
        result = self.run(*words, **options)
        assert result.exit_code in {1, 2}, result.output
        assert "Traceback" not in result.output
        return result.output.splitlines()[-1]
