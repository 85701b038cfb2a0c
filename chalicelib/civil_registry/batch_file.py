"""The two files of a batch: what an office is asked, and what it answers. CSV, read and written here. Pure.

The first line of each is the control line, `gelombang-registry-1,<batch>,<rows>,<sha256>`: the number of rows, and the
SHA-256 of every byte after this line. The second line names the columns. A row's reference is sealed for its batch, its
number and its NIK. So an answer cannot be to a row that was not sent, nor about another NIK.

An answer is read in parts (`parts`), as a batch may have a million rows. A part is such a file, too: its control line
has the number of rows of the whole, and its first column the line of the whole in which a row stands.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from .. import spreadsheets
from ..registration.verifications import Ask
from ..typed_text import identifier, line
from ..values import Hidden, Value
from .errors import MalformedRegistryFile, RegistrySumsDiffer
from .registry import CivilRecord

_FORM = "gelombang-registry-1"
PART = 2_000
"""Rows of a part: to open and to write so many registrations takes about ten seconds."""
ASKED = ("row", "reference", "nik")
ANSWERED = (*ASKED, "found", "name", "birth_date", "kk", "province", "sex", "dead")
"""The columns of an answer. `found` and `dead` are yes or no; an empty cell: the office does not say."""
_OF_PART = ("line", *ANSWERED)
_SEXES = {"male": "male", "laki-laki": "male", "female": "female", "perempuan": "female", "": None}
_SAID = {"yes": True, "ya": True, "no": False, "tidak": False, "": None}
_NAMED_LINES_MAX = 20
_NIK_DIGITS = 16


class Control(Value, frozen=True):
    """A control line."""

    batch: str
    rows: int
    sha256: str


class Answer(Hidden, frozen=True):
    """A row of an answer. `found`: None if the office does not say whether it has the NIK."""

    version: Ask
    found: bool | None
    record: CivilRecord | None


class References:
    """Seals the references of one batch. `key`: 32 bytes that belong to this batch alone."""

    def __init__(self, key: bytes) -> None:
        # Sealed twice, one row has one reference; no nonce could be used twice.
        self._cipher = AESSIV(key)

    def seal(self, row: int, nik: str, version: Ask) -> str:
        """Which version of a registration a row asks about, as small letters and digits."""
        plain = f"{version.version} {version.registrant_id}".encode()
        sealed = self._cipher.encrypt(plain, [row.to_bytes(12, "big"), nik.encode()])
        return base64.b32encode(sealed).decode().rstrip("=").lower()

    def open(self, row: int, nik: str, reference: str) -> Ask:
        """Raises ValueError unless this reference was sealed for this row and NIK."""
        padded = reference.upper() + "=" * (-len(reference) % 8)
        try:
            plain = self._cipher.decrypt(base64.b32decode(padded), [row.to_bytes(12, "big"), nik.encode()])
        except InvalidTag:
            raise ValueError("another row") from None
        version, _, registrant_id = plain.decode().partition(" ")
        return Ask(registrant_id, int(version))


def questions(first: int, asked: Iterable[tuple[str, Ask]], references: References) -> bytes:
    """Rows that ask about these NIKs, from a number on."""
    return _lines((row, references.seal(row, nik, version), nik) for row, (nik, version) in enumerate(asked, first))


def whole(batch: str, rows: bytes) -> bytes:
    """The file of a batch that asks with all these rows."""
    return _file(batch, rows.count(b"\n"), _lines([ASKED]) + rows)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _file(batch: str, rows: int, body: bytes) -> bytes:
    return f"{_FORM},{batch},{rows},{hashlib.sha256(body).hexdigest()}\n".encode() + body


def control_of(raw: bytes) -> Control:
    """The control line of a file. Raises `MalformedRegistryFile`, and `RegistrySumsDiffer` if the bytes are others."""
    first, _, body = raw.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    # A spreadsheet fills the line up with empty cells.
    given = re.fullmatch(rf"{_FORM},([a-z2-7]{{26}}),([0-9]{{1,9}}),([0-9a-f]{{64}}),*\r?".encode(), first)
    if given is None:
        raise MalformedRegistryFile(wrong=1, lines="1")
    batch, rows, sha256 = (part.decode() for part in given.groups())
    if hashlib.sha256(body).hexdigest() != sha256:
        raise RegistrySumsDiffer(sum="sha256")
    return Control(batch, int(rows), sha256)


def parts(raw: bytes) -> list[bytes]:
    """An answer in parts of `PART` rows in their order, at least one: each row that was sent once, or nothing.

    Raises `RegistrySumsDiffer`, `MalformedRegistryFile` (names lines, never what is in them), and what `spreadsheets`
    raises of a damaged file.
    """
    control, count = control_of(raw), 0
    found: dict[int, list[object]] = {}
    wrong: list[int] = []
    for number, given in _cells(raw, ANSWERED):
        count += 1
        row = int(given["row"]) if re.fullmatch("[0-9]{1,9}", given["row"]) else 0
        if row in found or not row:
            wrong.append(number)
        found[row] = [number, *(given[column] for column in ANSWERED)]
    for place in map(_OF_PART.index, ("nik", "kk")):
        # Of the whole: a part may be so small that its numbers look spoiled by chance.
        digits = [identifier(str(cells[place])) for cells in found.values() if cells[place]]
        spreadsheets.check_digits(digits, _NIK_DIGITS)
    _refuse(wrong)
    if not control.rows == count == max(found, default=0):
        raise RegistrySumsDiffer(sum="rows")
    bodies = (_lines([_OF_PART, *(found[row] for row in _rows_of(number, count))]) for number in range(parts_of(count)))
    return [_file(control.batch, count, body) for body in bodies]


def parts_of(rows: int) -> int:
    """How many parts so many rows have."""
    return max(1, -(-rows // PART))


def _rows_of(number: int, rows: int) -> range:
    return range(number * PART + 1, min((number + 1) * PART, rows) + 1)


def read(raw: bytes, number: int, rows: int, references: References) -> list[Answer]:
    """The part with a number, from 0 on, of an answer to a batch of that many rows: to each row once, or nothing.

    Raises as `parts`.
    """
    control, count, wanted = control_of(raw), 0, _rows_of(number, rows)
    answers: dict[int, Answer] = {}
    wrong: list[int] = []
    for _, given in _cells(raw, _OF_PART):
        count += 1
        try:
            row, answer = _answer(given, references)
            if row in answers or row not in wanted:
                raise ValueError("doubled, or of another part")
            answers[row] = answer
        except (ValueError, OverflowError, KeyError):
            wrong.append(int(given["line"]) if re.fullmatch("[0-9]{1,9}", given["line"]) else 0)
    if control.rows != rows or count != len(wanted):
        raise RegistrySumsDiffer(sum="rows")
    _refuse(wrong)
    return list(answers.values())


def _refuse(wrong: Sequence[int]) -> None:
    if wrong:
        raise MalformedRegistryFile(wrong=len(wrong), lines=", ".join(map(str, wrong[:_NAMED_LINES_MAX])))


def _cells(raw: bytes, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the control line, each with the line in which it stands; one at a time, as there may be many."""
    table = csv.DictReader(spreadsheets.whole(spreadsheets.lines(raw.partition(b"\n")[2])), strict=True)
    try:
        if sorted(line(one).casefold() for one in table.fieldnames or () if one) != sorted(columns):
            raise MalformedRegistryFile(wrong=1, lines="2")
        for row in table:
            if None in row:  # more cells than columns
                raise MalformedRegistryFile(wrong=1, lines=str(table.line_num + 1))
            yield table.line_num + 1, {line(name).casefold(): line(cell or "") for name, cell in row.items()}
    except csv.Error:
        # Without its cause, which would quote the file.
        raise MalformedRegistryFile(wrong=1, lines=str(table.line_num + 2)) from None


def _answer(given: Mapping[str, str], references: References) -> tuple[int, Answer]:
    """A row by its number. Raises ValueError, OverflowError, KeyError."""
    row, nik = int(given["row"]), identifier(given["nik"])
    version = references.open(row, nik, given["reference"])
    found, dead = _SAID[given["found"].casefold()], _SAID[given["dead"].casefold()]
    kk, province, born = identifier(given["kk"]), given["province"], given["birth_date"]
    sex = _SEXES[given["sex"].casefold()]
    said = given["name"] or kk or province or born or sex or dead
    if (said and not found) or not re.fullmatch(r"([0-9]{16})?", kk):
        raise ValueError("contradictory, or no family card")
    record = CivilRecord(
        name=given["name"] or None,
        birth_date=date.fromisoformat(born) if born else None,
        kk=kk or None,
        province=int(province) if province else None,
        dead=bool(dead),
        sex=sex,
    )
    return row, Answer(version, found, record if found else None)
