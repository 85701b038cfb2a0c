"""The root of every error a caller may be told about. Standard library only.

A domain error carries facts, never wording: its `code` is stable and public, its facts are safe to show (no personal
data). HTTP status and the text in both languages live in one table, `chalicelib/web/problems.py`; a test holds that
every subclass has its row there.
"""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A refusal with a stable code. Subclasses set `code`; keyword arguments become `facts`.

    >>> class WaveClosed(DomainError):
    ...     code = "wave_closed"
    >>> WaveClosed(wave=54).facts
    {'wave': 54}
    """

    code: ClassVar[str]
    cache_s: ClassVar[int] = 0
    """How long anyone may keep the answer, where it can never become another one; 0: nobody may."""

    def __init__(self, **facts: str | int | bool | None) -> None:
        super().__init__(self.code)
        self.facts = facts

    def __str__(self) -> str:
        return " ".join([self.code, *(f"{name}={value}" for name, value in self.facts.items())])


class Unavailable(DomainError):
    """Something outside answered late or not at all; the caller may try again."""

    code = "temporarily_unavailable"


class Malformed(DomainError):
    """The body or a parameter is not of the documented form. `field` is a path such as `$.phone`, never a value."""

    code = "malformed_request"


class UnknownField(DomainError):
    """A body has a field that the document does not know."""

    code = "unknown_field"


class TooLarge(DomainError):
    """A body is over `limit_bytes`."""

    code = "body_too_large"


class NotFound(DomainError):
    """There is no such object, or it is not the caller's (the two are never told apart)."""

    code = "not_found"
