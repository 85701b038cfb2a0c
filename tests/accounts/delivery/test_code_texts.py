"""The texts of messages with codes, in both languages."""

from __future__ import annotations

import re
from itertools import product
from typing import get_args

import pytest

from chalicelib.accounts import wire
from chalicelib.accounts.delivery.texts import code_text

DEVICES = get_args(get_args(wire.Device)[0])
LANGUAGES = get_args(get_args(wire.Language)[0])
DOMAIN = "akun.gelombang.example"
GSM = re.compile(r"[A-Za-z0-9@#_ \n.,:;!?'\"()/+*=<>&%-]*")
"""Of the alphabet of SMS: any other letter would halve what fits into one."""


def test_the_lists_of_devices_and_languages_are_those_of_the_form():
    assert (DEVICES, LANGUAGES) == (("phone", "computer", "tablet", "other"), ("id", "en"))


@pytest.mark.parametrize(("device", "language"), [*product(DEVICES, LANGUAGES)])
def test_a_message_has_code_device_and_lifetime(device, language):
    text = code_text("012345", device, language, 10, DOMAIN)
    for message in (text.mail, text.sms):
        assert "Gelombang" in message
        assert "012345" in message
        assert re.search(r"\b10 (menit|minutes)", message)
        assert DOMAIN in message
        assert re.search("jangan|never", message, re.IGNORECASE)
        assert "{" not in message
    assert "012345" not in text.subject  # a screen that is locked shows it
    assert "http" not in text.mail + text.sms
    assert "012345" not in repr(text)


@pytest.mark.parametrize(("device", "language"), [*product(DEVICES, LANGUAGES)])
def test_an_sms_fits_into_one_part_and_ends_with_the_line_for_browsers(device, language):
    sms = code_text("012345", device, language, 10, DOMAIN).sms
    assert sms.splitlines()[-1] == f"@{DOMAIN} #012345"
    assert GSM.fullmatch(sms)
    assert len(sms) <= 160


def test_every_device_is_named_differently_in_each_language():
    for language in LANGUAGES:
        assert len({code_text("012345", device, language, 10, DOMAIN).mail for device in DEVICES}) == len(DEVICES)
