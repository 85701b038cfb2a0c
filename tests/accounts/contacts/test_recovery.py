"""Recovery of an account by two administrators and a week; any use of the account ends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from click.testing import Result

from admin.commands import account as commands
from admin.deployment import stages
from chalicelib.accounts.contacts.contact import parse_contact
from chalicelib.accounts.errors import ContactTaken, NoRecovery, NotOneContact, RecoveryBySamePerson, RecoveryStands
from chalicelib.accounts.rules import Recovery, RecoveryState, is_barred
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from tests.builders.accounts.contacts import EMAIL, OTHER_EMAIL, PHONE, WAIT, Household, masked
from tests.builders.commands import invoke
from tests.builders.crashes import SOME_OR_ALL, Calls, worth_it
from tests.builders.registration import SITI

ANI = "arn:aws:iam::123456789012:user/ani@example.go.id"
ANI_ELSEWHERE = "arn:aws:sts::123456789012:assumed-role/checker/Ani@example.go.id"
BUDI = "arn:aws:iam::123456789012:user/budi@example.go.id"
WEEK = timedelta(days=7)
NEW = "siti.baru@example.org"
SEEN = "KTP and family card, on video"


class Desk:
    """Siti lost her mailbox and her phone, and signed up anew."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        self.house = Household(settings, programme)
        self.recoveries = self.house.services.recoveries
        self.lost = self.house.account("siti", EMAIL, PHONE)
        self.old_session = self.house.session(self.lost)
        self.new = self.house.account("new", NEW)

    def propose(self, by: str = ANI) -> Recovery:
        return self.recoveries.propose(self.lost.id, self.new.id, by, SEEN, self.house.now)

    def approved(self) -> Recovery:
        return self.recoveries.approve(self.lost.id, BUDI, self.house.now, self.propose())

    def state(self) -> RecoveryState:
        recovery = self.recoveries.get(self.lost.id)
        assert recovery is not None
        return recovery.state

    def sign_in(self, contact: str = NEW) -> bool:
        """What a sign-in by the new contact does first."""
        parsed = parse_contact(contact)
        mac = self.house.mac(contact)
        guard = self.house.store.guard(mac)
        assert guard is not None
        return self.recoveries.taken_up(parsed, mac, guard, self.house.now)


@pytest.fixture
def desk(cloud: Settings, strict_programme: Programme) -> Desk:
    return Desk(cloud, strict_programme)


def test_after_two_administrators_and_a_week_the_new_contact_has_the_account(desk: Desk) -> None:
    house, began = desk.house, desk.house.now
    desk.approved()
    assert house.told(desk.lost)[-1].startswith("recovery_begun ")
    house.now = began + WEEK - timedelta(seconds=1)
    assert not desk.sign_in()
    assert (house.owner(NEW), house.owner(EMAIL)) == (desk.new.id, desk.lost.id)
    house.now = began + WEEK
    assert desk.sign_in()
    assert desk.state() is RecoveryState.DONE
    assert house.owner(NEW) == desk.lost.id
    assert house.owner(EMAIL) is house.owner(PHONE) is None
    assert house.told(desk.lost)[-1] == 'account_changed {"change":"recovered"}'
    assert is_barred(desk.old_session.started_at, desk.recoveries.get(desk.lost.id))
    assert not is_barred(house.now, desk.recoveries.get(desk.lost.id))
    assert not desk.sign_in(), "there is nothing more to take up"
    house.consistent(desk.lost, desk.new)
    shown = house.services.contacts.of(desk.lost.id, house.now).contacts
    assert [one.contact for one in shown] == ["s•••@example.org"]


def test_old_contacts_are_told_when_a_recovery_begins_and_ends(desk: Desk) -> None:
    desk.approved()
    directory = desk.house.services.directory
    for _ in ("begun", "done"):
        reach = directory.contacts(desk.lost.id, desk.house.now)
        assert reach is not None
        assert {EMAIL, PHONE} <= {one.value for one in reach.contacts.values()}
        desk.house.now += WEEK
        desk.sign_in()


