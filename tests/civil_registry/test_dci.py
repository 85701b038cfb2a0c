"""The adapter to DCI registries, over real HTTP with the sandbox registry."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey
from msgspec.structs import replace

from chalicelib.civil_registry.dci import DciRegistry
from chalicelib.civil_registry.errors import NoAnswer
from chalicelib.civil_registry.registry import CivilRecord
from chalicelib.config import load_programme
from local.sandbox.registry import ALGORITHM, Person, Registry
from tests.builders.dci import client_of

FIGURES = replace(load_programme("prod").registry, timeout_s=1)
SITI = Person(nik="3174095708950001", name="Siti Aminah", birth_date="1995-08-17", kk="3174091203180002", province="31")
RECORD = CivilRecord("SITI AMINAH", date(1995, 8, 17), SITI.kk, 31, dead=False, sex="female")


@pytest.fixture(scope="module")
def running() -> Iterator[Registry]:
    with Registry("dci") as registry:
        yield registry


@pytest.fixture
def sandbox(running: Registry) -> Registry:
    running.configure(down=False, hangs=False, pending=False, unsigned=False, mistake_rate=0)
    running.people = {SITI.nik: SITI}
    return running


def client(sandbox: Registry, **changes: Any) -> DciRegistry:
    return client_of(sandbox, FIGURES, **changes)


def said(asked: DciRegistry, nik: str = SITI.nik) -> CivilRecord | None:
    [found] = asked.find([nik])
    if isinstance(found, NoAnswer):
        raise found
    return found


def no_answer(asked: DciRegistry) -> tuple[str, bool]:
    with pytest.raises(NoAnswer) as silence:
        said(asked)
    return silence.value.fact, silence.value.passes


def test_a_record_is_found_by_its_nik_and_an_unknown_nik_has_none(sandbox):
    assert said(client(sandbox)) == RECORD
    assert said(client(sandbox), "3174095708950002") is None

    sandbox.add([Person(**(json_of(SITI) | {"name": "Suharto", "died_on": "2020-01-01"}))])
    assert said(client(sandbox)) == replace(RECORD, name="SUHARTO", dead=True)
    sandbox.configure(mistake_rate=1)
    assert said(client(sandbox)) == replace(RECORD, name="SUHARTO", dead=True, birth_date=date(1994, 8, 17))


def json_of(person: Person) -> dict[str, str]:
    return {name: getattr(person, name) for name in Person.__struct_fields__}


@pytest.mark.parametrize(
    ("fault", "fact", "passes"),
    [
        ({"down": True}, "http_503", True),
        ({"hangs": True}, "ReadTimeoutError", True),
        ({"pending": True}, "status_pdng", True),
        ({"unsigned": True}, "signature", False),
    ],
)
def test_a_fault_is_no_answer_and_never_an_unknown_nik(sandbox, caplog, fault: dict[str, Any], fact: str, passes: bool):
    caplog.set_level(logging.DEBUG)
    sandbox.configure(**fault)
    assert no_answer(client(sandbox)) == (fact, passes)
    assert SITI.nik not in caplog.text


def test_a_wrong_token_or_key_of_ours_needs_a_person_and_a_registry_that_is_away_does_not(sandbox):
    strange = OKPKey.generate_key("Ed25519", {"kid": "x", "alg": ALGORITHM}).as_dict(private=True)
    assert no_answer(client(sandbox, token="wrong")) == ("http_401", False)
    assert no_answer(client(sandbox, sign_with=strange)) == ("http_400", False)
    assert no_answer(client(sandbox, verify_with=strange)) == ("signature", False)
    assert no_answer(client(sandbox, verify_with={})) == ("no_key", False)
    assert no_answer(client(sandbox, url="http://127.0.0.1:9")) == ("NewConnectionError", True)


SUCC = {"reference_id": "R", "status": "succ"}
OPENCRVS = {
    "identifier": [{"name": "NIK", "identifier": SITI.nik}, {"name": "KK", "identifier": SITI.kk}],
    "givenName": "Siti", "familyName": "Aminah", "birthDate": "1995-08-17", "gender": "Female",
    "address": {"region_code": "31"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("search", "outcome"),
    [
        # As OpenCRVS names the fields, and one record that is in no list.
        (SUCC | {"data": {"reg_records": [OPENCRVS]}}, "Siti Aminah"),
        (SUCC | {"data": {"reg_records": OPENCRVS}}, "Siti Aminah"),
        (SUCC | {"data": {"reg_records": []}}, None),
        (SUCC | {"data": {"reg_records": {}}}, None),
        (SUCC, "no_records"),
        (SUCC | {"data": {"reg_records": [OPENCRVS, OPENCRVS]}}, "several_records"),
        (SUCC | {"data": {"reg_records": [OPENCRVS | {"identifier": []}]}}, "another_person"),
        (SUCC | {"data": {"reg_records": ["3174095708950001"]}}, "malformed"),
        ({"reference_id": "R", "status": "rjct", "data": {"reg_records": []}}, "status_rjct"),
        ({"reference_id": "R", "status": "Siti Aminah"}, "status_unknown"),
        ({"reference_id": "another", "status": "succ", "data": {"reg_records": []}}, "another_reference"),
        ({"status": "succ"}, "malformed"),
    ],
)
def test_only_a_record_of_this_person_and_an_empty_list_count(
    sandbox, monkeypatch: pytest.MonkeyPatch, search: dict[str, Any], outcome: str | None
):
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        reference = asked["message"]["search_request"][0]["reference_id"]
        found = {name: reference if value == "R" else value for name, value in search.items()}
        said = {"transaction_id": asked["message"]["transaction_id"], "search_response": [found]}
        content = json.dumps({"header": {"status": "succ"}, "message": said}).encode()
        return {"signature": jws.serialize_compact({"alg": ALGORITHM}, content, sandbox._key, algorithms=[ALGORITHM])}

    monkeypatch.setattr(sandbox, "answer", answer)
    if outcome is None or " " in outcome:
        record = said(client(sandbox))
        assert (record and record.name) == outcome
        assert record is None or record.sex == "female"
        assert record is None or (record.birth_date, record.kk, record.province) == (date(1995, 8, 17), SITI.kk, 31)
    else:
        assert no_answer(client(sandbox)) == (outcome, False)


@pytest.mark.parametrize(
    ("mixed", "outcome"),
    [
        (lambda found: found[::-1], ["SITI AMINAH", None, "BUDI SANTOSO"]),
        (lambda found: found[:-1], ["SITI AMINAH", None, "left_out"]),
        (lambda found: [found[0] | {"status": "rjct"}, *found[1:]], ["status_rjct", None, "BUDI SANTOSO"]),
        (lambda found: [found[0] | {"data": found[2]["data"]}, *found[1:]], ["another_person", None, "BUDI SANTOSO"]),
        (lambda found: [*found, found[0]], ["another_reference"]),
        (lambda found: [found[0] | {"reference_id": "x"}, *found[1:]], ["another_reference"]),
    ],
)
def test_several_people_are_asked_about_in_one_message_and_each_answer_is_of_its_person(
    sandbox, monkeypatch: pytest.MonkeyPatch, mixed: Any, outcome: list[str | None]
):
    answer, asked = sandbox.answer, []

    def mixed_up(envelope: dict[str, Any]) -> dict[str, Any]:
        asked.append(envelope)
        given = answer(envelope)
        message = given["message"] | {"search_response": mixed(given["message"]["search_response"])}
        content = json.dumps({"header": given["header"], "message": message}).encode()
        return {"signature": jws.serialize_compact({"alg": ALGORITHM}, content, sandbox._key, algorithms=[ALGORITHM])}

    monkeypatch.setattr(sandbox, "answer", mixed_up)
    budi = replace(SITI, nik="3174095708950003", name="Budi Santoso")
    sandbox.add([budi])
    try:
        found = client(sandbox).find([SITI.nik, "3174095708950002", budi.nik])
    except NoAnswer as silence:
        found = [silence]
    assert [one.fact if isinstance(one, NoAnswer) else one and one.name for one in found] == outcome
    assert len(asked) == 1


def test_an_answer_to_another_question_is_not_believed(sandbox, monkeypatch: pytest.MonkeyPatch):
    asked = client(sandbox)
    first = sandbox.answer

    def replayed(envelope: dict[str, Any]) -> dict[str, Any]:
        envelope["message"]["transaction_id"] = "an-earlier-one"
        return first(envelope)

    monkeypatch.setattr(sandbox, "answer", replayed)
    assert no_answer(asked) == ("another_transaction", False)


def test_an_answer_that_is_no_envelope_may_be_for_one_of_the_people(sandbox, monkeypatch):
    asked = client(sandbox)
    monkeypatch.setattr(asked, "_post", lambda *_: b"<html>")
    with pytest.raises(NoAnswer, match="malformed") as silence:
        asked.find([SITI.nik])
    assert silence.value.refused
