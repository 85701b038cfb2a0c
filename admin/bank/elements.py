"""Reads a report's elements by their local names, so that every version of a message, and every bank's own, can be
read.

No schema has been checked: a missing element is None, and a malformed amount equals none of ours.
"""

from __future__ import annotations

import re
from decimal import Decimal

from lxml import etree

from chalicelib.payouts.rules import entitlement_of

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{0,5})?")
_NO_AMOUNT = Decimal(0)
_NONE = {"", "notprovided", "nonref", "none"}


def every(parent: etree._Element, path: str) -> list[etree._Element]:
    """The elements at a path such as `Refs/EndToEndId`."""
    return parent.findall("/".join(f"{{*}}{step}" for step in path.split("/")))


def first(parent: etree._Element, *paths: str) -> etree._Element | None:
    """The first element at the first of the paths that has one."""
    return next((found for path in paths for found in every(parent, path)[:1]), None)


def texts(parent: etree._Element, path: str) -> list[str]:
    """Every text at a path that is not empty, each on one line."""
    return [text for each in every(parent, path) if (text := " ".join((each.text or "").split()))]


def text(parent: etree._Element, *paths: str) -> str | None:
    """The first text at the first of the paths that has one."""
    return next((found for path in paths for found in texts(parent, path)), None)


def code(parent: etree._Element, *paths: str) -> str:
    """A code of four letters or digits, as ISO's are; `NONE` for anything else, which is shown nowhere."""
    found = (text(parent, *paths) or "").upper()
    return found if re.fullmatch("[A-Z0-9]{4}", found) else "NONE"


def reference(parent: etree._Element, *paths: str) -> str | None:
    """The transfer that is named: by a reference of ours at any of the paths, else by the first one there.

    Two different references of ours name none. Banks also write them in capitals, and over two lines.
    """
    given = ["".join(each.split()).lower() for path in paths for each in texts(parent, path)]
    there = [each for each in given if each not in _NONE]
    ours = {each for each in there if entitlement_of(each)}
    if len(ours) > 1:
        return None
    return next(iter([*ours, *there]), None)


def identifier(parent: etree._Element, path: str) -> str | None:
    """The bank's own name for something, in capitals and without spaces; None if it distinguishes nothing."""
    found = "".join((text(parent, path) or "").lower().split())
    nothing = found in _NONE or not found.strip("0-") or entitlement_of(found)
    return None if nothing else found.upper()


def number(element: etree._Element) -> int:
    """The line of the file where an element begins."""
    return element.sourceline or 0


def amount(parent: etree._Element, *paths: str) -> tuple[Decimal | None, str | None]:
    """An amount and its currency; a malformed amount is one that nobody ordered."""
    found = first(parent, *paths)
    if found is None:
        return None, None
    written = (found.text or "").strip()
    return Decimal(written) if _AMOUNT.fullmatch(written) else _NO_AMOUNT, found.get("Ccy")
