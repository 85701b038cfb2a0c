"""The courses of the demo's two training partners, as a file that an administrator imports."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from .players.crowd import Partner

_COLUMNS = ("code", "title", "provider", "price_idr", "hours", "mode", "province", "skills", "offered")

_COURSES = (
    ("WEB-1", "Membuat Situs Web", 750_000, "", "web_development;programming"),
    ("DATA-1", "Analisis Data untuk Pemula", 900_000, "", "data_analysis;spreadsheets"),
    ("LAS-1", "Dasar Pengelasan", 1_250_000, "32", "welding"),
    ("DIG-1", "Pemasaran Digital untuk UMKM", 600_000, "", "digital_marketing;sales"),
    ("BOGA-1", "Tata Boga", 1_100_000, "31", "cooking;hospitality"),
    ("ING-1", "Bahasa Inggris Kerja", 500_000, "", "english"),
)
"""Code, title, price, province (none: online), skills. The two partners take turns."""

HOURS = 1
"""Of each course: of the stage's hours, which last as long as its figures say."""

WHOLE_BALANCE = "PILOT-1"
"""The code of a course that costs all there is to spend, so that nothing can be bought besides."""

WITHDRAWN = "LAMA-1"
"""The code of a course that is taken back before anybody buys it."""


def catalogue(partners: Sequence[Partner], balance_idr: int, *, withdrawn: bool) -> str:
    """The file; `balance_idr` is what a beneficiary may spend, `withdrawn` says that one course is taken back."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for turn, (code, title, price, province, skills) in enumerate(_COURSES):
        mode = "offline" if province else "online"
        rows.writerow([code, title, partners[turn % len(partners)].id, price, HOURS, mode, province, skills, "yes"])
    first, offered = partners[0].id, "no" if withdrawn else "yes"
    for code, title, price, skills, kept in (
        (WHOLE_BALANCE, "Pilot Pesawat Nirawak", balance_idr, "photography", "yes"),
        (WITHDRAWN, "Mengetik Sepuluh Jari", 200_000, "office_administration", offered),
    ):
        rows.writerow([code, title, first, price, HOURS, "online", "", skills, kept])
    return text.getvalue()
