"""What has come to people's contacts, and the codes in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_CODE = re.compile(r"(?<![\d.])\d{6}(?![\d.])")


@dataclass(frozen=True)
class Postbox:
    """`mails` gives all so far, oldest first: address, subject and text. `rest` passes the time until another look."""

    mails: Callable[[], list[tuple[str, str, str]]]
    rest: Callable[[], None]

    def codes(self, contact: str) -> list[str]:
        """The codes that have come to a contact, oldest first."""
        found = [_CODE.search(text) for to, _, text in self.mails() if to == contact]
        return [code[0] for code in found if code]
