"""The base of every error that a caller may be told about. Standard library only.

A class has a stable public code, an HTTP status and a text in both languages; an instance adds facts, which are safe to
show: no personal data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

Words = tuple[str, str]
"""The same in Indonesian and in English."""
Fact = str | int | bool | Words | list[str] | None


class DomainError(Exception):
    """A refusal. Keyword arguments become `facts`; `{fact}` in a text stands for one, `{label}` for its field."""

    code: ClassVar[str]
    status: ClassVar[int]
    indonesian: ClassVar[str]
    english: ClassVar[str]
    cache_s: ClassVar[int] = 0
    """How long anyone may keep the answer, if it can never change; 0: nobody may."""
    about: ClassVar[str] = ""
    """The field of a body that it is always about; the fact `field` names another."""

    def __init__(self, **facts: Fact) -> None:
        super().__init__(self.code)
        self.facts = facts
        self.others: list[DomainError] = []
        """What else is wrong with the same request."""
        self.headers: dict[str, str] = {}
        """What the answer's headers tell besides."""

    def __str__(self) -> str:
        return " ".join([self.code, *(f"{name}={value}" for name, value in self.facts.items())])


def all_of(*checks: Callable[[], Any]) -> list[Any]:
    """What each check returns. Raises the first refusal, with the others beside it."""
    found: list[Any] = []
    refused: list[DomainError] = []
    for check in checks:
        try:
            found.append(check())
        except DomainError as refusal:
            refused += [refusal, *refusal.others]
    raise_together(refused)
    return found


def raise_together(refused: list[DomainError]) -> None:
    """Raise the first of these, if there is any, with the others beside it."""
    if refused:
        refused[0].others = refused[1:]
        raise refused[0]


class Unavailable(DomainError):
    """Something outside answered late or not at all; the caller may try again."""

    code = "temporarily_unavailable"
    status = 503
    indonesian = "Layanan sedang sibuk. Silakan coba lagi sebentar lagi; tidak ada yang hilang."
    english = "The service is busy. Please try again shortly; nothing was lost."


class Malformed(DomainError):
    """The body or a parameter is not of the documented form. `field` is a path such as `$.phone`, never a value;
    `reason` is the rule, and `allowed` the values of a closed list.
    """

    code = "malformed_request"
    status = 400
    indonesian = "{label}: {reason}."
    english = "{label}: {reason}."


class UnknownField(DomainError):
    code = "unknown_field"
    status = 400
    indonesian = "Kolom {field} tidak dikenal."
    english = "The field {field} is not known."


class TooLarge(DomainError):
    code = "body_too_large"
    status = 413
    indonesian = "Isi permintaan melebihi {limit_bytes} bita."
    english = "The body is over {limit_bytes} bytes."


class NotFound(DomainError):
    """The object does not exist, or is not the caller's; the answer does not say which."""

    code = "not_found"
    status = 404
    indonesian = "Tidak ditemukan."
    english = "There is no such thing here."
