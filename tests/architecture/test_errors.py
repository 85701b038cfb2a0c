"""Every refusal has a status, texts in both languages, and a code of its own."""

from __future__ import annotations

from string import Formatter

import pytest

from chalicelib.errors import Malformed
from chalicelib.web import problems
from tests.conftest import every_error


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.code)
def test_an_error_has_a_status_and_its_words_in_both_languages(error):
    assert vars(error).keys() >= {"code", "status", "indonesian", "english"}
    assert 400 <= error.status < 600
    assert error.indonesian != error.english or error is Malformed, "its facts are in both languages"
    indonesian, english = ({part[1] for part in Formatter().parse(text)} for text in (error.indonesian, error.english))
    assert indonesian | {None} == english | {None}, "both languages tell the same facts"


def test_no_two_errors_share_a_code_and_codes_are_stable_words():
    codes = [error.code for error in every_error()]
    assert sorted(set(codes)) == sorted(codes)
    assert [code for code in codes if not code.replace("_", "").isalnum() or code.lower() != code] == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "id"),
        ("en", "en"),
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("en-GB, id;q=0.5", "en"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0.2, id;q=0.3", "id"),
        ("*;q=zz, \x00", "id"),
    ],
)
def test_the_language_is_the_better_liked_one(header, language):
    assert problems.language(header) == language
