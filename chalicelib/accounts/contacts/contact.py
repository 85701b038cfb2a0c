"""A contact: the e-mail address or the mobile number at which a person is reached and signs in. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ... import phone_numbers, typed_text
from ..errors import MalformedContact

ContactKind = Literal["email", "phone"]

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_EMAIL_MAX = 254
"""Of RFC 5321."""


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """An address in lower case, or a number in E.164. Its repr leaves the value out, so that none is logged."""

    kind: ContactKind
    value: str

    @property
    def masked(self) -> str:
        """As its owner is shown it: `s•••@example.com`, `+62•••••••7890`."""
        if self.kind == "phone":
            return f"{self.value[:3]}•••••••{self.value[-4:]}"
        local, _, domain = self.value.partition("@")
        return f"{local[0]}•••@{domain}"


def parse_contact(text: str) -> Contact:
    """A contact as somebody typed it. Raises `MalformedContact`.

    Case does not matter in an address: no mail service of today has two people whose addresses differ in it only.
    """
    typed = typed_text.line(text).lower()
    if "@" in typed:
        if len(typed) > _EMAIL_MAX or not _EMAIL.fullmatch(typed):
            raise MalformedContact(kind="email")
        return Contact("email", typed)
    number = phone_numbers.mobile(typed)
    if number is None:
        raise MalformedContact(kind="phone")
    return Contact("phone", number)
