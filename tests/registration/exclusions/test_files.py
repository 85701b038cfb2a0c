"""The file of an exclusion list: what spreadsheets do to it is read without loss, or refused."""

from __future__ import annotations

import pytest

from chalicelib import spreadsheets
from chalicelib.errors import DomainError
from chalicelib.registration.exclusions import errors
from chalicelib.registration.exclusions.files import read_niks
from tests.builders.registration import SITI
from tests.registration.exclusions.excluding import OFFICIALS, csv_of


def spoiled(content: bytes) -> str:
    with pytest.raises(DomainError) as refused:
        read_niks(spreadsheets.lines(content))
    assert "3201" not in str(refused.value)
    return refused.value.code


@pytest.mark.parametrize(
    "niks",
    [
        [f"{nik[:15]}0" for nik in OFFICIALS],  # Excel keeps 15 digits
        [f"{nik[:13]}120" for nik in OFFICIALS[:3]],
        [f"{nik[:13]}120" if n % 3 else nik for n, nik in enumerate(OFFICIALS)],  # most of them
        [f"{nik[0]}.{nik[1:3]}E+15" for nik in OFFICIALS],
        [f'"{nik[0]},{nik[1:3]}E+15"' for nik in OFFICIALS],
        ["3.20E+15", *OFFICIALS],
        [f"{nik[0]}e{15}" for nik in OFFICIALS],
        [f"{nik}.0" for nik in OFFICIALS],
        [f'"{nik},00"' for nik in OFFICIALS],
        [f"3.201.0{nik[5:7]}.{nik[7:10]}.{nik[10:13]}.120" for nik in OFFICIALS],
        [nik[:15] for nik in OFFICIALS],
        [nik[1:] for nik in OFFICIALS],  # no region begins with 0: no zero to lose
        [nik[:14] for nik in OFFICIALS],
    ],
)
def test_a_list_with_numbers_spoiled_by_a_spreadsheet_is_refused_with_the_cause(niks):
    assert spoiled(csv_of(niks)) == "numbers_spoiled"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00" + b"\x00" * 40, "not_csv"),  # .xlsx, .ods
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 40, "not_csv"),  # .xls
        (b"%PDF-1.7\n", "not_csv"),
        (b"{\\rtf1\\ansi nik}", "not_csv"),
        (b"\xef\xbb\xbf\r\n<html><table><tr><td>nik", "not_csv"),  # many portals call this .xls
        (b'<?xml version="1.0"?><Workbook/>', "not_csv"),
        (csv_of(OFFICIALS).decode().encode("utf-16"), "not_utf8"),
        (csv_of(OFFICIALS).decode().encode("utf-16-le"), "not_utf8"),
        (csv_of(OFFICIALS).decode().encode("utf-16-be"), "not_utf8"),
        (csv_of([f"{OFFICIALS[0]},Andr\u00e9"], "nik,nama").decode().encode("windows-1252"), "not_utf8"),
        (csv_of([f"{OFFICIALS[0]},Andr\ufffd"], "nik,nama"), "not_utf8"),  # read wrongly once, and saved so
        (csv_of([f"{nik};Andi" for nik in OFFICIALS], "nik;nama"), "not_commas"),
        (csv_of([f"{nik}\tAndi" for nik in OFFICIALS], "nik\tnama"), "not_commas"),
        (csv_of([f"{nik}|Andi" for nik in OFFICIALS], "nik|nama"), "not_commas"),
        (csv_of([f"{nik};Andi, S.E.;x" for nik in OFFICIALS], "nik;nama, gelar;jabatan"), "not_commas"),
        (csv_of(OFFICIALS, "nama"), "malformed_exclusion_list"),
        (csv_of([f"{nik},{nik}" for nik in OFFICIALS], "nik,No. KTP"), "malformed_exclusion_list"),  # which of them?
    ],
)
def test_a_file_in_another_format_than_csv_in_utf_8_is_refused_with_its_format(content, code):
    assert spoiled(content) == code


@pytest.mark.parametrize(
    "content",
    [
        csv_of(OFFICIALS),
        b"\xef\xbb\xbf" + csv_of(OFFICIALS),
        csv_of(OFFICIALS).replace(b"\r\n", b"\r"),
        csv_of([f"'{nik}" for nik in OFFICIALS]),
        csv_of([f"\u2019{nik}" for nik in OFFICIALS]),
        csv_of([f'="{nik}"' for nik in OFFICIALS]),
        csv_of([f'"=""{nik}"""' for nik in OFFICIALS]),
        csv_of([f'"{nik}"' for nik in OFFICIALS], '"NIK"'),
        csv_of([f" {nik}\u00a0 ,," for nik in OFFICIALS] + [",,", ",,"], " NIK ,,"),
        csv_of([f"{n},Andi,{nik}" for n, nik in enumerate(OFFICIALS)], "No.,Nama,Nomor Induk Kependudukan"),
        csv_of(OFFICIALS, "No. KTP"),
        csv_of(OFFICIALS + OFFICIALS[::-1], "Nomor NIK"),
        csv_of([f"{nik[:6]}.{nik[6:12]}.{nik[12:]}" for nik in OFFICIALS]),
    ],
)
def test_harmless_changes_by_a_spreadsheet_are_read(content):
    assert read_niks(spreadsheets.lines(content)) == OFFICIALS


STRAY = {
    "an opening quote": [(5, '"')],
    "an opening quote in the last line": [(28, '"')],
    "two opening quotes": [(5, '"'), (11, '"')],
    "an opening quote at its cell's beginning and a closing one lines later": [(5, '"'), (9, '",x"')],
    "a quote after a quoted name": [(5, '"Siti "A" ')],
    "a quoted name with an end of line": [(5, '"Siti\n')],
}


@pytest.mark.parametrize("stray", STRAY)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stray_quote_joins_no_lines_of_a_list(stray, end):
    rows = [f"{nik},Andi" for nik in OFFICIALS[:30]]
    for place, quote in STRAY[stray]:
        rows[place] = f"{OFFICIALS[place]},{quote}Andi"
    with pytest.raises(errors.MalformedExclusionList) as refused:
        read_niks(spreadsheets.lines(end.join(["nik,nama", *rows]).encode()))
    assert str(refused.value.facts["lines"]) == str(STRAY[stray][0][0] + 2)


def test_quotes_that_belong_to_their_line_other_columns_and_repeated_lines_are_read():
    rows = [f'{nik},"Andi ""Budi"" S.E., M.M."' for nik in OFFICIALS] + [f'{OFFICIALS[0]},Andi "Budi"']
    assert read_niks(spreadsheets.lines("\n".join(["nik,nama", *rows]).encode())) == OFFICIALS
    assert read_niks(["name,nik,office\n", f'"Siti, A.",{SITI.nik},x\n', f"Siti, {SITI.nik} ,y\n", "\n"]) == [SITI.nik]


def test_numbers_that_end_in_0_by_chance_are_taken():
    days = [f"32010{district}{day:02}0185" for district in (1, 2) for day in range(1, 29)]
    niks = [f"{day}{serial:04}" for day in days for serial in range(1, 31)]
    assert len(read_niks(["nik", *niks])) == len(niks)
    assert read_niks(["nik", "3201010101850010"]) == ["3201010101850010"]
    assert len(read_niks(["nik", "3201010101850010", "3201010101850020"])) == 2
