"""Adding, removing and moving contacts. Changes of a young session wait, are told, and can be cancelled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.accounts.errors import CodeUsed, ContactTaken, LastContact, TooManyContacts, WrongCode
from chalicelib.accounts.rules import CONTACTS_MAX
from chalicelib.accounts.sessions.rules import Account, Session
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from tests.builders.accounts.contacts import EMAIL, OTHER_EMAIL, PHONE, WAIT, Household, masked
from tests.builders.crashes import SOME_OR_ALL, Calls, worth_it

THIEF = "thief@example.com"
YOUNG = timedelta(hours=71)
STALE = timedelta(days=61)


@pytest.fixture
def house(cloud: Settings, strict_programme: Programme) -> Household:
    return Household(cloud, strict_programme)


def test_an_old_session_adds_a_contact_at_once_and_both_contacts_sign_in(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    view = house.add(house.session(siti), PHONE)
    assert (view.contact, view.signs_in_from, view.signs_in_until) == (masked(PHONE), None, None)
    assert house.owner(PHONE) == house.owner(EMAIL) == siti.id
    assert house.contacts(siti) == {masked(EMAIL), masked(PHONE)}
    assert house.pending(siti) == []
    assert house.told(siti) == ['account_changed {"change":"contact_added"}']
    house.consistent(siti)


def test_a_young_session_adds_a_contact_that_signs_in_three_days_later(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    view = house.add(house.session(siti, YOUNG), PHONE)
    assert view.signs_in_from == house.now + WAIT
    assert house.owner(PHONE) is None
    [change] = house.pending(siti)
    assert (change.change, change.subject, change.takes_effect_at) == (
        "contact_added",
        view.contact_id,
        house.now + WAIT,
    )
    assert [line.partition(" ")[0] for line in house.told(siti)] == ["account_changing"]
    house.now += WAIT - timedelta(seconds=1)
    assert house.owner(PHONE) is None
    house.now += timedelta(seconds=1)
    assert house.owner(PHONE) == siti.id
    assert house.pending(siti) == []
    house.consistent(siti)
    assert [one.id for one in house.services.changes.recent(siti.id, house.now)] == [change.change_id]
    house.now += timedelta(days=30)
    assert house.services.changes.recent(siti.id, house.now) == []


def test_a_contact_is_removed_at_once_by_an_old_session_and_later_by_a_young_one(house: Household) -> None:
    siti = house.account("siti", EMAIL, PHONE, OTHER_EMAIL)
    assert house.remove(house.session(siti), PHONE).signs_in_until == house.now
    assert house.owner(PHONE) is None
    assert house.remove(house.session(siti, YOUNG), OTHER_EMAIL).signs_in_until == house.now + WAIT
    assert house.owner(OTHER_EMAIL) == siti.id
    house.now += WAIT
    assert house.owner(OTHER_EMAIL) is None
    assert house.contacts(siti) == {masked(EMAIL)}
    house.consistent(siti)


def test_a_removed_contact_is_told_too(house: Household) -> None:
    siti = house.account("siti", EMAIL, PHONE)
    house.remove(house.session(siti), PHONE)
    reach = house.services.directory.contacts(siti.id, house.now)
    assert reach is not None
    assert {one.value for one in reach.contacts.values()} == {EMAIL, PHONE}
    later = house.services.directory.contacts(siti.id, house.now + timedelta(hours=1))
    assert later is not None
    assert {one.value for one in later.contacts.values()} == {EMAIL}


def test_a_waiting_contact_is_not_told_so_that_a_thief_gets_no_link(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    house.add(house.session(siti, YOUNG), THIEF)
    reach = house.services.directory.contacts(siti.id, house.now)
    assert reach is not None
    assert {one.value for one in reach.contacts.values()} == {EMAIL}


def test_the_last_contact_cannot_be_removed(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    session = house.session(siti)
    with pytest.raises(LastContact):
        house.remove(session, EMAIL)
    house.add(session, PHONE)
    house.remove(session, EMAIL)
    with pytest.raises(LastContact):
        house.remove(session, PHONE)
    assert house.owner(PHONE) == siti.id


def test_a_thief_with_a_young_session_cannot_lock_the_owner_out(house: Household) -> None:
    """The thief adds a contact and removes the owner's; the owner has three days to cancel both."""
    siti = house.account("siti", EMAIL, PHONE)
    owners, thiefs = house.session(siti), house.session(siti, timedelta())
    house.add(thiefs, THIEF)
    house.remove(thiefs, PHONE)
    with pytest.raises(LastContact):
        house.remove(thiefs, EMAIL)
    assert {house.owner(EMAIL), house.owner(PHONE), house.owner(THIEF)} == {siti.id, None}
    for change in house.pending(siti):
        house.services.changes.cancel(owners.account_id, change.change_id, house.now)
    house.now += 2 * WAIT
    assert house.owner(EMAIL) == house.owner(PHONE) == siti.id
    assert house.owner(THIEF) is None
    assert house.contacts(siti) == {masked(EMAIL), masked(PHONE)}
    house.consistent(siti)


