"""Phone numbers and account numbers, brought into one form. Pure."""

from __future__ import annotations

import re
from typing import Literal

from .errors import MalformedAccountNumber, MalformedPhone

# phonenumbers would also take letters ("0812-FLOWERS"), extensions and the digits of other scripts.
_WRITTEN = re.compile(r"\+?[0-9 ().-]{8,30}")
_BANK_ACCOUNT = re.compile(r"[0-9]{6,20}")


def parse_phone(text: str) -> str:
    """An Indonesian mobile number in E.164, such as `+6281234567890`, from any usual way of writing it.

    Raises `MalformedPhone`; a landline is refused, because a household shares it and a wallet is never on one.
    """
    # Imported here: its metadata is needed by registrations only.
    import phonenumbers
    from phonenumbers import PhoneNumberType

    if not _WRITTEN.fullmatch(text):
        raise MalformedPhone()
    try:
        number = phonenumbers.parse(text, "ID")
    except phonenumbers.NumberParseException as error:
        raise MalformedPhone() from error
    if not phonenumbers.is_valid_number_for_region(number, "ID"):
        raise MalformedPhone()
    if phonenumbers.number_type(number) not in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        raise MalformedPhone()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_account_number(kind: Literal["bank", "wallet"], text: str) -> str:
    """A bank's 6 to 20 digits, or the E.164 mobile number of a wallet. Raises `MalformedAccountNumber`."""
    if kind == "wallet":
        try:
            return parse_phone(text)
        except MalformedPhone as error:
            raise MalformedAccountNumber(kind=kind) from error
    if not _BANK_ACCOUNT.fullmatch(text):
        raise MalformedAccountNumber(kind=kind)
    return text
