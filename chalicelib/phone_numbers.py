"""Indonesian mobile numbers in one form, from any usual way of writing them. Pure."""

from __future__ import annotations

import re

from . import typed_text

_WRITTEN = re.compile(r"(?:0062|\+?62|)0?(8[0-9]{6,14})")
"""Every mobile number begins with 8 after the country code, the trunk prefix, both ("+62 (0)812") or neither."""


def mobile(text: str) -> str | None:
    """A mobile number in E.164, such as `+6281234567890`; None for anything else, landlines among it."""
    # Imported here: most requests need none of its metadata.
    import phonenumbers
    from phonenumbers import PhoneNumberType

    written = _WRITTEN.fullmatch(re.sub("[()]|^TEL:", "", typed_text.compact(text)))
    if written is None:
        return None
    number = phonenumbers.parse(f"+62{written[1]}")
    if not phonenumbers.is_valid_number_for_region(number, "ID"):
        return None
    if phonenumbers.number_type(number) not in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
