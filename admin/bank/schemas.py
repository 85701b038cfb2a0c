"""The schema that ISO publishes for the message that is written here (`xsd/README.md`)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lxml import etree

_PREFIX = "urn:iso:std:iso:20022:tech:xsd:"
_ELEMENT = re.compile(r"Element '\{[^}']*\}([A-Za-z0-9]{1,40})'")
_SCHEMAS = Path(__file__).parent / "xsd"


def namespace(message: str) -> str:
    """The namespace of a message such as `pain.001.001.09`."""
    return _PREFIX + message


def breach(root: etree._Element, message: str) -> str | None:
    """Where a document breaks the schema of its message: line and element, never what stands there."""
    schema = _schema(message)
    if schema.validate(root):
        return None
    first = schema.error_log[0]
    # The rest of libxml2's sentence quotes what stands there, which may be a name or an account.
    name = _ELEMENT.match(first.message)
    return f"line {first.line}: {name[1] if name else 'the document'} is not as {message} has it"


@cache
def _schema(message: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_SCHEMAS / f"{message}.xsd", etree.XMLParser(no_network=True)))
