"""Variants of banks' reports: versions, namespaces, encodings, places of references, reasons without proof."""

from __future__ import annotations

from decimal import Decimal

import pytest

from admin.bank import reports
from chalicelib.payouts.bank_files.report_lines import Problem, WholeFile
from chalicelib.payouts.rules import Outcome
from tests.builders.payouts.bank import block, camt054, entry, only, pain002, reason, report, tx

REFERENCE = "abcdefghijklmnopqrstuvwxyz-1"
OTHER = "abcdefghijklmnopqrstuvwxyz-2"
STATUS = pain002("file-1", {REFERENCE: "ACSC"})
BOOKED = camt054(entry(REFERENCE, ref="D-1"))
PAIN = b"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"


NOTHING_PROVEN = {
    "a narrative about an id": reason("NARR", text="Instruction ID 0007 already exist"),
    "a narrative about the message": reason("NARR", text="MsgId already received"),
    "Indonesian": reason("NARR", text="Transaksi sudah pernah diproses"),
    "a narrative that says nothing": reason("NARR", text="Payment rejected"),
    "a text without a code": reason(text="please contact your bank"),
    "a code of the bank's own": reason(own="DUPLICATE_ORDER"),
    "a code of its own like ISO's": reason(own="AC04"),
    "a reason that gives none": reason("MS03"),
    "no reason": "",
    "an empty one": "<StsRsnInf/>",
    "a code that is none of ISO's": reason("R99"),
    "a code in lower case": reason("narr"),
    "words beside a code, over two lines": reason("FF01", text="File was already</AddtlInf><AddtlInf>received"),
    "words beside a code": reason("FF01", text="DUPLICATE MSGID"),
    "two reasons": reason("AC04") + reason("NARR", text="repetition of order 7"),
    "ISO's codes of a repetition": reason("DU04"),
    "another": reason("AM05"),
    "and another": reason("DUPL"),
    "a reference that is not unique": reason("RF01"),
    "a signature that was sent already": reason("DS15"),
    "a repetition by ISO 8583": reason("0094"),
    **{f"a code that is none of ISO's: {code}": reason(code) for code in (
        "E026", "U149", "0005", "0068", "XX01", "TOUT", "M007", "R094", "AC99",
    )},
    **{f"{code} of ISO's, of something that went well or is no reason": reason(code) for code in (
        "DS01", "DS03", "DS05", "DS07", "CH19", "DT06", "G000", "G004", "TS01", "MS01", "S001", "RCON",
    )},
    "no reason beside one that gives none": reason("MS03") + reason("NARR"),
}  # fmt: skip


@pytest.mark.parametrize("why", NOTHING_PROVEN.values(), ids=NOTHING_PROVEN)
def test_a_reason_without_proof_is_no_failure_at_any_level(why):
    for raw in (
        report("file-1", block("file-1", "", "", tx(REFERENCE, "RJCT", why))),
        report("file-1", block("file-1", "RJCT", why)),
        report("file-1", group="RJCT", why=why),
        report("file-1", block("file-1", "RJCT", why, tx(REFERENCE, "RJCT"))),
        report("file-1", block("file-1", "RJCT", "", tx(REFERENCE, "RJCT", why))),
    ):
        for said in reports.read(raw)[1]:
            assert said.outcome is Outcome.REJECTED
            assert said.fault in {Problem.NO_CODE, Problem.DUPLICATE}


