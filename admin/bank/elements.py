"""Reading a report's elements: every message has one namespace, so an element is named by its local path."""

from __future__ import annotations

from decimal import Decimal

from lxml import etree


def every(parent: etree._Element, path: str) -> list[etree._Element]:
    """The elements at a path such as `Refs/EndToEndId`."""
    return parent.findall("/".join(f"{{*}}{step}" for step in path.split("/")))


def first(parent: etree._Element, *paths: str) -> etree._Element | None:
    """The first element at the first of the paths that has one."""
    return next((found for path in paths for found in every(parent, path)[:1]), None)


def text(parent: etree._Element, *paths: str) -> str | None:
    """The text of `first`, without spaces around it; None if there is none."""
    found = first(parent, *paths)
    return ((found.text or "").strip() or None) if found is not None else None


def number(element: etree._Element) -> int:
    """The line of the file where an element begins."""
    return element.sourceline or 0


def amount(parent: etree._Element, *paths: str) -> tuple[Decimal | None, str | None]:
    """An amount and its currency."""
    found = first(parent, *paths)
    return (Decimal((found.text or "").strip()), found.get("Ccy")) if found is not None else (None, None)
