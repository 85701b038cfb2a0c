"""Reading reports from outside: by local names, without external entities or growth."""

from __future__ import annotations

import re
import socket
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.bank import reports
from chalicelib.payouts.bank_files.report_lines import Problem
from chalicelib.payouts.rules import Outcome
from tests.builders.payouts.bank import camt054 as notification
from tests.builders.payouts.bank import entry, only
from tests.builders.payouts.bank import pain002 as status_report

REFERENCE = "abcdefghijklmnopqrstuvwxyz-1"
GOOD = status_report("file-1", {REFERENCE: "ACSC"})
LAUGHS = b'<!DOCTYPE d [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]>"  # fmt: skip


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def refused(raw: bytes) -> str:
    with pytest.raises(reports.BadReport) as found:
        reports.read(raw)
    return str(found.value)


def with_type(declaration: bytes, content: bytes) -> bytes:
    head, _, rest = GOOD.partition(b"\n")
    return head + b"\n" + declaration + rest.replace(b"STATUS-1", content)


@pytest.mark.parametrize(
    "raw",
    [
        with_type(b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>', b"&x;"),
        with_type(b'<!DOCTYPE d SYSTEM "http://198.51.100.1/x.dtd">', b"S"),
        with_type(b'<!DOCTYPE d [<!ENTITY %% x SYSTEM "http://198.51.100.1/"> %%x;]>', b"S"),
        with_type(LAUGHS, b"&j;"),
    ],
    ids=["a file's content", "a type from elsewhere", "a parameter entity", "a billion laughs"],
)
def test_a_document_type_is_refused_before_anything_of_it_is_read(raw, no_network):
    assert refused(raw) == "it has a document type"


def test_other_encodings_and_undeclared_entities_are_refused():
    assert "not well-formed" in refused(GOOD.replace(b"STATUS-1", b"&x;"))
    hidden = with_type(b'<!DOCTYPE d [<!ENTITY x "y">]>', b"&x;").decode()
    assert refused(hidden.replace("UTF-8", "UTF-16").encode("utf-16")) == "it has a document type"
    for other in ("utf-16-le", "utf-32", "cp037"):
        assert "not well-formed" in refused(hidden.encode(other))
    assert reports.read(b"\xef\xbb\xbf" + GOOD) == reports.read(GOOD), "a mark of the byte order is no fault"
    # The declaration is not what the bytes are read by: `+ADw-` is `<` in UTF-7.
    utf7 = GOOD.replace(b"UTF-8", b"UTF-7").replace(b"STATUS-1", b"+ADwA-/MsgId+AD4-")
    assert reports.read(utf7) == reports.read(GOOD)


def test_a_too_large_or_truncated_report_is_refused_whole(monkeypatch):
    for length in range(0, len(GOOD) - 2, 37):
        assert "well-formed" in refused(GOOD[:length])
    monkeypatch.setattr(reports, "LIMIT", len(GOOD) - 1)
    assert "larger" in refused(GOOD)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"Document", b"Dokument"), (b"CstmrPmtStsRpt", b"FIToFIPmtStsRpt"), (b"CstmrPmtStsRpt", b"CstmrCdtTrfInitn")],
)
def test_another_kind_of_message_is_not_read_as_a_report(old, new):
    assert refused(GOOD.replace(old, new)) == "it is not one of pain.002, camt.054"
    # Nor are two reports in one document.
    [report] = re.findall(rb"<CstmrPmtStsRpt>.*</CstmrPmtStsRpt>", GOOD, re.DOTALL)
    assert "not one of" in refused(GOOD.replace(report, report + report))


@settings(max_examples=200)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8))
def test_a_damaged_file_is_refused_or_read_as_it_stands(place, noise):
    try:
        message, _ = reports.read(GOOD[:place] + noise + GOOD[place + len(noise) :])
    except reports.BadReport:
        return
    assert message == "pain.002"


def test_comments_within_a_reference_do_not_cut_it():
    raw = GOOD.replace(REFERENCE.encode(), REFERENCE[:10].encode() + b"<!-- -->" + REFERENCE[10:].encode())
    assert [each.reference for each in reports.read(raw)[1]] == [REFERENCE]


