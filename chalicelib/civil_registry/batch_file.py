"""The two files of a batch: what an office is asked, and what it answers. CSV, read and written here. Pure.

The first line of each is the control line, `gelombang-registry-1,<batch>,<rows>,<sha256>`: the number of rows, and the
SHA-256 of every byte after this line. The second line names the columns. A row's reference is sealed for its batch, its
number and its NIK. So an answer cannot be to a row that was not sent, nor about another NIK.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .. import spreadsheets
from ..registration.verifications import Ask
from ..typed_text import identifier, line
from ..values import Hidden, Value
from .errors import MalformedRegistryFile, RegistrySumsDiffer
from .registry import CivilRecord

_FORM = "gelombang-registry-1"
ASKED = ("row", "reference", "nik")
ANSWERED = (*ASKED, "found", "name", "birth_date", "kk", "province", "sex", "dead")
"""The columns of an answer. `found` and `dead` are yes or no; an empty cell: the office does not say."""
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
        self._cipher = AESGCM(key)

    def seal(self, row: int, nik: str, version: Ask) -> str:
        """Which version of a registration a row asks about, as small letters and digits."""
        # A number is used for one row of one batch, so no nonce is used twice with a key.
        plain = f"{version.version} {version.registrant_id}".encode()
        sealed = self._cipher.encrypt(row.to_bytes(12, "big"), plain, nik.encode())
        return base64.b32encode(sealed).decode().rstrip("=").lower()

    def open(self, row: int, nik: str, reference: str) -> Ask:
        """Raises ValueError unless this reference was sealed for this row and NIK."""
        padded = reference.upper() + "=" * (-len(reference) % 8)
        try:
            plain = self._cipher.decrypt(row.to_bytes(12, "big"), base64.b32decode(padded), nik.encode())
        except InvalidTag:
            raise ValueError("another row") from None
        version, _, registrant_id = plain.decode().partition(" ")
        return Ask(registrant_id, int(version))


def write(batch: str, asked: Iterable[tuple[str, Ask]], references: References) -> tuple[Control, bytes]:
    """The file that asks about these NIKs."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(ASKED)
    row = 0
    for row, (nik, version) in enumerate(asked, 1):
        out.writerow((row, references.seal(row, nik, version), nik))
    body = text.getvalue().encode()
    control = Control(batch, row, hashlib.sha256(body).hexdigest())
    return control, f"{_FORM},{control.batch},{control.rows},{control.sha256}\n".encode() + body


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


def read(raw: bytes, rows: int, references: References) -> list[Answer]:
    """An answer to a batch of that many rows: to each row once, or nothing.

    Raises `RegistrySumsDiffer`, `MalformedRegistryFile` (names lines, never what is in them), and what `spreadsheets`
    raises of a damaged file.
    """
    control, count = control_of(raw), 0
    numbers: dict[str, list[str]] = {"nik": [], "kk": []}
    answers: dict[int, Answer] = {}
    wrong: list[int] = []
    for number, given in _cells(raw):
        count += 1
        for column, found in numbers.items():
            found += [identifier(given[column])] if given[column] else []
        try:
            row, answer = _answer(given, references)
            if row in answers:
                raise ValueError("doubled")
            answers[row] = answer
        except (ValueError, OverflowError, KeyError):
            wrong.append(number)
    if not count == control.rows == rows:
        raise RegistrySumsDiffer(sum="rows")
    for found in numbers.values():
        spreadsheets.check_digits(found, _NIK_DIGITS)
    if wrong:
        raise MalformedRegistryFile(wrong=len(wrong), lines=", ".join(map(str, wrong[:_NAMED_LINES_MAX])))
    return list(answers.values())


def _cells(raw: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the control line, each with the line in which it stands; one at a time, as there may be many."""
    table = csv.DictReader(spreadsheets.whole(spreadsheets.lines(raw.partition(b"\n")[2])), strict=True)
    try:
        if sorted(line(one).casefold() for one in table.fieldnames or () if one) != sorted(ANSWERED):
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