@pytest.mark.parametrize("why", [
    reason("AC04"), reason("AC04", text="Account closed"), reason("AC01") + reason("NARR", text="Rekening salah"),
    reason("ac06"), reason("AC04", text="Rekening sudah ditutup"), reason(" AM04 "),
    *(reason("AC01", text=text) for text in (
        "Account does not exist", "The account doesn't exist", "non-existent account", "Rekening tidak ditemukan",
        "Rekening belum pernah terdaftar", "Nama penerima tidak sesuai", "Name is not the same as that of the account",
        "Transaksi tidak berhasil", "Payment was not successful", "UNSUCCESSFUL", "Transaksi tidak dapat diproses",
        "Amount cannot be credited", "Rek. telah ditutup", "sdh tidak aktif", "Account already closed",
        "rekening sudah diblokir", "Diterima setelah cut off", "Same-day cut-off passed", "nasabah sudah meninggal",
        "gagal dibukukan", "Payment not yet executed",
    )),
    "<StsRsnInf><Orgtr><Nm>BANK</Nm></Orgtr><Rsn><Cd>BE04</Cd></Rsn></StsRsnInf>",
])  # fmt: skip
def test_a_reason_by_iso_code_is_a_failure(why):
    line, whole = reports.read(report("file-1", block("file-1", "RJCT", "", tx(REFERENCE, "RJCT", why))))[1]
    assert (line.outcome, line.fault, whole.outcome, whole.fault) == (Outcome.FAILED, None, Outcome.FAILED, None)


REPETITIONS = [
    "sudah dibukukan", "Sudah dipakai", "sudah sukses", "telah berhasil", "pernah digunakan", "already made",
    "already credited", "same reference exists",
    # Others
    "sdh dibukukan", "Trx tlh terbayar", "prnh dikirim", "TXN_ALREADY_EXISTS", "txnAlreadyPosted", "Berhasil",
    "transaksi kembar", "transaksi dobel", "identical order found", "paid on 24 November", "second presentation",
    "sent twice", "dikirim dua kali", "EndToEndId not unique", "nomor referensi tidak unik", "earlier payment found",
    "prior order 0007", "transaksi berulang", "Rekening sudah ditutup; transaksi sudah dibukukan",
    "Tidak dapat diproses karena sudah lunas", "cannot be processed: paid before", "replayed message",
    "sudah\u00a0dibukukan", "sudah  \n dibukukan", "Transfer executed", "Reference in use since 24 November",
]  # fmt: skip


@pytest.mark.parametrize("text", REPETITIONS)
@pytest.mark.parametrize("codes", ["AC04", "AB08", "MS01", "NARR AC04"])
def test_a_text_about_a_repetition_proves_nothing_with_any_code(text, codes):
    *more, code = codes.split()
    why = "".join(reason(each) for each in more) + reason(code, text=text)
    for raw in (
        report("file-1", block("file-1", "", "", tx(REFERENCE, "RJCT", why))),
        report("file-1", group="RJCT", why=why),
        report("file-1", block("file-1", "", "", tx(REFERENCE, "RJCT", reason(text, own=text) + reason("AC04")))),
    ):
        [said] = reports.read(raw)[1]
        assert (said.outcome, said.fault) == (Outcome.REJECTED, Problem.DUPLICATE)


@pytest.mark.parametrize(
    ("why", "word"),
    [
        (reason("AC06") + reason("LEGL"), "RJCT_LEGL"),
        (reason("AC04") + reason("MD07"), "RJCT_MD07"),
        (reason("AC01") + reason("AM04"), "RJCT_AM04"),
        (reason("AB08") + reason("AC04"), "RJCT_AC04"),
        (reason("NARR") + reason("TM01") + reason("RR04") + reason("FF01"), "RJCT_RR04"),
        (reason("AC01") + reason("AC04") + reason("E026"), "RJCT_AC01"),
    ],
)
def test_of_several_reasons_the_gravest_counts(why, word):
    assert only(report("file-1", block("file-1", "", "", tx(REFERENCE, "RJCT", why)))).word == word


