"""What was booked on our account: camt.054.001.08, Bank To Customer Debit Credit Notification (ISO 20022, 2019).

A booked debit that names a transfer: the bank paid it. A booked credit that names one and has return information, or is
marked a reversal: the money came back. A notification of bookings never says that something failed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lxml import etree

from chalicelib.payouts.bank_reports import Line, Problem
from chalicelib.payouts.rules import Outcome

from .elements import amount, every, first, number, text

MESSAGE = "camt.054.001.08"
_NO_REFERENCE = {None, "NOTPROVIDED"}

Direction = Literal["debit", "return"]


def statements(root: etree._Element) -> list[Line]:
    """A line for each transaction of each entry; an entry without any has no reference."""
    found: list[Line] = []
    for entry in every(root, "BkToCstmrDbtCdtNtfctn/Ntfctn/Ntry"):
        transactions = every(entry, "NtryDtls/TxDtls")
        found += [_line(entry, each, alone=len(transactions) == 1) for each in transactions]
        if not transactions:
            found.append(Line(number(entry), None, None, "", fault=Problem.NO_REFERENCE))
    return found


def _line(entry: etree._Element, transaction: etree._Element, *, alone: bool) -> Line:
    reference = text(transaction, "Refs/EndToEndId")
    named, currency = amount(transaction, "Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
    booking = text(transaction, "Refs/AcctSvcrRef")
    if alone:
        booking = booking or text(entry, "AcctSvcrRef", "NtryRef")
        if named is None:
            named, currency = amount(entry, "Amt")
    line = Line(
        number=number(transaction),
        reference=None if reference in _NO_REFERENCE else reference,
        outcome=None,
        word="",
        amount=named,
        currency=currency,
        booking=booking,
        fault=Problem.AMOUNT if named is None else None,
    )
    return _told(line, entry, transaction)


def _told(line: Line, entry: etree._Element, transaction: etree._Element) -> Line:
    direction = _direction(entry, transaction)
    match direction, text(entry, "Sts/Cd"):
        case None, _:
            return replace(line, word="CREDIT", fault=line.fault or Problem.UNKNOWN_WORD)
        case "debit", "BOOK":
            return replace(line, outcome=Outcome.SUCCEEDED, word="BOOKED_DEBIT", booked=True)
        case "return", "BOOK":
            reason = first(transaction, "RtrInf/Rsn/Cd")
            code = f"_{reason.text}" if reason is not None and (reason.text or "").isalnum() else ""
            return replace(line, outcome=Outcome.REVERSED, word=f"BOOKED_RETURN{code}", booked=True)
        case _, "PDNG" | "FUTR" | "INFO":
            return replace(line, outcome=Outcome.PENDING, word="NOT_BOOKED")
        case _:
            return replace(line, word="NOT_BOOKED", fault=line.fault or Problem.UNKNOWN_WORD)


def _direction(entry: etree._Element, transaction: etree._Element) -> Direction | None:
    """Whether money left by our order or came back of it; None: neither can be said."""
    returned = first(transaction, "RtrInf") is not None
    reversal = text(entry, "RvslInd") in {"true", "1"}
    if (text(transaction, "CdtDbtInd") or text(entry, "CdtDbtInd")) == "CRDT":
        return "return" if returned or reversal else None
    return None if returned or reversal else "debit"
