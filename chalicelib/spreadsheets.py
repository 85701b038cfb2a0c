"""CSV files that administrators import: damage by spreadsheets is found before a line is believed. Pure.

A spreadsheet takes a number of 16 digits for a measurement: it keeps 15 of them, or writes it with an exponent. Saved
again, the file looks whole and names other people.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from .errors import DomainError

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"{\\rtf", b"<")
"""The first bytes of workbooks of new and old kinds, PDF, rich text, and tables in HTML or XML."""
_MEASURED = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE][+]?[0-9]+|[0-9]+[.,]0{1,2}")
"""A number with an exponent, or with decimals."""
_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "bar"}


_ID = "Ekspor ulang dari sumbernya: kolom nomor sebagai Teks, lalu simpan sebagai CSV UTF-8 (dipisahkan koma)."
_EN = "Export it from its source again: columns of numbers as Text, saved as CSV UTF-8 (comma delimited)."


class NotCsv(DomainError):
    code = "not_csv"
    status = 422
    indonesian = f"Berkas ini bukan CSV, tetapi buku kerja, PDF atau halaman web. {_ID}"
    english = f"This file is no CSV but a workbook, a PDF or a page. {_EN}"


class NotUtf8(DomainError):
    """The file has another encoding, perhaps UTF-16; its letters would be read as others."""

    code = "not_utf8"
    status = 422
    indonesian = f"Berkas ini bukan UTF-8. {_ID}"
    english = f"This file is not in UTF-8. {_EN}"


class NotCommas(DomainError):
    code = "not_commas"
    status = 422
    indonesian = f"Kolom berkas ini dipisahkan oleh {{found}}, bukan koma. {_ID}"
    english = f"The columns of this file are separated by a {{found}}, not by commas. {_EN}"


class NumbersSpoiled(DomainError):
    code = "numbers_spoiled"
    status = 422
    indonesian = (
        f"Seluruh berkas ditolak: {{spoiled}} dari {{numbers}} nomor dirusak lembar kerja: digit terakhir menjadi 0, "
        f"digit hilang, atau tertulis seperti 3,2E+15. {_ID}"
    )
    english = (
        f"The whole file is refused: a spreadsheet spoiled {{spoiled}} of {{numbers}} numbers: their last digit became "
        f"0, digits are missing, or they are written like 3.2E+15. {_EN}"
    )


def lines(raw: bytes) -> list[str]:
    """The lines of a CSV, as `csv` reads them. Raises `NotCsv`, `NotUtf8`, `NotCommas`."""
    if raw.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_WORKBOOKS):
        raise NotCsv()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotUtf8() from None  # the cause would quote the file
    if "\0" in text or "\N{REPLACEMENT CHARACTER}" in text:
        raise NotUtf8()
    found = io.StringIO(text, newline="").readlines()
    header = next((line for line in found if line.strip()), "")
    for separator, name in _SEPARATORS.items():
        if header.count(separator) > header.count(","):
            raise NotCommas(found=name)
    return found


def whole(lines_of_it: Iterable[str]) -> Iterator[str]:
    """The lines of a CSV, one row each: a quote that is left open must not swallow the lines after it. Raises
    `csv.Error`.
    """
    for line in lines_of_it:
        list(csv.reader([line], strict=True))
        yield line


def check_digits(numbers: Sequence[str], length: int) -> None:
    """Raises `NumbersSpoiled` if identifiers of `length` digits look as if a spreadsheet had changed them.

    One in ten ends in 0 by chance; more than five standard deviations above that is damage. So is it if most of them
    are too short, because digits were lost at either end.
    """
    count = len(numbers)
    written = sum(_MEASURED.fullmatch(number) is not None for number in numbers)
    digits = [re.sub("[-.]", "", number) for number in numbers]  # a spreadsheet may have grouped them by thousands, too
    zeros = sum(len(number) == length and number.isdigit() and number.endswith("0") for number in digits)
    short = sum(length - 2 <= len(number) < length and number.isdigit() for number in digits)
    by_chance = 10 * zeros <= count or (10 * zeros - count) ** 2 <= 25 * 9 * count
    spoiled = max(written, 0 if by_chance else zeros, short if 2 * short > count else 0)
    if spoiled:
        raise NumbersSpoiled(spoiled=spoiled, numbers=count)
