"""What was booked on our account: camt.054, Bank To Customer Debit Credit Notification (ISO 20022), of any version.

A booked debit that names a transfer means that the bank paid it. A booked credit that names one, and has return
information or is marked a reversal or a return, means that the money came back. A notification of bookings never says
that something failed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from lxml import etree
from msgspec.structs import replace

from chalicelib.payouts.bank_files.report_lines import Line, Problem
from chalicelib.payouts.rules import Outcome

from .elements import amount, every, first, identifier, number, reference, text

Direction = Literal["debit", "return"]

_CODE = "BkTxCd/Domn/Fmly/SubFmlyCd"
_RETURNS = {"RRTN", "RPCR"}
_FEES = {"CHRG", "COMM", "FEES"}
"""Sub-families of bank transaction codes: reversal by a return or by a recall, charges, commission, fees."""


def statements(report: etree._Element) -> list[Line]:
    """A line for each transaction of each entry; an entry without any may name its transfer itself."""
    found: list[Line] = []
    for entry in every(report, "Ntfctn/Ntry"):
        transactions = every(entry, "NtryDtls/TxDtls")
        for each in transactions or [entry]:
            found += _lines(entry, each, alone=len(transactions) <= 1)
    return found


def _lines(entry: etree._Element, transaction: etree._Element, *, alone: bool) -> list[Line]:
    named, currency = amount(transaction, "Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
    booking = identifier(transaction, "Refs/AcctSvcrRef")
    if alone:
        # No `NtryRef`: that is often the entry's number in this notification.
        booking = booking or identifier(entry, "AcctSvcrRef")
        if named is None:
            named, currency = amount(entry, "Amt")
    line = Line(
        number=number(transaction),
        reference=reference(transaction, "Refs/EndToEndId", "Refs/InstrId"),
        outcome=None,
        word="",
        amount=named,
        currency=currency,
        booking=booking,
        fault=Problem.AMOUNT if named is None else None,
    )
    told = _told(line, entry, transaction)
    if told.outcome is not Outcome.SUCCEEDED or named is None:
        return [told]
    # One booking may have both: the transfer, and the bank's fee.
    ordered, _ = amount(transaction, "AmtDtls/InstdAmt/Amt")
    fee, booked = _charged(transaction), amount(entry, "Amt")[0]
    if fee and ordered == named - fee:
        told = replace(told, amount=ordered)
    else:
        fee = booked - named if alone and booked is not None else Decimal(0)
    return [told, replace(told, amount=fee, word="BOOKED_FEE", fault=Problem.FEE)] if fee > 0 else [told]


def _told(line: Line, entry: etree._Element, transaction: etree._Element) -> Line:
    kind = text(transaction, _CODE) or text(entry, _CODE)
    # Older versions have the code of the status in the element itself.
    match _direction(entry, transaction, kind), (text(entry, "Sts/Cd", "Sts") or "").upper():
        case None, _:
            return replace(line, word="CREDIT", fault=line.fault or Problem.UNKNOWN_WORD)
        case "debit", "BOOK" if kind in _FEES:
            return replace(line, word="BOOKED_FEE", fault=Problem.FEE)
        case "debit", "BOOK":
            return replace(line, outcome=Outcome.SUCCEEDED, word="BOOKED_DEBIT", booked=True)
        case "return", "BOOK":
            reason = text(transaction, "RtrInf/Rsn/Cd") or ""
            code = f"_{reason}" if reason.isalnum() else ""
            return replace(line, outcome=Outcome.REVERSED, word=f"BOOKED_RETURN{code}", booked=True)
        case _, "PDNG" | "FUTR" | "INFO":
            return replace(line, outcome=Outcome.PENDING, word="NOT_BOOKED")
        case _:
            return replace(line, word="NOT_BOOKED", fault=line.fault or Problem.UNKNOWN_WORD)


def _direction(entry: etree._Element, transaction: etree._Element, kind: str | None) -> Direction | None:
    """Whether money left by our order or came back from it; None if that cannot be told."""
    returned = first(transaction, "RtrInf") is not None or kind in _RETURNS
    reversal = (text(entry, "RvslInd") or "").lower() in {"true", "1"}
    match (text(transaction, "CdtDbtInd") or text(entry, "CdtDbtInd") or "").upper():
        case "CRDT":
            return "return" if returned or reversal else None
        case "DBIT":
            return None if returned or reversal else "debit"
        case _:
            return None


def _charged(transaction: etree._Element) -> Decimal:
    """The bank's fee, by the records of charges or their total."""
    records = [amount(each, "Amt")[0] for path in ("Chrgs/Rcrd", "Chrgs") for each in every(transaction, path)]
    total, _ = amount(transaction, "Chrgs/TtlChrgsAndTaxAmt")
    return total if total is not None else sum(filter(None, records), Decimal(0))
