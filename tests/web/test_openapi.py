"""The OpenAPI document: everything in it has a description, an example and bounds, and the examples are valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

import app as application
from chalicelib.web import openapi

DOCUMENT = msgspec.json.decode(
    msgspec.json.encode(openapi.document(application.app.operations, "0", "https://api.example"))
)
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
PARAMETERS = [parameter for operation in OPERATIONS for parameter in operation["parameters"]]


def fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property by its name, and every parameter in the form of one."""
    for schema, of in SCHEMAS.items():
        for name, field in of.get("properties", {}).items():
            yield f"{schema}.{name}", field
    for parameter in PARAMETERS:
        examples = {"examples": [parameter["example"]]} if "example" in parameter else {}
        yield parameter["name"], {"description": parameter["description"], **parameter["schema"], **examples}


def test_a_property_and_a_parameter_have_words_and_an_example_that_is_right():
    assert [name for name, field in fields() if not 3 < len(field["description"]) < 400] == []
    for name, field in fields():
        if "$ref" in str({key: value for key, value in field.items() if key != "examples"}):
            continue  # its schema has its own
        assert field.get("examples"), name
        root = {**field, "components": DOCUMENT["components"]}
        checked = OAS31Validator(root, format_checker=oas31_format_checker)
        assert list(checked.iter_errors(field["examples"][0])) == [], name


def test_an_address_has_no_secret_but_the_link_of_a_mail_and_nothing_of_a_person():
    """Addresses are logged and kept in histories."""
    carried = {one["name"] for one in PARAMETERS if one["in"] != "header"}
    private = {"secret", "code", "contact", "email", "phone", "nik", "kk", "name", "birth_date", "account", "nonce"}
    assert carried & private == set()
    linked = {path.split("/")[1] for path in DOCUMENT["paths"] if "{token}" in path}
    assert linked == {"changes", "unsubscriptions"}


def test_a_schema_has_a_plain_name_and_words():
    assert [name for name in SCHEMAS if not re.fullmatch("[A-Z][A-Za-z]+", name)] == []
    assert [name for name, schema in SCHEMAS.items() if not schema["description"]] == []


def test_no_schema_has_a_property_of_its_own_name():
    """Generated code has a variable for each of the two in one scope."""
    own = {name: re.sub("(?<!^)(?=[A-Z])", "_", name).lower() for name in SCHEMAS}
    assert [name for name, snake in own.items() if snake in SCHEMAS[name].get("properties", {})] == []


def test_an_answer_has_every_property_unless_its_type_lets_it_be_unset():
    """A default would say that it may be missing, and a client would have to ask whether it is there."""
    unset = {f"Reference.{name}" for name in ("within", "kind", "eligible", "sha256", "current")}
    unset |= {"Problem.errors"} | {f"WrongField.{name}" for name in ("reason", "allowed", "allowed_at")}
    bodies = {kind.__name__ for one in application.app.operations for kind in (one.body, one.query) if kind}
    sent = openapi._with_their_parts(bodies & SCHEMAS.keys(), SCHEMAS)
    answers = {name: of for name, of in SCHEMAS.items() if name not in sent}
    optional = {f"{name}.{field}" for name, of in answers.items() for field in of.get("properties", {})} - {
        f"{name}.{field}" for name, of in answers.items() for field in of.get("required", ())
    }
    assert optional == unset
    assert "default" not in str(answers)


def test_no_word_is_about_nothing():
    known = {name for operation in application.app.operations for name in re.findall(r"{(\w+)}", operation.path)}
    queries = {one.query.__name__: one.query for one in application.app.operations if one.query}
    known |= {name.partition(".")[2] for name, _ in fields()} | {name for name, _ in fields()}
    known |= {f"{kind}.{name}" for kind, struct in queries.items() for name in struct.__struct_encode_fields__}
    assert [name for name in openapi.words() if name not in known] == []


