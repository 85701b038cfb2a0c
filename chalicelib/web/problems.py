"""RFC 9457 problem documents in Indonesian and English."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Literal

from ..errors import DomainError

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
_UNEXPECTED = (
    "unexpected",
    "Terjadi kesalahan pada layanan. Silakan coba lagi.",
    "Something went wrong on our side. Please try again.",
)


def document(error: DomainError, language: Language) -> Problem:
    """The problem document of a domain error: type, title, status, detail, code and the error's facts."""
    text = (error.indonesian if language == "id" else error.english).format_map(_Facts(error.facts))
    problem = _problem(error.code, error.status, text, language)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem  # the cause inside is only for the operator
    return problem | {name: value for name, value in error.facts.items() if name not in problem}


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
