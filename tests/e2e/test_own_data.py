"""`GET /me/data` over HTTP: a person who has been through everything sees every row that the tables keep of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.privacy.rules import register
from chalicelib.privacy.wire import PARTS
from tests.builders.lives import CHECKER, MAKER, SEALED, live, rows

from . import routes
from .gateway import Call, Gateway, serving


@pytest.fixture
def gateway(cloud: Settings, programme: Programme) -> Iterator[Gateway]:
    with serving(cloud, programme) as gateway:
        yield gateway


def pages(gateway: Gateway, person: str, limit: int = 100) -> list[dict[str, Any]]:
    """Every page, each followed by its cursor."""
    found, path = [], f"/me/data?limit={limit}"
    while path:
        page = gateway.ok(Call(routes.MY_DATA, path=path, person=person))
        found.append(page)
        path = f"/me/data?limit={limit}&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    return found


def left_out(table: str, row: dict[str, Any]) -> bool:
    """Whether the register says why such a row is not shown."""
    begins = (key.split("/") for key in register().left_out[table])
    return any(row["pk"]["S"].startswith(pk) and row["sk"]["S"].startswith(sk) for pk, sk in begins)


def test_a_person_sees_every_row_that_is_kept_of_them_opened(gateway: Gateway, cloud: Settings) -> None:
    person = live(gateway)
    records = [record for page in pages(gateway, person) for record in page["records"]]
    shown = {record["kept_in"] for record in records}
    kept = {f"{table}/{row['pk']['S']}/{row['sk']['S']}" for table, row in rows(cloud) if not left_out(table, row)}
    assert kept - shown == set()
    assert shown <= {f"{table}/{row['pk']['S']}/{row['sk']['S']}" for table, row in rows(cloud)}
    assert {record["kind"] for record in records} == register().kept.keys(), "the life has every kind"
    assert len(shown) == len(records) == len({record["record_id"] for record in records})

    text = json.dumps(records)
    stored = str(rows(cloud))
    assert [name for name, value in SEALED.items() if value not in text] == []
    assert [name for name, value in SEALED.items() if value in stored] == []
    assert not any(other in text for other in (MAKER, CHECKER, "somebody-else"))
    for record in records:
        assert record["withheld"] == sorted(record["withheld"])
        assert not record["content"].keys() & {"wrapped_key", "refresh_hash", "proofs", *record["withheld"]}
        assert record["law"].startswith("UU 27/2022 Pasal 20 ayat (2) huruf ")
        assert all(record[name].keys() == {"id", "en"} for name in ("purpose", "retention", "readers"))


def test_pages_are_the_same_whatever_their_length(gateway: Gateway) -> None:
    person = live(gateway)
    whole = [record["record_id"] for page in pages(gateway, person) for record in page["records"]]
    short = pages(gateway, person, 7)
    assert [record["record_id"] for page in short for record in page["records"]] == whole
    assert {len(page["records"]) for page in short[:-1]} == {7}
    assert tuple(gateway.services.held) == PARTS
    answer = gateway.send(Call(routes.MY_DATA, path="/me/data?cursor=elsewhere", person=person))
    assert (answer.status_code, answer.json_body["code"]) == (400, "malformed_request")


def test_a_young_session_which_may_be_a_thiefs_opens_nothing(gateway: Gateway) -> None:
    person = live(gateway)
    session = gateway.session(person)
    young = replace(session, id="c" * 26, started_at=gateway.now)
    assert gateway.services.account_store.add_session(young)
    gateway._sessions[person] = young
    found = pages(gateway, person)
    text = json.dumps(found)
    assert [name for name, value in SEALED.items() if value in text] == []
    wait = timedelta(seconds=gateway.services.programme.accounts.young_session_s)
    assert {page["opened_from"] for page in found} == {iso(young.started_at + wait)}
    [registration] = [one for page in found for one in page["records"] if one["kind"] == "registration"]
    assert "sealed" in registration["withheld"]


def test_an_ended_session_sees_nothing(gateway: Gateway) -> None:
    person = gateway.registered()
    call = Call(routes.MY_DATA, person=person)
    gateway.ok(call)
    gateway.services.sessions.end_all(person, gateway.now)
    assert gateway.send(call).json_body["code"] == "session_expired"
