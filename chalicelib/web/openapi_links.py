"""Of `/openapi.json`: whole examples of requests, and links from an answer to the requests that can follow it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .edge import Anything, Ignored, Operation

SCHEMAS = "#/components/schemas/"
_CODE = {"sign_in_id": "mfrggzdfmztwq2lknnwg23tpoa", "secret": "q83vEjRWeJA", "code": "123456"}
WHOLE: dict[str, Any] = {"Employment": "jobseeker", "SessionForm": {"code": _CODE}}
"""Examples of schemas whose first value, or whose properties together, the API would refuse."""

_LIKE_IDS = {"leaf", "region", "secret", "refresh_token"}
"""What an answer gives and another request takes, besides properties that end with `_id`."""


def example(schema: dict[str, Any], components: Mapping[str, Any]) -> Any:
    """A whole value, of the examples of its properties."""
    of = components[schema["$ref"].removeprefix(SCHEMAS)] if "$ref" in schema else schema
    for examples in (of.get("examples"), schema.get("examples"), of.get("enum")):
        if examples:
            return examples[0]
    if "properties" in of:
        return {name: example(field, components) for name, field in of["properties"].items()}
    return example(next(one for one in of["anyOf"] if one != {"type": "null"}), components)


def links(
    source: Operation, schema: Mapping[str, Any], operations: Sequence[Operation], components: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """To each other operation of such a caller, or of a person, whose ids the answer has."""
    given = _given(schema, components)
    found = {}
    for operation in operations:
        asked = [one.encode_name for one in _query_fields(operation) if one.required]
        named = needed = re.findall(r"{(\w+)}", operation.path) + asked
        body = None
        if operation.body not in (None, Ignored):
            body = example({"$ref": SCHEMAS + operation.body.__name__}, components)
            needed = [*named, *_ids(body)]
        may = operation.who in ("public", "citizen", source.who) and operation is not source
        if needed and may and given.keys() >= set(needed):
            link: dict[str, Any] = {"operationId": operation.handler}
            if named:
                link["parameters"] = {name: given[name] for name in named}
            if body is not None:
                link["requestBody"] = _with_ids(body, given)
            found[operation.handler] = link
    return found


def _query_fields(operation: Operation) -> tuple[msgspec.structs.FieldInfo, ...]:
    return () if operation.query in (None, Anything) else msgspec.structs.fields(operation.query)


def _given(schema: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, str]:
    """Where an answer has each id: itself, a part of it, or the first line of a list of it."""
    name = schema.get("$ref", "").removeprefix(SCHEMAS)
    fields = components.get(name, {}).get("properties", {})
    found: dict[str, str] = {}
    for field, of in fields.items():
        part = f"{field}/0" if "items" in of else field
        inside = _given(of.get("items", of), components)
        found |= {id_: where.replace("#", f"#/{part}") for id_, where in inside.items()}
    found |= {field: f"$response.body#/{field}" for field in fields if field.endswith("_id") or field in _LIKE_IDS}
    wave = "number" if name == "WaveView" else "wave"
    return found | ({"number": f"$response.body#/{wave}"} if wave in fields else {})


def _ids(value: Any) -> list[str]:
    """The names of ids in a body."""
    if not isinstance(value, dict):
        return []
    own = [name for name in value if name.endswith("_id") or name in _LIKE_IDS]
    return own + [name for part in value.values() for name in _ids(part)]


def _with_ids(body: Any, given: Mapping[str, str]) -> Any:
    """A body with its ids from where they were given."""
    return {name: _with_ids(of, given) if isinstance(of, dict) else given.get(name, of) for name, of in body.items()}
