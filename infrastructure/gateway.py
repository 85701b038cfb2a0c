"""The gateway before the API: its limits, and what it refuses by itself, in the form of the application's refusals."""

from __future__ import annotations

import json

from .cloudformation import Json, named

RATE = 3000
"""Requests a second, and at once."""

HEADERS = {
    "Content-Type": "application/problem+json",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}
SOON = {"Retry-After": "5"}


def refusal(status: int, title: str, code: str, detail: str, headers: dict[str, str] | None = None) -> Json:
    """What the gateway answers; `detail` is Indonesian and English."""
    problem = {
        "type": f"urn:gelombang:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    given = HEADERS | (headers or {})
    return {
        "StatusCode": status,
        "ResponseParameters": {"Headers": {name: f"'{value}'" for name, value in given.items()}},
        "ResponseTemplates": {"application/json": json.dumps(problem)},
    }


REFUSALS = {
    "UNAUTHORIZED": refusal(
        401,
        "Unauthorized",
        "not_signed_in",
        "Silakan masuk terlebih dahulu. / Please sign in first.",
        {"WWW-Authenticate": "Bearer"},
    ),
    "ACCESS_DENIED": refusal(403, "Forbidden", "not_signed_in", "Tidak diizinkan. / Not allowed."),
    "MISSING_AUTHENTICATION_TOKEN": refusal(
        404, "Not Found", "not_found", "Tidak ditemukan. / There is no such thing here."
    ),
    "THROTTLED": refusal(
        429,
        "Too Many Requests",
        "too_many_requests",
        "Terlalu banyak permintaan; coba lagi sebentar lagi. / Too many requests; try again shortly.",
        SOON,
    ),
    "DEFAULT_5XX": refusal(
        503,
        "Service Unavailable",
        "temporarily_unavailable",
        "Layanan sedang sibuk; coba lagi sebentar lagi. / The service is busy; try again shortly.",
        SOON,
    ),
}


def resource() -> Json:
    """What Chalice's template lacks of the API."""
    limits = {
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "ThrottlingRateLimit": RATE,
        "ThrottlingBurstLimit": RATE,
        "MetricsEnabled": True,
    }
    return {"Properties": {"Name": named(), "MethodSettings": [limits], "GatewayResponses": REFUSALS}}