def test_a_reason_of_a_whole_file_does_not_blame_an_account():
    closed = reason("AC04")
    for raw in (
        report("file-1", group="RJCT", why=closed),
        report("file-1", block("file-1", "RJCT", closed)),
        report("file-1", block("file-1", "RJCT", closed, tx(REFERENCE, "RJCT"), tx(OTHER))),
        report("file-1", block("file-1", "", "", tx(REFERENCE)), block("file-1", "RJCT"), group="RJCT", why=closed),
    ):
        assert {each.word for each in reports.read(raw)[1]} == {"RJCT_FILE_AC04"}
    # The reason of one that is listed is its own, and tells nothing of another's account.
    listed, whole = reports.read(report("file-1", block("file-1", "RJCT", "", tx(REFERENCE, "RJCT", closed))))[1]
    assert (listed.word, whole.word) == ("RJCT_AC04", "RJCT_FILE_AC04")
    # A block for each transfer, as some banks have it, speaks of that one.
    two = report("file-1", block("file-1", "RJCT", closed, tx(REFERENCE)), block("file-1", "", "", tx(OTHER, "ACSC")))
    assert [each.word for each in reports.read(two)[1]][:2] == ["RJCT_AC04", "ACSC"]


@pytest.mark.parametrize("why", [reason("AM05"), reason("NARR", text="MsgId already received"), reason("DU01")])
def test_transfers_of_a_file_rejected_as_a_repetition_count_as_repetitions(why):
    listed = tx(REFERENCE, "RJCT", reason("AC04"))
    for raw in (
        report("file-1", block("file-1", "RJCT", why, listed)),
        report("file-1", block("file-1", "", "", listed), group="RJCT", why=why),
        report("file-1", block("file-1", "RJCT", reason("AC01"), listed), group="RJCT", why=why),
    ):
        assert {each.fault for each in reports.read(raw)[1]} == {Problem.DUPLICATE}
    other = report("file-1", block("file-1", "", "", tx(REFERENCE, "ACSC")), group="RJCT", why=why)
    assert reports.read(other)[1][0].outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("version", [f"{number:02}" for number in range(2, 14)])
def test_every_version_says_the_same(version):
    assert reports.read(STATUS.replace(b"002.001.10", f"002.001.{version}".encode())) == reports.read(STATUS)
    assert reports.read(BOOKED.replace(b"054.001.08", f"054.001.{version}".encode())) == reports.read(BOOKED)


def old(raw: bytes) -> bytes:
    """As the first versions of camt.054 have it: the status in the element, the amount of a transaction in details."""
    [head, tail] = raw.split(b"</Refs>")
    inner = tail.replace(
        b'<Amt Ccy="IDR">600000.00</Amt>', b'<AmtDtls><TxAmt><Amt Ccy="IDR">600000.00</Amt></TxAmt></AmtDtls>'
    )
    return (head + b"</Refs>" + inner).replace(b"<Sts><Cd>BOOK</Cd></Sts>", b"<Sts>BOOK</Sts>")


def test_older_bookings_say_the_same():
    assert only(old(BOOKED)) == only(BOOKED)
    assert only(old(BOOKED).replace(b"TxAmt", b"InstdAmt")) == only(BOOKED)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PAIN, b"http://www.six-interbank-clearing.com/de/pain.002.001.03.ch.02.xsd"),
        (PAIN, b"urn:iso:std:iso:20022:tech:xsd:pain.002.003.03"),
        (b"xmlns=", b"Xmlns="),
        (b' xmlns="' + PAIN + b'"', b""),
        (b"<?xml", b"\r\n\t<?xml"),
        (b"</Document>\n", b"</Document>\x1a"),
        (b"</Document>\n", b"</Document>\0\0\0"),
        (b"STATUS-1", "PT ANDRÉ".encode("cp1252")),
        (b"STATUS-1", b"a\x01b\x1fc"),
        (b"STATUS-1", b"<![CDATA[a <b> & c]]>"),
        (b'encoding="UTF-8"', b'encoding="ISO-8859-1" standalone="yes"'),
        (b'encoding="UTF-8"', b'encoding="windows-1252"'),
        (b">ACSC<", b">\n  acsc\t<"),
        (REFERENCE.encode(), REFERENCE[:14].upper().encode() + b"\n      " + REFERENCE[14:].encode()),
        (b"<TxSts>", b"<ClrSysRef>7</ClrSysRef><Nonsense><TxSts>RJCT</TxSts></Nonsense><TxSts>"),
        (b"</TxInfAndSts>", b"<SplmtryData><Envlp><TxSts>RJCT</TxSts></Envlp></SplmtryData></TxInfAndSts>"),
        (b"<GrpHdr>", b"<GrpHdr><GrpSts>RJCT</GrpSts>"),
    ],
)
def test_a_banks_own_spelling_changes_nothing(before, after):
    assert before in STATUS
    [mine], [theirs] = reports.read(STATUS)[1], reports.read(STATUS.replace(before, after))[1]
    assert (theirs.reference, theirs.outcome, theirs.file) == (mine.reference, mine.outcome, mine.file)


