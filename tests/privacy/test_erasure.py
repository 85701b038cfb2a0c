"""What an erasure takes away: nothing that is stored can be read back, after a restore either."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sesv2.models import sesv2_backends

from admin import client
from admin.commands import erasures
from admin.deployment import stages
from admin.desk import Desk
from bench import rights
from chalicelib.accounts.items import DueDeletionItem
from chalicelib.aws.errands import Errand
from chalicelib.clock import utc_now
from chalicelib.config import Settings
from chalicelib.notices.rules import ChangeLink, Kind
from chalicelib.notices.store import NoticeItem
from chalicelib.privacy import erasure
from chalicelib.privacy.erasure import ONE_PERSON_S, TOKENS_LIVE, Erasure, NotErased, Replay, Replayed
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.aws.functions import Functions
from tests.builders.commands import CALLER, Terminal
from tests.builders.crashes import SOME_OR_ALL, Calls, worth_it
from tests.builders.lives import FORM, SEALED, live, rows, settled, young
from tests.conftest import T0
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway
from tests.privacy.erasing import (
    A_MINUTE,
    STAYS,
    about,
    ask,
    carry_out,
    restore,
    run,
    secrets_of,
)


def test_nothing_that_is_stored_can_be_read_back_after_a_restore(
    gateway: Gateway, cloud: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    person = live(gateway)
    settled(gateway, person)
    before = rows(cloud)
    with caplog.at_level(logging.INFO):
        carry_out(gateway, person)
    after = rows(cloud)
    left = about(cloud, person)
    assert left <= STAYS, left

    for only in ("registrations", "accounts", ""):
        restore(cloud, before, only)
        assert gateway.services.erasure.replay(gateway.now) == Replayed(1)
    assert run(gateway), "what was due came back, too, and is found to be done"
    stored, leads = str(rows(cloud)), secrets_of(before, person)
    assert len(leads) > 5
    assert [one for one in leads if one in stored] == []
    assert [name for name, value in SEALED.items() if value in stored] == []
    assert about(cloud, person) <= STAYS
    assert sorted(map(str, rows(cloud))) == sorted(map(str, after)), "the same is left as before the restore"
    assert (
        gateway.services.payouts.of_many([place]) if (place := gateway.services.waves.beneficiaries.of(person)) else 0
    )
    logged = " ".join(record.getMessage() for record in caplog.records)
    assert "person_erased" in logged
    assert person not in str([vars(record) for record in caplog.records if record.name.startswith("chalicelib")])

    assert gateway.services.finding.by_nik(FORM.nik) == person, "the benefit is given once"


def test_the_command_after_a_restore_erases_everybody_of_the_list(
    gateway: Gateway, cloud: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [gateway.registered() for _ in range(2)]
    before = rows(cloud)
    for person in people:
        carry_out(gateway, person)
    restore(cloud, before)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(name="test", services=gateway.services))
    monkeypatch.setattr(stages, "caller", lambda: CALLER)

    begun, left = list[str](), iter([0] * 4)
    replays = gateway.services.replays

    def again(detail: Any) -> None:
        def work(errand: Errand) -> Iterator[Errand]:
            begun.append(errand.after)
            return gateway.services.erasure.replay_again(errand, gateway.now, next(left, 880))

        replays.run(detail, gateway.now, work)

    monkeypatch.setattr(Desk, "client", lambda *_: Functions(erase_people=again))
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    monkeypatch.setattr(erasure, "_PAGE", 1)
    monkeypatch.setattr(erasure, "_SEGMENTS", 2)
    later = (utc_now() + timedelta(hours=2)).isoformat()
    words = ("replay", "--reason", "a table was restored")
    assert Terminal("erasures").found(*words, "--restored-to", later) == {"erased": 0}
    assert [about(cloud, person) == set() for person in people] == [False, False]
    begun.clear()
    first, second = sorted(people)
    assert Terminal("erasures").found(*words) == {"erased": 2}
    places = [done.after for done in gateway.services.erasure.replayed(gateway.now, Replay(after=second), 2)]
    assert begun == ["", first, second, places[0]], "each run goes on where the one before came to"
    another = Replay(after=places[2].replace("#", "#9"))
    found = [done.after for done in gateway.services.erasure.replayed(gateway.now, another, 2)]
    assert found == places, "with the tables of another release all are read again"
    assert [about(cloud, person) for person in people] == [set(), set()]
    restore(cloud, before)
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "kind_of", lambda *_: {}["broken"])
        assert "erase_people failed: KeyError" in Terminal("erasures").refused(*words)
    assert replays.last(erasures._ALL).after == second
    assert "another --restored-to" in Terminal("erasures").refused(*words, "--go-on", "--restored-to", later)
    begun.clear()
    assert Terminal("erasures").found(*words, "--go-on") == {"erased": 2}, "with those of the one before"
    assert begun[0] == second


def test_the_addresses_of_the_erased_go_from_the_list_of_ses_too(
    gateway: Gateway, cloud: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever SES does meanwhile: as long as it does not answer, the account stays."""
    person = gateway.registered()
    reach = gateway.services.directory.contacts(person, gateway.now)
    assert reach
    [address] = [one.value for one in reach.contacts.values() if one.kind == "email"]
    before = rows(cloud)
    ses: Any = sesv2_backends[DEFAULT_ACCOUNT_ID][cloud.region]
    ses.suppressed = {address, "another@example.org"}
    ask(gateway, person)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert address in ses.suppressed
    with monkeypatch.context() as patch, pytest.raises(ExceptionGroup) as trouble:
        patch.setattr(gateway.services.suppressed, "_ses", busy(cloud))
        run(gateway, after=TOKENS_LIVE + A_MINUTE)
    assert [str(one) for one in trouble.value.exceptions] == ["TooManyRequestsException"]
    assert gateway.services.account_store.account(person), "so the address is known to the next run"
    assert run(gateway, after=A_MINUTE)
    assert ses.suppressed == {"another@example.org"}
    assert about(cloud, person) == set()
    restore(cloud, before)
    ses.suppressed.add(address)
    assert gateway.services.erasure.replay(gateway.now) == Replayed(1)
    assert (ses.suppressed, about(cloud, person)) == ({"another@example.org"}, set())


