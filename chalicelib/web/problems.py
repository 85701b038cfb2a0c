"""RFC 9457 problem documents in Indonesian and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from .. import tables
from ..clock import parse_iso
from ..errors import DomainError, Words
from ..money import format_idr, rupiah

Language = Literal["id", "en"]
Problem = dict[str, Any]
TYPE_PREFIX = "urn:gelombang:problem:"
_TITLES: dict[int, tuple[str, str]] = {
    400: ("Permintaan tidak terbaca", "The request cannot be read"),
    401: ("Perlu masuk", "Sign in first"),
    403: ("Tidak diizinkan", "Not allowed"),
    404: ("Tidak ditemukan", "Not found"),
    405: ("Tidak didukung", "Not supported"),
    409: ("Tidak bisa sekarang", "Not possible now"),
    413: ("Terlalu besar", "Too large"),
    415: ("Jenis isi tidak didukung", "Wrong media type"),
    422: ("Isian perlu diperbaiki", "What was filled in needs correcting"),
    429: ("Terlalu sering", "Too often"),
    500: ("Kesalahan pada layanan", "Something went wrong"),
    503: ("Layanan sedang sibuk", "The service is busy"),
}
"""What kind of refusal a status is, in Indonesian and English."""

_ROUTER: dict[int, tuple[str, str, str]] = {
    400: ("malformed_request", "Permintaan tidak dapat dibaca.", "The request cannot be read."),
    401: ("not_signed_in", "Silakan masuk terlebih dahulu.", "Please sign in first."),
    403: ("not_signed_in", "Tidak diizinkan.", "Not allowed."),
    404: ("not_found", "Tidak ditemukan.", "There is no such thing here."),
    405: ("method_not_allowed", "Metode ini tidak didukung di sini.", "This method is not supported here."),
    415: ("unsupported_media_type", "Kirimkan application/json.", "Please send application/json."),
}
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")
_EXCLUSIVE = ("closed_at", "closes_at", "buy_by")
_UNKNOWN: Words = ("waktu yang belum ditentukan", "a time that is not known yet")
_UNEXPECTED = (
    "unexpected",
    "Terjadi kesalahan pada layanan. Silakan coba lagi.",
    "Something went wrong on our side. Please try again.",
)


def document(error: DomainError, language: Language) -> Problem:
    """The problem document of a domain error: type, title, status, detail, code and the error's facts."""
    problem = _problem(error.code, error.status, _detail(error, language), language)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem  # the cause inside is only for the operator
    told = facts(error, language)
    wrong = [_wrong(one, language) for one in (error, *error.others) if field_of(one)]
    return problem | {name: told[name] for name in told if name not in problem} | ({"errors": wrong} if wrong else {})


def facts(error: DomainError, language: Language) -> dict[str, Any]:
    """The facts of a refusal, with the words of this language where there are both, and the label of its field."""
    told: dict[str, Any] = {
        name: fact[language == "en"] if isinstance(fact, tuple) else fact for name, fact in error.facts.items()
    }
    field = str(error.facts.get("field") or error.about)
    return told | ({"label": _label(field)[language == "en"]} if field else {})


def field_of(error: DomainError) -> str:
    """The path of the field that a refusal is about, such as `about.kind`; empty: it is about no field."""
    return str(error.facts.get("field") or error.about).removeprefix("$").removeprefix(".")


def _wrong(error: DomainError, language: Language) -> dict[str, Any]:
    """One of the refusals of a request, as a page shows it beside its field."""
    told = facts(error, language)
    return told | {"field": field_of(error), "code": error.code, "detail": _detail(error, language)}


def _detail(error: DomainError, language: Language) -> str:
    return plainly(error, language, in_words(facts(error, language), language))


def plainly(error: DomainError, language: Language, shown: Mapping[str, Any] | None = None) -> str:
    """The sentence of a refusal, with its facts as they are or as they are `shown`."""
    told = facts(error, language) if shown is None else shown
    return (error.indonesian if language == "id" else error.english).format_map(_Facts(told))


def in_words(told: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Facts as people read them: an instant in WIB (of what closes then, the last minute before), rupiah with dots."""
    return {name: _shown(name, value, language) for name, value in told.items()}


def _shown(name: str, value: Any, language: Language) -> Any:
    from ..notices.texts import last_minute, long_time

    if value is None:
        return _UNKNOWN[language == "en"]
    if name.endswith("_idr"):
        return format_idr(rupiah(value))
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return (last_minute if name in _EXCLUSIVE else long_time)(parse_iso(value), language)
    return value


def _label(field: str) -> Words:
    name = field.rpartition(".")[2]
    indonesian, english = labels().get(name, (name, name))
    return indonesian, english


@cache
def labels() -> Mapping[str, list[str]]:
    """By property of what is sent: its name for people, in Indonesian and English."""
    return tables.read(Path(__file__).with_name("labels.toml"))


def unexpected(language: Language) -> Problem:
    """The document for an unforeseen error: without any detail."""
    code, indonesian, english = _UNEXPECTED
    return _problem(code, 500, indonesian if language == "id" else english, language)


def refused_by_router(status: int, language: Language) -> Problem:
    """The document for a request that was refused before any handler ran (unknown path, method, media type)."""
    code, indonesian, english = _ROUTER.get(status, _UNEXPECTED)
    return _problem(code, status, indonesian if language == "id" else english, language)


def language(accept: str) -> Language:
    """The preferred one of Indonesian and English in an Accept-Language header; Indonesian if neither is named."""
    liking: dict[str, float] = {}
    for part in accept.lower().split(","):
        match = re.fullmatch(r"\s*(id|en)(?:-[a-z0-9-]+)?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*", part)
        if match:
            tag, quality = match.groups()
            liking[tag] = max(liking.get(tag, 0.0), float(quality or 1))
    return "en" if liking.get("en", 0.0) > liking.get("id", 0.0) else "id"


def _problem(code: str, status: int, text: str, language: Language) -> Problem:
    titles = _TITLES.get(status, (HTTPStatus(status).phrase,) * 2)
    return {
        "type": TYPE_PREFIX + code,
        "title": titles[language == "en"],
        "status": status,
        "detail": text,
        "code": code,
    }


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
