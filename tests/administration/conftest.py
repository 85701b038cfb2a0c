"""The application of `tests.administration.shelf`, and a terminal that calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import click
import click.testing
import pytest

from admin import cli, client
from tests.administration.shelf import Room, shelf


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def terminal(room: Room) -> Iterator[Callable[..., Any]]:
    @click.group(cls=type(cli.main))
    @click.pass_context
    def main(ctx: click.Context) -> None:
        ctx.obj = client.run

    main.add_command(shelf)

    def run(*words: str, **options: Any) -> Any:
        return click.testing.CliRunner().invoke(main, ["shelf", *words, "--stage", "test"], **options)

    with patch.object(client, "post", room.post):
        yield run
