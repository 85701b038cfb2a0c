"""The schemas that ISO publishes for the messages used here (`xsd/README.md`), and reading safely by them.

What comes from outside is read without any of XML's ways to reach elsewhere or to grow: no document type, so no
entities; no network; no more bytes than `LIMIT`; UTF-8 only. It is believed once the schema holds.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lxml import etree

LIMIT = 32 * 1024 * 1024
"""Bytes of the largest report that is read: some 20,000 transfers."""

_PREFIX = "urn:iso:std:iso:20022:tech:xsd:"
_ELEMENT = re.compile(r"Element '\{[^}']*\}([A-Za-z0-9]{1,40})'")
_SCHEMAS = Path(__file__).parent / "xsd"


class BadReport(Exception):
    """The file is no report that can be read; the text says why, and quotes nothing of it."""


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


def read(raw: bytes, messages: frozenset[str]) -> tuple[str, etree._Element]:
    """The message that a file is, one of `messages`, and its root. Raises `BadReport`."""
    if len(raw) > LIMIT:
        raise BadReport(f"it is larger than {LIMIT} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadReport("it is not UTF-8") from None
    if "<!DOCTYPE" in text:
        raise BadReport("it has a document type")
    # The encoding is set here, so that no declaration makes other text of the bytes than what was looked at.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise BadReport(f"line {error.lineno}: it is not well-formed XML") from None
    name = etree.QName(root)
    message = (name.namespace or "").removeprefix(_PREFIX)
    if name.localname != "Document" or message not in messages:
        raise BadReport(f"it is none of {', '.join(sorted(messages))}")
    problem = breach(root, message)
    if problem:
        raise BadReport(problem)
    return message, root


@cache
def _schema(message: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_SCHEMAS / f"{message}.xsd", etree.XMLParser(no_network=True)))