@pytest.mark.parametrize("raw", [
    STATUS.decode().encode("utf-16"), b"\xfe\xff" + STATUS.decode().encode("utf-16-be"), b"\xef\xbb\xbf" + STATUS,
    STATUS.replace(b"<", b"<D:").replace(b"<D:/", b"</D:").replace(b"<D:?", b"<?").replace(b"xmlns=", b"xmlns:D="),
    b"<BizMsg><AppHdr><BizMsgIdr>7</BizMsgIdr></AppHdr>" + STATUS.partition(b"\n")[2] + b"</BizMsg>",
], ids=["utf-16", "big-endian", "mark", "prefix", "envelope"])  # fmt: skip
def test_the_formatting_of_a_file_changes_nothing(raw):
    [mine], [theirs] = reports.read(STATUS)[1], reports.read(raw)[1]
    assert (theirs.reference, theirs.outcome, theirs.file) == (mine.reference, mine.outcome, mine.file)


@pytest.mark.parametrize(
    ("instruction", "end_to_end", "found"),
    [
        (REFERENCE, "", REFERENCE),
        (REFERENCE, "NOTPROVIDED", REFERENCE),
        (REFERENCE, "notprovided", REFERENCE),
        (REFERENCE, " NONREF ", REFERENCE),
        (REFERENCE, "BANK-0007", REFERENCE),
        (REFERENCE, REFERENCE[:16], REFERENCE),
        (REFERENCE.upper(), "NOTPROVIDED", REFERENCE),
        ("BANK-0007", REFERENCE, REFERENCE),
        (OTHER, REFERENCE, None),
        ("BANK-0007", "NOTPROVIDED", "bank-0007"),
        ("NOTPROVIDED", "NOTPROVIDED", None),
        ("", REFERENCE[:16], REFERENCE[:16]),
    ],
)
def test_the_reference_is_found_in_any_field_that_has_one_of_ours(instruction, end_to_end, found):
    names = "".join(
        f"<{name}>{value}</{name}>" for name, value in (("InstrId", instruction), ("EndToEndId", end_to_end)) if value
    )
    status = STATUS.replace(
        f"<OrgnlEndToEndId>{REFERENCE}</OrgnlEndToEndId>".encode(),
        names.replace("InstrId", "OrgnlInstrId").replace("EndToEndId", "OrgnlEndToEndId").encode(),
    )
    booked = BOOKED.replace(f"<EndToEndId>{REFERENCE}</EndToEndId>".encode(), names.encode())
    assert only(status).reference == only(booked).reference == found


@pytest.mark.parametrize("written", ["600.000,00", "", "IDR 600000", "-600000", "NaN", "1e6", "6" * 400, "600 000"])
def test_a_malformed_amount_affects_no_other_line(written):
    raw = camt054(entry(REFERENCE, written, ref="D-1"), entry(OTHER, ref="D-2"))
    spoilt, whole = reports.read(raw)[1]
    assert spoilt.amount == Decimal(0)
    assert (whole.reference, whole.amount) == (OTHER, Decimal(600_000))


