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
        "components": {"schemas": {**components, "Problem": _PROBLEM}, "securitySchemes": _SCHEMES},
    }


def _operation(
    operation: Operation, table: list[tuple[Any, dict[str, Any]]], components: dict[str, Any]
) -> dict[str, Any]:
    def schema(kind: Any) -> dict[str, Any]:
        return next(found for known, found in table if known is kind)

    def answer(status: int, kind: Any) -> dict[str, Any]:
        described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if isinstance(kind, Text):
            described["content"] = {kind.media_type: {"schema": {"type": "string"}}}
        elif kind is not None:
            described["content"] = {"application/json": {"schema": schema(kind)}}
        return described

    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", operation.path)]
    if operation.query is not None:
        parameters += _query_parameters(schema(operation.query), components)
    if operation.dpop:
        parameters.append(_PROOF)
    described: dict[str, Any] = {
        "operationId": operation.handler,
        "summary": operation.summary,
        "security": _SECURITY[operation.who],
        "parameters": parameters,
        "responses": {str(status): answer(status, kind) for status, kind in operation.answers.items()}
        | _refusals(operation),
    }
    if operation.body is Ignored:
        described["requestBody"] = {"required": False, "content": {"*/*": {}}}
    elif operation.body is not None:
        content = {"application/json": {"schema": schema(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "integer", "minimum": 0} if name == "number" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": kind}


def _query_parameters(schema: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of the query struct to which `schema` refers."""
    described = components[schema["$ref"].rpartition("/")[2]]
    required = set(described.get("required", []))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in described["properties"].items()
    ]


def _refusals(operation: Operation) -> dict[str, Any]:
    known: list[type[DomainError]] = [*operation.refuses, Unavailable, TooLarge]
    if operation.body is not Ignored:
        known.append(Malformed)
        if operation.body is None or operation.body.__struct_config__.forbid_unknown_fields:
            known.append(UnknownField)
    if "{" in operation.path:
        known.append(NotFound)
    told = {(error.status, error.code) for error in known} | {(429, "too_many_requests"), (500, "unexpected")}
    if operation.who == "citizen":
        told |= {(401, "not_signed_in"), (403, "not_signed_in")}
    if operation.body not in (None, Ignored):
        told.add((415, "unsupported_media_type"))
    codes: dict[int, list[str]] = {}
    for status, code in sorted(told):
        codes.setdefault(status, []).append(code)
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": ", ".join(names), "content": problem} for status, names in codes.items()}


_PROOF: dict[str, Any] = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": "A proof of the device's key for this request (RFC 9449), from a client that has one.",
    "schema": {"type": "string"},
}
_PROBLEM_FIELDS = ["type", "title", "status", "detail", "code"]
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `detail` is Indonesian or English by Accept-Language.",
    "type": "object",
    "required": _PROBLEM_FIELDS,
    "properties": {name: {"type": "integer" if name == "status" else "string"} for name in _PROBLEM_FIELDS},
}

_SCHEMES: dict[str, Any] = {
    "citizen": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "partnerId": {"type": "apiKey", "in": "header", "name": "Gelombang-Partner"},
    "partnerTimestamp": {"type": "apiKey", "in": "header", "name": "Gelombang-Timestamp"},
    "partnerSignature": {"type": "apiKey", "in": "header", "name": "Gelombang-Signature"},
    "providerToken": {"type": "apiKey", "in": "header", "name": "x-callback-token"},
}
