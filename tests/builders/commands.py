"""The command line, as a person or a program at a terminal uses it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import click
from click.testing import CliRunner, Result

import administration
from admin import client
from admin.cli import main
from admin.deployment import stages
from admin.options import Look
from chalicelib.administration.journal import Line
from tests.builders.aws.rights import rights_of

ACCOUNT = "123456789012"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/sari"
"""Who calls, where a test says nothing else."""
_CALLER = stages.caller


def invoke(words: Sequence[str], **options: Any) -> Result:
    """Run a command of `gelombang`, which calls the administration in this process.

    It has the services and the caller that `stages` has.
    """
    with patch.object(client, "post", post):
        return CliRunner().invoke(main, _with_reason(words), **options)


def _with_reason(words: Sequence[str]) -> list[str]:
    """With a reason for a command that looks at a person, where a test says none."""
    found: click.Command = main
    for word in words:
        found = found.commands.get(word, found) if isinstance(found, click.Group) else found
    looks = any(isinstance(one, Look) for one in found.params) and "--reason" not in words
    return [*words, *(["--reason", "a test looks"] if looks else [])]


def post(stage: str, path: str, body: bytes) -> tuple[int, bytes]:
    """As `admin.client.post`, from the bytes that are sent to those that are answered, without the network.

    What it does needs no right to a table or a queue that its function has not.
    """
    found = Whole(stages.load(stage))
    event = request(path, body, CALLER if stages.caller is _CALLER else stages.caller())
    with patch.object(administration, "services", lambda: found), rights_of("administer"):
        answer = administration.app(event, None)
    return answer["statusCode"], answer["body"].encode()


def request(path: str, body: bytes, arn: str) -> dict[str, Any]:
    """The event that API Gateway invokes the function with."""
    return {
        "httpMethod": "POST",
        "path": path,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": "POST",
            "accountId": ACCOUNT,
            "identity": {"userArn": arn},
        },
        "headers": {"Content-Type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": body.decode(),
    }


class Whole:
    """The services of a stage that a test has, with settings, a journal and a roster if it has none."""

    def __init__(self, stage: Any) -> None:
        self._services = stage.services
        if hasattr(stage, "settings"):
            self.settings = stage.settings

    def __getattr__(self, name: str) -> Any:
        if hasattr(self._services, name):
            return getattr(self._services, name)
        return {
            "settings": SimpleNamespace(stage="test"),
            "journal": SimpleNamespace(write=_begun, end=_ended),
            "roster": SimpleNamespace(caller=lambda who: who.arn),
        }[name]


def _begun(line: Line) -> Line:
    return line


def _ended(*_: object) -> None:
    """Nobody reads it."""


class Terminal:
    """Runs the commands of one group, such as "wave", on the stage "test"."""

    def __init__(self, *group: str) -> None:
        self.group = group

    def run(self, *words: str, **options: Any) -> Result:
        return invoke([*self.group, *words, "--stage", "test"], **options)

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
