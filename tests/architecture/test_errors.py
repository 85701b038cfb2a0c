"""Every refusal has its status and its wording in both languages, and every code is its own."""

from __future__ import annotations

import importlib
import pkgutil
from string import Formatter

import pytest

import chalicelib
from chalicelib.errors import DomainError
from chalicelib.web import problems


def every_error() -> list[type[DomainError]]:
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    found: list[type[DomainError]] = []
    waiting = [DomainError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if "code" in vars(child) and child.__module__.startswith("chalicelib."):
                found.append(child)
    return sorted(set(found), key=lambda error: error.code)


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.code)
def test_an_error_has_its_row_in_the_table(error):
    status, indonesian, english = problems.PROBLEMS[error]
    assert 400 <= status < 600
    assert indonesian != english
    assert {name for _, name, _, _ in Formatter().parse(indonesian) if name} == {
        name for _, name, _, _ in Formatter().parse(english) if name
    }, "both languages tell the same facts"


def test_no_two_errors_share_a_code():
    codes = [error.code for error in every_error()]
    assert sorted(set(codes)) == sorted(codes)


def test_codes_are_stable_words():
    assert [e.code for e in every_error() if not e.code.replace("_", "").isalnum() or e.code.lower() != e.code] == []


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
