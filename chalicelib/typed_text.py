"""Text that people type, paste and copy from a card, brought into one form before it is compared or kept. Pure.

Word processors, chats and keyboards of other scripts change what looks like the same number: no-break spaces, long
dashes, marks of direction, full-width digits. Texts that differ only in these are the same identifier or name
everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import ClassVar

import msgspec

from .errors import Malformed, Words
from .values import Value

NAME_MAX = 100
"""Characters of a name."""

REFERENCE: Words = (
    "huruf dan angka, lalu juga . _ / -, seluruhnya paling banyak 64",
    "letters and digits, then also . _ / -, at most 64 together",
)
"""What a partner's own number of something may have."""
_MOBILE = re.compile(r"(?:0062|\+?62|)0?(8[0-9]{6,14})")
"""Every mobile number begins with 8 after the country code, the trunk prefix, both ("+62 (0)812") or neither."""
_ALIKE = dict.fromkeys(map(ord, "’‘ʼʻ`´′＇"), "'") | dict.fromkeys(map(ord, "\u2212\u2043\u02d7"), "-")
"""Apostrophes, and dashes that Unicode does not count as dashes."""
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufffc\U000e0100-\U000e01ef]"
)
"""Invisible, although Unicode counts them among letters, marks and symbols."""


def line(text: str) -> str:
    """One line as it is seen: NFKC, single spaces, plain apostrophes and dashes, decimal digits 0 to 9; nothing unseen.

    A second time changes nothing.
    """
    # Before NFKC, which takes an accent that stands for an apostrophe apart; and after it, for what it puts together.
    return " ".join(_flat(unicodedata.normalize("NFKC", _flat(text))).split())


def identifier(text: str) -> str:
    """A number or code whose dashes, dots and strokes belong to it, such as a certificate's: without spaces."""
    return line(text).replace(" ", "")


def compact(text: str) -> str:
    """A number or code whose dashes and dots only group it: without them, in capitals."""
    return re.sub("[-.]", "", identifier(text)).upper()


def name(text: str, longest: int = NAME_MAX) -> str | None:
    """The name of a person, a firm or a course; None if it has no letter, an emoji, or is too long."""
    found = line(text)
    in_names = all(letter.isascii() or unicodedata.category(letter) in _IN_NAMES for letter in found)
    named = any(unicodedata.category(letter).startswith("L") for letter in found)
    return found if in_names and named and len(found) <= longest else None


class Field(Value, frozen=True):
    """A typed field of a form. `read` returns None for a wrong text, and `right` says what would be right."""

    read: Callable[[str], str | None]
    right: Words

    def __call__(self, name_of_it: str, text: str) -> str:
        """The text as it is kept. Raises `Malformed` of the field."""
        found = self.read(text)
        if found is None:
            raise Malformed(field=f"$.{name_of_it}", reason=self.right)
        return found


def field(normalise: Callable[[str], str], pattern: str, right: Words) -> Field:
    """A field that matches the whole of `pattern` once it is normalised."""

    def read(text: str) -> str | None:
        found = normalise(text)
        return found if re.fullmatch(pattern, found) else None

    return Field(read, right)


OWN_NUMBER = field(identifier, "[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", REFERENCE)
"""A partner's own number of something."""
SHOWN_CODE = field(compact, "[A-Z2-7]{16}", ("16 huruf dan angka 2 sampai 7", "16 letters and digits from 2 to 7"))
"""A code of 80 random bits that somebody shows to whoever types it."""


class Typed(msgspec.Struct, frozen=True):
    """A form with typed fields, which are normalised when it is made. Raises `Malformed`."""

    checks: ClassVar[Mapping[str, Callable[[str, str], object]]] = {}
    """By field: the text as it is kept, of a name and a text; or a refusal."""

    def __post_init__(self) -> None:
        for name_of_it, read in self.checks.items():
            msgspec.structs.force_setattr(self, name_of_it, read(name_of_it, getattr(self, name_of_it)))


_IN_NAMES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nl", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"})


def _flat(text: str) -> str:
    text = _UNSEEN.sub("", text).translate(_ALIKE)
    # Printable ASCII, as most texts are, stays as it is.
    return text if text.isascii() and text.isprintable() else "".join(map(_plain, text))


def _plain(letter: str) -> str:
    """One letter of a line: a space for any space, a dash for any dash, a digit for any digit, nothing if unseen."""
    category = unicodedata.category(letter)
    if letter.isspace():
        return " "
    if category in {"Cc", "Cf"}:
        return ""
    if category == "Pd":
        return "-"
    return str(unicodedata.decimal(letter)) if category == "Nd" else letter


def mobile(text: str) -> str | None:
    """A mobile number in E.164, such as `+6281234567890`; None for anything else, landlines among it."""
    # Imported here: most requests need none of its metadata.
    from phonenumbers import PhoneNumber, PhoneNumberType, number_type

    written = _MOBILE.fullmatch(re.sub("[()]|^TEL:", "", compact(text)))
    if written is None:
        return None
    # Already taken apart: to parse it again, ask whether it is valid, and format it would take five times as long.
    kind = number_type(PhoneNumber(country_code=62, national_number=int(written[1])))
    return f"+62{written[1]}" if kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE) else None
