"""The characters that banks take, in names and texts: those of the SWIFT network (character set X)."""

from __future__ import annotations

import re

from anyascii import anyascii

_OTHER = re.compile(r"[^A-Za-z0-9/?:().,'+-]+")
NAMELESS = "PENERIMA"
"""Stands for a name of which nothing can be written; the bank goes by the account."""


def bank_text(text: str, length: int) -> str:
    """A text in those characters: other scripts by the sound of their letters, other signs as a space.

    Never empty, never longer than `length`, without spaces at its ends or two together. It begins with no sign: a
    slash or a hyphen there means something to some banks. The same text always gives the same.
    """
    written = _OTHER.sub(" ", anyascii(text)).lstrip(" /?:().,'+-")
    return written[:length].rstrip() or NAMELESS[:length]
