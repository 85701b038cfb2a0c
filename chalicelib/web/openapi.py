"""`/openapi.json` (OpenAPI 3.1), generated from the declarations that the router and the decoder use.

What a property means, and an example, is in `properties.toml`, unless its type says so itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from .. import tables
from ..errors import DomainError, Malformed, NotFound, TooLarge, Unavailable, UnknownField
from . import wrong_fields
from .decoding import PATH_PART_MAX
from .edge import BODY_LIMIT_BYTES, Anything, Ignored, Operation, Text, Who
from .openapi_links import SCHEMAS, WHOLE, example, links

_SECURITY: dict[Who, list[dict[str, list[str]]]] = {
    "public": [],
    "citizen": [{"citizen": []}],
    "partner": [{"partnerId": [], "partnerTimestamp": [], "partnerSignature": []}],
    "provider": [{"providerToken": []}],
    "registry": [],
}
_WHO: dict[Who, str] = {
    "public": "Anyone may call it.",
    "citizen": "For the person who is signed in.",
    "partner": "For a training partner, who signs the request.",
    "provider": "For the payment provider.",
    "registry": "For the civil registry, which signs the body.",
}
_ONCE = " Sent again, it changes nothing and gives the same answer, with 200 in place of 201."
_TAGS: dict[str, str] = {
    "Signing in": "A code, a passkey or an ID token gives a session; no account is needed before",
    "Account": "Sessions, contacts and passkeys of the person who is signed in",
    "Person": "Who a person is, where they stand and where they are paid",
    "Waves": "When one may join, joining, and the draw that anyone can recompute",
    "Trainings": "The catalogue, buying from the training balance, reviewing",
    "Payouts": "What is due to a person, and how far it is",
    "Surveys": "Questions to beneficiaries and to those they are compared with",
    "Privacy": "What is kept about a person, and what they have agreed to",
    "Grievances": "Complaints and appeals, with deadlines",
    "Jobs": "Vacancies for alumni",
    "Partners": "Training partners report and post; each request is signed",
    "Provider": "Hints of the payment provider",
    "Registry": "Later answers of the civil registry, by the DCI standard",
    "Notices": "Announcements, and the pages behind the links in mails",
    "Statistics": "What came of it, as the last count found it",
    "Pages": "Pages for people, and their modules",
    "Service": "This document, and how the service is",
}
_TAG_OF: dict[str, str] = {
    "sign-ins": "Signing in",
    "sessions": "Signing in",
    "passkey-challenges": "Signing in",
    ".well-known": "Signing in",
    "me/sessions": "Account",
    "me/contacts": "Account",
    "me/passkeys": "Account",
    "me/changes": "Account",
    "me/language": "Account",
    "me": "Person",
    "me/entries": "Waves",
    "waves": "Waves",
    "waves.ics": "Notices",
    "feed.atom": "Notices",
    "unsubscriptions": "Notices",
    "changes": "Notices",
    "courses": "Trainings",
    "me/trainings": "Trainings",
    "me/payouts": "Payouts",
    "me/surveys": "Surveys",
    "me/grievances": "Grievances",
    "me/data": "Privacy",
    "me/consents": "Privacy",
    "me/notices": "Notices",
    "me/notice-settings": "Notices",
    "me/job-matches": "Jobs",
    "me/job-applications": "Jobs",
    "vacancies": "Jobs",
    "partners": "Partners",
    "webhooks": "Provider",
    "registry": "Registry",
    "statistics": "Statistics",
    "statistics.csv": "Statistics",
    "references": "Service",
    "": "Pages",
    "dashboard": "Pages",
    "assets": "Pages",
    "sw.js": "Pages",
    "draws": "Pages",
    "status": "Pages",
    "docs": "Pages",
    "openapi.json": "Service",
    "health": "Service",
    "status.json": "Service",
}
"""By the beginning of the path; the longest one that fits."""

_FORMS: dict[str, dict[str, str]] = {
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z": {"format": "date-time"},
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}": {"format": "date"},
    r"[a-z2-7]{26}": {"pattern": "^[a-z2-7]{26}$"},
    r"[0-9a-f]{64}": {"pattern": "^[0-9a-f]{64}$"},
    r"(https://|urn:).+": {"format": "uri"},
}
"""What an example of such a form says of its property."""


def document(operations: Sequence[Operation], version: str, server: str) -> dict[str, Any]:
    """The whole document of the API at the address `server`.

    Every operation in `operations` is in it and nothing else is; a test holds that.
    """
    kinds = [kind for op in operations for kind in (op.body, op.query, *op.answers.values())]
    types = [kind for kind in kinds if kind not in (None, Ignored) and not isinstance(kind, Text)]
    schemas, components = msgspec.json.schema_components(types, ref_template=SCHEMAS + "{name}")
    components |= {"Problem": _PROBLEM, "WrongField": _WRONG_FIELD}
    sent = {kind.__name__ for op in operations for kind in (op.body, op.query) if kind not in (None, Ignored)}
    _describe(components, _with_their_parts(sent, components))
    # A list, because some of the types (unions, arrays) cannot be looked up by hash.
    table = list(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, operations, table, components)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    for operation in operations:
        if operation.query is not None:  # its fields are parameters by now
            components.pop(operation.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gelombang",
            "version": version,
            "description": "Registration, waves, a draw anyone can recompute, training and payouts. "
            "Each GET can also be asked as HEAD.",
            "contact": {"url": server},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server, "description": "This deployment"}],
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


@cache
def words() -> Mapping[str, tuple[str, list[Any]]]:
    """By property, or `Schema.property`: what it means, and examples."""
    table = tables.read(Path(__file__).with_name("properties.toml"))
    return {name: (said, []) if isinstance(said, str) else (said[0], said[1:]) for name, said in table.items()}


def _with_their_parts(names: set[str], components: Mapping[str, Any]) -> set[str]:
    """These schemas, and all to which they refer."""
    parts = {part for name in names for part in re.findall(f"{SCHEMAS}([A-Za-z]+)", str(components[name]))}
    return names if parts <= names else _with_their_parts(names | parts, components)


def _describe(components: Mapping[str, Any], sent: set[str]) -> None:
    """Write what the words say into every property; `sent` are schemas of what a caller sends."""
    for schema, of in components.items():
        if "enum" in of:
            of["type"] = "string"
        if schema in WHOLE:
            of["examples"] = [WHOLE[schema]]
        for name, field in of.get("properties", {}).items():
            _say(field, schema, name)
            if schema in sent:
                _bound(field)
        if schema not in sent and "properties" in of:
            _always_there(of)


def _always_there(of: dict[str, Any]) -> None:
    """An answer has every property, but for those whose type says that they may be unset: these have no default."""
    there = [name for name, field in of["properties"].items() if field.pop("default", ...) is not ...]
    of["required"] = [name for name in of["properties"] if name in there or name in of.get("required", ())]


def _say(field: dict[str, Any], schema: str, name: str) -> None:
    said, examples = words().get(f"{schema}.{name}") or words().get(name, ("", []))
    value = _value(field)
    # What the type says of a value that may be missing is said of the property.
    own: dict[str, Any] = {}
    if value is not field:
        own = {key: value.pop(key) for key in ("description", "examples") if key in value}
    field |= own
    if said:
        field.setdefault("description", said)
    if "enum" in value:
        value["type"] = "boolean" if value["enum"] == [True] else "string"
    examples = value.get("enum", [True] if value.get("type") == "boolean" else examples)[:1]
    if "$ref" not in value and examples:
        field.setdefault("examples", examples)
    if value.get("type") == "string":
        form = next((form for pattern, form in _FORMS.items() if re.fullmatch(pattern, str((examples or [""])[0]))), {})
        if not value.keys() & {"format", "pattern"}:
            value |= form
        if "pattern" in value:
            # Python's `$` matches before a line feed, too, and it has more spaces than JSON Schema.
            value["pattern"] = value["pattern"].replace(r"(?!\n)", "").replace(r"\S", r"[^\s\u001c-\u001f\u0085]")
    elif value.get("type") == "integer":
        value["format"] = "int64"
        if examples and examples[0] >= 0:
            value.setdefault("minimum", 0)


def _bound(field: dict[str, Any], longest: int = BODY_LIMIT_BYTES) -> None:
    """A text without a limit of its own is bounded by the whole body. What may be null may also be left out."""
    if field.get("default", ...) is None:
        del field["default"]
    value = _value(field)
    if value.get("type") == "string" and not value.keys() & {"enum", "format", "pattern", "maxLength"}:
        value["maxLength"] = longest


def _value(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of the value of a field that may be null."""
    several = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
    return several[0] if len(several) == 1 else field


