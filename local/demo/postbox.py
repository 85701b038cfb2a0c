"""The messages that people got at their contacts, and the codes in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_CODE = re.compile(r"(?<![\d.])\d{6}(?![\d.])")


@dataclass(frozen=True)
class Postbox:
    """`mails` returns all mails so far, oldest first: address, subject and text. `rest` pauses between two looks."""

    mails: Callable[[], list[tuple[str, str, str]]]
    rest: Callable[[], None]

    def codes(self, contact: str) -> list[str]:
        """The codes that came to a contact, oldest first."""
        found = [_CODE.search(text) for to, _, text in self.mails() if to == contact]
        return [code[0] for code in found if code]
