"""`GET /me/readers`: what it shows of each look and of no administrator, and page by page."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from chalicelib.administration.journal import DONE, Line
from tests.builders.aws.rights import rights_of
from tests.builders.lives import MAKER
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway
from tests.e2e.refusals.partners import applying


def readers(gateway: Gateway, person: str, query: str = "") -> list[dict[str, Any]]:
    with rights_of("api"):
        return list(gateway.ok(Call(routes.READERS, path=f"/me/readers{query}", person=person))["readers"])


def looked_at(gateway: Gateway, person: str, **facts: Any) -> Line:
    journal = gateway.services.journal
    begun = journal.write(
        Line(gateway.now, "ani", MAKER, "person show", registrant=person, reason="They called", **facts)
    )
    journal.end(begun, DONE, gateway.now + timedelta(seconds=1))
    return begun


def test_an_administrator_is_shown_by_act_and_reason_and_never_by_name(gateway: Gateway) -> None:
    person = gateway.registered()
    looked_at(gateway, person)
    [line] = readers(gateway, person)
    assert (line["reader"], line["act"], line["reason"], line["outcome"]) == (
        "administrator",
        "person show",
        "They called",
        "done",
    )
    assert line["name"] is None
    assert MAKER not in json.dumps(line)
    assert "ani" not in json.dumps(line).replace("program", "").split('"')
    assert readers(gateway, gateway.registered()) == [], "another sees nothing of it"


def test_a_partner_who_is_shown_an_application_leaves_a_line_a_day(gateway: Gateway) -> None:
    vacancy, person = gateway.vacancy(), gateway.graduated().person
    before = len(readers(gateway, person))
    gateway.ok(applying(vacancy, person))
    look = Call(routes.APPLICANTS, partner=gateway.partner).at(vacancy)
    for _ in range(3):
        with rights_of("api"):
            gateway.ok(look)
    found = [one for one in readers(gateway, person) if one["act"] == routes.APPLICANTS]
    assert len(found) == 1
    assert (found[0]["reader"], found[0]["outcome"], bool(found[0]["name"])) == ("partner", "done", True)
    assert len(readers(gateway, person)) == before + 1


def test_a_partner_who_asks_about_a_code_leaves_a_line_whatever_the_answer(gateway: Gateway) -> None:
    bought = gateway.bought()
    form = {"redeem_code": bought.redeem_code, "card_number": "0" * 16}
    gateway.send(Call(routes.VALIDATE, form, partner=gateway.partner))
    [line] = [one for one in readers(gateway, bought.person) if one["act"] == routes.VALIDATE]
    assert line["reader"] == "partner"


def test_pages_are_the_same_whatever_their_length(gateway: Gateway) -> None:
    person = gateway.registered()
    for second in range(5):
        gateway.services.journal.write(
            Line(gateway.now + timedelta(seconds=second), "ani", MAKER, "person show", registrant=person)
        )
    whole, cursor, short = readers(gateway, person), "", list[dict[str, Any]]()
    for _ in range(3):
        page = gateway.ok(Call(routes.READERS, path=f"/me/readers?limit=2{cursor}", person=person))
        short += page["readers"]
        cursor = f"&cursor={page['next_cursor']}"
    assert short == whole
    assert page["next_cursor"] is None
