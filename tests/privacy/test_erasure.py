"""Deleting an account: told, cancelled, refused while something is under way; then nothing can be read back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from admin.commands import erasures
from admin.deployment import stages
from admin.desk import Desk
from bench import rights
from chalicelib.accounts.items import DueDeletionItem
from chalicelib.clock import utc_now
from chalicelib.config import Programme, Settings
from chalicelib.notices.rules import ChangeLink
from chalicelib.notices.rules import Kind as Kind_
from chalicelib.notices.store import NoticeItem
from chalicelib.payouts.plans import plan_rules
from chalicelib.payouts.rules import Kind, Move, State
from chalicelib.privacy import erasure
from chalicelib.privacy.erasure import ONE_PERSON_S, TOKENS_LIVE, WAITS, Replayed
from chalicelib.privacy.rules import register
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import BeneficiaryState, WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.commands import CALLER, Terminal
from tests.builders.crashes import SOME_OR_ALL, Calls, worth_it
from tests.builders.functions import Functions
from tests.builders.lives import FORM, SEALED, compared, live, rows, settled, young
from tests.builders.rights import rights_of
from tests.builders.waves import WAVE
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway, serving

A_MINUTE = timedelta(minutes=1)
STAYS = {kind for kind, kept in register().kept.items() if kept.stays}


@pytest.fixture
def gateway(cloud: Settings, programme: Programme) -> Iterator[Gateway]:
    with serving(cloud, programme) as gateway:
        yield gateway


def ask(gateway: Gateway, person: str) -> dict[str, Any]:
    return dict(gateway.ok(Call(routes.DELETE_ME, person=person)))


def refusal(gateway: Gateway, person: str) -> str:
    answer = gateway.send(Call(routes.DELETE_ME, person=person))
    assert (answer.status_code, answer.json_body["code"]) == (409, "not_deletable_yet")
    return str(answer.json_body["because"])


def run(gateway: Gateway, *, after: timedelta = timedelta()) -> bool:
    gateway.now += after
    with rights_of("erase_people"):
        return gateway.services.erasure.run(gateway.now, 800, lambda: 0)


def carry_out(gateway: Gateway, person: str) -> None:
    """All of it, from the request."""
    ask(gateway, person)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert run(gateway, after=TOKENS_LIVE + A_MINUTE)
    assert list(DueDeletionItem.query("DELETIONS")) == []


def told_of(person: str, kind: str) -> list[dict[str, Any]]:
    return [dict(one.facts) for one in NoticeItem.query(f"N#{person}") if one.kind == kind]


def in_wave(gateway: Gateway, state: WaveState) -> None:
    WaveItem("WAVES", f"{WAVE:06d}").update([WaveItem.state.set(state)])
    gateway.services.waves._waves_kept = None


def snapshot(cloud: Settings) -> list[tuple[str, dict[str, Any]]]:
    return rows(cloud)


def restore(cloud: Settings, before: list[tuple[str, dict[str, Any]]], only: str = "") -> None:
    """What an administrator does with a restored table: every row that is missing is copied."""
    client = boto3.client("dynamodb", cloud.region)
    there = {(table, row["pk"]["S"], row["sk"]["S"]) for table, row in rows(cloud)}
    for table, row in before:
        if (table, row["pk"]["S"], row["sk"]["S"]) not in there and only in ("", table):
            client.put_item(TableName=cloud.table(table), Item=row)


def about(cloud: Settings, person: str) -> set[str]:
    """The kinds of rows that are left about a person, as the register names them."""
    found = set()
    for table, row in rows(cloud):
        if person in str(row):
            kinds = [
                kind
                for kind, kept in register().kept.items()
                if kept.table == table and row["pk"]["S"].startswith(kept.key.partition("<")[0].rstrip())
            ]
            found.add(next((kind for kind in kinds if kind in STAYS), f"{table}: {row['pk']['S']} / {row['sk']['S']}"))
    return found


def secrets_of(before: list[tuple[str, dict[str, Any]]], person: str) -> set[str]:
    """What leads to a person: keyed hashes, wrapped keys, birth date and regency, as they were stored."""
    found = set[str]()
    for _, row in before:
        if person in row["pk"]["S"] or row.get("account_id", {}).get("S") == person:
            macs = ("kk_mac", "phone_mac", "name_mac", "account_mac")
            for name in ("wrapped_key", *macs, "birth_date", "regency", "answers"):
                found |= {str(next(iter(row[name].values())))} if name in row else set()
    return found


def test_a_deletion_is_told_and_cancelled_as_any_change(gateway: Gateway, cloud: Settings) -> None:
    person = gateway.registered()
    asked = ask(gateway, person)
    assert ask(gateway, person) == asked, "again is the same"
    assert asked["change"] == "account_deleted"
    [change] = gateway.ok(Call(routes.MY_CHANGES, person=person))["changes"]
    assert change == asked
    assert told_of(person, "account_deleting") == [{"takes_effect_at": asked["takes_effect_at"], "reason": "asked"}]

    assert run(gateway), "not due yet"
    gateway.ok(Call(routes.CANCEL_CHANGE, person=person).at(asked["change_id"]))
    before = snapshot(cloud)
    for _ in range(2):
        assert run(gateway, after=young(gateway) + A_MINUTE)
    assert [row for _, row in rows(cloud)] == [row for _, row in before if row["pk"]["S"] != "DELETIONS"]
    assert ask(gateway, person)["change_id"] != asked["change_id"], "it may be asked for anew"


def test_the_link_of_the_notice_cancels_it_too(gateway: Gateway) -> None:
    person = gateway.registered()
    asked = ask(gateway, person)
    gateway.services.deny_change(person, asked["change_id"], gateway.now)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert gateway.services.registrations.registrant(person).id == person


def test_nobody_is_deleted_while_something_is_under_way(gateway: Gateway) -> None:
    person, payout = gateway.being_paid()
    services = gateway.services
    assert refusal(gateway, person) == "payment"
    services.payout_store.move(services.payout_store.get(payout), Move(State.PAID, "succeeded"), gateway.now)
    assert refusal(gateway, person) == "reconciliation"
    compared(gateway)
    assert ask(gateway, person)["change"] == "account_deleted"


def test_months_to_come_are_under_way(gateway: Gateway) -> None:
    services = gateway.services
    monthly = next(each for each in services.programme.schemes if plan_rules.is_monthly(each))
    chosen = gateway.chosen(scheme=monthly.version)
    with services.transaction() as tx:
        payout = services.payouts.entitle(tx, chosen, Kind.INCENTIVE, gateway.now)
    ledger = services.payout_store
    ledger.move(ledger.get(payout), Move(State.CANCELLED, "given up"), gateway.now)
    assert refusal(gateway, chosen.registrant_id) == "instalments"
    services.plans.stop(chosen, plan_rules.Stop.DROPPED_OUT, gateway.now)
    ask(gateway, chosen.registrant_id)


def test_a_deletion_ends_if_a_draw_came_up_and_may_be_asked_for_after_it(gateway: Gateway) -> None:
    person = gateway.registered()
    gateway.ok(Call(routes.JOIN, person=person))
    ask(gateway, person)
    in_wave(gateway, WaveState.FROZEN)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert list(DueDeletionItem.query("DELETIONS")) == []
    assert told_of(person, "account_kept") == [{"reason": "selection"}]
    assert gateway.ok(Call(routes.MY_CHANGES, person=person))["changes"] == []
    assert refusal(gateway, person) == "selection"
    in_wave(gateway, WaveState.SETTLED)
    carry_out(gateway, person)
    assert gateway.services.registration_store.registrant(person) is None


def test_a_deletion_ends_if_a_payment_came_up(gateway: Gateway) -> None:
    chosen = gateway.chosen()
    person = chosen.registrant_id
    services = gateway.services
    ask(gateway, person)
    with services.transaction() as tx:
        services.payouts.entitle(tx, chosen, Kind.INCENTIVE, gateway.now)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert told_of(person, "account_kept") == [{"reason": "payment"}]
    for _ in range(2):
        assert run(gateway, after=young(gateway) + A_MINUTE)
    assert services.registrations.registrant(person).id == person


def test_nobody_whose_account_is_closed_is_chosen(gateway: Gateway) -> None:
    person = gateway.registered()
    gateway.ok(Call(routes.JOIN, person=person))
    ask(gateway, person)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    in_wave(gateway, WaveState.CLOSED)
    assert run(gateway, after=TOKENS_LIVE + A_MINUTE), "waits for the draw"
    assert gateway.services.registrations.registrant(person).consent_withdrawn_at is not None
    in_wave(gateway, WaveState.SETTLED)
    assert gateway.services.deletions.counted(gateway.now) == (1, 1)
    assert list(gateway.services.deletions.due(gateway.now)) == [], "it holds up nobody for some hours"
    assert run(gateway, after=WAITS + A_MINUTE)
    assert gateway.services.registration_store.registrant(person) is None
    assert gateway.services.deletions.counted(gateway.now) == (0, 0)


def test_a_deletion_that_is_due_is_given_to_whoever_asks_again(gateway: Gateway) -> None:
    person = gateway.registered()
    asked = ask(gateway, person)
    gateway.now += young(gateway) + A_MINUTE
    assert ask(gateway, person) == asked


def test_nobody_signs_in_from_the_first_step_on(gateway: Gateway) -> None:
    person = gateway.registered()
    ask(gateway, person)
    call = Call(routes.CONTACTS, person=person)
    gateway.ok(call)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert gateway.send(call).json_body["code"] == "session_expired"
    assert run(gateway, after=A_MINUTE), "a token may still live"
    assert gateway.services.registrations.registrant(person).id == person


def test_nothing_that_is_stored_can_be_read_back_after_a_restore(
    gateway: Gateway, cloud: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    person = live(gateway)
    settled(gateway, person)
    before = snapshot(cloud)
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
    before = snapshot(cloud)
    for person in people:
        carry_out(gateway, person)
    restore(cloud, before)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(name="test", services=gateway.services))
    monkeypatch.setattr(stages, "caller", lambda: CALLER)

    begun, hourly = list[str](), count()

    def again(detail: Any) -> Any:
        if next(hourly) % 3 == 0:
            raise Functions.exceptions.TooManyRequestsException
        begun.append(detail["replay"]["after"])
        return gateway.services.erasure.replay_for_a_while(detail["replay"], gateway.now)

    monkeypatch.setattr(Desk, "client", lambda *_: Functions(erase_people=again))
    monkeypatch.setattr(erasures, "_PAUSE_S", 0)
    monkeypatch.setattr("admin.desk.STEPS_S", -1)  # who is waited for is asked again in the next request
    monkeypatch.setattr(erasure, "_REPLAY_S", -1)  # each step does one thing
    monkeypatch.setattr(erasure, "_PAGE", 1)
    monkeypatch.setattr(erasure, "_SEGMENTS", 2)
    later = (utc_now() + timedelta(hours=2)).isoformat()
    words = ("replay", "--reason", "a table was restored")
    assert Terminal("erasures").found(*words, "--restored-to", later) == {"erased": 0}
    assert [about(cloud, person) == set() for person in people] == [False, False]
    begun.clear()
    assert Terminal("erasures").found(*words) == {"erased": 2}
    assert begun[:4] == ["!", *sorted(people), "#1"]
    assert len(begun) == len(set(begun)), "no step is lost or taken again where the hourly run came between"
    assert [about(cloud, person) for person in people] == [set(), set()]


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
    services.notices.tell(person, Kind_.REVOKED, "revoked/53", {"wave": 53})
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
    names = ["calls", "KMS", "S3", "read units", "write units", "index units"]
    assert {name: [row[one] for one in names] for name, row in rights.costs(gateway).items()} == {
        "GET /me/data, registered": [22, 2, 0, 37, 0, 0],
        "an erasure, registered": [46, 0, 1, 44, 11, 3],
        "GET /me/data, everything": [32, 5, 0, 55, 0, 0],
        "an erasure, everything": [107, 2, 1, 77, 61, 12],
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
