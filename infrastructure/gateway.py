"""The gateway before the API: its limits, and what it refuses by itself, in the form of the application's refusals."""

from __future__ import annotations

import json
from http import HTTPStatus

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


def refusal(status: int, code: str, detail: str, **headers: str) -> Json:
    """What the gateway answers; `detail` is Indonesian and English, and headers have `_` for `-`."""
    problem = {
        "type": f"urn:gelombang:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    given = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "StatusCode": status,
        "ResponseParameters": {"Headers": {name: f"'{value}'" for name, value in given.items()}},
        "ResponseTemplates": {"application/json": json.dumps(problem)},
    }


SIGN_IN = "Silakan masuk terlebih dahulu. / Please sign in first."
TOO_MANY = "Terlalu banyak permintaan; coba lagi sebentar lagi. / Too many requests; try again shortly."
BUSY = "Layanan sedang sibuk; coba lagi sebentar lagi. / The service is busy; try again shortly."

REFUSALS = {
    "UNAUTHORIZED": refusal(401, "not_signed_in", SIGN_IN, WWW_Authenticate="Bearer"),
    "ACCESS_DENIED": refusal(403, "not_signed_in", "Tidak diizinkan. / Not allowed."),
    "MISSING_AUTHENTICATION_TOKEN": refusal(404, "not_found", "Tidak ditemukan. / There is no such thing here."),
    "THROTTLED": refusal(429, "too_many_requests", TOO_MANY, Retry_After="5"),
    "DEFAULT_5XX": refusal(503, "temporarily_unavailable", BUSY, Retry_After="5"),
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
