"""What became of an order: pain.002.001.10, Customer Payment Status Report (ISO 20022, 2019).

A status of the whole file (group, or the one payment in it) counts where the report lists no single transfers. Codes:
ISO 20022 External Code Sets, payment transaction status and status reason.
"""

from __future__ import annotations

import re

from lxml import etree

from chalicelib.payouts.bank_reports import Line, Problem, WholeFile
from chalicelib.payouts.rules import Outcome

from .elements import amount, every, number, text

MESSAGE = "pain.002.001.10"

OUTCOMES = {
    "ACSC": Outcome.SUCCEEDED,
    "ACCC": Outcome.SUCCEEDED,
    "RJCT": Outcome.FAILED,
    **dict.fromkeys(
        ("RCVD", "PDNG", "PART", "PATC", "ACTC", "ACCP", "ACFC", "ACWC", "ACWP", "ACSP", "ACPD"), Outcome.PENDING
    ),
}
"""What each status means; any other is reported, and the transfer stays pending."""

_REPETITION = re.compile(r"AM05|DU0[1-9]|.*DUP.*", re.IGNORECASE | re.DOTALL)
"""Reasons by which a bank rejects what it takes for a repetition of something that it has."""


def statements(root: etree._Element) -> list[Line | WholeFile]:
    """All that the report says, in its order."""
    [report] = every(root, "CstmrPmtStsRpt")
    [group] = every(report, "OrgnlGrpInfAndSts")
    file = text(group, "OrgnlMsgId") or ""
    single = [_line(each, file) for each in every(report, "OrgnlPmtInfAndSts/TxInfAndSts")]
    if single:
        return list(single)
    payments = [each for each in every(report, "OrgnlPmtInfAndSts") if text(each, "PmtInfSts")]
    return [_whole(each, file) for each in payments or [group]]


def _line(element: etree._Element, file: str) -> Line:
    status, reason, repetition = _status(element, "TxSts")
    named, currency = amount(element, "OrgnlTxRef/Amt/InstdAmt")
    return Line(
        number=number(element),
        reference=text(element, "OrgnlEndToEndId"),
        outcome=OUTCOMES.get(status),
        word="_".join(filter(None, (status, reason))),
        file=file,
        amount=named,
        currency=currency,
        fault=Problem.DUPLICATE if status == "RJCT" and repetition else None,
    )


def _whole(element: etree._Element, file: str) -> WholeFile:
    status, reason, repetition = _status(element, "PmtInfSts", "GrpSts")
    fault = None
    if status == "RJCT":
        # A file that is handed over twice is rejected as a whole too, while the first one is being paid.
        fault = Problem.DUPLICATE if repetition else None if reason else Problem.NO_REASON
    count = text(element, "OrgnlNbOfTxs")
    return WholeFile(
        number=number(element),
        file=file,
        outcome=OUTCOMES.get(status),
        word="_".join(filter(None, (status, reason))),
        count=int(count) if count else None,
        total=amount(element, "OrgnlCtrlSum")[0],
        fault=fault,
    )


def _status(element: etree._Element, *paths: str) -> tuple[str, str | None, bool]:
    """The status, ISO's code of its reason, and whether a reason tells of a repetition; no free text is passed on."""
    codes = [one.text or "" for one in every(element, "StsRsnInf/Rsn/Cd")]
    texts = [one.text or "" for path in ("StsRsnInf/Rsn/Prtry", "StsRsnInf/AddtlInf") for one in every(element, path)]
    reason = next((code for code in codes if re.fullmatch("[A-Z0-9]{4}", code)), None)
    return _code(text(element, *paths)), reason, any(_REPETITION.fullmatch(one) for one in [*codes, *texts])


def _code(status: str | None) -> str:
    """A code of four letters or digits, as ISO has them; anything else is not repeated anywhere."""
    return status if status and re.fullmatch("[A-Z0-9]{4}", status) else "NONE"