def busy(cloud: Settings) -> Any:
    """A client of SES that is told each time that there are too many calls."""
    stub = Stubber(client := boto3.client("sesv2", cloud.region))
    stub.add_client_error("delete_suppressed_destination", "TooManyRequestsException", http_status_code=429)
    stub.activate()
    return client


def test_a_row_of_a_later_release_is_no_fault_and_goes(gateway: Gateway, cloud: Settings) -> None:
    person = gateway.registered()
    client = boto3.client("dynamodb", cloud.region)
    for table, pk in (("accounts", f"A#{person}"), ("registrations", f"R#{person}")):
        row = {"pk": {"S": pk}, "sk": {"S": "NEWER#1"}, "secret": {"S": "not for the eyes"}}
        client.put_item(TableName=cloud.table(table), Item=row)
    shown = [one for one in gateway.ok(Call(routes.MY_DATA, person=person))["records"] if one["kind"] == "unknown"]
    assert [(one["kept_in"].rpartition("/")[2], one["content"], one["withheld"]) for one in shown] == [
        ("NEWER#1", {}, ["secret"])
    ] * 2
    carry_out(gateway, person)
    assert about(cloud, person) == set()


def test_what_comes_late_about_the_erased_is_forgotten(gateway: Gateway, cloud: Settings) -> None:
    person, services = gateway.registered(), gateway.services
    carry_out(gateway, person)
    services.notices.tell(person, Kind.REVOKED, "revoked/53", {"wave": 53})
    services.mailer.process(person, "revoked/53", gateway.now)
    [notice] = NoticeItem.query(f"N#{person}")
    assert notice.expires_at <= gateway.now + timedelta(days=31)
    services.bounces["registrant"](f"{person}_{'c' * 26}", "bounce", gateway.now)
    assert about(cloud, person) == {f"notices: N#{person} / revoked/53"}


def test_who_was_never_chosen_may_begin_anew(gateway: Gateway, cloud: Settings) -> None:
    form = gateway.form()
    person = gateway.sent(gateway.registration(form)).person
    gateway.ok(Call(routes.ADDRESS, gateway.address(), person=person))
    gateway.ok(Call(routes.JOIN, person=person))
    carry_out(gateway, person)
    assert about(cloud, person) == {"entry"}
    [entry] = [row for table, row in rows(cloud) if table == "waves" and row["sk"]["S"] == person]
    assert "kk" not in entry
    gateway.ok(gateway.registration(form))


@pytest.mark.parametrize("state", [BeneficiaryState.RESERVED, BeneficiaryState.LAPSED])
def test_who_was_never_given_the_place_that_waited_may_begin_anew(gateway: Gateway, state: BeneficiaryState) -> None:
    form = gateway.form()
    person = gateway.chosen(form).registrant_id
    settled(gateway, person)
    BeneficiaryItem(f"B#{person}", "BENEFICIARY").update([BeneficiaryItem.state.set(state)])
    carry_out(gateway, person)
    gateway.ok(gateway.registration(form))


