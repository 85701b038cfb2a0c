"""Our client of the sandbox registry; the DCI standard's own description of the interface, and what of a message is
not as it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry as Documents
from referencing.jsonschema import DRAFT4

from chalicelib.civil_registry.dci import AnswersSecret, AskingSecret, DciRegistry
from chalicelib.figures.people import RegistryRules
from chalicelib.ids import system_randomness
from local.sandbox.registry import Registry
from tests.conftest import T0

STANDARD = Path(__file__).parents[1] / "vectors" / "dci"
CRVS, CORE = "crvs_api_v1.0.0.yaml", "registry_core_api_v1.0.0.yaml"


def client_of(
    sandbox: Registry, figures: RegistryRules, url: str = "", verify_with: dict[str, Any] | None = None, **changes: Any
) -> DciRegistry:
    """With what the registry handed over, or with `changes` of it, at `T0`."""
    asking = AskingSecret(**(sandbox.secret | changes))
    answers = AnswersSecret(sandbox.public_key if verify_with is None else verify_with, "random")
    given = url or sandbox.url, figures, lambda: asking, lambda: answers, lambda: T0
    return DciRegistry(*given, system_randomness)


@cache
def document(name: str) -> Any:
    # The fast loader, as the other takes a second for each file.
    return yaml.load((STANDARD / name).read_bytes(), yaml.CSafeLoader)


def asked_by(path: str) -> str:
    return f"#/paths/{path.replace('/', '~1')}/post/requestBody/content/application~1json/schema"


def answered_by(path: str) -> str:
    return f"#/paths/{path.replace('/', '~1')}/post/responses/default/content/application~1json/schema"


ACKNOWLEDGED = "#/components/responses/Response/content/application~1json/schema"


@cache
def validator(name: str, pointer: str) -> OAS30Validator:
    known = Documents().with_resource("urn:dci", DRAFT4.create_resource(document(name)))
    return OAS30Validator({"$ref": f"urn:dci{pointer}"}, registry=known, format_checker=oas30_format_checker)


def faults(name: str, pointer: str, message: Any) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator(name, pointer).iter_errors(message)]


def parts(name: str, schema: Any) -> Iterator[Any]:
    """A schema without references, and each that it is put together of."""
    while "$ref" in schema:
        found = document(name)
        for step in schema["$ref"].removeprefix("#/").split("/"):
            key = step.replace("~1", "/")
            found = found[int(key) if isinstance(found, list) else key]
        schema = found
    yield schema
    for word in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(word, ()):
            yield from parts(name, one)


def unknown_fields(name: str, schema: Any, message: Any, where: str = "") -> list[str]:
    """The fields of a message that its schema does not name, where it names any: no validator would tell."""
    if isinstance(message, list):
        items = [part["items"] for part in parts(name, schema) if "items" in part]
        return [one for item in items for each in message for one in unknown_fields(name, item, each, f"{where}[]")]
    named: dict[str, Any] = {}
    for part in parts(name, schema):
        named |= part.get("properties", {})
    if not isinstance(message, dict) or not named:
        return []
    unknown = [f"{where}.{field}" for field in message if field not in named]
    below = [(field, named[field]) for field in message if field in named]
    return unknown + [
        one for field, of in below for one in unknown_fields(name, of, message[field], f"{where}.{field}")
    ]
