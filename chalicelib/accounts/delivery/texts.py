"""What a message with a code says, in the person's language, from `codes.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..wire import Device, Language


@dataclass(frozen=True, slots=True, repr=False)
class CodeText:
    """A mail and an SMS that say the same. Its repr leaves both out: they have the code."""

    subject: str
    mail: str
    sms: str


def code_text(code: str, device: Device, language: Language, minutes: int, domain: str) -> CodeText:
    """`domain`: that of the pages on which the code is entered, without a scheme."""
    texts = _texts()
    shown = {"code": code, "device": texts["device"][language][device], "minutes": minutes, "domain": domain}
    mail = texts["mail"][language]
    body, sms = (text.format(**shown).strip() for text in (mail["body"], texts["sms"][language]["body"]))
    return CodeText(mail["subject"], f"{body}\n", sms)


@cache
def _texts() -> dict[str, Any]:
    with Path(__file__).with_name("codes.toml").open("rb") as file:
        return tomllib.load(file)
