"""`/openapi.json` (OpenAPI 3.1), generated from the declarations that the router and the decoder use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from ..errors import DomainError, Malformed, NotFound, TooLarge, Unavailable, UnknownField
from .edge import Ignored, Operation, Text, Who

_SECURITY: dict[Who, list[dict[str, list[str]]]] = {
    "public": [],
    "citizen": [{"citizen": []}],
    "partner": [{"partnerId": [], "partnerTimestamp": [], "partnerSignature": []}],
    "provider": [{"providerToken": []}],
}


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """The whole document. Every operation in `operations` is in it and nothing else is; a test holds that."""
    types = [
        kind
        for op in operations
        for kind in (op.body, op.query, *op.answers.values())
        if kind not in (None, Ignored) and not isinstance(kind, Text)
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    # A list, because some of the types (unions, arrays) cannot be looked up by hash.
    table = list(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, table, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gelombang",
            "version": version,
            "description": "Registration, waves, a draw anyone can recompute, training and payouts.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(
    operation: Operation, table: list[tuple[Any, dict[str, Any]]], components: dict[str, Any]
) -> dict[str, Any]:
    def schema(kind: Any) -> dict[str, Any]:
        return next(found for known, found in table if known is kind)

    described: dict[str, Any] = {
        "operationId": operation.handler,
        "summary": operation.summary,
        "security": _SECURITY[operation.who],
        "parameters": [
            *[_path_parameter(name) for name in re.findall(r"{(\w+)}", operation.path)],
            *([] if operation.query is None else _query_parameters(schema(operation.query), components)),
        ],
        "responses": {
            **{
                str(status): _text(status, kind)
                if isinstance(kind, Text)
                else _answer(status, None if kind is None else schema(kind))
                for status, kind in operation.answers.items()
            },
            **_refusals(operation),
        },
    }
    if operation.body is Ignored:
        described["requestBody"] = {"required": False, "content": {"*/*": {}}}
    elif operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema(operation.body)}},
        }
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "integer", "minimum": 0} if name == "number" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": kind}


def _query_parameters(schema: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a query's struct, which `schema` refers to."""
    described = components[schema["$ref"].rpartition("/")[2]]
    required = set(described.get("required", []))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in described["properties"].items()
    ]


def _text(status: int, kind: Text) -> dict[str, Any]:
    content = {kind.media_type: {"schema": {"type": "string"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _answer(status: int, schema: dict[str, Any] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


def _refusals(operation: Operation) -> dict[str, Any]:
    known: list[type[DomainError]] = [*operation.refuses, Unavailable, TooLarge]
    if operation.body is not Ignored:
        known.append(Malformed)
        if operation.body is None or operation.body.__struct_config__.forbid_unknown_fields:
            known.append(UnknownField)
    if "{" in operation.path:
        known.append(NotFound)
    codes: dict[int, list[str]] = {}
    for error in known:
        codes.setdefault(error.status, []).append(error.code)
    if operation.who == "citizen":
        codes.setdefault(401, []).append("not_signed_in")
        codes.setdefault(403, []).append("not_signed_in")
    if operation.body not in (None, Ignored):
        codes.setdefault(415, []).append("unsupported_media_type")
    codes.setdefault(429, []).append("too_many_requests")
    codes.setdefault(500, []).append("unexpected")
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        str(status): {"description": ", ".join(sorted(set(names))), "content": problem}
        for status, names in sorted(codes.items())
    }


_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `detail` is Indonesian or English by Accept-Language.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
}

_SCHEMES: dict[str, Any] = {
    "citizen": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "partnerId": {"type": "apiKey", "in": "header", "name": "Gelombang-Partner"},
    "partnerTimestamp": {"type": "apiKey", "in": "header", "name": "Gelombang-Timestamp"},
    "partnerSignature": {"type": "apiKey", "in": "header", "name": "Gelombang-Signature"},
    "providerToken": {"type": "apiKey", "in": "header", "name": "x-callback-token"},
}
