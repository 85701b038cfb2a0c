"""What became of an order: pain.002, Customer Payment Status Report (ISO 20022), of any version.

A status is given for a transfer, for the payment or for the whole file. The nearest counts: a transfer without a status
has that of its payment, and a payment that of its file. Codes: ISO 20022 External Code Sets, payment status and its
reason.
"""

from __future__ import annotations

import re

from lxml import etree
from msgspec.structs import replace

from chalicelib.payouts.bank_files.report_lines import Line, Problem, WholeFile
from chalicelib.payouts.failure_causes import Cause, cause, gravity, is_proof
from chalicelib.payouts.rules import Outcome
from chalicelib.values import Value

from .elements import amount, code, every, first, number, reference, text, texts

OUTCOMES = {
    "ACSC": Outcome.SUCCEEDED,
    "ACCC": Outcome.SUCCEEDED,
    "RJCT": Outcome.FAILED,
    **dict.fromkeys(
        ("RCVD", "PDNG", "PART", "PATC", "ACTC", "ACCP", "ACFC", "ACWC", "ACWP", "ACSP", "ACPD"), Outcome.PENDING
    ),
}
"""What each status means; any other is reported, and the transfer stays pending."""

_TELLS_NOTHING = {"NARR", "MS01", "MS02", "MS03"}
"""Reason codes that say only that there is a text, or no reason at all."""

_REPEATED = {"AM05", "DUPL", "DS15", "RF01", *(f"DU0{number}" for number in range(1, 10))}
"""Reason codes of what the bank takes for a repetition."""

_DONE = (
    r"(SUCCESS\w*|SUKSES|BERHASIL|LUNAS|PAID|BOOKED|CREDITED|POSTED|SETTLED|EXECUTED|COMPLETED|PROCESSED|DIPROSES"
    r"|TERBAYAR|TERKIRIM|DIBAYAR\w*|DIBUKUKAN|DIKREDIT\w*|DIKIRIM)"
)
_REPETITION = re.compile(
    r"\bAM05\b|\bDU0[1-9]\b|\b0094\b|DUP|DOUBL|DOBEL|\bGANDA\b|KEMBAR|REPEAT|REPETI|REPLAY|UNIQUE|\bUNIK\b"
    r"|TWICE|\bDUA KALI\b|BERULANG|SECOND PRESENT|RE-?PRESENT|ALREADY|PREVIOUS|EARLIER|\bPRIOR\b"
    r"|\bBEFORE\b(?! CUT| [0-9])|EXIST|IDENTICAL|\bIN USE\b|\bSAME\b(?![ -]DAY)"
    r"|SUDAH|\bSDH\b|\bTELAH\b|\bTLH\b|PERNAH|\bPRNH\b|SEBELUMNYA"
    rf"|\b{_DONE}\b",
    re.IGNORECASE,
)
"""Words by which a bank may say that it has, or has paid, what it rejects. A code with them does not prove that nothing
was paid; without a code nothing is proved. In doubt a person looks.
"""

_NO_REPETITION = re.compile(
    r"(\bNOT|N'T|\bNEVER|\bCANNOT|\bTIDAK|\bTDK|\bBELUM|\bBLM|\bGAGAL)\b ?((BE|BEEN|YET|THE|ABLE|TO|DAPAT|BISA)\b ?)*"
    rf"(EXIST\w*|PERNAH|SAME|{_DONE})\b|\bNON-?EXIST\w*"
    r"|(SUDAH|\bSDH|\bTELAH|\bTLH|ALREADY)( BEEN)? (DI)?(TUTUP|BLOKIR|BEKUKAN|NON-?AKTIF|(TIDAK|TDK) AKTIF|MENINGGAL"
    r"|CLOSED|BLOCKED|FROZEN|DORMANT|INACTIVE|DECEASED)\b",
    re.IGNORECASE,
)
"""The usual ways to say the contrary, or that an account is closed."""


class _Status(Value, frozen=True):
    """A status with its reasons: ISO's codes, and texts. `own`: it is given here, and not inherited from above;
    `of_all`: its reasons are given for more than one transfer.
    """

    code: str = "NONE"
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    own: bool = False
    of_all: bool = False

    @property
    def problem(self) -> Problem | None:
        """Why a rejection does not prove that nothing was paid; None if it proves it, or is no rejection."""
        if self.code != "RJCT":
            return None
        told = _NO_REPETITION.sub(" ", " ".join(self.texts).replace("_", " "))
        if _REPEATED & set(self.codes) or _REPETITION.search(told):
            return Problem.DUPLICATE
        return None if set(self.codes) - _TELLS_NOTHING else Problem.NO_CODE

    @property
    def outcome(self) -> Outcome | None:
        return Outcome.REJECTED if self.problem else OUTCOMES.get(self.code)

    @property
    def word(self) -> str:
        """The status and the code of its gravest reason, marked if that is about one account but said of many."""
        order = sorted(self.codes, key=lambda each: (not is_proof(each), each not in _REPEATED, gravity(each), each))
        marked = self.of_all and any(is_proof(each) and cause(each) is Cause.PERSON for each in order[:1])
        return "_".join((self.code, *(["FILE"] if marked else []), *order[:1]))

    def below(self, above: _Status) -> _Status:
        """The status as it counts below another one, which supplies what it leaves out; a repetition there is one here
        too.
        """
        status = self if self.own else replace(self, code=above.code)
        silent = not (self.codes or self.texts) or above.problem is Problem.DUPLICATE
        if not silent or status.code != above.code:
            return status
        codes, texts = self.codes + above.codes, self.texts + above.texts
        return replace(status, codes=codes, texts=texts, of_all=above.of_all)


