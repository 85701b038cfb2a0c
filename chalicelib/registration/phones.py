"""Phone numbers and account numbers, brought into one form. Pure."""

from __future__ import annotations

import re
from typing import Literal

from .. import typed
from .errors import MalformedAccountNumber, MalformedPhone

_WRITTEN = re.compile(r"(?:0062|\+?62|)0?(8[0-9]{6,14})")
"""Every mobile number begins with 8 after the country code, the trunk prefix, both ("+62 (0)812") or neither."""
_BANK_ACCOUNT = re.compile(r"[0-9]{6,20}")


def parse_phone(text: str) -> str:
    """An Indonesian mobile number in E.164, such as `+6281234567890`, from any usual way of writing it.

    Raises `MalformedPhone`; a landline is refused, because a household shares it and a wallet is never on one.
    """
    # Imported here: its metadata is needed by registrations only.
    import phonenumbers
    from phonenumbers import PhoneNumberType

    written = _WRITTEN.fullmatch(re.sub("[()]|^TEL:", "", typed.compact(text)))
    if written is None:
        raise MalformedPhone()
    number = phonenumbers.parse(f"+62{written[1]}")
    if not phonenumbers.is_valid_number_for_region(number, "ID"):
        raise MalformedPhone()
    if phonenumbers.number_type(number) not in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        raise MalformedPhone()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_account_number(kind: Literal["bank", "wallet"], text: str) -> str:
    """A bank's 6 to 20 digits, however grouped, or the E.164 mobile number of a wallet.

    Raises `MalformedAccountNumber`.
    """
    if kind == "wallet":
        try:
            return parse_phone(text)
        except MalformedPhone as error:
            raise MalformedAccountNumber(kind=kind) from error
    digits = typed.compact(text)
    if not _BANK_ACCOUNT.fullmatch(digits):
        raise MalformedAccountNumber(kind=kind)
    return digits
