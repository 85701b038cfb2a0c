"""Instants on the command line: always with their time zone."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib.clock import parse_iso


def instant(text: str) -> datetime:
    """An instant as somebody typed it; raises click's `BadParameter` without a time zone."""
    try:
        return parse_iso(text)
    except ValueError as error:
        raise click.BadParameter("give an instant with its time zone, such as 2026-11-27T12:00:00+07:00") from error
