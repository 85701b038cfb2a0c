"""What is past its term goes, page by page; whoever does not use an account is told first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from chalicelib import status
from chalicelib.accounts.items import DueDeletionItem
from chalicelib.aws.admin_acts import Act
from chalicelib.config import Settings
from chalicelib.helpdesk.rules import Grievance
from chalicelib.notices.store import NoticeItem
from chalicelib.privacy import terms
from chalicelib.privacy.erasure import TOKENS_LIVE
from chalicelib.privacy.terms import PAGE_S, Place, Terms
from tests.builders.aws.rights import rights_of
from tests.builders.lives import rows
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway
from tests.e2e.refusals.citizens import complaining

YEAR = timedelta(days=366)
A_MINUTE = timedelta(minutes=1)


def run(gateway: Gateway, now: datetime, left_s: float = 800) -> bool:
    with rights_of("end_terms"):
        return gateway.services.terms.run(now, left_s, lambda: 0)


def gone(gateway: Gateway) -> dict[str, int]:
    found = gateway.services.runs.gone()
    return {} if found is None else {name: n for name, n in found.gone.items() if n}


def told(person: str) -> list[dict[str, Any]]:
    return [dict(one.facts) for one in NoticeItem.query(f"N#{person}") if one.kind == "account_deleting"]


def erased(gateway: Gateway, now: datetime) -> None:
    for _ in range(2):
        with rights_of("erase_people"):
            assert gateway.services.erasure.run(now, 800, lambda: 0)
        now += TOKENS_LIVE + A_MINUTE


def expired(cloud: Settings, person: str) -> None:
    """DynamoDB has deleted the sessions of long ago."""
    from boto3 import client

    for table, row in rows(cloud):
        if table == "accounts" and row["sk"]["S"].startswith("SESSION#") and row["pk"]["S"] == f"A#{person}":
            key = {"pk": row["pk"], "sk": row["sk"]}
            client("dynamodb", cloud.region).delete_item(TableName=cloud.table(table), Key=key)


def test_an_account_without_a_registration_goes_a_year_after_its_last_use_if_it_is_not_used_again(
    gateway: Gateway, cloud: Settings
) -> None:
    unused, used, registered = (gateway.stranger(), gateway.stranger(), gateway.registered())
    for person in (unused, used, registered):
        gateway.ok(Call(routes.CONTACTS, person=person))
        expired(cloud, person)
    assert run(gateway, gateway.now + timedelta(days=350))
    assert gone(gateway) == {}
    later = gateway.now + timedelta(days=372)
    assert run(gateway, later)
    assert gone(gateway) == {"accounts": 2}
    warned = later + timedelta(days=gateway.services.programme.retention.warned_days)
    assert [(one["reason"], one["stays"]) for one in told(unused)] == [("unused", "")]
    assert told(registered) == []
    assert run(gateway, later + timedelta(days=8))
    assert gone(gateway) == {"accounts": 2}, "told once"

    session = gateway.session(used)
    assert gateway.services.account_store.add_session(replace(session, id="d" * 26, last_used_at=later + A_MINUTE))
    erased(gateway, warned + A_MINUTE)
    left = {row["pk"]["S"] for table, row in rows(cloud) if table == "accounts" and row["sk"]["S"] == "ACCOUNT"}
    assert left == {f"A#{used}", f"A#{registered}"}
    assert list(DueDeletionItem.query("DELETIONS")) == []
    assert gateway.services.account_store.account(used) is not None


def test_a_registration_goes_if_its_person_was_never_chosen_and_no_place_does(
    gateway: Gateway, cloud: Settings
) -> None:
    never, chosen = gateway.registered(), gateway.chosen().registrant_id
    for person in (never, chosen):
        expired(cloud, person)
    assert run(gateway, gateway.now + YEAR)
    assert gone(gateway) == {}
    assert run(gateway, gateway.now + 5 * YEAR)
    assert (gone(gateway), bool(told(never)), told(chosen)) == ({"accounts": 1}, True, [])


def test_the_link_of_the_warning_keeps_the_account(gateway: Gateway, cloud: Settings) -> None:
    person = gateway.registered()
    expired(cloud, person)
    now = gateway.now + 5 * YEAR
    assert run(gateway, now)
    [change] = gateway.services.changes.recent(person, now)
    gateway.services.deny_change(person, change.id, now)
    erased(gateway, now + YEAR)
    assert gateway.services.registrations.registrant(person).id == person


def test_answered_grievances_lose_their_evidence_and_then_go(gateway: Gateway, cloud: Settings) -> None:
    answered, waits = gateway.registered(), gateway.registered()
    numbers = [
        gateway.ok(complaining({"kind": "registration"}, lambda _, who=who: who)(gateway))["number"]
        for who in (answered, waits)
    ]
    helpdesk, now = gateway.services.helpdesk, gateway.now
    helpdesk.answer(numbers[0], "We have looked into it.", "ani", now)
    [one] = gateway.services.helpdesk._store.of(answered, 1)
    assert isinstance(one, Grievance)
    assert run(gateway, now + timedelta(days=1_824))
    assert gone(gateway) == {"accounts": 2} or gone(gateway) == {}
    assert run(gateway, now + timedelta(days=1_833))
    assert gone(gateway)["grievances"] == 1
    kept = {
        row["sk"]["S"].partition("#")[0] for table, row in rows(cloud) if table == "helpdesk" and answered in str(row)
    }
    assert kept <= {"OPEN"}
    assert helpdesk._store.by_number(numbers[0]) is None
    assert helpdesk._store.by_number(numbers[1]) is not None, "nobody has answered it"


def test_the_acts_of_administrators_go_after_ten_years(gateway: Gateway) -> None:
    journal = gateway.services.mailboxes.journal
    for days in (0, 20):
        journal.add(Act(gateway.now + timedelta(days=days), "open", "somebody", "ani", "asked for"))
    assert run(gateway, gateway.now + timedelta(days=3_651))
    assert len(list(journal.all())) == 1
    assert gone(gateway)["acts"] >= 1, "those of other tables too"


def test_a_round_goes_on_where_the_run_before_ended_and_says_so_to_the_public(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terms, "PAGE", 3)
    journal = gateway.services.mailboxes.journal
    for second in range(8):
        journal.add(Act(gateway.now + timedelta(seconds=second), "open", "somebody", "ani", "asked for"))
    now = gateway.now + timedelta(days=3_651)
    assert not run(gateway, now, PAGE_S - 1), "no page is begun without its time"
    assert gateway.services.runs.gone() is None

    table = gateway.services.settings.table("notices")
    place = Place(table, gateway.services.terms._places(now)["acts of notices"].end, "CONTROL")
    seen = list[float]()

    def tired() -> float:
        seen.append(0)
        return 0 if len(seen) < 4 else 1_000

    alone = Terms(lambda _: {"acts of notices": place}, "ap-southeast-3", gateway.services.transaction, 7)
    assert not alone.run(now, 800, tired)
    assert 0 < len(list(journal.all())) < 8
    while not alone.run(now, 800, lambda: 0):
        pass
    assert list(journal.all()) == []
    assert gone(gateway) == {"acts": 8}
    assert alone.run(now + timedelta(days=6), 800, lambda: 0), "no round is due"
    view = gateway.ok(Call("GET /status.json"))["gone"]
    assert (view["acts"], view["tickets"]) == (8, 0)
    assert set(view) == {"ended_at", *status.GONE}


def test_an_odd_row_rings_and_holds_up_nothing_and_what_will_pass_is_done_again(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    services, table = gateway.services, gateway.services.settings.table("notices")
    journal, now = services.mailboxes.journal, gateway.now + timedelta(days=3_651)
    for second in range(3):
        journal.add(Act(gateway.now + timedelta(seconds=second), "open", "somebody", "ani", "asked for"))
    real = services.terms._places(now)["acts of notices"].end
    trouble: Exception = KeyError("secret")

    def end(rows: Any, at: datetime) -> Any:
        if any(row["sk"]["S"] == oldest for row in rows):
            raise trouble
        return real(rows, at)

    def closed(_: datetime) -> None:
        raise ValueError("secret")

    oldest = min(row["sk"]["S"] for name, row in rows(services.settings) if name == "notices")
    places = {"a": Place(table, end, "CONTROL", closed), "b": Place(table, real, "NOBODY")}
    alone = Terms(lambda _: places, services.settings.region, services.transaction, 7)
    assert alone.run(now, 800, lambda: 0)
    assert [act.at for act in journal.all()] == [gateway.now]
    heard = [one for one in caplog.records if one.levelname == "ERROR"]
    assert [(one.getMessage(), vars(one)["error"]) for one in heard] == [
        ("term_not_ended", "KeyError"), ("term_not_ended", "ValueError")
    ]  # fmt: skip
    assert "secret" not in str([vars(one) for one in heard])
    trouble = ClientError({"Error": {"Code": "ThrottlingException"}}, "DeleteItem")
    with pytest.raises(ClientError):
        alone.run(now + timedelta(days=8), 800, lambda: 0)