def test_an_incomplete_line_is_reported_and_affects_no_other():
    empty = "<Ntry/><Ntry><NtryDtls><TxDtls/></NtryDtls></Ntry>"
    *strange, last = reports.read(camt054(empty, entry(REFERENCE)))[1]
    assert [each.reference for each in strange] == [None, None]
    assert last.outcome is Outcome.SUCCEEDED
    headless = STATUS.replace(b"OrgnlGrpInfAndSts", b"Nonsense")
    assert only(headless).file == "file-1", "by the payment's own name"
    assert reports.read(b"<Document><CstmrPmtStsRpt/></Document>")[1] == [WholeFile(1, "", None, "NONE")]
    assert reports.read(b"<Document><BkToCstmrDbtCdtNtfctn/></Document>")[1] == []


def test_a_batch_has_a_line_for_each_of_its_transactions_and_one_without_them_has_no_reference():
    one = entry(REFERENCE)
    details = one.partition("<NtryDtls>")[2].partition("</NtryDtls>")[0]
    batch = one.replace(details, "<Btch><NbOfTxs>2</NbOfTxs></Btch>" + details + details.replace(REFERENCE, OTHER))
    lines = reports.read(camt054(batch.replace("600000.00", "1200000.00", 1)))[1]
    assert [(each.reference, each.amount, each.outcome) for each in lines] == [
        (each, Decimal(600_000), Outcome.SUCCEEDED) for each in (REFERENCE, OTHER)
    ]
    total = one.replace(details, "<Btch><PmtInfId>file-1</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>")
    assert only(camt054(total)).reference is None
    told = one.replace(f"<EndToEndId>{REFERENCE}</EndToEndId>", "").replace(
        "</TxDtls>", f"<RmtInf><Ustrd>{REFERENCE}</Ustrd></RmtInf></TxDtls>"
    )
    assert only(camt054(told)).reference is None, "a text names nothing"


@pytest.mark.parametrize(
    ("spelling", "outcome"),
    [
        (lambda e: e.replace("BOOK", "book"), Outcome.SUCCEEDED),
        (lambda e: e.replace("<Cd>BOOK</Cd>", "<Prtry>BOOK</Prtry>"), None),
        (lambda e: e.replace("<Sts><Cd>BOOK</Cd></Sts>", ""), None),
        (lambda e: e.replace("DBIT", "CRDT"), None),
        (lambda e: e.replace("DBIT", "dbit"), Outcome.SUCCEEDED),
        (lambda e: e.replace("DBIT", "D"), None),
        (lambda e: e.replace("<CdtDbtInd>DBIT</CdtDbtInd>\n", ""), Outcome.SUCCEEDED),
        *(
            (lambda e, old=old, new=new: e.replace("DBIT", "CRDT").replace(old, new), Outcome.REVERSED)
            for old, new in (
                ("DMCT", "RRTN"),
                ("DMCT", "RPCR"),
                ("<BkTxCd>", "<RvslInd>TRUE</RvslInd><BkTxCd>"),
                ("<Refs>", "<RtrInf><Rsn><Cd>AB08</Cd></Rsn></RtrInf><Refs>"),
                ("<Refs>", "<RtrInf><Rsn><Prtry>closed</Prtry></Rsn></RtrInf><Refs>"),
                ("<Refs>", "<RtrInf/><Refs>"),
            )
        ),
        (lambda e: e.replace("DMCT", "RRTN"), None),
        (lambda e: e.replace("<BkTxCd>", "<RvslInd>true</RvslInd><BkTxCd>"), None),
        (lambda e: e.replace("<BkTxCd>", "<RvslInd>false</RvslInd><BkTxCd>"), Outcome.SUCCEEDED),
        (lambda e: e.replace("BOOK", "INFO"), Outcome.PENDING),
        (lambda e: e.replace("BOOK", "PDNG"), Outcome.PENDING),
    ],
)
def test_the_meaning_of_a_booking_is_known_or_reported(spelling, outcome):
    assert only(camt054(spelling(entry(REFERENCE)))).outcome is outcome
