"""Reading a bank's report, whichever of the known messages it is."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from chalicelib.payouts.bank_reports import Line, WholeFile

from . import camt054, pain002, schemas

_READERS: dict[str, Callable[[etree._Element], list[Line | WholeFile] | list[Line]]] = {
    pain002.MESSAGE: pain002.statements,
    camt054.MESSAGE: camt054.statements,
}


def read(raw: bytes) -> tuple[str, list[Line | WholeFile]]:
    """Which message it is, and all that it says of transfers. Raises `schemas.BadReport`."""
    message, root = schemas.read(raw, frozenset(_READERS))
    return message, list(_READERS[message](root))
