"""Reads a bank's report, whichever of the known messages it is and however the bank writes it.

Input from outside is read without XML's ways to reach elsewhere or to grow: no document type, so no entities; no
network; no more than `LIMIT` bytes. No schema is required: banks write every version of a message, and their own, and
one transfer that cannot be understood must not hide the others. Declared namespaces and encodings are ignored; all that
is read of a report is ASCII, except what is shown to a person.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from lxml import etree

from chalicelib.payouts.bank_files.report_lines import Line, WholeFile

from . import camt054, pain002
from .elements import every

LIMIT = 32 * 1024 * 1024
"""Bytes of the largest report that is read: some 20,000 transfers."""

_MESSAGES: dict[str, tuple[str, Callable[[etree._Element], list[Line | WholeFile] | list[Line]]]] = {
    "CstmrPmtStsRpt": ("pain.002", pain002.statements),
    "BkToCstmrDbtCdtNtfctn": ("camt.054", camt054.statements),
}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class BadReport(Exception):
    """The file is not a readable report; the text says why, and quotes nothing of it."""


def read(raw: bytes) -> tuple[str, list[Line | WholeFile]]:
    """Which message it is, and all that it says of transfers. Raises `BadReport`."""
    root = _parsed(raw)
    # Some banks send the document in an envelope, with a header beside it.
    documents = [root] if etree.QName(root).localname == "Document" else every(root, "Document")
    found = [(_MESSAGES[name], each) for one in documents for name in _MESSAGES for each in every(one, name)]
    if len(found) != 1:
        raise BadReport(f"it is not one of {', '.join(name for name, _ in _MESSAGES.values())}")
    [((message, statements), report)] = found
    return message, list(statements(report))


def _parsed(raw: bytes) -> etree._Element:
    if len(raw) > LIMIT:
        raise BadReport(f"it is larger than {LIMIT} bytes")
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Bytes that are not UTF-8, or characters not allowed in XML, occur in names and texts; other lines are read all the
    # same.
    text = raw.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text.strip("\0\x1a \r\n\t"))
    if "<!DOCTYPE" in text:
        raise BadReport("it has a document type")
    # The encoding is set here, so that no declaration changes the text that was checked.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise BadReport(f"line {error.lineno}: it is not well-formed XML") from None
