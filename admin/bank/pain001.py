"""The order to the bank: pain.001.001.09, Customer Credit Transfer Initiation (ISO 20022, 2019).

One group, one payment, whole rupiah to the creditor in full (our side bears the charges), each transfer booked on its
own, so that every debit notification names its transfer. The same order gives the same bytes.
"""

from __future__ import annotations

from datetime import datetime

from lxml import etree
from lxml.builder import ElementMaker

from chalicelib.clock import WIB
from chalicelib.config import BankFileRules
from chalicelib.payouts.bank_files.transfers import Order, Transfer

from . import schemas
from .characters import bank_text

MESSAGE = "pain.001.001.09"
_NAMESPACE = schemas.namespace(MESSAGE)
E = ElementMaker(namespace=_NAMESPACE, nsmap={None: _NAMESPACE})


class BadOrder(Exception):
    """The order does not come out as its schema has it; the text says where."""


def write(order: Order, debtor: BankFileRules) -> bytes:
    """The file, held to its schema. Raises `BadOrder`."""
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
    problem = schemas.breach(root, MESSAGE)
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
