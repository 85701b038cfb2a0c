"""A contact: the e-mail address or mobile number with which a person signs in. Pure."""

from __future__ import annotations

import re
from typing import Literal

from ... import typed_text
from ...values import Hidden
from ..errors import MalformedContact

ContactKind = Literal["email", "phone"]

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_EMAIL_MAX = 254
"""The longest address that RFC 5321 allows."""


class Contact(Hidden, frozen=True):
    """An address in lower case, or a number in E.164. Its repr leaves the value out, so that it is never logged."""

    kind: ContactKind
    value: str

    @property
    def masked(self) -> str:
        """The form shown to its owner: `s•••@example.com`, `+62•••••••7890`."""
        if self.kind == "phone":
            return f"{self.value[:3]}•••••••{self.value[-4:]}"
        local, _, domain = self.value.partition("@")
        return f"{local[0]}•••@{domain}"


def parse_contact(text: str) -> Contact:
    """Read a contact as a person typed it. Raises `MalformedContact`.

    An address is put into lower case: no mail service in use has two people whose addresses differ only in case.
    """
    typed = typed_text.line(text).lower()
    if "@" in typed:
        if len(typed) > _EMAIL_MAX or not _EMAIL.fullmatch(typed):
            raise MalformedContact(kind="email")
        return Contact("email", typed)
    number = typed_text.mobile(typed)
    if number is None:
        raise MalformedContact(kind="phone")
    return Contact("phone", number)