def test_a_recovery_needs_two_people_and_the_state_that_was_shown(desk: Desk) -> None:
    proposed = desk.propose()
    for same in (ANI, ANI_ELSEWHERE):
        with pytest.raises(RecoveryBySamePerson):
            desk.recoveries.approve(desk.lost.id, same, desk.house.now, proposed)
    with pytest.raises(RecoveryStands):
        desk.propose(BUDI)
    desk.recoveries.cancel(desk.lost.id, BUDI, "no documents", desk.house.now)
    again = desk.propose()
    with pytest.raises(NoRecovery):
        desk.recoveries.approve(desk.lost.id, BUDI, desk.house.now, proposed)
    desk.recoveries.approve(desk.lost.id, BUDI, desk.house.now, again)
    for act in (lambda: desk.recoveries.approve(desk.lost.id, BUDI, desk.house.now, again), desk.propose):
        with pytest.raises((NoRecovery, RecoveryStands)):
            act()


def test_nobody_is_told_of_a_mere_proposal(desk: Desk) -> None:
    desk.propose()
    desk.recoveries.used(desk.lost.id)
    assert desk.state() is RecoveryState.PROPOSED, "its use says nothing yet"
    desk.recoveries.cancel(desk.lost.id, ANI, "a mistake", desk.house.now)
    assert desk.house.told(desk.lost) == desk.house.told(desk.new) == []


ENDS: dict[str, Callable[[Desk], object]] = {
    "an old contact or session is used": lambda desk: desk.recoveries.used(desk.lost.id),
    "an old contact denies it": lambda desk: desk.house.services.deny_change(
        desk.lost.id, str(getattr(desk.recoveries.get(desk.lost.id), "id", "")), desk.house.now
    ),
    "an administrator cancels it": lambda desk: desk.recoveries.cancel(desk.lost.id, ANI, "x", desk.house.now),
}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("how", ENDS)
def test_an_ended_recovery_never_continues_and_both_accounts_are_told(desk: Desk, how: str, late: bool) -> None:
    desk.approved()
    if late:
        desk.house.now += 2 * WEEK
    ENDS[how](desk)
    assert desk.state() is RecoveryState.ENDED
    for account in (desk.lost, desk.new):
        assert [line for line in desk.house.told(account) if "ended" in line] == ["recovery_ended {}"]
    desk.house.now += WEEK
    assert not desk.sign_in()
    assert (desk.house.owner(NEW), desk.house.owner(EMAIL)) == (desk.new.id, desk.lost.id)
    desk.recoveries.used(desk.lost.id)
    assert not is_barred(desk.old_session.started_at, desk.recoveries.get(desk.lost.id))
    desk.house.consistent(desk.lost, desk.new)


def test_a_second_recovery_revives_no_session_that_the_first_ended(desk: Desk) -> None:
    desk.approved()
    desk.house.now += WEEK
    assert desk.sign_in()
    done_at = desk.house.now
    newest = desk.house.account("newest", OTHER_EMAIL)
    proposed = desk.recoveries.propose(desk.lost.id, newest.id, ANI, SEEN, desk.house.now)
    assert is_barred(desk.old_session.started_at, proposed)
    desk.recoveries.approve(desk.lost.id, BUDI, desk.house.now, proposed)
    desk.recoveries.used(desk.lost.id)
    ended = desk.recoveries.get(desk.lost.id)
    assert ended is not None
    assert (ended.state, ended.barred_before) == (RecoveryState.ENDED, done_at)


def test_these_recoveries_are_refused(desk: Desk) -> None:
    both = desk.house.account("both", OTHER_EMAIL, "+6281111111111")
    waiting = desk.house.account("waiting")
    for lost, new, refusal in [
        (desk.lost.id, desk.lost.id, NotOneContact),
        (desk.new.id, desk.new.id, NotFound),
        ("nobody", desk.new.id, NotFound),
        (desk.lost.id, "nobody", NotFound),
        (desk.lost.id, both.id, NotOneContact),
        (desk.lost.id, waiting.id, NotOneContact),
    ]:
        with pytest.raises(refusal):
            desk.recoveries.propose(lost, new, ANI, SEEN, desk.house.now)


