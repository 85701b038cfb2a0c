"""The order to the bank: pain.001.001.09, Customer Credit Transfer Initiation (ISO 20022, 2019).

One group, one payment, whole rupiah to the creditor in full (our side bears the charges), each transfer booked on its
own, so that every debit notification names its transfer. The same order gives the same bytes.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from pathlib import Path

from anyascii import anyascii
from lxml import etree
from lxml.builder import ElementMaker

from chalicelib.clock import WIB
from chalicelib.figures.benefits import BankFileRules
from chalicelib.payouts.bank_files.transfers import Order, Transfer

MESSAGE = "pain.001.001.09"
_NAMESPACE = f"urn:iso:std:iso:20022:tech:xsd:{MESSAGE}"
E = ElementMaker(namespace=_NAMESPACE, nsmap={None: _NAMESPACE})
_SCHEMA = Path(__file__).parent / f"xsd/{MESSAGE}.xsd"
_ELEMENT = re.compile(r"Element '\{[^}']*\}([A-Za-z0-9]{1,40})'")
_NOT_TAKEN = re.compile(r"[^A-Za-z0-9/?:().,'+-]+")
NAMELESS = "PENERIMA"
"""Stands for a name in which no character can be written; the bank goes by the account."""


class BadOrder(Exception):
    """The file does not fit its schema; the text says where."""


def write(order: Order, debtor: BankFileRules) -> bytes:
    """The file, checked against its schema. Raises `BadOrder`."""
    totals = (E.NbOfTxs(str(len(order.transfers))), E.CtrlSum(str(order.sum_idr)))
    header = E.GrpHdr(
        E.MsgId(order.batch),
        E.CreDtTm(_local(order.made_at)),
        *totals,
        E.InitgPty(E.Nm(bank_text(debtor.initiating_party, 70))),
    )
    payment = E.PmtInf(
        E.PmtInfId(order.batch),
        E.PmtMtd("TRF"),
        E.BtchBookg("false"),
        *(etree.fromstring(etree.tostring(each)) for each in totals),
        E.ReqdExctnDt(E.Dt(order.execute_on.isoformat())),
        E.Dbtr(E.Nm(bank_text(debtor.debtor_name, 70))),
        E.DbtrAcct(E.Id(E.Othr(E.Id(debtor.debtor_account))), E.Ccy("IDR")),
        _agent("DbtrAgt", debtor.debtor_bic),
        E.ChrgBr("DEBT"),
        *(_transfer(each) for each in order.transfers),
    )
    root = E.Document(E.CstmrCdtTrfInitn(header, payment))
    etree.indent(root)
    problem = breach(root)
    if problem:
        raise BadOrder(problem)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def _transfer(transfer: Transfer) -> etree._Element:
    return E.CdtTrfTxInf(
        E.PmtId(E.InstrId(transfer.reference), E.EndToEndId(transfer.reference)),
        E.Amt(E.InstdAmt(str(transfer.amount_idr), Ccy="IDR")),
        _agent("CdtrAgt", transfer.bic),
        E.Cdtr(E.Nm(bank_text(transfer.holder_name, 70))),
        E.CdtrAcct(E.Id(E.Othr(E.Id(transfer.account_number)))),
        E.RmtInf(E.Ustrd(bank_text(transfer.remittance, 140))),
    )


def _agent(name: str, bic: str) -> etree._Element:
    return E(name, E.FinInstnId(E.BICFI(bic)))


def _local(instant: datetime) -> str:
    """Whole seconds in WIB, with the offset."""
    return instant.astimezone(WIB).replace(microsecond=0).isoformat()


def bank_text(text: str, length: int) -> str:
    """A text in the characters that banks accept (SWIFT's set X).

    Other scripts are written by the sound of their letters, other signs as a space. Never empty, never longer than
    `length`, without spaces at its ends or two together. It begins with no sign, because a slash or a hyphen there
    means something to some banks. The same text always gives the same result.
    """
    written = _NOT_TAKEN.sub(" ", anyascii(text)).lstrip(" /?:().,'+-")
    return written[:length].rstrip() or NAMELESS[:length]


def breach(root: etree._Element) -> str | None:
    """Where a document breaks the schema that ISO publishes (`xsd/README.md`): line and element, not the content."""
    schema = _schema()
    if schema.validate(root):
        return None
    first = schema.error_log[0]
    # The rest of libxml2's sentence quotes the content, which may be a name or an account.
    name = _ELEMENT.match(first.message)
    return f"line {first.line}: {name[1] if name else 'the document'} is not as {MESSAGE} has it"


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_SCHEMA, etree.XMLParser(no_network=True)))