def _operation(
    operation: Operation,
    operations: Sequence[Operation],
    table: list[tuple[Any, dict[str, Any]]],
    components: dict[str, Any],
) -> dict[str, Any]:
    def schema(kind: Any) -> dict[str, Any]:
        return next(found for known, found in table if known is kind)

    def answer(status: int, kind: Any) -> dict[str, Any]:
        described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if isinstance(kind, Text):
            described["content"] = {kind.media_type: {"schema": {"type": "string"}}}
        elif kind is not None:
            described["content"] = {"application/json": {"schema": schema(kind)}}
            if following := links(operation, schema(kind), operations, components):
                described["links"] = following
        return described

    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", operation.path)]
    if operation.query is not None:
        parameters += _query_parameters(schema(operation.query), components)
    if operation.dpop:
        parameters.append(_PROOF)
    described: dict[str, Any] = {
        "operationId": operation.handler,
        "tags": [_tag(operation.path)],
        "summary": operation.summary,
        "description": _WHO[operation.who] + (_ONCE if {200, 201} <= operation.answers.keys() else ""),
        "security": _SECURITY[operation.who],
        "parameters": [*parameters, _LANGUAGE],
        "responses": {str(status): answer(status, kind) for status, kind in operation.answers.items()}
        | _refusals(operation),
    }
    if operation.body is Ignored:
        form = {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
        described["requestBody"] = {"required": False, "content": form}
    elif operation.body is not None:
        body = schema(operation.body)
        content = {"application/json": {"schema": body, "example": example(body, components)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _tag(path: str) -> str:
    return _TAG_OF[max((start for start in _TAG_OF if f"{path}/".startswith(f"/{start}/")), key=len)]


def _path_parameter(name: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 999_999_999} if name == "number" else {}
    said, examples = words()[name]
    field = {"description": said, **(kind or {"type": "string"})}
    _say(field, "", name)
    _bound(field, longest=PATH_PART_MAX)
    return {
        "name": name, "in": "path", "required": True, "description": field.pop("description"), "schema": field,
        "example": examples[0],
    }  # fmt: skip


def _query_parameters(schema: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of the query struct to which `schema` refers. One that may be left out cannot be null."""
    described = components[schema["$ref"].rpartition("/")[2]]
    required = set(described.get("required", []))
    found = []
    for name, field in described["properties"].items():
        said = {key: text for key, text in field.items() if key not in ("anyOf", "description")}
        value = {**_value(field), **{key: text for key, text in said.items() if key != "default" or text is not None}}
        value.pop("description", None)
        parameter = {"name": name, "in": "query", "required": name in required, "description": field["description"]}
        found.append(parameter | {"schema": value})
    return found


def _refusals(operation: Operation) -> dict[str, Any]:
    read = () if operation.query is Anything else (TooLarge, Malformed, UnknownField)
    known: list[type[DomainError]] = [*operation.refuses, Unavailable, *read]
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
    problem = {"application/problem+json": {"schema": {"$ref": f"{SCHEMAS}Problem"}}}
    return {
        str(status): {"description": ", ".join(names), "content": problem}
        | ({"headers": {"Retry-After": _RETRY_AFTER}} if status in (429, 503) else {})
        for status, names in codes.items()
    }


_PROOF: dict[str, Any] = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": "A proof of the device's key for this request (RFC 9449), from a client that has one.",
    "schema": {"type": "string"},
    "example": "eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.c2ln",
}
_LANGUAGE: dict[str, Any] = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "The language of a refusal: Indonesian, unless English is preferred.",
    "schema": {"type": "string", "default": "id"},
    "example": "en",
}
_RETRY_AFTER: dict[str, Any] = {
    "description": "After how many seconds to try again",
    "schema": {"type": "integer", "minimum": 0},
}
_PROBLEM_FIELDS = ["type", "title", "status", "detail", "code"]
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `detail` is Indonesian or English by Accept-Language. What else is "
    "known of the refusal (a time, an amount, a wave) is in fields of its own.",
    "type": "object",
    "required": _PROBLEM_FIELDS,
    "properties": {name: {"type": "integer" if name == "status" else "string"} for name in _PROBLEM_FIELDS}
    | {"errors": {"type": "array", "items": {"$ref": f"{SCHEMAS}WrongField"}, "maxItems": wrong_fields.MOST}},
}
_WRONG_FIELD: dict[str, Any] = {
    "title": "WrongField",
    "description": "A field that is refused, with why; and facts of its own, as a refusal has them.",
    "type": "object",
    "required": ["field", "label", "code", "detail"],
    "properties": {name: {"type": "string"} for name in ("field", "label", "code", "detail", "reason", "allowed_at")}
    | {"allowed": {"type": "array", "items": {"type": "string"}}},
}


def _key(header: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": header, "description": description}


_SCHEMES: dict[str, Any] = {
    "citizen": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token that `POST /sessions` gave, for five minutes.",
    },
    "partnerId": _key("Gelombang-Partner", "The partner's id."),
    "partnerTimestamp": _key("Gelombang-Timestamp", "When the request was signed, in seconds since 1970."),
    "partnerSignature": _key("Gelombang-Signature", "HMAC of the request with the partner's key (docs/partners.md)."),
    "providerToken": _key("x-callback-token", "The token that was agreed with the payment provider."),
}