def test_a_claimant_in_an_open_wave_is_erased_with_the_rights_of_the_job(gateway: Gateway, cloud: Settings) -> None:
    form = gateway.form()
    gateway.sent(gateway.registration(form))
    claim = form | {"phone": "081355556666", "claim_nik": True}
    person = gateway.sent(gateway.registration(claim)).person
    gateway.ok(Call(routes.JOIN, person=person))
    carry_out(gateway, person)
    assert about(cloud, person) == {"entry"}


def test_a_look_at_ones_data_and_an_erasure_take_the_calls_and_units_that_the_pages_say(gateway: Gateway) -> None:
    names = ["calls", "KMS", "S3", "SES", "read units", "write units", "index units"]
    assert {name: [row[one] for one in names] for name, row in rights.costs(gateway).items()} == {
        "GET /me/data, registered": [22, 2, 0, 0, 36, 0, 0],
        "an erasure, registered": [47, 1, 1, 1, 44, 11, 3],
        "GET /me/data, everything": [32, 5, 0, 0, 54, 0, 0],
        "an erasure, everything": [108, 3, 1, 1, 77, 61, 12],
    }


@SOME_OR_ALL
def test_an_erasure_that_dies_at_any_call_is_finished_by_a_later_run(
    gateway: Gateway, cloud: Settings, monkeypatch: pytest.MonkeyPatch, picked: Callable[[list[int]], list[int]]
) -> None:
    def due() -> str:
        person = gateway.registered()
        gateway.ok(Call(routes.ADDRESS, gateway.address(), person=person))
        ask(gateway, person)
        gateway.now += young(gateway) + A_MINUTE
        return person

    def carried_out() -> None:
        run(gateway)
        run(gateway, after=TOKENS_LIVE + A_MINUTE)

    calls = Calls(monkeypatch)
    for _ in range(2):  # the second time a process has what it keeps in memory
        due()
        calls.reset()
        carried_out()
    for at in picked(worth_it([operation for _, operation in calls.made])):
        person = due()
        assert calls.dies(carried_out, "before", at)
        calls.reset()
        for _ in range(2):
            run(gateway, after=TOKENS_LIVE + A_MINUTE)
        assert about(cloud, person) == set()
        assert list(DueDeletionItem.query("DELETIONS")) == []
        assert person in gateway.services.erasure._erased.all()


def test_a_link_that_is_used_after_the_erasure_makes_no_row(gateway: Gateway) -> None:
    person, link = gateway.registered(), "a" * 26
    gateway.services.mailboxes.give_change_link(link, ChangeLink(person, 0), gateway.now)
    carry_out(gateway, person)
    gateway.services.change_links.deny(link, gateway.now)
    assert gateway.services.address_store.disputed(person) is None


def test_a_run_without_time_leaves_it_to_the_next(gateway: Gateway) -> None:
    ask(gateway, gateway.registered())
    gateway.now += young(gateway) + A_MINUTE
    assert gateway.services.erasure.run(gateway.now, ONE_PERSON_S - 1, lambda: 0) is False


def test_one_who_cannot_be_erased_holds_up_nobody_else(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = gateway.registered(), gateway.registered()
    ask(gateway, first)
    ask(gateway, second)
    erasure = gateway.services.erasure
    assert run(gateway, after=young(gateway) + A_MINUTE)
    erase = erasure.erase

    def fails(person: str, now: Any) -> None:
        if person == first:
            raise ValueError("a damaged row")
        erase(person, now)

    monkeypatch.setattr(erasure, "erase", fails)
    with pytest.raises(ExceptionGroup):
        run(gateway, after=TOKENS_LIVE + A_MINUTE)
    store = gateway.services.registration_store
    assert (store.registrant(first) is None, store.registrant(second) is None) == (False, True)


def test_one_who_cannot_be_erased_again_holds_up_nobody_else_and_fails_the_replay_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone, refused = list[str](), {"a"}
    nothing: Any = None
    listed: Any = SimpleNamespace(all=lambda _since=None, after="": (one for one in "abc" if one > after))
    again = Erasure({}, str, "", nothing, listed, nothing, nothing, nothing)

    def erase(person: str, _now: Any) -> None:
        if person in refused:
            raise TimeoutError
        gone.append(person)

    monkeypatch.setattr(again, "erase", erase)
    monkeypatch.setattr(erasure, "_PAGE", 1)
    monkeypatch.setattr(erasure.dynamodb, "every_row", lambda *_: ())
    [first] = again.replay_again(Errand("1", "everybody", {}, T0), T0, 0)
    assert first.after == "a"
    with pytest.raises(NotErased):
        for last in again.replay_again(first, T0, 880):
            assert last.found["failed"] == 1, "also in the runs after the one that failed"
    assert (gone, last.after) == (["b", "c"], ""), "so --go-on begins anew"
    refused.clear()
    assert again.replay(T0) == Replayed(3)