def statements(report: etree._Element) -> list[Line | WholeFile]:
    """All that the report says, in its order: of each transfer that is listed, and of all that is not."""
    head = first(report, "OrgnlGrpInfAndSts")
    payments = every(report, "OrgnlPmtInfAndSts")
    file = reference(report, "OrgnlGrpInfAndSts/OrgnlMsgId", "OrgnlPmtInfAndSts/OrgnlPmtInfId") or ""
    group = replace(_status(head, "GrpSts") if head is not None else _Status(), of_all=True)
    # With several blocks each is of some transfers, at some banks of one.
    alone = len(payments) == 1
    blocks = [replace(_status(each, "PmtInfSts"), of_all=alone).below(group) for each in payments]
    listed = [
        (_status(element, "TxSts").below(block), element)
        for block, payment in zip(blocks, payments, strict=True)
        for element in every(payment, "TxInfAndSts")
    ]
    told = [status for status, _ in listed]
    of_all = _of_all([each for each in blocks if each.own] or [group], told)
    lines: list[Line | WholeFile] = []
    for status, element in listed:
        line = _line(status, element, file)
        # Without a name it may be any of them. If it says the same as is said of all, nothing is lost with it.
        if line.reference is not None or of_all.outcome is None or status.outcome is not of_all.outcome:
            lines.append(line)
    if lines and not any(each.own for each in (*blocks, group)):
        return lines
    whole = _whole(replace(of_all, of_all=True), report, file)
    if any(reference(each, "OrgnlPmtInfId") not in {None, file} for each in payments):
        whole = replace(whole, outcome=None, fault=Problem.OTHER_FILE)
    elif of_all.outcome is not Outcome.PENDING and _denies_itself(blocks, group, told):
        whole = replace(whole, outcome=None, fault=Problem.TWICE)
    return [*lines, whole]


def _of_all(said: list[_Status], listed: list[_Status]) -> _Status:
    """What is said of every transfer of the file. Of a rejection without a reason the listed ones may tell it."""
    of_all = said[0]
    rejected = sorted((each for each in listed if each.code == "RJCT"), key=lambda each: gravity(each.word))
    if of_all.code != "RJCT":
        return of_all
    repeated = [each for each in rejected if each.problem is Problem.DUPLICATE]
    if of_all.codes or of_all.texts:
        return (repeated or [of_all])[0]
    return (repeated or [each for each in rejected if each.problem] or rejected or [of_all])[0]


def _denies_itself(blocks: list[_Status], group: _Status, listed: list[_Status]) -> bool:
    """Whether the report contradicts what it says of all: then it is not known what became of the unlisted."""
    of_blocks = {each.outcome for each in blocks if each.own}
    levels = of_blocks | ({group.outcome} if group.own else set())
    over = {Outcome.FAILED, Outcome.REJECTED}
    if len(of_blocks) > 1 or (Outcome.SUCCEEDED in levels and levels & over):
        return True
    return bool((of_blocks or levels) & over) and any(each.outcome not in over for each in listed)


def _line(status: _Status, element: etree._Element, file: str) -> Line:
    named, currency = amount(element, "OrgnlTxRef/Amt/InstdAmt")
    return Line(
        number=number(element),
        reference=reference(element, "OrgnlEndToEndId", "OrgnlInstrId"),
        outcome=status.outcome,
        word=status.word,
        file=file or None,
        amount=named,
        currency=currency,
        fault=status.problem,
        narrative=" / ".join(status.texts),
    )


def _whole(status: _Status, report: etree._Element, file: str) -> WholeFile:
    place = first(report, "OrgnlPmtInfAndSts", "OrgnlGrpInfAndSts")
    counted = ("OrgnlPmtInfAndSts/{}", "OrgnlGrpInfAndSts/{}")
    return WholeFile(
        number=number(report if place is None else place),
        file=file,
        outcome=status.outcome,
        word=status.word,
        count=amount(report, *(each.format("OrgnlNbOfTxs") for each in counted))[0],
        total=amount(report, *(each.format("OrgnlCtrlSum") for each in counted))[0],
        fault=status.problem,
        narrative=" / ".join(status.texts),
    )


def _status(element: etree._Element, path: str) -> _Status:
    """The status at a path, with its reasons. Texts, and unknown codes, are only shown to people."""
    reasons = [each.upper() for each in texts(element, "StsRsnInf/Rsn/Cd")]
    codes = tuple(each for each in reasons if is_proof(each) or each in _TELLS_NOTHING | _REPEATED)
    words = [each for each in reasons if each not in codes]
    words += texts(element, "StsRsnInf/Rsn/Prtry") + texts(element, "StsRsnInf/AddtlInf")
    return _Status(code(element, path), codes, tuple(words), own=text(element, path) is not None)