def test_a_contact_removed_from_the_new_account_recovers_nothing(desk: Desk) -> None:
    proposed = desk.propose()
    session = desk.house.session(desk.new)
    desk.house.add(session, OTHER_EMAIL)
    desk.house.remove(session, NEW)
    with pytest.raises(ContactTaken):
        desk.recoveries.approve(desk.lost.id, BUDI, desk.house.now, proposed)


def test_if_owner_and_new_contact_act_at_once_only_one_gets_the_account(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.approved()
    desk.house.now += WEEK
    calls = Calls(monkeypatch)
    calls.before[3] = lambda: desk.recoveries.used(desk.lost.id)
    assert desk.sign_in(), "somebody was first: it looks again"
    assert not desk.sign_in()
    assert desk.state() is RecoveryState.ENDED
    assert desk.house.owner(NEW) == desk.new.id
    desk.house.consistent(desk.lost, desk.new)


def proposing(desk: Desk) -> Callable[[], object]:
    return desk.propose


def approving(desk: Desk) -> Callable[[], object]:
    proposed = desk.propose()
    return lambda: desk.recoveries.approve(desk.lost.id, BUDI, desk.house.now, proposed)


def completing(desk: Desk) -> Callable[[], object]:
    desk.approved()
    desk.house.now += WEEK
    return desk.sign_in


def using(desk: Desk) -> Callable[[], object]:
    desk.approved()
    return lambda: desk.recoveries.used(desk.lost.id)


@pytest.mark.parametrize("step", [proposing, approving, completing, using])
@SOME_OR_ALL
def test_a_request_that_died_at_any_call_takes_effect_once_when_repeated(
    cloud: Settings,
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    step: Callable[[Desk], Callable[[], object]],
    picked: Callable[[list[int]], list[int]],
) -> None:
    calls = Calls(monkeypatch)
    run = step(desk)
    calls.reset()
    run()
    operations, programme = [operation for _, operation in calls.made], desk.house.services.programme
    after = seen(desk)
    for number in picked(worth_it(operations)):
        for where in ("before", "after"):
            empty(desk.house)
            desk = Desk(cloud, programme)
            run = step(desk)
            assert calls.dies(run, where, number)
            try:
                run()
            except (NoRecovery, RecoveryStands):
                assert step in {proposing, approving}, "it was done when it died"
            assert seen(desk) == after
            desk.house.consistent(desk.lost, desk.new)


def seen(desk: Desk) -> tuple[object, ...]:
    house = desk.house
    owners = [house.owner(contact) for contact in (EMAIL, PHONE, NEW)]
    kinds = [[line.partition(" ")[0] for line in house.told(one)] for one in (desk.lost, desk.new)]
    return (
        desk.state(),
        owners,
        kinds,
        [act.deed for act in desk.recoveries._journal.all() if act.about == desk.lost.id],
    )


def empty(house: Household) -> None:
    import boto3

    client = boto3.client("dynamodb", house.settings.region)
    for table in ("accounts", "notices"):
        name = house.settings.table(table)
        for row in client.scan(TableName=name)["Items"]:
            client.delete_item(TableName=name, Key={key: row[key] for key in ("pk", "sk")})


class Line:
    """The command line, by whom a test says."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk, self.by = desk, ANI
        monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=desk.house.services))
        monkeypatch.setattr(stages, "caller", lambda: self.by)
        monkeypatch.setattr(commands, "utc_now", lambda: desk.house.now)

    def run(self, *arguments: str, given: str | None = None) -> Result:
        return invoke(["account", *arguments, "--stage", "test"], input=given)

    def told(self, *arguments: str, given: str | None = None) -> str:
        result = self.run(*arguments, given=given)
        assert result.exit_code == 0, result.output
        return result.output


def test_the_commands_show_the_proposal_and_all_acts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    line, (lost, new) = Line(desk, monkeypatch), (desk.lost.id, desk.new.id)
    assert "never recovered" in line.told("recover", "show", lost)
    assert f"(no_recovery account_id={lost})" in line.run("recover", "approve", lost).output
    nobody = line.run("show", "nobody", "--reason", "x").output
    assert "Error: There is nothing of this id. (not_found account_id=nobody); `gelombang person find`" in nobody
    for other in (lost, "nobody"):
        wrong = line.run("recover", "propose", lost, "--with", other, "--reason", SEEN)
        assert (wrong.exit_code, f"{other} is no other account" in wrong.output) == (2, True)
    proposed = line.told("recover", "propose", lost, "--with", new, "--reason", SEEN)
    assert f"with contact of  {new}" in proposed
    assert "(recovery_by_same_person)" in line.run("recover", "approve", lost, "--yes").output
    line.by = BUDI
    asked = line.run("recover", "approve", lost, given="n\n")
    assert asked.exit_code == 1
    masked = [
        one.contact for id_ in (lost, new) for one in desk.house.services.contacts.of(id_, desk.house.now).contacts
    ]
    assert len(masked) == 3
    assert all(one in asked.output for one in masked), "who approves sees whose account gets what"
    looks = {one.route: one.outcome for one in desk.house.services.journal.of_person(new)}
    assert looks == {"account recover propose": "done", "account recover approve": "asked"}
    assert desk.state() is RecoveryState.PROPOSED
    approved = line.told("recover", "approve", lost, given="y\n")
    assert "WAITING" in approved
    assert "ENDED" in line.told("recover", "cancel", lost, "--reason", "it was another person")
    shown = line.told("recover", "show", lost)
    for words in ("ENDED", "PROPOSE", "APPROVE", "CANCEL", lost, ANI, BUDI, SEEN):
        assert words in shown
    for secret in (EMAIL, PHONE, NEW):
        assert secret not in proposed + approved + shown


def test_the_desk_shows_an_account_masked_and_signs_every_device_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, house, lost = Line(desk, monkeypatch), desk.house, desk.lost
    for age in (WAIT, timedelta(hours=1)):
        house.session(lost, age)
    sessions, other = house.store.of(lost.id).sessions, house.session(desk.new)
    why = ("--reason", "phone stolen, police report seen")
    shown = line.told("show", lost.id, *why, "--json")
    found = json.loads(shown)
    assert found["contacts"] == [
        {"kind": "email", "contact": masked(EMAIL)},
        {"kind": "phone", "contact": masked(PHONE)},
    ]
    assert sorted(one["since"] for one in found["devices"]) == sorted(iso(one.started_at) for one in sessions)
    for secret in (EMAIL, PHONE, *(one.id for one in sessions)):
        assert secret not in shown
    assert json.loads(line.told("sign-out", lost.id, *why, "--json"))["devices"] == []
    assert [one.ended_at for one in house.store.of(lost.id).sessions] == [house.now] * len(sessions)
    assert [one.ended_at for one in house.store.of(desk.new.id).sessions if one.id == other.id] == [None]
    acts = json.loads(line.told("recover", "show", lost.id, "--json"))["acts"]
    assert {one["deed"] for one in acts} == {"SHOW", "SIGN_OUT"}
    assert {(one["by"], one["reason"]) for one in acts} == {(ANI, why[1])}
    for command in ("show", "sign-out"):
        assert line.run(command, lost.id).exit_code == 2, "a reason is needed"


def test_a_person_is_one_by_nik_and_birth_date(desk: Desk) -> None:
    services = desk.house.services
    services.register(desk.lost.id, SITI, desk.house.now)
    people = services.finding
    assert people.is_person(desk.lost.id, SITI.nik, SITI.birth_date)
    assert not people.is_person(desk.lost.id, SITI.nik, SITI.birth_date + timedelta(days=1))
    assert not people.is_person(desk.lost.id, "3174095708950009", SITI.birth_date)
    assert not people.is_person(desk.new.id, SITI.nik, SITI.birth_date)