@pytest.mark.parametrize(
    ("words", "outcome", "word", "fault"),
    [
        ("ACSC", Outcome.SUCCEEDED, "ACSC", None),
        ("ACCC", Outcome.SUCCEEDED, "ACCC", None),
        ("RJCT AC04", Outcome.FAILED, "RJCT_AC04", None),
        ("RJCT", Outcome.REJECTED, "RJCT", Problem.NO_CODE),
        ("RJCT NARR", Outcome.REJECTED, "RJCT_NARR", Problem.NO_CODE),
        ("RJCT AM05", Outcome.REJECTED, "RJCT_AM05", Problem.DUPLICATE),
        ("RJCT DU03", Outcome.REJECTED, "RJCT_DU03", Problem.DUPLICATE),
        ("PDNG", Outcome.PENDING, "PDNG", None),
        ("ACSP", Outcome.PENDING, "ACSP", None),
        ("BLCK", None, "BLCK", None),
        ("x", None, "NONE", None),
        ("", None, "NONE", None),
    ],
)
def test_each_status_has_its_meaning(words, outcome, word, fault):
    line = only(status_report("file-1", {REFERENCE: words}))
    assert (line.reference, line.file) == (REFERENCE, "file-1")
    assert (line.outcome, line.word, line.fault) == (outcome, word, fault)


def test_a_status_of_the_whole_file_counts_where_no_single_one_is_listed():
    assert reports.read(status_report("file-1", {REFERENCE: "ACSC"}, "PART"))[1][0].outcome is Outcome.SUCCEEDED
    head = "<OrgnlNbOfTxs>2</OrgnlNbOfTxs><OrgnlCtrlSum>650000.00</OrgnlCtrlSum>"
    [whole] = reports.read(status_report("file-1", {}, "RJCT AC01", head))[1]
    assert (whole.file, whole.outcome, whole.word, whole.fault) == ("file-1", Outcome.FAILED, "RJCT_FILE_AC01", None)
    assert (whole.count, whole.total) == (2, Decimal(650_000))
    of_the_payment = status_report("file-1", {}, "ACTC").replace(
        b"</OrgnlGrpInfAndSts>",
        b"</OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>file-1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>"
        b"<StsRsnInf><Rsn><Cd>AC06</Cd></Rsn></StsRsnInf></OrgnlPmtInfAndSts>",
    )
    assert [each.word for each in reports.read(of_the_payment)[1]] == ["RJCT_FILE_AC06"]


def test_each_booking_has_its_meaning():
    debit = only(notification(entry(REFERENCE, ref="D-1")))
    assert (debit.outcome, debit.amount, debit.currency, debit.booked, debit.booking) == (
        Outcome.SUCCEEDED, Decimal(600_000), "IDR", True, "D-1",
    )  # fmt: skip
    assert only(notification(entry(REFERENCE, returned="AC04"))).word == "BOOKED_RETURN_AC04"
    assert only(notification(entry(REFERENCE, status="ZZZZ"))).fault is Problem.UNKNOWN_WORD
    assert only(notification(entry("NOTPROVIDED"))).reference is None


def test_an_entry_without_details_has_no_reference_and_one_of_many_has_no_amount_but_its_own():
    bare = entry(REFERENCE).partition("<NtryDtls>")[0] + "</Ntry>"
    assert only(notification(bare)).reference is None
    details = entry(REFERENCE).partition("<NtryDtls>")[2].partition("</NtryDtls>")[0]
    without = details.replace('<Amt Ccy="IDR">600000.00</Amt>', "")
    two = entry(REFERENCE).replace(details, details + without)
    assert [each.fault for each in reports.read(notification(two))[1]] == [None, Problem.AMOUNT]
    assert reports.read(notification(two))[0] == "camt.054"


def test_places_in_a_report_are_lines_of_the_file():
    raw = status_report("file-1", [(REFERENCE, "ACSC"), (REFERENCE[:-1] + "2", "ACSC")])
    lines = raw.decode().splitlines()
    for each in reports.read(raw)[1]:
        assert str(each.reference) in lines[each.number - 1]
