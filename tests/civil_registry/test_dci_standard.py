"""Our messages and the sandbox registry's, by the DCI standard's own description of the interface."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from joserfc import jws
from msgspec.structs import replace

from chalicelib.civil_registry.dci import DciRegistry
from chalicelib.civil_registry.errors import NoAnswer
from chalicelib.config import load_programme
from local.sandbox.registry import ALGORITHM, Person, Registry
from tests.builders.dci import CORE, CRVS, STANDARD, answered_by, asked_by, client_of, document, faults, unknown_fields

FIGURES = replace(load_programme("prod").registry, timeout_s=2, reg_type="ns:org:RegistryType:Civil")
SITI = Person(nik="3174095708950001", name="Siti Aminah", birth_date="1995-08-17", kk="3174091203180002", province="31")


ASK, ANSWER = asked_by("/registry/sync/search"), answered_by("/registry/sync/search")


@pytest.fixture(scope="module")
def running() -> Iterator[Registry]:
    with Registry("standard", [SITI]) as registry:
        yield registry


class Wire:
    """What goes over the wire to the sandbox registry and back."""

    def __init__(self, sandbox: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Any] = []
        self.answered: list[Any] = []
        self.sandbox = sandbox
        sandbox.configure(pending=False)
        opened, answer = sandbox.opened, sandbox.answer

        def open_(body: bytes) -> dict[str, Any]:
            self.asked.append(json.loads(body))
            return opened(body)

        def said(envelope: dict[str, Any]) -> dict[str, Any]:
            self.answered.append(answer(envelope))
            return self.answered[-1]

        monkeypatch.setattr(sandbox, "opened", open_)
        monkeypatch.setattr(sandbox, "answer", said)

    def client(self, **figures: Any) -> DciRegistry:
        return client_of(self.sandbox, replace(FIGURES, **figures))


@pytest.fixture
def wire(running: Registry, monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(running, monkeypatch)


def test_the_files_are_those_that_their_table_names():
    told = re.findall(r"^\| `(\S+)` .* `([0-9a-f]{64})` \|$", (STANDARD / "README.md").read_text("utf-8"), re.MULTILINE)
    assert dict(told) == {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in STANDARD.iterdir() if one.name != "README.md"
    }


@pytest.mark.parametrize("name", [CRVS, CORE])
@pytest.mark.parametrize("reg_type", ["", FIGURES.reg_type])
def test_what_we_ask_is_valid_and_has_no_field_that_the_standard_lacks(wire, name: str, reg_type: str):
    wire.client(reg_type=reg_type).find([SITI.nik, "3174095708950002"])
    [asked] = wire.asked
    assert faults(name, ASK, asked) == []
    assert unknown_fields(name, {"$ref": ASK}, asked) == []
    assert asked["header"]["total_count"] == len(asked["message"]["search_request"]) == 2


@pytest.mark.parametrize(
    "where",
    [
        ("header",), ("message",), ("header", "message_id"), ("header", "message_ts"), ("header", "action"),
        ("header", "sender_id"), ("header", "total_count"), ("message", "transaction_id"),
        ("message", "search_request"), ("message", "search_request", 0, "reference_id"),
        ("message", "search_request", 0, "timestamp"), ("message", "search_request", 0, "search_criteria"),
        ("message", "search_request", 0, "search_criteria", "query_type"),
        ("message", "search_request", 0, "search_criteria", "query"),
    ],
)  # fmt: skip
def test_a_message_that_lacks_or_misspells_what_the_standard_demands_is_found(wire, where: tuple[Any, ...]):
    wire.client().find([SITI.nik])
    asked = copy.deepcopy(wire.asked[0])
    holder = asked
    for step in where[:-1]:
        holder = holder[step]
    holder[f"{where[-1]}s"] = holder.pop(where[-1])
    assert faults(CRVS, ASK, asked)
    assert unknown_fields(CRVS, {"$ref": ASK}, asked)


@pytest.mark.parametrize(
    ("nik", "figures", "outcome"),
    [
        (SITI.nik, {}, "SITI AMINAH"),
        ("3174095708950002", {}, None),
        (SITI.nik, {"nik_type": "UIN"}, "status_rjct"),
        (SITI.nik, {"pending": True}, "status_pdng"),
    ],
)
def test_what_the_sandbox_registry_answers_is_valid(wire, nik: str, figures: dict[str, Any], outcome: str | None):
    wire.sandbox.configure(pending=figures.pop("pending", False))
    try:
        [record] = wire.client(**figures).find([nik])
    except NoAnswer as silence:
        record = silence
    said = record.fact if isinstance(record, NoAnswer) else record and record.name
    [answered] = wire.answered
    assert (said, faults(CRVS, ANSWER, answered)) == (outcome, [])
    assert unknown_fields(CRVS, {"$ref": ANSWER}, answered) == []


def test_the_standards_own_example_of_a_record_is_read(wire, monkeypatch: pytest.MonkeyPatch):
    response = document(CRVS)["components"]["schemas"]["SearchResponse"]["properties"]["search_response"]["items"]
    example = response["properties"]["data"]["properties"]["reg_records"]["items"]["example"]
    answer = wire.sandbox.answer

    def with_example(envelope: dict[str, Any]) -> dict[str, Any]:
        content = {part: value for part, value in answer(envelope).items() if part != "signature"}
        content["message"]["search_response"][0] |= {"status": "succ", "data": {"reg_records": [example]}}
        assert faults(CRVS, ANSWER, content) == []
        signed = json.dumps(content).encode()
        key = wire.sandbox._key
        return {"signature": jws.serialize_compact({"alg": ALGORITHM}, signed, key, algorithms=[ALGORITHM])} | content

    monkeypatch.setattr(wire.sandbox, "answer", with_example)
    [record] = wire.client(nik_type="UIN").find(["197382465"])
    told = record.name, record.birth_date, record.sex, record.dead
    assert told == ("Elena Martinez", date(1980, 3, 23), "female", False)
    assert (record.kk, record.province) == (None, None)  # it has no family card, and its region is no number