def test_every_value_in_requests_has_bounds():
    """A number at both ends, a text by its length, its form or its values, a list by its length.

    The gateway bounds the headers.
    """
    bodies = [one["requestBody"]["content"] for one in OPERATIONS if "requestBody" in one]
    names = {kind["schema"]["$ref"].rpartition("/")[2] for of in bodies for kind in of.values() if "$ref" in str(kind)}
    sent = openapi._with_their_parts(names, SCHEMAS)
    named = [(f"{kind}.{name}", field) for kind in sent for name, field in SCHEMAS[kind].get("properties", {}).items()]
    bounds = {
        "string": {"maxLength", "pattern", "format", "enum"},
        "integer": {"maximum", "enum"},
        "array": {"maxItems"},
    }
    wrong = []
    for name, field in [*named, *((one["name"], one["schema"]) for one in PARAMETERS if one["in"] != "header")]:
        value = openapi._value(field)
        if value.keys().isdisjoint(bounds.get(value.get("type"), value.keys())):
            wrong.append(name)
    assert wrong == []


def test_an_operation_has_one_name_a_tag_of_the_list_and_says_who_may_call():
    names = [operation["operationId"] for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {tag for operation in OPERATIONS for tag in operation["tags"]} == tags
    assert all(operation["description"] for operation in OPERATIONS)


CHAINS = (
    ("/sign-ins", "post", "202", "open_session"),
    ("/sessions", "post", "201", "refresh_session"),
    ("/me/sessions", "get", "200", "end_session"),
    ("/waves/current/entries", "post", "201", "get_inclusion_proof"),
    ("/me/entries", "get", "200", "get_inclusion_proof"),
    ("/courses", "get", "200", "buy_training"),
    ("/me/trainings", "post", "201", "cancel_training"),
    ("/me/surveys", "get", "200", "answer_survey"),
    ("/me/job-matches", "get", "200", "apply_for_job"),
    ("/me/job-applications", "post", "201", "withdraw_job_application"),
    ("/partners/vacancies", "post", "201", "list_applicants"),
)
"""What people and partners do one after the other."""


@pytest.mark.parametrize(("path", "method", "status", "follows"), CHAINS)
def test_an_answer_links_to_what_can_be_done_with_it(path: str, method: str, status: str, follows: str):
    answer = DOCUMENT["paths"][path][method]["responses"][status]
    link = answer["links"][follows]
    assert link["operationId"] == follows
    pointed = re.findall(r"\$response\.body#(/[\w/]+)", str(link))
    assert pointed
    for pointer in pointed:
        field = answer["content"]["application/json"]["schema"]
        for name in pointer.split("/")[1:]:
            of = SCHEMAS[field["$ref"].rpartition("/")[2]] if "$ref" in field else field
            field = of["items"] if name == "0" else of["properties"][name]


def test_a_link_gives_the_whole_request():
    links = DOCUMENT["paths"]["/courses"]["get"]["responses"]["200"]["links"]
    assert links["buy_training"] == {
        "operationId": "buy_training", "requestBody": {"course_id": "$response.body#/courses/0/course_id"}
    }  # fmt: skip
    links = DOCUMENT["paths"]["/me/entries"]["get"]["responses"]["200"]["links"]
    assert links["get_inclusion_proof"]["parameters"] == {
        "number": "$response.body#/entries/0/wave",
        "leaf": "$response.body#/entries/0/receipt/leaf",
        "region": "$response.body#/entries/0/receipt/region",
    }


def test_a_query_is_parameters_and_a_page_that_is_no_json_has_its_media_type():
    courses = DOCUMENT["paths"]["/courses"]["get"]
    asked = {one["name"]: one["required"] for one in courses["parameters"] if one["in"] == "query"}
    assert asked == dict.fromkeys(("skill", "province", "mode", "provider", "q", "cursor", "limit"), False)
    assert "CourseQuery" not in SCHEMAS
    assert list(DOCUMENT["paths"]["/waves.ics"]["get"]["responses"]["200"]["content"]) == ["text/calendar"]
