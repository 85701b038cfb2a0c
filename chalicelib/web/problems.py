"""Every refusal's HTTP status and its wording in both languages, in one table; RFC 9457 problem documents.

Each domain keeps its rows beside its errors (`<domain>/errors.py`, `PROBLEMS`); this module joins them.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Literal

from .. import spreadsheets
from ..config import BadConfiguration
from ..draw import errors
from ..errors import DomainError, Malformed, NotFound, TooLarge, Unavailable, UnknownField
from ..helpdesk import errors as helpdesk
from ..jobs import errors as jobs
from ..outcomes import errors as outcomes
from ..payouts import errors as payouts
from ..registration import errors as registration
from ..training import errors as training
from ..waves import errors as waves

Language = Literal["id", "en"]
Problem = dict[str, Any]
Row = tuple[int, str, str]
"""Status, Indonesian, English; `{fact}` stands for a fact of the error."""

TYPE_PREFIX = "urn:gelombang:problem:"

PROBLEMS: dict[type[DomainError], Row] = {
    Malformed: (
        400,
        "Permintaan tidak sesuai bentuk yang ditetapkan pada {field}.",
        "The request is not of the documented form at {field}.",
    ),
    UnknownField: (400, "Kolom {field} tidak dikenal.", "The field {field} is not known."),
    TooLarge: (413, "Isi permintaan melebihi {limit_bytes} bita.", "The body is over {limit_bytes} bytes."),
    NotFound: (404, "Tidak ditemukan.", "There is no such thing here."),
    Unavailable: (
        503,
        "Layanan sedang sibuk. Silakan coba lagi sebentar lagi; tidak ada yang hilang.",
        "The service is busy. Please try again shortly; nothing was lost.",
    ),
    BadConfiguration: (500, "Kesalahan pada layanan.", "Something is wrong with the service."),
    **spreadsheets.PROBLEMS,
    **registration.PROBLEMS,
    **waves.PROBLEMS,
    **errors.PROBLEMS,
    **payouts.PROBLEMS,
    **training.PROBLEMS,
    **jobs.PROBLEMS,
    **outcomes.PROBLEMS,
    **helpdesk.PROBLEMS,
}

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
    status, indonesian, english = PROBLEMS[type(error)]
    text = (indonesian if language == "id" else english).format_map(_Facts(error.facts))
    problem = _problem(error.code, status, text)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem  # what is wrong inside is for the operator's eyes
    return problem | {name: value for name, value in error.facts.items() if name not in problem}


def unexpected(language: Language) -> Problem:
    """What a caller sees of an error that nobody foresaw: no detail at all."""
    code, indonesian, english = _UNEXPECTED
    return _problem(code, 500, indonesian if language == "id" else english)


def refused_by_router(status: int, language: Language) -> Problem:
    """The document for what was refused before any handler ran (unknown path, method, media type)."""
    code, indonesian, english = _ROUTER.get(status, _UNEXPECTED)
    return _problem(code, status, indonesian if language == "id" else english)


def language(accept: str) -> Language:
    """The better liked of Indonesian and English in an Accept-Language header; Indonesian when neither is named."""
    liking: dict[str, float] = {}
    for part in accept.lower().split(","):
        match = re.fullmatch(r"\s*(id|en)(?:-[a-z0-9-]+)?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*", part)
        if match:
            tag, quality = match.groups()
            liking[tag] = max(liking.get(tag, 0.0), float(quality or 1))
    return "en" if liking.get("en", 0.0) > liking.get("id", 0.0) else "id"


def _problem(code: str, status: int, text: str) -> Problem:
    return {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": text,
        "code": code,
    }


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
