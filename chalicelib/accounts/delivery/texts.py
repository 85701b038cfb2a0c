"""The texts of messages with codes, in the person's language, from `codes.toml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ... import tables
from ...values import Hidden
from ..wire import Device, Language


class CodeText(Hidden, frozen=True):
    """The mail and the SMS for a code. Its repr leaves both out, as they contain the code."""

    subject: str
    mail: str
    sms: str


def code_text(code: str, device: Device, language: Language, minutes: int, domain: str) -> CodeText:
    """The texts for a code. `domain` is that of the pages on which it is entered, without a scheme."""
    texts = _texts()
    shown = {"code": code, "device": texts["device"][language][device], "minutes": minutes, "domain": domain}
    mail = texts["mail"][language]
    body, sms = (text.format(**shown).strip() for text in (mail["body"], texts["sms"][language]["body"]))
    return CodeText(mail["subject"], f"{body}\n", sms)


@cache
def _texts() -> dict[str, Any]:
    return tables.read(Path(__file__).with_name("codes.toml"))
