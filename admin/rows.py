"""What commands answer: rows, which map names to values, and the words in them.

Instants are shown in WIB and amounts (`..._idr`) in rupiah; JSON has them as the API does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import WIB, iso, parse_iso

Row = Mapping[str, object]


class Marked(NamedTuple):
    """A text that a terminal shows in a style of its own, or at the right of its column."""

    text: str
    style: str = ""
    right: bool = False


def plain(words: str) -> str:
    """Someone else's words on one line, without characters that would steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def wib(instant: datetime | str, form: str = "%a %Y-%m-%d %H:%M:%S WIB") -> str:
    """An instant as a clock in Jakarta shows it, with the zone."""
    return (parse_iso(instant) if isinstance(instant, str) else instant).astimezone(WIB).strftime(form)


def in_wib(text: str) -> str:
    """A text with its instants as a clock in Jakarta shows them."""
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", lambda at: wib(at[0]), text)


def act_row(act: Act) -> Row:
    """What an administrator did, to what, when and why."""
    return {"at": act.at, "deed": act.deed, "about": act.about, "by": act.by, "reason": act.note}


def as_data(value: object, marked: Callable[[Marked], object] = lambda one: one.text) -> object:
    """Rows as JSON has them, with `marked` texts as told."""
    match value:
        case Marked():
            return marked(value)
        case Mapping():
            return {str(name): as_data(one, marked) for name, one in value.items()}
        case list() | tuple():
            return [as_data(one, marked) for one in value]
        case datetime():
            return iso(value)
        case date():
            return value.isoformat()
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)
