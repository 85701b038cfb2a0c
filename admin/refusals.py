"""How the command line tells what the services refuse: in words, with the stable code; exit code 1."""

from __future__ import annotations

from http import HTTPStatus

import click

from chalicelib import problems
from chalicelib.errors import DomainError


class SaysWhy(click.Group):
    """A group of commands whose refusals are sentences."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            if problems.PROBLEMS[type(error)][0] == HTTPStatus.INTERNAL_SERVER_ERROR:
                raise  # about this deployment; its own facts say more
            detail = problems.document(error, "en")["detail"]
            raise click.ClickException(f"{detail} ({error.code})") from error