def test_denying_a_change_by_a_link_cancels_it_and_signs_the_thief_out(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    thiefs = house.session(siti, timedelta())
    house.add(thiefs, THIEF)
    [change] = house.pending(siti)
    house.services.deny_change(siti.id, change.change_id, house.now)
    house.services.deny_change(siti.id, change.change_id, house.now)
    assert house.pending(siti) == []
    session = house.store.session(siti.id, thiefs.id)
    assert session is not None
    assert session.ended_at == house.now
    house.now += WAIT
    assert house.owner(THIEF) is None


def test_denying_a_change_that_took_effect_signs_its_session_out(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    stolen = house.session(siti)
    house.add(stolen, PHONE)
    [event] = [row["sk"]["S"] for row in rows_of(house, siti)]
    change_id = event.rpartition("/")[2]
    with pytest.raises(NotFound):
        house.services.changes.cancel(siti.id, change_id, house.now)
    house.services.deny_change(siti.id, change_id, house.now)
    session = house.store.session(siti.id, stolen.id)
    assert session is not None
    assert session.ended_at == house.now
    assert house.owner(PHONE) == siti.id, "it is the owner's word against the owner's: staff look at it"


def rows_of(house: Household, account: Account) -> list[dict]:
    import boto3

    rows = boto3.client("dynamodb", house.settings.region).scan(TableName=house.settings.table("notices"))["Items"]
    return [row for row in rows if row["pk"]["S"] == f"N#{account.id}"]


def test_a_change_is_not_cancelled_by_another_account_nor_twice(house: Household) -> None:
    siti, budi = house.account("siti", EMAIL), house.account("budi", OTHER_EMAIL)
    house.add(house.session(siti, YOUNG), PHONE)
    [change] = house.pending(siti)
    with pytest.raises(NotFound):
        house.services.changes.cancel(budi.id, change.change_id, house.now)
    house.services.changes.cancel(siti.id, change.change_id, house.now)
    with pytest.raises(NotFound):
        house.services.changes.cancel(siti.id, change.change_id, house.now)
    house.add(house.session(budi), PHONE)
    assert house.owner(PHONE) == budi.id, "it is free again"


def test_somebody_elses_contact_is_refused_only_after_its_code(house: Household) -> None:
    siti, budi = house.account("siti", EMAIL), house.account("budi", PHONE)
    session, form = house.session(siti), house.form(PHONE)
    wrong = type(form)(code=type(form.code)(**{**_fields(form.code), "code": "000000"}))
    if form.code.code != "000000":
        with pytest.raises(WrongCode):
            house.services.contacts.add(session, wrong, house.now)
    with pytest.raises(ContactTaken):
        house.services.contacts.add(session, form, house.now)
    assert house.owner(PHONE) == budi.id
    assert house.told(siti) == house.told(budi) == []


def _fields(struct: object) -> dict[str, str]:
    return {name: getattr(struct, name) for name in ("sign_in_id", "secret", "code")}


def test_a_removed_contact_can_be_added_to_another_account(house: Household) -> None:
    siti, budi = house.account("siti", EMAIL, PHONE), house.account("budi", OTHER_EMAIL)
    house.remove(house.session(siti), PHONE)
    house.add(house.session(budi), PHONE)
    assert house.owner(PHONE) == budi.id
    house.remove(house.session(budi), PHONE)
    house.add(house.session(siti), PHONE)
    assert house.owner(PHONE) == siti.id
    house.consistent(siti, budi)
    assert house.contacts(siti) == {masked(EMAIL), masked(PHONE)}
    assert house.contacts(budi) == {masked(OTHER_EMAIL)}


def test_a_contact_removed_with_a_wait_is_free_only_after_it(house: Household) -> None:
    siti, budi = house.account("siti", EMAIL, PHONE), house.account("budi", OTHER_EMAIL)
    house.remove(house.session(siti, YOUNG), PHONE)
    with pytest.raises(ContactTaken):
        house.add(house.session(budi), PHONE)
    house.now += WAIT
    house.add(house.session(budi), PHONE)
    assert house.owner(PHONE) == budi.id
    house.consistent(siti, budi)


def test_only_a_resold_number_can_be_added_while_another_account_has_it(house: Household) -> None:
    siti = house.account("siti", EMAIL, PHONE, proved=STALE)
    budi = house.account("budi", OTHER_EMAIL)
    session = house.session(budi)
    with pytest.raises(ContactTaken):
        house.add(session, PHONE)
    with pytest.raises(ContactTaken):
        house.add(session, EMAIL, fresh=True)
    house.add(session, PHONE, fresh=True)
    assert (house.owner(PHONE), house.owner(EMAIL)) == (budi.id, siti.id)
    assert house.told(siti) == ['account_changed {"change":"contact_removed"}']
    house.consistent(siti, budi)


def test_a_recently_proved_number_is_never_taken(house: Household) -> None:
    house.account("siti", EMAIL, PHONE)
    budi = house.account("budi", OTHER_EMAIL)
    with pytest.raises(ContactTaken):
        house.add(house.session(budi), PHONE, fresh=True)


def test_a_contact_that_waits_in_another_account_can_be_taken_with_fresh(house: Household) -> None:
    thief, siti = house.account("thief", THIEF), house.account("siti", EMAIL)
    house.add(house.session(thief, YOUNG), PHONE)
    with pytest.raises(ContactTaken):
        house.add(house.session(siti), PHONE)
    house.add(house.session(siti), PHONE, fresh=True)
    [change] = house.pending(thief)
    house.services.changes.cancel(thief.id, change.change_id, house.now)
    house.now += WAIT
    assert house.owner(PHONE) == siti.id
    house.consistent(thief, siti)


def test_removing_and_adding_again(house: Household) -> None:
    siti = house.account("siti", EMAIL, PHONE)
    session = house.session(siti)
    for _ in range(3):
        house.remove(session, PHONE)
        with pytest.raises(NotFound):
            house.remove(session, PHONE)
        house.add(session, PHONE)
        house.later(3600)
    assert house.owner(PHONE) == siti.id
    account = house.store.account(siti.id)
    assert account is not None
    assert len(account.contacts) == 2
    house.consistent(siti)


def test_a_waiting_contact_is_removed_at_once(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    young = house.session(siti, YOUNG)
    house.add(young, PHONE)
    house.remove(young, PHONE)
    assert house.pending(siti) == []
    house.add(young, PHONE)
    house.now += WAIT
    assert house.owner(PHONE) == siti.id


def test_the_same_code_again_gives_the_same_answer_and_adds_nothing_elsewhere(house: Household) -> None:
    siti, budi = house.account("siti", EMAIL), house.account("budi", OTHER_EMAIL)
    session, form = house.session(siti), house.form(PHONE)
    first, new = house.services.contacts.add(session, form, house.now)
    again, renewed = house.services.contacts.add(session, form, house.now)
    assert (first, new, renewed) == (again, True, False)
    with pytest.raises(ContactTaken):
        house.services.contacts.add(house.session(budi), form, house.now)
    house.remove(session, PHONE)
    with pytest.raises(CodeUsed):
        house.services.contacts.add(session, form, house.now)
    assert len(house.told(siti)) == 2


def test_an_account_has_at_most_five_contacts(house: Household) -> None:
    siti = house.account("siti", EMAIL)
    session = house.session(siti)
    for number in range(CONTACTS_MAX - 1):
        house.add(session, f"+62812345678{number:02d}")
    with pytest.raises(TooManyContacts):
        house.add(session, OTHER_EMAIL)
    house.remove(session, EMAIL)
    house.add(session, OTHER_EMAIL)


def added(house: Household, session: Session) -> Callable[[], object]:
    form = house.form(PHONE)
    return lambda: house.services.contacts.add(session, form, house.now)


def removed(house: Household, session: Session) -> Callable[[], object]:
    return lambda: house.remove(session, OTHER_EMAIL)


def taken(house: Household, session: Session) -> Callable[[], object]:
    form = house.form(THIEF, fresh=True)
    house.add(house.session(house.account("budi", "budi@example.org"), YOUNG), THIEF)
    return lambda: house.services.contacts.add(session, form, house.now)


def cancelled(house: Household, session: Session) -> Callable[[], object]:
    house.add(house.session(Account(session.account_id, b"", "id", house.now, ()), YOUNG), PHONE)
    [change] = house.services.changes.pending(session.account_id, house.now)
    return lambda: house.services.changes.cancel(session.account_id, change.id, house.now)


@pytest.mark.parametrize("act", [added, removed, taken, cancelled])
@SOME_OR_ALL
def test_a_request_that_died_at_any_call_takes_effect_once_when_repeated(
    house: Household, monkeypatch: pytest.MonkeyPatch, act: Callable[..., Callable[[], object]], picked: Callable
) -> None:
    siti = house.account("siti", EMAIL, OTHER_EMAIL)
    session, calls = house.session(siti), Calls(monkeypatch)
    run = act(house, session)
    calls.reset()
    run()
    operations = [operation for _, operation in calls.made]
    after = state(house, siti)
    for number in picked(worth_it(operations)):
        for where in ("before", "after"):
            undo(house)
            siti = house.account("siti", EMAIL, OTHER_EMAIL)
            session = house.session(siti)
            run = act(house, session)
            assert calls.dies(run, where, number)
            try:
                run()
            except NotFound:
                assert act in {removed, cancelled}, "it was done when it died"
            assert state(house, siti) == after
            house.consistent(siti)


def state(house: Household, account: Account) -> tuple[set[str], set[str | None], list[str]]:
    owners = {contact for contact in (EMAIL, OTHER_EMAIL, PHONE, THIEF) if house.owner(contact) == account.id}
    return house.contacts(account), owners, house.told(account)


def undo(house: Household) -> None:
    """Everything that was written is gone."""
    import boto3

    client = boto3.client("dynamodb", house.settings.region)
    for table in ("accounts", "notices", "sign-ins"):
        name = house.settings.table(table)
        for row in client.scan(TableName=name)["Items"]:
            client.delete_item(TableName=name, Key={key: row[key] for key in ("pk", "sk")})


def test_two_devices_at_once_do_not_undo_each_others_changes(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    siti = house.account("siti", EMAIL, PHONE)
    one, other, calls = house.session(siti), house.session(siti), Calls(monkeypatch)
    form = house.form(OTHER_EMAIL)
    calls.reset()
    house.services.contacts.add(one, form, house.now)
    [written] = [number for number, (_, operation) in enumerate(calls.made) if operation == "TransactWriteItems"]
    house.remove(one, OTHER_EMAIL)
    form = house.form(OTHER_EMAIL)
    calls.reset()
    calls.before[written] = lambda: house.remove(other, PHONE)
    house.services.contacts.add(one, form, house.now)
    assert house.contacts(siti) == {masked(EMAIL), masked(OTHER_EMAIL)}
    house.consistent(siti)


def test_one_of_two_simultaneous_removals_is_refused(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    siti = house.account("siti", EMAIL, PHONE)
    one, other, calls = house.session(siti), house.session(siti), Calls(monkeypatch)
    number = house.id_of(siti.id, PHONE)
    calls.reset()
    calls.before[2] = lambda: house.remove(other, EMAIL)
    with pytest.raises(LastContact):
        house.services.contacts.remove(one, number, house.now)
    assert house.contacts(siti) == {masked(PHONE)}


def test_no_contact_is_logged_or_shown(house: Household, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "chalicelib")
    siti = house.account("siti", EMAIL)
    house.add(house.session(siti), PHONE)
    house.remove(house.session(siti), PHONE)
    said = str([vars(record) for record in caplog.records]) + str(house.told(siti)) + str(rows_of(house, siti))
    assert EMAIL not in said
    assert PHONE not in said
